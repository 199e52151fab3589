//! Whole stacks, socket to behaviour: two and three swarms over the real channel.

mod channel;
mod conversation;
mod doors;
mod limits;
mod support;
