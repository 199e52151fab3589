//! Blobs: announcements, and whether what is announced can be had.
//!
//! # How to use it
//! - [`Blobs::announced`] for every announcement, by gossip or otherwise: gives the verdict.
//! - [`Blobs::join`] and [`Blobs::leave`] for peers that speak the data protocol, [`Blobs::hold`] for blobs
//!   in our own store.
//! - [`Blobs::answered`] for what became of a request.
//! - [`Blobs::poll`] after each of these and once a second: says what to do.
//! - [`serve`] answers the requests of others from a [`BlobStore`](crate::chain::BlobStore); it reads a
//!   disk, so it belongs on a blocking thread.
//!
//! # What it costs and what bounds it
//! An announcement costs decoding some 50 bytes. A blob is sampled once: its head and
//! [`Limits::samples`] leaves, one hash a level for each. At most [`Limits::tracked`] blobs are
//! remembered, [`Limits::per_peer`] on the word of one peer, for [`Limits::ttl`]; at most
//! [`Limits::in_flight`] requests run, [`Limits::per_peer_in_flight`] at one peer; at most
//! [`Limits::asked`] peers are asked for one blob.
//!
//! # Security
//! - Whoever announces proves nothing, and whoever passes it on knows nothing, so nobody is blamed for
//!   an announcement that turns out false. Who *answers* a request, which names root, namespace and
//!   size, vouches for what it sends: a proof that does not verify is a lie.
//! - Announcing and then withholding censors nothing: the next announcer is asked, then other peers,
//!   and a blob found withheld is tried again when somebody else announces it.
//! - Which leaves are sampled depends on a secret salt, so that nobody can prepare just those.

mod limits;
mod sampling;
mod serve;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Instant,
};

use super::{Ignored, Verdict};
use crate::{
    PeerId,
    chain::{BlobCommitment, BlobError},
    clock::Now,
    offence::Offence,
    report::BlobReport,
    wire::{DaGet, DaProof},
};

use sampling::{Next, Sampling, Tracked};

pub use limits::Limits;
pub use serve::serve;

/// What a node knows of announced blobs.
#[derive(Debug)]
pub struct Blobs {
    limits: Limits,
    salt: [u8; 16],
    peers: BTreeSet<PeerId>,
    /// By number; numbers grow, so the first is the oldest.
    tracked: BTreeMap<u64, Tracked>,
    numbers: HashMap<BlobCommitment, u64>,
    /// Numbers of the blobs about which nothing is decided.
    open: BTreeSet<u64>,
    /// Blobs remembered on the word of each peer.
    by_announcer: BTreeMap<PeerId, usize>,
    in_flight: BTreeMap<RequestId, InFlight>,
    outputs: Vec<Output>,
    next_number: u64,
    next_request: u64,
    report: BlobReport,
}

/// Names a request for samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

#[derive(Debug)]
struct InFlight {
    blob: u64,
    peer: PeerId,
    deadline: Instant,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this request, and tell [`Blobs::answered`] what became of it.
    Request {
        /// Its name.
        id: RequestId,
        /// Whom to ask.
        peer: PeerId,
        /// What to ask.
        request: DaGet,
    },
    /// Every sample of this blob verified.
    Available(BlobCommitment),
    /// Nobody who was asked could show it.
    Withheld(BlobCommitment),
    /// A peer did something no honest peer does.
    Penalise {
        /// Who.
        peer: PeerId,
        /// What.
        offence: Offence,
        /// The particulars.
        detail: String,
    },
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SampleAnswer {
    /// `DA_PROOF`.
    Proof(DaProof),
    /// `NOTFOUND`: it does not have the blob.
    Missing,
    /// Anything else: `BUSY`, `ERROR`, a broken link. Nobody's fault.
    Failed,
}

/// Whether a blob can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Availability {
    /// Not known yet.
    Open,
    /// Its samples verified, or it is in our store.
    Available,
    /// Nobody could show it, so far.
    Withheld,
}

impl Blobs {
    /// An engine that knows of no blob. `salt` is secret and random.
    #[must_use]
    pub fn new(limits: Limits, salt: [u8; 16]) -> Self {
        Self {
            limits,
            salt,
            peers: BTreeSet::new(),
            tracked: BTreeMap::new(),
            numbers: HashMap::new(),
            open: BTreeSet::new(),
            by_announcer: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            outputs: Vec::new(),
            next_number: 0,
            next_request: 0,
            report: BlobReport::default(),
        }
    }

    /// A peer that can be asked for samples.
    pub fn join(&mut self, peer: PeerId) {
        self.peers.insert(peer);
    }

