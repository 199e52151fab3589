//! The pool beside the chain: a transaction leaves it with the block that has it, and comes back
//! when a reorganisation leaves that block behind, but not from a peer that is a block behind.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use tokio::sync::broadcast;

use super::mined::{self, Mined};
use crate::{
    chain::{At, Block, ChainStore, StoreError, Tip},
    gossip::{
        Verdict,
        txs::{self, Came},
    },
    ids::Hash32,
    pool::{Admission, Candidate, Pool, PoolError},
};

/// Most blocks of an old branch whose transactions come back: beyond that, at the depth of the
/// reorganisation alarm, the walk would hold up the import, and the pool could not take them.
const MAX_GIVEN_BACK: usize = 512;

/// Newest blocks whose transactions are remembered also where nothing waits. A peer further behind
/// syncs before its pool is compared with ours; more would be read again from disk in a long sync.
const REMEMBERED_BLOCKS: u64 = 16;

/// Transactions a subscriber may fall behind before it loses the oldest. Only their ids wait, so a
/// slow subscriber holds 200 KB.
pub const TX_BACKLOG: usize = 4096;

/// A transaction that was taken into the pool. [`Handle::transaction`](crate::node::Handle::transaction)
/// gives its bytes while it waits for a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolTx {
    /// Its id: SHA3-256 of its bytes.
    pub id: Hash32,
    /// How many bytes it has.
    pub bytes: usize,
}

/// Transactions that wait for a block.
#[derive(Debug)]
pub(crate) struct Waiting {
    state: Mutex<State>,
    /// The pool's, to be asked while the pool is not locked.
    admission: Arc<dyn Admission>,
    /// Told of each one that is taken in.
    taken: broadcast::Sender<PoolTx>,
}

#[derive(Debug)]
struct State {
    pool: Pool,
    mined: Mined,
}

impl State {
    /// Whether it waits or has waited.
    fn knows(&self, id: &Hash32) -> bool {
        self.pool.contains(id) || self.mined.contains(id)
    }

    /// A block may have taken it since it was checked.
    fn add(&mut self, new: Candidate, now: Instant) -> Result<Hash32, PoolError> {
        if self.mined.contains(new.id()) {
            return Err(PoolError::Known);
        }
        self.pool.add(new, now)
    }
}

impl Waiting {
    pub(crate) fn new(pool: Pool) -> Self {
        Self {
            admission: pool.admission(),
            state: Mutex::new(State {
                pool,
                mined: Mined::default(),
            }),
            taken: broadcast::channel(TX_BACKLOG).0,
        }
    }

    /// Takes a transaction in. Admission may take time; the pool is not locked meanwhile.
    pub(crate) fn submit(&self, tx: &[u8], now: Instant) -> Result<Hash32, PoolError> {
        let new = self.check(tx)?;
        self.add(new, now)
    }

