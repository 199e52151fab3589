//! From an offence to its consequence: the one place that decides it.
//!
//! A provable lie is a ban at once. A breach, which a bug could cause, disconnects; the second one
//! within [`BREACH_MEMORY`] is a ban.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use libp2p::PeerId;

use crate::offence::{Offence, Severity};

/// How long a breach is remembered. Longer punishes a peer that was upgraded meanwhile; shorter
/// lets a faulty one reconnect for ever.
const BREACH_MEMORY: Duration = Duration::from_secs(600);

/// Most peers whose breaches are remembered; the oldest is forgotten first. 4096 × 80 B is small,
/// and a flood of identities each costs its owner a handshake.
const MAX_REMEMBERED: usize = 4096;

/// What to do with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sanction {
    /// No connection until the duration is over.
    Ban(Duration),
    /// Close its connections; it may come back.
    Disconnect,
}

/// Memory of breaches.
#[derive(Debug)]
pub(crate) struct Conduct {
    ban: Duration,
    breaches: HashMap<PeerId, Instant>,
}

impl Conduct {
    /// Bans last `ban`.
    pub(crate) fn new(ban: Duration) -> Self {
        Self {
            ban,
            breaches: HashMap::new(),
        }
    }

    /// Whether `peer` committed a breach in the time `memory` before `now`.
    pub(crate) fn breached_within(&self, peer: &PeerId, memory: Duration, now: Instant) -> bool {
        let last = self.breaches.get(peer);
        last.is_some_and(|at| now.saturating_duration_since(*at) < memory)
    }

    /// The consequence of `offence` by `peer` at `now`.
    pub(crate) fn judge(&mut self, peer: PeerId, offence: Offence, now: Instant) -> Sanction {
        if offence.severity() == Severity::Lying {
            self.breaches.remove(&peer);
            return Sanction::Ban(self.ban);
        }
        let before = self.breaches.insert(peer, now);
        if before.is_some_and(|at| now.saturating_duration_since(at) < BREACH_MEMORY) {
            self.breaches.remove(&peer);
            return Sanction::Ban(self.ban);
        }
        if self.breaches.len() > MAX_REMEMBERED {
            let oldest = self
                .breaches
                .iter()
                .min_by_key(|(_, at)| **at)
                .map(|(p, _)| *p);
            oldest.map(|p| self.breaches.remove(&p));
        }
        Sanction::Disconnect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAN: Duration = Duration::from_secs(3600);

    #[test]
    fn a_lie_is_banned_at_once() {
        let mut conduct = Conduct::new(BAN);
        let sanction = conduct.judge(PeerId::random(), Offence::WrongTheta, Instant::now());
        assert_eq!(sanction, Sanction::Ban(BAN));
    }

    #[test]
    fn a_breach_is_banned_only_when_it_repeats_soon() {
        let mut conduct = Conduct::new(BAN);
        let (peer, now) = (PeerId::random(), Instant::now());
        let breach = Offence::UnsolicitedResponse;
        assert_eq!(conduct.judge(peer, breach, now), Sanction::Disconnect);
        assert_eq!(
            conduct.judge(peer, breach, now + BREACH_MEMORY),
            Sanction::Disconnect
        );
        let soon = now + BREACH_MEMORY + Duration::from_secs(1);
        assert_eq!(conduct.judge(peer, breach, soon), Sanction::Ban(BAN));
    }

    #[test]
    fn a_breach_is_known_for_as_long_as_is_asked() {
        let mut conduct = Conduct::new(BAN);
        let (peer, now) = (PeerId::random(), Instant::now());
        let minute = Duration::from_secs(60);
        assert!(!conduct.breached_within(&peer, minute, now));
        conduct.judge(peer, Offence::MeshAbuse, now);
        assert!(conduct.breached_within(&peer, minute, now));
        assert!(!conduct.breached_within(&peer, minute, now + minute));
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut conduct = Conduct::new(BAN);
        for _ in 0..MAX_REMEMBERED + 50 {
            conduct.judge(PeerId::random(), Offence::MalformedMessage, Instant::now());
        }
        assert!(conduct.breaches.len() <= MAX_REMEMBERED);
    }
}