    /// A peer is gone; what it was asked, others are.
    pub fn leave(&mut self, peer: &PeerId) {
        self.peers.remove(peer);
        let lost = self.in_flight.iter().filter(|(_, r)| r.peer == *peer);
        let lost: Vec<RequestId> = lost.map(|(id, _)| *id).collect();
        for id in lost {
            self.take_request(id);
        }
        for number in &self.open {
            if let Some(blob) = self.tracked.get_mut(number) {
                blob.announcers.retain(|announcer| announcer != peer);
            }
        }
    }

    /// An announcement by `from`. A duplicate still tells whom to ask.
    pub fn announced(&mut self, now: Now, from: PeerId, payload: &[u8]) -> Verdict {
        match self.read(payload) {
            Ok(blob) => self.announced_read(now, from, blob),
            Err(verdict) => verdict,
        }
    }

    /// The form of an announcement: the first half of [`Blobs::announced`].
    ///
    /// # Errors
    /// The verdict on one that has not the form.
    pub fn read(&mut self, payload: &[u8]) -> Result<BlobCommitment, Verdict> {
        BlobCommitment::decode(payload).map_err(|error| {
            self.report.rejected += 1;
            Verdict::Reject {
                offence: offence_of(&error),
                detail: error.to_string(),
            }
        })
    }

    /// The second half of [`Blobs::announced`].
    pub fn announced_read(&mut self, now: Now, from: PeerId, blob: BlobCommitment) -> Verdict {
        let verdict = self.track(now.mono, from, blob);
        *match verdict {
            Verdict::Accept => &mut self.report.accepted,
            Verdict::Ignore(_) => &mut self.report.ignored,
            Verdict::Reject { .. } => &mut self.report.rejected,
        } += 1;
        verdict
    }

    /// A blob is in our own store: it needs no sampling, and announcements of it are duplicates.
    pub fn hold(&mut self, now: Now, blob: BlobCommitment) {
        let number = match self.numbers.get(&blob).copied() {
            Some(number) => number,
            None if !self.make_room() => return,
            None => self.insert(Tracked::new(blob, None, now.mono, Vec::new())),
        };
        self.decide(number, Sampling::Available);
    }

    /// What became of a request. Late answers are dropped.
    pub fn answered(&mut self, _now: Now, id: RequestId, from: &PeerId, answer: SampleAnswer) {
        if self.in_flight.get(&id).is_none_or(|r| r.peer != *from) {
            return;
        }
        let Some(number) = self.take_request(id) else {
            return;
        };
        let (SampleAnswer::Proof(proof), Some(blob)) = (answer, self.tracked.get_mut(&number))
        else {
            return;
        };
        match blob.take(&proof.samples) {
            Ok(verified) => {
                self.report.samples += verified;
                if blob.missing.is_empty() {
                    let commitment = blob.commitment;
                    self.decide(number, Sampling::Available);
                    self.report.available += 1;
                    self.outputs.push(Output::Available(commitment));
                }
            }
            Err(error) => {
                self.report.bad_proofs += 1;
                self.outputs.push(Output::Penalise {
                    peer: *from,
                    offence: offence_of(&error),
                    detail: format!("samples of blob {}: {error}", blob.commitment.root),
                });
            }
        }
    }

    /// What is to be done now.
    pub fn poll(&mut self, now: Now) -> Vec<Output> {
        self.expire(now.mono);
        let late = self
            .in_flight
            .iter()
            .filter(|(_, r)| r.deadline <= now.mono);
        let late: Vec<RequestId> = late.map(|(id, _)| *id).collect();
        for id in late {
            self.take_request(id);
        }
        let open: Vec<u64> = self.open.iter().copied().collect();
        for number in open {
            self.go_on(now.mono, number);
        }
        std::mem::take(&mut self.outputs)
    }

    /// Whether the blob can be had; `None` if it is not remembered.
    #[must_use]
    pub fn availability(&self, blob: &BlobCommitment) -> Option<Availability> {
        let tracked = self.tracked.get(self.numbers.get(blob)?)?;
        Some(match tracked.state {
            Sampling::Waiting | Sampling::Asking => Availability::Open,
            Sampling::Available => Availability::Available,
            Sampling::Withheld => Availability::Withheld,
        })
    }

    /// What is remembered and what was decided.
    #[must_use]
    pub fn report(&self) -> BlobReport {
        BlobReport {
            tracked: self.tracked.len() as u64,
            open: self.open.len() as u64,
            in_flight: self.in_flight.len() as u64,
            ..self.report
        }
    }

