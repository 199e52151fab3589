//! `tests/vectors/compact.json`: written here, checked by `tests/vectors/compact.py`, a second
//! implementation.

use serde_json::{Value, json};

use super::*;
use crate::wire::{GetTx, Message};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/compact.json");

fn case(name: &str, block: &Block, salt: u64, prefill: &[u32], missing: &[u32]) -> Value {
    let announce = build(block, salt, prefill.iter().copied());
    let keys = announce.keys();
    let items: Vec<&Bytes> = block.txs.iter().chain(&block.proofs).collect();
    let hex_of = |items: &[Bytes]| items.iter().map(hex::encode).collect::<Vec<_>>();
    let short_ids = items
        .iter()
        .map(|item| keys.of(&object_id(item)).to_bytes());
    let bytes: usize = missing.iter().map(|n| items[*n as usize].len()).sum();
    let request = Message::GetTx(GetTx {
        block: block.hash(),
        indexes: missing.to_vec(),
        max_bytes: bytes as u32,
    });
    let Message::GetTx(get) = &request else {
        unreachable!()
    };
    let answer = Message::Tx(serve(block, get).expect("fits"));
    json!({
        "name": name,
        "header": hex::encode(&announce.header_bytes),
        "salt": announce.salt.to_string(),
        "txs": hex_of(&block.txs),
        "proofs": hex_of(&block.proofs),
        "prefilled": announce.prefilled().collect::<Vec<_>>(),
        "short_ids": short_ids.map(hex::encode).collect::<Vec<_>>(),
        "announce": hex::encode(announce.encode()),
        "block": hex::encode(block.encode()),
        "missing": missing,
        "get_tx": hex::encode(request.encode()),
        "tx": hex::encode(answer.encode()),
    })
}

fn vectors() -> Value {
    let mixed = block(
        txs(0..5, 40),
        vec![proof(1, 0), proof(2, 200), proof(3, 300)],
    );
    let lengths = [0, 1, 15, 16, 17, 18, 240, 250, 251, 252, 253, 300];
    let lengths = (0u64..).zip(lengths).map(|(n, len)| tx(n, len)).collect();
    json!({
        "about": "Golden vectors of specs/gossip/compact-blocks.md. Byte strings are lower-case hex, \
                  salts decimal. Checked by compact.py beside this file.",
        "announces": [
            case("one transaction", &block(txs(7..8, 30), Vec::new()), 0, &[], &[0]),
            case("transactions and proofs", &mixed, u64::MAX, &[0, 3, 6], &[1, 2, 7]),
            case("lengths around the heads", &block(lengths, Vec::new()), 255, &[11], &[0, 5, 10]),
            case("many", &block(txs(0..300, 5), Vec::new()), 1 << 32, &[299], &[0, 24, 25, 50, 298]),
        ],
    })
}

#[test]
fn the_vectors_are_what_this_code_makes() {
    let text = std::fs::read_to_string(PATH).expect("the vectors are readable");
    let file: Value = serde_json::from_str(&text).expect("the vectors are JSON");
    assert_eq!(file, vectors());
}

#[test]
fn the_vectors_decode_and_rebuild() {
    let file = vectors();
    for case in file["announces"].as_array().expect("a list") {
        let bytes = |key: &str| {
            let text = case[key].as_str().expect("hex");
            Bytes::from(hex::decode(text).expect("hex"))
        };
        let block = Block::decode(bytes("block")).expect("a block");
        let announce = Announce::decode(&bytes("announce"), &params()).expect("an announce");
        assert!(announce.describes(&block));
        let all = known(block.txs.iter().chain(&block.proofs));
        let rebuilt = exchange(&block, &params(), announce.salt, [], &all).expect("rebuilt");
        assert_eq!(rebuilt.bytes, bytes("block"));
    }
}

#[test]
#[ignore = "rewrites the vectors"]
fn write_compact_vectors() {
    let text = serde_json::to_string_pretty(&vectors()).expect("serialises");
    std::fs::write(PATH, text + "\n").expect("writes");
}
