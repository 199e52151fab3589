//! Direct messages of applications, `/animica/{chain}/direct/1`, as plain values: frames, the
//! window of a sender, the receipts of a receiver, its pace.
//!
//! Whoever has messages opens one substream and keeps it; it writes [`Frame::Message`] and reads
//! [`Frame::Ack`] on it. A message above 1 MiB opens a substream of its own, which carries one
//! [`Frame::Stream`], then its [`Frame::Chunk`]s, and back one receipt. `specs/gossip/messages.md`
//! has the layout; `network::direct` drives this over libp2p.
//!
//! | value | is fed | gives | bounded by |
//! |---|---|---|---|
//! | [`Decoder`] | bytes as they arrive | frames, heads judged before their payload is kept | one frame and one read |
//! | [`Outbox`] | messages, receipts | numbers, who is acknowledged | [`MAX_DIRECT_WINDOW`](crate::registry::MAX_DIRECT_WINDOW) |
//! | [`Inbox`] | numbers, what became of them | receipts | the same |
//! | [`Pace`] | sizes and the time | how long to wait | two buckets |

mod decoder;
mod frame;
mod inbox;
mod outbox;
mod pace;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use frame::{
    Ack, Frame, FrameError, FrameType, HEAD_LEN, MAX_MESSAGE_FRAME, Refusal, encode_ack,
    encode_chunk_head, encode_message_head, encode_stream, is_kind,
};
pub use inbox::Inbox;
pub use outbox::Outbox;
pub use pace::{Pace, Rates};
