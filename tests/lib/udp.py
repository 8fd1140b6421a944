#!/usr/bin/python3
"""udp.py serve PORT TEXT: answers each datagram with TEXT and its sender.
udp.py ask HOST PORT SOURCE-PORT [SECONDS]: sends one from SOURCE-PORT and prints the answer; nothing when none
comes in a second, or in SECONDS, in each of which it sends another."""
import socket
import sys

six = sys.argv[1] == "ask" and ":" in sys.argv[2]
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
if sys.argv[1] == "serve":
    s.bind(("0.0.0.0", int(sys.argv[2])))
    while True:
        _, who = s.recvfrom(1500)
        s.sendto(f"{sys.argv[3]} {who[0]}".encode(), who)
s.bind(("::" if six else "0.0.0.0", int(sys.argv[4])))
s.settimeout(1)
for _ in range(int(sys.argv[5]) if len(sys.argv) > 5 else 1):
    s.sendto(b"?", (sys.argv[2], int(sys.argv[3])))
    try:
        print(s.recv(1500).decode())
        break
    except OSError:
        pass
