//! The blocks that shares may build on.

use std::collections::VecDeque;

use crate::chain::{Ancestry, share::ShareParent};

/// Most blocks remembered, those of abandoned branches included.
const MOST: usize = 64;

/// The last heads, newest last.
#[derive(Debug)]
pub(super) struct Parents {
    window: u64,
    heads: VecDeque<Ancestry>,
}

/// Where a claimed parent stands.
#[derive(Debug)]
pub(super) enum Place<'a> {
    /// It is one of the last heads.
    Recent(&'a Ancestry),
    /// It is lower than shares may build on.
    Stale,
    /// It was never a head here, or not yet.
    Unknown,
}

impl Parents {
    pub(super) fn new(window: u64) -> Self {
        Self {
            window,
            heads: VecDeque::new(),
        }
    }

    /// `head` is the head now.
    pub(super) fn follow(&mut self, head: Ancestry) {
        let lowest = head.tip().height.saturating_sub(self.window);
        let hash = head.tip().hash;
        self.heads
            .retain(|h| h.tip().height >= lowest && h.tip().hash != hash);
        if self.heads.len() >= MOST {
            self.heads.pop_front();
        }
        self.heads.push_back(head);
    }

    pub(super) fn find(&self, parent: &ShareParent) -> Place<'_> {
        // The height is a claim until the parent was found, but a low one is never of use.
        let head = self.heads.back();
        if head.is_some_and(|head| parent.height.saturating_add(self.window) < head.tip().height) {
            return Place::Stale;
        }
        match self
            .heads
            .iter()
            .rev()
            .find(|h| h.tip().hash == parent.hash)
        {
            Some(ancestry) => Place::Recent(ancestry),
            None => Place::Unknown,
        }
    }
}
