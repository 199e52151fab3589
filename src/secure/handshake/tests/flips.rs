//! No changed, cut, repeated or moved byte gets past the engine.

use std::thread;

use super::replay::Case;
use crate::secure::{FrameType, HandshakeError, handshake::auth::open};

/// Calls `check` with every copy of `frame` that has one bit flipped: every bit if `all`, else
/// one of each byte. On both cores.
fn each_flip(frame: &[u8], all: bool, check: impl Fn(Vec<u8>, usize) + Sync) {
    let step = if all { 1 } else { 8 };
    let bits: Vec<usize> = (0..frame.len() * 8).step_by(step).collect();
    thread::scope(|scope| {
        for part in bits.chunks(bits.len().div_ceil(2)) {
            let check = &check;
            scope.spawn(move || {
                for at in part {
                    // Another bit of each byte, so that every position is met.
                    let bit = if all { *at } else { at + at / 8 % 8 };
                    let mut copy = frame.to_vec();
                    copy[bit / 8] ^= 1 << (bit % 8);
                    check(copy, bit);
                }
            });
        }
    });
}

/// Whether `bit` is one of those whose flip is followed through the next frame as well.
fn is_followed(bit: usize) -> bool {
    bit.is_multiple_of(29)
}

/// A flip in ClientHello is refused by the responder, or gives another th0 and thereby makes
/// R-auth unreadable.
fn client_hello(case: &Case, all: bool) {
    let th1 = case.answer(&case.client_hello).unwrap().1.schedule.th1();
    each_flip(&case.client_hello, all, |hello, bit| {
        let (flight, state) = match case.answer(&hello) {
            Ok(answer) => answer,
            Err(error) => return assert_ne!(error.label(), "limit_work"),
        };
        assert_ne!(state.schedule.th1(), th1, "{}: bit {bit}", case.name);
        if is_followed(bit) {
            let (sh, auth) = flight.split_at(case.server_hello.len());
            let state = case.start().1.server_hello(sh).unwrap();
            let error = case.prove(state, auth).unwrap_err();
            assert_eq!(error.label(), "r_auth_seal", "{}: bit {bit}", case.name);
        }
    });
}

/// A flip in ServerHello is refused by the initiator, or gives another th0 and thereby makes
/// R-auth unreadable.
fn server_hello(case: &Case, all: bool) {
    let th0 = case.awaits_auth().schedule.th0();
    each_flip(&case.server_hello, all, |hello, bit| {
        let Ok(state) = case.start().1.server_hello(&hello) else {
            return;
        };
        assert_ne!(state.schedule.th0(), th0, "{}: bit {bit}", case.name);
        if is_followed(bit) {
            let error = case.prove(state, &case.r_auth).unwrap_err();
            assert_eq!(error.label(), "r_auth_seal", "{}: bit {bit}", case.name);
        }
    });
}

/// A flip in R-auth is refused: for its header at once, else because it does not open.
fn r_auth(case: &Case, all: bool) {
    let state = case.awaits_auth();
    let (key, th0) = (state.schedule.responder_key(), state.schedule.th0());
    each_flip(&case.r_auth, all, |mut auth, bit| {
        if bit < 40 || is_followed(bit) {
            let error = case.prove(state.clone(), &auth).unwrap_err();
            assert_tampered(&error, bit, FrameType::ResponderAuth);
        }
        assert!(open(FrameType::ResponderAuth, &key, &th0, &mut auth).is_err());
    });
}

/// As [`r_auth`].
fn i_auth(case: &Case, all: bool) {
    let (_, state) = case.answer(&case.client_hello).unwrap();
    let (key, th1) = (state.schedule.initiator_key(), state.schedule.th1());
    each_flip(&case.i_auth, all, |mut auth, bit| {
        if bit < 40 || is_followed(bit) {
            let rejected = state.clone().initiator_auth(&mut auth.clone(), case.now());
            let rejected = rejected.unwrap_err();
            assert_tampered(&rejected.error, bit, FrameType::InitiatorAuth);
            assert_eq!(rejected.farewell, None);
        }
        assert!(open(FrameType::InitiatorAuth, &key, &th1, &mut auth).is_err());
    });
}

/// Which error a flip of `bit` in a sealed frame must give: the header names its own.
fn assert_tampered(error: &HandshakeError, bit: usize, kind: FrameType) {
    let fits = match bit / 8 {
        0 => matches!(error, HandshakeError::UnexpectedFrame { .. }),
        1..5 => matches!(
            error,
            HandshakeError::FrameTooLong { .. } | HandshakeError::Eof { .. }
        ),
        _ => matches!(error, HandshakeError::Seal(k) if *k == kind),
    };
    assert!(fits, "bit {bit}: {error}");
}

#[test]
fn every_bit_of_client_hello_counts() {
    client_hello(&Case::default_suite(), true);
}

#[test]
fn every_bit_of_server_hello_counts() {
    server_hello(&Case::default_suite(), true);
}

