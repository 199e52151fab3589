//! A read: the best of what several holders answer, and which of them to bring up to date.

use libp2p::PeerId;

use super::{Key, Verified};

/// How many verified answers end a read. One stale or lying holder among three changes nothing,
/// because the highest sequence number wins; more would wait for slower peers.
pub const DEFAULT_QUORUM: usize = 3;

/// The answers to one read. Only verified records are given to it; what fails to verify counts for
/// nothing, so that a liar can neither end a read nor spoil it.
#[derive(Debug)]
pub struct Read {
    key: Key,
    quorum: usize,
    best: Option<Verified>,
    /// Who answered, with what precedence its answer has by the id of it.
    holders: Vec<(Option<PeerId>, Verified)>,
}

/// Whether a read goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// More answers are wanted.
    More,
    /// The quorum has answered: end the query.
    Enough,
}

impl Read {
    /// Most answers kept: the closest holders there can be.
    const MAX_ANSWERS: usize = 20;

    /// A read of `key` that ends with `quorum` verified answers, at least one.
    #[must_use]
    pub fn new(key: Key, quorum: usize) -> Self {
        Self {
            key,
            quorum: quorum.clamp(1, Self::MAX_ANSWERS),
            best: None,
            holders: Vec::new(),
        }
    }

    /// What is read.
    #[must_use]
    pub fn key(&self) -> Key {
        self.key
    }

    /// Takes the answer of `from`, `None` for this node's own store. A second answer of one holder
    /// and a record of another key are not counted.
    pub fn answer(&mut self, from: Option<PeerId>, record: Verified) -> Heard {
        let counted = self.holders.len() < Self::MAX_ANSWERS
            && record.key() == self.key
            && self.holders.iter().all(|(holder, _)| *holder != from);
        if counted {
            let better = |best: &Verified| record.precedence(best).is_gt();
            if self.best.as_ref().is_none_or(better) {
                self.best = Some(record.clone());
            }
            self.holders.push((from, record));
        }
        if self.holders.len() >= self.quorum {
            Heard::Enough
        } else {
            Heard::More
        }
    }

    /// The record that counts so far, which may be a tombstone.
    #[must_use]
    pub fn best(&self) -> Option<&Verified> {
        self.best.as_ref()
    }

    /// How many verified answers there are.
    #[must_use]
    pub fn answers(&self) -> usize {
        self.holders.len()
    }

    /// The peers that answered with another record than the one that counts.
    #[must_use]
    pub fn stale(&self) -> Vec<PeerId> {
        let Some(best) = &self.best else {
            return Vec::new();
        };
        let other = |(_, record): &&(_, Verified)| record.id() != best.id();
        let stale = self.holders.iter().filter(other);
        stale.filter_map(|(holder, _)| *holder).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dht::record::tests::{NOW, body, node, signed};

    #[test]
    fn the_highest_sequence_of_the_quorum_counts_and_the_stale_are_named() {
        let [a, b, c] = [(); 3].map(|()| PeerId::random());
        let (old, new) = (signed(1, |b| b.seq = 4), signed(1, |b| b.seq = 5));
        let mut read = Read::new(new.key(), DEFAULT_QUORUM);
        assert_eq!(read.answer(Some(a), old.clone()), Heard::More);
        assert_eq!(
            read.answer(Some(a), new.clone()),
            Heard::More,
            "counted once"
        );
        assert_eq!(read.answer(Some(b), new.clone()), Heard::More);
        assert_eq!(read.answer(Some(c), old), Heard::Enough);
        assert_eq!(read.best(), Some(&new));
        assert_eq!(read.stale(), [a, c]);
    }

    #[test]
    fn another_key_is_no_answer_and_a_tombstone_is_one() {
        let mut read = Read::new(body(1).key(), 1);
        let foreign = signed(2, |_| ());
        assert_eq!(read.answer(None, foreign), Heard::More);
        assert!(read.best().is_none() && read.stale().is_empty());
        let gone = signed(1, |b| (b.seq, b.value) = (9, None));
        assert_eq!(read.answer(None, gone), Heard::Enough);
        assert!(read.best().is_some_and(|r| r.is_tombstone()));
        assert_eq!((node(1).public().digest(), NOW > 0), (body(1).author, true));
    }
}
