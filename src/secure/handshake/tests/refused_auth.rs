//! What R-auth and I-auth are refused for once they open: a peer that holds the handshake keys
//! and says something it may not say.

use zeroize::Zeroizing;

use super::replay::Case;
use crate::{
    crypto::sign::SigAlg,
    identity::{KeyPair, PublicIdentity},
    ids::Hash32,
    registry::SignContext,
    secure::{
        CloseCode, FrameType, HandshakeError,
        handshake::{
            Established, Rejected,
            auth::{Auth, Statement, seal_plain},
        },
        record::{Opened, Opener},
    },
};

fn stranger() -> KeyPair {
    KeyPair::deterministic([99; 32]).unwrap()
}

/// The statement that the responder, or the initiator if `responder` is given, signs.
fn statement<'a>(case: &Case, th: Hash32, responder: Option<&'a Hash32>) -> Statement<'a> {
    let config = &case.r.config;
    Statement {
        th,
        chain_id: config.chain_id,
        genesis: config.genesis,
        policy_root: config.policy.root(),
        responder,
    }
}

fn plain(key: &KeyPair, context: SignContext, statement: &Statement<'_>) -> Zeroizing<Vec<u8>> {
    let public = key.public();
    let body = statement.body(public.alg().id(), public.as_bytes(), None);
    claim(
        public.alg().id(),
        public.as_bytes(),
        &key.sign(context, &body).unwrap(),
    )
}

fn claim(alg: u16, public: &[u8], signature: &[u8]) -> Zeroizing<Vec<u8>> {
    let delegation = None;
    Auth {
        alg,
        public,
        delegation,
        signature,
    }
    .encode()
}

/// The initiator's verdict of an R-auth with this plaintext.
fn as_responder(
    case: &Case,
    dialled: bool,
    plain: Zeroizing<Vec<u8>>,
) -> Result<(), HandshakeError> {
    let mut state = case.awaits_auth();
    if !dialled {
        state.expected = None;
    }
    let (key, th0) = (state.schedule.responder_key(), state.schedule.th0());
    let frame = seal_plain(FrameType::ResponderAuth, &key, &th0, plain);
    case.prove(state, &frame).map(drop)
}

/// The responder's verdict of an I-auth with this plaintext, and what it says then.
fn as_initiator(case: &Case, plain: Zeroizing<Vec<u8>>) -> Result<Established, Refused> {
    let (_, state) = case.answer(&case.client_hello).unwrap();
    let schedule = state.schedule.clone();
    let mut frame = seal_plain(
        FrameType::InitiatorAuth,
        &schedule.initiator_key(),
        &schedule.th1(),
        plain,
    );
    let traffic = schedule.initiator_auth(&frame).traffic();
    state
        .initiator_auth(&mut frame, case.now())
        .map_err(|rejected| {
            let Rejected { error, farewell } = *rejected;
            let mut opener = Opener::new(case.r.config.aead.offer()[0], traffic.responder);
            let code = match opener.open(&mut farewell.unwrap()).unwrap() {
                Opened::Close(code) => code,
                Opened::Data(_) => panic!("a farewell is a close"),
            };
            Refused { error, code }
        })
}

#[derive(Debug)]
struct Refused {
    error: HandshakeError,
    code: CloseCode,
}

fn th0(case: &Case) -> Hash32 {
    case.awaits_auth().schedule.th0()
}

fn th1(case: &Case) -> Hash32 {
    case.answer(&case.client_hello).unwrap().1.schedule.th1()
}

fn responder(case: &Case) -> Hash32 {
    case.r.config.identity.public().digest()
}

const R: SignContext = SignContext::HandshakeResponder;
const I: SignContext = SignContext::HandshakeInitiator;

#[test]
fn another_identity_is_accepted_only_where_none_was_dialled() {
    let case = Case::default_suite();
    let says = || plain(&stranger(), R, &statement(&case, th0(&case), None));
    assert!(as_responder(&case, false, says()).is_ok());
    let error = as_responder(&case, true, says()).unwrap_err();
    assert_eq!(error.label(), "wrong_peer");
    let HandshakeError::WrongPeer(wrong) = error else {
        panic!("{error}")
    };
    assert_eq!(wrong.found, stranger().public().peer_id());
    assert_eq!(wrong.expected, case.r.config.identity.peer_id());

    let says = plain(
        &stranger(),
        I,
        &statement(&case, th1(&case), Some(&responder(&case))),
    );
    let done = as_initiator(&case, says).unwrap();
    assert_eq!(done.peer.peer_id(), stranger().public().peer_id());
}

#[test]
fn our_own_identity_is_a_self_dial_on_either_side() {
    let case = Case::default_suite();
    let own = case.i.config.identity.signer();
    let says = plain(own, R, &statement(&case, th0(&case), None));
    assert_eq!(
        as_responder(&case, false, says).unwrap_err().label(),
        "self_dial"
    );
    let own = case.r.config.identity.signer();
    let says = plain(
        own,
        I,
        &statement(&case, th1(&case), Some(&responder(&case))),
    );
    assert_eq!(
        as_initiator(&case, says).unwrap_err().error.label(),
        "self_dial"
    );
}

