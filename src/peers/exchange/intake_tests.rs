use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    clock::{Clock, ManualClock},
    identity::{
        Delegations, KeyPair, NodeIdentity, Policy, RecordFields, SerialMemory, peer_id_from_digest,
    },
    registry::MAX_RECORD_BYTES,
};

const NETWORK: (ChainId, Hash32) = (ChainId(7), Hash32([3; 32]));
const START: u64 = 1_800_000_000_000;

fn identity(seed: u16) -> NodeIdentity {
    let mut bytes = [7; 32];
    bytes[..2].copy_from_slice(&seed.to_be_bytes());
    NodeIdentity::from_keypair(KeyPair::deterministic(bytes).unwrap())
}

fn signed(seed: u16, edit: impl FnOnce(&mut RecordFields)) -> Bytes {
    let mut fields = RecordFields {
        chain_id: NETWORK.0,
        genesis: NETWORK.1,
        seq: 5,
        created_ms: START,
        ttl_ms: 24 * 3_600_000,
        addresses: vec!["/ip4/8.8.8.8/tcp/1".parse().unwrap()],
    };
    edit(&mut fields);
    let record = NodeRecord::sign(&identity(seed), &fields).unwrap();
    Bytes::copy_from_slice(record.as_bytes())
}

fn record(seed: u16) -> Bytes {
    signed(seed, |_| {})
}

fn nobody(_: &PeerId) -> Option<u64> {
    None
}

struct Scene {
    intake: Intake,
    peer: PeerId,
    clock: ManualClock,
}

impl Scene {
    fn new() -> Self {
        Self {
            intake: Intake::new(identity(0).peer_id(), NETWORK),
            peer: PeerId::random(),
            clock: ManualClock::at_wall_ms(START),
        }
    }

    /// Asks for as many as may be asked for, and gets these.
    fn answer(&mut self, records: &[Bytes]) -> Result<Taken, AnswerError> {
        self.answer_to(32, records, nobody)
    }

    fn answer_to(
        &mut self,
        max: u32,
        records: &[Bytes],
        known: impl Fn(&PeerId) -> Option<u64>,
    ) -> Result<Taken, AnswerError> {
        assert!(self.intake.ask(self.peer, max));
        let now = self.clock.now();
        self.intake.answered(self.peer, records, known, now)
    }

    fn skipped(&mut self, records: &[Bytes]) -> Vec<Ignored> {
        let taken = self.answer(records).unwrap();
        taken.skipped.iter().map(|skipped| skipped.why).collect()
    }
}

#[test]
fn an_answer_to_our_question_is_taken_and_no_other() {
    let mut scene = Scene::new();
    let taken = scene.answer(&[record(1), record(2)]).unwrap();
    assert_eq!(taken.candidates.len(), 2);
    let now = scene.clock.now();
    let again = scene.intake.answered(scene.peer, &[], nobody, now);
    let error = again.unwrap_err();
    assert_eq!(error, AnswerError::Unsolicited);
    assert_eq!(error.offence(), Some(Offence::UnsolicitedResponse));
    assert!(scene.intake.ask(scene.peer, 1));
    assert!(!scene.intake.ask(scene.peer, 1), "one at a time");
    scene.intake.unanswered(&scene.peer);
    assert!(scene.intake.ask(scene.peer, 1));
}

#[test]
fn more_than_asked_for_is_an_offence() {
    let mut scene = Scene::new();
    let error = scene.answer_to(1, &[record(1), record(2)], nobody);
    let error = error.unwrap_err();
    assert_eq!(error, AnswerError::TooMany { asked: 1, got: 2 });
    assert_eq!(error.offence(), Some(Offence::CreditExceeded));
}

#[test]
fn our_own_record_duplicates_and_what_is_known_are_skipped() {
    let mut scene = Scene::new();
    assert_eq!(
        scene.skipped(&[record(0), record(1), record(1)]),
        [Ignored::Own, Ignored::Duplicate]
    );
    // The same record again, an older one, a newer one.
    let (older, newer) = (signed(1, |f| f.seq = 4), signed(1, |f| f.seq = 6));
    for (bytes, new) in [(record(1), false), (older, false), (newer, true)] {
        let taken = scene.answer_to(32, &[bytes], |_| Some(5)).unwrap();
        assert_eq!(taken.candidates.len() == 1, new);
        assert!(taken.skipped.iter().all(|s| s.why == Ignored::Known));
    }
}

