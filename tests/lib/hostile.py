#!/usr/bin/env python3
"""hostile.py CASE OUT: writes an archive that must be refused, or unpacked without doing what it tries.

`hostile.py --list [SECTION]` prints the cases ("links", "sizes", "damage", "documents": the sections below). Each is a function; its docstring is the regular expression that tare's message
must match, or "ok" where the archive is to be loaded.
"""
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zlib

CANARY = "/tmp/tare-canary"


def sha(data):
    return hashlib.sha256(data).hexdigest()


def entry(name, type=tarfile.REGTYPE, data=b"", link="", mode=0o644, **more):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.size = type, link, mode, len(data)
    for k, v in more.items():
        setattr(info, k, v)
    return info, data


def folder(name, **more):
    return entry(name, tarfile.DIRTYPE, mode=0o755, **more)


def symlink(name, to):
    return entry(name, tarfile.SYMTYPE, link=to)


def hardlink(name, to):
    return entry(name, tarfile.LNKTYPE, link=to)


def tar(entries, fmt=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=fmt) as t:
        for info, data in entries:
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def config(diff_ids, arch="amd64", **more):
    doc = {"architecture": arch, "os": "linux", "config": {"Cmd": ["/bin/sh"]},
           "rootfs": {"type": "layers", "diff_ids": ["sha256:" + d for d in diff_ids]}}
    doc.update(more)
    return json.dumps(doc).encode()


def docker(layers, diff_ids=None, conf=None, names=("evil:latest",), manifest=None, order=None):
    """A docker-archive of packed layers; diff_ids where they are not plain tars."""
    conf = conf or config(diff_ids or [sha(x) for x in layers])
    members = [("%d/layer.tar" % n, x) for n, x in enumerate(layers)]
    members.append((sha(conf) + ".json", conf))
    manifest = manifest or json.dumps([{"Config": sha(conf) + ".json", "RepoTags": list(names),
                                        "Layers": ["%d/layer.tar" % n for n in range(len(layers))]}]).encode()
    members.append(("manifest.json", manifest))
    return tar([entry(n, data=d) for n, d in members])


def descriptor(kind, data, **more):
    return dict({"mediaType": kind, "digest": "sha256:" + sha(data), "size": len(data)}, **more)


OCI = "application/vnd.oci.image."


def oci(layer=None, layer_type=OCI + "layer.v1.tar", config_type=OCI + "config.v1+json", conf=None, tamper=None,
        manifest_type=OCI + "manifest.v1+json", index=None, schema=2, desc=None, missing=None, layout="1.0.0"):
    """An OCI archive of one image; arguments bend one thing each."""
    layer = layer if layer is not None else tar([entry("hello", data=b"hello")])
    conf = conf or config([sha(layer)])
    manifest = json.dumps({"schemaVersion": schema, "mediaType": manifest_type,
                           "config": descriptor(config_type, conf),
                           "layers": [desc or descriptor(layer_type, layer)]}).encode()
    index = index or json.dumps({"schemaVersion": 2, "manifests": [
        descriptor(manifest_type, manifest, annotations={"org.opencontainers.image.ref.name": "evil:latest"})]}).encode()
    blobs = {sha(x): x for x in (layer, conf, manifest)}
    if tamper:
        which = {"layer": sha(layer), "config": sha(conf), "manifest": sha(manifest)}[tamper]
        blobs[which] = blobs[which][:-1] + bytes([blobs[which][-1] ^ 1])
    if missing:
        del blobs[{"layer": sha(layer), "config": sha(conf)}[missing]]
    return tar([entry("oci-layout", data=json.dumps({"imageLayoutVersion": layout}).encode()), entry("index.json", data=index)] +
               [entry("blobs/sha256/" + d, data=b) for d, b in blobs.items()])


# ---- links ---- and names

def dotdot_name():
    r"entry '\.\./\.\./tmp/tare-canary': its name has a '\.\.' component"
    return docker([tar([entry("../../tmp/tare-canary", data=b"owned")])])


def dotdot_inside():
    r"entry 'a/\.\./\.\./b': its name has a '\.\.' component"
    return docker([tar([folder("a"), entry("a/../../b", data=b"owned")])])


def absolute_name():
    "ok"  # "/tmp/x" is the layer's /tmp/x, as for every unpacker
    return docker([tar([entry(CANARY, data=b"owned")])])


def absolute_hard_link():
    r"entry 'h': it is a hard link to the absolute path '/etc/passwd'"
    return docker([tar([hardlink("h", "/etc/passwd")])])


