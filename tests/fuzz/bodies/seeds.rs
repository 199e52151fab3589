//! Inputs to start from: what honest peers and nodes write. A fuzzer finds its way from them, and
//! the bounded tests change them here and there.

use std::{collections::HashMap, sync::LazyLock, time::Instant};

use animica_p2p::{
    chain::{
        Ancestry, Blob, Block,
        archive::Writer,
        miner::{MineRequest, Mined, Miner},
        nmt::Namespace,
    },
    clock::Now,
    crypto::sign::SigAlg,
    dht::{Body, Record, Verified},
    gossip::{
        app::Unsigned,
        compact::build,
        direct::{Ack, Refusal, encode_ack, encode_chunk_head, encode_message_head, encode_stream},
        reconcile::Encoder,
    },
    identity::{Delegations, KeyPair, NodeIdentity, Policy, PublicIdentity, SerialMemory},
    ids::{ChainId, Hash32, Height, Work},
    network::keys::{encode_answer, encode_request},
    peers::{
        Recommendation, Score, Statement,
        signed_ping::{Asked, Responder},
    },
    registry::MessageId,
    wire::{
        Blocks, Busy, Credits, DaGet, DaProof, Disconnect, ErrorCode, Flags, Frame, GetBlocks,
        GetCompact, GetData, GetHeaders, GetPeers, GetSketch, GetTx, Headers, Inv, Item, ItemKind,
        Message, NotFound, Peers, Shares, ShortKey, Sketch, SketchPart, SketchQuery, SketchSet,
        Symbol, TipClaim, TrustedPeersRequest, TxNotFound, Txs,
    },
};
use bytes::Bytes;
use serde_json::Value;

use super::{chain::DEVNET, channel, gossip, identify};

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

static SEEDS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../vectors/seeds.json")).expect("JSON"));

static HANDSHAKE: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../vectors/handshake.json")).expect("JSON")
});

static SHARES: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../vectors/shares.json")).expect("JSON")
});

static NMT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../vectors/nmt.json")).expect("JSON"));

static BLOOM: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../vectors/bloom.json")).expect("JSON"));

