//! Objects that were announced and are not here.

use std::{collections::HashMap, time::Instant};

use libp2p::PeerId;

use super::RequestId;
use crate::wire::Item;

/// Objects by what they are. No bound of its own: every entry has an announcer whose number is
/// bounded, or is in validation.
pub(super) type Wanted = HashMap<Item, Want>;

/// One object.
#[derive(Debug)]
pub(super) struct Want {
    /// Who has it, in the order in which they said so.
    pub(super) announcers: Vec<Announcer>,
    pub(super) state: State,
}

/// A peer that has it.
#[derive(Debug)]
pub(super) struct Announcer {
    pub(super) peer: PeerId,
    /// Number of its announcement, also in the peer's own list.
    pub(super) seq: u64,
    /// How often it was asked in vain.
    pub(super) tries: u8,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// To be asked for.
    Waiting,
    /// Asked for, and the answer is not late.
    Asked(RequestId),
    /// Received, and in validation since then.
    Judged(Instant),
}

impl Want {
    pub(super) fn new(state: State) -> Self {
        Self {
            // Mostly one, and a vector that grows begins with four.
            announcers: Vec::with_capacity(usize::from(state == State::Waiting)),
            state,
        }
    }

    pub(super) fn is_announced_by(&self, peer: &PeerId) -> bool {
        self.announcers.iter().any(|a| a.peer == *peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announced_object_costs_what_the_module_says() {
        // Both maps at half their load, as they are at worst after they grew.
        let table = 2 * size_of::<(Item, Want)>();
        let of_peer = 2 * size_of::<(u64, Item)>() + 2 * size_of::<u64>();
        let bytes = size_of::<Announcer>() + table + of_peer;
        assert!(bytes < 400, "{bytes}");
    }
}
