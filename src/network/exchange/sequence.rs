//! Frame numbers of one connection: what we give out, and what is missing or repeated in what we
//! hear.
//!
//! Substreams overtake each other, so a number that is not there yet is not lost: it counts as a
//! gap only when [`WINDOW`] later ones have arrived. Gaps and repeats are counted and never
//! punished; a substream that is cancelled while it is written leaves one.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use crate::registry::MessageId;

/// How many numbers may be outstanding before the oldest is given up. A connection has at most
/// some dozens of substreams, each with at most some hundred frames in the time another needs for
/// a large one.
const WINDOW: usize = 1024;

/// Totals over all connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    /// Frame numbers that never came. A jump over more than the window counts once.
    pub gaps: u64,
    /// Frame numbers that came again, or after they had been given up.
    pub repeats: u64,
}

/// Frames of one message id in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How many.
    pub frames: u64,
    /// Their payloads, in bytes.
    pub bytes: u64,
}

/// Where all connections count.
#[derive(Debug, Default)]
pub(super) struct Counters {
    gaps: AtomicU64,
    repeats: AtomicU64,
    /// By message id, and whether it came in.
    traffic: Mutex<BTreeMap<(MessageId, bool), Traffic>>,
}

impl Counters {
    pub(super) fn count(&self, id: MessageId, inbound: bool, bytes: usize) {
        let mut traffic = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = traffic.entry((id, inbound)).or_default();
        entry.frames += 1;
        entry.bytes += bytes as u64;
    }

    pub(super) fn take_traffic(&self) -> BTreeMap<(MessageId, bool), Traffic> {
        std::mem::take(&mut *self.traffic.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn read(&self) -> Sequence {
        Sequence {
            gaps: self.gaps.load(Ordering::Relaxed),
            repeats: self.repeats.load(Ordering::Relaxed),
        }
    }
}

/// The numbers of one connection, shared by its substreams.
#[derive(Debug)]
pub(super) struct Link {
    next: AtomicU32,
    heard: Mutex<Window>,
    counters: Arc<Counters>,
}

impl Link {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self {
            next: AtomicU32::new(0),
            heard: Mutex::new(Window::default()),
            counters,
        }
    }

    /// The number of the next frame we write.
    pub(super) fn assign(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes the number of a frame we read.
    pub(super) fn note(&self, seq: u32) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let found = heard.note(seq);
        self.counters.gaps.fetch_add(found.gaps, Ordering::Relaxed);
        let repeats = found.repeats;
        self.counters.repeats.fetch_add(repeats, Ordering::Relaxed);
    }
}

/// Which numbers from `base` on have been seen.
#[derive(Debug, Default)]
struct Window {
    base: u32,
    seen: VecDeque<bool>,
}

impl Window {
    fn note(&mut self, seq: u32) -> Sequence {
        let mut found = Sequence::default();
        let ahead = seq.wrapping_sub(self.base);
        if ahead > u32::MAX / 2 {
            found.repeats = 1;
            return found;
        }
        let ahead = usize::try_from(ahead).unwrap_or(usize::MAX);
        if ahead >= 2 * WINDOW {
            // A jump: what was open is lost, what was leapt over counts once.
            let open = self.seen.iter().filter(|seen| !**seen).count();
            found.gaps = open as u64 + 1;
            self.seen.clear();
            self.base = seq.wrapping_add(1);
            return found;
        }
        if ahead >= self.seen.len() {
            self.seen.resize(ahead + 1, false);
        } else if self.seen[ahead] {
            found.repeats = 1;
        }
        self.seen[ahead] = true;
        while self.seen.front() == Some(&true) || self.seen.len() > WINDOW {
            found.gaps += u64::from(self.seen.pop_front() == Some(false));
            self.base = self.base.wrapping_add(1);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(numbers: impl IntoIterator<Item = u32>) -> (u64, u64) {
        let counters = Arc::new(Counters::default());
        let link = Link::new(Arc::clone(&counters));
        numbers.into_iter().for_each(|n| link.note(n));
        let Sequence { gaps, repeats } = counters.read();
        (gaps, repeats)
    }

    #[test]
    fn numbers_in_any_order_are_neither_gap_nor_repeat() {
        assert_eq!(count(0..5000), (0, 0));
        assert_eq!(count((0..1000).rev()), (0, 0));
        // One slow substream among a thousand frames of others.
        assert_eq!(count((1..1000).chain([0]).chain(1000..3000)), (0, 0));
    }

    #[test]
    fn a_lost_number_is_a_gap_once_the_window_has_passed() {
        assert_eq!(count((1..500).chain([])), (0, 0));
        assert_eq!(count((1..5000).filter(|n| *n != 77)), (2, 0));
    }

    #[test]
    fn a_number_that_comes_again_is_a_repeat() {
        assert_eq!(count([0, 1, 2, 2, 1, 0, 3]), (0, 3));
        assert_eq!(count([5, 5]), (0, 1));
    }

    #[test]
    fn a_jump_counts_once_and_costs_nothing() {
        assert_eq!(count([0, 1_000_000_000, 1_000_000_001]), (1, 0));
        assert_eq!(count([1, u32::MAX / 2, 1]), (2, 1));
    }

    #[test]
    fn numbers_wrap_around() {
        let mut window = Window {
            base: u32::MAX - 1,
            seen: VecDeque::new(),
        };
        for n in [u32::MAX - 1, u32::MAX, 0, 1] {
            assert_eq!(window.note(n), Sequence::default());
        }
        assert_eq!(window.base, 2);
    }
}
