//! `tests/vectors/chain.json`, made by a second implementation, against this one.

use std::{io::Cursor, num::NonZeroUsize};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    crypto::hash::sha3_256,
    ids::{ChainId, Hash32, Height, Theta, Work},
    registry::LIMITS,
};

use super::{
    Ancestry, Block, Genesis, Header, HeaderError, MemoryStore, ancestry, archive, genesis,
    locator, merkle,
    miner::{self, MineRequest, Miner},
    params, poies, verify,
};

const NOW: u64 = 1_800_000_000;

fn vectors(section: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../../tests/vectors/chain.json")).unwrap();
    all[section].clone()
}

fn list(section: &str) -> Vec<Value> {
    vectors(section).as_array().expect("a list").clone()
}

fn get<T: DeserializeOwned>(value: &Value, key: &str) -> T {
    serde_json::from_value(value[key].clone()).expect(key)
}

fn bytes(value: &Value, key: &str) -> Vec<u8> {
    hex::decode(get::<String>(value, key)).expect(key)
}

fn header(fields: &Value) -> Header {
    let int = |key| get::<String>(fields, key).parse().expect(key);
    Header {
        version: int("v"),
        chain_id: ChainId(int("chainId")),
        height: Height(int("height")),
        parent_hash: get(fields, "parentHash"),
        timestamp: int("timestamp"),
        state_root: get(fields, "stateRoot"),
        txs_root: get(fields, "txsRoot"),
        receipts_root: get(fields, "receiptsRoot"),
        proofs_root: get(fields, "proofsRoot"),
        da_root: get(fields, "daRoot"),
        mix_seed: get(fields, "mixSeed"),
        poies_policy_root: get(fields, "poiesPolicyRoot"),
        pq_alg_policy_root: get(fields, "pqAlgPolicyRoot"),
        theta: Theta(int("thetaMicro")),
        nonce: int("nonce"),
        extra: bytes(fields, "extra"),
    }
}

#[test]
fn headers_hashes_and_draws() {
    for case in list("headers") {
        let header = header(&case["fields"]);
        let encoded = bytes(&case, "cbor");
        assert_eq!(header.encode(), encoded);
        assert_eq!(Header::decode(&encoded), Ok(header.clone()));
        assert_eq!(header.hash(), get(&case, "hash"));
        assert_eq!(sha3_256(&header.preimage()), get(&case, "preimage_hash"));
        assert_eq!(header.draw(), get(&case, "draw"));
    }
}

#[test]
fn what_is_no_header() {
    for case in list("refused_headers") {
        let result = Header::decode(&bytes(&case, "cbor"));
        let why: String = get(&case, "why");
        match result {
            Err(HeaderError::TooLarge { bytes }) => assert_eq!(why, "1 025 bytes", "{bytes}"),
            Err(HeaderError::Cbor(_)) => {}
            other => panic!("{why}: {other:?}"),
        }
    }
}

#[test]
fn targets_and_works() {
    for case in list("difficulty") {
        let theta = Theta(get(&case, "theta"));
        assert_eq!(
            Hash32(poies::target(theta)),
            get(&case, "target"),
            "{theta}"
        );
        assert_eq!(poies::work(theta), get::<Work>(&case, "work"), "{theta}");
    }
}

#[test]
fn schedule() {
    for case in list("schedule") {
        let genesis = Genesis::of_chain(get(&case, "chain")).expect("a preset");
        let time = genesis.header().timestamp + get::<u64>(&case, "seconds");
        let theta = poies::next_theta(&genesis, get(&case, "blocks"), time);
        assert_eq!(theta, get(&case, "theta"), "{case}");
    }
}

#[test]
fn median() {
    let genesis = Genesis::preset("devnet").expect("a preset");
    for case in list("median") {
        let times: Vec<u64> = get(&case, "times");
        let first = Header {
            timestamp: times[0],
            ..genesis.header().clone()
        };
        let start = Genesis::new(first.clone(), genesis.params().clone()).expect("in range");
        let mut ancestry = Ancestry::genesis(&start);
        for timestamp in &times[1..] {
            let next = Header {
                timestamp: *timestamp,
                ..first.clone()
            };
            ancestry.push(&next, Hash32::ZERO);
        }
        assert_eq!(
            ancestry.median_time(),
            get::<u64>(&case, "median"),
            "{case}"
        );
    }
}

#[test]
fn merkle_roots() {
    for case in list("merkle") {
        let ids: Vec<Hash32> = get(&case, "ids");
        assert_eq!(merkle::root(&ids), get(&case, "root"));
    }
}

