//! What comes out of the engine.

use bytes::Bytes;
use libp2p::PeerId;

use crate::{
    offence::Offence,
    wire::{Item, Message},
};

/// Names a request of the engine until it is answered, or its peer is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Ask for objects.
    Request {
        /// Whom.
        peer: PeerId,
        /// Its name.
        id: RequestId,
        /// A `GETDATA`.
        message: Message,
    },
    /// Announce objects. Its receipt, or the lack of one, is an answer like any other.
    Announce {
        /// To whom.
        peer: PeerId,
        /// Its name.
        id: RequestId,
        /// An `INV`, to be sent in a frame that asks for a receipt.
        message: Message,
    },
    /// An object that was asked for, to be validated.
    Received {
        /// Who sent it.
        peer: PeerId,
        /// What it is; the id is the hash of the bytes.
        item: Item,
        /// Its bytes.
        bytes: Bytes,
    },
    /// A peer has something that is not fetched by `GETDATA`: a block or a blob.
    Heard {
        /// Who.
        peer: PeerId,
        /// What.
        item: Item,
    },
    /// A peer did something an honest peer does not do.
    Penalise {
        /// Who.
        peer: PeerId,
        /// What.
        offence: Offence,
        /// The particulars.
        detail: String,
    },
}
