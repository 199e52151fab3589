//! A [`ChainStore`] in memory: the reference for the one on disk, and the store of tests and
//! simulations.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use crate::ids::{Hash32, Height};

use super::{
    Ancestry, At, Batch, ChainStore, Genesis, NewHeader, StoreError, StoredHeader, Tips, Which,
};

/// Headers and blocks in memory. Nothing bounds it but what its owner commits.
#[derive(Debug)]
pub struct MemoryStore(Mutex<State>);

/// The whole store. A commit works on what it will change and installs it only at the end.
#[derive(Debug)]
struct State {
    headers: HashMap<Hash32, NewHeader>,
    bodies: HashMap<Hash32, Bytes>,
    /// Hashes by height of the best headers.
    best: Vec<Hash32>,
    /// Hashes by height of the blocks.
    blocks: Vec<Hash32>,
    tips: Tips,
}

impl MemoryStore {
    /// A store that holds genesis.
    #[must_use]
    pub fn new(genesis: &Genesis) -> Self {
        let first = Ancestry::genesis(genesis).tip();
        let header = NewHeader {
            hash: first.hash,
            height: first.height,
            parent: genesis.header().parent_hash,
            work: first.work,
            timestamp: first.timestamp,
            bytes: genesis.header().encode().into(),
        };
        Self(Mutex::new(State {
            headers: HashMap::from([(first.hash, header)]),
            bodies: HashMap::from([(first.hash, genesis.block())]),
            best: vec![first.hash],
            blocks: vec![first.hash],
            tips: Tips {
                headers: first,
                blocks: first,
            },
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // # Correctness
        // A commit changes the state only after its last fallible step, so a panic elsewhere
        // cannot leave half of one behind the poisoned lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChainStore for MemoryStore {
    fn tips(&self) -> Tips {
        self.state().tips
    }

    fn header(&self, at: At) -> Result<Option<StoredHeader>, StoreError> {
        let state = self.state();
        Ok(state.resolve(at).and_then(|hash| state.stored(&hash)))
    }

    fn headers(
        &self,
        chain: Which,
        from: Height,
        max: usize,
    ) -> Result<Vec<StoredHeader>, StoreError> {
        let state = self.state();
        let from = usize::try_from(from.0).unwrap_or(usize::MAX);
        let path = state.path(chain).iter().skip(from).take(max);
        Ok(path.filter_map(|hash| state.stored(hash)).collect())
    }

    fn body(&self, hash: &Hash32) -> Result<Option<Bytes>, StoreError> {
        Ok(self.state().bodies.get(hash).cloned())
    }

    fn commit(&self, batch: Batch) -> Result<Tips, StoreError> {
        let mut state = self.state();
        let plan = Plan::new(&state, &batch)?;
        let (best, blocks) = (plan.best, plan.blocks);
        for header in batch.headers {
            // Copied: the caller's bytes may be a slice of a whole network message.
            let bytes = Bytes::copy_from_slice(&header.bytes);
            let header = NewHeader { bytes, ..header };
            state.headers.entry(header.hash).or_insert(header);
        }
        for (hash, bytes) in batch.bodies {
            let bytes = Bytes::copy_from_slice(&bytes);
            state.bodies.entry(hash).or_insert(bytes);
        }
        if let Some(path) = best {
            path.apply(&mut state.best);
        }
        if let Some(path) = blocks {
            path.apply(&mut state.blocks);
        }
        state.tips = state.ends();
        Ok(state.tips)
    }
}

impl State {
    fn path(&self, chain: Which) -> &[Hash32] {
        match chain {
            Which::BestHeaders => &self.best,
            Which::Blocks => &self.blocks,
        }
    }

    fn resolve(&self, at: At) -> Option<Hash32> {
        let on =
            |path: &[Hash32], height: Height| path.get(usize::try_from(height.0).ok()?).copied();
        match at {
            At::Hash(hash) => Some(hash),
            At::BestHeader(height) => on(&self.best, height),
            At::Block(height) => on(&self.blocks, height),
        }
    }

    fn stored(&self, hash: &Hash32) -> Option<StoredHeader> {
        let header = self.headers.get(hash)?;
        Some(StoredHeader {
            hash: *hash,
            height: header.height,
            work: header.work,
            has_body: self.bodies.contains_key(hash),
            bytes: header.bytes.clone(),
        })
    }

    fn ends(&self) -> Tips {
        let end = |path: &[Hash32]| {
            let last = path.last().expect("a path holds at least genesis");
            self.headers[last].tip()
        };
        Tips {
            headers: end(&self.best),
            blocks: end(&self.blocks),
        }
    }
}

/// The end of a path that replaces what is above a fork.
struct NewPath {
    /// Heights below this stay.
    keep: usize,
    /// What follows, lowest first.
    then: Vec<Hash32>,
}

impl NewPath {
    fn apply(self, path: &mut Vec<Hash32>) {
        path.truncate(self.keep);
        path.extend(self.then);
    }
}

/// A batch checked against a store, before anything changes.
struct Plan {
    best: Option<NewPath>,
    blocks: Option<NewPath>,
}

impl Plan {
    fn new(state: &State, batch: &Batch) -> Result<Self, StoreError> {
        let mut new: HashMap<Hash32, &NewHeader> = HashMap::new();
        for header in &batch.headers {
            let find = |hash: &Hash32| new.get(hash).copied().or(state.headers.get(hash));
            if find(&header.hash).is_some() {
                continue;
            }
            let parent = find(&header.parent).ok_or_else(|| bad(header.hash, "has no parent"))?;
            if parent.height.next() != Some(header.height) {
                return Err(bad(header.hash, "is not one above its parent"));
            }
            new.insert(header.hash, header);
        }
        let find = |hash: &Hash32| new.get(hash).copied().or(state.headers.get(hash));
        for (hash, _) in &batch.bodies {
            find(hash).ok_or_else(|| bad(*hash, "has a body and no header"))?;
        }
        // Walks down from `hash` to where it meets `path`.
        let route = |hash: Hash32, path: &[Hash32], all: &dyn Fn(&Hash32) -> bool| {
            let mut then = Vec::new();
            let mut at = hash;
            loop {
                let header = find(&at).ok_or_else(|| bad(at, "is not stored"))?;
                let height = usize::try_from(header.height.0).unwrap_or(usize::MAX);
                if path.get(height) == Some(&at) {
                    then.reverse();
                    return Ok(NewPath {
                        keep: height + 1,
                        then,
                    });
                }
                if !all(&at) {
                    return Err(bad(at, "is on the way to the head and has no body"));
                }
                then.push(at);
                at = header.parent;
            }
        };
        let brought: std::collections::HashSet<&Hash32> =
            batch.bodies.iter().map(|(hash, _)| hash).collect();
        let has_body = |hash: &Hash32| state.bodies.contains_key(hash) || brought.contains(hash);
        Ok(Self {
            best: batch
                .best_header
                .map(|hash| route(hash, &state.best, &|_| true))
                .transpose()?,
            blocks: batch
                .head
                .map(|hash| route(hash, &state.blocks, &has_body))
                .transpose()?,
        })
    }
}

fn bad(hash: Hash32, what: &str) -> StoreError {
    StoreError::BadBatch {
        what: format!("{hash} {what}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::chain::conformance;

    #[test]
    fn keeps_the_contract_of_a_store() {
        conformance::run(|genesis| Arc::new(MemoryStore::new(genesis)), |store| store);
    }
}
