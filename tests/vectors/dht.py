#!/usr/bin/env python3
"""Makes dht.json: keys and signed parts of records of the hash table, a second implementation of
specs/dht.md in plain Python, from the page and not from the Rust code. Run it in this directory; a
test of `dht::record` compares the result with the product."""

import json
import random

from common import cbor, head, sha3

NULL = b"\xf6"


def key(record):
    network = record["chain_id"].to_bytes(8, "big") + record["genesis"]
    if record["name"] is None:
        return sha3(b"animica/dht/content/1", network, record["value"])
    return sha3(b"animica/dht/name/1", network, record["author"], record["name"])


def body(record):
    order = ("author", "chain_id", "genesis", "seq", "created_ms", "ttl_ms", "name", "value")
    values = [1, *(record[field] for field in order)]
    entries = (head(0, n) + (NULL if v is None else cbor(v)) for n, v in enumerate(values, 1))
    return head(5, len(values)) + b"".join(entries)


def main():
    rng = random.Random(7)
    cases = []
    for name, value in ((1, 5), (64, 0), (9, None), (None, 300), (None, 0), (24, 2048)):
        record = {
            "author": rng.randbytes(32),
            "chain_id": rng.choice((1, 2, 1337, 2**63)),
            "genesis": rng.randbytes(32),
            "seq": 0 if name is None else rng.choice((0, 23, 24, 1_700_000_000_000)),
            "created_ms": 1_700_000_000_000 + rng.randrange(10**9),
            "ttl_ms": rng.choice((1, 3_600_000, 604_800_000)),
            "name": None if name is None else rng.randbytes(name),
            "value": None if value is None else rng.randbytes(value),
        }
        signed = body(record)
        shown = {k: v.hex() if isinstance(v, bytes) else v for k, v in record.items()}
        cases.append(shown | {"body": signed.hex(), "id": sha3(signed).hex(),
                              "key": key(record).hex()})
    with open("dht.json", "w") as file:
        json.dump({"records": cases}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