#[test]
fn every_bit_of_r_auth_counts() {
    r_auth(&Case::default_suite(), true);
}

#[test]
fn every_bit_of_i_auth_counts() {
    i_auth(&Case::default_suite(), true);
}

#[test]
fn every_byte_of_the_hellos_counts_with_every_kem_and_aead() {
    // Hellos do not depend on the kind of identity.
    let cases = Case::all().into_iter();
    for case in cases.filter(|c| c.name.ends_with("/ ml-dsa-65")) {
        client_hello(&case, false);
        server_hello(&case, false);
    }
}

#[test]
fn every_byte_of_the_auth_frames_counts_in_every_suite() {
    for case in Case::all() {
        r_auth(&case, false);
        i_auth(&case, false);
    }
}

#[test]
fn every_truncation_is_refused() {
    let case = Case::default_suite();
    for len in 0..case.client_hello.len() {
        assert!(case.answer(&case.client_hello[..len]).is_err(), "{len}");
    }
    for len in 0..case.server_hello.len() {
        let answer = case.start().1.server_hello(&case.server_hello[..len]);
        assert!(answer.is_err(), "{len}");
    }
    let state = case.awaits_auth();
    for len in 0..case.r_auth.len() {
        assert!(
            case.prove(state.clone(), &case.r_auth[..len]).is_err(),
            "{len}"
        );
    }
    let (_, state) = case.answer(&case.client_hello).unwrap();
    for len in 0..case.i_auth.len() {
        let mut cut = case.i_auth[..len].to_vec();
        assert!(
            state.clone().initiator_auth(&mut cut, case.now()).is_err(),
            "{len}"
        );
    }
}

/// Shorter bodies whose header says so, too: the ciphertext is cut, not the frame.
#[test]
fn every_honestly_framed_truncation_of_a_sealed_frame_is_refused() {
    let case = Case::default_suite();
    let state = case.awaits_auth();
    for len in (0..64).chain((64..case.r_auth.len() - 5).step_by(61)) {
        let mut cut = case.r_auth[..5 + len].to_vec();
        cut[1..5].copy_from_slice(&(len as u32).to_be_bytes());
        let error = case.prove(state.clone(), &cut).unwrap_err();
        assert!(matches!(error, HandshakeError::Seal(_)), "{len}: {error}");
    }
}

#[test]
fn frames_in_another_order_are_refused() {
    let case = Case::default_suite();
    let unexpected = |error: &HandshakeError| error.label() == "unexpected_frame";
    for frame in [&case.server_hello, &case.r_auth, &case.i_auth] {
        assert!(unexpected(&case.answer(frame).err().unwrap()));
    }
    for frame in [&case.client_hello, &case.r_auth, &case.i_auth] {
        let error = case.start().1.server_hello(frame).err().unwrap();
        assert!(unexpected(&error));
    }
    for frame in [&case.client_hello, &case.server_hello, &case.i_auth] {
        assert!(unexpected(
            &case.prove(case.awaits_auth(), frame).unwrap_err()
        ));
    }
    for frame in [&case.client_hello, &case.server_hello, &case.r_auth] {
        assert!(unexpected(&case.accept(frame).unwrap_err().error));
    }
}

#[test]
fn frames_of_another_session_are_refused() {
    let case = Case::default_suite();
    let mut other = case.clone();
    other.i = other.i.with_random([1; 32]);
    other.r = other.r.with_random([2; 32]);
    let error = other.prove(
        other.start().1.server_hello(&case.server_hello).unwrap(),
        &case.r_auth,
    );
    assert_eq!(error.unwrap_err().label(), "r_auth_seal");
    assert_eq!(
        other.accept(&case.i_auth).unwrap_err().error.label(),
        "i_auth_seal"
    );
}

/// R-auth sent back to its maker as I-auth, header adjusted.
#[test]
fn r_auth_does_not_pass_for_i_auth() {
    let case = Case::default_suite();
    let mut reflected = case.r_auth.clone();
    reflected[0] = FrameType::InitiatorAuth as u8;
    assert_eq!(
        case.accept(&reflected).unwrap_err().error.label(),
        "i_auth_seal"
    );
}

/// A responder that answers with the initiator's own key share has mirrored it.
#[test]
fn a_mirrored_key_share_is_a_self_dial() {
    let case = Case::default_suite();
    let (hello, state) = case.start();
    let share = 5
        + hello[5..]
            .windows(3)
            .position(|w| w == [5, 0x58, 0x20])
            .unwrap()
        + 3;
    let mut answer = case.server_hello.clone();
    let at = 5
        + answer[5..]
            .windows(3)
            .position(|w| w == [3, 0x58, 0x20])
            .unwrap()
        + 3;
    answer[at..at + 32].copy_from_slice(&hello[share..share + 32]);
    let error = state.server_hello(&answer).err().unwrap();
    assert_eq!(error.label(), "self_dial");
}
