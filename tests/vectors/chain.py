#!/usr/bin/env python3
"""Makes chain.json: a second implementation of specs/chain.md, in plain Python and its standard
library, from the specification and not from the Rust code. Run it in this directory; the test
`chain::vectors` compares the result with the product."""

import json
import random

from common import cbor, head, sha3

FIELDS = [  # key, kind; in canonical order
    ("v", int), ("extra", bytes), ("nonce", int), ("daRoot", bytes), ("height", int),
    ("chainId", int), ("mixSeed", bytes), ("txsRoot", bytes), ("stateRoot", bytes),
    ("timestamp", int), ("parentHash", bytes), ("proofsRoot", bytes), ("thetaMicro", int),
    ("receiptsRoot", bytes), ("poiesPolicyRoot", bytes), ("pqAlgPolicyRoot", bytes),
]
TAG = b"animica/header-nonce/v1"
ZERO = bytes(32)
CHAINS = {1: (16, 8, 32), 2: (12, 6, 24), 1337: (2, 1, 12)}
MILLION = 1_000_000


def header(**over):
    out = {key: 0 if kind is int else ZERO for key, kind in FIELDS}
    return out | {"v": 1, "extra": b""} | over


def preimage(h):
    return cbor({k: v for k, v in h.items() if k != "nonce"} | {"domainTag": TAG})


def draw(h):
    return sha3(b"animica/u-draw/v1", TAG, preimage(h), h["mixSeed"], h["nonce"].to_bytes(8, "big"))


# --- begin reference arithmetic (the same text stands in specs/chain.md) ---
BITS = 512  # behind the point: any larger number gives the same results


def exp_neg(theta):
    """(low, high): integers with low <= 2^BITS * e^(-theta/10^6) < high."""
    one = 1 << BITS
    halvings = 10
    x = (theta << BITS) // (MILLION << halvings)  # the argument, made smaller than 1/15
    total, term, n = one, one, 0
    while term:
        n += 1
        term = (term * x >> BITS) // n
        total += -term if n % 2 else term
    for _ in range(halvings):
        total = total * total >> BITS
    slack = 1 << 40  # far above the sum of all roundings
    return total - slack, total + slack


def target(theta):
    if theta == 0:
        return (1 << 256) - 1
    low, high = (v >> BITS - 256 for v in exp_neg(theta))
    assert low == high
    return low - 1


