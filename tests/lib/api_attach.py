#!/usr/bin/python3
"""api_attach.py [-u] [-r] [-i TEXT] [-s SECONDS] [-k] [-m MASK] SOCKET PATH [BODY]: a connection that is taken over (attach, exec start). Prints
the status and then, as they come, what the streams have: "1 TEXT" or "2 TEXT" of frames (the parts of one stream put together), with -r the bytes as
they are; "end" where the server ended it.

-u  asks for an upgrade; -i sends TEXT and then ends its half; -k keeps that half open; -s gives up after SECONDS (10);
-w  a websocket instead: -i is sent as one message, masked, and what comes is put together"""
import argparse
import json
import os
import socket
import struct
import sys

p = argparse.ArgumentParser()
p.add_argument("-u", action="store_true")
p.add_argument("-r", action="store_true")
p.add_argument("-w", action="store_true")
p.add_argument("-k", action="store_true")
p.add_argument("-i")
p.add_argument("-s", type=float, default=10)
p.add_argument("socket")
p.add_argument("path")
p.add_argument("body", nargs="?", default="")
o = p.parse_args()
s = socket.socket(socket.AF_UNIX)
s.settimeout(o.s)
s.connect(o.socket)
head = f"{'GET' if o.w else 'POST'} {o.path} HTTP/1.1\r\nHost: docker\r\n"
if o.u:
    head += "Connection: Upgrade\r\nUpgrade: tcp\r\n"
if o.w:
    head += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
if o.body:
    head += f"Content-Type: application/json\r\nContent-Length: {len(o.body)}\r\n"
elif not o.w:
    head += "Content-Length: 0\r\n"
s.sendall(head.encode() + b"\r\n" + o.body.encode())
data = b""
while b"\r\n\r\n" not in data:
    more = s.recv(4096)
    if not more:
        break
    data += more
lines, _, data = data.partition(b"\r\n\r\n")
lines = lines.decode().split("\r\n")
fields = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
status = lines[0].split()[1]
print(status, fields.get("sec-websocket-accept") or fields.get("content-type"), flush=True)
if status not in ("101", "200"):
    n = int(fields.get("content-length", 0))
    while len(data) < n:
        data += s.recv(4096)
    print(json.loads(data)["message"])
    sys.exit(1)
if o.i is not None:
    text = o.i.encode().decode("unicode_escape").encode()
    if o.w:
        mask = os.urandom(4)
        text = bytes([0x82, 0x80 | len(text)]) + mask + bytes(c ^ mask[i % 4] for i, c in enumerate(text))
    s.sendall(text)
if not o.k and not o.w:
    s.shutdown(socket.SHUT_WR)
streams, ended = {}, False
try:
    while True:
        more = s.recv(1 << 16)
        if not more:
            ended = True
            break
        data += more
except TimeoutError:
    pass
except ConnectionResetError:
    ended = True
if o.r:
    sys.stdout.buffer.write(data)
elif o.w:
    got = b""
    while len(data) >= 2:
        n, at = data[1] & 127, 2
        if n == 126:
            n, at = struct.unpack(">H", data[2:4])[0], 4
        if data[0] & 15 == 2:
            got += data[at:at + n]
        elif data[0] & 15 == 8:
            got += b"(close)"
        data = data[at + n:]
    sys.stdout.buffer.write(got)
else:
    while len(data) >= 8:
        which, n = data[0], struct.unpack(">I", data[4:8])[0]
        if data[1:4] != b"\0\0\0" or len(data) < 8 + n:
            break
        streams[which] = streams.get(which, b"") + data[8:8 + n]
        data = data[8 + n:]
    for which in sorted(streams):
        print(which, streams[which].decode("utf-8", "replace"), end="" if streams[which].endswith(b"\n") else "\n")
    if data:
        print("what is no frame:", data)
sys.stdout.flush()
if ended:
    print("end")
