"""HTTP to a unix socket, byte by byte: what no client's library would send, and what came back."""
import http.client
import os
import select
import socket
import sys
import time


class Unix(http.client.HTTPConnection):
    def __init__(self, path, timeout=20):
        super().__init__("engine", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = connect(self.path, self.timeout)

    def ask(self, method, target, body=None, headers=None, **more):
        self.request(method, target, body=body, headers=headers or {}, **more)
        r = self.getresponse()
        return r.status, r.read(), r


def connect(path, timeout=20):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    s.connect(path)
    return s


def rest(s):
    """All until the server closes; a reset is told by its name."""
    out = b""
    while True:
        try:
            d = s.recv(65536)
        except ConnectionResetError:
            return out + b"<reset>"
        if not d:
            return out
        out += d


def until(s, mark):
    out = b""
    while mark not in out:
        d = s.recv(65536)
        if not d:
            break
        out += d
    return out


def raw(path, data, half_close=False):
    """Sends all of it and gives all that comes until the server closes."""
    s = connect(path)
    try:
        s.sendall(data)
    except BrokenPipeError:
        pass
    if half_close:
        s.shutdown(socket.SHUT_WR)
    return rest(s)


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def rss(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(p) for p in f.read().split()]


def wait_for(what, seconds=10):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            sys.exit("it did not come to it")
        time.sleep(0.01)


def ended(s, seconds=10):
    """Whether the server closes within this time."""
    return bool(select.select([s], [], [], seconds)[0]) and s.recv(1) == b""
