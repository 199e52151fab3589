//! The serving side: what other nodes may ask for, and the answers.
//!
//! [`Governor`] decides, without looking at the store, whether a request is served now. The answer is
//! then read from the store by [`headers`] or, frame by frame, by [`BlockAnswer`], so that no more
//! than a few hundred kilobytes of one answer are in memory, however much was asked for. A node
//! serves what it has while it is syncing itself.

mod answer;
mod governor;

pub use answer::{BlockAnswer, headers};
pub use governor::{Admission, Governor, Limits, Ticket};
