#!/usr/bin/python3
"""dns.py serve ADDRESS: a name server that says 198.51.100.7 to every question, by UDP and TCP, on port 53.
dns.py tcp SERVER NAME: asks for an address by TCP and prints what comes."""
import socket
import struct
import sys
import threading


def answer(query):
    return query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question(query) + b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\xc6\x33\x64\x07"


def question(m):
    at = 12
    while m[at]:
        at += m[at] + 1
    return m[12 : at + 5]


def read(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def streams(address):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, 53))
    s.listen(8)
    while True:
        c, _ = s.accept()
        try:
            m = answer(read(c, struct.unpack("!H", read(c, 2))[0]))
            c.sendall(struct.pack("!H", len(m)) + m)
        except (EOFError, OSError):
            pass
        c.close()


def main():
    if sys.argv[1] == "serve":
        threading.Thread(target=streams, args=(sys.argv[2],), daemon=True).start()
        u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        u.bind((sys.argv[2], 53))
        while True:
            m, who = u.recvfrom(4096)
            u.sendto(answer(m), who)
    c = socket.create_connection((sys.argv[2], 53), 5)
    labels = b"".join(bytes([len(x)]) + x.encode() for x in sys.argv[3].split(".")) + b"\0"
    m = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\1\0\1"
    c.sendall(struct.pack("!H", len(m)) + m)
    m = read(c, struct.unpack("!H", read(c, 2))[0])
    for i in range(struct.unpack("!H", m[6:8])[0]):
        print(".".join(str(b) for b in m[len(m) - 4 :]))


main()
