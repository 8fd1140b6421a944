#!/usr/bin/env python3
"""layers.py CASE OUT.tar...: layers that exercise what unpacking must get right; the tests say what must come of them."""
import io
import sys
import tarfile


def add(t, name, type=tarfile.REGTYPE, data=b"", link="", mode=0o644, **more):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.size = type, link, mode, len(data)
    for k, v in more.items():
        setattr(info, k, v)
    t.addfile(info, io.BytesIO(data))


def folder(t, name, **more):
    add(t, name, tarfile.DIRTYPE, **dict({"mode": 0o755}, **more))


def whiteouts(paths):
    """Two layers: the second hides parts of the first in every way there is."""
    with tarfile.open(paths[0], "w") as t:
        for d in ("gone", "opaque", "opaque/old", "kept", "again", "file2dir", "implied"):
            folder(t, d)
            add(t, d + "/lower", data=b"lower")
        add(t, "file", data=b"lower")
        add(t, "dir2file/x", data=b"lower")
    with tarfile.open(paths[1], "w") as t:
        add(t, ".wh.gone")
        add(t, ".wh.file")
        folder(t, "opaque")
        add(t, "opaque/new", data=b"new")
        add(t, "opaque/.wh..wh..opq")
        add(t, "kept/.wh.lower")
        add(t, "kept/upper", data=b"upper")
        add(t, ".wh.again")                 # removed, then made again: nothing of the lower one shows
        folder(t, "again")
        add(t, "again/upper", data=b"upper")
        add(t, ".wh.implied")
        add(t, "implied/upper", data=b"upper")  # made again without an entry of its own
        add(t, "file2dir", data=b"a file for a moment")
        folder(t, "file2dir")
        add(t, "dir2file", data=b"now a file")
        add(t, ".wh..wh.plnk/x", data=b"aufs")
        add(t, ".wh..wh.aufs", data=b"aufs")


def odd(paths):
    """Everything unusual that tar can say, in one layer."""
    with tarfile.open(paths[0], "w", format=tarfile.PAX_FORMAT) as t:
        folder(t, "./", mode=0o751, uid=7, gid=8, mtime=1000000000)
        add(t, "no/parents/here", data=b"x", mtime=1234567890.25)
        add(t, "twice", data=b"first and longer")
        add(t, "twice", data=b"second")
        folder(t, "was-dir")
        add(t, "was-dir/in", data=b"x")
        add(t, "was-dir", data=b"now a file")
        add(t, "was-file", data=b"x")
        folder(t, "was-file", mode=0o700)
        add(t, "was-file/in", data=b"y")
        add(t, "/absolute", data=b"x")
        add(t, "./dot/./s//lash", data=b"x")
        add(t, "suid", data=b"#!", mode=0o6755, uid=1000, gid=50)
        folder(t, "sticky", mode=0o1777)
        folder(t, "sgid", mode=0o2775, gid=42)
        add(t, "sgid/child", data=b"x", gid=0)
        add(t, "hard1", data=b"content", mode=0o600)
        add(t, "hard2", tarfile.LNKTYPE, link="hard1")
        add(t, "./hard3", tarfile.LNKTYPE, link="./hard1")
        add(t, "link-abs", tarfile.SYMTYPE, link="/etc/passwd", uid=3)
        add(t, "link-up", tarfile.SYMTYPE, link="../../../../etc/passwd")
        add(t, "inner", tarfile.SYMTYPE, link="no/parents")
        add(t, "inner/through", data=b"through a link that stays inside")
        add(t, "fifo", tarfile.FIFOTYPE, mode=0o640)
        add(t, "null", tarfile.CHRTYPE, mode=0o666, devmajor=1, devminor=3)
        add(t, "loop", tarfile.BLKTYPE, mode=0o660, devmajor=7, devminor=0, gid=6)
        add(t, "n" * 255, data=b"longest name")
        add(t, "/".join(["long" * 20] * 12), data=b"long path")
        add(t, "caf\u00e9-\u65e5\u672c", data=b"utf-8")
        add(t, "big-uid", data=b"x", uid=3000000000, gid=2999999999)
        add(t, "old", data=b"x", mtime=-86400)
        add(t, "empty")
        folder(t, "read-only", mode=0o555)
        add(t, "read-only/child", data=b"x", mode=0o400)
        folder(t, "times", mtime=1111111111)
        add(t, "times/child", data=b"x", mtime=1222222222)
        folder(t, "times/sub", mtime=1333333333)
        add(t, "cap", data=b"x", pax_headers={"SCHILY.xattr.user.note": "hi", "SCHILY.xattr.trusted.evil": "x"})
    with tarfile.open(paths[0], "a", format=tarfile.GNU_FORMAT) as t:
        add(t, "gnu/" + "g" * 200, data=b"gnu long name")
        add(t, "gnu-link", tarfile.SYMTYPE, link="t" * 300)
        add(t, "raw-\udce9", data=b"latin-1 name", )


globals()[sys.argv[1]](sys.argv[2:])
