#!/usr/bin/env python3
"""layer_files.py KIND OUT.tar OUT.packed: a layer as others pack it, or as nobody honest does: the tar, and what is sent of it.

  estargz    gzip: each file and folder a member of its own, a table of contents as the last file, its place in a footer's extra field
  chunked    zstd, "zstd:chunked": several frames, and behind them what a decoder skips (RFC 8878, skippable frames)
  terabyte   zstd: 2^40 bytes in 33 MB, of one file that is as long as its header says; no tar of it
  files      zstd: as much, of files of 1 GB
"""
import gzip
import io
import json
import struct
import subprocess
import sys
import tarfile

kind, tar_path, packed_path = sys.argv[1:]
BLOCK = 1 << 17


def member(name, data=b"", folder=False):
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(data), 0o755 if folder else 0o644, 1000000000
    info.type = tarfile.DIRTYPE if folder else tarfile.REGTYPE
    blocks = info.tobuf(tarfile.USTAR_FORMAT) + data
    return blocks + b"\0" * (-len(blocks) % 512)


def pack_gzip(data, extra=None):
    if extra is None:
        return gzip.compress(data, mtime=0)
    head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + struct.pack("<H", len(extra)) + extra
    return head + b"\x01\0\0\xff\xff" + struct.pack("<II", 0, 0)  # an empty stored block


def pack_zstd(data):
    return subprocess.run(["zstd", "-qc"], input=data, stdout=subprocess.PIPE, check=True).stdout


def skippable(data):
    return struct.pack("<II", 0x184D2A50, len(data)) + data


def raw_block(data):
    return struct.pack("<I", len(data) << 3)[:3] + data


def zeros(n):
    """Blocks of one byte again and again."""
    return (struct.pack("<I", 1 << 1 | BLOCK << 3)[:3] + b"\0") * (n // BLOCK)


def frame(blocks):
    # no checksum, no size, a window of 128 kB; the last block is an empty raw one
    return b"\x28\xb5\x2f\xfd\x00" + bytes([(17 - 10) << 3]) + blocks + struct.pack("<I", 1)[:3]


files = [member("etc/", folder=True), member("etc/greeting", b"hello\n"), member("big", bytes(range(256)) * 2000)]
tar = packed = b""
if kind == "estargz":
    toc = json.dumps({"version": 1, "entries": [{"name": "etc/", "type": "dir"}, {"name": "etc/greeting", "type": "reg", "size": 6}]}).encode()
    parts = [pack_gzip(f) for f in files]
    parts.append(pack_gzip(member("stargz.index.json", toc) + b"\0" * 1024))
    at = sum(map(len, parts[:-1]))
    field = f"{at:016x}STARGZ".encode()
    packed = b"".join(parts) + pack_gzip(b"", b"SG" + struct.pack("<H", len(field)) + field)
    tar = b"".join(files) + member("stargz.index.json", toc) + b"\0" * 1024
elif kind == "chunked":
    tar = b"".join(files) + b"\0" * 1024
    packed = b"".join(pack_zstd(f) for f in files) + pack_zstd(b"\0" * 1024) + skippable(pack_zstd(b'{"version":1}')) + skippable(b"GNUlInUx" * 8)
else:
    size = 1 << 40 if kind == "terabyte" else 1 << 30
    out = io.BytesIO()
    for n in range((1 << 40) // size):
        info = tarfile.TarInfo(f"zeros-{n}")
        info.size = size
        out.write(raw_block(info.tobuf(tarfile.GNU_FORMAT)) + zeros(size))
    packed = frame(out.getvalue())
for path, data in ((tar_path, tar), (packed_path, packed)):
    with open(path, "wb") as f:
        f.write(data)
