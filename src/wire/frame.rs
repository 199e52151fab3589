//! The frame: a fixed header, checked before its payload is read.

use bytes::Bytes;

use super::{
    Message, Symbol, WireError,
    samples::{MAX_DA_GET_PAYLOAD, MAX_DA_PROOF_PAYLOAD},
};
use crate::registry::{
    MAX_ANNOUNCE_BYTES, MAX_BLOCKS, MAX_FRAME_PAYLOAD, MAX_HEADER_BYTES, MAX_HEADERS,
    MAX_INV_ITEMS, MAX_PEERS_BYTES, MAX_PEERS_RECORDS, MAX_REQUEST_PAYLOAD, MAX_SIGNED_PING_BYTES,
    MAX_SKETCH_IDS, MAX_SKETCH_SYMBOLS, MAX_TRUST_BYTES, MessageId,
};

/// Bytes of a frame header.
pub const HEADER_LEN: usize = 11;

/// Payload cap of messages that hold a few numbers. Generous beside their 30 bytes, so that a later
/// version can add keys; small enough that a thousand of them are nothing.
const MAX_CONTROL_PAYLOAD: usize = 1024;

/// Payload cap of a locator request: 32 hashes and room for later keys.
const MAX_GET_HEADERS_PAYLOAD: usize = 4 * 1024;

/// Most payload bytes a frame with this id may have, before anything is allocated or decoded.
/// `None` for ids of the table that this protocol does not speak.
#[must_use]
pub fn max_payload(id: MessageId) -> Option<usize> {
    Some(match id {
        MessageId::GetHeaders => MAX_GET_HEADERS_PAYLOAD,
        MessageId::GetBlocks => MAX_REQUEST_PAYLOAD,
        MessageId::Headers => MAX_HEADERS * (MAX_HEADER_BYTES + 3) + MAX_CONTROL_PAYLOAD,
        MessageId::Blocks => MAX_FRAME_PAYLOAD,
        MessageId::GetSketch => MAX_SKETCH_IDS * 8 + MAX_CONTROL_PAYLOAD,
        MessageId::Sketch => MAX_SKETCH_SYMBOLS * Symbol::LEN + MAX_CONTROL_PAYLOAD,
        MessageId::NotFound => MAX_BLOCKS * 34 + MAX_CONTROL_PAYLOAD,
        MessageId::Inv => MAX_INV_ITEMS * 36 + MAX_CONTROL_PAYLOAD,
        MessageId::GetData => MAX_REQUEST_PAYLOAD,
        MessageId::Tx | MessageId::Share => MAX_FRAME_PAYLOAD,
        MessageId::GetTx => MAX_REQUEST_PAYLOAD,
        MessageId::BlockAnnounce => MAX_ANNOUNCE_BYTES,
        MessageId::GetCompact | MessageId::TxNotFound => MAX_CONTROL_PAYLOAD,
        MessageId::DaGet => MAX_DA_GET_PAYLOAD,
        MessageId::DaProof => MAX_DA_PROOF_PAYLOAD,
        MessageId::GetPeers | MessageId::Disconnect | MessageId::TrustedPeersRequest => {
            MAX_CONTROL_PAYLOAD
        }
        MessageId::Peers => MAX_PEERS_BYTES + MAX_PEERS_RECORDS * 5 + MAX_CONTROL_PAYLOAD,
        MessageId::Ping | MessageId::Pong => MAX_SIGNED_PING_BYTES + MAX_CONTROL_PAYLOAD,
        MessageId::TrustUpdate | MessageId::TrustedPeersResponse => {
            MAX_TRUST_BYTES + MAX_CONTROL_PAYLOAD
        }
        MessageId::Busy | MessageId::Ack | MessageId::Error => MAX_CONTROL_PAYLOAD,
        _ => return None,
    })
}

/// The flags of a frame. Bits that are not defined are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags {
    /// The sender wants an `ACK` with this frame's sequence number.
    pub ack: bool,
    /// The sender would like this handled before its other requests; a hint.
    pub priority: bool,
}

impl Flags {
    const ACK: u8 = 1;
    const PRIORITY: u8 = 2;

    /// The byte on the wire.
    #[must_use]
    pub fn to_u8(self) -> u8 {
        (u8::from(self.ack) * Self::ACK) | (u8::from(self.priority) * Self::PRIORITY)
    }

    /// From the byte on the wire.
    ///
    /// # Errors
    /// A bit that is not defined.
    pub fn from_u8(flags: u8) -> Result<Self, WireError> {
        if flags & !(Self::ACK | Self::PRIORITY) != 0 {
            return Err(WireError::UnknownFlags(flags));
        }
        Ok(Self {
            ack: flags & Self::ACK != 0,
            priority: flags & Self::PRIORITY != 0,
        })
    }
}

