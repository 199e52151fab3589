//! The engine: inputs in, actions out.

use std::time::Instant;

use libp2p::PeerId;
use rand::RngExt;

use super::{
    bodies::{BodySync, Group},
    config::Config,
    core::Core,
    headers::HeaderSync,
    import::Import,
    io::{Action, Input, RequestId, View},
    peers::Peer,
    requests::What,
    status::Status,
};
use crate::{
    clock::Now,
    ids::Hash32,
    report::{SyncPhase, SyncReport},
    wire::TipClaim,
};

/// Headers-first sync as a value: no sockets, no disk, no clock, and the same actions for the same
/// inputs and seed.
///
/// Feed it with [`Engine::handle`], then take every [`Engine::poll_action`]; call it again with
/// [`Input::Tick`] at [`Engine::next_timeout`].
#[derive(Debug)]
pub struct Engine {
    pub(super) core: Core,
    pub(super) headers: HeaderSync,
    pub(super) bodies: BodySync,
    import: Import,
    status: Status,
    /// When whatever was due was last done.
    driven: Instant,
}

impl Engine {
    /// An engine that stands where the store stands. `seed` chooses whom to poll and salts the
    /// commitments of pre-sync, so outside of tests it comes from the operating system.
    #[must_use]
    pub fn new(config: Config, view: View, seed: u64, now: Now) -> Self {
        let mut core = Core::new(config, view, seed);
        let salt = Hash32(core.rng.random());
        Self {
            core,
            headers: HeaderSync::new(salt),
            bodies: BodySync::default(),
            import: Import::default(),
            status: Status::new(now.mono),
            driven: now.mono,
        }
    }

    /// Takes note of what happened and decides what to do.
    pub fn handle(&mut self, input: Input, now: Now) {
        match input {
            Input::PeerUp { peer, head } => self.on_peer_up(peer, head, now),
            Input::PeerHead { peer, head } => {
                if let Some(peer) = self.core.peers.get_mut(&peer) {
                    peer.announce(head, now.mono);
                }
            }
            Input::Trust { peer, score } => {
                if let Some(peer) = self.core.peers.get_mut(&peer) {
                    peer.set_trust(score);
                }
            }
            Input::PeerDown { peer } => self.on_peer_down(peer),
            Input::Answer { peer, id, result } => self.on_answer(peer, id, result, now),
            Input::HeadersChecked { job, result } => {
                self.headers.on_checked(&mut self.core, job, result, now);
            }
            Input::BodiesChecked { job, result } => {
                self.bodies.on_checked(&mut self.core, job, result);
            }
            Input::Planned { job, result } => self.bodies.on_planned(&self.core, job, result),
            Input::Committed { result } => {
                let written = self.import.on_committed(&mut self.core, result, now.mono);
                if let Some(written) = written {
                    self.status.on_written(written, now.mono);
                    if written.turned {
                        self.bodies.reset();
                    }
                }
            }
            Input::Local { id, group } => self.import.on_local(&mut self.core, id, group),
            Input::Tick => {}
        }
        self.drive(now);
    }

    /// The next thing to do, if any.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.core.pop()
    }

    /// When to call [`Engine::handle`] with [`Input::Tick`] if nothing else happens before.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let wakes = self.core.peers.values().filter_map(Peer::wakes);
        let others = [
            self.core.requests.next_deadline(),
            self.headers.next_timeout(&self.core, self.driven),
            self.bodies.next_timeout(&self.core, self.driven),
            self.import.next_timeout(),
            self.status.next_timeout(),
        ];
        // # Correctness
        // What was due when we last drove was done then, or waits for something else than time.
        // Asking to be woken for it again would be a busy loop.
        wakes
            .chain(others.into_iter().flatten())
            .filter(|at| *at > self.driven)
            .min()
    }

    /// What sync is doing.
    #[must_use]
    pub fn phase(&self) -> SyncPhase {
        self.status.phase()
    }

    /// What `sync status` says.
    #[must_use]
    pub fn report(&self, now: Now) -> SyncReport {
        self.status.report(
            &self.core,
            &self.headers,
            &self.bodies,
            &self.import,
            now.mono,
        )
    }

    /// Bytes of bodies in flight, waiting and being written.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.bodies.held() + self.import.held()
    }

    /// Requests without an answer.
    #[must_use]
    pub fn open_requests(&self) -> usize {
        self.core.requests.len()
    }

    fn on_peer_up(&mut self, peer: PeerId, head: TipClaim, now: Now) {
        let known = self.core.peers.contains_key(&peer);
        if known {
            return self.handle_head(peer, head, now);
        }
        self.core.peers.insert(peer, Peer::new(head, now.mono));
    }

    fn handle_head(&mut self, peer: PeerId, head: TipClaim, now: Now) {
        if let Some(peer) = self.core.peers.get_mut(&peer) {
            peer.announce(head, now.mono);
        }
    }

    fn on_peer_down(&mut self, peer: PeerId) {
        self.core.peers.remove(&peer);
        let open = self.core.requests.remove_peer(&peer);
        let ids: Vec<RequestId> = open.iter().map(|(id, _)| *id).collect();
        self.headers.on_peer_down(&ids);
        for (id, open) in open {
            if let What::Bodies(ask) = open.what {
                self.bodies.on_failed(id, ask);
            }
        }
    }

    /// Does whatever is due.
    fn drive(&mut self, now: Now) {
        self.driven = now.mono;
        self.expire(now);
        let writing = self.import.writes_headers();
        self.headers.drive(&mut self.core, writing, now);
        let hold = self.headers.flowing(now.mono);
        let writing = self.import.held();
        self.bodies.drive(&mut self.core, hold, writing, now.mono);
        if let Some(block) = self.bodies.dead_end(&self.core, now.mono)
            && self.import.turn_back(&mut self.core)
        {
            self.core.set_aside(block, now.mono);
            self.headers.turn_back(&mut self.core);
            self.bodies.reset();
        }
        self.import.retry(&mut self.core, now.mono);
        if self.import.idle() {
            let headers = self.headers.take_due(now.mono);
            let group: Group = self.bodies.take_group();
            self.import.write(&mut self.core, headers, group);
        }
        self.status.update(&mut self.core, &self.headers, now);
    }
}
