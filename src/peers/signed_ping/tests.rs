use std::time::Duration;

use bytes::Bytes;
use libp2p::PeerId;
use proptest::prelude::*;

use super::*;
use crate::{
    cbor::CborError,
    clock::{Clock, ManualClock, Now},
    crypto::sign::SigAlg,
    identity::{
        Delegation, DelegationFields, Delegations, KeyPair, NodeIdentity, Policy, SerialMemory,
        Usage,
    },
    ids::{ChainId, Hash32},
    offence::Offence,
    registry::{MAX_SIGNED_PING_BYTES, SIGNED_PING_FRESH_MS},
};

const NETWORK: (ChainId, Hash32) = (ChainId(7), Hash32([3; 32]));
const START: u64 = 1_800_000_000_000;
const FRESH: Duration = Duration::from_millis(SIGNED_PING_FRESH_MS);

fn node(seed: u8) -> NodeIdentity {
    NodeIdentity::from_keypair(KeyPair::deterministic([seed; 32]).unwrap())
}

fn delegated(usages: Usage) -> NodeIdentity {
    let identity = KeyPair::deterministic([1; 32]).unwrap();
    let signer = KeyPair::deterministic([9; 32]).unwrap();
    let fields = DelegationFields {
        peer_digest: identity.public().digest(),
        chain_id: NETWORK.0,
        genesis: NETWORK.1,
        serial: 1,
        usages,
        signing_alg: SigAlg::MlDsa65.id(),
        signing_pubkey: signer.public().as_bytes().to_vec(),
        not_before_ms: START,
        not_after_ms: START + 3_600_000,
    };
    let delegation = Delegation::issue(&identity, &fields).unwrap();
    NodeIdentity::with_delegation(identity.public().clone(), signer, delegation).unwrap()
}

/// A node that asks, a node that answers, and their clock.
struct Scene {
    asker: NodeIdentity,
    answerer: NodeIdentity,
    responder: Responder,
    memory: Delegations,
    policy: Policy,
    clock: ManualClock,
    nonces: u8,
}

impl Scene {
    fn of(asker: NodeIdentity, answerer: NodeIdentity) -> Self {
        Self {
            responder: Responder::new(answerer.public().digest(), NETWORK),
            asker,
            answerer,
            memory: Delegations::new(NETWORK.0, NETWORK.1, SerialMemory::default()),
            policy: Policy::default_fips(),
            clock: ManualClock::at_wall_ms(START),
            nonces: 0,
        }
    }