    fn track(&mut self, now: Instant, from: PeerId, blob: BlobCommitment) -> Verdict {
        if let Some(number) = self.numbers.get(&blob) {
            let number = *number;
            if let Some(known) = self.tracked.get_mut(&number)
                && known.hear_from(from, now, &self.limits)
            {
                self.open.insert(number);
            }
            return Verdict::Ignore(Ignored::Duplicate);
        }
        let held = self.by_announcer.get(&from).copied().unwrap_or_default();
        if held >= self.limits.per_peer || !self.make_room() {
            return Verdict::Ignore(Ignored::Full);
        }
        let wanted = sampling::choose(&self.salt, &blob, self.limits.samples);
        let number = self.insert(Tracked::new(blob, Some(from), now, wanted));
        self.open.insert(number);
        Verdict::Accept
    }

    fn insert(&mut self, blob: Tracked) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.numbers.insert(blob.commitment, number);
        if let Some(first) = blob.first {
            *self.by_announcer.entry(first).or_default() += 1;
        }
        self.tracked.insert(number, blob);
        number
    }

    /// Whether there is room for one more, after forgetting the oldest decided one if need be.
    fn make_room(&mut self) -> bool {
        if self.tracked.len() >= self.limits.tracked {
            let decided = self.tracked.keys().find(|n| !self.open.contains(n));
            if let Some(oldest) = decided.copied() {
                self.forget(oldest);
            }
        }
        self.tracked.len() < self.limits.tracked
    }

    fn forget(&mut self, number: u64) {
        self.open.remove(&number);
        let Some(blob) = self.tracked.remove(&number) else {
            return;
        };
        self.numbers.remove(&blob.commitment);
        if let Some(first) = blob.first
            && let Some(count) = self.by_announcer.get_mut(&first)
        {
            *count -= 1;
            if *count == 0 {
                self.by_announcer.remove(&first);
            }
        }
    }

    fn expire(&mut self, now: Instant) {
        while let Some((number, blob)) = self.tracked.first_key_value()
            && now.saturating_duration_since(blob.since) >= self.limits.ttl
        {
            let number = *number;
            self.forget(number);
        }
    }

    /// Ends a request; the blob waits for the next peer.
    fn take_request(&mut self, id: RequestId) -> Option<u64> {
        let InFlight { blob, .. } = self.in_flight.remove(&id)?;
        let tracked = self.tracked.get_mut(&blob)?;
        if matches!(tracked.state, Sampling::Asking) {
            tracked.state = Sampling::Waiting;
        }
        Some(blob)
    }

    fn decide(&mut self, number: u64, state: Sampling) {
        self.open.remove(&number);
        if let Some(blob) = self.tracked.get_mut(&number) {
            blob.state = state;
        }
    }

    /// Asks the next peer about a blob, or gives it up.
    fn go_on(&mut self, now: Instant, number: u64) {
        let running = &self.in_flight;
        let busy = |peer: &PeerId| {
            let requests = running.values().filter(|r| r.peer == *peer).count();
            requests >= self.limits.per_peer_in_flight
        };
        let Some(blob) = self.tracked.get_mut(&number) else {
            return;
        };
        if matches!(blob.state, Sampling::Asking) || running.len() >= self.limits.in_flight {
            return;
        }
        match blob.next_peer(&self.peers, &self.limits, busy) {
            Next::Ask(peer) => self.ask(now, number, peer),
            Next::Nobody if now >= blob.give_up_at(&self.limits) => {
                let commitment = blob.commitment;
                self.decide(number, Sampling::Withheld);
                self.report.withheld += 1;
                self.outputs.push(Output::Withheld(commitment));
            }
            Next::Busy | Next::Nobody => {}
        }
    }

    fn ask(&mut self, now: Instant, number: u64, peer: PeerId) {
        let Some(blob) = self.tracked.get_mut(&number) else {
            return;
        };
        blob.state = Sampling::Asking;
        let request = DaGet {
            blob: blob.commitment,
            indexes: blob.missing.clone(),
        };
        let id = RequestId(self.next_request);
        self.next_request += 1;
        let running = InFlight {
            blob: number,
            peer,
            deadline: now + self.limits.timeout,
        };
        self.in_flight.insert(id, running);
        self.outputs.push(Output::Request { id, peer, request });
    }
}

/// What the sender of this did.
fn offence_of(error: &BlobError) -> Offence {
    match error {
        BlobError::Announcement(_) => Offence::OversizedMessage,
        BlobError::Cbor(e) if e.is_non_canonical() => Offence::NonCanonicalCbor,
        BlobError::Cbor(_) | BlobError::Size(_) | BlobError::Leaves { .. } => {
            Offence::MalformedMessage
        }
        BlobError::Mismatch | BlobError::Proof(_) | BlobError::Foreign { .. } => Offence::BadProof,
    }
}
