"""What the tests' registry does wrong when it is told to. A fault is a JSON object:

    {"kind": KIND, "method": "GET", "path": REGEX, "nth": 1, "times": 1, …}

It strikes the nth request that matches and the times - 1 after it; times 0 is for ever. Everything that matches strikes at once, and
requests that are only told to authenticate count too.

    wrong-bytes  at=0          one byte of the body is another; the length is right
    less         bytes=N       a whole answer with N bytes of the body only
    short        after=N       Content-Length is right, N bytes come (half of them), then the connection is closed
    cut          after=N       the same, and the connection is reset
    long         extra=N       N bytes too many, and Content-Length says so
    endless      limit=N       a body without length and end (1 GiB by default: the machine's disk is not to pay for a bug)
    no-length                  no Content-Length: the body ends with the connection
    chunked                    the same with Transfer-Encoding: chunked
    redirect     to=URL code=307    when URL has no path, the request's is added
    loop                       redirects to itself
    status       code=429 retry-after=SECONDS retry-date=SECONDS    the latter as a date that many seconds from now
    refuse       code=507      nothing is done, where status does what was asked for and then says that
    stall        after=N seconds=30   as short, and the connection stays open for a while
    html                       200 and a page
    huge         bytes=N       a manifest of 100 MB: valid JSON
    slow         rate=N        bytes a second
    no-range                   Range is not looked at
    wrong-range  shift=1       Content-Range is of other bytes
    wrong-digest               Docker-Content-Digest is another's
    header       name=N value=V     any header (without value: taken away)
    delay        seconds=1     before the answer
    no-mount                   a cross-repository mount becomes an upload
    drop         after=N       N bytes of the request's body are taken, then the connection is reset
"""
import re
import threading
import time
from email.utils import formatdate

KINDS = ("wrong-bytes less short cut long endless no-length chunked redirect loop status stall html huge slow no-range wrong-range "
         "wrong-digest header delay no-mount drop refuse").split()
# what each takes beside kind, method, path, nth, times
TAKES = {"wrong-bytes": "at", "less": "bytes", "short": "after", "cut": "after", "long": "extra", "endless": "limit",
         "redirect": "to code", "status": "code retry-after retry-date", "stall": "after seconds", "huge": "bytes", "slow": "rate",
         "wrong-range": "shift", "header": "name value", "delay": "seconds", "drop": "after",
         "refuse": "code"}
PAGE = b"<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body>Welcome</body></html>\n"


class Faults:
    def __init__(self, faults=()):
        self.lock, self.faults = threading.Lock(), []
        for f in faults:
            self.add(f)

    def add(self, fault):
        """A ValueError says what is wrong with it."""
        kind = fault.get("kind")
        if kind not in KINDS:
            raise ValueError(f"no fault {kind!r}; there are: {' '.join(KINDS)}")
        odd = set(fault) - {"kind", "method", "path", "nth", "times"} - set(TAKES.get(kind, "").split())
        if odd:
            raise ValueError(f"{kind} takes no {' '.join(sorted(odd))}")
        re.compile(fault.get("path", ""))
        with self.lock:
            self.faults.append({"method": "", "path": "", "nth": 1, "times": 1, **fault, "seen": 0, "struck": 0})

    def clear(self):
        with self.lock:
            self.faults = []

    def strike(self, method, path):
        """The faults of this request; `path` with its query."""
        out = []
        with self.lock:
            for f in self.faults:
                if f["method"] not in ("", method) or not re.search(f["path"], path):
                    continue
                f["seen"] += 1
                if f["seen"] >= f["nth"] and (not f["times"] or f["seen"] < f["nth"] + f["times"]):
                    f["struck"] += 1
                    out.append(f)
        return out