#[test]
fn a_statement_for_anything_else_is_refused() {
    let case = Case::default_suite();
    let key = stranger();
    let digest = responder(&case);
    let good = || statement(&case, th1(&case), Some(&digest));
    let mut other_chain = good();
    other_chain.chain_id.0 += 1;
    let mut other_genesis = good();
    other_genesis.genesis.0[0] ^= 1;
    let mut other_policy = good();
    other_policy.policy_root.0[0] ^= 1;
    let misbound = key.public().digest();
    for says in [
        plain(&key, R, &good()),
        plain(&key, SignContext::QuicInitiator, &good()),
        plain(&key, I, &statement(&case, th0(&case), Some(&digest))),
        plain(&key, I, &statement(&case, th1(&case), None)),
        plain(&key, I, &statement(&case, th1(&case), Some(&misbound))),
        plain(&key, I, &other_chain),
        plain(&key, I, &other_genesis),
        plain(&key, I, &other_policy),
    ] {
        let refused = as_initiator(&case, says).unwrap_err();
        assert_eq!(refused.error.label(), "signature_ed25519");
        assert_eq!(refused.code, CloseCode::Authentication);
    }
    let says = plain(&key, I, &statement(&case, th0(&case), None));
    assert_eq!(
        as_responder(&case, false, says).unwrap_err().label(),
        "signature_ed25519"
    );
}

#[test]
fn each_half_of_the_signature_counts_and_its_length_is_exact() {
    let case = Case::default_suite();
    let key = stranger();
    let public = key.public();
    let digest = responder(&case);
    let body = statement(&case, th1(&case), Some(&digest));
    let body = body.body(public.alg().id(), public.as_bytes(), None);
    let good = key.sign(I, &body).unwrap();
    let verdict = |signature: &[u8]| {
        let says = claim(public.alg().id(), public.as_bytes(), signature);
        as_initiator(&case, says)
            .map(drop)
            .map_err(|r| r.error.label())
    };
    let flipped = |at: usize| {
        let mut copy = good.clone();
        copy[at] ^= 1;
        copy
    };
    let pq = SigAlg::MlDsa65.sig_len();
    assert_eq!(verdict(&good), Ok(()));
    for at in [0, 100, pq - 1] {
        assert_eq!(verdict(&flipped(at)), Err("signature_pq"), "{at}");
    }
    for at in [pq, pq + 31, pq + 32, pq + 63] {
        assert_eq!(verdict(&flipped(at)), Err("signature_ed25519"), "{at}");
    }
    assert_eq!(verdict(&good[1..]), Err("signature_form"));
    assert_eq!(verdict(&[&good[..], &[0]].concat()), Err("signature_form"));
    assert_eq!(verdict(&[]), Err("signature_form"));
}

#[test]
fn an_identity_must_be_a_key_that_the_policy_allows() {
    let case = Case::default_suite();
    let ed = stranger().public().as_bytes()[1952..].to_vec();
    let key = |pq: usize, ed: &[u8]| [&vec![1; pq][..], ed].concat();
    let round3 = if cfg!(feature = "round3") {
        "identity_not_allowed"
    } else {
        "identity_key"
    };
    for (alg, public, label) in [
        (0x1003, key(1951, &ed), "identity_key"),
        (0x1003, key(32, &ed), "identity_key"),
        (0x1003, key(1952, &[0; 32]), "identity_key"),
        (0x1002, key(32, &ed), "identity_key"),
        (0xffff, key(1952, &ed), "identity_key"),
        (0x1004, key(32, &ed), "delegation_missing"),
        (0x1001, key(1952, &ed), round3),
    ] {
        let says = || claim(alg, &public, &[0; 64]);
        assert_eq!(
            as_responder(&case, false, says()).unwrap_err().label(),
            label
        );
        assert_eq!(
            as_initiator(&case, says()).unwrap_err().error.label(),
            label
        );
    }
    let long = claim(0x1003, &[0; PublicIdentity::MAX_BYTES + 1], &[]);
    assert_eq!(
        as_responder(&case, false, long).unwrap_err().label(),
        "malformed_r_auth"
    );
}

#[test]
fn an_auth_message_has_exactly_its_keys() {
    let case = Case::default_suite();
    for message in [
        "",
        "a301010240",                 /* no delegation and no signature */
        "a4010102f603f60440",         /* null for a key */
        "a40101024003f604f6",         /* null for a signature */
        "a4011a00011170024003f60440", /* an algorithm id above 16 bits */
        "a40101024003f60440f6",       /* something behind it */
        "a40102024003f6050440",       /* a wrong key */
    ] {
        let says = || Zeroizing::new(hex::decode(message).unwrap());
        let error = as_responder(&case, false, says()).unwrap_err();
        assert_eq!(error.label(), "malformed_r_auth", "{message}");
        let refused = as_initiator(&case, says()).unwrap_err();
        assert_eq!(refused.error.label(), "malformed_i_auth", "{message}");
        assert_eq!(refused.code, CloseCode::Protocol);
    }
}
