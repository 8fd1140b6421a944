#!/usr/bin/env python3
"""platforms.py [-n] DIR PLATFORM...: an OCI layout with one image for several platforms, as buildx and registries have them:
index.json names one index, that index a manifest per platform, and an attestation beside the first (-n: none)."""
import hashlib
import io
import json
import os
import sys
import tarfile

OCI = "application/vnd.oci.image."
alone = sys.argv[1] == "-n"
root, *platforms = sys.argv[1 + alone:]
os.makedirs(root + "/blobs/sha256")


def blob(data, kind, **more):
    digest = hashlib.sha256(data).hexdigest()
    with open(root + "/blobs/sha256/" + digest, "wb") as f:
        f.write(data)
    return dict({"mediaType": OCI + kind, "digest": "sha256:" + digest, "size": len(data)}, **more)


def dump(doc):
    return json.dumps(doc).encode()


manifests = []
for p in platforms:
    platform = dict(zip(("os", "architecture", "variant"), p.split("/")))
    buf = io.BytesIO()
    with tarfile.open(fileobj=buf, mode="w") as t:
        info = tarfile.TarInfo("platform")
        info.size = len(p)
        t.addfile(info, io.BytesIO(p.encode()))
    layer = buf.getvalue()
    config = dict(platform, rootfs={"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]})
    m = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": blob(dump(config), "config.v1+json"),
         "layers": [blob(layer, "layer.v1.tar")]}
    manifests.append(blob(dump(m), "manifest.v1+json", platform=platform))
note = not alone and blob(b"{}", "manifest.v1+json", platform={"os": "unknown", "architecture": "unknown"},
            annotations={"vnd.docker.reference.type": "attestation-manifest"})
inner = blob(dump({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": manifests + [note] * (not alone)}), "index.v1+json",
             annotations={"io.containerd.image.name": "docker.io/library/multi:1", "org.opencontainers.image.ref.name": "1"})
with open(root + "/index.json", "wb") as f:
    f.write(dump({"schemaVersion": 2, "manifests": [inner]}))
with open(root + "/oci-layout", "w") as f:
    f.write('{"imageLayoutVersion":"1.0.0"}')