/// A record of the hash table, by a fresh identity.
pub(super) static DHT: LazyLock<Verified> = LazyLock::new(|| {
    let author = NodeIdentity::generate(SigAlg::MlDsa65).expect("randomness");
    let body = Body {
        author: author.public().digest(),
        chain_id: ChainId(1337),
        genesis: Hash32([0x67; 32]),
        seq: 3,
        created_ms: 1_800_000_000_000,
        ttl_ms: 3_600_000,
        name: Some(b"name".to_vec()),
        value: Some(b"value".to_vec()),
    };
    Record::sign(&author, &body).expect("a record")
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
        "inv" => payloads(MessageId::Inv),
        "get_data" => payloads(MessageId::GetData),
        "tx" => payloads(MessageId::Tx),
        "share" => payloads(MessageId::Share),
        "get_compact" => payloads(MessageId::GetCompact),
        "get_tx" => payloads(MessageId::GetTx),
        "tx_not_found" => payloads(MessageId::TxNotFound),
        "get_sketch" => payloads(MessageId::GetSketch),
        "sketch" => payloads(MessageId::Sketch),
        "da_get" => payloads(MessageId::DaGet),
        "da_proof" => payloads(MessageId::DaProof),
        "get_peers" => payloads(MessageId::GetPeers),
        "peers" => payloads(MessageId::Peers),
        "disconnect" => payloads(MessageId::Disconnect),
        "ping" => payloads(MessageId::Ping),
        "pong" => payloads(MessageId::Pong),
        "trust_update" => payloads(MessageId::TrustUpdate),
        "trusted_peers_request" => payloads(MessageId::TrustedPeersRequest),
        "trusted_peers_response" => payloads(MessageId::TrustedPeersResponse),
        "signed_ping" => vec![PINGS.0.to_vec(), PINGS.1.to_vec()],
        "trust_statement" => vec![STATEMENT.to_vec()],
        "answer" => answers(),
        "announce" => announces(),
        "symbols" => vec![symbols(254), symbols(250)],
        "hash_share" => vectors(&SHARES["shares"], "envelope"),
        "blob" => vectors(&NMT["blobs"], "announcement"),
        "bloom" => vec![
            hex(&BLOOM["plain"]["form"]),
            hex(&BLOOM["scalable"]["form"]),
        ],
        "unsigned" => vec![
            Unsigned::new("news", b"hello", 1_800_000_000_000, 60_000)
                .expect("a message")
                .as_bytes()
                .to_vec(),
        ],
        "direct" => directs(),
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
        "seed_list" => vec![
            SEEDS["document"].as_str().expect("a text").into(),
            SEEDS["canonical"].as_str().expect("a text").into(),
            br#"{"entries":[{"addrs":["/ip4/8.8.8.8/tcp/1"]},{"addrs":["/dns/a.example/tcp/1"]}]}"#
                .to_vec(),
        ],
        "seed_txt" => vec![
            b"ma=/ip4/8.8.8.8/tcp/1,feat=pq+relay,asn=64500,w=20".to_vec(),
            b"v=spf1\nma=/dns/a.example/tcp/1,ma=/ip6/2606:4700::1/udp/1/quic-v1".to_vec(),
        ],
        "keys" => vec![
            encode_request(&[Hash32([1; 32]), Hash32([2; 32])]),
            encode_answer(&[identity("owner")]),
        ],
        "envelope" => vectors(&IDENTITY["envelopes"], "object"),
        "node_record" => vectors(&IDENTITY["records"], "object"),
        "dht_record" => vec![DHT.as_bytes().to_vec()],
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
        Message::Inv(Inv {
            items: (ItemKind::ALL.iter().zip(1..))
                .map(|(kind, n)| Item {
                    kind: *kind,
                    id: Hash32([n; 32]),
                })
                .collect(),
        }),
        Message::GetData(GetData {
            kind: ItemKind::Tx,
            ids: vec![Hash32([1; 32]), Hash32([2; 32])],
            max_bytes: 1 << 20,
        }),
        Message::Tx(Txs {
            txs: vec![
                Bytes::from_static(&[0xa0]),
                Bytes::from_static(&[0xa1, 1, 2]),
            ],
        }),
        Message::Share(Shares {
            shares: vec![Bytes::from(vec![3; 40])],
        }),
        Message::GetCompact(GetCompact {
            block: Hash32([3; 32]),
        }),
        Message::GetTx(GetTx {
            block: Hash32([4; 32]),
            indexes: vec![0, 1, 30, 400],
            max_bytes: 5000,
        }),
        Message::TxNotFound(TxNotFound {
            block: Hash32([5; 32]),
        }),
        sketch_request(SketchQuery::Symbols { from: 64, count: 9 }),
        sketch_request(SketchQuery::Keys { from: 0, count: 5 }),
        sketch_request(SketchQuery::Ids(vec![ShortKey(1), ShortKey(u64::MAX)])),
        sketch(SketchPart::Symbols(vec![Symbol::default(); 3])),
        sketch(SketchPart::Keys(vec![ShortKey(1), ShortKey(2)])),
        sketch(SketchPart::Ids(vec![Hash32([6; 32])])),
        Message::DaGet(DaGet {
            blob: *BLOB.commitment(),
            indexes: vec![0, 2],
        }),
        Message::DaProof(DaProof {
            samples: BLOB.samples(&[0, 2]),
        }),
        Message::GetPeers(GetPeers { max: 32 }),
        Message::Peers(Peers {
            records: vectors(&IDENTITY["records"], "object")
                .into_iter()
                .map(Bytes::from)
                .collect(),
        }),
        Message::Disconnect(Disconnect {
            code: 2,
            retry_after_ms: 60_000,
        }),
        Message::Ping(PINGS.0.clone()),
        Message::Pong(PINGS.1.clone()),
        Message::TrustUpdate(STATEMENT.clone()),
        Message::TrustedPeersRequest(TrustedPeersRequest { max: 20 }),
        Message::TrustedPeersResponse(STATEMENT.clone()),
        Message::Ack { seq: 7 },
        Message::Error {
            code: ErrorCode::from_u32(1),
        },
    ]
}

