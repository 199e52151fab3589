//! The difference of two sets, from the symbols of one and the items of the other.

use std::collections::HashSet;

use super::{
    encoder::{Encoder, Sum},
    estimate::estimate,
    key::Keys,
    mapping::{END, Mapping},
};
use crate::{
    ids::Hash32,
    wire::{Salt, ShortKey, Symbol},
};

/// Decodes the symbols of a peer against the items here.
///
/// # Security
/// Whatever the symbols are, decoding ends: no key is found twice, and no more keys are found than
/// there are symbols, so the work is bounded by their number. A peer can make it find keys that it
/// does not have; that is found out when it is asked for their ids.
#[derive(Clone, Debug)]
pub struct Decoder {
    keys: Keys,
    local: Encoder,
    /// Symbols of the peer, less ours, less what was found.
    cells: Vec<Symbol>,
    found: Vec<Found>,
    seen: HashSet<ShortKey>,
}

/// How far a decoder has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More symbols are needed.
    More,
    /// The whole difference.
    Done {
        /// What only we have, in the order of the keys.
        only_here: Vec<Hash32>,
        /// What only the peer has, in increasing order.
        only_there: Vec<ShortKey>,
    },
    /// It will never decode.
    Failed(DecodeError),
}

/// Why symbols do not decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More than 32 768 symbols.
    #[error("the difference is larger than the symbols of a session can tell")]
    TooMany,
    /// No set has these symbols.
    #[error("the symbols contradict each other")]
    Inconsistent,
}

#[derive(Clone, Copy, Debug)]
struct Found {
    key: ShortKey,
    check: u32,
    /// At the first index that has not arrived.
    mapping: Mapping,
    /// What takes it away: −1 if the peer has it, 1 if we have it.
    by: u16,
}

impl Decoder {
    /// A decoder against the items `local`; see [`Encoder::new`].
    #[must_use]
    pub fn new(salt: Salt, local: impl IntoIterator<Item = Hash32>) -> Self {
        Self {
            keys: Keys::new(salt),
            local: Encoder::new(salt, local),
            cells: Vec::new(),
            found: Vec::new(),
            seen: HashSet::new(),
        }
    }

    /// Takes the next symbols of the peer, and says how far that leads.
    pub fn push(&mut self, symbols: &[Symbol]) -> Progress {
        let start = self.cells.len();
        let end = start + symbols.len();
        if end > END as usize {
            return Progress::Failed(DecodeError::TooMany);
        }
        #[allow(clippy::cast_possible_truncation)] // at most END
        let (from, to) = (start as u32, end as u32);
        let local = self.local.symbols(from..to);
        let cells = symbols.iter().zip(local).map(|(far, near)| far.less(*near));
        self.cells.extend(cells);
        for found in &mut self.found {
            found.take_from(&mut self.cells);
        }
        let mut pure: Vec<u32> = (from..to).collect();
        while let Some(index) = pure.pop() {
            if let Err(error) = self.peel(index, &mut pure) {
                return Progress::Failed(error);
            }
        }
        self.progress()
    }

    /// How many symbols have arrived.
    #[must_use]
    pub fn symbols(&self) -> usize {
        self.cells.len()
    }

    /// How many items differ, as far as the symbols tell; see `estimate`.
    #[must_use]
    pub fn estimate(&self) -> usize {
        self.found.len() + estimate(&self.cells)
    }

    /// What was here when the session began.
    #[must_use]
    pub fn local(&self) -> &Encoder {
        &self.local
    }

    /// Keeps only what was here.
    #[must_use]
    pub fn into_local(self) -> Encoder {
        self.local
    }

    /// Takes the item out of the cell `index`, if it is one.
    fn peel(&mut self, index: u32, pure: &mut Vec<u32>) -> Result<(), DecodeError> {
        let cell = self.cells[index as usize];
        if !is_candidate(cell) {
            return Ok(());
        }
        let key = ShortKey(cell.keys);
        let check = self.keys.check(key);
        if check != cell.checks || !Mapping::new(key).reaches(index) {
            return Ok(());
        }
        let there = cell.count == 1;
        // # Security
        // The three things that no honest symbols do.
        if there == self.local.id(key).is_some()
            || self.found.len() == self.cells.len()
            || !self.seen.insert(key)
        {
            return Err(DecodeError::Inconsistent);
        }
        let mut found = Found {
            key,
            check,
            mapping: Mapping::new(key),
            by: if there { u16::MAX } else { 1 },
        };
        for at in found.take_from(&mut self.cells) {
            if is_candidate(self.cells[at as usize]) {
                pure.push(at);
            }
        }
        self.found.push(found);
        Ok(())
    }

    fn progress(&self) -> Progress {
        // Every item is part of the first symbol: when that is empty, all are found.
        if self.cells.first() != Some(&Symbol::default()) {
            return Progress::More;
        }
        if self.cells.iter().any(|cell| *cell != Symbol::default()) {
            return Progress::Failed(DecodeError::Inconsistent);
        }
        let (mut here, mut only_there) = (Vec::new(), Vec::new());
        for found in &self.found {
            match found.by {
                1 => here.push(found.key),
                _ => only_there.push(found.key),
            }
        }
        here.sort_unstable();
        only_there.sort_unstable();
        Progress::Done {
            only_here: here.iter().filter_map(|key| self.local.id(*key)).collect(),
            only_there,
        }
    }
}

impl Found {
    /// Takes the item from the cells that have arrived since it was last called, and returns their
    /// indexes.
    fn take_from(&mut self, cells: &mut [Symbol]) -> Vec<u32> {
        let mut touched = Vec::new();
        while let Some(cell) = cells.get_mut(self.mapping.index() as usize) {
            cell.toggle(self.key, self.check, self.by);
            touched.push(self.mapping.index());
            self.mapping.advance();
        }
        touched
    }
}

/// Whether a cell may hold a single item.
fn is_candidate(cell: Symbol) -> bool {
    cell.count == 1 || cell.count == u16::MAX
}
