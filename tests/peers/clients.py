# python3-docker does a day's work by the engine of DOCKER_HOST and tells what it saw: clients.py FOLDER
import io, os, sys, tarfile, threading
import docker

work = sys.argv[1]
os.makedirs(work, exist_ok=True)
client = docker.from_env()


def refused(what, call, *args, **kw):
    try:
        call(*args, **kw)
        print(what, "was not refused")
    except docker.errors.DockerException as e:
        print(what, type(e).__name__, getattr(e, "status_code", ""))


def containers():
    print(client.containers.run("busybox", "echo hello", remove=True))
    print(client.containers.run("busybox", ["sh", "-c", "echo out; echo err >&2"], stdout=True, stderr=False, remove=True))
    refused("fails", client.containers.run, "busybox", ["sh", "-c", "exit 3"], remove=True)
    refused("no command", client.containers.run, "busybox", "no-such-command", remove=True)
    refused("no container", client.containers.get, "no-such")
    c = client.containers.run("busybox", "sleep 1000", name="py", detach=True, environment={"A": "1"}, labels={"by": "py"}, mem_limit="64m",
                              volumes={work: {"bind": "/work", "mode": "rw"}}, tmpfs={"/t": "size=1m"}, user="0", working_dir="/work", stop_signal="KILL")
    print(c.name, c.status, c.attrs["HostConfig"]["Memory"], c.labels)
    print([x.name for x in client.containers.list(filters={"label": "by=py"})])
    r = c.exec_run(["sh", "-c", "echo $A $B; pwd; exit 4"], environment={"B": "2"})
    print(r.exit_code, r.output)
    r = c.exec_run(["sh", "-c", "echo out; echo err >&2"], demux=True)
    print(r.exit_code, r.output)
    code, stream = c.exec_run(["sh", "-c", "for i in 1 2 3; do echo $i; done"], stream=True)
    print(code, b"".join(stream))
    print(c.exec_run("test -t 1", tty=True).exit_code)
    t = io.BytesIO()
    with tarfile.open(fileobj=t, mode="w") as tar:
        info = tarfile.TarInfo("put")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"abc"))
    print(c.put_archive("/tmp", t.getvalue()), c.exec_run("cat /tmp/put").output)
    bits, stat = c.get_archive("/etc/passwd")
    print(stat["name"], len(b"".join(bits)) > 512)
    s = c.stats(stream=False)
    print(s["memory_stats"]["limit"], sorted(s["networks"]))
    print(len(c.top()["Processes"]))
    c.pause(); c.reload(); print(c.status); c.unpause()
    c.update(mem_limit="80m", memswap_limit="160m"); c.reload(); print(c.attrs["HostConfig"]["Memory"])
    c.rename("py2"); c.reload(); print(c.name)
    c.restart(timeout=0); c.reload(); print(c.status)
    c.kill(); print(c.wait()["StatusCode"])
    c.remove()
    c = client.containers.create("busybox", ["sh", "-c", "read x; echo got $x"], stdin_open=True, name="pyin")
    sock = c.attach_socket(params={"stdin": 1, "stream": 1})
    c.start()
    sock._sock.sendall(b"typed\n")
    print(c.wait()["StatusCode"], c.logs())
    sock.close()
    c.remove()
    c = client.containers.run("busybox", ["sh", "-c", "for i in 1 2 3; do echo line $i; sleep 0.1; done"], detach=True)
    print([line for line in c.logs(stream=True, follow=True)])
    print(c.logs(tail=1), c.logs(timestamps=True).count(b"Z "))
    c.remove(force=True)


def images():
    image, said = client.images.build(fileobj=io.BytesIO(b"FROM busybox\nARG X\nRUN echo $X >/x\nLABEL a=b\nCMD cat /x\n"), tag="py:1", buildargs={"X": "built"})
    print(image.tags, image.labels, any("Successfully built" in x.get("stream", "") for x in said))
    print(client.containers.run("py:1", remove=True))
    try:
        client.images.build(fileobj=io.BytesIO(b"FROM busybox\nRUN exit 7\n"))
    except docker.errors.BuildError as e:
        print(e.msg)
    image.tag("py", "2")
    print(sorted(client.images.get("py:2").tags))
    saved = b"".join(image.save(named=True))
    client.images.remove("py:1"); client.images.remove("py:2")
    refused("removed", client.images.get, "py:1")
    print([i.tags for i in client.images.load(saved)])
    print(len(client.images.get("py:1").history()) > 2)
    client.images.remove("py:1")


def places():
    net = client.networks.create("pynet", driver="bridge", labels={"by": "py"}, ipam=docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet="10.208.1.0/24")]))
    vol = client.volumes.create("pyvol", labels={"by": "py"})
    print(net.name, vol.name, [n.name for n in client.networks.list(names=["pynet"])], [v.name for v in client.volumes.list(filters={"label": "by=py"})])
    a = client.containers.run("busybox", "nc -ll -p 80 -e echo I am a", name="pya", detach=True, network="pynet", ports={"80/tcp": None}, volumes={"pyvol": {"bind": "/v"}}, stop_signal="KILL")
    a.reload()
    print(int(a.ports["80/tcp"][0]["HostPort"]) > 1024, a.attrs["NetworkSettings"]["Networks"]["pynet"]["IPAddress"])
    print(client.containers.run("busybox", ["sh", "-c", "for i in 1 2 3 4 5; do nc -w 2 pya 80 && exit; sleep 0.2; done"], network="pynet", remove=True))
    b = client.containers.create("busybox", "sleep 100", name="pyb")
    net.connect(b, aliases=["bee"], ipv4_address="10.208.1.77")
    b.start(); b.reload()
    print(b.attrs["NetworkSettings"]["Networks"]["pynet"]["IPAddress"], sorted(b.attrs["NetworkSettings"]["Networks"]))
    net.reload()
    print(sorted(x.name for x in net.containers))
    refused("in use", net.remove)
    refused("volume in use", vol.remove)
    net.disconnect(b)
    a.remove(force=True, v=True); b.remove(force=True)
    net.remove(); vol.remove()


def events():
    seen = []
    stream = client.events(decode=True, filters={"label": "watched=1"})

    def watch():
        for ev in stream:
            seen.append(ev["Action"])
            if ev["Action"] == "destroy":
                break
    t = threading.Thread(target=watch)
    t.start()
    client.containers.run("busybox", "true", labels={"watched": "1"}, remove=True)
    t.join(20)
    print([a for a in seen if a != "attach"])
    print(client.ping(), client.info()["OSType"], client.version()["Os"], {"Containers", "Images", "LayersSize", "Volumes"} <= set(client.df()))
    print(sorted(client.containers.prune(filters={"label": "none"})))
    c = client.containers.run("busybox", "sleep 100", detach=True, healthcheck={"test": ["CMD", "true"], "interval": 200000000, "retries": 3}, restart_policy={"Name": "on-failure", "MaximumRetryCount": 2}, stop_signal="KILL")
    for _ in range(200):
        c.reload()
        if c.attrs["State"]["Health"]["Status"] == "healthy":
            break
        threading.Event().wait(0.05)
    print(c.attrs["State"]["Health"]["Status"], c.attrs["HostConfig"]["RestartPolicy"])
    c.remove(force=True)


for part in (containers, images, places, events):
    print("==", part.__name__)
    part()