class Body:
    """What goes out: bytes, or a part of a file; and how."""

    def __init__(self, data=b"", path=None, start=0, length=None):
        self.data, self.path, self.start = data, path, start
        self.length = len(data) if length is None else length
        self.declared = self.length        # None: no Content-Length
        self.prefix = self.suffix = None   # of a huge one: around filler
        self.flip = self.rate = None
        self.send, self.end, self.wait, self.framing = self.length, "", 0, "length"

    def resized(self, n):
        self.declared = self.send = n

    def piece(self, at, n):
        """Bytes `at`… of what is sent, at most n; filler where there are none."""
        if self.prefix is not None:
            whole = self.prefix[at:at + n] if at < len(self.prefix) else b""
            tail = self.send - len(self.suffix)
            if not whole:
                whole = b"a" * min(n, tail - at) if at < tail else self.suffix[at - tail:at - tail + n]
        elif at >= self.length:
            whole = b"\0" * n
        elif self.path:
            with open(self.path, "rb") as f:
                f.seek(self.start + at)
                whole = f.read(min(n, self.length - at))
        else:
            whole = self.data[at:min(at + n, self.length)]
        if self.flip is not None and at <= self.flip < at + len(whole):
            i = self.flip - at
            whole = whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1:]
        return whole

    def plain(self):
        return self.path and self.flip is None and not self.rate and self.send == self.length and self.framing == "length" and not self.end


def other_digest(text):
    return text[:-1] + ("1" if text[-1:] == "0" else "0")


def replace_answer(fault, reply, path):
    """Faults that are another answer altogether; whether this was one."""
    kind = fault["kind"]
    if kind == "status":
        reply.status, reply.body = int(fault.get("code", 429)), Body(b'{"errors":[{"code":"TOOMANYREQUESTS","message":"as told"}]}')
        reply.headers = {"Content-Type": "application/json"}
        if "retry-after" in fault:
            reply.headers["Retry-After"] = str(fault["retry-after"])
        if "retry-date" in fault:
            reply.headers["Retry-After"] = formatdate(time.time() + float(fault["retry-date"]), usegmt=True)
    elif kind in ("redirect", "loop"):
        to = fault["to"] if kind == "redirect" else path
        if re.match(r"https?://[^/]+\Z", to):
            to += path
        reply.status, reply.headers, reply.body = int(fault.get("code", 307)), {"Location": to}, Body()
    elif kind == "html":
        reply.status, reply.headers, reply.body = 200, {"Content-Type": "text/html; charset=utf-8"}, Body(PAGE)
    elif kind == "huge":
        b = Body()
        b.prefix, b.suffix = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","annotations":{"a":"', b'"}}'
        b.resized(int(fault.get("bytes", 100 << 20)))
        reply.status, reply.body = 200, b
        reply.headers = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
    else:
        return False
    return True


def bend_answer(fault, reply):
    """Faults in the answer that would have been given."""
    kind, b, h = fault["kind"], reply.body, reply.headers
    if kind == "wrong-bytes":
        b.flip = int(fault.get("at", 0))
    elif kind == "less":
        b.resized(min(int(fault.get("bytes", b.length // 2)), b.length))
    elif kind in ("short", "cut", "stall"):
        b.send, b.end, b.wait = min(int(fault.get("after", b.length // 2)), b.send), kind, float(fault.get("seconds", 30))
    elif kind == "long":
        b.resized(b.length + int(fault.get("extra", 1)))
    elif kind == "endless":
        b.send, b.framing = int(fault.get("limit", 1 << 30)), "close"
    elif kind == "no-length":
        b.framing = "close"
    elif kind == "chunked":
        b.framing = "chunked"
    elif kind == "slow":
        b.rate = int(fault["rate"])
    elif kind == "wrong-range" and "Content-Range" in h:
        first, last, size = re.match(r"bytes (\d+)-(\d+)/(\d+)", h["Content-Range"]).groups()
        n = int(fault.get("shift", 1))
        h["Content-Range"] = f"bytes {int(first) + n}-{int(last) + n}/{size}"
    elif kind == "wrong-digest" and "Docker-Content-Digest" in h:
        h["Docker-Content-Digest"] = other_digest(h["Docker-Content-Digest"])
    elif kind == "header":
        h.pop(fault["name"], None)
        if "value" in fault:
            h[fault["name"]] = str(fault["value"])


def apply(faults, reply, path):
    for f in faults:
        replace_answer(f, reply, path)
    for f in faults:
        bend_answer(f, reply)
