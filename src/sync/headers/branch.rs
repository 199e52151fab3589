//! The main branch: what was received, verified and is ready for the store.

use std::{collections::VecDeque, time::Instant};

use libp2p::PeerId;

use super::{Run, outcome::Outcome, presync::Proof};
use crate::{
    chain::{NewHeader, Tip, verify::Verified},
    ids::{Hash32, Height, Work},
    sync::{
        config::{COMMIT_DELAY, COMMIT_HEADERS},
        io::{JobId, RequestId},
        task::After,
    },
};

/// The main branch.
#[derive(Debug)]
pub(super) struct Main {
    /// Its number, so that answers to older questions are told apart.
    pub(super) epoch: u64,
    pub(super) started: Instant,
    /// Last header received: the next run follows it.
    pub(super) cursor: Hash32,
    pub(super) cursor_height: Height,
    /// Where verification stands.
    verified: After,
    /// The end of what was verified, `None` before the first run of a repeated branch.
    tip: Option<Tip>,
    /// Received and not yet being verified.
    queue: VecDeque<Run>,
    checking: Option<Checking>,
    /// Verified and not yet on their way into the store.
    ready: Vec<NewHeader>,
    ready_since: Option<Instant>,
    /// Open requests that extend it: one, and hedges.
    pub(super) open: Vec<RequestId>,
    /// Who served last.
    pub(super) lead: Option<PeerId>,
    /// What a branch that is downloaded again must agree with.
    proof: Option<Proof>,
    /// Work that peers claim for headers that are not verified yet.
    claims: Vec<(Hash32, PeerId, Work)>,
}

/// A run that is being verified.
#[derive(Debug)]
struct Checking {
    job: JobId,
    peer: PeerId,
    claim: Option<Work>,
    headers: usize,
}

impl Main {
    /// A branch that beats the store with `verified`.
    pub(super) fn direct(epoch: u64, peer: PeerId, verified: Verified, now: Instant) -> Self {
        let tip = verified.ancestry.tip();
        Self {
            tip: Some(tip),
            ready: verified.headers,
            ready_since: Some(now),
            ..Self::at(
                epoch,
                peer,
                (tip.hash, tip.height),
                After::Checked(verified.ancestry),
                now,
            )
        }
    }

    /// A branch to be downloaded again from the stored header `origin` on.
    pub(super) fn repeated(
        epoch: u64,
        peer: PeerId,
        origin: (Hash32, Height),
        proof: Proof,
        now: Instant,
    ) -> Self {
        Self {
            proof: Some(proof),
            ..Self::at(epoch, peer, origin, After::Stored(origin.0), now)
        }
    }

    fn at(
        epoch: u64,
        lead: PeerId,
        cursor: (Hash32, Height),
        verified: After,
        started: Instant,
    ) -> Self {
        Self {
            epoch,
            started,
            cursor: cursor.0,
            cursor_height: cursor.1,
            verified,
            tip: None,
            queue: VecDeque::new(),
            checking: None,
            ready: Vec::new(),
            ready_since: None,
            open: Vec::new(),
            lead: Some(lead),
            proof: None,
            claims: Vec::new(),
        }
    }

    /// The end of what has proven its work.
    pub(super) fn proven(&self) -> Option<Tip> {
        self.proof
            .as_ref()
            .map_or(self.tip, |proof| Some(proof.end))
    }

    /// Headers received and not yet on their way into the store.
    pub(super) fn backlog(&self) -> usize {
        let queued: usize = self.queue.iter().map(|run| run.headers.len()).sum();
        let checking = self.checking.as_ref().map_or(0, |c| c.headers);
        queued + checking + self.ready.len()
    }

    /// Whether nothing is left to be verified.
    pub(super) fn starving(&self) -> bool {
        self.queue.is_empty() && self.checking.is_none()
    }

    /// Whether nothing is left to be verified and nothing more was asked for.
    pub(super) fn idle(&self) -> bool {
        self.starving() && self.open.is_empty()
    }

    /// Whether all that was verified has left for the store.
    pub(super) fn stored(&self) -> bool {
        self.ready.is_empty()
    }

    /// When a branch that is downloaded again must be complete.
    pub(super) fn repeat_until(&self) -> Option<Instant> {
        self.proof.as_ref().map(|proof| proof.until)
    }

    /// Takes a run that follows the cursor.
    pub(super) fn accept(&mut self, run: Run, last: Hash32) {
        self.cursor = last;
        self.cursor_height = self.cursor_height.saturating_add(run.headers.len() as u64);
        self.lead = Some(run.peer);
        self.queue.push_back(run);
    }

