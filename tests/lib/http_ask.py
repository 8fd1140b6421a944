#!/usr/bin/python3
"""http_ask.py [-X METHOD] [-H 'NAME: VALUE']… [-d DATA] [-t SECONDS] [-n BYTES] URL: one request, followed nowhere. A line of JSON:
status, headers (names in lower case), length and sha256 of the body, its beginning as text, seconds, and how it ended: "whole", "short"
(less than Content-Length), "reset", "timeout" (no byte for SECONDS, 5), "enough" (BYTES have come). URL may be unix:SOCKET:/PATH."""
import argparse
import hashlib
import http.client
import json
import socket
import sys
import time
import urllib.parse

p = argparse.ArgumentParser()
p.add_argument("-X", default="GET")
p.add_argument("-H", action="append", default=[])
p.add_argument("-d")
p.add_argument("-t", type=float, default=5)
p.add_argument("-n", type=int, default=1 << 40)
p.add_argument("url")
o = p.parse_args()
start, end, got, sha, text = time.monotonic(), "whole", 0, hashlib.sha256(), b""
if o.url.startswith("unix:"):
    _, path, target = o.url.split(":", 2)
    c = http.client.HTTPConnection("localhost", timeout=o.t)
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.connect(path)
else:
    u = urllib.parse.urlsplit(o.url)
    c, target = http.client.HTTPConnection(u.netloc, timeout=o.t), urllib.parse.urlunsplit(("", "", u.path, u.query, ""))
out = {"status": None, "headers": {}}
try:
    c.request(o.X, target, o.d.encode() if o.d is not None else None, dict(h.split(": ", 1) for h in o.H))
    r = c.getresponse()
    out = {"status": r.status, "headers": {k.lower(): v for k, v in r.getheaders()}}
    while data := r.read1(1 << 16) if o.X != "HEAD" else b"":
        got += len(data)
        sha.update(data)
        text += data[:4096 - len(text)] if len(text) < 4096 else b""
        if got >= o.n:
            end = "enough"
            break
    if end == "whole" and o.X != "HEAD" and r.status not in (204, 304) and got < int(r.headers.get("Content-Length") or 0):
        end = "short"
except http.client.IncompleteRead:
    end = "short"
except (ConnectionError, http.client.RemoteDisconnected):
    end = "reset"
except TimeoutError:
    end = "timeout"
json.dump({**out, "length": got, "sha256": sha.hexdigest(), "text": text.decode("utf-8", "replace"),
           "seconds": round(time.monotonic() - start, 3), "end": end}, sys.stdout)
print()
