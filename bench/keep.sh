#!/bin/bash
# 1,000 images in the store: `image ls` of them; save of one bigger image, and load of the archive of all.
. bench/lib.bash
with_journal
count=${BENCH_KEEP_IMAGES:-1000}
make_images
make_debian_root
tar --sort=name --numeric-owner -cf "$BENCH_WORK/usr-layer.tar" -C "$DEBIAN_ROOT" usr
python3 tests/lib/docker_archive.py "$BENCH_WORK/usr.tar" usr:latest "$BENCH_WORK/usr-layer.tar"
rm "$BENCH_WORK/usr-layer.tar"
# COUNT images of one layer, which differ by a label
python3 - "$BENCH_WORK/busybox.tar" "$BENCH_WORK/many.tar" "$count" <<'P'
import hashlib, io, json, sys, tarfile
source = tarfile.open(sys.argv[1])
manifest = json.load(source.extractfile("manifest.json"))[0]
config = json.load(source.extractfile(manifest["Config"]))
with tarfile.open(sys.argv[2], "w") as out:
    def add(name, data):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        out.addfile(info, io.BytesIO(data))
    for layer in manifest["Layers"]:
        add("layer.tar", source.extractfile(source.getmember(layer)).read())
    rows = []
    for n in range(int(sys.argv[3])):
        config["config"]["Labels"] = {"number": str(n)}
        data = json.dumps(config).encode()
        name = hashlib.sha256(data).hexdigest() + ".json"
        add(name, data)
        rows.append({"Config": name, "RepoTags": ["many/image%d:latest" % n], "Layers": ["layer.tar"]})
    add("manifest.json", json.dumps(rows).encode())
P
start_dockerd
PREPARE[tare]="rm -rf $BENCH_WORK/tare; sync"
PREPARE[docker]="/usr/bin/docker image prune -af; sync"
PREPARE[podman]="$PODMAN image prune -af; sync"
loads=$(rounds 1 \
  tare "$TARE load -q -i $BENCH_WORK/many.tar" \
  docker "/usr/bin/docker load -q -i $BENCH_WORK/many.tar" \
  podman "$PODMAN load -q -i $BENCH_WORK/many.tar")
PREPARE=()
lists=$(rounds "${BENCH_KEEP_ROUNDS:-5}" \
  tare "$TARE image ls" \
  docker "/usr/bin/docker image ls" \
  podman "$PODMAN image ls")
for load in "$TARE load -q -i" "/usr/bin/docker load -q -i" "$PODMAN load -q -i"; do $load "$BENCH_WORK/usr.tar" >/dev/null; done
for peer in tare docker podman; do PREPARE[$peer]="rm -f $BENCH_WORK/saved.tar"; done
saves=$(rounds "${BENCH_KEEP_ROUNDS:-5}" \
  tare "$TARE save -o $BENCH_WORK/saved.tar usr:latest" \
  docker "/usr/bin/docker save -o $BENCH_WORK/saved.tar usr:latest" \
  podman "$PODMAN save -q -o $BENCH_WORK/saved.tar usr:latest")
jq -n --argjson v "$(versions)" --argjson o "$loads" --argjson l "$lists" --argjson s "$saves" --arg count "$count" '
  def ratios(r): {docker_over_tare: (r.docker.median_ms / r.tare.median_ms), podman_over_tare: (r.podman.median_ms / r.tare.median_ms)};
  def named(n): with_entries(.key = "\(n) \(.key)");
  {name: "keep", what: "image ls with \($count) images, load of an archive of them, save of /usr of a Debian root", versions: $v,
   results: (($l | named("ls")) + ($o | named("load")) + ($s | named("save"))),
   ratios: ((ratios($l) | named("ls")) + (ratios($o) | named("load")) + (ratios($s) | named("save"))), target: "docker, podman / tare > 1"}'