    /// A peer claims that its branch ends in the cursor with this much work.
    pub(super) fn claim(&mut self, peer: PeerId, work: Work) {
        self.claims.retain(|(_, who, _)| *who != peer);
        self.claims.push((self.cursor, peer, work));
    }

    /// The next run to verify, under the name `job`.
    pub(super) fn next_check(&mut self, job: JobId) -> Option<(After, Vec<bytes::Bytes>)> {
        if self.checking.is_some() {
            return None;
        }
        let run = self.queue.pop_front()?;
        self.checking = Some(Checking {
            job,
            peer: run.peer,
            claim: run.claim,
            headers: run.headers.len(),
        });
        Some((self.verified.clone(), run.headers))
    }

    /// Takes note of a verified run; `None` if `job` is not the one that is running.
    pub(super) fn checked(
        &mut self,
        job: JobId,
        verified: Verified,
        salt: &Hash32,
        now: Instant,
    ) -> Option<Outcome> {
        let Checking { peer, claim, .. } = self.checking.take_if(|c| c.job == job)?;
        if let Some(proof) = &mut self.proof {
            if let Err(at) = proof.hold(&verified.headers, salt) {
                self.rewind();
                return Some(Outcome::Differs { peer, at });
            }
            if proof.done() {
                self.proof = None;
            }
        }
        if !verified.headers.is_empty() {
            let tip = verified.ancestry.tip();
            self.tip = Some(tip);
            self.verified = After::Checked(verified.ancestry);
            self.ready.extend(verified.headers);
            self.ready_since.get_or_insert(now);
            if let Some((_, error)) = verified.refused {
                self.rewind();
                return Some(Outcome::Refused { peer, error });
            }
            if let Some(claimed) = claim {
                self.claims.push((tip.hash, peer, claimed));
            }
            return Some(self.judge_claims(tip));
        }
        self.rewind();
        match verified.refused {
            Some((_, error)) => Some(Outcome::Refused { peer, error }),
            None => Some(Outcome::Extended),
        }
    }

    /// A run is not to be used: the store could not be read, or its branch was left aside. Returns
    /// who sent it.
    pub(super) fn unchecked(&mut self, job: JobId) -> Option<PeerId> {
        let checking = self.checking.take_if(|c| c.job == job)?;
        self.rewind();
        Some(checking.peer)
    }

    /// Compares the claims for `tip` with its work.
    fn judge_claims(&mut self, tip: Tip) -> Outcome {
        let mut outcome = Outcome::Extended;
        self.claims.retain(|(hash, peer, claimed)| {
            if *hash == tip.hash && *claimed != tip.work {
                outcome = Outcome::FalseClaim {
                    peer: *peer,
                    claimed: *claimed,
                    real: tip.work,
                };
            }
            *hash != tip.hash
        });
        outcome
    }

    /// Forgets what follows the last verified header.
    fn rewind(&mut self) {
        self.queue.clear();
        self.claims.clear();
        self.open.clear();
        let (hash, height) = match (&self.verified, self.tip) {
            (_, Some(tip)) => (tip.hash, tip.height),
            (After::Checked(ancestry), None) => (ancestry.tip().hash, ancestry.tip().height),
            (After::Stored(hash), None) => {
                let height = self
                    .proof
                    .as_ref()
                    .map_or(self.cursor_height, Proof::origin);
                (*hash, height)
            }
        };
        self.cursor = hash;
        self.cursor_height = height;
    }

    /// Verified headers for a commit, once there are enough of them or no more are coming.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<NewHeader> {
        let provable = match &self.proof {
            None => self.ready.len(),
            Some(proof) => self.ready.partition_point(|h| h.height <= proof.held()),
        };
        let waited = self
            .ready_since
            .is_some_and(|since| now.saturating_duration_since(since) >= COMMIT_DELAY);
        if provable == 0 || !(provable >= COMMIT_HEADERS || waited || self.idle()) {
            return Vec::new();
        }
        let rest = self.ready.split_off(provable);
        self.ready_since = (!rest.is_empty()).then_some(now);
        std::mem::replace(&mut self.ready, rest)
    }

    /// When verified headers are due although more may come.
    pub(super) fn due(&self) -> Option<Instant> {
        self.ready_since.map(|since| since + COMMIT_DELAY)
    }

    /// Whether a branch is being downloaded again.
    pub(super) fn repeats_for(&self) -> Option<(PeerId, Height)> {
        self.proof
            .as_ref()
            .map(|proof| (proof.peer, proof.end.height))
    }
}