#[test]
fn records_from_the_past_and_the_future_are_skipped_whichever_clock_is_wrong() {
    let mut scene = Scene::new();
    let past = signed(1, |f| f.ttl_ms = 1);
    let future = signed(2, |f| f.created_ms = START + MESSAGE_SKEW_MS + 2);
    let soon = signed(3, |f| f.created_ms = START + MESSAGE_SKEW_MS);
    scene.clock.advance(Duration::from_millis(1));
    assert_eq!(
        scene.skipped(&[past, future, soon]),
        [Ignored::Time, Ignored::Time]
    );
    // Our clock jumps by hours: nothing is anybody's fault.
    scene.clock.step_wall_to_ms(START - 5 * 3_600_000);
    assert_eq!(scene.skipped(&[record(4)]), [Ignored::Time]);
    scene.clock.step_wall_to_ms(START + 30 * 3_600_000);
    assert_eq!(scene.skipped(&[record(4)]), [Ignored::Time]);
}

#[test]
fn fakes_are_the_fault_of_who_sends_them_and_spoil_the_whole_answer() {
    let mut scene = Scene::new();
    let mut cut = record(1).to_vec();
    cut.pop();
    let long = vec![0; MAX_RECORD_BYTES + 1];
    let mut other_key = record(1).to_vec();
    // The digest in the body: [ {1: 1, 2: h'…
    other_key[8] ^= 1;
    for (bytes, offence) in [
        (Bytes::from(cut), Offence::NonCanonicalCbor),
        (Bytes::from(long), Offence::OversizedMessage),
        (Bytes::from(other_key), Offence::MalformedMessage),
        (
            signed(1, |f| f.chain_id = ChainId(8)),
            Offence::WrongNetwork,
        ),
        (
            signed(1, |f| f.genesis = Hash32::ZERO),
            Offence::WrongNetwork,
        ),
        (Bytes::new(), Offence::NonCanonicalCbor),
    ] {
        let error = scene.answer(&[record(2), bytes]).unwrap_err();
        assert_eq!(error.offence(), Some(offence), "{error}");
    }
}

#[test]
fn a_forged_signature_is_found_when_it_is_verified() {
    let mut scene = Scene::new();
    let mut forged = record(1).to_vec();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let taken = scene.answer(&[forged.into()]).unwrap();
    let memory = Delegations::new(NETWORK.0, NETWORK.1, SerialMemory::default());
    let verdict = taken.candidates[0].verify(&memory, &Policy::default_fips(), START);
    let error = verdict.unwrap_err();
    assert_eq!(fault_of_record(&error), Some(Offence::BadSignature));
}

#[test]
fn a_record_of_a_later_version_is_skipped() {
    let mut scene = Scene::new();
    let mut later = record(1).to_vec();
    assert_eq!(later[..4], [0x85, 0xa8, 1, 1]);
    later[3] = 2;
    assert_eq!(scene.skipped(&[later.into()]), [Ignored::Unreadable]);
}

#[test]
fn one_peer_gives_a_book_no_more_than_its_share_of_an_hour() {
    let mut scene = Scene::new();
    let made: Vec<Bytes> = (1..=288).map(record).collect();
    let (mut taken, mut over) = (0, 0);
    for answer in made.chunks(32) {
        let result = scene.answer(answer).unwrap();
        taken += result.candidates.len();
        over += result.skipped.len();
        assert!(result.skipped.iter().all(|s| s.why == Ignored::Quota));
    }
    assert_eq!((taken, over), (TAKEN_PER_HOUR as usize, 32));
    scene.clock.advance(Duration::from_secs(3600));
    let again = scene.answer(&made[..32]).unwrap();
    assert_eq!(again.candidates.len(), 32);
    let other = PeerId::random();
    assert!(scene.intake.ask(other, 32));
    let now = scene.clock.now();
    let theirs = scene.intake.answered(other, &made[..32], nobody, now);
    assert_eq!(theirs.unwrap().candidates.len(), 32);
}

#[test]
fn questions_that_wait_are_bounded() {
    let mut scene = Scene::new();
    let asked = (0..200u8).filter(|n| {
        let peer = peer_id_from_digest(Hash32([*n; 32]));
        scene.intake.ask(peer, 32)
    });
    assert_eq!(asked.count(), MAX_ASKED);
}

proptest! {
    #[test]
    fn any_answer_is_taken_or_refused(
        records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..40),
    ) {
        let mut scene = Scene::new();
        let records: Vec<Bytes> = records.into_iter().map(Bytes::from).collect();
        let _ = scene.answer(&records);
    }
}
