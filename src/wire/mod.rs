//! What travels on the exchanges: frames and the typed messages inside them.
//!
//! A frame is an 11-byte header (`msg_id u16be`, `seq u32be`, `flags u8`, `len u32be`) and a payload
//! of canonical CBOR. This room turns bytes into [`Message`]s and back; it never reads a socket,
//! never allocates before a length has passed its cap, and never panics on any input.
//!
//! # How an exchange looks
//!
//! One request per substream: the requester writes one frame and closes its half; the responder
//! writes one or more frames and closes. [`Answer`] says which frames may answer which request and
//! folds a streamed answer (several `BLOCKS`, then perhaps `NOTFOUND`) into one [`Message`], so that
//! nobody above this room sees the frames.
//!
//! `specs/wire.md` is the normative text; its tables are compared with this code by tests.

mod answer;
mod blocks;
mod compact;
mod control;
mod error;
mod fields;
mod frame;
mod headers;
mod inventory;
mod message;
mod peers;
mod samples;
mod sketch;
mod tx;

pub use answer::Answer;
pub use blocks::{Blocks, GetBlocks, NotFound};
pub use compact::{GetCompact, GetTx, TxNotFound};
pub use control::{Busy, Credits, ErrorCode};
pub use error::WireError;
pub use frame::{Flags, Frame, FrameHeader, HEADER_LEN, max_payload};
pub use headers::{GetHeaders, Headers, TipClaim};
pub use inventory::{Data, GetData, Inv, Item, ItemKind, Shares};
pub use message::Message;
pub use peers::{Disconnect, GetPeers, Peers, TrustedPeersRequest};
pub use samples::{DaGet, DaProof};
pub use sketch::{GetSketch, Salt, ShortKey, Sketch, SketchPart, SketchQuery, SketchSet, Symbol};
pub use tx::Txs;

#[cfg(test)]
mod tests;