    fn new() -> Self {
        Self::of(node(1), node(2))
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn ping(&mut self) -> (Asked, Bytes) {
        self.nonces += 1;
        let nonce = [self.nonces; 16];
        let peer = self.answerer.peer_id();
        Asked::new(&self.asker, NETWORK, &peer, nonce, self.now()).unwrap()
    }

    fn receive(&mut self, ping: Bytes) -> Result<Received, Refused> {
        let (from, now) = (self.asker.peer_id(), self.now());
        self.responder.receive(&from, ping, now)
    }

    fn pong(&self, received: &Received) -> Result<Bytes, PingError> {
        received.answer(
            &self.answerer,
            &self.memory,
            &self.policy,
            self.now().wall_ms,
        )
    }

    fn answered(&self, asked: &Asked, pong: Bytes) -> Result<Pong, PingError> {
        asked.answered(pong, &self.memory, &self.policy, self.now())
    }
}

fn wrong(result: Result<Received, Refused>) -> PingError {
    match result {
        Err(Refused::Wrong(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// The PING or PONG of `identity` with something else in it.
fn forged(identity: &NodeIdentity, of: &Bytes, edit: impl FnOnce(&mut Said)) -> Bytes {
    let mut said = *Document::decode(of.clone()).unwrap().said();
    edit(&mut said);
    Document::sign(identity, &said).unwrap().as_bytes().clone()
}

#[test]
fn a_ping_is_answered_by_the_pong_of_the_peer_it_was_sent_to() {
    let mut scene = Scene::new();
    let (asked, ping) = scene.ping();
    let received = scene.receive(ping).unwrap();
    scene.clock.advance(Duration::from_millis(40));
    let pong = scene.pong(&received).unwrap();
    scene.clock.advance(Duration::from_millis(40));
    let told = scene.answered(&asked, pong).unwrap();
    assert_eq!(told.rtt, Duration::from_millis(80));
    assert_eq!(told.clock_offset_ms, 0);
    assert_eq!((told.delegated, told.nonce), (false, [1; 16]));
    let report = told.report(&node(2).peer_id(), "/memory/1".to_owned(), true);
    assert_eq!(
        (report.signature.as_str(), report.rtt_ms),
        ("ml-dsa-65", 80.0)
    );
}

#[test]
fn a_delegated_key_pings_and_answers_where_it_may_hold_the_channel() {
    let mut scene = Scene::of(delegated(Usage::CHANNEL), node(2));
    let (asked, ping) = scene.ping();
    let received = scene.receive(ping).unwrap();
    let pong = scene.pong(&received).unwrap();
    assert!(!scene.answered(&asked, pong).unwrap().delegated);

    let mut scene = Scene::of(node(2), delegated(Usage::CHANNEL));
    let (asked, ping) = scene.ping();
    let received = scene.receive(ping).unwrap();
    let pong = scene.pong(&received).unwrap();
    assert!(scene.answered(&asked, pong).unwrap().delegated);

    let mut scene = Scene::of(delegated(Usage::RECORD), node(2));
    let (_, ping) = scene.ping();
    let received = scene.receive(ping).unwrap();
    let error = scene.pong(&received).unwrap_err();
    assert_eq!(error.offence(), Some(Offence::BadSignature));
}

#[test]
fn a_ping_is_fresh_for_a_minute_either_way_and_then_nobodys_fault() {
    for ahead in [false, true] {
        let mut scene = Scene::new();
        let (_, ping) = scene.ping();
        let at = |by: u64| if ahead { START - by } else { START + by };
        scene.clock.step_wall_to_ms(at(SIGNED_PING_FRESH_MS + 1));
        let error = wrong(scene.receive(ping.clone()));
        assert!(matches!(error, PingError::NotFresh { .. }));
        assert_eq!(error.offence(), None);
        scene.clock.step_wall_to_ms(at(SIGNED_PING_FRESH_MS));
        assert!(scene.receive(ping).is_ok());
    }
}

#[test]
fn a_ping_comes_once_while_it_is_fresh() {
    let mut scene = Scene::new();
    let (_, ping) = scene.ping();
    // Dated as far ahead as a PING may be, so it stays fresh for two minutes.
    scene.clock.step_wall_to_ms(START - SIGNED_PING_FRESH_MS);
    assert!(scene.receive(ping.clone()).is_ok());
    for _ in 0..4 {
        scene.clock.advance(FRESH / 2);
        assert_eq!(wrong(scene.receive(ping.clone())), PingError::Replayed);
    }
    scene.clock.advance(Duration::from_millis(1));
    assert!(matches!(
        wrong(scene.receive(ping)),
        PingError::NotFresh { .. }
    ));
}

#[test]
fn only_a_ping_of_the_peer_itself_for_us_on_our_chain_is_answered() {
    let mut scene = Scene::new();
    let (_, ping) = scene.ping();
    let asker = node(1);
    let malformed = Some(Offence::MalformedMessage);
    let elsewhere = Some(Offence::WrongNetwork);
    let other = Hash32([8; 32]);
    for (bytes, error, offence) in [
        (
            forged(&asker, &ping, |s| s.recipient = other),
            PingError::OtherRecipient,
            malformed,
        ),
        (
            forged(&asker, &ping, |s| s.chain_id = ChainId(8)),
            PingError::OtherChain,
            elsewhere,
        ),
        (
            forged(&asker, &ping, |s| s.genesis = other),
            PingError::OtherChain,
            elsewhere,
        ),
        (
            forged(&asker, &ping, |s| s.kind = Kind::Pong { ping: other }),
            PingError::OtherKind,
            malformed,
        ),
    ] {
        assert_eq!(wrong(scene.receive(bytes)), error);
        assert_eq!(error.offence(), offence);
    }
    // Somebody passes on the PING of another.
    let now = scene.now();
    let stranger = node(5).peer_id();
    assert_eq!(
        wrong(scene.responder.receive(&stranger, ping.clone(), now)),
        PingError::OtherSender
    );
    let foreign = PeerId::random();
    assert_eq!(
        wrong(scene.responder.receive(&foreign, ping, now)),
        PingError::Foreign
    );
}

#[test]
fn a_ping_with_a_changed_byte_gets_no_pong() {
    let mut scene = Scene::new();
    let (_, ping) = scene.ping();
    let mut bytes = ping.to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let received = scene.receive(bytes.into()).unwrap();
    let error = scene.pong(&received).unwrap_err();
    assert_eq!(error.offence(), Some(Offence::BadSignature));
}

#[test]
fn a_document_claims_no_other_identity_than_its_keys() {
    let mut scene = Scene::new();
    let (_, ping) = scene.ping();
    let said = *Document::decode(ping).unwrap().said();
    assert_eq!(Document::sign(&node(5), &said), Err(PingError::OtherSender));
}

#[test]
fn a_pong_answers_one_ping() {
    let mut scene = Scene::new();
    let (first, ping) = scene.ping();
    let (second, _) = scene.ping();
    let received = scene.receive(ping.clone()).unwrap();
    let pong = scene.pong(&received).unwrap();
    let error = scene.answered(&second, pong.clone()).unwrap_err();
    assert_eq!(error, PingError::OtherPing);
    assert_eq!(error.offence(), Some(Offence::UnsolicitedResponse));
    let hash = Hash32([1; 32]);
    let other = forged(&node(2), &pong, |s| s.kind = Kind::Pong { ping: hash });
    assert_eq!(
        scene.answered(&first, other),
        Err(PingError::OtherPing),
        "our nonce, another ping"
    );
    assert_eq!(scene.answered(&first, ping), Err(PingError::OtherKind));
    assert!(scene.answered(&first, pong).is_ok());
}

#[test]
fn a_pong_of_another_peer_for_another_on_another_chain_or_unsigned_is_refused() {
    let mut scene = Scene::new();
    let (asked, ping) = scene.ping();
    let received = scene.receive(ping).unwrap();
    let pong = scene.pong(&received).unwrap();
    let stranger = node(5);
    let own = stranger.public().digest();
    let by_stranger = forged(&stranger, &pong, |s| s.sender = own);
    assert_eq!(
        scene.answered(&asked, by_stranger),
        Err(PingError::OtherSender)
    );
    let for_other = forged(&node(2), &pong, |s| s.recipient = own);
    assert_eq!(
        scene.answered(&asked, for_other),
        Err(PingError::OtherRecipient)
    );
    let elsewhere = forged(&node(2), &pong, |s| s.chain_id = ChainId(1));
    assert_eq!(
        scene.answered(&asked, elsewhere),
        Err(PingError::OtherChain)
    );
    let mut unsigned = pong.to_vec();
    let last = unsigned.len() - 1;
    unsigned[last] ^= 1;
    let error = scene.answered(&asked, unsigned.into()).unwrap_err();
    assert_eq!(error.offence(), Some(Offence::BadSignature));
}

#[test]
fn a_clock_that_is_wrong_is_told_and_not_punished() {
    let mut scene = Scene::new();
    let (asked, ping) = scene.ping();
    let received = scene.receive(ping).unwrap();
    let pong = scene.pong(&received).unwrap();
    let ahead = forged(&node(2), &pong, |s| s.at_ms += 30_000);
    let told = scene.answered(&asked, ahead).unwrap();
    assert_eq!(told.clock_offset_ms, 30_000);
    let hours = forged(&node(2), &pong, |s| s.at_ms -= 3 * 3_600_000);
    let error = scene.answered(&asked, hours).unwrap_err();
    assert!(matches!(error, PingError::NotFresh { .. }));
    assert_eq!(error.offence(), None);
}

#[test]
fn a_flood_of_one_peer_is_told_to_wait_and_leaves_room_for_others() {
    let mut scene = Scene::new();
    for _ in 0..5 {
        let (_, ping) = scene.ping();
        assert!(scene.receive(ping).is_ok());
    }
    let (_, ping) = scene.ping();
    for _ in 0..1000 {
        let Err(Refused::Busy { retry_after }) = scene.receive(ping.clone()) else {
            panic!("not told to wait");
        };
        assert_eq!(retry_after, Duration::from_secs(1));
    }
    let other = node(6);
    let to = scene.answerer.peer_id();
    let (_, theirs) = Asked::new(&other, NETWORK, &to, [0; 16], scene.now()).unwrap();
    let now = scene.now();
    assert!(
        scene
            .responder
            .receive(&other.peer_id(), theirs, now)
            .is_ok()
    );
    scene.clock.advance(Duration::from_secs(1));
    assert!(scene.receive(ping).is_ok());
}

#[test]
fn memory_is_bounded_whoever_asks() {
    let mut scene = Scene::new();
    let peer = |n: u32| {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&n.to_be_bytes());
        crate::identity::peer_id_from_digest(Hash32(digest))
    };
    let mut now = scene.now();
    for n in 0..3000 {
        // Slower than the bucket of everybody, faster than rows come to rest.
        now.mono += Duration::from_millis(20);
        let refused = scene.responder.receive(&peer(n), Bytes::new(), now);
        assert!(refused.is_err());
        let [(peers, most), _] = scene.responder.remembers(&peer(0), now.mono);
        assert!(peers <= most, "{peers}");
    }
    // Nonces of one peer, as fast as it may, for ten minutes.
    for n in 0..600u32 {
        scene.clock.advance(Duration::from_secs(1));
        let mut nonce = [0; 16];
        nonce[..4].copy_from_slice(&n.to_be_bytes());
        let to = scene.answerer.peer_id();
        let (_, ping) = Asked::new(&scene.asker, NETWORK, &to, nonce, scene.now()).unwrap();
        assert!(scene.receive(ping).is_ok(), "{n}");
        let (from, now) = (scene.asker.peer_id(), scene.now().mono);
        let [_, (nonces, most)] = scene.responder.remembers(&from, now);
        assert!(nonces < most, "{nonces}");
    }
}

#[test]
fn bytes_too_many_and_versions_to_come_are_named() {
    let mut scene = Scene::new();
    let long = Bytes::from(vec![0; MAX_SIGNED_PING_BYTES + 1]);
    let error = wrong(scene.receive(long));
    assert_eq!(error.offence(), Some(Offence::OversizedMessage));
    let (_, ping) = scene.ping();
    let mut later = ping.to_vec();
    // [ {1: 1 …
    assert_eq!(later[..4], [0x85, 0xa8, 1, 1]);
    later[3] = 2;
    assert_eq!(wrong(scene.receive(later.into())), PingError::Version(2));
    let mut kind = ping.to_vec();
    kind[5] = 3;
    assert_eq!(
        wrong(scene.receive(kind.into())),
        PingError::Malformed(CborError::WrongKey)
    );
}

#[test]
fn the_body_is_the_specified_one() {
    let said = Said {
        kind: Kind::Pong {
            ping: Hash32([0xaa; 32]),
        },
        sender: Hash32([1; 32]),
        recipient: Hash32([2; 32]),
        chain_id: ChainId(7),
        genesis: Hash32([3; 32]),
        nonce: [4; 16],
        at_ms: 5,
    };
    let hash = |byte: &str| format!("5820{}", byte.repeat(32));
    let expected = [
        "a9010102020 3".replace(' ', ""),
        hash("01"),
        "04".to_owned() + &hash("02"),
        "0507".to_owned(),
        "06".to_owned() + &hash("03"),
        "0750".to_owned() + &"04".repeat(16),
        "0805".to_owned(),
        "09".to_owned() + &hash("aa"),
    ]
    .concat();
    assert_eq!(hex::encode(said.to_bytes()), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_changed_document_never_verifies(at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut scene = Scene::new();
        let (_, ping) = scene.ping();
        let mut bytes = ping.to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(received) = scene.receive(bytes.into()) {
            prop_assert!(scene.pong(&received).is_err());
        }
    }
}
