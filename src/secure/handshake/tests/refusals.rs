//! What the hellos are refused for, each with its own error and answer.

use std::{sync::Arc, time::Duration};

use super::replay::Case;
use crate::{
    bucket::Rate,
    clock::ManualClock,
    crypto::kem::PUBLIC_LEN,
    identity::Policy,
    ids::ChainId,
    secure::{
        Alert, BudgetLimits, Budgets, Config, FrameType, HandshakeError,
        frame::frame,
        handshake::{
            Initiator, SystemProvider,
            hello::{ClientHello, ServerHello},
        },
        testing::{NOW_MS, node, node_of},
    },
};

fn edit_client_hello(case: &Case, edit: impl FnOnce(&mut ClientHello)) -> Vec<u8> {
    let mut hello = ClientHello::decode(&case.client_hello[5..]).unwrap();
    edit(&mut hello);
    frame(FrameType::ClientHello, &hello.encode())
}

fn edit_server_hello(case: &Case, edit: impl FnOnce(&mut ServerHello)) -> Vec<u8> {
    let mut hello = ServerHello::decode(&case.server_hello[5..]).unwrap();
    edit(&mut hello);
    frame(FrameType::ServerHello, &hello.encode())
}

/// ClientHellos that a responder must refuse, and why.
pub(super) fn refused_hellos(case: &Case) -> Vec<(&'static str, Vec<u8>)> {
    let edit = |edit: fn(&mut ClientHello)| edit_client_hello(case, edit);
    let patch = |at: usize, byte: u8| {
        let mut copy = case.client_hello.clone();
        copy[at] = byte;
        copy
    };
    let mut cut = case.client_hello.clone();
    let (body, features) = (cut.len() - 5, cut.len() - 1);
    cut[3..5].copy_from_slice(&(body as u16 - 1).to_be_bytes());
    cut.truncate(features);
    let mut long = vec![1];
    long.extend(2049u32.to_be_bytes());
    let mut trailing = case.client_hello.clone();
    trailing.push(0);
    trailing[3..5].copy_from_slice(&(body as u16 + 1).to_be_bytes());
    let mut not_shortest = case.client_hello.clone();
    not_shortest[features] = 0x18;
    not_shortest.push(0);
    not_shortest[3..5].copy_from_slice(&(body as u16 + 1).to_be_bytes());
    vec![
        ("version 2", patch(7, 2)),
        ("version 2 with another number of keys", {
            let mut copy = patch(7, 2);
            copy[5] = 0xaa;
            copy
        }),
        ("another chain id", edit(|h| h.chain_id = ChainId(1))),
        ("another genesis", edit(|h| h.genesis.0[0] ^= 1)),
        ("an unknown policy root", edit(|h| h.policy_root.0[31] ^= 1)),
        ("no common AEAD", edit(|h| h.aeads = vec![7])),
        ("no AEAD", edit(|h| h.aeads.clear())),
        ("an AEAD twice", edit(|h| h.aeads = vec![1, 1])),
        ("three AEADs", edit(|h| h.aeads = vec![1, 2, 3])),
        (
            "a KEM coefficient of 3329",
            edit(|h| {
                h.kem_pk[0] = 0x01;
                h.kem_pk[1] = h.kem_pk[1] & 0xf0 | 0x0d;
            }),
        ),
        (
            "an X25519 point of small order",
            edit(|h| h.x25519 = [0; 32]),
        ),
        ("a frame longer than 2048 bytes", long),
        ("a frame of type 2", patch(0, 2)),
        ("a missing last value", cut),
        ("a byte behind the map", trailing),
        ("an integer that is not in its shortest form", not_shortest),
        ("nine entries announced as eight", patch(5, 0xa8)),
        ("an empty body", vec![1, 0, 0, 0, 0]),
    ]
}

#[test]
fn a_refused_client_hello_spends_no_work() {
    let mut case = Case::default_suite();
    let limits = BudgetLimits {
        work: Rate {
            per_second: 1,
            burst: 1,
        },
        ..BudgetLimits::default()
    };
    case.r.config.budgets = Arc::new(Budgets::new(limits));
    for (why, hello) in refused_hellos(&case) {
        // Those whose keys are judged within the work spend it.
        if why.contains("X25519") || why.contains("KEM") {
            continue;
        }
        assert!(case.answer(&hello).is_err(), "{why}");
    }
    assert!(case.answer(&case.client_hello).is_ok());
    let error = case.answer(&case.client_hello).err().unwrap();
    assert_eq!(
        (error.label(), error.alert()),
        ("limit_work", Alert::RateLimited)
    );
}

#[test]
fn an_unused_feature_bit_is_ignored() {
    let case = Case::default_suite();
    let hello = edit_client_hello(&case, |h| h.features = u64::MAX);
    assert!(case.answer(&hello).is_ok());
}

fn refuse_answer(case: &Case, answer: &[u8]) -> HandshakeError {
    case.start().1.server_hello(answer).err().unwrap()
}

