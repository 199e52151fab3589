//! The bans that hold, as a value, and the rows they leave for the next start. Time is an argument.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::IpAddr,
    time::{Duration, Instant},
};

use libp2p::PeerId;

use crate::{
    clock::Now,
    peers::{
        Change, Group, Row, Table,
        ban::{RowError, place_of},
    },
};

#[cfg(test)]
mod tests;

pub use crate::peers::ban::{Author, MAX_BAN, Sentence, Subject};

/// How long a ban lasts unless told otherwise: long enough that a liar costs nothing, short enough
/// that an address with a new owner or a peer with a fixed bug is back the same day.
pub const DEFAULT_BAN: Duration = Duration::from_secs(60 * 60);

/// Most bans remembered, about 4 MiB. Peers choose how many ids they burn; when the table is full
/// the ban that would end first goes.
pub const MAX_BANS: usize = 4096;

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Who.
    pub subject: Subject,
    /// Why.
    pub reason: String,
    /// What shows it.
    pub evidence: String,
    /// Who banned.
    pub by: Author,
    /// When it began, in milliseconds since the UNIX epoch.
    pub since_ms: u64,
    /// When it ends by the wall clock as it stood when the ban, or the node, began: for people.
    pub until_ms: u64,
    /// When it ends: what counts.
    pub ends: Instant,
}

/// Two bans that began so close to each other, in milliseconds, with the same evidence, are of one act.
const ONE_ACT_MS: u64 = 100;

/// What became of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Banned,
    /// A ban that lasts longer stands already.
    Stands,
    /// The subject is reserved: warn whoever watches. Nothing was banned.
    Spared,
    /// Nobody but a person may ban what a whole test network shares, and nobody what has no group.
    /// Nothing was banned.
    Shared,
}

/// What came of the rows of the last run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Bans that hold.
    pub holding: usize,
    /// Bans that ended meanwhile.
    pub ended: usize,
    /// Rows that are no bans, each with the reason. They are removed.
    pub refused: Vec<RowError>,
}