#[test]
fn block() {
    let case = vectors("block");
    let encoded = Bytes::from(bytes(&case, "bytes"));
    let block = Block::decode(encoded.clone()).expect("a block");
    assert_eq!(block.encode(), encoded);
    assert_eq!(block.hash(), get(&case, "hash"));
    assert_eq!(block.tx_ids(), get::<Vec<Hash32>>(&case, "tx_ids"));
    assert_eq!(block.proof_ids(), get::<Vec<Hash32>>(&case, "proof_ids"));
    let devnet = Genesis::of_chain(ChainId::DEVNET).expect("a preset");
    assert_eq!(block.check_body(devnet.params()), Ok(()));
}

#[test]
fn genesis_presets() {
    let cases = list("genesis");
    assert_eq!(cases.len(), Genesis::PRESETS.len());
    for case in cases {
        let genesis = Genesis::preset(&get::<String>(&case, "name")).expect("a preset");
        assert_eq!(genesis.header().encode(), bytes(&case, "header"));
        assert_eq!(genesis.hash(), get(&case, "hash"));
    }
}

#[test]
fn locators() {
    for case in list("locator") {
        let heights = locator::heights(get(&case, "tip"));
        assert_eq!(heights, get::<Vec<Height>>(&case, "heights"));
    }
}

#[test]
fn mined_blocks_and_their_file() {
    let case = vectors("mined");
    let genesis = Genesis::preset(&get::<String>(&case, "preset")).expect("a preset");
    let request = MineRequest {
        seed: get(&case, "seed"),
        ..MineRequest::blocks(3)
    };
    let miner = Miner::new(&genesis, Ancestry::genesis(&genesis), request).unwrap();
    let mined = miner.mine_all(NOW).unwrap();
    let expected: Vec<String> = get(&case, "blocks");
    let blocks: Vec<String> = mined.iter().map(|m| hex::encode(&m.block)).collect();
    assert_eq!(blocks, expected);

    let mut writer = archive::Writer::create(Vec::new(), &genesis, Height(1)).unwrap();
    for mined in &mined {
        writer.append(mined.header.hash, &mined.block).unwrap();
    }
    let file = writer.finish().unwrap();
    assert_eq!(hex::encode(&file), vectors("archive").as_str().unwrap());
    let store = MemoryStore::new(&genesis);
    let mut import = archive::Import::open(Cursor::new(file), &genesis, NonZeroUsize::MIN).unwrap();
    let go_on = &mut |_| std::ops::ControlFlow::Continue(());
    let done = archive::import(&store, &mut import, &super::HashOnly, NOW, go_on).unwrap();
    assert_eq!((done.blocks, done.complete), (3, true));
}

/// Rows of the table of limits in the specification.
fn specified(name: &str) -> u64 {
    let row = format!("| `{name}` |");
    let spec = include_str!("../../specs/chain.md");
    let line = spec.lines().find_map(|line| line.strip_prefix(&row));
    let value = line.expect(name).split('|').next().expect(name);
    value.trim().parse().expect(name)
}

#[test]
fn limits_of_the_specification_are_those_of_the_code() {
    let ours = [
        ("MAX_TXS", params::MAX_TXS as u64),
        ("MAX_SPACING_S", params::MAX_SPACING_S),
        ("MAX_TAU_S", params::MAX_TAU_S),
        ("MAX_THETA", poies::MAX_THETA.0),
        ("MAX_FUTURE_S", verify::MAX_FUTURE_S),
        ("MEDIAN_SPAN", ancestry::MEDIAN_SPAN as u64),
        ("MAX_GENESIS_FILE_BYTES", genesis::MAX_GENESIS_FILE_BYTES),
        ("MAX_EXPECTED_TRIALS", miner::MAX_EXPECTED_TRIALS as u64),
        ("MIN_TX_BYTES", miner::MIN_TX_BYTES as u64),
    ];
    for (name, value) in ours {
        assert_eq!(specified(name), value, "{name}");
    }
    let shared = [
        "MAX_HEADER_BYTES",
        "MAX_EXTRA_BYTES",
        "MAX_TX_BYTES",
        "MAX_SHARE_BYTES",
        "MAX_HASH_SHARE_BYTES",
        "MAX_BLOB_ANNOUNCE_BYTES",
        "MAX_BLOCK_BYTES",
        "MAX_PROOFS",
        "MAX_LOCATOR",
    ];
    for name in shared {
        let row = LIMITS.iter().find(|(n, ..)| *n == name).expect(name);
        assert_eq!(specified(name), row.1, "{name}");
    }
}

#[test]
fn the_specification_shows_the_arithmetic_that_made_the_vectors() {
    let script = include_str!("../../tests/vectors/chain.py");
    let (_, rest) = script
        .split_once("the same text stands in specs/chain.md) ---\n")
        .unwrap();
    let (arithmetic, _) = rest.split_once("# --- end").unwrap();
    assert!(include_str!("../../specs/chain.md").contains(arithmetic.trim()));
}
