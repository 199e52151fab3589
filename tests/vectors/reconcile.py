#!/usr/bin/env python3
"""Makes reconcile.json: a second implementation of specs/gossip/reconciliation.md, in plain Python
and its standard library, from the specification and not from the Rust code. Run it in this
directory; the test `gossip::reconcile::vectors` compares the result with the product."""

import json
from math import isqrt

from common import M64, cbor, sha3, siphash

END = 32768


def short_key(salt, item):
    return siphash(2, 4, salt, item)


def check(salt, key):
    return siphash(2, 4, salt, key.to_bytes(8, "big")) & 0xffffffff


def indexes(key, end=END):
    state, index = key, 0
    while index < end:
        yield index
        state = (state + 0x9e3779b97f4a7c15) & M64
        z = state
        z = ((z ^ z >> 30) * 0xbf58476d1ce4e5b9) & M64
        z = ((z ^ z >> 27) * 0x94d049bb133111eb) & M64
        z ^= z >> 31
        s = isqrt(z) + 1
        gap = -(-(2 * index + 3) * ((1 << 32) - s) // (2 * s))
        index += max(gap, 1)


def symbols(salt, items, end):
    out = [[0, 0, 0] for _ in range(end)]
    for item in items:
        key = short_key(salt, item)
        for i in indexes(key, end):
            out[i][0] ^= key
            out[i][1] ^= check(salt, key)
            out[i][2] = (out[i][2] + 1) & 0xffff
    return out


def decode(salt, here, there, end):
    """The difference, by plain repeated search; None if these symbols are too few."""
    cells = [[a ^ c, b ^ d, (m - n) & 0xffff] for (a, b, m), (c, d, n)
             in zip(symbols(salt, there, end), symbols(salt, here, end))]
    found = {1: [], 0xffff: []}
    again = True
    while again:
        again = False
        for key, sums, count in [list(cell) for cell in cells]:
            if count in found and check(salt, key) == sums and key not in found[count]:
                for i in indexes(key, end):
                    cells[i][0] ^= key
                    cells[i][1] ^= sums
                    cells[i][2] = (cells[i][2] - count) & 0xffff
                found[count].append(key)
                again = True
    if any(cell != [0, 0, 0] for cell in cells):
        return None
    return sorted(found[0xffff]), sorted(found[1])


def item(i):
    return sha3(b"reconcile/%d" % i)


def packed(cells):
    return b"".join(k.to_bytes(8, "big") + c.to_bytes(4, "big") + n.to_bytes(2, "big")
                    for k, c, n in cells)


def keys_bytes(keys):
    return b"".join(key.to_bytes(8, "big") for key in keys)


def main():
    salts = [bytes(16), bytes(range(16)), sha3(b"salt")[:16]]
    keys = [{"salt": salt.hex(), "id": item(i).hex(),
             "key": "%016x" % short_key(salt, item(i)),
             "check": "%08x" % check(salt, short_key(salt, item(i)))}
            for salt in salts for i in range(4)]
    mapping = [{"key": "%016x" % key, "indexes": list(indexes(key))}
               for key in [0, 1, M64, 0x0123456789abcdef]
               + [short_key(salts[1], item(i)) for i in range(12)]]
    sets = [{"salt": salt.hex(), "from": first, "to": last,
             "symbols": packed(symbols(salt, map(item, range(first, last)), end)).hex()}
            for salt, first, last, end in
            [(salts[0], 0, 0, 4), (salts[0], 0, 1, 32), (salts[1], 5, 8, 32),
             (salts[2], 0, 200, 48), (salts[1], 0, 70000, 2)]]
    differences = []
    for salt, here, there in [(salts[1], (0, 0), (0, 0)), (salts[1], (0, 10), (0, 10)),
                              (salts[1], (0, 0), (0, 7)), (salts[2], (0, 7), (0, 0)),
                              (salts[2], (0, 300), (20, 330)), (salts[0], (0, 40), (40, 80))]:
        a, b = ([item(i) for i in range(*r)] for r in (here, there))
        end = next(end for end in range(1, END) if decode(salt, a, b, end) is not None)
        only_here, only_there = decode(salt, a, b, end)
        differences.append({"salt": salt.hex(), "here": here, "there": there, "symbols": end,
                            "onlyHere": ["%016x" % key for key in only_here],
                            "onlyThere": ["%016x" % key for key in only_there]})
    get = {0: 1, 1: salts[1], 2: 300}
    three = [symbols(salts[1], [item(0), item(1)], 3)]
    two = sorted(short_key(salts[1], item(i)) for i in range(2))
    messages = [
        ("GET_SKETCH", cbor(get | {3: [1, 0, 64]})),
        ("GET_SKETCH", cbor(get | {0: 2, 3: [2, 16384, 16384]})),
        ("GET_SKETCH", cbor(get | {3: [3, keys_bytes(two)]})),
        ("SKETCH", cbor({0: 2, 1: 9, 2: [1, packed(three[0])]})),
        ("SKETCH", cbor({0: 2, 1: 9, 2: [2, keys_bytes(two)]})),
        ("SKETCH", cbor({0: 2, 1: 9, 2: [3, item(0) + item(1)]})),
    ]
    out = {"keys": keys, "mapping": mapping, "symbols": sets, "differences": differences,
           "messages": [{"name": name, "payload": payload.hex()} for name, payload in messages]}
    with open("reconcile.json", "w", encoding="utf-8") as file:
        json.dump(out, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