/// The bans that hold, bounded.
#[derive(Clone, Debug)]
pub struct Bans {
    entries: HashMap<Subject, Ban>,
    capacity: usize,
    spared_peers: HashSet<PeerId>,
    spared_addresses: HashSet<IpAddr>,
    /// Rows to write, once somebody keeps them; at most twice the capacity.
    changes: Option<BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl Default for Bans {
    fn default() -> Self {
        Self::with_capacity(MAX_BANS)
    }
}

impl Bans {
    /// An empty list of at most `capacity` bans, at least one. Nothing is kept for the next start
    /// until [`Bans::load`] was called.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            entries: HashMap::new(),
            capacity: capacity.max(1),
            spared_peers: HashSet::new(),
            spared_addresses: HashSet::new(),
            changes: None,
        }
    }

    /// Takes up the bans of the last run from the rows of [`Table::Bans`], and records changes
    /// from now on.
    pub fn load(&mut self, rows: Vec<Row>, now: Now) -> Loaded {
        self.changes.get_or_insert_default();
        let mut loaded = Loaded::default();
        for (key, row) in rows {
            let (ban, since_ms) = match Sentence::decode(&key, &row) {
                Ok(ban) => ban,
                Err(error) => {
                    loaded.refused.push(error);
                    self.record(key, None);
                    continue;
                }
            };
            let lasts = ban.remains(since_ms, now.wall_ms);
            if lasts.is_zero() {
                loaded.ended += 1;
                self.record(key, None);
                continue;
            }
            if !self.entries.contains_key(&ban.subject) {
                self.make_room(now);
            }
            loaded.holding += 1;
            self.entries.insert(
                ban.subject,
                Ban {
                    subject: ban.subject,
                    reason: ban.reason,
                    evidence: ban.evidence,
                    by: ban.by,
                    since_ms,
                    until_ms: now.wall_ms.saturating_add(millis(lasts)),
                    ends: ends(lasts, now),
                },
            );
        }
        loaded
    }

    /// Rows to write since the last call, those of bans that have ended included. Empty until
    /// [`Bans::load`] was called.
    pub fn take_changes(&mut self, now: Now) -> Vec<Change> {
        self.drop_ended(now);
        let changes = self.changes.as_mut().map(std::mem::take);
        let rows = changes.into_iter().flatten();
        rows.map(|(key, value)| Change {
            table: Table::Bans,
            key,
            value,
        })
        .collect()
    }

    /// Never bans `peers`, nor refuses anybody at `addresses`, which are theirs.
    pub fn spare(
        &mut self,
        peers: impl IntoIterator<Item = PeerId>,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) {
        self.spared_peers = peers.into_iter().collect();
        self.spared_addresses = addresses.into_iter().map(place_of).collect();
    }

    /// Whether `subject` may not be banned.
    #[must_use]
    pub fn is_spared(&self, subject: &Subject) -> bool {
        match subject.whole() {
            Subject::Peer(peer) => self.spared_peers.contains(&peer),
            Subject::Address(ip) => self.spared_addresses.contains(&ip),
            Subject::Group(_) => false,
        }
    }

    /// Bans from `now`. If the subject is banned for longer already, that stays.
    pub fn impose(&mut self, sentence: Sentence, now: Now) -> Outcome {
        let sentence = sentence.bounded();
        let subject = sentence.subject;
        if self.is_spared(&subject) {
            return Outcome::Spared;
        }
        let group = matches!(subject, Subject::Group(_));
        if subject.is_shared() && (sentence.by.is_automatic() || group) {
            return Outcome::Shared;
        }
        let ends = ends(sentence.lasts, now);
        match self.entries.get(&subject) {
            Some(stands) if stands.ends >= ends => return Outcome::Stands,
            Some(_) => {}
            None => self.make_room(now),
        }
        self.record(subject.key(), Some(sentence.encode(now.wall_ms)));
        let ban = Ban {
            subject,
            since_ms: now.wall_ms,
            until_ms: now.wall_ms.saturating_add(millis(sentence.lasts)),
            ends,
            reason: sentence.reason,
            evidence: sentence.evidence,
            by: sentence.by,
        };
        self.entries.insert(subject, ban);
        Outcome::Banned
    }

    /// Ends a ban early. Says whether there was one.
    pub fn lift(&mut self, subject: &Subject) -> bool {
        let lifted = self.entries.remove(subject).is_some();
        if lifted {
            self.record(subject.key(), None);
        }
        lifted
    }

    /// Ends every ban that keeps `peer` away: its own, those of `addresses` and of their groups.
    /// Gives those that held.
    pub fn lift_all(&mut self, peer: PeerId, addresses: &[IpAddr], now: Now) -> Vec<Ban> {
        let mut subjects = vec![Subject::Peer(peer)];
        for ip in addresses {
            subjects.extend([Subject::Address(place_of(*ip)), group_of(*ip)]);
        }
        if let Some(own) = self.get(&Subject::Peer(peer), now) {
            subjects.extend(self.along_with(own));
        }
        let mut lifted = Vec::new();
        for subject in subjects {
            lifted.extend(self.get(&subject, now).cloned());
            self.lift(&subject);
        }
        lifted
    }

    /// The places that one act of a peer had banned along with it. The act is known by its time and
    /// evidence, which outlive a restart; where the peer came from does not.
    fn along_with(&self, own: &Ban) -> Vec<Subject> {
        let same_act = |ban: &&Ban| {
            !matches!(ban.subject, Subject::Peer(_))
                && ban.by.is_automatic()
                && ban.since_ms.abs_diff(own.since_ms) < ONE_ACT_MS
                && (&ban.reason, &ban.evidence) == (&own.reason, &own.evidence)
        };
        let along = self.entries.values().filter(same_act);
        along.map(|ban| ban.subject).collect()
    }

    /// The ban that holds for `subject` at `now`.
    #[must_use]
    pub fn get(&self, subject: &Subject, now: Now) -> Option<&Ban> {
        self.entries.get(subject).filter(|b| b.ends > now.mono)
    }

    /// The ban that keeps `peer` itself away.
    #[must_use]
    pub fn of_peer(&self, peer: &PeerId, now: Now) -> Option<&Ban> {
        let spared = self.spared_peers.contains(peer);
        self.get(&Subject::Peer(*peer), now).filter(|_| !spared)
    }

    /// The ban that keeps everybody at `ip` away: of the address or of its group.
    #[must_use]
    pub fn at(&self, ip: IpAddr, now: Now) -> Option<&Ban> {
        let place = place_of(ip);
        if self.spared_addresses.contains(&place) {
            return None;
        }
        let address = self.get(&Subject::Address(place), now);
        address.or_else(|| self.get(&group_of(ip), now))
    }

    /// Every ban that holds at `now`, the one that ends first first.
    #[must_use]
    pub fn active(&self, now: Now) -> Vec<Ban> {
        let holding = self.entries.values().filter(|b| b.ends > now.mono);
        let mut all: Vec<_> = holding.cloned().collect();
        all.sort_by_key(|b| (b.ends, b.subject));
        all
    }

    fn make_room(&mut self, now: Now) {
        if self.entries.len() < self.capacity {
            return;
        }
        self.drop_ended(now);
        while self.entries.len() >= self.capacity {
            let first = self.entries.values().min_by_key(|b| (b.ends, b.subject));
            let Some(first) = first.map(|b| b.subject) else {
                return;
            };
            self.lift(&first);
        }
    }

    fn drop_ended(&mut self, now: Now) {
        let ended = self.entries.values().filter(|b| b.ends <= now.mono);
        let ended: Vec<_> = ended.map(|b| b.subject).collect();
        for subject in ended {
            self.lift(&subject);
        }
    }

    /// A later change of a row replaces an earlier one. If nobody takes them, those beyond twice
    /// the capacity are lost: the rows of the next start are then those of before.
    fn record(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        let Some(changes) = &mut self.changes else {
            return;
        };
        if changes.len() < 2 * self.capacity || changes.contains_key(&key) {
            changes.insert(key, value);
        }
    }
}

fn group_of(ip: IpAddr) -> Subject {
    Subject::Group(Group::of_ip(ip))
}

fn ends(lasts: Duration, now: Now) -> Instant {
    now.mono.checked_add(lasts).unwrap_or(now.mono)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
