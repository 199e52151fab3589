//! What a header's rules need to know of its ancestors, as a value.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::ids::{Hash32, Height, Theta};

use super::{
    At, ChainStore, Genesis, Header, NewHeader, StoreError, Tip,
    poies::{self, next_theta},
};

/// Timestamps that the median rule looks at: the parent's and those of up to ten more ancestors.
pub(super) const MEDIAN_SPAN: usize = 11;

/// The end of a header branch: everything that decides whether a header may follow, and nothing
/// that grows. Pushing a header gives the ancestry of its children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestry {
    tip: Tip,
    /// Timestamps of the last headers, newest last, between 1 and [`MEDIAN_SPAN`].
    times: VecDeque<u64>,
}

impl Ancestry {
    /// The ancestry of the children of genesis.
    #[must_use]
    pub fn genesis(genesis: &Genesis) -> Self {
        let header = genesis.header();
        Self {
            tip: Tip {
                height: header.height,
                hash: genesis.hash(),
                work: poies::work(header.theta),
                timestamp: header.timestamp,
            },
            times: VecDeque::from([header.timestamp]),
        }
    }

    /// The ancestry of the children of the stored header `hash`, `None` if it is not stored.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn load(
        store: &(impl ChainStore + ?Sized),
        hash: Hash32,
    ) -> Result<Option<Self>, StoreError> {
        let Some(stored) = store.header(At::Hash(hash))? else {
            return Ok(None);
        };
        let mut header = stored.decode()?;
        let tip = Tip {
            height: stored.height,
            hash,
            work: stored.work,
            timestamp: header.timestamp,
        };
        let mut times = VecDeque::from([header.timestamp]);
        while times.len() < MEDIAN_SPAN && header.height > Height::GENESIS {
            let parent = header.parent_hash;
            let stored = store
                .header(At::Hash(parent))?
                .ok_or_else(|| StoreError::Corrupt {
                    what: format!("header {parent} is missing below {hash}"),
                })?;
            header = stored.decode()?;
            times.push_front(header.timestamp);
        }
        Ok(Some(Self { tip, times }))
    }

    /// The newest header: the parent of what comes next.
    #[must_use]
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// The timestamp that the next header must exceed, UNIX seconds: element `⌊n/2⌋` of the last `n`
    /// timestamps in order.
    #[must_use]
    pub fn median_time(&self) -> u64 {
        let mut sorted = [u64::MAX; MEDIAN_SPAN];
        for (slot, time) in sorted.iter_mut().zip(&self.times) {
            *slot = *time;
        }
        sorted.sort_unstable();
        sorted[self.times.len() / 2]
    }

    /// The Θ that the next header must have.
    #[must_use]
    pub fn next_theta(&self, genesis: &Genesis) -> Theta {
        next_theta(genesis, self.tip.height, self.tip.timestamp)
    }

    /// Goes one header further. The caller has verified `header` against this ancestry.
    pub fn push(&mut self, header: &Header, hash: Hash32) {
        if self.times.len() == MEDIAN_SPAN {
            self.times.pop_front();
        }
        self.times.push_back(header.timestamp);
        self.tip = Tip {
            height: header.height,
            hash,
            work: self.tip.work.saturating_add(poies::work(header.theta)),
            timestamp: header.timestamp,
        };
    }

    /// [`Ancestry::push`], and the header as a store takes it.
    pub fn accept(&mut self, header: &Header, hash: Hash32, bytes: Bytes) -> NewHeader {
        self.push(header, hash);
        NewHeader {
            hash,
            height: header.height,
            parent: header.parent_hash,
            work: self.tip.work,
            timestamp: header.timestamp,
            bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ancestry(times: &[u64]) -> Ancestry {
        let genesis = Genesis::preset("devnet").expect("a preset");
        let mut out = Ancestry::genesis(&genesis);
        out.times.clear();
        for time in times {
            out.push(
                &Header {
                    timestamp: *time,
                    ..genesis.header().clone()
                },
                Hash32::ZERO,
            );
        }
        out
    }

    #[test]
    fn the_median_is_element_half_n_of_the_last_eleven() {
        assert_eq!(ancestry(&[5]).median_time(), 5);
        assert_eq!(ancestry(&[5, 9]).median_time(), 9);
        assert_eq!(ancestry(&[9, 5, 7]).median_time(), 7);
        assert_eq!(ancestry(&[1, 2, 3, 4]).median_time(), 3);
        let long: Vec<u64> = (1..=20).collect();
        assert_eq!(ancestry(&long).median_time(), 15);
    }
}
