//! What an honest node could have sent, to be spoilt.

use std::time::{SystemTime, UNIX_EPOCH};

use animica_p2p::{
    cbor::Writer,
    chain::{
        Ancestry, Block, HashOnly, Header, HeaderError, MemoryStore, NewHeader,
        miner::{MineRequest, Timestamps},
        object_id,
        verify::verify_header,
    },
    crypto::sign::SigAlg,
    envelope::{Body, Envelope, KeyForm},
    gossip::app::{DOMAIN, Unsigned},
    identity::NodeIdentity,
    ids::Height,
};
use bytes::Bytes;

use super::puppet::genesis;
use crate::support::{on_loopback, start};

pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_millis() as u64
}

/// A transaction of `len` bytes and some.
pub(super) fn tx(number: u64, len: usize) -> Vec<u8> {
    let mut w = Writer::new();
    w.map(1).uint(number).bytes(&vec![7; len]);
    w.finish()
}

pub(super) fn identity() -> NodeIdentity {
    NodeIdentity::generate(SigAlg::MlDsa65).expect("an algorithm of the policy")
}

/// A message of `sender` that lives for a minute.
pub(super) fn body(sender: &NodeIdentity) -> Body {
    Body {
        domain: DOMAIN.to_owned(),
        chain_id: genesis().chain_id(),
        genesis: genesis().hash(),
        sender: sender.public().digest(),
        created_ms: now_ms(),
        ttl_ms: 60_000,
        seq: 1,
        topic: "news".to_owned(),
        payload: b"valid".to_vec(),
    }
}

pub(super) fn envelope(change: impl FnOnce(&mut Body)) -> Envelope {
    let sender = identity();
    let mut body = body(&sender);
    change(&mut body);
    Envelope::sign(&sender, &body, KeyForm::Full).expect("its own key")
}

/// The same message under a signature that is not one.
pub(super) fn forged(envelope: &Envelope) -> Vec<u8> {
    let mut bytes = envelope.as_bytes().to_vec();
    *bytes.last_mut().expect("not empty") ^= 1;
    bytes
}

pub(super) fn unsigned(payload: &[u8]) -> Bytes {
    let message = Unsigned::new("news", payload, now_ms(), 60_000).expect("it is one");
    message.as_bytes().clone()
}

/// A child of genesis of now, changed by `change`, with a nonce about which the rules say what is
/// `wanted`.
pub(super) fn header(
    change: impl Fn(&mut Header),
    wanted: impl Fn(&Result<NewHeader, HeaderError>) -> bool,
) -> Header {
    let genesis = genesis();
    let ancestry = Ancestry::genesis(&genesis);
    let now_s = now_ms() / 1000;
    let mut header = Header {
        height: Height(1),
        parent_hash: genesis.hash(),
        timestamp: now_s,
        theta: ancestry.next_theta(&genesis),
        nonce: 0,
        ..genesis.header().clone()
    };
    change(&mut header);
    loop {
        let bytes = Bytes::from(header.encode());
        let judged = verify_header(&genesis, &HashOnly, &mut ancestry.clone(), &bytes, now_s);
        if wanted(&judged) {
            return header;
        }
        header.nonce += 1;
    }
}

/// A new block on genesis with `txs`, whose header has its work.
pub(super) fn block(txs: Vec<Bytes>) -> Block {
    let ids: Vec<_> = txs.iter().map(|tx| object_id(tx)).collect();
    let root = animica_p2p::chain::merkle::root(&ids);
    let header = header(|h| h.txs_root = root, Result::is_ok);
    Block {
        header,
        txs,
        proofs: Vec::new(),
    }
}

/// Blocks of now, the first on genesis.
pub(super) async fn chain(count: u64) -> Vec<Block> {
    let store = std::sync::Arc::new(MemoryStore::new(&genesis()));
    let miner = start(on_loopback().store(store)).await;
    let mut blocks = Vec::new();
    for _ in 0..count {
        let request = MineRequest {
            timestamps: Timestamps::WallClock,
            ..MineRequest::blocks(1)
        };
        let hash = crate::support::mine(&miner, request).await;
        let body = miner.store().body(&hash).expect("memory").expect("mined");
        blocks.push(Block::decode(body).expect("valid"));
    }
    blocks
}
