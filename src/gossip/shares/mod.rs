//! Shares: what is taken, passed on and remembered.
//!
//! # How to use it
//! - [`Shares::follow`] for every block that becomes the head, in order, with the ancestry of its children.
//! - [`Shares::screen`] for every share that arrives, whichever way. It gives a verdict, or a
//!   [`Candidate`] whose costly verification ([`Candidate::verify`]) belongs on a blocking thread;
//!   [`Shares::settle`] then gives the verdict. [`Shares::judge`] does all of it in place.
//! - [`Shares::get`] and [`Shares::recent`] serve peers that ask.
//!
//! # What it costs and what bounds it
//! Checks run cheapest first: size, form, topic, known id, room, parent, draw, nullifier, and last
//! what an application's verifier does. Up to there a hash share costs a few hashes, another
//! one its hash. The index holds 10 000 shares for ten minutes, each type at most its [`Cap`], and a
//! peer never displaces the shares of one that sent fewer.
//!
//! # Security
//! Only what was accepted is remembered. A share is known by the hash of all its bytes, so nothing
//! invalid can take its id; a nullifier counts once a verifier has found it to be the share's own,
//! so nobody can take it by claiming it.

mod index;
mod limits;
mod parents;
mod report;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;

use super::{Ignored, Verdict};
use crate::{
    PeerId,
    chain::{
        Ancestry, ProofEnvelope, ProofType, object_id,
        share::{ShareError, ShareVerifier, Standing},
    },
    clock::Now,
    ids::Hash32,
    offence::Offence,
    registry::Topic,
};

use index::{Index, NewEntry};
use parents::{Parents, Place};

pub use limits::{Cap, Limits};
pub use report::ShareReport;

/// The shares that a node knows.
#[derive(Debug)]
pub struct Shares {
    verifier: Arc<dyn ShareVerifier>,
    parents: Parents,
    index: Index,
    report: ShareReport,
}

/// What [`Shares::screen`] says.
#[derive(Debug)]
pub enum Screened {
    /// It is decided.
    Decided(Verdict),
    /// Everything cheap is in order.
    Costly(Candidate),
}

/// A share that passed every cheap check.
#[derive(Clone, Debug)]
pub struct Candidate {
    id: Hash32,
    kind: ProofType,
    bytes: Bytes,
    from: PeerId,
}

impl Candidate {
    /// The costly part. Blocks for as long as the verifier takes.
    ///
    /// # Errors
    /// The share proves nothing.
    pub fn verify(&self, verifier: &dyn ShareVerifier) -> Result<Standing, ShareError> {
        verifier.verify(&ProofEnvelope::decode(&self.bytes)?)
    }
}

impl Shares {
    /// An empty index.
    #[must_use]
    pub fn new(limits: Limits, verifier: Arc<dyn ShareVerifier>) -> Self {
        Self {
            verifier,
            parents: Parents::new(limits.parents),
            index: Index::new(limits),
            report: ShareReport::default(),
        }
    }

    /// A block became the head; `ancestry` is that of its children.
    pub fn follow(&mut self, ancestry: Ancestry) {
        self.parents.follow(ancestry);
    }

    /// Runs every cheap check on a share from `from`. `topic` is the gossip topic it came by, `None`
    /// if it was asked for.
    pub fn screen(
        &mut self,
        now: Now,
        from: PeerId,
        topic: Option<Topic>,
        bytes: &Bytes,
    ) -> Screened {
        match self.read(bytes) {
            Ok(share) => self.screen_read(now, from, topic, &share, bytes),
            Err(verdict) => Screened::Decided(verdict),
        }
    }

