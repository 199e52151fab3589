//! Who has what: announcements of objects too large to push, and the requests that follow.
//!
//! [`Inventory`] is a value. It is told which peers are there, what they announce, what was learned
//! here, and how requests ended; it says whom to ask for what, what to announce to whom, and hands
//! on what arrived. It never judges an object and holds none.
//!
//! # How to drive it
//!
//! 1. [`Inventory::up`] and [`Inventory::down`] with the peers that speak the data protocol.
//! 2. An `INV` that came in: [`Inventory::announced`], then the receipt. A `GETDATA` that came in:
//!    [`serve`]. An object that came through the mesh: [`Inventory::knows`].
//! 3. After each call, and at [`Inventory::next_timeout`] after [`Inventory::tick`], take outputs
//!    from [`Inventory::poll_output`] until there are none. Each request has exactly one
//!    [`Inventory::answer`], unless its peer goes down first. The frame of an `INV` asks for a
//!    receipt (flag 1), which is its answer.
//! 4. [`Output::Received`] is to be validated and then reported: [`Inventory::learned`] if it was
//!    taken, [`Inventory::refused`] if it is not wanted, [`Inventory::have`] if it may be asked for
//!    again. Whoever delivered an invalid object answers for it, not those who announced it.
//!
//! # Withholding
//!
//! A peer that announces and does not deliver delays an object by one timeout, after which the next
//! announcer is asked, then by nothing: it is asked after all others until it delivers. It is never
//! punished, because a slow link looks the same. Outbound peers go first, so that whoever only
//! connects to us delays nothing that a peer of our choice has announced too.
//!
//! # What bounds it
//!
//! [`Limits`]. Per peer: 2048 announced objects we do not have (below 400 B each), 4096
//! announcements that wait (33 B each), a filter of 32 KiB. With 128 peers that all flood that is
//! 130 MB; without floods, the filters' 4 MiB. An announcement costs `O(log n)`; choosing whom to ask costs one look at each
//! announcer of each object that waits.

mod announcing;
mod answers;
mod asking;
mod engine;
mod io;
mod known;
mod limits;
mod peer;
mod refused;
mod serve;
mod wanted;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use crate::{registry::MAX_PUSHED_BYTES, wire::ItemKind};

pub use engine::Inventory;
pub use io::{Output, RequestId};
pub use limits::Limits;
pub use serve::serve;

/// How an object travels to those who do not have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Whole, through the mesh of its topic.
    Push,
    /// Its id by `INV`, itself on request.
    Announce,
}

/// How an object of `len` bytes travels. Blocks and blobs always go through the mesh, because there
/// a compact announcement stands for them, whatever their own size.
#[must_use]
pub fn way(kind: ItemKind, len: usize) -> Way {
    match kind {
        ItemKind::Tx | ItemKind::Share if len > MAX_PUSHED_BYTES => Way::Announce,
        _ => Way::Push,
    }
}
