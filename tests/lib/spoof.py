"""What a liar on a wire does, with raw bytes; and what others see of it. In the network namespace of its caller, on eth0.

	spoof.py send KIND ARG...       KIND: udp SRC-MAC SRC-IP SPORT DST-MAC DST-IP DPORT TEXT · arp SRC-MAC SAYS-MAC SAYS-IP DST-MAC DST-IP
	                                ra SRC-MAC SRC-IP6 · na SRC-MAC SRC-IP6 TARGET-IP6 TLL-MAC DST-MAC DST-IP6 · raw SRC-MAC DST-MAC TYPE TEXT
	spoof.py see SECONDS TEXT       prints "seen" when a frame with TEXT comes in; first "ready"
"""
import socket
import struct
import sys
import time

DEVICE = "eth0"


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ip(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp(src_mac, src, sport, dst_mac, dst, dport, text):
    body = struct.pack("!HHHH", int(sport), int(dport), 8 + len(text), 0) + text.encode()
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 1, 0, 64, 17, 0, ip(src), ip(dst))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return mac(dst_mac) + mac(src_mac) + b"\x08\x00" + head + body


def arp(src_mac, says_mac, says_ip, dst_mac, dst):
    return mac(dst_mac) + mac(src_mac) + b"\x08\x06" + struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, 2, mac(says_mac), ip(says_ip), mac(dst_mac), ip(dst))


def icmp6(src_mac, src, dst_mac, dst, body):
    pseudo = ip(src) + ip(dst) + struct.pack("!IHBB", len(body), 0, 0, 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    return mac(dst_mac) + mac(src_mac) + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + ip(src) + ip(dst) + body


def ra(src_mac, src):
    return icmp6(src_mac, src, "33:33:00:00:00:01", "ff02::1", struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + b"\x01\x01" + mac(src_mac))


def na(src_mac, src, target, says_mac, dst_mac, dst):
    return icmp6(src_mac, src, dst_mac, dst, struct.pack("!BBHI", 136, 0, 0, 0x20000000) + ip(target) + b"\x02\x01" + mac(says_mac))


def raw(src_mac, dst_mac, kind, text):
    return mac(dst_mac) + mac(src_mac) + bytes.fromhex(kind) + text.encode().ljust(50, b"\0")


def send(kind, *args):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((DEVICE, 0))
    s.send({"udp": udp, "arp": arp, "ra": ra, "na": na, "raw": raw}[kind](*args))


def see(seconds, text):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((DEVICE, 3))
    print("ready", flush=True)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        s.settimeout(max(0.01, end - time.monotonic()))
        try:
            frame, where = s.recvfrom(65535)
        except TimeoutError:
            break
        if where[2] != socket.PACKET_OUTGOING and text.encode() in frame:
            print("seen", flush=True)
            return


{"send": send, "see": see}[sys.argv[1]](*sys.argv[2:])
