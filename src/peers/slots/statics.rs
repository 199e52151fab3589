//! Addresses that were asked for by hand: dialled for ever, whoever answers there.

use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use rand::RngExt as _;

use super::action::Ticket;
use crate::{clock::Rng, peers::Goodbye};

/// First pause after a failed dial. Shorter only repeats the failure; longer delays a restart of
/// two nodes of a testnet that come up together.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Longest pause between two dials of one address. Longer would leave a node alone for minutes
/// after its bootstrap peer came back; shorter is noise in that peer's log.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Most addresses. They come from the operator; more is a list of seeds, which fills the book.
const MAX_STATIC: usize = 256;

/// The addresses and what became of them.
#[derive(Debug, Default)]
pub(super) struct Statics {
    targets: Vec<Target>,
}

#[derive(Debug)]
struct Target {
    address: Multiaddr,
    /// Its peer said that it has no place for us: not asked again while we do without.
    full: bool,
    /// How often it said so in a row.
    refusals: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting {
        until: Option<Instant>,
        pause: Duration,
    },
    Dialling {
        ticket: Ticket,
        pause: Duration,
    },
    Connected {
        peer: PeerId,
        pause: Duration,
    },
    /// The address is our own: dialling it again cannot help.
    Ourselves,
}

impl Statics {
    /// Adds an address, due at once. False if it is there already or there are too many.
    pub(super) fn add(&mut self, address: Multiaddr) -> bool {
        let known = self.targets.iter().any(|t| t.address == address);
        if known || self.targets.len() >= MAX_STATIC {
            return false;
        }
        self.targets.push(Target {
            address,
            full: false,
            refusals: 0,
            state: State::Waiting {
                until: None,
                pause: FIRST_PAUSE,
            },
        });
        true
    }

    /// Forgets an address. Its connection, if there is one, stays as it is.
    pub(super) fn remove(&mut self, address: &Multiaddr) -> bool {
        let before = self.targets.len();
        self.targets.retain(|t| t.address != *address);
        self.targets.len() < before
    }

    /// Addresses to dial now; `content` if the node can do without peers that are full.
    pub(super) fn due(&self, content: bool, now: Instant) -> Vec<Multiaddr> {
        let due = |t: &&Target| {
            matches!(t.state, State::Waiting { until, .. } if until.is_none_or(|u| u <= now))
                && !(t.full && content)
        };
        let due = self.targets.iter().filter(due);
        due.map(|t| t.address.clone()).collect()
    }

    /// When the next address becomes due, if one waits.
    #[cfg(test)]
    pub(super) fn next_due(&self) -> Option<Instant> {
        let waiting = self.targets.iter().filter_map(|t| match t.state {
            State::Waiting { until, .. } => until,
            _ => None,
        });
        waiting.min()
    }

    /// Whether some address is neither connected nor given up.
    pub(super) fn is_searching(&self) -> bool {
        let searching =
            |t: &Target| matches!(t.state, State::Waiting { .. } | State::Dialling { .. });
        self.targets.iter().any(searching)
    }

    /// Whether `peer` was reached at one of the addresses.
    pub(super) fn has(&self, peer: &PeerId) -> bool {
        let of_peer =
            |t: &Target| matches!(t.state, State::Connected { peer: p, .. } if p == *peer);
        self.targets.iter().any(of_peer)
    }

    /// The dial of `address` has begun as `ticket`.
    pub(super) fn dialling(&mut self, address: &Multiaddr, ticket: Ticket) {
        for target in self.targets.iter_mut().filter(|t| t.address == *address) {
            if let State::Waiting { pause, .. } = target.state {
                target.state = State::Dialling { ticket, pause };
            }
        }
    }

    /// The dial came through.
    pub(super) fn connected(&mut self, ticket: Ticket, peer: PeerId) {
        for target in &mut self.targets {
            if let State::Dialling { ticket: t, pause } = target.state
                && t == ticket
            {
                target.state = State::Connected { peer, pause };
            }
        }
    }

