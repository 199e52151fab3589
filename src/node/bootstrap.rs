//! Keeps asked-for connections alive: when to dial which bootstrap address again.
//!
//! Pure bookkeeping: the event loop calls [`Bootstrap::due`] with the time and reports what came
//! of each dial.

use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};
use rand::RngExt as _;

use crate::clock::Rng;

/// First pause after a failed dial. Shorter only repeats the failure; longer delays a restart of
/// two nodes of a testnet that come up together.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Longest pause between two dials of one address. Longer would leave a node alone for minutes
/// after its bootstrap peer came back; shorter is noise in that peer's log.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The bootstrap addresses and what became of them.
#[derive(Debug)]
pub(crate) struct Bootstrap {
    targets: Vec<Target>,
    rng: Rng,
}

#[derive(Debug)]
struct Target {
    address: Multiaddr,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting {
        until: Option<Instant>,
        pause: Duration,
    },
    Dialling {
        id: ConnectionId,
        pause: Duration,
    },
    Connected {
        peer: PeerId,
        pause: Duration,
    },
    /// The address is our own: dialling it again cannot help.
    Ourselves,
}

impl Bootstrap {
    /// Every address is due at once.
    pub(crate) fn new(addresses: Vec<Multiaddr>, rng: Rng) -> Self {
        let targets = addresses
            .into_iter()
            .map(|address| Target {
                address,
                state: State::Waiting {
                    until: None,
                    pause: FIRST_PAUSE,
                },
            })
            .collect();
        Self { targets, rng }
    }

    /// Addresses to dial now. The caller says with [`Bootstrap::dialling`] what it did.
    pub(crate) fn due(&self, now: Instant) -> Vec<Multiaddr> {
        self.targets
            .iter()
            .filter(|t| matches!(t.state, State::Waiting { until, .. } if until.is_none_or(|u| u <= now)))
            .map(|t| t.address.clone())
            .collect()
    }

    /// When the next address becomes due, if one waits.
    #[cfg(test)]
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.targets
            .iter()
            .filter_map(|t| match t.state {
                State::Waiting { until, .. } => until,
                _ => None,
            })
            .min()
    }

    /// The dial of `address` has begun as connection `id`.
    pub(crate) fn dialling(&mut self, address: &Multiaddr, id: ConnectionId) {
        for target in self.targets.iter_mut().filter(|t| t.address == *address) {
            if let State::Waiting { pause, .. } = target.state {
                target.state = State::Dialling { id, pause };
            }
        }
    }

    /// A dial came through.
    pub(crate) fn connected(&mut self, id: ConnectionId, peer: PeerId) {
        for target in &mut self.targets {
            if let State::Dialling { id: d, pause } = target.state
                && d == id
            {
                target.state = State::Connected { peer, pause };
            }
        }
    }

    /// The peer has accepted us: the next loss of it is a new story, with a short first pause.
    pub(crate) fn accepted(&mut self, by: PeerId) {
        for target in &mut self.targets {
            if let State::Connected { peer, pause } = &mut target.state
                && *peer == by
            {
                *pause = FIRST_PAUSE;
            }
        }
    }

    /// A dial failed; `ourselves` if it reached this very node.
    pub(crate) fn failed(&mut self, id: ConnectionId, ourselves: bool, now: Instant) {
        for i in 0..self.targets.len() {
            if let State::Dialling { id: d, pause } = self.targets[i].state
                && d == id
            {
                self.targets[i].state = if ourselves {
                    State::Ourselves
                } else {
                    self.wait(pause, now)
                };
            }
        }
    }

    /// The last connection to `peer` closed.
    pub(crate) fn disconnected(&mut self, peer: PeerId, now: Instant) {
        for i in 0..self.targets.len() {
            if let State::Connected { peer: p, pause } = self.targets[i].state
                && p == peer
            {
                self.targets[i].state = self.wait(pause, now);
            }
        }
    }

    /// Whether some target is neither connected nor given up.
    #[cfg(test)]
    pub(crate) fn is_searching(&self) -> bool {
        self.targets
            .iter()
            .any(|t| matches!(t.state, State::Waiting { .. } | State::Dialling { .. }))
    }

    /// Waits `pause` with a jitter of a quarter either way, and doubles the next one.
    fn wait(&mut self, pause: Duration, now: Instant) -> State {
        let jitter = self.rng.random_range(0.75..1.25);
        State::Waiting {
            until: Some(now + pause.mul_f64(jitter)),
            pause: (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn one() -> (Bootstrap, Multiaddr) {
        let address: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().expect("valid");
        (
            Bootstrap::new(vec![address.clone()], Rng::seed_from_u64(1)),
            address,
        )
    }

    #[test]
    fn dials_at_once_then_backs_off_up_to_the_longest_pause() {
        let (mut b, address) = one();
        let mut now = Instant::now();
        assert_eq!(b.due(now), std::slice::from_ref(&address));
        let mut pauses = Vec::new();
        for i in 0..12 {
            let id = ConnectionId::new_unchecked(i);
            b.dialling(&address, id);
            assert!(b.due(now).is_empty(), "not twice at once");
            b.failed(id, false, now);
            let next = b.next_due().expect("waits");
            pauses.push(next - now);
            now = next;
            assert_eq!(b.due(now).len(), 1);
        }
        assert!(pauses[0] < Duration::from_secs(1));
        assert!(pauses.iter().all(|p| *p <= LONGEST_PAUSE.mul_f64(1.25)));
        assert!(pauses[11] >= LONGEST_PAUSE.mul_f64(0.75));
    }

    #[test]
    fn dials_again_after_a_connection_is_lost() {
        let (mut b, address) = one();
        let (now, id, peer) = (
            Instant::now(),
            ConnectionId::new_unchecked(1),
            PeerId::random(),
        );
        b.dialling(&address, id);
        b.connected(id, peer);
        b.accepted(peer);
        assert!(!b.is_searching());
        b.disconnected(PeerId::random(), now);
        assert!(!b.is_searching(), "another peer's loss is none of ours");
        b.disconnected(peer, now);
        assert_eq!(b.due(now + Duration::from_secs(1)), [address]);
    }

    #[test]
    fn a_peer_that_connects_and_refuses_is_dialled_less_and_less() {
        let (mut b, address) = one();
        let (mut now, peer) = (Instant::now(), PeerId::random());
        for i in 0..8 {
            let id = ConnectionId::new_unchecked(i);
            b.dialling(&address, id);
            b.connected(id, peer);
            b.disconnected(peer, now);
            now = b.next_due().expect("waits");
        }
        let id = ConnectionId::new_unchecked(9);
        b.dialling(&address, id);
        b.connected(id, peer);
        b.disconnected(peer, now);
        assert!(b.next_due().expect("waits") - now > Duration::from_secs(10));
    }

    #[test]
    fn gives_up_on_its_own_address() {
        let (mut b, address) = one();
        let id = ConnectionId::new_unchecked(1);
        b.dialling(&address, id);
        b.failed(id, true, Instant::now());
        assert!(!b.is_searching());
        assert_eq!(b.next_due(), None);
    }
}
