//! The development miner, group by group.

use bytes::Bytes;

use super::{
    jobs::Shared,
    local::{Checked, LocalError},
};
use crate::{
    chain::{
        Ancestry, StoreError,
        miner::{MineRequest, Miner},
    },
    registry::MAX_HEADER_BYTES,
    sync::task::LocalGroup,
};

/// Blocks and bytes mined between two commits: a commit costs a disk sync, a group costs memory.
const GROUP_BLOCKS: u64 = 1024;
/// See [`GROUP_BLOCKS`].
const GROUP_BYTES: usize = 8 * 1024 * 1024;

/// A miner on the head.
pub(super) fn miner(shared: &Shared, request: MineRequest) -> Result<Miner, LocalError> {
    let head = shared.store.tips().blocks.hash;
    let ancestry = Ancestry::load(&*shared.store, head)?.ok_or_else(|| StoreError::Corrupt {
        what: format!("the head {head} has no header"),
    })?;
    Ok(Miner::new(&shared.genesis, ancestry, request)?)
}

impl Shared {
    /// Transactions that wait and fit the next block beside those the request makes up.
    fn room(&self, miner: &Miner) -> Vec<Bytes> {
        let params = self.genesis.params();
        let MineRequest { txs, tx_bytes, .. } = *miner.request();
        let max_txs = params.max_txs.saturating_sub(txs);
        // Each transaction may take five bytes more for its head.
        let made_up = txs.saturating_mul(tx_bytes.saturating_add(5));
        let taken = made_up.saturating_add(MAX_HEADER_BYTES + 5 * params.max_txs);
        let max_bytes = params.max_block_bytes.saturating_sub(taken);
        self.waiting
            .select(max_txs, max_bytes, self.clock.now().mono)
    }
}

/// Mines the next group of `count` blocks of which `done` are made. What was mined before an error
/// is lost with it; groups before stay imported.
pub(super) fn mine(shared: &Shared, mut miner: Miner, count: u64, mut done: u64) -> Checked {
    let mut group = LocalGroup::default();
    let (until, mut bytes) = (count.min(done.saturating_add(GROUP_BLOCKS)), 0);
    // Transactions leave the pool with the commit of their block, so only the first block of a
    // group may take some: the next one would take the same again.
    let mut waiting = shared.room(&miner);
    while done < until && bytes < GROUP_BYTES {
        match miner.mine(&waiting, shared.now_s()) {
            Ok(mined) => {
                bytes += mined.block.len();
                group.head = Some(mined.header.tip());
                group.bodies.push((mined.header.hash, mined.block));
                group.headers.push(mined.header);
                waiting.clear();
                done += 1;
            }
            Err(error) => {
                return Checked::refused(error.into());
            }
        }
    }
    Checked {
        group: Ok(group),
        miner: Some((miner, done)),
        orphans: Vec::new(),
    }
}
