//! What an application message may do, and what becomes of those that may not.

use std::{sync::OnceLock, time::Duration};

use super::*;
use crate::{
    clock::{Clock as _, ManualClock},
    identity::{Delegations, KeyPair, NodeIdentity, Policy, SerialMemory},
    registry::{MAX_ENVELOPE_PAYLOAD, MAX_ENVELOPE_TTL_MS},
};

mod bounds;
mod replays;

const CHAIN: ChainId = ChainId(7);
const GENESIS: Hash32 = Hash32([3; 32]);
const START: u64 = 1_700_000_000_000;
const TTL: u64 = 60_000;

fn identity(seed: u8) -> NodeIdentity {
    static KNOWN: OnceLock<Vec<NodeIdentity>> = OnceLock::new();
    let make = |seed| NodeIdentity::from_keypair(KeyPair::deterministic([seed; 32]).unwrap());
    KNOWN.get_or_init(|| (0..4).map(make).collect())[usize::from(seed)].clone()
}

/// A receiving engine and a sending one under one clock.
struct World {
    clock: ManualClock,
    app: App,
    author: App,
    peer: PeerId,
}

impl World {
    fn with(config: Config) -> Self {
        Self {
            clock: ManualClock::at_wall_ms(START),
            app: App::new(config, CHAIN, GENESIS),
            author: App::new(Config::default(), CHAIN, GENESIS),
            peer: PeerId::random(),
        }
    }

