#!/usr/bin/python3
"""dns.py serve ADDRESS: a name server on port 53, UDP and TCP. It says 198.51.100.7 to every question, and before that, by the first label
of the name, what a hostile one would say (HOSTILE below), each with 203.0.113.66.
dns.py serve ADDRESS CODE: one that answers every question with that code; "mute": with nothing, and leaves connections open.
dns.py tcp SERVER NAME: asks for an address by TCP and prints what comes.
dns.py again SERVER N SECONDS NAME: asks N times on one connection, with so many seconds between; prints the code of each.
dns.py ask SERVER NAME [TYPE [SIZE]]: asks by UDP, with an OPT record of SIZE; prints the code, "tc" if truncated, and addresses.
dns.py raw SERVER HEX: sends these bytes by UDP; prints the code of what comes, or nothing.
dns.py flood SERVER SECONDS NAME: questions as fast as can be, without reading an answer; prints how many a second.
dns.py drip SERVER SECONDS NAME: a hundred questions every quarter of a second.
dns.py half SERVER N SECONDS: N connections with half a question each, open so long; prints how many are still open then.
dns.py spoof FROM TO PORT: an answer with a forged sender, by a raw socket.
dns.py listen PORT SECONDS: prints who sends something to that UDP port."""
import select
import socket
import struct
import sys
import threading
import time

GOOD, BAD = b"\xc6\x33\x64\x07", b"\xcb\x00\x71\x42"
SAYS = sys.argv[3] if sys.argv[1] == "serve" and len(sys.argv) > 3 else ""
TYPES = {"a": 1, "ptr": 12, "aaaa": 28, "ixfr": 251, "axfr": 252, "any": 255}


def question(m):
    at = 12
    while m[at]:
        at += m[at] + 1
    return m[12 : at + 5]


def answer(query, ip=GOOD, q=None):
    q = q or question(query)
    return query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + q + b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + ip


def loop(query):
    """An alias whose name points to itself."""
    q = question(query)
    at = 12 + len(q) + 12
    return query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + q + b"\xc0\x0c\0\5\0\1\0\0\0\1\0\2" + bytes([0xC0 | at >> 8, at & 255])


def padded(query, n):
    a = answer(query)
    return a + bytes(n - len(a))


HOSTILE = {
    b"id": lambda m: bytes([m[0] ^ 1]) + answer(m, BAD)[1:],
    b"question": lambda m: answer(m, BAD, b"\7another" + question(m)),
    b"query": lambda m: m,
    b"short": lambda m: answer(m, BAD)[:11],
    b"empty": lambda m: b"",
}


def read(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def code(query):
    return query[:2] + b"\x81" + bytes([0x80 | int(SAYS)]) + query[4:6] + bytes(6) + question(query)


def stream(c):
    try:
        m = read(c, struct.unpack("!H", read(c, 2))[0])
        if SAYS == "mute":
            time.sleep(100)
        if SAYS:
            c.sendall(struct.pack("!H", len(code(m))) + code(m))
            m = read(c, 2)
        label = m[13 : 13 + m[12]]
        a = padded(m, 65535) if label == b"big" else answer(m)
        a = struct.pack("!H", len(a)) + a
        if label == b"slow":
            for b in a:
                c.sendall(bytes([b]))
                time.sleep(1)
        c.sendall(a)
    except (EOFError, OSError):
        pass
    c.close()


def streams(address):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, 53))
    s.listen(64)
    while True:
        threading.Thread(target=stream, args=(s.accept()[0],), daemon=True).start()


def serve(address):
    threading.Thread(target=streams, args=(address,), daemon=True).start()
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind((address, 53))
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while True:
        m, who = u.recvfrom(4096)
        if SAYS:
            if SAYS != "mute":
                u.sendto(code(m), who)
            continue
        label = m[13 : 13 + m[12]]
        if label == b"silent":
            continue
        if label in HOSTILE:
            u.sendto(HOSTILE[label](m), who)
        if label == b"source":
            other.sendto(answer(m, BAD), who)
        u.sendto(loop(m) if label == b"loop" else padded(m, 60000) if label == b"big" else answer(m), who)