def climbing_hard_link():
    r"entry 'h': .*'\.\.' component"
    return docker([tar([hardlink("h", "../../../../etc/passwd")])])


def hard_link_to_nothing():
    r"entry 'h': the target of the hard link is not in the layer"
    return docker([tar([hardlink("h", "etc/passwd")])])


def hard_link_through_link():
    r"entry 'h': .*symbolic link that leaves the layer"
    return docker([tar([symlink("e", "/etc"), hardlink("h", "e/passwd")])])


def hard_link_to_folder():
    r"entry 'h': it is a hard link to a folder"
    return docker([tar([folder("d"), hardlink("h", "d")])])


def through_absolute_link():
    r"entry 'x/tare-canary': its path leads through a symbolic link that leaves the layer"
    return docker([tar([symlink("x", "/tmp"), entry("x/tare-canary", data=b"owned")])])


def through_climbing_link():
    r"entry 'x/tmp/tare-canary': its path leads through a symbolic link that leaves the layer"
    return docker([tar([symlink("x", "../../../../../../../../.."), entry("x/tmp/tare-canary", data=b"owned")])])


def folder_through_link():
    r"entry 'x/new/': its path leads through a symbolic link that leaves the layer"
    return docker([tar([symlink("x", "/tmp"), folder("x/new")])])


def device_through_link():
    r"entry 'x/null': its path leads through a symbolic link that leaves the layer"
    return docker([tar([symlink("x", "/tmp"), entry("x/null", tarfile.CHRTYPE, devmajor=1, devminor=3)])])


def whiteout_through_link():
    r"entry 'x/.wh.tare-canary': its path leads through a symbolic link that leaves the layer"
    return docker([tar([symlink("x", "/tmp"), entry("x/.wh.tare-canary")])])


def opaque_through_link():
    r"entry 'x/.wh..wh..opq': its path leads through a symbolic link that leaves the layer"
    return docker([tar([symlink("x", "/tmp"), entry("x/.wh..wh..opq")])])


def chain_of_links():
    r"entry 'c/b/tmp/tare-canary': its path leads through a symbolic link that leaves the layer"
    return docker([tar([folder("a"), symlink("a/b", "../.."), symlink("c", "a"), entry("c/b/tmp/tare-canary", data=b"x")])])


def chain_that_changes():
    r"entry 'd/e/tare-canary': its path leads through a symbolic link that leaves the layer"
    # d/e is a folder and is open when d/e becomes a link out
    return docker([tar([folder("d"), folder("d/e"), entry("d/e/f", data=b"1"), symlink("d/e", "/tmp"),
                        entry("d/e/tare-canary", data=b"owned")])])


def parent_that_changes():
    r"entry 'd/e/tare-canary': its path leads through a symbolic link that leaves the layer"
    return docker([tar([folder("d"), folder("d/e"), entry("d/e/f", data=b"1"), symlink("d", "/tmp"),
                        entry("d/e/tare-canary", data=b"owned")])])


def link_loop():
    r"entry 'a/x': its path leads through a loop of symbolic links"
    return docker([tar([symlink("a", "b"), symlink("b", "a"), entry("a/x", data=b"1")])])


def write_through_final_link():
    "ok"  # the link is replaced, not followed
    return docker([tar([symlink("f", CANARY), entry("f", data=b"owned")])])


def write_through_hard_link_to_link():
    "ok"
    return docker([tar([symlink("l", CANARY), hardlink("h", "l"), entry("h", data=b"owned")])])


def chmod_through_link():
    "ok"
    return docker([tar([symlink("d", "/tmp"), folder("d", uid=4242)])])


def whiteout_of_dotdot():
    r"entry '.wh...': it is a whiteout of no name"
    return docker([tar([entry(".wh...")])])


def root_is_no_folder():
    r"entry './': the root of the layer is no folder|entry '\.': the root of the layer is no folder"
    return docker([tar([symlink(".", "/tmp")])])


def control_characters():
    r"entry 'a\\x1b\[31m\\x0a\.\./x/\.\.': its name"
    return docker([tar([entry("a\x1b[31m\n../x/..", data=b"1")])])


# ---- sizes ----

def device_bomb():
    r"more than 1024 device nodes \(limit 'devices'\)"
    return docker([tar([entry("n%d" % n, tarfile.CHRTYPE, devmajor=1, devminor=3) for n in range(1100)])])


