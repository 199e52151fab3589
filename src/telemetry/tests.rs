//! Names, formats and what may never be a label.

use std::time::Duration;

use libp2p::PeerId;

use super::*;
use crate::{
    gossip::{
        Ignored, Verdict,
        delays::Delays,
        stats::{Counters, Layer},
    },
    ids::{Hash32, Height, Work},
    network::direct,
    offence::Offence,
    registry::{MessageId, Topic},
    report::{
        CompactReport, Direction, GossipReport, MeshReport, ReconciliationReport, ShareReport,
        SyncPhase,
    },
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
        "p2p_gossip_fanout{topic=\"blocks\"} 0",
        "p2p_msgs_total{topic=\"txs\"} 0",
        "p2p_gossip_mesh_peers{topic=\"app/unsigned\"} 0",
        "p2p_gossip_received_total{topic=\"headers\"} 0",
        "p2p_gossip_ignored_total{topic=\"txs\",reason=\"rate_limited\"} 0",
        "p2p_gossip_bucket_refusals_total{bucket=\"peer_bytes\"} 0",
        "p2p_gossip_layer_seconds_total{topic=\"app\",layer=\"chain\"} 0",
        "p2p_app_message_delay_seconds_count 0",
        "p2p_block_import_delay_seconds_bucket{le=\"+Inf\"} 0",
        "p2p_compact_blocks_total{result=\"rebuilt\"} 0",
        "p2p_reconciliation_bytes_saved_total 0",
        "p2p_inventory_total{event=\"withheld\"} 0",
        "p2p_pool_transactions 0",
        "p2p_blob_store_bytes 0",
        "p2p_direct_messages_total{event=\"sent\"} 0",
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
    t.update(Levels {
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
        ..Levels::default()
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

/// What gossip did, with a different number in each place.
fn gossip() -> GossipLevels {
    let mut counters = Counters::default();
    counters.record(Topic::Txs, &Verdict::Accept, 100);
    counters.record(Topic::Txs, &Verdict::Ignore(Ignored::Stale), 10);
    let lie = Verdict::Reject {
        offence: Offence::NonCanonicalCbor,
        detail: "evil".to_owned(),
    };
    counters.record(Topic::Txs, &lie, 1);
    counters.published(Topic::Txs, 7);
    counters.passed(Topic::Txs, Layer::Decode, Duration::from_millis(1500));
    let mut topics = counters.report();
    let txs = &mut topics[Topic::Txs.index()];
    (txs.copies, txs.copy_bytes, txs.duplicates) = (5, 222, 2);
    let mut delays = Delays::default();
    delays.record(Duration::from_millis(7));
    delays.record(Duration::from_secs(60));
    let gave_up = [("busy".to_owned(), 3)].into();
    let shares = [(
        "hash".to_owned(),
        ShareReport {
            held: 4,
            ..ShareReport::default()
        },
    )]
    .into();
    GossipLevels {
        report: GossipReport {
            topics,
            refused: [("peer_bytes".to_owned(), 9)].into(),
            compact: CompactReport {
                blocks: 2,
                items: 100,
                requested: 4,
                hit_rate: Some(0.96),
                bytes_saved: 4321,
                import: delays.report(),
                ..CompactReport::default()
            },
            reconciliation: ReconciliationReport {
                sessions: 6,
                gave_up,
                saved: 777,
                ..ReconciliationReport::default()
            },
            shares,
            ..GossipReport::default()
        },
        meshes: vec![MeshReport {
            topic: "txs".to_owned(),
            mesh: vec![PeerId::random().to_string()],
            listeners: 12,
            fanout: 11,
        }],
        direct: direct::Stats {
            sent: 8,
            ..direct::Stats::default()
        },
        ..GossipLevels::default()
    }
}

#[test]
fn gossip_is_shown_as_its_report_has_it_and_names_no_peer() {
    let t = Telemetry::new();
    let gossip = gossip();
    let levels = Levels {
        gossip: gossip.clone(),
        ..Levels::default()
    };
    t.update(levels.clone());
    // Asking again counts nothing twice.
    t.update(levels);
    let text = t.encode();
    for line in [
        "p2p_msgs_total{topic=\"txs\"} 6",
        "p2p_msg_bytes_total{topic=\"txs\",dir=\"in\"} 222",
        "p2p_msg_bytes_total{topic=\"txs\",dir=\"out\"} 7",
        "p2p_gossip_fanout{topic=\"txs\"} 11",
        "p2p_gossip_listeners{topic=\"txs\"} 12",
        "p2p_gossip_mesh_peers{topic=\"txs\"} 1",
        "p2p_gossip_copies_total{topic=\"txs\"} 5",
        "p2p_gossip_duplicates_total{topic=\"txs\"} 2",
        "p2p_gossip_received_total{topic=\"txs\"} 3",
        "p2p_gossip_accepted_total{topic=\"txs\"} 1",
        "p2p_gossip_ignored_total{topic=\"txs\",reason=\"stale\"} 1",
        "p2p_gossip_rejected_total{topic=\"txs\",offence=\"non_canonical_cbor\"} 1",
        "p2p_gossip_layer_messages_total{topic=\"txs\",layer=\"decode\"} 1",
        "p2p_gossip_layer_seconds_total{topic=\"txs\",layer=\"decode\"} 1.5",
        "p2p_gossip_bucket_refusals_total{bucket=\"peer_bytes\"} 9",
        "p2p_compact_blocks_total{result=\"rebuilt\"} 2",
        "p2p_compact_items_total{source=\"here\"} 96",
        "p2p_compact_hit_rate 0.96",
        "p2p_compact_bytes_saved_total 4321",
        "p2p_block_import_delay_seconds_bucket{le=\"0.005\"} 0",
        "p2p_block_import_delay_seconds_bucket{le=\"0.01\"} 1",
        "p2p_block_import_delay_seconds_bucket{le=\"+Inf\"} 2",
        "p2p_block_import_delay_seconds_sum 60.007",
        "p2p_reconciliations_total{result=\"done\"} 6",
        "p2p_reconciliations_total{result=\"busy\"} 3",
        "p2p_reconciliation_bytes_saved_total 777",
        "p2p_shares{type=\"hash\"} 4",
        "p2p_direct_messages_total{event=\"sent\"} 8",
    ] {
        assert!(text.lines().any(|l| l == line), "no `{line}` in {text}");
    }
    assert!(!text.contains(&gossip.meshes[0].mesh[0]) && !text.contains("evil"));
    assert_eq!(text.matches("# TYPE p2p_msgs ").count(), 1);
}
