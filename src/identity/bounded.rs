//! A map of bounded size that forgets what was used longest ago.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

/// At most `capacity` entries; a full map makes room by dropping the least recently used.
#[derive(Clone, Debug)]
pub(super) struct Bounded<K, V> {
    capacity: usize,
    turn: u64,
    entries: HashMap<K, (u64, V)>,
    by_turn: BTreeMap<u64, K>,
}

impl<K: Copy + Eq + Hash, V> Bounded<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            turn: 0,
            entries: HashMap::new(),
            by_turn: BTreeMap::new(),
        }
    }

    /// The value of `key`, without counting as a use.
    pub(super) fn peek(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, v)| v)
    }

    /// The value of `key`, which counts as a use.
    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        let turn = self.next_turn();
        let (last, value) = self.entries.get_mut(key)?;
        self.by_turn.remove(last);
        self.by_turn.insert(turn, *key);
        *last = turn;
        Some(value)
    }

    /// Sets the value of `key`, which counts as a use.
    pub(super) fn insert(&mut self, key: K, value: V) {
        let turn = self.next_turn();
        if let Some((last, _)) = self.entries.insert(key, (turn, value)) {
            self.by_turn.remove(&last);
        }
        self.by_turn.insert(turn, key);
        if self.entries.len() > self.capacity
            && let Some((_, oldest)) = self.by_turn.pop_first()
        {
            self.entries.remove(&oldest);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Every entry, the one used longest ago first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.by_turn
            .values()
            .filter_map(|k| self.entries.get(k).map(|(_, v)| (k, v)))
    }

    fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_what_was_used_longest_ago() {
        let mut map = Bounded::new(2);
        map.insert('a', 1);
        map.insert('b', 2);
        assert_eq!(map.get(&'a'), Some(&1));
        map.insert('c', 3);
        assert_eq!(map.peek(&'b'), None);
        map.insert('a', 4);
        assert_eq!(map.iter().collect::<Vec<_>>(), [(&'c', &3), (&'a', &4)]);
        assert_eq!(map.len(), map.by_turn.len());
    }
}