    /// The addresses that name `peer` need no dial: it is connected already.
    pub(super) fn adopt(&mut self, peer: PeerId) {
        for target in &mut self.targets {
            if let State::Waiting { pause, .. } = target.state
                && peer_of(&target.address) == Some(peer)
            {
                target.state = State::Connected { peer, pause };
            }
        }
    }

    /// The peer has accepted us: the next loss of it is a new story, with a short first pause.
    pub(super) fn accepted(&mut self, by: PeerId) {
        for target in &mut self.targets {
            if let State::Connected { peer, pause } = &mut target.state
                && *peer == by
            {
                *pause = FIRST_PAUSE;
                target.full = false;
            }
        }
    }

    /// The peer said why it ends the connection.
    pub(super) fn told(&mut self, by: PeerId, reason: Goodbye) {
        for target in &mut self.targets {
            if let State::Connected { peer, pause } = &mut target.state
                && *peer == by
            {
                let full = matches!(reason, Goodbye::TooManyPeers | Goodbye::Replaced);
                if !full {
                    *pause = reason.back_off().clamp(*pause, LONGEST_PAUSE);
                } else if !target.full {
                    // It accepts us each time before it says so.
                    let factor = 1 << target.refusals.min(6);
                    *pause = (FIRST_PAUSE * factor).clamp(*pause, LONGEST_PAUSE);
                    target.refusals += 1;
                }
                target.full = full;
            }
        }
    }

    /// The dial failed; `ourselves` if it reached this very node.
    pub(super) fn failed(&mut self, ticket: Ticket, ourselves: bool, now: Instant, rng: &mut Rng) {
        for target in &mut self.targets {
            if let State::Dialling { ticket: t, pause } = target.state
                && t == ticket
            {
                target.state = if ourselves {
                    State::Ourselves
                } else {
                    wait(pause, now, rng)
                };
            }
        }
    }

    /// The last connection to `peer` closed.
    pub(super) fn disconnected(&mut self, peer: PeerId, now: Instant, rng: &mut Rng) {
        for target in &mut self.targets {
            if let State::Connected { peer: p, pause } = target.state
                && p == peer
            {
                if !target.full {
                    target.refusals = 0;
                }
                target.state = wait(pause, now, rng);
            }
        }
    }
}

/// Waits `pause` with a jitter of a quarter either way, and doubles the next one.
fn wait(pause: Duration, now: Instant, rng: &mut Rng) -> State {
    let jitter = rng.random_range(0.75..1.25);
    State::Waiting {
        until: Some(now + pause.mul_f64(jitter)),
        pause: (pause * 2).min(LONGEST_PAUSE),
    }
}

