//! Inputs to start from: what honest peers and nodes write. A fuzzer finds its way from them, and
//! the bounded tests change them here and there.

use std::{collections::HashMap, sync::LazyLock};

use animica_p2p::{
    chain::{
        Ancestry,
        archive::Writer,
        miner::{MineRequest, Mined, Miner},
    },
    crypto::sign::SigAlg,
    identity::PublicIdentity,
    ids::{Hash32, Height, Work},
    registry::MessageId,
    wire::{
        Blocks, Busy, Credits, ErrorCode, Flags, Frame, GetBlocks, GetHeaders, Headers, Message,
        NotFound, TipClaim,
    },
};
use bytes::Bytes;
use serde_json::Value;

use super::{chain::DEVNET, channel, identify};

/// Documents that the vectors hold a signature for.
#[derive(Clone, Copy)]
pub(super) enum Signed {
    Delegations,
    Envelopes,
    Records,
}

static IDENTITY: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../vectors/identity.json")).expect("JSON")
});

static HANDSHAKE: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../vectors/handshake.json")).expect("JSON")
});

static MINED: LazyLock<Vec<Mined>> = LazyLock::new(|| {
    let request = MineRequest {
        txs: 2,
        seed: 1,
        ..MineRequest::blocks(3)
    };
    let miner = Miner::new(&DEVNET, Ancestry::genesis(&DEVNET), request).expect("a request");
    miner.mine_all(1_800_000_000).expect("mines")
});

/// What `target` starts from. Its body takes every one of them, but for `auth`, whose inputs
/// nobody may take.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "cbor" => [
            of("header"),
            of("node_record"),
            of("get_headers"),
            vec![vec![
                0x83, 0x20, 0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xf5,
            ]],
        ]
        .concat(),
        "frame" => messages()
            .iter()
            .map(|m| Frame::new(m, 7, Flags::default()).expect("fits").encode())
            .collect(),
        "get_headers" => payloads(MessageId::GetHeaders),
        "headers" => payloads(MessageId::Headers),
        "get_blocks" => payloads(MessageId::GetBlocks),
        "blocks" => payloads(MessageId::Blocks),
        "not_found" => payloads(MessageId::NotFound),
        "busy" => payloads(MessageId::Busy),
        "ack" => payloads(MessageId::Ack),
        "error" => payloads(MessageId::Error),
        "answer" => answers(),
        "header" => MINED.iter().map(|m| m.header.bytes.to_vec()).collect(),
        "block" => MINED.iter().map(|m| m.block.to_vec()).collect(),
        "archive" => vec![archive()],
        "archive_blocks" => vec![
            MINED
                .iter()
                .flat_map(|m| {
                    let len = u16::try_from(m.block.len()).expect("small blocks");
                    [&len.to_be_bytes(), &m.block[..]].concat()
                })
                .collect(),
        ],
        "identify" => vec![identify::example()],
        "envelope" => vectors(&IDENTITY["envelopes"], "object"),
        "node_record" => vectors(&IDENTITY["records"], "object"),
        "delegation" => vectors(&IDENTITY["delegations"], "object"),
        "policy" => {
            let vectors = IDENTITY["policies"].as_array().expect("a list");
            let documents = vectors.iter().map(|v| v["document"].to_string());
            documents.map(String::into_bytes).collect()
        }
        "key_file" => key_files(),
        "client_hello" => vec![channel::hellos().0],
        "server_hello" => {
            let hello = [&[0][..], &channel::hellos().1].concat();
            vec![hello, vec![1, 1, 0, 2]]
        }
        "auth" => {
            let sides = ["initiator", "responder"].iter();
            let case = &HANDSHAKE["cases"][0];
            let signed = sides.map(|side| hex(&case[side]["signature"]));
            signed
                .enumerate()
                .map(|(i, signature)| [&[i as u8][..], &signature].concat())
                .collect()
        }
        "record" => vec![
            [&[0, 0, 0, 5][..], b"hello", &[4], b"more"].concat(),
            [&[0, 0, 0][..], &[200; 201].repeat(5)].concat(),
        ],
        other => panic!("no seeds for {other}"),
    }
}

/// The signed parts of the documents of one kind.
pub(super) fn signed(kind: Signed) -> Vec<Vec<u8>> {
    let key = match kind {
        Signed::Delegations => "delegations",
        Signed::Envelopes => "envelopes",
        Signed::Records => "records",
    };
    vectors(&IDENTITY[key], "body")
}