#[test]
fn server_hello_is_refused_for_each_of_its_fields() {
    let case = Case::default_suite();
    let refuse =
        |edit: fn(&mut ServerHello)| refuse_answer(&case, &edit_server_hello(&case, edit)).label();
    assert_eq!(refuse(|h| h.policy_root.0[0] ^= 1), "policy_echo");
    assert_eq!(refuse(|h| h.aead = 2), "aead_not_offered");
    assert_eq!(refuse(|h| h.aead = 0), "aead_not_offered");
    assert_eq!(refuse(|h| h.x25519 = [0; 32]), "small_order");
    let mut later = case.server_hello.clone();
    later[7] = 2;
    assert_eq!(refuse_answer(&case, &later).label(), "version");
    let mut short = case.server_hello.clone();
    short[5] = 0xa6;
    assert_eq!(
        refuse_answer(&case, &short).label(),
        "malformed_server_hello"
    );
}

#[test]
fn alerts_are_named_and_other_type_0_frames_are_not_alerts() {
    let case = Case::default_suite();
    for (code, label) in [
        (400, "alert_generic"),
        (401, "alert_version"),
        (402, "alert_chain"),
        (403, "alert_policy"),
        (420, "alert_aead"),
        (440, "alert_rate_limited"),
        (999, "alert_other"),
    ] {
        let frame = Alert::from_code(code).to_frame();
        assert_eq!(refuse_answer(&case, &frame).label(), label);
    }
    let refuse = |frame: &[u8]| refuse_answer(&case, frame).label();
    assert_eq!(refuse(&[0, 0, 0, 0, 3, 2, 1, 0x90]), "malformed_alert");
    assert_eq!(refuse(&[0, 0, 0, 0, 2, 1, 0x90]), "malformed_alert");
    assert_eq!(refuse(&[0, 0, 0, 0, 4, 1, 1, 0x90, 0]), "frame_too_long");
    let alert = Alert::Generic.to_frame();
    let late = case.prove(case.awaits_auth(), &alert).unwrap_err();
    assert_eq!(late.label(), "unexpected_frame");
    assert_eq!(
        case.answer(&alert).err().unwrap().label(),
        "unexpected_frame"
    );
}

fn hello_of(config: &Config) -> Vec<u8> {
    Initiator::start(config, "/animica/pq/1", None, &mut SystemProvider)
        .unwrap()
        .0
}

fn respond(config: &Config, hello: &[u8]) -> Result<(), HandshakeError> {
    let now = config.clock.now();
    let mut provider = SystemProvider;
    super::flight(config, "/animica/pq/1", hello, now, &mut provider).map(drop)
}

/// Rotation: accept the new policy beside the old one for a while, then switch.
#[test]
fn an_extra_policy_is_accepted_until_its_time() {
    let mut document = Policy::default_fips().document().clone();
    document.version = 2;
    let new = Policy::from_document(document).unwrap();
    let until = NOW_MS + 60_000;
    let both = Policy::default_fips()
        .with_extra(new.clone(), until)
        .unwrap();
    let switched = node_of(crate::secure::testing::identity(3), new);
    let mut accepts = node_of(crate::secure::testing::identity(4), both);
    let clock = ManualClock::at_wall_ms(NOW_MS);
    accepts.clock = Arc::new(clock.clone());
    assert!(respond(&accepts, &hello_of(&switched)).is_ok());
    assert!(respond(&accepts, &hello_of(&node(5))).is_ok());
    let refused = respond(&node(5), &hello_of(&switched)).unwrap_err();
    assert_eq!(
        (refused.label(), refused.alert()),
        ("policy", Alert::Policy)
    );
    clock.advance(Duration::from_secs(60));
    assert_eq!(
        respond(&accepts, &hello_of(&switched)).unwrap_err().label(),
        "policy"
    );
}

#[test]
fn dialling_ourselves_is_refused_before_a_byte_is_sent() {
    let config = node(1);
    let own = Some(config.identity.peer_id());
    let error = Initiator::start(&config, "/animica/pq/1", own, &mut SystemProvider);
    assert_eq!(error.err().unwrap().label(), "self_dial");
}

#[test]
fn the_protocol_name_is_bound() {
    let case = Case::default_suite();
    let mut other = case.clone();
    other.protocol = "/animica/pq/2".into();
    let state = other.start().1.server_hello(&case.server_hello).unwrap();
    let error = other.prove(state, &case.r_auth).unwrap_err();
    assert_eq!(error.label(), "r_auth_seal");
}

#[test]
fn wrong_sizes_are_refused_before_any_cryptography() {
    let case = Case::default_suite();
    let body = &case.client_hello[5..];
    let at = body
        .windows(3)
        .position(|w| w == [0x59, 0x04, 0xa0])
        .unwrap();
    for len in [0u16, 32, PUBLIC_LEN as u16 - 1] {
        let head = [&[0x59][..], &len.to_be_bytes()].concat();
        let head = match len {
            0 => vec![0x40],
            32 => vec![0x58, 32],
            _ => head,
        };
        let rest = &body[at + 3 + PUBLIC_LEN..];
        let key = &body[at + 3..at + 3 + usize::from(len)];
        let hello = frame(
            FrameType::ClientHello,
            &[&body[..at], &head, key, rest].concat(),
        );
        let error = case.answer(&hello).err().unwrap();
        assert_eq!(error.label(), "malformed_client_hello");
    }
}