/// The peer that `address` names at its end.
pub(super) fn peer_of(address: &Multiaddr) -> Option<PeerId> {
    match address.iter().last()? {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn one() -> (Statics, Multiaddr, Rng) {
        let address: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
        let mut statics = Statics::default();
        assert!(statics.add(address.clone()));
        assert!(!statics.add(address.clone()), "once");
        (statics, address, Rng::seed_from_u64(1))
    }

    #[test]
    fn dials_at_once_then_backs_off_up_to_the_longest_pause() {
        let (mut s, address, mut rng) = one();
        let mut now = Instant::now();
        assert_eq!(s.due(false, now), std::slice::from_ref(&address));
        let mut pauses = Vec::new();
        for i in 0..12 {
            s.dialling(&address, Ticket(i));
            assert!(s.due(false, now).is_empty(), "not twice at once");
            s.failed(Ticket(i), false, now, &mut rng);
            let next = s.next_due().expect("waits");
            pauses.push(next - now);
            now = next;
            assert_eq!(s.due(false, now).len(), 1);
        }
        assert!(pauses[0] < Duration::from_secs(1));
        assert!(pauses.iter().all(|p| *p <= LONGEST_PAUSE.mul_f64(1.25)));
        assert!(pauses[11] >= LONGEST_PAUSE.mul_f64(0.75));
    }

    #[test]
    fn dials_again_after_a_connection_is_lost() {
        let (mut s, address, mut rng) = one();
        let (now, peer) = (Instant::now(), PeerId::random());
        s.dialling(&address, Ticket(1));
        s.connected(Ticket(1), peer);
        s.accepted(peer);
        assert!(!s.is_searching() && s.has(&peer));
        s.disconnected(PeerId::random(), now, &mut rng);
        assert!(!s.is_searching(), "another peer's loss is none of ours");
        s.disconnected(peer, now, &mut rng);
        assert_eq!(s.due(false, now + Duration::from_secs(1)), [address]);
    }

    #[test]
    fn a_peer_that_connects_and_refuses_is_dialled_less_and_less() {
        let (mut s, address, mut rng) = one();
        let (mut now, peer) = (Instant::now(), PeerId::random());
        for i in 0..9 {
            s.dialling(&address, Ticket(i));
            s.connected(Ticket(i), peer);
            s.disconnected(peer, now, &mut rng);
            let next = s.next_due().expect("waits");
            assert!(i < 8 || next - now > Duration::from_secs(10));
            now = next;
        }
    }

    #[test]
    fn gives_up_on_its_own_address() {
        let (mut s, address, mut rng) = one();
        s.dialling(&address, Ticket(1));
        s.failed(Ticket(1), true, Instant::now(), &mut rng);
        assert!(!s.is_searching());
        assert_eq!(s.next_due(), None);
    }

    #[test]
    fn a_full_peer_is_left_alone_while_we_do_without() {
        let (mut s, address, mut rng) = one();
        let (now, peer) = (Instant::now(), PeerId::random());
        s.dialling(&address, Ticket(1));
        s.connected(Ticket(1), peer);
        s.accepted(peer);
        s.told(peer, Goodbye::TooManyPeers);
        s.disconnected(peer, now, &mut rng);
        let soon = now + FIRST_PAUSE * 2;
        assert!(s.due(true, now + LONGEST_PAUSE * 2).is_empty());
        assert_eq!(s.due(false, soon).len(), 1, "alone, it asks again");
        s.dialling(&address, Ticket(2));
        s.connected(Ticket(2), peer);
        s.told(peer, Goodbye::Shutdown);
        s.disconnected(peer, now, &mut rng);
        let restart = Goodbye::Shutdown.back_off();
        assert!(s.due(false, now + restart / 2).is_empty());
        assert_eq!(s.due(true, now + restart * 2).len(), 1);
    }

    #[test]
    fn a_full_peer_is_asked_ever_more_seldom_although_it_accepts_us_each_time() {
        let (mut s, address, mut rng) = one();
        let (mut now, peer) = (Instant::now(), PeerId::random());
        for i in 0..9 {
            s.dialling(&address, Ticket(i));
            s.connected(Ticket(i), peer);
            s.accepted(peer);
            s.told(peer, Goodbye::TooManyPeers);
            s.told(peer, Goodbye::TooManyPeers);
            s.disconnected(peer, now, &mut rng);
            let next = s.next_due().expect("waits");
            assert!(i < 8 || next - now > LONGEST_PAUSE / 2);
            now = next;
        }
        s.dialling(&address, Ticket(9));
        s.connected(Ticket(9), peer);
        s.accepted(peer);
        s.disconnected(peer, now, &mut rng);
        let next = s.next_due().expect("waits");
        assert!(next - now < Duration::from_secs(1), "it had a place");
    }

    #[test]
    fn an_address_that_names_a_connected_peer_is_not_dialled() {
        let (mut s, peer) = (Statics::default(), PeerId::random());
        let address = "/ip4/127.0.0.1/tcp/1".parse::<Multiaddr>().unwrap();
        s.add(address.with(Protocol::P2p(peer)));
        s.adopt(PeerId::random());
        assert!(s.is_searching());
        s.adopt(peer);
        assert!(!s.is_searching());
    }
}