/// A PING of one node and the PONG of another.
static PINGS: LazyLock<(Bytes, Bytes)> = LazyLock::new(|| {
    let network = (ChainId::DEVNET, Hash32([0x67; 32]));
    let (asker, answerer) = (node(1), node(2));
    let now = Now {
        mono: Instant::now(),
        wall_ms: 1_800_000_000_000,
    };
    let (_, ping) = Asked::new(&asker, network, &answerer.peer_id(), [7; 16], now).expect("signs");
    let mut responder = Responder::new(answerer.public().digest(), network);
    let received = responder.receive(&asker.peer_id(), ping.clone(), now);
    let memory = Delegations::new(network.0, network.1, SerialMemory::default());
    let pong =
        received
            .expect("a ping")
            .answer(&answerer, &memory, &Policy::default_fips(), now.wall_ms);
    (ping, pong.expect("signs"))
});

/// A trust statement in its envelope.
static STATEMENT: LazyLock<Bytes> = LazyLock::new(|| {
    let entry = |n: u8| Recommendation {
        subject: Hash32([n; 32]),
        score: Score::from_millionths(u32::from(n) * 100_000).expect("below 1"),
    };
    let statement = Statement::new((0..5).map(entry).collect()).expect("few");
    let network = (ChainId::DEVNET, Hash32([0x67; 32]));
    let sealed = statement.seal(&node(1), network, 3, 1_800_000_000_000);
    sealed.expect("signs").as_bytes().clone()
});

fn node(seed: u8) -> NodeIdentity {
    NodeIdentity::from_keypair(KeyPair::deterministic([seed; 32]).expect("a key"))
}

static BLOB: LazyLock<Blob> =
    LazyLock::new(|| Blob::new(Namespace(24), Bytes::from(vec![5; 9000])).expect("a blob"));

fn sketch_request(query: SketchQuery) -> Message {
    Message::GetSketch(GetSketch {
        set: SketchSet::Pool,
        salt: gossip::SALT,
        size: 300,
        query,
    })
}

fn sketch(part: SketchPart) -> Message {
    Message::Sketch(Sketch {
        size: 300,
        tag: 9,
        part,
    })
}

/// Announces of the blocks: with short ids alone, and with an item in full.
fn announces() -> Vec<Vec<u8>> {
    let block = |m: &Mined| Block::decode(m.block.clone()).expect("a block");
    let blocks: Vec<Block> = MINED.iter().map(block).collect();
    [build(&blocks[0], 1, []), build(&blocks[1], 2, [1])]
        .iter()
        .map(|announce| announce.encode().to_vec())
        .collect()
}

/// Symbols of a set of 252 items for someone who has the first `here` of 255.
fn symbols(here: u8) -> Vec<u8> {
    let mut set = Encoder::new(gossip::SALT, (0..252).map(gossip::item));
    let mut out = vec![here];
    for symbol in set.symbols(0..32) {
        out.extend(symbol.keys.to_be_bytes());
        out.extend(symbol.checks.to_be_bytes());
        out.extend(symbol.count.to_be_bytes());
    }
    out
}

/// A message with its receipt, a refusal, and a stream.
fn directs() -> Vec<Vec<u8>> {
    let mut message = vec![200];
    encode_message_head(&mut message, 1, "chat", 2);
    message.extend(b"hi");
    let mut receipt = vec![0];
    encode_ack(
        &mut receipt,
        &Ack {
            up_to: 2,
            refused: vec![(2, Refusal::NoHandler)],
        },
    );
    let mut stream = vec![6];
    encode_stream(&mut stream, "file", 5);
    stream.extend(encode_chunk_head(5));
    stream.extend(b"bytes");
    vec![message, receipt, stream]
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
