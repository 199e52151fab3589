//! One announced blob: which of its leaves are wanted, and who was asked.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Instant,
};

use rand::{SeedableRng, seq::index};

use super::Limits;
use crate::{
    PeerId,
    chain::{BlobCommitment, BlobError, nmt::Sample},
    clock::Rng,
    crypto::hash::sha3_256_parts,
    registry::MAX_SAMPLES,
};

/// How far the sampling of a blob has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampling {
    /// For somebody to ask.
    Waiting,
    /// One request runs.
    Asking,
    /// All samples verified.
    Available,
    /// Nobody could show it.
    Withheld,
}

/// Whom to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This peer.
    Ask(PeerId),
    /// Somebody who has enough to do at the moment.
    Busy,
    /// Everybody was asked.
    Nobody,
}

/// An announced blob.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) commitment: BlobCommitment,
    pub(super) state: Sampling,
    /// Who is charged for it: the first announcer, nobody for our own.
    pub(super) first: Option<PeerId>,
    pub(super) since: Instant,
    /// When somebody who may have it was last heard of.
    heard: Instant,
    /// Leaves not seen yet.
    pub(super) missing: Vec<u32>,
    /// Announcers not asked yet, first come first asked.
    pub(super) announcers: VecDeque<PeerId>,
    asked: Vec<PeerId>,
}

impl Tracked {
    pub(super) fn new(
        commitment: BlobCommitment,
        first: Option<PeerId>,
        now: Instant,
        missing: Vec<u32>,
    ) -> Self {
        Self {
            commitment,
            state: Sampling::Waiting,
            first,
            since: now,
            heard: now,
            missing,
            announcers: first.into_iter().collect(),
            asked: Vec::new(),
        }
    }

    /// Another announcement, by `from`; says whether the blob is to be tried again.
    pub(super) fn hear_from(&mut self, from: PeerId, now: Instant, limits: &Limits) -> bool {
        let new = !self.asked.contains(&from) && !self.announcers.contains(&from);
        if !new || self.announcers.len() >= limits.announcers || self.asked.len() >= limits.asked {
            return false;
        }
        match self.state {
            Sampling::Available => false,
            Sampling::Waiting | Sampling::Asking => {
                self.announcers.push_back(from);
                false
            }
            Sampling::Withheld => {
                self.announcers.push_back(from);
                self.state = Sampling::Waiting;
                self.heard = now;
                true
            }
        }
    }

    /// Whom to ask next: announcers in their order, then other peers from a place that differs from
    /// blob to blob. One that is busy is passed over for now.
    pub(super) fn next_peer(
        &mut self,
        peers: &BTreeSet<PeerId>,
        limits: &Limits,
        busy: impl Fn(&PeerId) -> bool,
    ) -> Next {
        if self.asked.len() >= limits.asked {
            return Next::Nobody;
        }
        let free = self.announcers.iter().position(|peer| !busy(peer));
        let mut next = match free.and_then(|at| self.announcers.remove(at)) {
            Some(peer) => Next::Ask(peer),
            None if self.announcers.is_empty() => Next::Nobody,
            None => Next::Busy,
        };
        if next == Next::Nobody {
            let from = usize::from(self.commitment.root.0[0]) % peers.len().max(1);
            let around = peers.iter().skip(from).chain(peers.iter().take(from));
            for peer in around.filter(|peer| !self.asked.contains(peer)) {
                next = Next::Busy;
                if !busy(peer) {
                    next = Next::Ask(*peer);
                    break;
                }
            }
        }
        if let Next::Ask(peer) = next {
            self.asked.push(peer);
        }
        next
    }

    /// When it counts as withheld, if nobody is left to ask.
    pub(super) fn give_up_at(&self, limits: &Limits) -> Instant {
        self.heard + limits.window
    }

    /// Takes the samples of an answer, all of them or none; says how many.
    pub(super) fn take(&mut self, samples: &[Sample]) -> Result<u64, BlobError> {
        for sample in samples {
            if !self.missing.contains(&sample.index) {
                let index = sample.index;
                return Err(BlobError::Foreign { index });
            }
            self.commitment.check(sample)?;
        }
        self.missing
            .retain(|index| samples.iter().all(|sample| sample.index != *index));
        Ok(samples.len() as u64)
    }
}

/// The leaves to sample: the head, which proves the size, and `count` others, in increasing order.
pub(super) fn choose(salt: &[u8; 16], blob: &BlobCommitment, count: usize) -> Vec<u32> {
    let pieces = blob.leaves() - 1;
    let count = count.min(MAX_SAMPLES - 1).min(pieces as usize);
    let seed = sha3_256_parts(&[b"animica/samples/v1", salt, &blob.root.0]);
    let mut rng = Rng::from_seed(seed.0);
    let chosen = index::sample(&mut rng, pieces as usize, count);
    let mut out: Vec<u32> = chosen.into_iter().map(|piece| 1 + piece as u32).collect();
    out.push(0);
    out.sort_unstable();
    out
}
