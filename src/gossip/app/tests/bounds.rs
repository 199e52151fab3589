//! Floods: what is remembered and kept stays bounded, and nothing gets in twice.

use super::*;

fn unsigned(n: u64, created_ms: u64) -> Bytes {
    let message = Unsigned::new("t", &n.to_be_bytes(), created_ms, TTL).unwrap();
    message.as_bytes().clone()
}

impl World {
    fn flood(&mut self, n: u64, created_ms: u64) -> Verdict {
        self.receive(Channel::Unsigned, &unsigned(n, created_ms))
            .verdict
    }
}

#[test]
fn what_is_forgotten_for_want_of_room_is_stale() {
    let mut world = World::with(Config {
        seen: 100,
        ..Config::default()
    });
    for n in 0..150 {
        assert_eq!(world.flood(n, START - 1000 + n), Verdict::Accept);
    }
    assert_eq!(world.app.remembered(), (0, 100));
    for n in 0..150 {
        let expected = if n < 50 {
            Ignored::Stale
        } else {
            Ignored::Duplicate
        };
        assert_eq!(world.flood(n, START - 1000 + n), Verdict::Ignore(expected));
    }
    // As old as what was forgotten, although it is new: one cannot tell.
    assert_eq!(
        world.flood(999, START - 990),
        Verdict::Ignore(Ignored::Stale)
    );
    assert_eq!(world.flood(999, START), Verdict::Accept);
    // Signed messages have a memory of their own.
    let old = world.sign(|b| b.created_ms = START - 5000);
    assert_eq!(world.verdict(&old), Verdict::Accept);
}

#[test]
fn messages_dated_ahead_do_not_push_the_edge_past_the_present() {
    let mut world = World::with(Config {
        seen: 100,
        seen_ahead: 10,
        ..Config::default()
    });
    for n in 0..200 {
        let expected = match n {
            0..10 => Verdict::Accept,
            _ => Verdict::Ignore(Ignored::Full),
        };
        assert_eq!(world.flood(n, START + MESSAGE_SKEW_MS), expected);
    }
    for n in 200..300 {
        assert_eq!(world.flood(n, START + n), Verdict::Accept);
    }
    // The edge is where the honest ones are, not ten minutes ahead.
    assert_eq!(world.app.remembered(), (0, 100));
    assert_eq!(world.flood(300, START + 300), Verdict::Accept);
}

#[test]
fn one_sender_cannot_fill_the_memory() {
    let mut world = World::with(Config {
        seen_per_sender: 3,
        ..Config::default()
    });
    for n in 0..5 {
        let envelope = world.sign(|b| (b.seq, b.payload) = (n, vec![n as u8]));
        let expected = match n {
            0..3 => Verdict::Accept,
            _ => Verdict::Ignore(Ignored::Full),
        };
        assert_eq!(world.verdict(&envelope), expected);
    }
    let now = world.now();
    let other = App::new(Config::default(), CHAIN, GENESIS)
        .compose(&identity(2), "news", b"x", TTL, now)
        .unwrap();
    assert_eq!(world.verdict(&other), Verdict::Accept);
}

#[test]
fn recent_messages_stay_within_their_bytes() {
    let mut world = World::with(Config {
        recent_bytes: 10_000,
        ..Config::default()
    });
    for n in 0..100 {
        assert_eq!(world.flood(n, START + n), Verdict::Accept);
        assert!(world.app.recent_bytes() <= 10_000);
    }
    let now = world.now();
    let kept = world.app.recent_ids(now).count();
    assert!((10..20).contains(&kept), "{kept}");
    let newest = Unsigned::decode(unsigned(99, START + 99)).unwrap().id();
    let oldest = Unsigned::decode(unsigned(0, START)).unwrap().id();
    assert!(world.app.recent(&newest).is_some() && world.app.recent(&oldest).is_none());
}

#[test]
fn the_parking_lot_is_bounded_per_peer_and_in_all() {
    let mut world = World::new();
    let envelope = world.sign(|_| {}).without_key();
    let mut parked = 0;
    // Forged envelopes of made-up senders cost nothing to make.
    for n in 0..2000_u64 {
        let mut bytes = envelope.as_bytes().to_vec();
        let digest = identity(1).public().digest();
        let made_up = Hash32([n.to_be_bytes(); 4].concat().try_into().unwrap());
        let places: Vec<usize> = (0..bytes.len() - 32)
            .filter(|at| bytes[*at..at + 32] == digest.as_bytes()[..])
            .collect();
        assert_eq!(places.len(), 2);
        for at in places {
            bytes[at..at + 32].copy_from_slice(made_up.as_bytes());
        }
        if n % 100 == 0 {
            world.peer = PeerId::random();
        }
        let now = world.now();
        match world
            .app
            .precheck(world.peer, Channel::Signed, bytes.into(), now)
        {
            Checked::Parked { .. } => parked += 1,
            Checked::Done(verdict) => assert_eq!(verdict, Verdict::Ignore(Ignored::Full)),
            Checked::Verify(job) => panic!("{job:?}"),
        }
        assert!(parked <= (n / 100 + 1) * 32);
    }
    assert_eq!(parked, 256);
    world.wait(20_000);
    let now = world.now();
    world.app.expire(now);
    assert!(format!("{:?}", world.app).contains("parked: 0"));
}