    /// The form of a share: the first half of [`Shares::screen`].
    ///
    /// # Errors
    /// The verdict on one that has not the form.
    pub fn read<'a>(&mut self, bytes: &'a Bytes) -> Result<ProofEnvelope<'a>, Verdict> {
        ProofEnvelope::decode(bytes).map_err(|error| {
            self.report.malformed += 1;
            refusal(&error.into())
        })
    }

    /// The second half of [`Shares::screen`]: `share` is what `bytes` say.
    pub fn screen_read(
        &mut self,
        now: Now,
        from: PeerId,
        topic: Option<Topic>,
        share: &ProofEnvelope<'_>,
        bytes: &Bytes,
    ) -> Screened {
        self.index.expire(now.mono);
        let verdict = match self.check(now, from, topic, share, bytes) {
            Ok(id) => {
                return Screened::Costly(Candidate {
                    id,
                    kind: share.kind,
                    bytes: bytes.clone(),
                    from,
                });
            }
            Err(verdict) => verdict,
        };
        self.report.count(share.kind, &verdict);
        Screened::Decided(verdict)
    }

    /// The verdict on a candidate whose costly verification came to `outcome`.
    pub fn settle(
        &mut self,
        now: Now,
        candidate: Candidate,
        outcome: Result<Standing, ShareError>,
    ) -> Verdict {
        self.index.expire(now.mono);
        let kind = candidate.kind;
        let verdict = match outcome {
            Ok(standing) => self.keep(now, candidate, standing),
            Err(error) => refusal(&error),
        };
        self.report.count(kind, &verdict);
        verdict
    }

    /// [`Shares::screen`], the costly verification and [`Shares::settle`] in one, on this thread.
    pub fn judge(
        &mut self,
        now: Now,
        from: PeerId,
        topic: Option<Topic>,
        bytes: &Bytes,
    ) -> Verdict {
        match self.screen(now, from, topic, bytes) {
            Screened::Decided(verdict) => verdict,
            Screened::Costly(candidate) => {
                let outcome = candidate.verify(&*self.verifier);
                self.settle(now, candidate, outcome)
            }
        }
    }

    /// The verifier, for [`Candidate::verify`] elsewhere.
    #[must_use]
    pub fn verifier(&self) -> &Arc<dyn ShareVerifier> {
        &self.verifier
    }

    /// A share by its id.
    #[must_use]
    pub fn get(&self, id: &Hash32) -> Option<Bytes> {
        self.index.get(id)
    }

    /// Whether the share is in the index, so that it need not be asked for.
    #[must_use]
    pub fn contains(&self, id: &Hash32) -> bool {
        self.index.contains(id)
    }

    /// Ids of the newest shares, newest first.
    pub fn recent(&self) -> impl Iterator<Item = Hash32> + '_ {
        self.index.newest()
    }

    /// What is held and what was decided.
    #[must_use]
    pub fn report(&self) -> ShareReport {
        ShareReport {
            nullifiers: self.index.nullifiers() as u64,
            ..self.index.fill(self.report)
        }
    }

    /// The id of a share that passes every cheap check, or the verdict on one that does not.
    fn check(
        &self,
        now: Now,
        from: PeerId,
        topic: Option<Topic>,
        share: &ProofEnvelope<'_>,
        bytes: &Bytes,
    ) -> Result<Hash32, Verdict> {
        if topic.is_some() && topic != topic_of(share.kind) {
            return Err(Verdict::Reject {
                offence: Offence::MalformedMessage,
                detail: format!("a share of type {:?} on another topic", share.kind),
            });
        }
        let id = object_id(bytes);
        if self.index.contains(&id) {
            return Err(Verdict::Ignore(Ignored::Duplicate));
        }
        if !self.index.has_room(share.kind, from, bytes.len()) {
            return Err(Verdict::Ignore(Ignored::Full));
        }
        let parent = self.verifier.parent(share).map_err(|e| refusal(&e))?;
        let ancestry = match parent.map(|parent| self.parents.find(&parent)) {
            None => None,
            Some(Place::Recent(ancestry)) => Some(ancestry),
            Some(Place::Stale) => return Err(Verdict::Ignore(Ignored::Stale)),
            Some(Place::Unknown) => return Err(Verdict::Ignore(Ignored::UnknownParent)),
        };
        self.verifier
            .screen(share, ancestry, now.wall_secs())
            .map_err(|e| refusal(&e))?;
        if self.index.is_spent(share.kind, &share.nullifier) {
            return Err(Verdict::Ignore(Ignored::Duplicate));
        }
        Ok(id)
    }

    fn keep(&mut self, now: Now, candidate: Candidate, standing: Standing) -> Verdict {
        let Candidate {
            id,
            kind,
            bytes,
            from,
        } = candidate;
        let nullifier = match standing {
            Standing::Carried => None,
            Standing::Verified => match ProofEnvelope::decode(&bytes) {
                Ok(share) => Some(share.nullifier),
                Err(error) => return refusal(&error.into()),
            },
        };
        // Another copy, or another share of the same work, may have come in meanwhile.
        if self.index.contains(&id) || nullifier.is_some_and(|n| self.index.is_spent(kind, &n)) {
            return Verdict::Ignore(Ignored::Duplicate);
        }
        let entry = NewEntry {
            id,
            kind,
            bytes,
            from,
            nullifier,
        };
        match self.index.insert(now.mono, entry) {
            Some(evicted) => {
                self.report.counts_mut(kind).evicted += evicted;
                Verdict::Accept
            }
            None => Verdict::Ignore(Ignored::Full),
        }
    }
}

/// The topic that shares of this type travel on; storage and delay proofs are only asked for.
#[must_use]
pub fn topic_of(kind: ProofType) -> Option<Topic> {
    match kind {
        ProofType::Hash => Some(Topic::SharesHash),
        ProofType::Ai => Some(Topic::SharesAi),
        ProofType::Quantum => Some(Topic::SharesQuantum),
        ProofType::Storage | ProofType::Vdf => None,
    }
}

fn refusal(error: &ShareError) -> Verdict {
    match error.offence() {
        Some(offence) => Verdict::Reject {
            offence,
            detail: error.to_string(),
        },
        // The one refusal that is nobody's fault is a timestamp ahead of our clock.
        None => Verdict::Ignore(Ignored::Future),
    }
}
