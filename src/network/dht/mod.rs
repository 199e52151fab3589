//! The distributed hash table between nodes: libp2p's Kademlia with everything that strangers
//! could grow taken in hand.
//!
//! Kademlia finds the nodes closest to a key. What it hears passes here first: requests to store
//! wait for the verdict of whoever verifies records off the loop, look-ups are bounded per peer,
//! peers that others name are bounded in number and addresses, and dials of its own are few. The
//! records themselves lie in a [`Store`](crate::dht::Store). `specs/dht.md` has the figures.

mod behaviour;
mod config;
mod dials;
mod event;
mod heard;
mod inbox;
mod jobs;
mod rates;
mod shelf;
#[cfg(test)]
mod tests;

pub use behaviour::{Behaviour, Busy};
pub use config::Config;
pub use event::{Event, Inbound, InboundId};
pub use libp2p::kad::{Mode, QueryId};
