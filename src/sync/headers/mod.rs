//! Headers first: from which peer the next run is asked, and what becomes of it.
//!
//! There is one **main branch** at a time, the one with the most proven work beyond the store. Peers
//! that have its last header extend it, one run after the other, the next asked for before the last
//! is verified. Every other branch that a peer claims to be better is *tried*: one run is verified,
//! and if the branch does not beat ours by then, the peer is **pre-synced**: its headers are verified
//! and forgotten but for salted commitments, until they prove more work than the main branch, which
//! they then replace, downloaded again and held to the commitments.

mod answer;
mod ask;
mod branch;
mod checked;
mod outcome;
mod presync;
mod succession;

use std::{collections::BTreeMap, time::Instant};

use bytes::Bytes;
use libp2p::PeerId;

use self::{branch::Main, presync::Presync};
use super::{
    core::Core,
    io::{JobId, RequestId},
};
use crate::{
    chain::{NewHeader, Tip},
    clock::Now,
    ids::{Hash32, Height},
};

/// What a peer does for the headers.
#[derive(Debug)]
pub(super) enum Role {
    /// Not asked since its claim or our chain changed.
    New,
    /// Its first run on another branch than the main one is being verified.
    Trial(JobId),
    /// It has the last header of the main branch.
    OnMain,
    /// It is on a branch that has not proven enough work yet.
    Presync(Box<Presync>),
    /// It had nothing better when it was last asked.
    Level,
}

/// A header request.
#[derive(Debug, Clone)]
pub(super) struct HeaderAsk {
    /// The locator that was sent.
    locator: Vec<Hash32>,
    /// How many hashes at its start may not be stored.
    pending: usize,
    /// Headers asked for.
    max: u32,
    /// The main branch there was when it was sent, 0 for none.
    epoch: u64,
    /// Whether it continues a pre-sync.
    presync: bool,
}

/// For what headers are being verified.
#[derive(Debug, Clone, Copy)]
enum Check {
    Main,
    Trial(PeerId),
    Presync(PeerId),
}

/// The header side of the engine.
#[derive(Debug)]
pub(super) struct HeaderSync {
    main: Option<Main>,
    /// The number of the last main branch.
    epoch: u64,
    checks: BTreeMap<JobId, Check>,
    /// Mixed into commitments, so that nobody can prepare a branch that collides with them.
    salt: Hash32,
    /// The pre-sync check that is running, and since when.
    presync_check: Option<(JobId, Instant)>,
    /// Pre-sync leaves the processor to others until then.
    presync_after: Option<Instant>,
    next_poll: Option<Instant>,
    /// When headers were last verified on the main branch.
    flowed: Option<Instant>,
}

/// A run of headers that a peer sent.
#[derive(Debug)]
struct Run {
    peer: PeerId,
    headers: Vec<Bytes>,
    /// Work that the peer claims for the last header, if it is its best.
    claim: Option<crate::ids::Work>,
}

impl HeaderSync {
    pub(super) fn new(salt: Hash32) -> Self {
        Self {
            main: None,
            epoch: 0,
            checks: BTreeMap::new(),
            salt,
            presync_check: None,
            presync_after: None,
            next_poll: None,
            flowed: None,
        }
    }

    /// The best branch that has proven its work, stored or not.
    pub(super) fn best(&self, core: &Core) -> Tip {
        let stored = core.view.tips.headers;
        match self.main.as_ref().and_then(Main::proven) {
            Some(main) if main.beats(&stored) => main,
            _ => stored,
        }
    }

    /// Whether a branch is being extended.
    pub(super) fn active(&self) -> bool {
        self.main.is_some()
    }

    /// Whether headers come in at a rate that bodies should wait for.
    pub(super) fn flowing(&self, now: Instant) -> bool {
        use super::config::{FLOWING, HEADERS_FIRST};
        let recent = |at: Instant| now.saturating_duration_since(at) < FLOWING;
        self.main.as_ref().is_some_and(|main| {
            now.saturating_duration_since(main.started) < HEADERS_FIRST
                && self.flowed.is_none_or(recent)
        })
    }

    /// Whether peers are being pre-synced.
    pub(super) fn presyncing(&self, core: &Core) -> bool {
        core.peers
            .values()
            .any(|peer| matches!(peer.role, Role::Presync(_)))
    }

    /// Verified headers that are due for a commit; empty if it is better to wait.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<NewHeader> {
        self.main
            .as_mut()
            .map_or_else(Vec::new, |main| main.take_due(now))
    }

    /// Height up to which headers were received on the main branch.
    pub(super) fn received(&self) -> Option<Height> {
        self.main.as_ref().map(|main| main.cursor_height)
    }

    /// Forgets what a peer that is gone was asked for.
    pub(super) fn on_peer_down(&mut self, requests: &[RequestId]) {
        if let Some(main) = &mut self.main {
            main.open.retain(|id| !requests.contains(id));
        }
    }

    /// A header request will not be answered in time, or not at all.
    pub(super) fn on_failed(&mut self, core: &mut Core, id: RequestId, peer: PeerId) {
        if let Some(main) = &mut self.main {
            main.open.retain(|open| *open != id);
        }
        if let Some(peer) = core.peers.get_mut(&peer) {
            peer.asked.take_if(|asked| *asked == id);
        }
    }

    /// Ends the main branch. Whoever was compared with it is asked again.
    fn drop_main(&mut self, core: &mut Core) {
        if self.main.take().is_none() {
            return;
        }
        for peer in core.peers.values_mut() {
            if matches!(peer.role, Role::OnMain | Role::Level) {
                peer.role = Role::New;
            }
        }
    }

    /// Does what is due.
    /// `writing` says whether headers are on their way to the disk.
    pub(super) fn drive(&mut self, core: &mut Core, writing: bool, now: Now) {
        self.check_main(core);
        self.check_presync(core, now.mono);
        self.finish_main(core, writing, now.mono);
        self.promote(core, now.mono);
        self.ask_main(core, now.mono);
        self.probe(core, now.mono);
        self.ask_presync(core, now.mono);
        self.poll(core, now.mono);
    }
}