def empty_files(n):
    block = bytearray(tar([entry("d/%07d" % 0)])[:512])
    for i in range(n):
        block[2:9] = b"%07d" % i
        block[148:156] = b"        "
        block[148:156] = b"%06o\0 " % sum(block)
        yield bytes(block)
    yield bytes(1024)


def million_entries():
    r"more than [0-9]+ entries, too many for its size \(limit 'density'\)"
    z, h, packed = zlib.compressobj(1, zlib.DEFLATED, 31), hashlib.sha256(), []
    for block in empty_files(1000000):
        h.update(block)
        packed.append(z.compress(block))
    return docker([b"".join(packed) + z.flush()], [h.hexdigest()])


def million_entries_plain():
    r"more than [0-9]+ entries, too many for its size \(limit 'density'\)"
    return docker([b"".join(empty_files(1000000))])


# A file of a GiB of zeros, in pieces; nobody will get to its end and its digest.
def bomb():
    info, zero = tarfile.TarInfo("zeros"), bytes(1 << 20)
    info.size = 1 << 30
    yield info.tobuf(tarfile.GNU_FORMAT)
    for _ in range(1024):
        yield zero
    yield bytes(1024)


def gzip_bomb():
    r"unpacks to more than 200 times its size \(limit 'ratio'\)"
    z = zlib.compressobj(9, zlib.DEFLATED, 31)
    return docker([b"".join([z.compress(x) for x in bomb()] + [z.flush()])], ["0" * 64])


def zstd_bomb():
    r"unpacks to more than 200 times its size \(limit 'ratio'\)"
    with tempfile.TemporaryFile() as packed:
        p = subprocess.Popen(["zstd", "-q", "-3", "-c"], stdin=subprocess.PIPE, stdout=packed)
        p.stdin.writelines(bomb())
        p.stdin.close()
        p.wait()
        packed.seek(0)
        return docker([packed.read()], ["0" * 64])


def huge_sparse_file():
    r"entry 'hole': it is larger than [0-9]+ bytes \(limit 'file'\)"
    head = tarfile.TarInfo("hole")
    head.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "hole",
                        "GNU.sparse.realsize": str(1 << 60)}
    body = b"0\n" + bytes(510)
    head.size = len(body)
    return docker([head.tobuf(tarfile.PAX_FORMAT) + body + bytes(1024)])


def deep_path():
    r"more than 128 components \(limit 'depth'\)"
    return docker([tar([entry("/".join(["d"] * 200), data=b"1")])])


def long_name():
    r"entry 'x+.*': .*name too long"
    return docker([tar([entry("x" * 300, data=b"1")])])


def huge_owner():
    r"user id -?[0-9]+ is out of range"
    return docker([tar([entry("f", uid=1 << 40)], tarfile.GNU_FORMAT)])


def truncated_layer():
    r"layer 0/layer.tar: entry 'a': its tar data is damaged"
    return docker([tar([entry("a", data=b"1" * 2000)])[:1024 + 300]])


# ---- damage ----

def truncated_archive():
    r"damaged|truncated"
    return docker([tar([entry("a", data=b"x" * 100000)])])[:60000]


# A layer of a (1000 bytes) and b ("hello") has its header of b at 1536, b's content at 2048, the end mark at 2560.
TWO = tar([entry("a", data=b"x" * 1000), entry("b", data=b"hello")])


def unpadded_layer():
    "ok"  # umoci insert does not close its tar: neither the last block is filled nor is there an end mark
    return docker([TWO[:2053]])


def unpadded_layer_packed():
    "ok"
    return docker([gzip.compress(TWO[:2053])], [sha(TWO[:2053])])


def partly_padded_layer():
    "ok"
    return docker([TWO[:2100]])


def no_end_mark():
    "ok"
    return docker([TWO[:2560]])


def half_an_end_mark():
    "ok"
    return docker([TWO[:3072]])


def unpadded_layer_of_another_digest():
    r"layer 0/layer.tar: its bytes have the digest sha256:[0-9a-f]{64}, the image says"
    return docker([TWO[:2053]], [sha(TWO)])


def last_byte_missing():
    r"layer 0/layer.tar: entry 'b': its tar data is damaged"
    return docker([TWO[:2052]])


def last_content_missing():
    r"layer 0/layer.tar: entry 'b': its tar data is damaged"
    return docker([TWO[:2048]])


def last_header_cut():
    r"layer 0/layer.tar: its tar data is damaged"
    return docker([TWO[:2036]])  # what is missing are zeros


