//! Peer exchange: node records asked for and given, values only.
//!
//! [`Askers`] says who may ask us, [`what_to_send`] what they get. [`Schedule`] says whom we ask
//! and when, [`Intake`] what we take of the answers. [`OwnRecord`] says when a new record of our own
//! is due. Whoever drives these carries messages, signs and verifies (on the blocking pool) and
//! keeps the book; a record that failed to verify is judged by
//! [`fault_of_record`](super::fault_of_record).
//!
//! `specs/peer-exchange.md` has the figures with their reasons.

mod askers;
mod intake;
mod own;
mod reach;
mod schedule;
mod selection;

pub use askers::{ASK_BURST, ASK_INTERVAL, Askers, Denied, MAX_IMPATIENT};
pub use intake::{AnswerError, Ignored, Intake, Skipped, TAKEN_PER_HOUR, Taken};
pub use own::{Due, OwnRecord, RECORD_TTL_MS};
pub use reach::{Reach, announceable};
pub use schedule::{FIRST_PAUSE, LONGEST_PAUSE, Question, Schedule};
pub use selection::{Asker, MAX_PER_GROUP, Scope, what_to_send};