def work(theta):
    if theta == 0:
        return 1 << 32
    low, high = ((1 << 32 + BITS) // v for v in reversed(exp_neg(theta)))
    assert low == high
    return low
# --- end reference arithmetic ---


def next_theta(anchor, low, high, blocks, seconds, spacing=2, tau=600):
    step = 693147 * (spacing * blocks - seconds) // tau  # Python rounds toward minus infinity
    return min(max(anchor + step, low), high)


def merkle(ids):
    level = [sha3(b"\0", i) for i in ids]
    while len(level) > 1:
        level += level[-1:] * (len(level) % 2)
        level = [sha3(b"\1", a, b) for a, b in zip(level[::2], level[1::2])]
    return level[0] if level else ZERO


def median(times):
    last = sorted(times[-11:])
    return last[len(last) // 2]


def locator(tip):
    out, step = [tip], 1
    while out[-1]:
        step *= 2 if len(out) >= 10 else 1
        out.append(0 if len(out) == 31 else max(0, out[-1] - step))
    return out


def check(height, data):
    return sha3(height.to_bytes(8, "big"), data)[:8]


def archive(genesis, chain, blocks):
    """A chain file of `blocks`, pairs of hash and bytes, from height 1 on."""
    out = b"\x89ANMC\r\n\x1a" + bytes([0, 1, 0, 0]) + chain.to_bytes(8, "big") + genesis
    out += (1).to_bytes(8, "big")
    out += check(0, out)
    for height, (_, data) in enumerate(blocks, 1):
        out += len(data).to_bytes(4, "big") + check(height, data) + data
    end = len(blocks).to_bytes(8, "big") + blocks[-1][0]
    return out + bytes(4) + check(len(blocks), end) + end


def mine(genesis, count, seed):
    """Blocks of the development miner: empty, on schedule."""
    parent, blocks = genesis, []
    for height in range(1, count + 1):
        chain = parent["chainId"]
        anchor, low, high = (m * MILLION for m in CHAINS[chain])
        elapsed = parent["timestamp"] - genesis["timestamp"]
        parent_hash = sha3(cbor(parent))
        mix = sha3(b"animica/mixseed/v1", parent_hash, seed.to_bytes(8, "big"), chain.to_bytes(8, "big"))
        parent = genesis | {
            "height": height,
            "timestamp": parent["timestamp"] + 2,
            "parentHash": parent_hash,
            "mixSeed": mix,
            "thetaMicro": next_theta(anchor, low, high, height - 1, elapsed),
        }
        while int.from_bytes(draw(parent), "big") > target(parent["thetaMicro"]):
            parent["nonce"] += 1
        block = cbor({"header": parent, "txs": [], "proofs": []})
        blocks.append((sha3(cbor(parent)), block))
    return blocks


def show(h):
    return {k: v.hex() if isinstance(v, bytes) else str(v) for k, v in h.items()}


def headers():
    example = header(
        chainId=1337, height=1, parentHash=b"\x11" * 32, timestamp=1735689602,
        stateRoot=b"\x22" * 32, mixSeed=b"\x33" * 32, poiesPolicyRoot=b"\x44" * 32,
        pqAlgPolicyRoot=b"\x55" * 32, thetaMicro=2 * MILLION, nonce=0x0102030405060708,
    )
    longest = {k: 2**64 - 1 if t is int else b"\xee" * 32 for k, t in FIELDS}
    rng = random.Random(2)
    some = [
        header(**{k: rng.getrandbits(rng.randrange(1, 65)) if t is int else rng.randbytes(32) for k, t in FIELDS})
        | {"extra": rng.randbytes(rng.randrange(33))}
        for _ in range(6)
    ]
    nonces = [example | {"nonce": n} for n in range(4)]
    return [
        {"fields": show(h), "cbor": cbor(h).hex(), "hash": sha3(cbor(h)).hex(),
         "preimage_hash": sha3(preimage(h)).hex(), "draw": draw(h).hex()}
        for h in [example, *nonces, longest, *some]
    ]


def refused():
    good = header(chainId=1337)
    raw = cbor(good)
    at = raw.index(b"\x66height") + 7

    def cut(*keys):
        return {k: v for k, v in good.items() if k not in keys}

    unordered = head(5, 16) + b"".join(cbor(k) + cbor(good[k]) for k in sorted(good))
    return [{"why": why, "cbor": data.hex()} for why, data in [
        ("a key is missing", cbor(cut("v"))),
        ("a key is unknown", cbor(good | {"w": 1})),
        ("a key has another name", cbor(cut("v") | {"w": 1})),
        ("keys in alphabetical order", unordered),
        ("a height in two bytes", raw[:at] + b"\x18\x00" + raw[at + 1:]),
        ("a negative height", raw[:at] + b"\x20" + raw[at + 1:]),
        ("a height of 2^64, a bignum", raw[:at] + b"\xc2\x49\x01" + bytes(8) + raw[at + 1:]),
        ("a root of 31 bytes", cbor(good | {"daRoot": bytes(31)})),
        ("an extra of 33 bytes", cbor(good | {"extra": bytes(33)})),
        ("an extra that is text", cbor(good | {"extra": "a"})),
        ("an indefinite map", b"\xbf" + raw[1:] + b"\xff"),
        ("a tag before it", b"\xd9\xd9\xf7" + raw),
        ("a byte behind it", raw + b"\0"),
        ("a byte missing", raw[:-1]),
        ("1 025 bytes", raw + bytes(1025 - len(raw))),
    ]]


def genesis():
    empty = sha3()
    roots = {"txsRoot": empty, "receiptsRoot": empty, "proofsRoot": empty, "daRoot": empty}
    small = "1d5c0673dc011d3250c702e1e6eed2c7e0bb31d49fe43b62dd847b64f68a5ae7"
    out = {
        name: header(chainId=chain, timestamp=1735689600, thetaMicro=CHAINS[chain][0] * MILLION)
        for name, chain in (("mainnet", 1), ("testnet", 2), ("devnet", 1337))
    }
    for name, chain, state in (
        ("upstream-core", 1, "bf8d6b45be850a5fbfacc187ae24eedc3c6b0643c8ab8474fc06eac2b1239762"),
        ("upstream-mainnet", 1, "bbec678edd3f9f2f1c443271de88a493d73a8cb345c918387e40663160606c9b"),
        ("upstream-testnet", 2, small),
        ("upstream-devnet", 1337, small),
    ):
        out[name] = header(
            chainId=chain, timestamp=1735689600, thetaMicro=MILLION, mixSeed=b"\x11" * 32,
            stateRoot=bytes.fromhex(state), **roots,
        )
    return out


def main():
    rng = random.Random(1)
    thetas = [0, 1, 2, 511, 512, 513, 2**18 - 1, 2**18, 693147, 64 * MILLION - 1]
    thetas += [n * MILLION for n in (1, 2, 6, 8, 12, 16, 24, 30, 32, 64)]
    thetas += [rng.randrange(64 * MILLION) for _ in range(200)]
    schedule = []
    for chain, numbers in CHAINS.items():
        anchor, low, high = (m * MILLION for m in numbers)
        pairs = [(0, 0), (100, 260), (1, 1), (0, 1), (300, 0), (0, 600), (2**40, 0), (0, 2**40)]
        pairs += [(b, 2 * b + rng.randrange(-900, 900)) for b in (500, 7_000, 1_000_000)]
        schedule += [
            {"chain": chain, "blocks": b, "seconds": s, "theta": next_theta(anchor, low, high, b, s)}
            for b, s in pairs
        ]
    txs = [cbor({"n": n, "data": rng.randbytes(20 * n)}) for n in range(5)]
    proofs = [cbor({1: t, 2: rng.randbytes(t), 3: bytes([t]) * 32}) for t in range(1, 6)]
    block_header = header(
        chainId=1337, txsRoot=merkle(map(sha3, txs)), proofsRoot=merkle(map(sha3, proofs)), thetaMicro=MILLION,
    )
    block = cbor({"header": block_header, "txs": txs, "proofs": proofs})
    presets = genesis()
    mined = mine(presets["devnet"], 3, 7)
    lists = [[bytes([n]) * 32 for n in range(1, count + 1)] for count in (0, 1, 2, 3, 4, 5, 6, 7, 8, 13)]
    times = [[rng.randrange(50) for _ in range(n)] for n in (1, 2, 3, 4, 5, 10, 11, 12, 20)]
    out = {
        "headers": headers(),
        "refused_headers": refused(),
        "difficulty": [{"theta": t, "target": f"{target(t):064x}", "work": str(work(t))} for t in thetas],
        "schedule": schedule,
        "median": [{"times": t, "median": median(t)} for t in times],
        "merkle": [{"ids": [i.hex() for i in ids], "root": merkle(ids).hex()} for ids in lists],
        "block": {
            "bytes": block.hex(), "hash": sha3(cbor(block_header)).hex(),
            "tx_ids": [sha3(t).hex() for t in txs], "proof_ids": [sha3(p).hex() for p in proofs],
        },
        "genesis": [{"name": n, "header": cbor(h).hex(), "hash": sha3(cbor(h)).hex()} for n, h in presets.items()],
        "locator": [{"tip": t, "heights": locator(t)} for t in (0, 5, 9, 10, 11, 1000, 123_456, 2**40)],
        "mined": {"preset": "devnet", "seed": 7, "blocks": [b.hex() for _, b in mined]},
        "archive": archive(sha3(cbor(presets["devnet"])), 1337, mined).hex(),
    }
    with open("chain.json", "w") as file:
        json.dump(out, file, indent=1)
        file.write("\n")


main()
