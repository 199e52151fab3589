//! Compact blocks: a new block as its header and six bytes for each item, rebuilt from what waits
//! here already.
//!
//! Called by the gossip task. Plain values: no socket, no clock, no randomness (the announcer
//! gives a salt). `specs/gossip/compact-blocks.md` is the same in prose, with vectors.
//!
//! # What to feed, what comes out
//!
//! 1. A payload of the topic `blocks`, or the `BLOCK_ANNOUNCE` that answers `GET_COMPACT`, goes
//!    through [`check`]: size, CBOR, header work. What comes out is a [`Checked`], which nothing else
//!    makes, or the verdict.
//! 2. [`Engine::on_announce`] takes it with what this node knows ([`Known`]: pool, shares), and says
//!    in [`Output`]s whom to ask, what was rebuilt, what to fetch whole, and what becomes of every
//!    announce. [`Engine::on_txs`] and [`Engine::on_failure`] take what became of a request.
//! 3. A rebuilt block is verified by the caller like any other (`chain::verify::verify_body`) and
//!    only then passed on, so whoever passes an announce on has its block and can serve it.
//! 4. [`Engine::on_known`] takes every block that was imported, however it came.
//! 5. The announcing side is [`build`], the serving side [`serve`].
//!
//! # What it costs and what bounds it
//!
//! A keyed hash and a binary search per known item, two SHA-3 permutations per item of the block.
//! [`engine::Config`] bounds the rebuilds in flight by number and bytes, in total and per peer; an
//! announce makes at most one request; nothing is kept for a header that was not checked.

mod announce;
mod build;
mod check;
pub mod engine;
mod exchange;
mod extra;
mod rebuild;
mod serve;
mod short_id;
mod stats;
#[cfg(test)]
mod tests;

pub use announce::{Announce, AnnounceError};
pub use build::build;
pub use check::{Checked, Context, check, prove, read, suits};
pub use engine::{Engine, Failure, Output};
pub use exchange::exchange;
pub use extra::ExtraPool;
pub use rebuild::{AnswerError, FullReason, Known, Missing, Rebuild, Rebuilt};
pub use serve::{ServeError, serve};
pub use short_id::{SHORT_ID_LEN, ShortId, ShortIds};
pub use stats::Stats;
