//! Frames of the handshake: `u8 type || u32be len || body`.

use std::fmt;

use super::HandshakeError;
use crate::registry::{MAX_AUTH_BYTES, MAX_HELLO_BYTES};

/// Length of a frame header, in bytes.
pub(super) const HEADER_LEN: usize = 5;

/// Type byte of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameType {
    /// The responder's refusal, in place of ServerHello.
    Alert = 0,
    /// The initiator's first flight.
    ClientHello = 1,
    /// The responder's choice and key shares.
    ServerHello = 2,
    /// The responder's sealed identity and signature.
    ResponderAuth = 3,
    /// The initiator's sealed identity and signature.
    InitiatorAuth = 4,
}

impl FrameType {
    /// Longest body, in bytes. Checked before anything is allocated for it.
    #[must_use]
    pub fn max_body(self) -> usize {
        match self {
            Self::Alert => 3,
            Self::ClientHello | Self::ServerHello => MAX_HELLO_BYTES,
            Self::ResponderAuth | Self::InitiatorAuth => MAX_AUTH_BYTES,
        }
    }

    /// The name in the specification.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::ClientHello => "ClientHello",
            Self::ServerHello => "ServerHello",
            Self::ResponderAuth => "R-auth",
            Self::InitiatorAuth => "I-auth",
        }
    }
}

impl fmt::Display for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The header of a frame whose body has `len` bytes.
pub(super) fn header(frame: FrameType, len: usize) -> [u8; HEADER_LEN] {
    let len = u32::try_from(len).expect("bodies are shorter than 16 KiB");
    let [a, b, c, d] = len.to_be_bytes();
    [frame as u8, a, b, c, d]
}

/// A frame with this body.
pub(super) fn frame(kind: FrameType, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_LEN + body.len());
    out.extend(header(kind, body.len()));
    out.extend_from_slice(body);
    out
}

/// The length of the whole frame at the start of `buf`, `None` while its header is incomplete.
///
/// An alert is legal only where ServerHello is due.
///
/// # Errors
/// The frame is of another type than `expected`, or longer than its type may be.
pub(super) fn frame_len(buf: &[u8], expected: FrameType) -> Result<Option<usize>, HandshakeError> {
    let Some(&[kind, a, b, c, d]) = buf.first_chunk() else {
        return Ok(None);
    };
    let alert = kind == FrameType::Alert as u8 && expected == FrameType::ServerHello;
    if kind != expected as u8 && !alert {
        return Err(HandshakeError::UnexpectedFrame { expected, kind });
    }
    let frame = if alert { FrameType::Alert } else { expected };
    let len = u32::from_be_bytes([a, b, c, d]);
    match usize::try_from(len) {
        Ok(len) if len <= frame.max_body() => Ok(Some(HEADER_LEN + len)),
        _ => Err(HandshakeError::FrameTooLong { frame, len }),
    }
}

/// The body of `frame`, which must be exactly one frame of type `expected`.
pub(super) fn body(frame: &[u8], expected: FrameType) -> Result<&[u8], HandshakeError> {
    match frame_len(frame, expected)? {
        Some(len) if len == frame.len() => Ok(&frame[HEADER_LEN..]),
        _ => Err(HandshakeError::Eof { awaited: expected }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judges_type_and_length_from_the_header_alone() {
        use FrameType::{ClientHello, ServerHello};
        assert!(matches!(frame_len(&[1, 0, 0, 0], ClientHello), Ok(None)));
        assert!(matches!(
            frame_len(&[1, 0, 0, 8, 0], ClientHello),
            Ok(Some(2053))
        ));
        assert!(matches!(
            frame_len(&[1, 0, 0, 8, 1], ClientHello),
            Err(HandshakeError::FrameTooLong { len: 2049, .. })
        ));
        assert!(matches!(
            frame_len(&[3, 0, 0, 0, 1], ServerHello),
            Err(HandshakeError::UnexpectedFrame { kind: 3, .. })
        ));
        assert!(matches!(
            frame_len(&[0, 0, 0, 0, 3], ServerHello),
            Ok(Some(8))
        ));
        assert!(frame_len(&[0, 0, 0, 0, 4], ServerHello).is_err());
        assert!(frame_len(&[0, 0, 0, 0, 3], ClientHello).is_err());
        assert!(frame_len(&[1, 0xff, 0xff, 0xff, 0xff], ClientHello).is_err());
    }
}