/// An identity of the vectors.
pub(super) fn identity(name: &str) -> PublicIdentity {
    static ALL: LazyLock<HashMap<String, PublicIdentity>> = LazyLock::new(|| {
        let all = IDENTITY["identities"].as_array().expect("a list").iter();
        let read = |v: &Value| {
            let alg = SigAlg::from_name(v["alg"].as_str()?)?;
            let key = PublicIdentity::decode(alg.id(), &hex(&v["identity_pubkey"])).ok()?;
            Some((v["name"].as_str()?.to_owned(), key))
        };
        all.filter_map(read).collect()
    });
    ALL[name].clone()
}

fn hex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("hex")).expect("hex")
}

fn vectors(list: &Value, key: &str) -> Vec<Vec<u8>> {
    let list = list.as_array().expect("a list");
    list.iter().map(|v| hex(&v[key])).collect()
}

fn payloads(id: MessageId) -> Vec<Vec<u8>> {
    let all = messages().into_iter().filter(|m| m.id() == id);
    all.map(|m| m.encode()).collect()
}

/// Every message of the protocol, as a node with three blocks says it.
fn messages() -> Vec<Message> {
    let hashes: Vec<Hash32> = MINED.iter().map(|m| m.header.hash).collect();
    let credits = Credits::INITIAL;
    let tip = TipClaim {
        height: Height(3),
        hash: hashes[2],
        work: Work(1 << 70),
    };
    vec![
        Message::GetHeaders(GetHeaders {
            locator: hashes.clone(),
            max: 2,
        }),
        Message::Headers(Headers {
            credits,
            tip,
            blocks: Height(3),
            headers: MINED
                .iter()
                .take(2)
                .map(|m| m.header.bytes.clone())
                .collect(),
        }),
        Message::GetBlocks(GetBlocks {
            hashes: hashes.clone(),
            max_bytes: 1 << 20,
        }),
        Message::Blocks(Blocks {
            credits,
            blocks: MINED.iter().map(|m| m.block.clone()).collect(),
            missing: Vec::new(),
        }),
        Message::NotFound(NotFound { credits, hashes }),
        Message::Busy(Busy {
            retry_after_ms: 250,
            credits,
        }),
        Message::Ack { seq: 7 },
        Message::Error {
            code: ErrorCode::from_u32(1),
        },
    ]
}

/// Answers to both requests, in as many frames as they may have.
fn answers() -> Vec<Vec<u8>> {
    let frame = |m: &Message| Frame::new(m, 0, Flags::default()).expect("fits").encode();
    let credits = Credits::INITIAL;
    let block = |len| {
        Message::Blocks(Blocks {
            credits,
            blocks: vec![Bytes::from(vec![1; len])],
            missing: Vec::new(),
        })
    };
    let missing = Message::NotFound(NotFound {
        credits,
        hashes: vec![Hash32([1; 32])],
    });
    let of = |id| {
        messages()
            .into_iter()
            .find(|m| m.id() == id)
            .expect("every message")
    };
    let (headers, busy, ack) = (
        frame(&of(MessageId::Headers)),
        frame(&of(MessageId::Busy)),
        frame(&of(MessageId::Ack)),
    );
    vec![
        [&[2 << 1][..], &ack, &headers].concat(),
        [&[2 << 1][..], &busy].concat(),
        [
            &[(3 << 1) | 1][..],
            &frame(&block(300)),
            &frame(&block(100)),
            &frame(&missing),
        ]
        .concat(),
        [&[1][..], &frame(&block(4000))].concat(),
    ]
}

fn archive() -> Vec<u8> {
    let mut file = Writer::create(Vec::new(), &DEVNET, Height(1)).expect("memory");
    for mined in MINED.iter() {
        file.append(mined.header.hash, &mined.block)
            .expect("memory");
    }
    file.finish().expect("memory")
}

/// The key files of the vectors whose algorithm this build has.
fn key_files() -> Vec<Vec<u8>> {
    let files = HANDSHAKE["identities"].as_object().expect("a map").values();
    let here = |v: &&Value| {
        let alg = v["identity"]["alg"].as_str().and_then(SigAlg::from_name);
        alg.is_some_and(SigAlg::is_available)
    };
    files
        .filter(here)
        .map(|v| v.to_string().into_bytes())
        .collect()
}
