//! Blocks for the tests of this room.

mod announces;
mod bars;
mod checks;
mod collisions;
mod rebuilds;
mod vectors;

use bytes::Bytes;

use super::*;
use crate::{
    cbor::Writer,
    chain::{
        Ancestry, Block, Header, NewHeader, Params, ProofEnvelope, ProofType, merkle,
        miner::{MineRequest, Miner},
        object_id,
        testing::{devnet, example},
    },
    ids::{ChainId, Hash32},
};

/// UNIX seconds at which tests mine and check.
pub(super) const NOW_S: u64 = 1_800_000_000;

pub(super) fn params() -> Params {
    Params::of_chain(ChainId::DEVNET)
}

/// A transaction of `data` bytes and a few more; no two numbers give the same.
pub(super) fn tx(number: u64, data: usize) -> Bytes {
    let mut w = Writer::new();
    w.map(2).uint(0).uint(number);
    w.uint(1).bytes(&vec![number as u8; data]);
    w.finish().into()
}

pub(super) fn txs(numbers: std::ops::Range<u64>, data: usize) -> Vec<Bytes> {
    numbers.map(|n| tx(n, data)).collect()
}

pub(super) fn proof(number: u8, body: usize) -> Bytes {
    let envelope = ProofEnvelope {
        kind: ProofType::Ai,
        body: &vec![number; body],
        nullifier: Hash32([number; 32]),
    };
    envelope.encode().into()
}

/// A block without work.
pub(super) fn block(txs: Vec<Bytes>, proofs: Vec<Bytes>) -> Block {
    let ids = |items: &[Bytes]| items.iter().map(|i| object_id(i)).collect::<Vec<_>>();
    let header = Header {
        txs_root: merkle::root(&ids(&txs)),
        proofs_root: merkle::root(&ids(&proofs)),
        ..example()
    };
    Block {
        header,
        txs,
        proofs,
    }
}

/// A block on the genesis of devnet that every rule accepts.
pub(super) fn mined(txs: &[Bytes], seed: u64) -> (Block, NewHeader) {
    let genesis = devnet();
    let request = MineRequest {
        seed,
        ..MineRequest::blocks(1)
    };
    let mut miner = Miner::new(&genesis, Ancestry::genesis(&genesis), request).expect("feasible");
    let mined = miner.mine(txs, NOW_S).expect("devnet is easy");
    let block = Block::decode(mined.block).expect("a block");
    (block, mined.header)
}

/// What is known of `items`.
pub(super) fn known<'a>(items: impl IntoIterator<Item = &'a Bytes>) -> Vec<(Hash32, Bytes)> {
    let with_id = |item: &Bytes| (object_id(item), item.clone());
    items.into_iter().map(with_id).collect()
}

/// Passes an announce of `block` through [`check`] as a node at genesis would.
pub(super) fn checked(announce: &Announce) -> Checked {
    let genesis = devnet();
    let context = Context {
        genesis: &genesis,
        verifier: &crate::chain::HashOnly,
        tip: Ancestry::genesis(&genesis).tip(),
        now_s: NOW_S,
    };
    let parent = |hash: &Hash32| (*hash == genesis.hash()).then(|| Ancestry::genesis(&genesis));
    check(&announce.encode(), &context, parent).expect("acceptable")
}
