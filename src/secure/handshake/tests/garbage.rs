//! Bytes that nobody meant: the engine refuses them and never panics.

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::replay::Case;
use crate::secure::{
    Alert, FrameType,
    frame::frame,
    handshake::{
        auth::{Auth, seal_plain},
        hello::{ClientHello, ServerHello},
    },
    record::Opener,
};

/// `good` with some bytes replaced, some cut out and some put in.
fn mangled(good: &[u8], edits: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    let mut out = good.to_vec();
    for (at, kind, byte) in edits {
        if out.is_empty() {
            break;
        }
        let at = at.index(out.len());
        match kind % 3 {
            0 => out[at] = *byte,
            1 => drop(out.remove(at)),
            _ => out.insert(at, *byte),
        }
    }
    out
}

fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    prop::collection::vec(any::<(prop::sample::Index, u8, u8)>(), 1..6)
}

proptest! {
    #[test]
    fn random_bytes_are_no_message(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(ClientHello::decode(&bytes).is_err());
        prop_assert!(ServerHello::decode(&bytes).is_err());
        prop_assert!(Auth::decode(&bytes, FrameType::ResponderAuth).is_err());
        let alert = Alert::from_body(&bytes);
        prop_assert_eq!(alert.is_some(), bytes.len() == 3 && bytes[0] == 1);
        let _ = Opener::record_len(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn mangled_hellos_never_lead_to_a_session(edits in edits()) {
        let case = Case::default_suite();
        let hello = mangled(&case.client_hello[5..], &edits);
        let hello = frame(FrameType::ClientHello, &hello);
        if hello != case.client_hello
            && let Ok((_, state)) = case.answer(&hello)
        {
            let accepted = state.initiator_auth(&mut case.i_auth.clone(), case.now());
            prop_assert!(accepted.is_err());
        }
        let answer = mangled(&case.server_hello[5..], &edits);
        let answer = frame(FrameType::ServerHello, &answer);
        if answer != case.server_hello
            && let Ok(state) = case.start().1.server_hello(&answer)
        {
            prop_assert!(case.prove(state, &case.r_auth).is_err());
        }
    }

    /// Even a peer that holds the keys can say nothing else than its recorded proof.
    #[test]
    fn mangled_auth_messages_under_a_good_seal_are_refused(edits in edits()) {
        let case = Case::default_suite();
        let state = case.awaits_auth();
        let (key, th0) = (state.schedule.responder_key(), state.schedule.th0());
        let mut frame = case.r_auth.clone();
        let plain = super::super::auth::open(FrameType::ResponderAuth, &key, &th0, &mut frame);
        let plain = plain.unwrap().to_vec();
        let said = mangled(&plain, &edits);
        if said != plain {
            let said = Zeroizing::new(said);
            let frame = seal_plain(FrameType::ResponderAuth, &key, &th0, said);
            prop_assert!(case.prove(state, &frame).is_err());
        }
    }
}