/// The header of a frame, whose id, flags and length have passed their checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// What the payload is.
    pub id: MessageId,
    /// Number of this frame on its connection and direction, from 0.
    pub seq: u32,
    /// How to treat it.
    pub flags: Flags,
    /// Bytes of payload that follow, at most [`max_payload`] of the id.
    pub len: u32,
}

impl FrameHeader {
    /// Reads a header and refuses unknown ids, undefined flags and payloads above their cap.
    ///
    /// # Errors
    /// What was refused; nothing of the payload may be read then.
    pub fn decode(bytes: &[u8; HEADER_LEN]) -> Result<Self, WireError> {
        let [i0, i1, s0, s1, s2, s3, flags, l0, l1, l2, l3] = *bytes;
        let number = u16::from_be_bytes([i0, i1]);
        let id = MessageId::from_u16(number).ok_or(WireError::UnknownId(number))?;
        let cap = max_payload(id).ok_or(WireError::OutOfPlace(id))? as u64;
        let flags = Flags::from_u8(flags)?;
        let len = u32::from_be_bytes([l0, l1, l2, l3]);
        if u64::from(len) > cap {
            let len = u64::from(len);
            return Err(WireError::Oversized { id, len, cap });
        }
        let seq = u32::from_be_bytes([s0, s1, s2, s3]);
        Ok(Self {
            id,
            seq,
            flags,
            len,
        })
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let [i0, i1] = (self.id as u16).to_be_bytes();
        let [s0, s1, s2, s3] = self.seq.to_be_bytes();
        let [l0, l1, l2, l3] = self.len.to_be_bytes();
        [i0, i1, s0, s1, s2, s3, self.flags.to_u8(), l0, l1, l2, l3]
    }
}

/// A frame with its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What the payload is.
    pub id: MessageId,
    /// Number of this frame on its connection and direction, from 0.
    pub seq: u32,
    /// How to treat it.
    pub flags: Flags,
    /// Canonical CBOR.
    pub payload: Bytes,
}

impl Frame {
    /// The frame that carries `message`.
    ///
    /// # Errors
    /// The message is larger than its own cap, which a sender must avoid.
    pub fn new(message: &Message, seq: u32, flags: Flags) -> Result<Self, WireError> {
        let (id, payload) = (message.id(), message.encode());
        let cap = max_payload(id).ok_or(WireError::OutOfPlace(id))?;
        if payload.len() > cap {
            return Err(WireError::Oversized {
                id,
                len: payload.len() as u64,
                cap: cap as u64,
            });
        }
        Ok(Self {
            id,
            seq,
            flags,
            payload: payload.into(),
        })
    }

    /// The header of a frame; see [`FrameHeader::decode`].
    ///
    /// # Errors
    /// What was refused.
    pub fn decode_header(bytes: &[u8; HEADER_LEN]) -> Result<FrameHeader, WireError> {
        FrameHeader::decode(bytes)
    }

    /// The frame of a header and the payload that followed it.
    ///
    /// # Errors
    /// The payload has another length than the header says.
    pub fn from_parts(header: FrameHeader, payload: Bytes) -> Result<Self, WireError> {
        if payload.len() as u64 != u64::from(header.len) {
            return Err(WireError::Truncated);
        }
        Ok(Self {
            id: header.id,
            seq: header.seq,
            flags: header.flags,
            payload,
        })
    }

    /// This frame's header. The length fits because every cap is far below 4 GiB.
    #[must_use]
    pub fn header(&self) -> FrameHeader {
        FrameHeader {
            id: self.id,
            seq: self.seq,
            flags: self.flags,
            len: u32::try_from(self.payload.len()).unwrap_or(u32::MAX),
        }
    }

    /// Header and payload in one buffer.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_LEN + self.payload.len());
        out.extend_from_slice(&self.header().encode());
        out.extend_from_slice(&self.payload);
        out
    }

    /// Reads one frame from the start of `bytes` and returns it with the bytes it took.
    ///
    /// # Errors
    /// [`WireError::Truncated`] where more bytes may still come, else what was refused.
    pub fn decode(bytes: &Bytes) -> Result<(Self, usize), WireError> {
        let head = bytes
            .first_chunk::<HEADER_LEN>()
            .ok_or(WireError::Truncated)?;
        let header = FrameHeader::decode(head)?;
        let end = HEADER_LEN + header.len as usize;
        if bytes.len() < end {
            return Err(WireError::Truncated);
        }
        let frame = Self::from_parts(header, bytes.slice(HEADER_LEN..end))?;
        Ok((frame, end))
    }

    /// The message inside.
    ///
    /// # Errors
    /// The payload is not canonical CBOR or not this message.
    pub fn message(&self) -> Result<Message, WireError> {
        Message::decode(self.id, self.payload.clone())
    }
}
