//! What the tables say.

use super::*;
use crate::report::{KnownAddressReport, KnownPeerReport};

pub(super) fn connected() -> PeerReport {
    PeerReport {
        peer_id: "14QGSabc".to_owned(),
        address: "/ip4/203.0.113.7/tcp/41000".to_owned(),
        direction: Direction::Outbound,
        transport: "tcp".to_owned(),
        kem: "x25519+ml-kem-768".to_owned(),
        signature: "ml-dsa-65+ed25519".to_owned(),
        aead: "aes-256-gcm".to_owned(),
        delegated: false,
        rtt_ms: Some(1.25),
        head_height: Some(crate::ids::Height(7)),
        agent: Some("evil\u{1b}[2J".to_owned()),
        connected_s: 61,
        trust: Some(0.5049),
        reserved: false,
        trusted: false,
        slot: Some("outbound".to_owned()),
    }
}

pub(super) fn known() -> KnownPeerReport {
    KnownPeerReport {
        peer_id: "14QGSabc".to_owned(),
        addresses: vec![KnownAddressReport {
            address: "/dns/x\u{1b}]0;/tcp/1".to_owned(),
            source: "exchange".to_owned(),
            group: "203.0.0.0/16".to_owned(),
            last_success_s: None,
            last_failure_s: Some(70),
            failures: 3,
        }],
        record: true,
        tried: true,
        connected: false,
        reserved: true,
        trusted: false,
        anchor: true,
        trust: 0.4,
    }
}

#[test]
fn a_row_says_how_far_a_peer_is_believed_and_whether_it_is_kept() {
    let mut peer = connected();
    assert_eq!(believed(&peer), "0.50");
    peer.reserved = true;
    assert_eq!(believed(&peer), "0.50 reserved");
    peer.trusted = true;
    peer.trust = None;
    assert_eq!(believed(&peer), "reserved trusted");
    (peer.reserved, peer.trusted) = (false, false);
    assert_eq!(believed(&peer), "-");
}

#[test]
fn an_address_must_say_whose_it_is() {
    for text in ["127.0.0.1:1", "/ip4/127.0.0.1/tcp/1", "nowhere", "ws://h:1"] {
        let failure = whose(text).expect_err(text);
        assert_eq!(failure.code, ErrorCode::Usage, "{text}");
    }
    let peer = libp2p::PeerId::random();
    assert!(whose(&format!("/ip4/127.0.0.1/tcp/1/p2p/{peer}")).is_ok());
}
