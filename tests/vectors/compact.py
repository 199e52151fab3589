#!/usr/bin/env python3
"""Checks compact.json: a second implementation of specs/gossip/compact-blocks.md, in plain Python and
its standard library, from the specification and not from the Rust code. Run it in this directory; it
prints what differs and then ends with 1. The file is written by the ignored test
`write_compact_vectors`."""

import hashlib
import json
import sys

MASK = 2**64 - 1


def sha3(*parts):
    return hashlib.sha3_256(b"".join(parts)).digest()


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + n.to_bytes(size, "big")
    raise ValueError(n)


def cbor(value):
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value)) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    entries = sorted((cbor(k), cbor(v)) for k, v in value.items())
    return head(5, len(entries)) + b"".join(k + v for k, v in entries)


def rotl(x, n):
    return (x << n | x >> 64 - n) & MASK


def siphash(key, data):
    """SipHash-2-4 with a key of 16 bytes, as a number."""
    k0, k1 = (int.from_bytes(key[i:i + 8], "little") for i in (0, 8))
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D,
         k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & MASK
            v[1] = rotl(v[1], 13) ^ v[0]
            v[0] = rotl(v[0], 32)
            v[2] = (v[2] + v[3]) & MASK
            v[3] = rotl(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & MASK
            v[3] = rotl(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & MASK
            v[1] = rotl(v[1], 17) ^ v[2]
            v[2] = rotl(v[2], 32)

    padded = data + bytes(-(len(data) + 1) % 8) + bytes([len(data) & 255])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at:at + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def short_id(header, salt, item):
    key = sha3(header, salt.to_bytes(8, "big"))[:16]
    return siphash(key, sha3(item)).to_bytes(8, "little")[:6]


def encode_block(header, txs, proofs):
    # {txs, header, proofs} in canonical order, the header being a map already.
    return (b"\xa3" + cbor("txs") + cbor(txs) + cbor("header") + header
            + cbor("proofs") + cbor(proofs))


def announce(header, salt, txs, proofs, prefilled):
    items = txs + proofs
    ids = b"".join(short_id(header, salt, item) for n, item in enumerate(items) if n not in prefilled)
    size = len(encode_block(header, txs, proofs))
    full = [[n, items[n]] for n in sorted(prefilled)]
    return cbor({0: header, 1: salt, 2: [len(txs), len(proofs), size], 3: ids, 4: full})


def get_tx(block, indexes, max_bytes):
    gaps = [n - (before + 1) for before, n in zip([-1] + indexes, indexes)]
    return cbor({0: block, 1: gaps, 2: max_bytes})


def check(case):
    header, salt = bytes.fromhex(case["header"]), int(case["salt"])
    txs, proofs = ([bytes.fromhex(i) for i in case[key]] for key in ("txs", "proofs"))
    items = txs + proofs
    missing = [items[n] for n in case["missing"]]
    expected = {
        "short_ids": [short_id(header, salt, item).hex() for item in items],
        "announce": announce(header, salt, txs, proofs, case["prefilled"]).hex(),
        "block": encode_block(header, txs, proofs).hex(),
        "get_tx": get_tx(sha3(header), case["missing"], sum(map(len, missing))).hex(),
        "tx": cbor({0: missing}).hex(),
    }
    return [key for key, value in expected.items() if case[key] != value]


def main():
    # The example of the SipHash paper.
    assert siphash(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5
    with open("compact.json") as file:
        cases = json.load(file)["announces"]
    wrong = [(case["name"], check(case)) for case in cases]
    for name, keys in wrong:
        print(f"{name}: {', '.join(keys) or 'agrees'}")
    sys.exit(any(keys for _, keys in wrong))


main()
