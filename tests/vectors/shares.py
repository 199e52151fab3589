#!/usr/bin/env python3
"""Makes shares.json: hash shares, their nullifiers and micro-targets, a second implementation of
specs/gossip/shares.md in plain Python, from the page and not from the Rust code. Run it in this
directory; the tests of `chain::share` and `chain::poies` compare the result with the product."""

import decimal
import json
import random

from common import cbor, sha3

TAG = b"animica/header-nonce/v1"
DOMAIN = b"Animica/ProofNullifier/HashShare/v1"
TEXT = ("daRoot", "mixSeed", "txsRoot", "stateRoot", "parentHash", "proofsRoot", "receiptsRoot",
        "poiesPolicyRoot", "pqAlgPolicyRoot")

decimal.getcontext().prec = 80


def share(header, nonce):
    template = cbor(header | {"nonce": 0})
    preimage = cbor({k: v for k, v in header.items() if k != "nonce"} | {"domainTag": TAG})
    draw = sha3(b"animica/u-draw/v1", TAG, preimage, header["mixSeed"], nonce.to_bytes(8, "big"))
    identity = cbor({"headerHash": sha3(template), "u": draw, "nonce": nonce})
    nullifier = sha3(DOMAIN, b"\0", sha3(identity))
    body = cbor({1: 1, 2: template, 3: nonce.to_bytes(8, "big")})
    envelope = cbor({1: 1, 2: body, 3: nullifier})
    return {
        "envelope": envelope.hex(),
        "id": sha3(envelope).hex(),
        "template_hash": sha3(template).hex(),
        "draw": draw.hex(),
        "nullifier": nullifier.hex(),
        "block_hash": sha3(cbor(header | {"nonce": nonce})).hex(),
    }


def log_micro(k):
    micro = decimal.Decimal(k).ln() * 1_000_000
    return int(micro.to_integral_value(rounding=decimal.ROUND_HALF_EVEN))


def main():
    rng = random.Random(16)
    example = {key: bytes(32) for key in TEXT} | {
        "v": 1, "extra": b"", "nonce": 0, "height": 1, "chainId": 1337, "timestamp": 1735689602,
        "thetaMicro": 2_000_000, "parentHash": b"\x11" * 32, "stateRoot": b"\x22" * 32,
        "mixSeed": b"\x33" * 32, "poiesPolicyRoot": b"\x44" * 32, "pqAlgPolicyRoot": b"\x55" * 32,
    }
    shares = [share(example, nonce) for nonce in (0, 3, 24, 2**64 - 1)]
    assert shares[1]["draw"] == "205536559f97e1606be1cabbbcb4359098b03ecc6f661e0d14a5583d25dcac48"
    shares.append(share(example | {"extra": b"pool" * 8, "height": 2**40}, 77))
    ks = [1, 2, 3, 4, 8, 16, 32, 64, 100, 256, 1000, 65_536, 2**31, 2**32 - 1]
    ks += [rng.randrange(1, 2**32 >> rng.randrange(31)) for _ in range(200)]
    assert [16_000_000 - log_micro(k) for k in (16, 64, 256)] == [13227411, 11841117, 10454823]
    out = {"shares": shares, "logarithms": [{"k": k, "micro": log_micro(k)} for k in ks]}
    with open("shares.json", "w") as file:
        json.dump(out, file, indent=1)
        file.write("\n")


main()
