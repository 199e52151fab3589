#!/usr/bin/env python3
"""Makes bloom.json: a second implementation of specs/gossip/filters.md, in plain Python and its
standard library, from the specification and not from the Rust code. The test `bloom::tests`
compares the result with the product."""

import json
import math
import struct
from pathlib import Path

from common import M64, rotl, siphash


def child(salt, n):
    return b"".join(
        struct.pack(">Q", siphash(1, 3, salt, struct.pack(">QB", n, half))) for half in (0, 1)
    )


def shape(n, p):
    bits = max(8 * math.ceil(n * math.log(p) / (-8 * math.log(2) ** 2)), 64)
    words = -(-bits // 64)
    hashes = max(math.floor(math.log(2) * words * 64 / n + 0.5), 1)
    return words, hashes


def positions(key, salt, words, hashes):
    h1 = siphash(1, 3, salt, key)
    h2 = h1 * 0x517CC1B727220A95 & M64
    for _ in range(hashes):
        yield h1 * (words * 64) >> 64
        h1 = (rotl(h1, 5) + h2) & M64


class Layer:
    def __init__(self, n, p, salt):
        self.n, self.p, self.salt, self.items = n, p, salt, 0
        self.words, self.hashes = shape(n, p)
        self.bits = [0] * self.words

    def has(self, key):
        return all(self.bits[i >> 6] >> (i & 63) & 1
                   for i in positions(key, self.salt, self.words, self.hashes))

    def add(self, key):
        self.items += not self.has(key)
        for i in positions(key, self.salt, self.words, self.hashes):
            self.bits[i >> 6] |= 1 << (i & 63)

    def form(self):
        head = struct.pack(">QBI", self.items, self.hashes, self.words)
        return head + struct.pack(f">{self.words}Q", *self.bits)


def key(i):
    return struct.pack(">I", i) * 8


def plain(n, p, salt, count):
    layer = Layer(n, p, salt)
    for i in range(count):
        layer.add(key(i))
    return bytes([1, 1]) + salt + struct.pack(">Qd", n, p) + layer.form()


def scalable(n, p, salt, max_bytes, count):
    rate = p * (1.0 - 0.8)
    layers = [Layer(n, rate, salt)]
    for i in range(count):
        if any(layer.has(key(i)) for layer in layers):
            continue
        if layers[-1].items >= layers[-1].n:
            rate *= 0.8
            layers.append(Layer(layers[-1].n * 2, rate, salt))
        layers[-1].add(key(i))
    head = bytes([1, 2]) + salt + struct.pack(">QdQB", n, p, max_bytes, len(layers))
    return head + b"".join(layer.form() for layer in layers)


SALT = bytes(range(16))
out = {
    "salt": SALT.hex(),
    "hash_of_key_0": f"{siphash(1, 3, SALT, key(0)):016x}",
    "child_7": child(SALT, 7).hex(),
    "plain": {"capacity": 20, "rate": 0.01, "items": 20,
              "form": plain(20, 0.01, SALT, 20).hex()},
    "scalable": {"capacity": 8, "rate": 0.01, "max_bytes": 4096, "items": 30,
                 "form": scalable(8, 0.01, SALT, 4096, 30).hex()},
}
path = Path(__file__).with_name("bloom.json")
path.write_text(json.dumps(out, indent=2) + "\n")
