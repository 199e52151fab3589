//! Who may connect: refuses banned peers and addresses and too many connections from one place,
//! before any cryptography where the address alone decides, and closes what a new ban covers.
//!
//! The lists are pure values in `bans` and `places`; this file only connects them to the
//! swarm. The gate judges nobody: the event loop bans, for an offence somebody else named.

pub mod bans;
mod places;

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        CloseConnection, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour,
        THandlerInEvent, ToSwarm, dummy,
    },
};

use self::{
    bans::{Ban, Bans, Loaded, Outcome, Sentence, Subject},
    places::{Places, ip_of},
};
use crate::{
    clock::Clock,
    peers::{Change, Row},
};

pub use places::Limits;

/// The behaviour.
pub struct Behaviour {
    clock: Arc<dyn Clock>,
    bans: Bans,
    places: Places,
    live: HashMap<ConnectionId, (PeerId, Option<IpAddr>)>,
    closing: VecDeque<(PeerId, ConnectionId)>,
    waker: Option<Waker>,
}

impl Behaviour {
    /// An open gate with these limits.
    #[must_use]
    pub fn new(limits: Limits, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            bans: Bans::default(),
            places: Places::new(limits),
            live: HashMap::new(),
            closing: VecDeque::new(),
            waker: None,
        }
    }

    /// Takes up the bans of the last run; from now on [`Behaviour::take_changes`] has the rows to
    /// keep for the next one.
    pub fn load(&mut self, rows: Vec<Row>) -> Loaded {
        self.bans.load(rows, self.clock.now())
    }

    /// Rows of bans to write since the last call.
    pub fn take_changes(&mut self) -> Vec<Change> {
        self.bans.take_changes(self.clock.now())
    }

    /// Never refuses `peers`, which are reserved, nor anybody at `addresses`, which are theirs.
    pub fn spare(
        &mut self,
        peers: impl IntoIterator<Item = PeerId>,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) {
        self.bans.spare(peers, addresses);
    }

    /// Bans `subject` by hand for `lasts` from now and closes its connections. A longer ban that
    /// already stands stays.
    pub fn ban(&mut self, subject: Subject, reason: impl Into<String>, lasts: Duration) -> Outcome {
        self.impose(Sentence::of_operator(subject, reason, lasts))
    }

    /// Bans from now and closes the connections that the ban covers.
    pub fn impose(&mut self, sentence: Sentence) -> Outcome {
        let subject = sentence.subject;
        let outcome = self.bans.impose(sentence, self.clock.now());
        if matches!(outcome, Outcome::Spared | Outcome::Shared) {
            return outcome;
        }
        for (id, (peer, ip)) in &self.live {
            let spared = self.bans.is_spared(&Subject::Peer(*peer))
                || ip.is_some_and(|ip| self.bans.is_spared(&Subject::Address(ip)));
            if subject.covers(peer, *ip) && !spared {
                self.closing.push_back((*peer, *id));
            }
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        outcome
    }

    /// Ends a ban. Says whether there was one.
    pub fn lift(&mut self, subject: &Subject) -> bool {
        self.bans.lift(&subject.whole())
    }

    /// Ends every ban that keeps `peer` away: its own, those of `addresses` and of their groups.
    /// Gives those that held.
    pub fn lift_all(&mut self, peer: PeerId, addresses: &[IpAddr]) -> Vec<Ban> {
        self.bans.lift_all(peer, addresses, self.clock.now())
    }

    /// The ban that holds for exactly `subject` now.
    #[must_use]
    pub fn banned(&self, subject: &Subject) -> Option<&Ban> {
        self.bans.get(&subject.whole(), self.clock.now())
    }

    /// The bans that keep `peer` away, its own first, if it comes from one of `addresses`.
    #[must_use]
    pub fn covering(&self, peer: &PeerId, addresses: &[IpAddr]) -> Vec<&Ban> {
        let now = self.clock.now();
        let own = self.bans.of_peer(peer, now).into_iter();
        let places = addresses.iter().filter_map(|ip| self.bans.at(*ip, now));
        own.chain(places).collect()
    }

    /// Every ban that holds now, the one that ends first first.
    #[must_use]
    pub fn bans(&self) -> Vec<Ban> {
        self.bans.active(self.clock.now())
    }

    fn check_peer(&self, peer: &PeerId) -> Result<(), ConnectionDenied> {
        refuse(self.bans.of_peer(peer, self.clock.now()))
    }

    fn check_address(&self, address: &Multiaddr) -> Result<(), ConnectionDenied> {
        let now = self.clock.now();
        refuse(ip_of(address).and_then(|ip| self.bans.at(ip, now)))
    }

    /// A reserved peer is welcome wherever it is.
    fn check(&self, peer: &PeerId, address: &Multiaddr) -> Result<(), ConnectionDenied> {
        if self.bans.is_spared(&Subject::Peer(*peer)) {
            return Ok(());
        }
        self.check_peer(peer)?;
        self.check_address(address)
    }
}

fn refuse(ban: Option<&Ban>) -> Result<(), ConnectionDenied> {
    match ban {
        None => Ok(()),
        Some(ban) => Err(ConnectionDenied::new(Denied::Banned {
            subject: ban.subject,
            reason: ban.reason.clone(),
            until_ms: ban.until_ms,
        })),
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.check_address(remote)?;
        match ip_of(remote) {
            Some(ip) => self.places.enter(id, ip).map_err(ConnectionDenied::new),
            None => Ok(()),
        }
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<dummy::ConnectionHandler, ConnectionDenied> {
        // The address may have been banned while the handshake ran.
        self.check(&peer, remote)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if let Some(peer) = peer {
            if self.bans.is_spared(&Subject::Peer(peer)) {
                return Ok(Vec::new());
            }
            self.check_peer(&peer)?;
        }
        // One usable address is enough to try; the others are refused when they connect.
        let mut refused = None;
        for address in addresses {
            match self.check_address(address) {
                Ok(()) => return Ok(Vec::new()),
                Err(denied) => refused = Some(denied),
            }
        }
        refused.map_or(Ok(Vec::new()), Err)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<dummy::ConnectionHandler, ConnectionDenied> {
        self.check(&peer, remote)?;
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(e) => {
                let ip = ip_of(e.endpoint.get_remote_address());
                self.live.insert(e.connection_id, (e.peer_id, ip));
            }
            FromSwarm::ConnectionClosed(e) => {
                self.live.remove(&e.connection_id);
                self.places.leave(e.connection_id);
            }
            FromSwarm::ListenFailure(e) => self.places.leave(e.connection_id),
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: Infallible) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        if let Some((peer_id, id)) = self.closing.pop_front() {
            return Poll::Ready(ToSwarm::CloseConnection {
                peer_id,
                connection: CloseConnection::One(id),
            });
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Why the gate refused a connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The peer or address is banned.
    #[error("{subject} is banned: {reason}")]
    Banned {
        /// Who.
        subject: Subject,
        /// Why, as given with the ban.
        reason: String,
        /// When it ends, in milliseconds since the UNIX epoch.
        until_ms: u64,
    },
    /// The address has as many inbound connections as one may have.
    #[error("{limit} inbound connections from this address already")]
    Address {
        /// The limit.
        limit: usize,
    },
    /// The group of addresses has as many inbound connections as one may have.
    #[error("{limit} inbound connections from this network already")]
    Group {
        /// The limit.
        limit: usize,
    },
}

impl Denied {
    /// The metric label.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Banned { .. } => "banned",
            Self::Address { .. } => "per_address",
            Self::Group { .. } => "per_group",
        }
    }
}
