//! Objects that are not wanted, exactly, for a while.

use std::{
    collections::{HashSet, VecDeque},
    time::Instant,
};

use super::Limits;
use crate::wire::Item;

/// The latest refused objects, oldest first.
#[derive(Debug, Default)]
pub(super) struct Refused {
    items: HashSet<Item>,
    order: VecDeque<(Instant, Item)>,
}

impl Refused {
    pub(super) fn insert(&mut self, item: Item, limits: &Limits, now: Instant) {
        if !self.items.insert(item) {
            return;
        }
        self.order.push_back((now, item));
        while self.order.len() > limits.refused {
            self.pop();
        }
    }

    pub(super) fn contains(&self, item: &Item) -> bool {
        self.items.contains(item)
    }

    pub(super) fn remove(&mut self, item: &Item) {
        if self.items.remove(item) {
            self.order.retain(|(_, other)| other != item);
        }
    }

    pub(super) fn expire(&mut self, limits: &Limits, now: Instant) {
        let old = |at: Instant| now.saturating_duration_since(at) >= limits.refused_for;
        while self.order.front().is_some_and(|(at, _)| old(*at)) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some((_, item)) = self.order.pop_front() {
            self.items.remove(&item);
        }
    }
}
