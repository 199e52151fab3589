//! The frames of a direct substream: `u8 type || u32be length || payload`.

use crate::{
    cbor::{CborError, Reader, Writer},
    offence::Offence,
    registry::{MAX_DIRECT_CHUNK, MAX_DIRECT_KIND, MAX_DIRECT_PAYLOAD, MAX_DIRECT_WINDOW},
};

/// Bytes before a payload.
pub const HEAD_LEN: usize = 5;

/// Longest payload of a message frame: the message and the heads around it.
pub const MAX_MESSAGE_FRAME: usize = MAX_DIRECT_PAYLOAD + MAX_DIRECT_KIND + 32;

/// Longest payload of a receipt: every message of a full window refused, 12 bytes each.
const MAX_ACK_FRAME: usize = MAX_DIRECT_WINDOW * 12 + 32;

/// Longest payload that opens a stream.
const MAX_STREAM_FRAME: usize = MAX_DIRECT_KIND + 32;

/// What a frame is: its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameType {
    /// A whole message.
    Message = 1,
    /// Receipt of messages.
    Ack = 2,
    /// A message whose content follows in chunks.
    Stream = 3,
    /// Part of a streamed message, not CBOR.
    Chunk = 4,
}

impl FrameType {
    /// Reads a head. Nothing of the payload is needed or kept before this passed.
    ///
    /// # Errors
    /// Another type, or a payload above the cap of its type.
    pub fn of_head(head: [u8; HEAD_LEN]) -> Result<(Self, usize), FrameError> {
        let [kind, length @ ..] = head;
        let kind = match kind {
            1 => Self::Message,
            2 => Self::Ack,
            3 => Self::Stream,
            4 => Self::Chunk,
            other => return Err(FrameError::UnknownType(other)),
        };
        let len = u32::from_be_bytes(length);
        match usize::try_from(len) {
            Ok(n) if n <= kind.cap() => Ok((kind, n)),
            _ => Err(FrameError::Oversized { kind, len }),
        }
    }

    /// Longest payload.
    #[must_use]
    pub fn cap(self) -> usize {
        match self {
            Self::Message => MAX_MESSAGE_FRAME,
            Self::Ack => MAX_ACK_FRAME,
            Self::Stream => MAX_STREAM_FRAME,
            Self::Chunk => MAX_DIRECT_CHUNK,
        }
    }
}

/// A frame, borrowed from the bytes it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// `{1: seq, 2: kind, 3: payload}`.
    Message {
        /// Its number on the substream, from 1 and without gaps.
        seq: u64,
        /// What the application calls it.
        kind: &'a str,
        /// At most 1 MiB.
        payload: &'a [u8],
    },
    /// `{1: up_to, 2: [[seq, reason], …]}`.
    Ack(Ack),
    /// `{1: kind, 2: length}`, the first frame of its substream.
    Stream {
        /// What the application calls it.
        kind: &'a str,
        /// Bytes that follow in chunks, at least one.
        len: u64,
    },
    /// Content, never empty.
    Chunk(&'a [u8]),
}

impl<'a> Frame<'a> {
    /// Reads the payload of a frame whose head has passed.
    ///
    /// # Errors
    /// Not canonical CBOR, or not of this form.
    pub fn decode(kind: FrameType, payload: &'a [u8]) -> Result<Self, FrameError> {
        let mut reader = Reader::new(payload);
        let frame = match kind {
            FrameType::Message => {
                reader.map_of(3)?;
                reader.key(1)?;
                let seq = reader.uint()?;
                reader.key(2)?;
                let kind = kind_of(reader.text()?)?;
                reader.key(3)?;
                let payload = reader.bytes_max(MAX_DIRECT_PAYLOAD)?;
                Self::Message { seq, kind, payload }
            }
            FrameType::Ack => Self::Ack(Ack::read(&mut reader)?),
            FrameType::Stream => {
                reader.map_of(2)?;
                reader.key(1)?;
                let kind = kind_of(reader.text()?)?;
                reader.key(2)?;
                let len = reader.uint()?;
                if len == 0 {
                    return Err(CborError::OutOfRange.into());
                }
                Self::Stream { kind, len }
            }
            FrameType::Chunk if payload.is_empty() => return Err(FrameError::StreamLength),
            FrameType::Chunk => return Ok(Self::Chunk(payload)),
        };
        reader.finish()?;
        Ok(frame)
    }

    /// What it is.
    #[must_use]
    pub fn frame_type(&self) -> FrameType {
        match self {
            Self::Message { .. } => FrameType::Message,
            Self::Ack(_) => FrameType::Ack,
            Self::Stream { .. } => FrameType::Stream,
            Self::Chunk(_) => FrameType::Chunk,
        }
    }
}

/// Receipt of every message up to a number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ack {
    /// The last message it covers.
    pub up_to: u64,
    /// Those of them that no application took, in order.
    pub refused: Vec<(u64, Refusal)>,
}

impl Ack {
    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.map_of(2)?;
        reader.key(1)?;
        let up_to = reader.uint()?;
        reader.key(2)?;
        let count = reader.array(MAX_DIRECT_WINDOW)?;
        let mut refused = Vec::with_capacity(count);
        let mut last = 0;
        for _ in 0..count {
            reader.array_of(2)?;
            let (seq, code) = (reader.uint()?, reader.uint()?);
            if seq <= last || seq > up_to {
                return Err(CborError::OutOfRange);
            }
            last = seq;
            refused.push((seq, Refusal::from_code(code)));
        }
        Ok(Self { up_to, refused })
    }
}

