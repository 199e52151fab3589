//! Names, formats and what may never be a label.

use std::time::Duration;

use libp2p::PeerId;

use super::*;
use crate::{
    ids::{Hash32, Height, Work},
    offence::Offence,
    registry::MessageId,
    report::{Direction, SyncPhase},
};

fn connected(peer: PeerId, direction: Direction) -> NodeEvent {
    NodeEvent::PeerConnected {
        peer,
        direction,
        address: "/ip4/127.0.0.1/tcp/1".parse().expect("an address"),
    }
}

fn sample(result: Result<(), &'static str>) -> HandshakeSample {
    HandshakeSample {
        role: Role::Initiator,
        result,
        kem: "x25519+ml-kem-768",
        signature: "ml-dsa-65+ed25519",
        aead: "aes-256-gcm",
        took: Duration::from_millis(2),
        bytes_in: 7000,
        bytes_out: 6000,
    }
}

#[test]
fn the_documented_families_exist_before_anything_happens() {
    let text = Telemetry::new().encode();
    for line in [
        "p2p_peers{state=\"connected\"} 0",
        "p2p_peers{state=\"banned\"} 0",
        "p2p_bytes_total{dir=\"in\"} 0",
        "p2p_bytes_total{dir=\"out\"} 0",
        "p2p_msgs_total{topic=\"HEADERS\"} 0",
        "p2p_gossip_fanout 0",
        "p2p_rtt_seconds_count 0",
        "p2p_rejects_total{reason=\"insufficient_work\"} 0",
        "p2p_handshakes_total{role=\"initiator\",result=\"ok\"} 0",
        "p2p_handshake_bytes_total{dir=\"in\"} 0",
        "p2p_rekeys_total{dir=\"in\"} 0",
        "p2p_sequence_gaps_total 0",
        "p2p_sync_phase{phase=\"idle\"} 1",
        "p2p_sync_phase{phase=\"stalled\"} 0",
        "p2p_chain_height{kind=\"blocks\"} 0",
        "p2p_sync_headers_per_second 0",
        "p2p_store_size_bytes 0",
        "p2p_store_commit_seconds_count 0",
        "p2p_store_healthy 1",
    ] {
        assert!(text.lines().any(|l| l.starts_with(line)), "no `{line}`");
    }
    for name in ["p2p_build_info{", "process_start_time_seconds "] {
        assert!(text.lines().any(|l| l.starts_with(name)), "no `{name}`");
    }
    assert!(text.ends_with("# EOF\n"));
    assert!(!text.contains("_total_total"), "a doubled suffix");
    let family = "# TYPE p2p_bans counter";
    assert!(text.contains(family), "no `{family}`");
}

#[test]
fn peers_are_counted_by_state_and_forgotten_when_they_leave() {
    let t = Telemetry::new();
    let (a, b) = (PeerId::random(), PeerId::random());
    t.record(&connected(a, Direction::Inbound));
    t.record(&connected(b, Direction::Outbound));
    t.record(&NodeEvent::PeerIdentified {
        peer: b,
        head_height: Height(3),
        head_hash: Hash32::ZERO,
        head_work: Work(1),
        agent: "x".to_owned(),
    });
    let text = t.encode();
    for line in [
        "p2p_peers{state=\"connected\"} 2",
        "p2p_peers{state=\"inbound\"} 1",
        "p2p_peers{state=\"identified\"} 1",
    ] {
        assert!(text.contains(line), "no `{line}`");
    }
    for peer in [a, b] {
        t.record(&NodeEvent::PeerDisconnected {
            peer,
            reason: "closed".to_owned(),
        });
    }
    assert!(t.encode().contains("p2p_peers{state=\"connected\"} 0"));
    assert_eq!(t.stats().peers, 0);
}

#[test]
fn handshakes_are_counted_by_algorithm_and_result() {
    let t = Telemetry::new();
    t.handshake(&sample(Ok(())));
    t.handshake(&sample(Err("wrong_chain")));
    let text = t.encode();
    for line in [
        "p2p_handshake_suites_total{role=\"initiator\",kem=\"x25519+ml-kem-768\",signature=\"ml-dsa-65+ed25519\",aead=\"aes-256-gcm\"} 1",
        "p2p_handshakes_total{role=\"initiator\",result=\"wrong_chain\"} 1",
        "p2p_handshake_bytes_total{dir=\"in\"} 14000",
    ] {
        assert!(text.contains(line), "no `{line}`");
    }
    let stats = t.stats();
    assert_eq!((stats.handshakes_ok, stats.handshakes_failed), (1, 1));
}

#[test]
fn no_label_holds_what_a_peer_chose() {
    let t = Telemetry::new();
    let peer = PeerId::random();
    t.record(&connected(peer, Direction::Inbound));
    t.record(&NodeEvent::Offence {
        peer,
        offence: Offence::BrokenLink,
        detail: "evil".to_owned(),
    });
    t.record(&NodeEvent::Message {
        id: MessageId::Headers,
        inbound: true,
        frames: 1,
        bytes: 10,
    });
    let text = t.encode();
    assert!(!text.contains(&peer.to_string()) && !text.contains("evil"));
    assert!(text.contains("p2p_rejects_total{reason=\"broken_link\"} 1"));
    assert!(text.contains("p2p_msgs_total{topic=\"HEADERS\"} 1"));
    assert_eq!(t.stats().offences, 1);
}

#[test]
fn levels_are_set_when_metrics_are_asked() {
    let t = Telemetry::new();
    t.update(&Levels {
        sync: SyncReport {
            phase: SyncPhase::Blocks,
            header_height: Height(9),
            height: Height(4),
            best_known_height: Height(9),
            headers_per_s: 2.5,
            ..SyncReport::default()
        },
        bans: 2,
        store_bytes: 77,
        queues: vec![QueueReport {
            name: "commands".to_owned(),
            depth: 1,
            capacity: 64,
            dropped: 3,
        }],
    });
    let text = t.encode();
    for line in [
        "p2p_sync_phase{phase=\"blocks\"} 1",
        "p2p_sync_phase{phase=\"idle\"} 0",
        "p2p_chain_height{kind=\"headers\"} 9",
        "p2p_sync_headers_per_second 2.5",
        "p2p_peers{state=\"banned\"} 2",
        "p2p_store_size_bytes 77",
        "p2p_queue_dropped{queue=\"commands\"} 3",
    ] {
        assert!(text.contains(line), "no `{line}`");
    }
}