    fn new() -> Self {
        Self::with(Config::default())
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn wait(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }

    fn envelope(&mut self, payload: &[u8]) -> Envelope {
        let now = self.now();
        self.author
            .compose(&identity(1), "news", payload, TTL, now)
            .unwrap()
    }

    fn sign(&self, edit: impl FnOnce(&mut envelope::Body)) -> Envelope {
        let mut author = App::new(Config::default(), CHAIN, GENESIS);
        let sender = identity(1).public().digest();
        let mut body = author.draft(sender, "news", b"x", TTL, self.now());
        edit(&mut body);
        Envelope::sign(&identity(1), &body, KeyForm::Full).unwrap()
    }

    fn receive(&mut self, channel: Channel, bytes: &Bytes) -> Outcome {
        let now = self.now();
        match self.app.precheck(self.peer, channel, bytes.clone(), now) {
            Checked::Done(verdict) => Outcome {
                from: self.peer,
                verdict,
                delivery: None,
            },
            Checked::Verify(job) => self.finish(job),
            parked => panic!("{parked:?}"),
        }
    }

    fn finish(&mut self, job: Job) -> Outcome {
        let delegations = Delegations::new(CHAIN, GENESIS, SerialMemory::default());
        let now = self.now();
        let verified = job.verify(&delegations, &Policy::default_fips(), now.wall_ms);
        self.app.commit(verified, now)
    }

    fn signed(&mut self, envelope: &Envelope) -> Outcome {
        self.receive(Channel::Signed, &envelope.as_bytes().clone())
    }

    fn verdict(&mut self, envelope: &Envelope) -> Verdict {
        self.signed(envelope).verdict
    }
}

fn offence(verdict: &Verdict) -> Option<Offence> {
    match verdict {
        Verdict::Reject { offence, .. } => Some(*offence),
        _ => None,
    }
}

/// The same message with its last byte, which is of the signature, changed.
fn forged(envelope: &Envelope) -> Envelope {
    let mut bytes = envelope.as_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    Envelope::decode(bytes.into()).unwrap()
}

#[test]
fn a_message_is_delivered_once_and_kept() {
    let mut world = World::new();
    let envelope = world.envelope(b"hello");
    world.wait(40);
    let outcome = world.signed(&envelope);
    assert_eq!(outcome.verdict, Verdict::Accept);
    let delivery = outcome.delivery.unwrap();
    assert_eq!(
        (&delivery.topic[..], &delivery.payload[..]),
        ("news", &b"hello"[..])
    );
    assert_eq!(
        delivery.sender,
        Some((identity(1).public().digest(), envelope.body().seq))
    );
    assert_eq!(delivery.delay_ms, 40);
    assert_eq!(
        world.verdict(&envelope),
        Verdict::Ignore(Ignored::Duplicate)
    );
    let now = world.now();
    assert_eq!(
        world.app.recent_ids(now).collect::<Vec<_>>(),
        [envelope.id()]
    );
    assert_eq!(
        &world.app.recent(&envelope.id()).unwrap().bytes,
        envelope.as_bytes()
    );
    assert_eq!(world.app.recent_about("news", now).count(), 1);
    assert_eq!(world.app.recent_about("else", now).count(), 0);
    let stats = world.app.stats();
    assert_eq!((stats.delivered, stats.duplicates()), (1, 1));
    assert_eq!(
        (stats.delays.buckets[5], stats.delays.sum.as_millis()),
        (1, 40)
    );
    world.wait(TTL);
    let now = world.now();
    assert_eq!(world.app.recent_ids(now).count(), 0);
    world.app.expire(now);
    assert_eq!(world.app.recent_bytes(), 0);
}

#[test]
fn own_messages_do_not_come_back() {
    let mut world = World::new();
    let now = world.now();
    let own = world
        .app
        .compose(&identity(0), "news", b"mine", TTL, now)
        .unwrap();
    assert_eq!(world.verdict(&own), Verdict::Ignore(Ignored::Duplicate));
    let own = world
        .app
        .compose_unsigned("news", b"mine", TTL, now)
        .unwrap();
    let back = world.receive(Channel::Unsigned, &own.as_bytes().clone());
    assert_eq!(back.verdict, Verdict::Ignore(Ignored::Duplicate));
    let again = world.app.compose_unsigned("news", b"mine", TTL, now);
    assert_eq!(again, Err(ComposeError::Refused(Ignored::Duplicate)));
    assert_eq!(world.app.stats().originated, 2);
    assert_eq!(world.app.recent_ids(now).count(), 2);
}

#[test]
fn numbers_ascend_within_a_millisecond_and_over_a_restart() {
    let mut world = World::new();
    let sender = Hash32::ZERO;
    let mut last = 0;
    for _ in 0..3 {
        let seq = world.author.draft(sender, "t", b"", TTL, world.now()).seq;
        assert!(seq > last);
        last = seq;
    }
    world.wait(1);
    let mut restarted = App::new(Config::default(), CHAIN, GENESIS);
    assert!(restarted.draft(sender, "t", b"", TTL, world.now()).seq > last);
    // The clock steps back while it runs.
    world.clock.step_wall_to_ms(START - 5000);
    assert_eq!(
        world.author.draft(sender, "t", b"", TTL, world.now()).seq,
        last + 1
    );
}

#[test]
fn refuses_a_forged_signature_and_takes_the_valid_message_after_it() {
    let mut world = World::new();
    let envelope = world.envelope(b"hello");
    let forged = forged(&envelope);
    assert_eq!(forged.id(), envelope.id());
    assert_eq!(
        offence(&world.verdict(&forged)),
        Some(Offence::BadSignature)
    );
    assert_eq!(world.verdict(&envelope), Verdict::Accept);
    // Once the valid one is seen, a copy costs no signature check.
    assert_eq!(world.verdict(&forged), Verdict::Ignore(Ignored::Duplicate));
}

#[test]
fn refuses_wrong_chains_domains_and_forms() {
    let mut world = World::new();
    let other = world.sign(|b| b.chain_id = ChainId(8));
    assert_eq!(offence(&world.verdict(&other)), Some(Offence::WrongNetwork));
    let other = world.sign(|b| b.genesis = Hash32::ZERO);
    assert_eq!(offence(&world.verdict(&other)), Some(Offence::WrongNetwork));
    let other = world.sign(|b| b.domain = "iou".into());
    assert_eq!(
        offence(&world.verdict(&other)),
        Some(Offence::MalformedMessage)
    );
    let unsigned = Unsigned::new("news", b"x", START, TTL).unwrap();
    let cases = [
        (
            Channel::Signed,
            unsigned.as_bytes().clone(),
            Offence::MalformedMessage,
        ),
        (
            Channel::Unsigned,
            world.envelope(b"x").as_bytes().clone(),
            Offence::MalformedMessage,
        ),
        (
            Channel::Signed,
            Bytes::from_static(&[0x9f]),
            Offence::NonCanonicalCbor,
        ),
        (
            Channel::Unsigned,
            Bytes::from_static(&[0xbf, 0xff]),
            Offence::NonCanonicalCbor,
        ),
        (
            Channel::Signed,
            vec![0; Envelope::MAX_BYTES + 1].into(),
            Offence::OversizedMessage,
        ),
        (
            Channel::Unsigned,
            vec![0; Unsigned::MAX_BYTES + 1].into(),
            Offence::OversizedMessage,
        ),
    ];
    for (channel, bytes, expected) in cases {
        let verdict = world.receive(channel, &bytes).verdict;
        assert_eq!(offence(&verdict), Some(expected), "{verdict:?}");
    }
    assert_eq!(world.app.remembered(), (0, 0));
    let rejected: u64 = world.app.stats().rejected.values().sum();
    assert_eq!(rejected, 9);
}

#[test]
fn unsigned_messages_have_the_limits_of_envelopes() {
    let whole = Unsigned::new(
        &"t".repeat(64),
        &vec![0; MAX_ENVELOPE_PAYLOAD],
        u64::MAX,
        MAX_ENVELOPE_TTL_MS,
    );
    assert!(whole.unwrap().as_bytes().len() <= Unsigned::MAX_BYTES);
    assert_eq!(
        Unsigned::new(&"t".repeat(65), b"", 1, 1),
        Err(UnsignedError::Topic)
    );
    assert_eq!(Unsigned::new("a\nb", b"", 1, 1), Err(UnsignedError::Topic));
    assert!(Unsigned::new("t", &vec![0; MAX_ENVELOPE_PAYLOAD + 1], 1, 1).is_err());
    for ttl in [0, MAX_ENVELOPE_TTL_MS + 1] {
        assert_eq!(Unsigned::new("t", b"", 1, ttl), Err(UnsignedError::Life));
    }
}

#[test]
fn content_is_judged_where_a_check_is_set() {
    let mut world = World::new();
    let check = |c: &Content<'_>| match c.payload {
        b"good" => Ok(()),
        b"dull" => Err(Refused::Useless),
        _ => Err(Refused::Invalid("neither".into())),
    };
    world.app.set_check("news", Arc::new(check));
    for (payload, verdict) in [
        (&b"good"[..], Verdict::Accept),
        (b"dull", Verdict::Ignore(Ignored::NotAdmitted)),
        (b"bad", malformed("neither".into())),
    ] {
        let signed = world.envelope(payload);
        assert_eq!(world.verdict(&signed), verdict);
        let unsigned = Unsigned::new("news", payload, START, TTL).unwrap();
        let outcome = world.receive(Channel::Unsigned, &unsigned.as_bytes().clone());
        assert_eq!(outcome.verdict, verdict);
    }
    let carried = Unsigned::new("other", b"bad", START, TTL).unwrap();
    let outcome = world.receive(Channel::Unsigned, &carried.as_bytes().clone());
    assert_eq!(outcome.verdict, Verdict::Accept);
    assert!(world.app.remove_check("news") && !world.app.remove_check("news"));
}