def query(name, kind=1, size=0):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")) + b"\0"
    opt = b"\0\0\x29" + struct.pack("!H", size) + b"\0\0\0\0\0\0" if size else b""
    return b"\x12\x34\1\0\0\1\0\0\0\0" + struct.pack("!H", 1 if size else 0) + labels + struct.pack("!HH", kind, 1) + opt


def skip(m, at):
    while m[at] and m[at] < 192:
        at += m[at] + 1
    return at + (1 if m[at] == 0 else 2)


def show(m):
    print(m[3] & 15, "tc" if m[2] & 2 else "", end="")
    at = 12 + len(question(m))
    for _ in range(struct.unpack("!H", m[6:8])[0]):
        at = skip(m, at)
        kind, _, _, n = struct.unpack("!HHIH", m[at : at + 10])
        data = m[at + 10 : at + 10 + n]
        if kind in (1, 28):
            print("", socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, data), end="")
        else:
            print(" type", kind, end="")
        at += 10 + n
    print()


def connect(server):
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.connect((server, 53))
    u.settimeout(6)
    return u


def half(server, n, seconds):
    all_of_them = []
    for _ in range(n):
        c = socket.create_connection((server, 53), 5)
        try:
            c.sendall(b"\0")
        except OSError:
            pass
        all_of_them.append(c)
    end = time.time() + seconds
    gone = set()
    while time.time() < end:
        for c in select.select([c for c in all_of_them if c not in gone], [], [], 0.2)[0]:
            gone.add(c)
    print(len(all_of_them) - len(gone))


def spoof(sender, to, port):
    data = b"forged"
    udp = struct.pack("!HHHH", 53, port, 8 + len(data), 0) + data
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(sender), socket.inet_aton(to))
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW).sendto(head + udp, (to, 0))


def listen(port, seconds):
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(("0.0.0.0", port))
    end = time.time() + seconds
    while (left := end - time.time()) > 0:
        if select.select([u], [], [], left)[0]:
            print(u.recvfrom(100)[1][0], flush=True)


def main():
    command, args = sys.argv[1], sys.argv[2:]
    if command == "serve":
        serve(args[0])
    elif command == "tcp":
        c = socket.create_connection((args[0], 53), 5)
        c.settimeout(15)
        m = query(args[1])
        c.sendall(struct.pack("!H", len(m)) + m)
        m = read(c, struct.unpack("!H", read(c, 2))[0])
        show(m) if len(args) > 2 else print(*[".".join(str(b) for b in m[-4:])] * m[7], sep="\n")
    elif command == "again":
        c, m = socket.create_connection((args[0], 53), 5), query(args[3])
        for i in range(int(args[1])):
            time.sleep(float(args[2]) if i else 0)
            c.sendall(struct.pack("!H", len(m)) + m)
            print(read(c, struct.unpack("!H", read(c, 2))[0])[3] & 15, flush=True)
    elif command == "ask":
        u = connect(args[0])
        u.send(query(args[1], TYPES[args[2] if len(args) > 2 else "a"], int(args[3]) if len(args) > 3 else 0))
        show(u.recv(65535))
    elif command == "raw":
        u = connect(args[0])
        u.settimeout(1)
        u.send(bytes.fromhex(args[1]))
        try:
            print(u.recv(65535)[3] & 15)
        except TimeoutError:
            pass
    elif command == "flood":
        u, m, n = connect(args[0]), query(args[2]), 0
        u.setblocking(False)
        start = time.time()
        while time.time() < start + float(args[1]):
            for _ in range(100):
                try:
                    u.send(m)
                    n += 1
                except (BlockingIOError, ConnectionRefusedError):
                    pass
        print(int(n / float(args[1])))
    elif command == "drip":
        u, m = connect(args[0]), query(args[2])
        end = time.time() + float(args[1])
        while time.time() < end:
            for _ in range(100):
                u.send(m)
            time.sleep(0.25)
    elif command == "half":
        half(args[0], int(args[1]), float(args[2]))
    elif command == "spoof":
        spoof(args[0], args[1], int(args[2]))
    elif command == "listen":
        listen(int(args[0]), float(args[1]))


main()
