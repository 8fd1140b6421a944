"""What images are made of, read from the stores of tare, docker and buildah themselves: a configuration and folders, one per
layer, as overlayfs has them. merge() makes one tree of the layers, without a mount; both come out in words that can be
compared (docs of the fields: what(), below)."""
import base64
import hashlib
import json
import os
import stat

import corpus_case

KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket",
         stat.S_IFCHR: "char", stat.S_IFBLK: "block"}
# of containers that are to become an image (Docker Engine API, ContainerConfig): they say nothing of one
OF_CONTAINERS = ("Hostname", "Domainname", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce", "Image")
NEW = 1577836800  # 2020: nothing of a case is as young as that, but what was made just now
OVERLAY = "trusted.overlay."


def chains(diff_ids):
    """The chain ids of layers, bottom first, without "sha256:" (OCI image specification, config.md, Layer ChainID)."""
    out = []
    for diff in diff_ids:
        out.append(hashlib.sha256(f"sha256:{out[-1]} {diff}".encode()).hexdigest() if out else diff[len("sha256:"):])
    return out


def load_json(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def of_tare(store, image):
    """(configuration, layer folders from the bottom) of an id."""
    config = load_json(f"{store}/content/blobs/sha256/{image}")
    return config, [f"{store}/layers/{c}/fs" for c in chains(config["rootfs"]["diff_ids"])]


def of_docker(store, image):
    """The same of a docker's data folder with overlay2."""
    config = load_json(f"{store}/image/overlay2/imagedb/content/sha256/{image}")
    layers = []
    for chain in chains(config["rootfs"].get("diff_ids") or []):
        with open(f"{store}/image/overlay2/layerdb/sha256/{chain}/cache-id", encoding="ascii") as f:
            layers.append(f"{store}/overlay2/{f.read().strip()}/diff")
    return config, layers


def of_buildah(store, image):
    """The same of a containers-storage with overlay."""
    config = load_json(f"{store}/overlay-images/{image}/=" + base64.b64encode(f"sha256:{image}".encode()).decode())
    parents = {layer["id"]: layer.get("parent", "") for layer in load_json(f"{store}/overlay-layers/layers.json")}
    top = next(i["layer"] for i in load_json(f"{store}/overlay-images/images.json") if i["id"] == image)
    layers = []
    while top:
        layers.insert(0, f"{store}/overlay/{top}/diff")
        top = parents[top]
    return config, layers


scanned = {}  # folder -> its entries: most images have their lowest layers in common


def scan(folder):
    """[(path, stat, attributes, target or digest)] of a layer, folders before what is in them."""
    if folder in scanned:
        return scanned[folder]
    out, todo = [], [folder]
    while todo:
        path = todo.pop()
        st = os.lstat(path)
        attributes = {n: os.getxattr(path, n, follow_symlinks=False) for n in os.listxattr(path, follow_symlinks=False)}
        content = ""
        if stat.S_ISLNK(st.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(st.st_mode):
            with open(path, "rb") as f:
                content = hashlib.sha256(f.read()).hexdigest()[:16]
        elif stat.S_ISDIR(st.st_mode):
            todo += sorted((os.path.join(path, n) for n in os.listdir(path)), reverse=True)
        for n in ("redirect", "metacopy"):
            if OVERLAY + n in attributes:
                raise ValueError(f"{path} has {OVERLAY}{n}: such a layer cannot be read without a mount")
        out.append((path[len(folder):] or "/", st, attributes, content))
    scanned[folder] = out
    return out


def forget_below(tree, path):
    prefix = path.rstrip("/") + "/"
    for name in [n for n in tree if n.startswith(prefix) and n != "/"]:
        del tree[name]


def merge(layers):
    """{path: (layer's number, stat, attributes, content)} of what a container would see (overlayfs.rst of the kernel)."""
    tree = {}
    for number, folder in enumerate(layers):
        for path, st, attributes, content in scan(folder):
            whiteout = stat.S_ISCHR(st.st_mode) and st.st_rdev == 0
            if whiteout or not stat.S_ISDIR(st.st_mode) or attributes.get(OVERLAY + "opaque") == b"y":
                forget_below(tree, path)
            if whiteout:
                tree.pop(path, None)
            else:
                tree[path] = (number, st, attributes, content)
    return tree


def value_of(attribute):
    """An extended attribute in words."""
    try:
        text = attribute.decode("ascii")
        return text if text.isprintable() else attribute.hex()
    except UnicodeDecodeError:
        return attribute.hex()


def tree_of(layers):
    """{path: {field: text}}. Fields: type, mode, owner; target of links, content of files, number of devices, hard (all names
    of one file), attributes by their names, time in seconds behind OLD (folder-time of a folder). What is of today or of 1970,
    as our base image is, has no time: these are what commands write (docs/dockerfile.md)."""
    merged, names, out = merge(layers), {}, {}
    for path, (number, st, _, _) in merged.items():
        names.setdefault((number, st.st_ino), []).append(path)
    for path, (number, st, attributes, content) in merged.items():
        kind = KINDS[stat.S_IFMT(st.st_mode)]
        fields = {"type": kind, "owner": f"{st.st_uid}:{st.st_gid}"}
        if kind != "link":
            fields["mode"] = f"{stat.S_IMODE(st.st_mode):04o}"
        if kind in ("file", "link"):
            fields["target" if kind == "link" else "content"] = content
        if kind in ("char", "block"):
            fields["number"] = f"{os.major(st.st_rdev)}:{os.minor(st.st_rdev)}"
        if kind != "folder" and len(names[number, st.st_ino]) > 1:
            fields["hard"] = " ".join(sorted(names[number, st.st_ino]))
        fields.update({n: value_of(v) for n, v in attributes.items() if not n.startswith(OVERLAY)})
        if 0 != st.st_mtime < NEW:
            fields["folder-time" if kind == "folder" else "time"] = f"{st.st_mtime_ns / 1e9 - corpus_case.OLD:.12g}"
        out[path] = fields
    return out


def step_of(entry):
    """A line of history as one word, with "+" where there is a layer."""
    text = entry.get("created_by", "")
    for shell in ("/bin/sh -c #(nop) ", "|"):
        if text.startswith(shell):
            text = text[len(shell):] if shell != "|" else "RUN"
    word = (text.split() or [""])[0].upper()
    known = "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR"
    return (word if word in known.split() else "RUN") + ("" if entry.get("empty_layer") else "+")


def config_of(config):
    """{name: text}: the members of an image's configuration that have a value, and its history in short."""
    out = {}
    for name, value in (config.get("config") or {}).items():
        if name not in OF_CONTAINERS and value not in (None, "", [], {}, False):
            out[name] = value
    out.get("Labels", {}).pop("io.buildah.version", None)
    if not out.get("Labels", "some"):
        del out["Labels"]
    if out.get("WorkingDir") == "/":
        del out["WorkingDir"]  # is what is so without it
    out.update({n: config[n] for n in ("author", "architecture", "os", "variant") if config.get(n)})
    out["history"] = " ".join(step_of(h) for h in config.get("history", [])[1 if "busybox" in str(config.get("history", [])[:1]) else 0:])
    return {n: v if isinstance(v, str) else json.dumps(v, sort_keys=True, separators=(",", ":"), ensure_ascii=False) for n, v in out.items()}
