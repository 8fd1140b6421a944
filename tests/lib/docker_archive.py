#!/usr/bin/env python3
"""docker_archive.py OUT NAME[,NAME...] LAYER... [--arch A] [--order first|last] [--links]

Writes a docker-archive as `docker save` did before version 25: ID/layer.tar, ID/json, ID/VERSION, CONFIG.json,
manifest.json (first or last), repositories. Layers are files, taken as they are (plain, gzip, zstd). --links: a layer
that occurs again is a symbolic link to the first, as docker wrote them.
"""
import argparse
import gzip
import hashlib
import io
import json
import subprocess
import tarfile


def sha(data):
    return hashlib.sha256(data).hexdigest()


def unpacked(data):
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out")
    ap.add_argument("names")
    ap.add_argument("layers", nargs="*")
    ap.add_argument("--arch", default="amd64")
    ap.add_argument("--order", default="last")
    ap.add_argument("--links", action="store_true")
    ap.add_argument("--diff-id", default=None, help="a wrong one for the first layer")
    a = ap.parse_args()

    members, diff_ids, paths, seen = [], [], [], {}
    for n, path in enumerate(a.layers):
        with open(path, "rb") as f:
            data = f.read()
        diff = sha(unpacked(data))
        ident = sha(b"%d" % n + diff.encode())
        diff_ids.append("sha256:" + (a.diff_id if a.diff_id and n == 0 else diff))
        paths.append(ident + "/layer.tar")
        members.append((ident + "/VERSION", b"1.0"))
        members.append((ident + "/json", json.dumps({"id": ident}).encode()))
        if a.links and diff in seen:
            members.append((ident + "/layer.tar", "../" + seen[diff]))
        else:
            members.append((ident + "/layer.tar", data))
            seen[diff] = ident + "/layer.tar"
    config = json.dumps({
        "architecture": a.arch, "os": "linux", "created": "2020-01-02T03:04:05Z",
        "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin:/usr/bin"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created": "2020-01-02T03:04:05Z", "created_by": "layer %d" % n} for n in range(len(diff_ids))],
    }).encode()
    members.append((sha(config) + ".json", config))
    names = [n for n in a.names.split(",") if n]
    manifest = ("manifest.json", json.dumps([{"Config": sha(config) + ".json", "RepoTags": names or None,
                                              "Layers": paths}]).encode())
    members.insert(0, manifest) if a.order == "first" else members.append(manifest)
    members.append(("repositories", b"{}"))
    with tarfile.open(a.out, "w", format=tarfile.PAX_FORMAT) as t:
        for name, data in members:
            info = tarfile.TarInfo(name)
            if isinstance(data, str):
                info.type, info.linkname = tarfile.SYMTYPE, data
                t.addfile(info)
            else:
                info.size = len(data)
                t.addfile(info, io.BytesIO(data))


main()
