//! The records this node holds, as a value: time and distance to its own id decide what stays.
//!
//! Two bounds keep one author or one place from filling it, a third keeps the whole small. Records
//! of this node itself are counted apart and leave only when they end or are replaced.
//!
//! Life is counted on the monotonic clock from the moment a record arrives, so a wall clock that
//! steps by hours neither ends records nor prolongs them while the node runs.

mod books;
mod entry;
mod row;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::{Duration, Instant},
};

use libp2p::{
    PeerId,
    kad::{KBucketDistance, KBucketKey},
};
use rand::{RngExt, SeedableRng};

use self::entry::{Entry, Share};
pub use self::{
    entry::{Place, Source},
    row::RowError,
};
use super::{Key, Verified};
use crate::{
    clock::{Now, Rng},
    ids::{ChainId, Hash32},
};

/// How often this node sends its own records to the holders that are closest by then. Holders come
/// and go; with half of twenty gone in that time the rest still answers. More often only costs.
pub const OWN_REPUBLISH: Duration = Duration::from_secs(15 * 60);

/// How long a holder waits before it sends a record on, unless somebody has sent it meanwhile: then
/// it waits anew, so that of twenty holders about one sends. Up to half as much again is added at
/// random, so that they do not all send at once.
pub const HELD_REPUBLISH: Duration = Duration::from_secs(60 * 60);

/// Most sequence numbers remembered of names whose last record has ended before an older one
/// would: 0.5 MB. Without them whoever kept the older one could bring it back.
pub const MAX_SPENT: usize = 4096;

/// Below this rest of a life nothing is sent on any more.
const TOO_LATE: Duration = Duration::from_secs(60);

/// How much a store takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of records held for others: 16 MiB, some 1 700 records. More would be memory, since
    /// records wait for look-ups there.
    pub bytes: usize,
    /// Bytes of this node's own records.
    pub own_bytes: usize,
    /// Bytes of one author's records. An author with more uses blobs.
    pub author_bytes: usize,
    /// Records of one author.
    pub author_records: usize,
    /// Bytes that came from one place: an eighth, so that an attacker in four address groups can
    /// take half of the store and not all of it.
    pub place_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 * 1024 * 1024,
            own_bytes: 4 * 1024 * 1024,
            author_bytes: 512 * 1024,
            author_records: 64,
            place_bytes: 2 * 1024 * 1024,
        }
    }
}

/// What became of a record that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// There was none with its key.
    New,
    /// It replaces one that counts less.
    Newer,
    /// It says what the one here says.
    Same,
}

/// Why a record was not taken. Nobody's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The record here counts more: this one.
    #[error("a record that counts more is held already")]
    Stale(Box<Verified>),
    /// A later record of the same name has been here and has ended.
    #[error("a later record of the same name has been held and has ended")]
    Spent,
    /// Its life is over.
    #[error("its life is over")]
    Expired,
    /// Its author has as much here as one may.
    #[error("its author stores as much here as one may")]
    AuthorFull,
    /// The place it came from has as much here as one may.
    #[error("the place it came from stores as much here as one may")]
    PlaceFull,
    /// There is no room, and everything here is closer to this node.
    #[error("there is no room for a record this far from this node")]
    Full,
    /// This node has as many records of its own as it may.
    #[error("this node stores as many records of its own as it may")]
    OwnFull,
}

impl Refused {
    /// The stable name: metric label and JSON value.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stale(_) => "stale",
            Self::Spent => "spent",
            Self::Expired => "expired",
            Self::AuthorFull => "author_full",
            Self::PlaceFull => "place_full",
            Self::Full => "full",
            Self::OwnFull => "own_full",
        }
    }
}

/// What is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Records, this node's own among them.
    pub records: usize,
    /// This node's own records.
    pub own: usize,
    /// Records that say that a name has no value any more.
    pub tombstones: usize,
    /// Authors other than this node.
    pub authors: usize,
    /// Bytes of records held for others.
    pub bytes: usize,
    /// Bytes of this node's own records.
    pub own_bytes: usize,
}

/// The records this node holds.
#[derive(Debug)]
pub struct Store {
    limits: Limits,
    me: KBucketKey<PeerId>,
    rng: Rng,
    records: HashMap<Key, Entry>,
    /// Held for others, the closest to this node first.
    by_distance: BTreeSet<(KBucketDistance, Key)>,
    held: Share,
    own: Share,
    authors: HashMap<Hash32, Share>,
    places: HashMap<Place, Share>,
    /// The highest sequence number of names without a record, until when it matters.
    spent: HashMap<Key, (u64, Instant)>,
    /// What differs from the rows on disk.
    changed: HashSet<Key>,
}

