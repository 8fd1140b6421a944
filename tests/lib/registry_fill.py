#!/usr/bin/env python3
"""Lays images into the store of the tests' registry, without asking it.

  registry_fill.py put DIR NAME:TAG LAYOUT|ARCHIVE.tar [REF]   an OCI layout's image (REF: its org.opencontainers.image.ref.name)
  registry_fill.py make DIR NAME:TAG SIZE…    an image of layers of about SIZE bytes (gzip; random, so that they stay that long);
                                              each has one file layer-N. =N is the layer N (from 0) once more; SIZE@CLAIM is one of
                                              which the manifest says that it has CLAIM bytes. Prints the manifest's digest, as put does.
  registry_fill.py file DIR NAME:TAG MEDIA-TYPE PACKED [TAR]   an image of one layer: the file PACKED, unpacked TAR
"""
import gzip
import io
import json
import os
import random
import sys
import tarfile
import tempfile

sys.dont_write_bytecode = True
from registry_store import Store, digest_of, read  # noqa: E402

OCI = "application/vnd.oci.image."


def put(store, name, tag, layout, ref=None):
    if os.path.isfile(layout):
        with tempfile.TemporaryDirectory() as d:
            with tarfile.open(layout) as t:
                t.extractall(d)
            return put(store, name, tag, d, ref)
    blob = lambda digest: read(layout + "/blobs/" + digest.replace(":", "/"))  # noqa: E731
    entries = json.loads(read(layout + "/index.json"))["manifests"]
    if ref:
        entries = [e for e in entries if e.get("annotations", {}).get("org.opencontainers.image.ref.name") == ref]
    if len(entries) != 1:
        sys.exit(f"{layout}: {len(entries)} images of that name, not one")

    def lay(entry, reference):
        data = blob(entry["digest"])
        doc = json.loads(data)
        for part in [doc.get("config")] + doc.get("layers", []):
            bytes_of_it = blob(part["digest"]) if part else None
            if bytes_of_it is not None:
                store.put_blob(name, bytes_of_it, part["digest"].split(":")[0])
        for below in doc.get("manifests", []):
            if blob(below["digest"]) is not None:
                lay(below, below["digest"])
        return store.put_manifest(name, reference, data, entry["mediaType"])
    return lay(entries[0], tag)


def layer(n, size):
    """The same for the same arguments."""
    raw, out = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as t:
        info = tarfile.TarInfo(f"layer-{n}")
        info.size = size
        t.addfile(info, io.BytesIO(random.Random(n * 1000003 + size).randbytes(size)))
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0, compresslevel=1) as z:
        z.write(raw.getvalue())
    return digest_of(raw.getvalue()), out.getvalue()


def image(store, name, tag, layers, diffs):
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diffs}}).encode()
    doc = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "layers": layers,
           "config": {"mediaType": OCI + "config.v1+json", "digest": store.put_blob(name, config), "size": len(config)}}
    return store.put_manifest(name, tag, json.dumps(doc).encode(), doc["mediaType"])


def one_file(store, name, tag, media_type, packed, tar=None):
    data = read(packed)
    layers = [{"mediaType": media_type, "digest": store.put_blob(name, data), "size": len(data)}]
    return image(store, name, tag, layers, [digest_of(read(tar) if tar else b"")])


def make(store, name, tag, *sizes):
    layers, diffs = [], []
    for n, size in enumerate(sizes):
        if size[0] == "=":
            diffs.append(diffs[int(size[1:])])
            layers.append(layers[int(size[1:])])
            continue
        size, _, claim = size.partition("@")
        diff, data = layer(n, int(size))
        diffs.append(diff)
        layers.append({"mediaType": OCI + "layer.v1.tar+gzip", "digest": store.put_blob(name, data), "size": int(claim or len(data))})
    return image(store, name, tag, layers, diffs)


what, where, of, *rest = sys.argv[1:]
print({"put": put, "make": make, "file": one_file}[what](Store(where + "/store"), *of.rsplit(":", 1), *rest))
