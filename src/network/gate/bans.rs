//! Timed bans as a value: who, why, until when. Time is an argument.

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    time::{Duration, Instant},
};

use libp2p::PeerId;

use crate::clock::Now;

/// How long a ban lasts unless told otherwise: long enough that a liar costs nothing, short enough
/// that an address with a new owner or a peer with a fixed bug is back the same day.
pub const DEFAULT_BAN: Duration = Duration::from_secs(60 * 60);

/// Longest ban. Also keeps the arithmetic of clocks far from its ends.
pub const MAX_BAN: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Most bans remembered, about 1 MiB. Peers choose how many ids they burn; when the table is full
/// the ban that would end first goes.
pub const MAX_BANS: usize = 4096;

/// Longest reason kept, in bytes.
const MAX_REASON: usize = 160;

/// Who is banned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A peer, wherever it connects from.
    Peer(PeerId),
    /// An address, whoever connects from it; an IPv6 address stands for its /64.
    Address(IpAddr),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(peer) => peer.fmt(f),
            Self::Address(ip) => ip.fmt(f),
        }
    }
}

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Who.
    pub subject: Subject,
    /// Why.
    pub reason: String,
    /// When it began, in milliseconds since the UNIX epoch.
    pub since_ms: u64,
    /// When it ends by the wall clock as it stood then: for people.
    pub until_ms: u64,
    /// When it ends: what counts.
    pub ends: Instant,
}

/// The bans that hold, bounded.
#[derive(Clone, Debug)]
pub struct Bans {
    entries: HashMap<Subject, Ban>,
    capacity: usize,
}

impl Default for Bans {
    fn default() -> Self {
        Self::with_capacity(MAX_BANS)
    }
}

impl Bans {
    /// An empty list of at most `capacity` bans, at least one.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            entries: HashMap::new(),
            capacity: capacity.max(1),
        }
    }

    /// Bans `subject` until `lasts` from `now`. If it is banned for longer already, that stays.
    pub fn ban(
        &mut self,
        subject: Subject,
        reason: impl Into<String>,
        lasts: Duration,
        now: Now,
    ) -> &Ban {
        let lasts = lasts.min(MAX_BAN);
        let mut reason: String = reason.into();
        reason.truncate(reason.floor_char_boundary(MAX_REASON));
        let ends = now.mono.checked_add(lasts).unwrap_or(now.mono);
        let millis = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
        if !self.entries.contains_key(&subject) {
            self.make_room(now);
        }
        let new = Ban {
            subject,
            reason,
            since_ms: now.wall_ms,
            until_ms: now.wall_ms.saturating_add(millis),
            ends,
        };
        let ban = self.entries.entry(subject).or_insert_with(|| new.clone());
        if ban.ends < ends {
            *ban = new;
        }
        ban
    }

    /// Ends a ban early. Says whether there was one.
    pub fn lift(&mut self, subject: &Subject) -> bool {
        self.entries.remove(subject).is_some()
    }

    /// The ban that holds for `subject` at `now`.
    #[must_use]
    pub fn get(&self, subject: &Subject, now: Now) -> Option<&Ban> {
        self.entries.get(subject).filter(|b| b.ends > now.mono)
    }

    /// Every ban that holds at `now`, the one that ends first first.
    #[must_use]
    pub fn active(&self, now: Now) -> Vec<Ban> {
        let holding = self.entries.values().filter(|b| b.ends > now.mono);
        let mut all: Vec<_> = holding.cloned().collect();
        all.sort_by_key(|b| b.ends);
        all
    }

    fn make_room(&mut self, now: Now) {
        if self.entries.len() < self.capacity {
            return;
        }
        self.entries.retain(|_, b| b.ends > now.mono);
        while self.entries.len() >= self.capacity {
            let first = self.entries.values().min_by_key(|b| b.ends);
            let Some(first) = first.map(|b| b.subject) else {
                return;
            };
            self.entries.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, ManualClock};

    const MINUTE: Duration = Duration::from_secs(60);

    fn somebody() -> Subject {
        Subject::Peer(PeerId::random())
    }

    #[test]
    fn a_ban_holds_until_its_end_and_no_longer() {
        let clock = ManualClock::at_wall_ms(1_000);
        let (mut bans, who) = (Bans::default(), somebody());
        let ban = bans.ban(who, "lied", MINUTE, clock.now());
        assert_eq!((ban.since_ms, ban.until_ms), (1_000, 61_000));
        clock.advance(MINUTE - Duration::from_millis(1));
        assert!(bans.get(&who, clock.now()).is_some());
        clock.advance(Duration::from_millis(1));
        assert!(bans.get(&who, clock.now()).is_none());
        assert!(bans.active(clock.now()).is_empty());
    }

    #[test]
    fn stepping_the_wall_clock_frees_nobody() {
        let clock = ManualClock::at_wall_ms(1_000);
        let (mut bans, who) = (Bans::default(), somebody());
        bans.ban(who, "lied", MINUTE, clock.now());
        clock.step_wall_to_ms(u64::MAX);
        assert!(bans.get(&who, clock.now()).is_some());
    }

    #[test]
    fn a_shorter_ban_does_not_cut_a_longer_one() {
        let clock = ManualClock::at_wall_ms(0);
        let (mut bans, who) = (Bans::default(), somebody());
        bans.ban(who, "long", MINUTE * 2, clock.now());
        bans.ban(who, "short", MINUTE, clock.now());
        assert_eq!(bans.active(clock.now())[0].reason, "long");
        bans.ban(who, "longer", MINUTE * 3, clock.now());
        assert_eq!(bans.active(clock.now())[0].reason, "longer");
        assert!(bans.lift(&who));
        assert!(!bans.lift(&who));
    }

    #[test]
    fn a_full_table_gives_up_the_ban_that_ends_first() {
        let clock = ManualClock::at_wall_ms(0);
        let mut bans = Bans::with_capacity(3);
        let all: Vec<_> = (0..5).map(|_| somebody()).collect();
        for (i, who) in all.iter().enumerate() {
            let lasts = MINUTE * u32::try_from(i + 1).unwrap();
            bans.ban(*who, "lied", lasts, clock.now());
        }
        let held: Vec<_> = bans.active(clock.now()).iter().map(|b| b.subject).collect();
        assert_eq!(held, all[2..]);
    }

    #[test]
    fn endless_bans_and_endless_reasons_are_cut() {
        let clock = ManualClock::at_wall_ms(0);
        let (mut bans, who) = (Bans::default(), somebody());
        let ban = bans.ban(who, "é".repeat(10_000), Duration::MAX, clock.now());
        assert!(ban.reason.len() <= MAX_REASON);
        clock.advance(MAX_BAN);
        assert!(bans.get(&who, clock.now()).is_none());
    }
}
