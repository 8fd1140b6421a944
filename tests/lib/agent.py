#!/usr/bin/env python3
"""Speaks with `tare internal agent` as a hostile client, and is the agent behind it: agent.py TARE. Says what is wrong, and fails."""
import os
import socket
import struct
import subprocess
import sys
import tempfile

LIST, SIGN, FAILURE = 11, 13, 5


def frame(kind, body=b""):
    return struct.pack(">IB", 1 + len(body), kind) + body


def take(s):
    head = b""
    while len(head) < 4:
        more = s.recv(4 - len(head))
        if not more:
            return None
        head += more
    body, size = b"", struct.unpack(">I", head)[0]
    while len(body) < size:
        more = s.recv(size - len(body))
        if not more:
            return None
        body += more
    return body


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: {got!r}, and {want!r} is wanted")


def main():
    folder = tempfile.TemporaryDirectory()  # goes with it
    where = os.path.join(folder.name, "s")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(where)
    listening.listen(64)
    agent, theirs = socket.socketpair()
    agent.settimeout(10)

    def place():
        os.dup2(listening.fileno(), 103)
        os.dup2(theirs.fileno(), 104)
        os.dup2(103, 3)
        os.dup2(104, 4)

    child = subprocess.Popen([sys.argv[1], "internal", "agent"], preexec_fn=place, close_fds=False)
    theirs.close()

    def client():
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        s.connect(where)
        return s

    one = client()
    one.sendall(frame(LIST))
    check("a list reaches the agent", take(agent), bytes([LIST]))
    agent.sendall(frame(12, b"\0\0\0\0"))
    check("its answer comes back", take(one), b"\x0c\0\0\0\0")
    # nothing but these two kinds is passed on
    for kind in [k for k in range(256) if k not in (LIST, SIGN)]:
        one.sendall(frame(kind, b"x" * (kind % 7)))
        check(f"kind {kind} is refused", take(one), bytes([FAILURE]))
    # two requests at once, one in pieces
    one.sendall(frame(17) + frame(SIGN, b"y" * 100000)[:50])
    check("the first of two", take(one), bytes([FAILURE]))
    one.sendall(frame(SIGN, b"y" * 100000)[50:])
    check("a large one in pieces", take(agent), bytes([SIGN]) + b"y" * 100000)
    agent.sendall(frame(14, b"z" * 200000))
    check("a large answer", take(one), b"\x0e" + b"z" * 200000)
    # sizes that are none end that client alone; nothing of it reaches the agent
    for bad in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\x04\0\x01", b"\x80\0\0\0"):
        s = client()
        s.sendall(bad + b"\x0b" * 8)
        check(f"a frame of size {bad!r} ends it", s.recv(1), b"")
    # more at once than there are places: who has none waits, and one that goes away makes room
    crowd = [client() for _ in range(20)]
    crowd[0].sendall(frame(1))
    check("one of many", take(crowd[0]), bytes([FAILURE]))
    for s in crowd[:15]:
        s.close()
    crowd[19].sendall(frame(1))
    check("one who had waited", take(crowd[19]), bytes([FAILURE]))
    # an agent that lies about its size, or dies, ends all
    one.sendall(frame(LIST))
    check("still at work", take(agent), bytes([LIST]))
    agent.sendall(b"\xff\xff\xff\xff")
    check("no answer is made up", one.recv(1), b"")
    check("its end", child.wait(10), 1)


main()