def last_entry_missing():
    r"layer 0/layer.tar: its tar data is damaged"
    named = tar([entry("a", data=b"x"), entry("b", data=b"x", pax_headers={"comment": "which"})])
    return docker([named[:1024 + 1024]])  # b's extended header alone


PLAIN = tar([entry("a", data=bytes(range(256)) * 400)])


def truncated_gzip():
    r"layer 0/layer.tar: it is truncated: its gzip data ends in the middle"
    return docker([gzip.compress(PLAIN)[:-20]], [sha(PLAIN)])


def damaged_gzip():
    r"layer 0/layer.tar: its gzip data is damaged"
    packed = bytearray(gzip.compress(PLAIN))
    packed[-6] ^= 0xff
    return docker([bytes(packed)], [sha(PLAIN)])


def garbage_behind_gzip():
    r"something that is not gzip follows its gzip data"
    return docker([gzip.compress(PLAIN) + b"more"], [sha(PLAIN)])


def truncated_zstd():
    r"layer 0/layer.tar: it is truncated: its zstd data ends in the middle"
    packed = subprocess.run(["zstd", "-qc"], input=PLAIN, stdout=subprocess.PIPE, check=True).stdout
    return docker([packed[:-9]], [sha(PLAIN)])


def xz_layer():
    r"layer .*: it is packed with xz; tare reads gzip and zstd"
    import lzma
    plain = tar([entry("a", data=b"x")])
    return docker([lzma.compress(plain)], [sha(plain)])


def layer_is_no_tar():
    r"layer 0/layer.tar: its tar data is damaged"
    return docker([b"this is not a tar archive" * 100])


def wrong_diff_id():
    r"layer 0/layer.tar: its bytes have the digest sha256:[0-9a-f]{64}, the image says sha256:1{64}"
    return docker([tar([entry("a", data=b"x")])], ["1" * 64])


def wrong_diff_id_packed():
    r"layer 0/layer.tar: its content has the digest sha256:[0-9a-f]{64}, the image says sha256:1{64}"
    return docker([gzip.compress(tar([entry("a", data=b"x")]))], ["1" * 64])


def wrong_config_digest():
    r"has the digest sha256:[0-9a-f]{64}, what refers to it says sha256:2{64}"
    layer = tar([entry("a", data=b"x")])
    conf = config([sha(layer)])
    name = "2" * 64 + ".json"
    manifest = json.dumps([{"Config": name, "RepoTags": None, "Layers": ["l"]}]).encode()
    return tar([entry(name, data=conf), entry("l", data=layer), entry("manifest.json", data=manifest)])


def tampered_layer():
    r"layer blobs/sha256/[0-9a-f]{64}: its bytes have the digest sha256:[0-9a-f]{64}, the image says"
    return oci(tamper="layer")


def tampered_config():
    r"has the digest .* damaged or was tampered with"
    return oci(tamper="config")


def tampered_manifest():
    r"has the digest .* damaged or was tampered with"
    return oci(tamper="manifest")


def wrong_size():
    r"has [0-9]+ bytes, its manifest says 7"
    layer = tar([entry("a", data=b"x")])
    return oci(layer, desc=dict(descriptor(OCI + "layer.v1.tar", layer), size=7))


def missing_layer():
    r"'blobs/sha256/[0-9a-f]{64}' is missing: the archive is not complete"
    return oci(missing="layer")


def missing_config():
    r"'blobs/sha256/[0-9a-f]{64}' is missing: the archive is not complete"
    return oci(missing="config")


def layer_count():
    r"names 2 layers, its manifest 1"
    layer = tar([entry("a", data=b"x")])
    return oci(layer, conf=config([sha(layer), sha(layer)]))


def empty_file():
    r"it is empty"
    return b""


def random_bytes():
    r"no tar archive"
    return bytes((i * 7919 + 13) % 251 for i in range(5000))


def just_a_tar():
    r"neither index.json \(OCI\) nor manifest.json"
    return tar([entry("etc/passwd", data=b"x")])


def ancient_docker():
    r"docker older than 1.10"
    return tar([entry("repositories", data=b"{}"), entry("0/layer.tar", data=b"")])


def member_link_climbs():
    r"its link leaves the archive|is missing"
    conf = config(["3" * 64])
    manifest = json.dumps([{"Config": "c", "RepoTags": None, "Layers": ["0/layer.tar"]}]).encode()
    return tar([entry("c", data=conf), symlink("0/layer.tar", "../../../../etc/passwd"), entry("manifest.json", data=manifest)])


