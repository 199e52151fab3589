"""Writes seeds.json: a list of seeds signed by other code than ours. Needs `pip install cryptography`."""

import base64
import hashlib
import json
import pathlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

key = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
public = key.public_key().public_bytes_raw()

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(data):
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


peer = base58(bytes([0x00, 0x22, 0x16, 0x20]) + bytes([7]) * 32)

document = r"""{
  "version": 1,
  "network": "animica:1337",
  "generatedAt": "2026-07-15T00:00:00Z",
  "expiresAt": "2026-07-29T00:00:00.000Z",
  "entries": [
    {"peerId": "PEER",
     "addrs": ["/ip4/8.8.8.8/tcp/41000", "/dns4/seed.example.org/tcp/41000"],
     "features": ["pq", "relay"], "asn": 64500, "weight": 20, "note": "a \"quoted\" \\ note\b\f\n\r\t\u0001\u007f/"},
    {"addrs": ["\/ip6\/2606:4700::1111\/tcp\/41000"], "note": "é 😀 \u20ac \ud83d\ude00", "weight": 1}
  ],
  "metadata": {"b": [null, true, false, -1, 9007199254740991], "B": {}, "a": []},
  "contact": "ops@example.org"
}""".replace("PEER", peer)

canonical = json.dumps(json.loads(document), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

vector = {
    "public": base64.b64encode(public).decode(),
    "key_id": hashlib.sha3_256(public).hexdigest()[:16],
    "document": document,
    "canonical": canonical,
    "signature": base64.b64encode(key.sign(canonical.encode())).decode(),
}
text = json.dumps(vector, indent=1, ensure_ascii=False) + "\n"
pathlib.Path(__file__).with_name("seeds.json").write_text(text)
