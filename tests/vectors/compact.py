#!/usr/bin/env python3
"""Checks compact.json: a second implementation of specs/gossip/compact-blocks.md, in plain Python and
its standard library, from the specification and not from the Rust code. Run it in this directory; it
prints what differs and then ends with 1. The file is written by the ignored test
`write_compact_vectors`."""

import json
import sys

from common import cbor, head, sha3, siphash


def short_id(header, salt, item):
    key = sha3(header, salt.to_bytes(8, "big"))[:16]
    return siphash(2, 4, key, sha3(item)).to_bytes(8, "little")[:6]


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
    with open("compact.json") as file:
        cases = json.load(file)["announces"]
    wrong = [(case["name"], check(case)) for case in cases]
    for name, keys in wrong:
        print(f"{name}: {', '.join(keys) or 'agrees'}")
    sys.exit(any(keys for _, keys in wrong))


main()