def manifest_names_climb():
    r"manifest.json: '\.\./\.\./etc/passwd': .*'\.\.' component"
    manifest = json.dumps([{"Config": "../../etc/passwd", "RepoTags": None, "Layers": []}]).encode()
    return tar([entry("manifest.json", data=manifest)])


# ---- documents ----

def layout_version():
    r"oci-layout: imageLayoutVersion is 2\.0\.0, and tare reads version 1"
    return oci(layout="2.0.0")


def layout_minor_version():
    "ok"  # a later minor version keeps what was there
    return oci(layout="1.7.3")


def unknown_layer_type():
    r"media type 'application/vnd.example.layer' is not known"
    return oci(layer_type="application/vnd.example.layer")


def foreign_layer():
    r"media type 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip': it is a layer that must be fetched"
    return oci(layer_type="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")


def nondistributable_layer():
    r"media type '.*nondistributable.*': it is a layer that must be fetched"
    return oci(layer_type=OCI + "layer.nondistributable.v1.tar+gzip")


def encrypted_layer():
    r"media type '.*\+encrypted': it is encrypted"
    return oci(layer_type=OCI + "layer.v1.tar+gzip+encrypted")


def artifact():
    r"media type 'application/vnd.cncf.helm.config.v1\+json': it is a Helm chart"
    return oci(config_type="application/vnd.cncf.helm.config.v1+json")


def schema_1():
    r"schema 1"
    return oci(manifest_type="application/vnd.docker.distribution.manifest.v1+prettyjws")


def schema_1_by_number():
    r"schema 1"
    return oci(schema=1)


def other_architecture():
    r"the image is for linux/s390x, this machine is linux/[a-z0-9/]+; to load it all the same: --platform linux/s390x"
    layer = tar([entry("a", data=b"x")])
    return oci(layer, conf=config([sha(layer)], arch="s390x"))


def other_architectures_index():
    r"it has images for linux/s390x, linux/ppc64le, this machine is linux/[a-z0-9/]+; .*--platform"
    fake = descriptor(OCI + "manifest.v1+json", b"x")
    index = {"schemaVersion": 2, "manifests": [dict(fake, platform={"os": "linux", "architecture": a})
                                               for a in ("s390x", "ppc64le")]}
    return oci(index=json.dumps(index).encode())


def duplicate_key():
    r"is there twice"
    return docker([], manifest=b'[{"Config":"a","Config":"b","RepoTags":null,"Layers":[]}]')


def deep_json():
    r"deep|nested|levels"
    return docker([], manifest=b"[" * 5000 + b"]" * 5000)


def huge_json():
    r"larger than [0-9]+ bytes"
    return docker([], manifest=b" " * (5 << 20) + b"[]")


def invalid_utf8_json():
    r"UTF-8"
    return docker([], manifest=b'[{"Config":"\xff\xfe"}]')


def bad_tag():
    r"which is no image name"
    return docker([tar([entry("a", data=b"x")])], names=("../../UPPER:latest",))


def sha512_digest():
    r"is not of the form sha256:HEX"
    index = {"schemaVersion": 2, "manifests": [{"mediaType": OCI + "manifest.v1+json", "size": 2, "digest": "sha512:" + "0" * 128}]}
    return oci(index=json.dumps(index).encode())


def config_without_rootfs():
    r"rootfs is missing"
    return oci(conf=b'{"architecture":"amd64","os":"linux"}')


def relative_workdir():
    r"config.WorkingDir: 'etc' is not absolute"
    layer = tar([entry("a", data=b"x")])
    return oci(layer, conf=config([sha(layer)], config={"WorkingDir": "etc"}))


# ----


def main():
    cases = {k: v for k, v in globals().items() if callable(v) and v.__module__ == "__main__" and v.__doc__ and
             not v.__code__.co_argcount and k != "main"}
    if sys.argv[1] == "--list":
        section = {}
        with open(__file__) as f:
            for n, line in enumerate(f, 1):
                section[n] = line.split()[2] if line.startswith("# ---- ") else section.get(n - 1)
        for name, fn in cases.items():
            if sys.argv[2:] in ([], [section[fn.__code__.co_firstlineno]]):
                print("%s\t%s" % (name, fn.__doc__))
        return
    with open(sys.argv[2], "wb") as f:
        f.write(cases[sys.argv[1]]())


main()