/// Why a message was not taken. Nobody's offence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// 1: the receiver has no handler for the kind.
    #[error("the peer has no handler for this kind of message")]
    NoHandler,
    /// 2: its handler went away before it took all.
    #[error("the peer's handler went away")]
    HandlerGone,
    /// 3: longer than the receiver takes.
    #[error("the message is longer than the peer takes")]
    TooLarge,
    /// 4: as many streams as the receiver takes at a time.
    #[error("the peer takes no more streams now")]
    Busy,
    /// Any other number, of a later version.
    #[error("the peer refused the message")]
    Other,
}

impl Refusal {
    fn from_code(code: u64) -> Self {
        match code {
            1 => Self::NoHandler,
            2 => Self::HandlerGone,
            3 => Self::TooLarge,
            4 => Self::Busy,
            _ => Self::Other,
        }
    }

    fn code(self) -> u64 {
        match self {
            Self::NoHandler => 1,
            Self::HandlerGone => 2,
            Self::TooLarge => 3,
            Self::Busy => 4,
            Self::Other => 5,
        }
    }
}

/// Whether `kind` may name a kind of message: 1 to 64 bytes of text without control characters.
#[must_use]
pub fn is_kind(kind: &str) -> bool {
    (1..=MAX_DIRECT_KIND).contains(&kind.len()) && !kind.chars().any(char::is_control)
}

/// Appends the frame of a message up to its payload, whose bytes the caller sends behind it.
/// The caller has checked kind and length.
pub fn encode_message_head(out: &mut Vec<u8>, seq: u64, kind: &str, payload_len: usize) {
    let mut map = Writer::with_capacity(kind.len() + 32);
    map.map(3).uint(1).uint(seq).uint(2).text(kind);
    map.uint(3).bytes_head(payload_len);
    head(out, FrameType::Message, map.as_slice().len() + payload_len);
    out.extend_from_slice(map.as_slice());
}

/// Appends the frame that opens a stream of `len` bytes.
pub fn encode_stream(out: &mut Vec<u8>, kind: &str, len: u64) {
    let mut map = Writer::new();
    map.map(2).uint(1).text(kind).uint(2).uint(len);
    head(out, FrameType::Stream, map.as_slice().len());
    out.extend_from_slice(map.as_slice());
}

/// The head of a chunk of `len` bytes, which follow.
#[must_use]
pub fn encode_chunk_head(len: usize) -> [u8; HEAD_LEN] {
    head_bytes(FrameType::Chunk, len)
}

/// Appends a receipt.
pub fn encode_ack(out: &mut Vec<u8>, ack: &Ack) {
    let mut map = Writer::new();
    map.map(2).uint(1).uint(ack.up_to);
    map.uint(2).array(ack.refused.len());
    for (seq, refusal) in &ack.refused {
        map.array(2).uint(*seq).uint(refusal.code());
    }
    head(out, FrameType::Ack, map.as_slice().len());
    out.extend_from_slice(map.as_slice());
}

fn head(out: &mut Vec<u8>, kind: FrameType, len: usize) {
    out.extend_from_slice(&head_bytes(kind, len));
}

fn head_bytes(kind: FrameType, len: usize) -> [u8; HEAD_LEN] {
    let [a, b, c, d] = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
    [kind as u8, a, b, c, d]
}

fn kind_of(text: &str) -> Result<&str, FrameError> {
    if is_kind(text) {
        Ok(text)
    } else {
        Err(FrameError::Kind)
    }
}

/// What a peer wrote that no honest peer writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A first byte that the protocol does not have.
    #[error("frame type {0} is unknown")]
    UnknownType(u8),
    /// A payload above the cap of its type.
    #[error("a {kind:?} frame of {len} bytes is longer than allowed")]
    Oversized {
        /// The type.
        kind: FrameType,
        /// The length announced.
        len: u32,
    },
    /// Not the canonical CBOR of its type.
    #[error("not a frame: {0}")]
    Malformed(#[from] CborError),
    /// The name of the kind is empty, too long or has control characters.
    #[error("a kind of message is 1 to 64 bytes without control characters")]
    Kind,
    /// A frame where its type does not belong.
    #[error("a {0:?} frame does not belong here")]
    OutOfPlace(FrameType),
    /// A message that does not follow the one before.
    #[error("message {found} where {expected} was due")]
    Sequence {
        /// The number due.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// A receipt for what was not sent, or a second one.
    #[error("a receipt up to message {up_to}, of {acknowledged} acknowledged and {sent} sent")]
    AckUnsent {
        /// What it says.
        up_to: u64,
        /// The last receipt.
        acknowledged: u64,
        /// The last message sent.
        sent: u64,
    },
    /// An empty chunk, or more content than the stream announced.
    #[error("a stream's chunks are empty or exceed its length")]
    StreamLength,
}

impl FrameError {
    /// What the peer did wrong.
    #[must_use]
    pub fn offence(self) -> Offence {
        match self {
            Self::UnknownType(_) | Self::OutOfPlace(_) => Offence::UnknownMessage,
            Self::Oversized { .. } => Offence::OversizedMessage,
            Self::Malformed(e) if e.is_non_canonical() => Offence::NonCanonicalCbor,
            Self::Malformed(_) | Self::Kind | Self::Sequence { .. } | Self::StreamLength => {
                Offence::MalformedMessage
            }
            Self::AckUnsent { .. } => Offence::UnsolicitedResponse,
        }
    }
}
