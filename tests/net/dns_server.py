#!/usr/bin/env python3
"""A DNS server with the answers it was given, and nothing else.

    dns_server.py --bind IP[:PORT] [NAME TYPE VALUE]...

TYPE is TXT or A. Any other name does not exist; a known name has no records of other types. It prints a line for
each question. Standard library only.
"""

import argparse
import ipaddress
import socket
import struct

TYPES = {"A": 1, "TXT": 16}


def question(packet):
    """Name, type and length of the first question."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]])
        at += 1 + packet[at]
    kind = struct.unpack(">H", packet[at + 1 : at + 3])[0]
    return b".".join(labels).decode().lower(), kind, at + 5 - 12


def data(kind, value):
    if kind == TYPES["A"]:
        return ipaddress.IPv4Address(value).packed
    text = value.encode()
    parts = [text[i : i + 255] for i in range(0, len(text), 255)]
    return b"".join(bytes([len(part)]) + part for part in parts)


def answer(packet, zone):
    name, kind, length = question(packet)
    values = zone.get(name, {}).get(kind, [])
    # An answer, with authority, recursion as desired; 3: no such name.
    flags = 0x8400 | (struct.unpack(">H", packet[2:4])[0] & 0x0100) | (0 if name in zone else 3)
    out = packet[:2] + struct.pack(">HHHHH", flags, 1, len(values), 0, 0) + packet[12 : 12 + length]
    for value in values:
        # 0xc00c: the name of the question.
        out += struct.pack(">HHHIH", 0xC00C, kind, 1, 60, len(data(kind, value))) + data(kind, value)
    return name, kind, len(values), out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bind", required=True, metavar="IP[:PORT]")
    parser.add_argument("record", nargs="*", help="NAME TYPE VALUE, repeated")
    args = parser.parse_args()
    zone = {}
    for name, kind, value in zip(*[iter(args.record)] * 3, strict=True):
        zone.setdefault(name.lower(), {}).setdefault(TYPES[kind], []).append(value)
    host, _, port = args.bind.partition(":")
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, int(port or 53)))
    print("ready", flush=True)
    while True:
        packet, whence = sock.recvfrom(4096)
        try:
            name, kind, count, out = answer(packet, zone)
        except (IndexError, UnicodeDecodeError, struct.error):
            continue
        sock.sendto(out, whence)
        print(f"{whence[0]} asked for {name} type {kind}: {count} records", flush=True)


if __name__ == "__main__":
    main()
