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
    bans::{Ban, Bans, Subject},
    places::{Places, ip_of, place_of},
};
use crate::clock::Clock;

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

    /// Bans `subject` for `lasts` from now and closes its connections. A longer ban that already
    /// stands stays.
    pub fn ban(&mut self, subject: Subject, reason: impl Into<String>, lasts: Duration) {
        let subject = whole(subject);
        self.bans.ban(subject, reason, lasts, self.clock.now());
        for (id, (peer, ip)) in &self.live {
            if subject == Subject::Peer(*peer) || ip.map(Subject::Address) == Some(subject) {
                self.closing.push_back((*peer, *id));
            }
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Ends a ban. Says whether there was one.
    pub fn lift(&mut self, subject: &Subject) -> bool {
        self.bans.lift(&whole(*subject))
    }

    /// The ban that holds for `subject` now.
    #[must_use]
    pub fn banned(&self, subject: &Subject) -> Option<&Ban> {
        self.bans.get(&whole(*subject), self.clock.now())
    }

    /// Every ban that holds now, the one that ends first first.
    #[must_use]
    pub fn bans(&self) -> Vec<Ban> {
        self.bans.active(self.clock.now())
    }

    fn check(&self, subject: Subject) -> Result<(), ConnectionDenied> {
        match self.banned(&subject) {
            None => Ok(()),
            Some(ban) => Err(ConnectionDenied::new(Denied::Banned {
                subject,
                reason: ban.reason.clone(),
                until_ms: ban.until_ms,
            })),
        }
    }

    fn check_address(&self, address: &Multiaddr) -> Result<(), ConnectionDenied> {
        ip_of(address).map_or(Ok(()), |ip| self.check(Subject::Address(ip)))
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
        self.check(Subject::Peer(peer))?;
        // The address may have been banned while the handshake ran.
        self.check_address(remote)?;
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
            self.check(Subject::Peer(peer))?;
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
        self.check(Subject::Peer(peer))?;
        self.check_address(remote)?;
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

/// `subject` with its address widened to what counts as one.
fn whole(subject: Subject) -> Subject {
    match subject {
        Subject::Address(ip) => Subject::Address(place_of(ip)),
        peer => peer,
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