impl Store {
    /// An empty store of the node `me`.
    #[must_use]
    pub fn new(me: PeerId, limits: Limits, rng: &mut Rng) -> Self {
        Self {
            limits,
            me: KBucketKey::from(me),
            rng: Rng::from_rng(rng),
            records: HashMap::new(),
            by_distance: BTreeSet::new(),
            held: Share::default(),
            own: Share::default(),
            authors: HashMap::new(),
            places: HashMap::new(),
            spent: HashMap::new(),
            changed: HashSet::new(),
        }
    }

    /// Takes a record if it counts more than the one here and there is room.
    ///
    /// # Errors
    /// Why it was not taken; nothing has changed.
    pub fn insert(
        &mut self,
        record: Verified,
        source: Source,
        now: Now,
    ) -> Result<Stored, Refused> {
        let key = record.key();
        let left = life_left(&record, now.wall_ms);
        if left.is_zero() {
            return Err(Refused::Expired);
        }
        let until = now.mono + left;
        self.end(key, now.mono);
        let before = self.records.get(&key);
        if let Some(held) = before {
            if held.record.id() == record.id() && (held.is_own() || source != Source::Own) {
                self.seen(key, now.mono);
                return Ok(Stored::Same);
            }
            if record.precedence(&held.record).is_lt() {
                return Err(Refused::Stale(Box::new(held.record.clone())));
            }
        }
        if self.spent_by(&record, now.mono) {
            return Err(Refused::Spent);
        }
        // A name that this node has once written stays its own, whoever brings the next record.
        let own = source == Source::Own || before.is_some_and(Entry::is_own);
        let source = if own { Source::Own } else { source };
        let floor = before.map(|held| held.floor.max(held.until));
        let (stored, due) = match before {
            Some(held) if held.record.id() == record.id() => (Stored::Same, held.due),
            Some(_) => (Stored::Newer, now.mono),
            None => (Stored::New, now.mono),
        };
        let entry = Entry {
            record,
            source,
            until,
            floor: floor.unwrap_or(until).max(until),
            due,
        };
        self.make_room(&entry, key)?;
        self.remove(key);
        self.add(key, entry);
        self.spent.remove(&key);
        self.seen(key, now.mono);
        Ok(stored)
    }

    /// The record of `key`, if its life goes on.
    #[must_use]
    pub fn get(&self, key: &Key, now: Instant) -> Option<&Verified> {
        let entry = self.records.get(key).filter(|e| e.until > now)?;
        Some(&entry.record)
    }

    /// When the life of the record of `key` ends, on the monotonic clock.
    #[must_use]
    pub fn ends(&self, key: &Key) -> Option<Instant> {
        self.records.get(key).map(|e| e.until)
    }

    /// Whether these very bytes are held, which makes it needless to verify them again. Counts as
    /// having been sent the record.
    pub fn holds(&mut self, key: &Key, bytes: &[u8], now: Instant) -> bool {
        let same = self.get(key, now).is_some_and(|r| r.as_bytes() == bytes);
        if same {
            self.seen(*key, now);
        }
        same
    }

    /// The sequence number for the next record of a name of ours: above every one known here, and
    /// rising with time, so that it is above forgotten ones too. `None` after 2^64 - 1.
    #[must_use]
    pub fn next_seq(&self, key: &Key, wall_ms: u64) -> Option<u64> {
        let held = self.records.get(key).map(|e| e.record.body().seq);
        let spent = self.spent.get(key).map(|(seq, _)| *seq);
        match held.max(spent) {
            Some(known) => known.checked_add(1).map(|next| next.max(wall_ms)),
            None => Some(wall_ms),
        }
    }

    /// Removes what has ended, and returns how many records that were.
    pub fn expire(&mut self, now: Instant) -> usize {
        self.spent.retain(|_, (_, until)| *until > now);
        let over = self.records.iter().filter(|(_, e)| e.until <= now);
        let over: Vec<Key> = over.map(|(key, _)| *key).collect();
        over.iter().for_each(|key| self.end(*key, now));
        over.len()
    }

