//! Replays, life, and keys that are not there.

use super::*;

#[test]
fn a_message_lives_from_within_the_skew_until_its_end() {
    let mut world = World::new();
    let early = world.sign(|b| b.created_ms = START + MESSAGE_SKEW_MS + 1);
    assert_eq!(world.verdict(&early), Verdict::Ignore(Ignored::Future));
    world.wait(1);
    assert_eq!(world.verdict(&early), Verdict::Accept);
    let late = world.sign(|b| b.created_ms = START + 1 - TTL);
    assert_eq!(world.verdict(&late), Verdict::Ignore(Ignored::Stale));
    let future = Unsigned::new("t", b"", START + MESSAGE_SKEW_MS + 2, TTL).unwrap();
    let outcome = world.receive(Channel::Unsigned, &future.as_bytes().clone());
    assert_eq!(outcome.verdict, Verdict::Ignore(Ignored::Future));
    let stale = Unsigned::new("t", b"", START + 1 - TTL, TTL).unwrap();
    let outcome = world.receive(Channel::Unsigned, &stale.as_bytes().clone());
    assert_eq!(outcome.verdict, Verdict::Ignore(Ignored::Stale));
    assert_eq!(world.app.stats().expired(), 2);
}

#[test]
fn a_replay_is_ignored_during_and_after_the_seen_window() {
    let mut world = World::new();
    let envelope = world.envelope(b"hello");
    assert_eq!(world.verdict(&envelope), Verdict::Accept);
    for _ in 0..10 {
        world.wait(TTL / 10 - 1);
        let now = world.now();
        world.app.expire(now);
        assert_eq!(
            world.verdict(&envelope),
            Verdict::Ignore(Ignored::Duplicate)
        );
    }
    world.wait(TTL + MESSAGE_SKEW_MS);
    let now = world.now();
    world.app.expire(now);
    assert_eq!(world.app.remembered(), (0, 0));
    assert_eq!(world.verdict(&envelope), Verdict::Ignore(Ignored::Stale));
}

#[test]
fn a_clock_that_steps_back_brings_nothing_back() {
    let mut world = World::new();
    let envelope = world.envelope(b"hello");
    assert_eq!(world.verdict(&envelope), Verdict::Accept);
    world.wait(TTL + MESSAGE_SKEW_MS - 1);
    let now = world.now();
    world.app.expire(now);
    world.clock.step_wall_to_ms(START);
    assert_eq!(
        world.verdict(&envelope),
        Verdict::Ignore(Ignored::Duplicate)
    );
}

#[test]
fn a_number_used_twice_is_a_duplicate() {
    let mut world = World::new();
    let first = world.sign(|b| b.seq = 5);
    let second = world.sign(|b| (b.seq, b.payload) = (5, b"else".to_vec()));
    assert_ne!(first.id(), second.id());
    assert_eq!(world.verdict(&first), Verdict::Accept);
    assert_eq!(world.verdict(&second), Verdict::Ignore(Ignored::Duplicate));
}

#[test]
fn two_copies_verified_at_once_are_delivered_once() {
    let mut world = World::new();
    let envelope = world.envelope(b"hello");
    let now = world.now();
    let mut jobs = vec![];
    for _ in 0..2 {
        let bytes = envelope.as_bytes().clone();
        match world.app.precheck(world.peer, Channel::Signed, bytes, now) {
            Checked::Verify(job) => jobs.push(job),
            other => panic!("{other:?}"),
        }
    }
    let verdicts: Vec<_> = jobs.into_iter().map(|j| world.finish(j).verdict).collect();
    let expected = [Verdict::Accept, Verdict::Ignore(Ignored::Duplicate)];
    assert_eq!(verdicts, expected);
}

#[test]
fn an_unknown_key_is_asked_for_and_its_messages_wait() {
    let mut world = World::new();
    let (a, b) = (
        world.envelope(b"a").without_key(),
        world.envelope(b"b").without_key(),
    );
    let (now, peer) = (world.now(), world.peer);
    let park = |world: &mut World, from, e: &Envelope| {
        let bytes = e.as_bytes().clone();
        match world.app.precheck(from, Channel::Signed, bytes, now) {
            Checked::Parked { ask } => ask,
            other => panic!("{other:?}"),
        }
    };
    let digest = identity(1).public().digest();
    let other = PeerId::random();
    assert_eq!(park(&mut world, peer, &a), Some(NeedKey { digest, peer }));
    assert_eq!(park(&mut world, other, &b), None);
    assert_eq!(park(&mut world, peer, &a), None);
    // The first peer does not have it after all.
    let next = NeedKey {
        digest,
        peer: other,
    };
    assert_eq!(world.app.key_failed(&digest, &peer), Some(next));
    assert_eq!(world.app.key_failed(&digest, &peer), None);
    assert!(world.app.supply_key(identity(2).public()).is_empty());
    let jobs = world.app.supply_key(identity(1).public());
    assert_eq!(jobs.len(), 2);
    assert!(world.app.take_dropped().is_empty());
    for job in jobs {
        let outcome = world.finish(job);
        assert_eq!(outcome.verdict, Verdict::Accept);
    }
    // The key is known from now on.
    let c = world.envelope(b"c").without_key();
    assert_eq!(world.verdict(&c), Verdict::Accept);
}

#[test]
fn messages_whose_key_nobody_has_are_dropped() {
    let mut world = World::new();
    let envelope = world.envelope(b"a").without_key();
    let digest = identity(1).public().digest();
    for fail in [true, false] {
        let bytes = envelope.as_bytes().clone();
        let now = world.now();
        let parked = world.app.precheck(world.peer, Channel::Signed, bytes, now);
        assert!(matches!(parked, Checked::Parked { ask: Some(_) }));
        if fail {
            assert_eq!(world.app.key_failed(&digest, &world.peer.clone()), None);
        } else {
            world.wait(20_000);
            let now = world.now();
            world.app.expire(now);
        }
        assert!(world.app.supply_key(identity(1).public()).is_empty());
        let dropped = world.app.take_dropped();
        assert_eq!(dropped, [(world.peer, envelope.as_bytes().clone())]);
        assert!(world.app.take_dropped().is_empty());
    }
    assert_eq!(world.app.stats().ignored(Ignored::Unknown), 2);
}

#[test]
fn a_message_that_expires_while_it_waits_is_stale() {
    let mut world = World::new();
    let envelope = world.envelope(b"a");
    let (now, bytes) = (world.now(), envelope.as_bytes().clone());
    let Checked::Verify(job) = world.app.precheck(world.peer, Channel::Signed, bytes, now) else {
        panic!("no job");
    };
    let delegations = Delegations::new(CHAIN, GENESIS, SerialMemory::default());
    let verified = job.verify(&delegations, &Policy::default_fips(), START);
    world.wait(TTL);
    let now = world.now();
    let outcome = world.app.commit(verified, now);
    assert_eq!(outcome.verdict, Verdict::Ignore(Ignored::Stale));
}
