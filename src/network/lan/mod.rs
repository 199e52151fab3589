//! Peers on the same local network, by mDNS.
//!
//! libp2p's mDNS believes everybody, remembers without bound and searches what it remembers from end
//! to end, so that a machine on the network can stall whoever polls it. Here it runs on a thread of
//! its own (`watch`), is taken down while it is flooded (`pauses`), and what it hears is
//! believed sparingly (`sightings`). It adds no address to a dial and tells the swarm of none:
//! the event loop hears of [`Event::Found`] and decides. See `specs/discovery/lan.md`.

mod belief;
mod pauses;
mod quiet;
mod sightings;
mod watch;

use std::{
    convert::Infallible,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, ListenAddresses, NetworkBehaviour,
        THandlerInEvent, ToSwarm, dummy,
    },
};
use tokio::time::{Sleep, sleep_until};
use tracing::{info, warn};

use self::{
    pauses::Pauses,
    sightings::Sightings,
    watch::{End, Make, Report, Watch},
};
use crate::peers::ip_of;

pub use self::{
    pauses::{FIRST_PAUSE, LAST_PAUSE, QUIET},
    sightings::{MAX_ADDRESSES, MAX_PEERS, MAX_PER_SECOND},
    watch::MAX_LISTED,
};

/// What was heard on the local network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A peer is there, if what was heard is true: only a handshake shows that, and which chain the
    /// peer is on.
    Found {
        /// Who.
        peer: PeerId,
        /// Every address known of it, without `/p2p`: at least one, at most [`MAX_ADDRESSES`].
        addresses: Vec<Multiaddr>,
    },
}

/// How mDNS is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It does not run and will not.
    Off {
        /// Why.
        reason: String,
    },
    /// It listens.
    On,
    /// It was flooded and waits.
    Paused {
        /// When it listens again.
        until: Instant,
    },
}

/// What mDNS has seen since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Peers known now.
    pub peers: usize,
    /// Addresses that were not believed: from elsewhere, malformed, or beyond the limits.
    pub refused: u64,
    /// Floods that it was taken down for.
    pub floods: u64,
}

/// mDNS, held in bounds.
pub struct Behaviour {
    phase: Phase,
    make: Make,
    own: PeerId,
    pauses: Pauses,
    sightings: Sightings,
    listening: ListenAddresses,
    local: Vec<IpAddr>,
    floods: u64,
    /// Fires when a peer that waits may be handed up.
    release: Option<Pin<Box<Sleep>>>,
}

enum Phase {
    Off(String),
    /// To be started by the next poll, which runs within the runtime.
    Starting,
    On {
        watch: Watch,
        since: Instant,
    },
    Paused(Pin<Box<Sleep>>),
}

impl Behaviour {
    /// mDNS of the node `own`. Whether it can run shows when it is first polled; if it cannot, it is
    /// [`State::Off`] and the node goes on without.
    #[must_use]
    pub fn new(own: PeerId) -> Self {
        Self::with(own, Arc::new(watch::real), Pauses::default())
    }

    /// mDNS that does not run, because of `reason`.
    #[must_use]
    pub fn off(own: PeerId, reason: impl Into<String>) -> Self {
        Self {
            phase: Phase::Off(reason.into()),
            ..Self::new(own)
        }
    }

    fn with(own: PeerId, make: Make, pauses: Pauses) -> Self {
        Self {
            phase: Phase::Starting,
            make,
            own,
            pauses,
            sightings: Sightings::default(),
            listening: ListenAddresses::default(),
            local: Vec::new(),
            floods: 0,
            release: None,
        }
    }

    /// How it is doing.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.phase {
            Phase::Off(reason) => State::Off {
                reason: reason.clone(),
            },
            Phase::Starting | Phase::On { .. } => State::On,
            Phase::Paused(sleep) => State::Paused {
                until: sleep.deadline().into_std(),
            },
        }
    }

    /// What it has seen.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            peers: self.sightings.len(),
            refused: self.sightings.refused(),
            floods: self.floods,
        }
    }

    fn start(&mut self, now: Instant) {
        let listening = self.listening.iter().cloned().collect();
        self.phase = match Watch::start(self.own, self.make.clone(), listening) {
            Ok(watch) => Phase::On { watch, since: now },
            Err(error) => off(error.to_string()),
        };
    }

    /// Takes what the thread has reported. Whether the phase has changed.
    fn hear(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Phase::On { watch, since } = &mut self.phase else {
            return false;
        };
        while let Poll::Ready(Some(report)) = watch.poll_report(cx) {
            match report {
                Report::Found(found) => self.sightings.found(found, &self.local),
                Report::Gone(gone) => self.sightings.gone(&gone),
            }
        }
        let Poll::Ready(end) = watch.poll_end(cx) else {
            return false;
        };
        match end {
            End::Failed(reason) => self.phase = off(reason),
            End::Flooded => {
                let pause = self.pauses.after(now.saturating_duration_since(*since));
                self.floods += 1;
                // Who was heard in a flood may be made up; who is there is heard again.
                self.sightings.clear();
                warn!(
                    pause_secs = pause.as_secs(),
                    floods = self.floods,
                    "mDNS is flooded, somebody on the local network makes up peers; it pauses"
                );
                let until = tokio::time::Instant::from_std(now + pause);
                self.phase = Phase::Paused(Box::pin(sleep_until(until)));
            }
        }
        true
    }

    /// The next peer to hand up, as fast as may be.
    fn hand_up(&mut self, cx: &mut Context<'_>, now: Instant) -> Option<Event> {
        if let Some((peer, addresses)) = self.sightings.next(now) {
            self.release = None;
            return Some(Event::Found { peer, addresses });
        }
        if self.sightings.is_waiting() {
            let at = tokio::time::Instant::from_std(now + sightings::INTERVAL);
            let sleep = self
                .release
                .get_or_insert_with(|| Box::pin(sleep_until(at)));
            if sleep.as_mut().poll(cx).is_ready() {
                self.release = None;
                cx.waker().wake_by_ref();
            }
        }
        None
    }
}

fn off(reason: String) -> Phase {
    warn!(%reason, "mDNS cannot run, peers on the local network are not found by it");
    Phase::Off(reason)
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<dummy::ConnectionHandler, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<dummy::ConnectionHandler, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if self.listening.on_swarm_event(&event) {
            self.local = self.listening.iter().filter_map(ip_of).collect();
            if let Phase::On { watch, .. } = &self.phase {
                watch.listen(self.listening.iter().cloned().collect());
            }
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: Infallible) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Event, THandlerInEvent<Self>>> {
        let now = Instant::now();
        loop {
            let changed = match &mut self.phase {
                Phase::Off(_) => false,
                Phase::Starting => {
                    self.start(now);
                    true
                }
                Phase::On { .. } => self.hear(cx, now),
                Phase::Paused(sleep) => {
                    let over = sleep.as_mut().poll(cx).is_ready();
                    if over {
                        info!("mDNS listens again");
                        self.start(now);
                    }
                    over
                }
            };
            if !changed {
                break;
            }
        }
        match self.hand_up(cx, now) {
            Some(event) => Poll::Ready(ToSwarm::GenerateEvent(event)),
            None => Poll::Pending,
        }
    }
}

impl std::fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("lan::Behaviour")
            .field("state", &self.state())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