    /// At most `max` records that it is time to send to the nodes closest to their keys.
    pub fn due_republish(&mut self, now: Instant, max: usize) -> Vec<Verified> {
        let due = self
            .records
            .iter()
            .filter(|(_, e)| e.due <= now && e.until.saturating_duration_since(now) > TOO_LATE);
        let due: Vec<Key> = due.map(|(key, _)| *key).take(max).collect();
        let records = due.iter().filter_map(|key| {
            self.seen(*key, now);
            self.records.get(key).map(|e| e.record.clone())
        });
        records.collect()
    }

    /// This node's own records.
    pub fn own(&self) -> impl Iterator<Item = &Verified> {
        let own = self.records.values().filter(|e| e.is_own());
        own.map(|e| &e.record)
    }

    /// What is held.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let tombstones = self.records.values().filter(|e| e.record.is_tombstone());
        Stats {
            records: self.records.len(),
            own: self.own.records,
            tombstones: tombstones.count(),
            authors: self.authors.len(),
            bytes: self.held.bytes,
            own_bytes: self.own.bytes,
        }
    }

    /// What has changed since the last call: the row of a key, or that there is none any more.
    pub fn take_changes(&mut self) -> Vec<(Key, Option<Vec<u8>>)> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let row = |key| (key, self.records.get(&key).map(row::encode));
        changed.map(row).collect()
    }

    /// Takes the rows of an earlier run on `network`. Rows of other networks, of records that have
    /// ended and beyond the limits are due for removal. Signatures were checked before the rows
    /// were written.
    ///
    /// # Errors
    /// A row is none that this version writes; the others are taken all the same, and it is due for
    /// removal.
    pub fn load(
        &mut self,
        rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
        network: (ChainId, Hash32),
        now: Now,
    ) -> Result<(), RowError> {
        let mut first = Ok(());
        for (key, row) in rows {
            let Some(key) = Key::from_slice(&key) else {
                first = first.and(Err(RowError::Key));
                continue;
            };
            let taken = match row::decode(&key, &row) {
                Ok((record, source)) => {
                    let body = record.body();
                    let ours = (body.chain_id, body.genesis) == network;
                    ours && self.insert(record, source, now).is_ok()
                }
                Err(e) => {
                    first = first.and(Err(e));
                    false
                }
            };
            if taken {
                let wait = self.rng.random_range(Duration::ZERO..HELD_REPUBLISH);
                if let Some(e) = self.records.get_mut(&key) {
                    // Holders may have gone while this node was away.
                    e.due = now.mono + if e.is_own() { Duration::ZERO } else { wait };
                }
                self.changed.remove(&key);
            } else {
                self.changed.insert(key);
            }
        }
        first
    }

    /// Somebody has just sent the record of `key`, or is about to.
    fn seen(&mut self, key: Key, now: Instant) {
        let Some(entry) = self.records.get_mut(&key) else {
            return;
        };
        entry.due = now
            + match entry.source {
                Source::Own => OWN_REPUBLISH,
                Source::Held(_) => {
                    HELD_REPUBLISH + self.rng.random_range(Duration::ZERO..HELD_REPUBLISH / 2)
                }
            };
    }

    /// Whether a later record of the name has been here.
    fn spent_by(&self, record: &Verified, now: Instant) -> bool {
        let spent = self.spent.get(&record.key());
        spent.is_some_and(|(seq, until)| *until > now && record.body().seq <= *seq)
    }

    /// Removes the record of `key` if its life is over.
    fn end(&mut self, key: Key, now: Instant) {
        if self.records.get(&key).is_none_or(|e| e.until > now) {
            return;
        }
        let Some(ended) = self.remove(key) else {
            return;
        };
        if ended.floor > now && ended.record.body().name.is_some() {
            if self.spent.len() >= MAX_SPENT {
                let first = self.spent.iter().min_by_key(|(_, (_, until))| *until);
                if let Some(first) = first.map(|(key, _)| *key) {
                    self.spent.remove(&first);
                }
            }
            self.spent
                .insert(key, (ended.record.body().seq, ended.floor));
        }
    }
}

/// What is left of a record's life by the wall clock, at most all of it.
fn life_left(record: &Verified, wall_ms: u64) -> Duration {
    let body = record.body();
    let left = body.expires_ms().saturating_sub(wall_ms);
    Duration::from_millis(left.min(body.ttl_ms))
}
