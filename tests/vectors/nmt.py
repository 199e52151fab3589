#!/usr/bin/env python3
"""Makes nmt.json: namespace Merkle trees and blobs, a second implementation of
specs/gossip/blobs.md in plain Python, from the page and not from the Rust code. Run it in this
directory; the tests of `chain::nmt` and `chain::blob` compare the result with the product."""

import json
import random

from common import head, sha3

PIECE = 4096
KNOWN = "382d00e2139b04cb77f513247c8f838fcfa26db6e1920d13521bbc95610d483a"


def ns_bytes(ns):
    return ns.to_bytes(4, "big")


def leb128(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def encoded(leaf):
    ns, data = leaf
    return ns_bytes(ns) + leb128(len(data)) + data


def leaf_node(leaf):
    ns, data = leaf
    return sha3(b"\0", ns_bytes(ns), sha3(leb128(len(data)), data)), ns, ns


def parent(a, b):
    return sha3(b"\1", a[0], b[0], ns_bytes(a[1]), ns_bytes(b[2])), a[1], b[2]


def levels(leaves):
    assert leaves and all(a[0] <= b[0] for a, b in zip(leaves, leaves[1:]))
    out = [[leaf_node(leaf) for leaf in leaves]]
    while len(out[-1]) > 1:
        row = out[-1] + out[-1][-1:] * (len(out[-1]) % 2)
        out.append([parent(a, b) for a, b in zip(row[::2], row[1::2])])
    return out


def path(rows, index):
    out = []
    for row in rows[:-1]:
        beside = index ^ 1
        if beside < len(row):
            digest, low, high = row[beside]
            out.append(digest + ns_bytes(low if index % 2 else high))
        index //= 2
    return out


def tree(leaves):
    rows = levels(leaves)
    return {
        "leaves": [{"ns": ns, "data": data.hex()} for ns, data in leaves],
        "root": rows[-1][0][0].hex(),
        "proofs": [
            {"leaf": encoded(leaf).hex(), "path": [p.hex() for p in path(rows, i)]}
            for i, leaf in enumerate(leaves)
        ],
    }


def blob(ns, data):
    pieces = [data[i : i + PIECE] for i in range(0, len(data), PIECE)]
    leaves = [(ns, len(data).to_bytes(8, "big"))] + [(ns, piece) for piece in pieces]
    root = levels(leaves)[-1][0][0]
    announcement = (
        head(5, 4) + head(0, 0) + head(2, 32) + root + head(0, 1) + head(0, ns)
        + head(0, 2) + head(0, len(data)) + head(0, 3) + head(0, len(leaves))
    )
    return {"ns": ns, "size": len(data), "root": root.hex(), "announcement": announcement.hex()}


def main():
    rng = random.Random(18)
    trees = [tree([(24, b"hello"), (24, b"world"), (25, b"!")])]
    assert trees[0]["root"] == KNOWN
    for count in (1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17):
        spaces = sorted(rng.randrange(2**32) if count % 2 else rng.randrange(3) for _ in range(count))
        trees.append(tree([(ns, rng.randbytes(rng.choice((0, 1, 20, 130)))) for ns in spaces]))
    sizes = (1, 100, 4095, 4096, 4097, 12_288, 100_000, 2_097_152)
    blobs = [blob(n, bytes(i % 251 for i in range(size))) for n, size in enumerate(sizes)]
    with open("nmt.json", "w") as file:
        json.dump({"trees": trees, "blobs": blobs}, file, indent=1)
        file.write("\n")


main()