    /// Transactions that are taken in from now on, but for those that a reorganisation gives back.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<PoolTx> {
        self.taken.subscribe()
    }

    /// Takes in a transaction from the network, and says what becomes of its message. `formed` is
    /// called when its form is found right, before the pool and the admission are asked.
    pub(crate) fn take(
        &self,
        tx: &[u8],
        came: Came,
        now: Instant,
        formed: impl FnOnce(),
    ) -> Verdict {
        let known = |id: &Hash32| {
            formed();
            self.state().knows(id)
        };
        match txs::judge(tx, came, known, &*self.admission) {
            Ok(new) => {
                let added = self.add(new, now);
                txs::verdict(&added)
            }
            Err(verdict) => verdict,
        }
    }

    /// Whether the transaction waits, or a block took it lately: there is no need for it.
    pub(crate) fn contains(&self, id: &Hash32) -> bool {
        self.state().knows(id)
    }

    /// Those that wait, in the order of `ids`.
    pub(crate) fn get_many(&self, ids: &[Hash32]) -> Vec<Option<Bytes>> {
        self.state().pool.get_many(ids)
    }

    /// Every id.
    pub(crate) fn ids(&self) -> Vec<Hash32> {
        self.state().pool.iter().map(|(id, _)| *id).collect()
    }

    /// Shows every transaction once. The pool is locked meanwhile.
    pub(crate) fn visit(&self, see: &mut dyn FnMut(&Hash32, &Bytes)) {
        self.state().pool.iter().for_each(|(id, tx)| see(id, tx));
    }

    /// Bytes of those that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.state().pool.bytes()
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.state().pool.len()
    }

    /// What the next block may have of them.
    pub(super) fn select(&self, max_txs: usize, max_bytes: usize, now: Instant) -> Vec<Bytes> {
        let mut state = self.state();
        state.pool.expire(now);
        state.pool.select(max_txs, max_bytes)
    }

    /// The blocks now end in another place than `old`. Returns how many blocks of the old branch
    /// were left behind.
    pub(super) fn follow(
        &self,
        store: &dyn ChainStore,
        old: Tip,
        now: Instant,
    ) -> Result<u64, StoreError> {
        let left = left_behind(store, old)?;
        for hash in left.iter().take(MAX_GIVEN_BACK) {
            if let Some(block) = block(store, hash)? {
                let mut state = self.state();
                block.tx_ids().iter().for_each(|id| state.mined.forget(id));
                drop(state);
                let txs = block.txs.iter().filter_map(|tx| self.check(tx).ok());
                let txs = txs.collect();
                self.state().pool.restore(txs, now);
            }
        }
        let fork = old.height.saturating_sub(left.len() as u64);
        let head = store.tips().blocks.height;
        let remembered = head.saturating_sub(REMEMBERED_BLOCKS);
        // Newest first, so what is older must not push it out.
        let (mut at, mut room) = (head, mined::CAPACITY);
        while at > fork && (at > remembered || !self.state().pool.is_empty()) {
            if let Some(header) = store.header(At::Block(at))?
                && let Some(block) = block(store, &header.hash)?
            {
                let (ids, mut state) = (block.tx_ids(), self.state());
                state.pool.included(&ids);
                let kept = ids.len().min(room);
                room -= kept;
                ids.into_iter()
                    .take(kept)
                    .for_each(|id| state.mined.insert(id));
            }
            at = at.saturating_sub(1);
        }
        Ok(left.len() as u64)
    }

    fn add(&self, new: Candidate, now: Instant) -> Result<Hash32, PoolError> {
        let bytes = new.tx().len();
        let id = self.state().add(new, now)?;
        // Nobody subscribed is fine.
        let _ = self.taken.send(PoolTx { id, bytes });
        Ok(id)
    }

    fn check(&self, tx: &[u8]) -> Result<Candidate, PoolError> {
        let known = |id: &Hash32| self.state().knows(id);
        Candidate::check(tx, known, &*self.admission)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn block(store: &dyn ChainStore, hash: &Hash32) -> Result<Option<Block>, StoreError> {
    // What does not decode was never imported; there is nothing to take from it.
    Ok(store
        .body(hash)?
        .and_then(|bytes| Block::decode(bytes).ok()))
}

/// Blocks of the branch that ended in `old` that are not on the new one, newest first.
fn left_behind(store: &dyn ChainStore, old: Tip) -> Result<Vec<Hash32>, StoreError> {
    let (mut left, mut at, mut hash) = (Vec::new(), old.height, old.hash);
    while store.header(At::Block(at))?.is_none_or(|h| h.hash != hash) {
        let Some(header) = store.header(At::Hash(hash))? else {
            break;
        };
        left.push(hash);
        hash = header.decode()?.parent_hash;
        at = at.saturating_sub(1);
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        chain::{
            Ancestry, Batch, Genesis, MemoryStore,
            miner::{MineRequest, Mined, Miner},
        },
        gossip::Ignored,
        ids::ChainId,
        pool::{AnyTx, Limits},
    };

    fn extend(store: &MemoryStore, genesis: &Genesis, request: MineRequest) -> Vec<Mined> {
        let from = Ancestry::genesis(genesis);
        let miner = Miner::new(genesis, from, request).expect("sizes fit");
        let mined = miner.mine_all(u64::MAX / 2).expect("the devnet is easy");
        let head = mined.last().expect("some").header.hash;
        let batch = Batch {
            headers: mined.iter().map(|m| m.header.clone()).collect(),
            bodies: mined
                .iter()
                .map(|m| (m.header.hash, m.block.clone()))
                .collect(),
            best_header: Some(head),
            head: Some(head),
        };
        store.commit(batch).expect("links");
        mined
    }

    #[test]
    fn a_reorganisation_gives_the_transactions_of_the_old_branch_back() {
        let genesis = Genesis::of_chain(ChainId::DEVNET).expect("a preset");
        let store = MemoryStore::new(&genesis);
        let waiting = Waiting::new(Pool::new(Limits::default(), Arc::new(AnyTx)));
        let now = Instant::now();
        let old = MineRequest {
            txs: 2,
            tx_bytes: 100,
            seed: 1,
            ..MineRequest::blocks(3)
        };
        let begin = store.tips().blocks;
        let old = extend(&store, &genesis, old);
        assert_eq!(waiting.follow(&store, begin, now).expect("reads"), 0);
        assert_eq!(waiting.len(), 0);

        let tip = store.tips().blocks;
        let new = MineRequest {
            seed: 2,
            ..MineRequest::blocks(5)
        };
        extend(&store, &genesis, new);
        assert_eq!(waiting.follow(&store, tip, now).expect("reads"), 3);
        let block = Block::decode(old[0].block.clone()).expect("a block");
        let back = waiting.select(100, 1 << 20, now);
        assert_eq!(back.len(), 6);
        assert!(back.contains(&block.txs[0]));
    }

    #[test]
    fn a_transaction_leaves_with_the_block_that_has_it() {
        let genesis = Genesis::of_chain(ChainId::DEVNET).expect("a preset");
        let store = MemoryStore::new(&genesis);
        let waiting = Waiting::new(Pool::new(Limits::default(), Arc::new(AnyTx)));
        let (begin, now) = (store.tips().blocks, Instant::now());
        let request = MineRequest {
            txs: 2,
            tx_bytes: 100,
            seed: 1,
            ..MineRequest::blocks(1)
        };
        let mined = extend(&store, &genesis, request);
        let block = Block::decode(mined[0].block.clone()).expect("a block");
        waiting.submit(&block.txs[0], now).expect("a transaction");
        let mut taken = waiting.subscribe();
        let id = waiting.submit(&[0xa0], now).expect("a transaction");
        assert_eq!(taken.try_recv(), Ok(PoolTx { id, bytes: 1 }));
        assert!(waiting.submit(&[0xa0], now).is_err());
        assert!(taken.try_recv().is_err(), "one that waits is not taken in");
        waiting.follow(&store, begin, now).expect("reads");
        assert_eq!(waiting.select(10, 1000, now), [Bytes::from_static(&[0xa0])]);
        // Neither a peer that is a block behind nor a second publisher brings it back.
        for tx in &block.txs {
            assert_eq!(waiting.submit(tx, now), Err(PoolError::Known));
            let verdict = waiting.take(tx, Came::Fetched, now, || {});
            assert_eq!(verdict, Verdict::Ignore(Ignored::Duplicate));
        }
        let late = Candidate::check(&block.txs[0], |_| false, &AnyTx).expect("a transaction");
        assert_eq!(waiting.state().add(late, now), Err(PoolError::Known));
    }
}
