//! Whom the node does not want for a while: observes how long peers stay, keeps those away that
//! are in a cool-down, and says who they are, so that nobody serves them.
//!
//! Scores are made elsewhere ([`crate::trust`]); this behaviour only acts on them. A cool-down is
//! no ban: it names nobody's address, ends by itself within minutes, and is lifted by an unban.
//! Connections that are there when it begins are for others to close, after a goodbye.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandlerInEvent, ToSwarm,
        dummy,
    },
};

use crate::clock::Clock;

/// Most peers in a cool-down, some 300 KiB. Each had a score worth losing first; when the table is
/// full, the one that would be free first is.
pub const MAX_COOLING: usize = 4096;

/// A peer's last connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stayed {
    /// Who.
    pub peer: PeerId,
    /// From its first connection to its last.
    pub time: Duration,
}

/// The behaviour.
pub struct Behaviour {
    clock: Arc<dyn Clock>,
    cooling: HashMap<PeerId, Instant>,
    live: HashMap<PeerId, Live>,
    events: VecDeque<Stayed>,
}

struct Live {
    since: Instant,
    connections: usize,
}

impl Behaviour {
    /// Keeps nobody away yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            cooling: HashMap::new(),
            live: HashMap::new(),
            events: VecDeque::new(),
        }
    }

    /// Lets no connection to `peer` come to be for `lasts`.
    pub fn cool_down(&mut self, peer: PeerId, lasts: Duration) {
        let now = self.clock.now().mono;
        if self.cooling.len() >= MAX_COOLING && !self.cooling.contains_key(&peer) {
            self.make_room(now);
        }
        let until = now.checked_add(lasts).unwrap_or(now);
        let end = self.cooling.entry(peer).or_insert(until);
        *end = until.max(*end);
    }

    /// Whether `peer` is in a cool-down.
    #[must_use]
    pub fn is_cooling(&self, peer: &PeerId) -> bool {
        let until = self.cooling.get(peer);
        until.is_some_and(|until| *until > self.clock.now().mono)
    }

    /// Ends a cool-down. Says whether there was one.
    pub fn forgive(&mut self, peer: &PeerId) -> bool {
        let now = self.clock.now().mono;
        self.cooling.remove(peer).is_some_and(|until| until > now)
    }

    fn check(&self, peer: PeerId) -> Result<dummy::ConnectionHandler, ConnectionDenied> {
        let now = self.clock.now().mono;
        match self.cooling.get(&peer) {
            Some(until) if *until > now => {
                let left = until.saturating_duration_since(now);
                Err(ConnectionDenied::new(Cooling { peer, left }))
            }
            _ => Ok(dummy::ConnectionHandler),
        }
    }

    fn make_room(&mut self, now: Instant) {
        self.cooling.retain(|_, until| *until > now);
        if self.cooling.len() >= MAX_COOLING {
            let first = self.cooling.iter().min_by_key(|(_, until)| **until);
            if let Some(first) = first.map(|(peer, _)| *peer) {
                self.cooling.remove(&first);
            }
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Stayed;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<dummy::ConnectionHandler, ConnectionDenied> {
        self.check(peer)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        peer.map_or(Ok(()), |peer| self.check(peer).map(drop))?;
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<dummy::ConnectionHandler, ConnectionDenied> {
        self.check(peer)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(e) => {
                let since = self.clock.now().mono;
                let live = self.live.entry(e.peer_id).or_insert(Live {
                    since,
                    connections: 0,
                });
                live.connections += 1;
            }
            FromSwarm::ConnectionClosed(e) => {
                let Some(live) = self.live.get_mut(&e.peer_id) else {
                    return;
                };
                live.connections -= 1;
                if live.connections == 0 {
                    let time = self.clock.now().mono.saturating_duration_since(live.since);
                    let peer = e.peer_id;
                    self.live.remove(&peer);
                    self.events.push_back(Stayed { peer, time });
                }
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: Infallible) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Stayed, THandlerInEvent<Self>>> {
        // Only an event of the swarm adds to them, after which it polls again.
        match self.events.pop_front() {
            Some(stayed) => Poll::Ready(ToSwarm::GenerateEvent(stayed)),
            None => Poll::Pending,
        }
    }
}

/// The peer is in a cool-down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{peer} is in a cool-down for {} s: its score fell below the threshold", left.as_secs())]
pub struct Cooling {
    /// Who.
    pub peer: PeerId,
    /// How long it still lasts.
    pub left: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn allowed(behaviour: &Behaviour, peer: PeerId) -> bool {
        behaviour.check(peer).is_ok()
    }

    #[test]
    fn a_cool_down_ends_by_itself_or_by_forgiveness() {
        let clock = ManualClock::at_wall_ms(0);
        let mut trust = Behaviour::new(Arc::new(clock.clone()));
        let (one, other) = (PeerId::random(), PeerId::random());
        let minute = Duration::from_secs(60);
        trust.cool_down(one, minute);
        trust.cool_down(one, minute / 2);
        trust.cool_down(other, minute);
        assert!(!allowed(&trust, one) && trust.is_cooling(&one));
        assert!(trust.forgive(&other) && allowed(&trust, other));
        assert!(!trust.forgive(&other));
        clock.step_wall_to_ms(u64::MAX);
        clock.advance(minute - Duration::from_millis(1));
        assert!(!allowed(&trust, one), "the longer of two counts");
        clock.advance(Duration::from_millis(1));
        assert!(allowed(&trust, one) && !trust.is_cooling(&one));
    }

    #[test]
    fn the_table_is_bounded_and_gives_up_whoever_is_free_first() {
        let clock = ManualClock::at_wall_ms(0);
        let mut trust = Behaviour::new(Arc::new(clock));
        let first = PeerId::random();
        trust.cool_down(first, Duration::from_secs(1));
        for _ in 0..MAX_COOLING {
            trust.cool_down(PeerId::random(), Duration::from_secs(60));
        }
        assert_eq!(trust.cooling.len(), MAX_COOLING);
        assert!(allowed(&trust, first));
    }
}
