//! Signed pings and trust statements.

use animica_p2p::{
    envelope::Envelope,
    peers::{
        Statement,
        signed_ping::{Document, Kind},
    },
    registry::{MAX_SIGNED_PING_BYTES, MAX_TRUST_ENTRIES},
};
use bytes::Bytes;

/// A document is the bytes it was read from, and its sender is the identity it carries.
pub(super) fn signed_ping(data: &[u8]) -> bool {
    let Ok(document) = Document::decode(Bytes::copy_from_slice(data)) else {
        return false;
    };
    assert!(data.len() <= MAX_SIGNED_PING_BYTES);
    assert_eq!(document.as_bytes(), data);
    assert_eq!(document.said().to_bytes(), document.body());
    assert_eq!(document.said().sender, document.identity().digest());
    if let Kind::Pong { ping } = document.said().kind {
        assert_ne!(ping, document.hash());
    }
    true
}

/// A statement is what it encodes to; its subjects are in order, and no score is above 1.
pub(super) fn trust_statement(data: &[u8]) -> bool {
    let Ok(envelope) = Envelope::decode(Bytes::copy_from_slice(data)) else {
        return false;
    };
    let Ok(statement) = Statement::open(&envelope) else {
        return false;
    };
    assert_eq!(statement.encode(), envelope.body().payload);
    let entries = statement.entries();
    assert!(entries.len() <= MAX_TRUST_ENTRIES);
    assert!(entries.is_sorted_by(|a, b| a.subject < b.subject));
    assert!(entries.iter().all(|e| e.score.to_unit() <= 1.0));
    true
}
