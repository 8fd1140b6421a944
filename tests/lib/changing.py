"""changing.py WHAT PATH [OTHER]: changes PATH over and over until it is ended, as a context may be while a build reads it.

    exchange   PATH and OTHER change places, at once (renameat2, RENAME_EXCHANGE)
    grow       a file gets longer, and begins anew at 1 MB
    flip       a file's bytes, all of one kind, become another kind; its length stays
    come-go    a folder and a file in it come and go
"""
import ctypes
import os
import shutil
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, RENAME_EXCHANGE = -100, 2


def exchange(path, other):
    if libc.renameat2(AT_FDCWD, path.encode(), AT_FDCWD, other.encode(), RENAME_EXCHANGE) < 0:
        raise OSError(ctypes.get_errno(), "renameat2")


def grow(path, _):
    with open(path, "ab") as f:
        f.write(b"x" * 4096)
        if f.tell() > 1000000:
            f.truncate(0)


def flip(path, _):
    with open(path, "r+b") as f:
        old = f.read(1)
        size = os.fstat(f.fileno()).st_size
        f.seek(0)
        f.write((b"B" if old == b"A" else b"A") * size)
    time.sleep(0.006)


def come_go(path, _):
    os.makedirs(path, exist_ok=True)
    with open(path + "/file", "w") as f:
        f.write("here")
    shutil.rmtree(path)


def main():
    what, path = sys.argv[1].replace("-", "_"), sys.argv[2]
    other = sys.argv[3] if len(sys.argv) > 3 else None
    while True:
        globals()[what](path, other)


if __name__ == "__main__":
    main()
