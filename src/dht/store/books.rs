//! Who has how much, and who makes room for whom.

use libp2p::kad::{KBucketDistance, KBucketKey};

use super::{Entry, Refused, Share, Source, Store};
use crate::dht::Key;

impl Store {
    /// Checks the quotas, and removes records farther away until the total leaves room for `entry`
    /// in place of what its key has now. Nothing is removed if that does not suffice.
    pub(super) fn make_room(&mut self, entry: &Entry, key: Key) -> Result<(), Refused> {
        let size = entry.size();
        let before = self.records.get(&key);
        let freed = |counted: &dyn Fn(&Entry) -> bool| {
            let freed = before.filter(|held| counted(held));
            freed.map_or(Share::default(), |held| Share::of(held.size()))
        };
        let place = match entry.source {
            Source::Own => {
                let own = self.own.less(freed(&Entry::is_own)).plus(size);
                let fits = own.bytes <= self.limits.own_bytes;
                return if fits { Ok(()) } else { Err(Refused::OwnFull) };
            }
            Source::Held(place) => place,
        };
        let author = entry.record.body().author;
        let of_author = |e: &Entry| !e.is_own() && e.record.body().author == author;
        let share = self.authors.get(&author).copied().unwrap_or_default();
        let share = share.less(freed(&of_author)).plus(size);
        if share.bytes > self.limits.author_bytes || share.records > self.limits.author_records {
            return Err(Refused::AuthorFull);
        }
        if let Some(place) = place {
            let share = self.places.get(&place).copied().unwrap_or_default();
            let share = share.less(freed(&|e| e.source == entry.source)).plus(size);
            if share.bytes > self.limits.place_bytes {
                return Err(Refused::PlaceFull);
            }
        }
        let held = self.held.less(freed(&|e| !e.is_own())).plus(size);
        let mut excess = held.bytes.saturating_sub(self.limits.bytes);
        let mut farther = Vec::new();
        let from = (self.distance(&key), key);
        for (_, far) in self.by_distance.range(from..).rev() {
            if excess == 0 {
                break;
            }
            if let Some(held) = self.records.get(far).filter(|_| *far != key) {
                excess = excess.saturating_sub(held.size());
                farther.push(*far);
            }
        }
        if excess > 0 {
            return Err(Refused::Full);
        }
        for far in farther {
            self.remove(far);
        }
        Ok(())
    }

    pub(super) fn add(&mut self, key: Key, entry: Entry) {
        let size = entry.size();
        match entry.source {
            Source::Own => self.own = self.own.plus(size),
            Source::Held(place) => {
                self.held = self.held.plus(size);
                let author = self.authors.entry(entry.record.body().author);
                let share = author.or_default();
                *share = share.plus(size);
                if let Some(place) = place {
                    let share = self.places.entry(place).or_default();
                    *share = share.plus(size);
                }
                self.by_distance.insert((self.distance(&key), key));
            }
        }
        self.records.insert(key, entry);
        self.changed.insert(key);
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Entry> {
        let entry = self.records.remove(&key)?;
        self.changed.insert(key);
        let size = Share::of(entry.size());
        match entry.source {
            Source::Own => self.own = self.own.less(size),
            Source::Held(place) => {
                self.held = self.held.less(size);
                Share::give_back(&mut self.authors, entry.record.body().author, size);
                if let Some(place) = place {
                    Share::give_back(&mut self.places, place, size);
                }
                self.by_distance.remove(&(self.distance(&key), key));
            }
        }
        Some(entry)
    }

    /// As the routing of the table measures it.
    pub(super) fn distance(&self, key: &Key) -> KBucketDistance {
        self.me.distance(&KBucketKey::new(*key.as_bytes()))
    }
}
