//! Headers and chains for the tests of this room and of those above it.

use bytes::Bytes;

use crate::{
    crypto::hash::sha3_256,
    ids::{ChainId, Hash32, Height, Theta, Work},
};

use super::{Block, Genesis, Header, NewHeader, Tip, merkle, object_id, poies};

/// The example header of the original network, whose hash and draws are published.
pub(crate) fn example() -> Header {
    Header {
        version: 1,
        chain_id: ChainId::DEVNET,
        height: Height(1),
        parent_hash: Hash32([0x11; 32]),
        timestamp: 1_735_689_602,
        state_root: Hash32([0x22; 32]),
        txs_root: Hash32::ZERO,
        receipts_root: Hash32::ZERO,
        proofs_root: Hash32::ZERO,
        da_root: Hash32::ZERO,
        mix_seed: Hash32([0x33; 32]),
        poies_policy_root: Hash32([0x44; 32]),
        pq_alg_policy_root: Hash32([0x55; 32]),
        theta: Theta(2_000_000),
        nonce: 0x0102_0304_0506_0708,
        extra: Vec::new(),
    }
}

pub(crate) fn devnet() -> Genesis {
    Genesis::preset("devnet").expect("a preset")
}

/// A block on `parent` with one transaction and no work, for stores, which do not verify.
/// Blocks with another `salt` are others.
pub(crate) fn unworked(parent: &Tip, salt: u8) -> (NewHeader, Bytes) {
    let tx = Bytes::from(vec![0xa1, 0x61, b's', salt & 0x17]);
    let header = Header {
        height: parent.height.next().expect("test chains are short"),
        parent_hash: parent.hash,
        timestamp: parent.timestamp + 2,
        txs_root: merkle::root(&[object_id(&tx)]),
        extra: vec![salt],
        ..example()
    };
    let bytes = Bytes::from(header.encode());
    let new = NewHeader {
        hash: sha3_256(&bytes),
        height: header.height,
        parent: parent.hash,
        work: Work(parent.work.0 + poies::work(header.theta).0),
        timestamp: header.timestamp,
        bytes,
    };
    let block = Block {
        header,
        txs: vec![tx],
        proofs: Vec::new(),
    };
    (new, block.encode())
}

/// A chain of `len` blocks of [`unworked`] on `parent`.
pub(crate) fn unworked_chain(parent: &Tip, len: usize, salt: u8) -> Vec<(NewHeader, Bytes)> {
    let mut at = *parent;
    (0..len)
        .map(|_| {
            let block = unworked(&at, salt);
            at = block.0.tip();
            block
        })
        .collect()
}
