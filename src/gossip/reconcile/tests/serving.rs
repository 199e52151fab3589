//! What the serving side grants and refuses.

use std::time::Duration;

use libp2p::PeerId;

use super::*;
use crate::{
    bucket::Rate,
    clock::{Clock, ManualClock},
};

struct Pool(Vec<Hash32>);

impl Sets for Pool {
    fn ids(&self, set: SketchSet) -> Option<Vec<Hash32>> {
        (set == SketchSet::Pool).then(|| self.0.clone())
    }
}

fn ask(salt: u8, from: u32, count: u32) -> GetSketch {
    GetSketch {
        set: SketchSet::Pool,
        salt: Salt([salt; 16]),
        size: 0,
        query: SketchQuery::Symbols { from, count },
    }
}

fn tag(reply: &Reply) -> Option<u64> {
    match reply {
        Reply::Sketch(sketch) => Some(sketch.tag),
        _ => None,
    }
}

fn is_busy(reply: &Reply) -> bool {
    matches!(reply, Reply::Busy { .. })
}

#[test]
fn a_session_sees_one_state_of_the_set() {
    let (clock, peer) = (ManualClock::at_wall_ms(0), PeerId::random());
    let mut server = Server::new(Limits::default());
    let before = server.answer(peer, &ask(1, 0, 8), &Pool(items(0..10)), clock.now());
    let later = server.answer(peer, &ask(1, 8, 8), &Pool(items(0..90)), clock.now());
    assert_eq!(tag(&before), tag(&later));
    let Reply::Sketch(later) = later else {
        panic!("{later:?}")
    };
    assert_eq!(later.size, 10);
    let mut encoder = Encoder::new(Salt([1; 16]), items(0..10));
    let symbols = encoder.symbols(8..16).to_vec();
    assert_eq!(later.part, SketchPart::Symbols(symbols));
    // Another salt is another session, and so is the same one once it was forgotten.
    let other = server.answer(peer, &ask(2, 0, 8), &Pool(items(0..90)), clock.now());
    assert_ne!(tag(&before), tag(&other));
    clock.advance(Duration::from_secs(31));
    let again = server.answer(peer, &ask(2, 8, 8), &Pool(items(0..90)), clock.now());
    assert_ne!(tag(&other), tag(&again));
    assert_eq!(server.sessions(), 1);
    server.peer_down(&peer);
    assert_eq!(server.sessions(), 0);
}

#[test]
fn a_peer_opens_few_sessions_and_the_next_may_wait() {
    let (clock, peer) = (ManualClock::at_wall_ms(0), PeerId::random());
    let (mut server, pool) = (Server::new(Limits::default()), Pool(items(0..10)));
    let served = (0..20)
        .filter(|salt| tag(&server.answer(peer, &ask(*salt, 0, 8), &pool, clock.now())).is_some());
    assert_eq!(served.count(), 4);
    let another = server.answer(PeerId::random(), &ask(99, 0, 8), &pool, clock.now());
    assert!(tag(&another).is_some(), "others are not affected");
    clock.advance(Duration::from_secs(1));
    assert!(tag(&server.answer(peer, &ask(50, 0, 8), &pool, clock.now())).is_some());
}

#[test]
fn a_peer_that_floods_one_session_is_busy_too() {
    let (clock, peer) = (ManualClock::at_wall_ms(0), PeerId::random());
    let (mut server, pool) = (Server::new(Limits::default()), Pool(items(0..10)));
    let replies = (0..200).map(|_| server.answer(peer, &ask(1, 0, 8), &pool, clock.now()));
    assert_eq!(replies.filter(is_busy).count(), 200 - 64);
}

#[test]
fn sessions_are_bounded_and_only_idle_ones_displaced() {
    let clock = ManualClock::at_wall_ms(0);
    let (mut server, pool) = (Server::new(Limits::default()), Pool(items(0..10)));
    let peers: Vec<PeerId> = (0..6).map(|_| PeerId::random()).collect();
    for peer in &peers[..4] {
        assert!(tag(&server.answer(*peer, &ask(1, 0, 8), &pool, clock.now())).is_some());
    }
    assert!(is_busy(&server.answer(
        peers[4],
        &ask(1, 0, 8),
        &pool,
        clock.now()
    )));
    clock.advance(Duration::from_secs(2));
    assert!(tag(&server.answer(peers[0], &ask(1, 8, 8), &pool, clock.now())).is_some());
    assert!(tag(&server.answer(peers[4], &ask(1, 0, 8), &pool, clock.now())).is_some());
    assert_eq!(server.sessions(), 4);
    let kept = server.answer(peers[0], &ask(1, 16, 8), &pool, clock.now());
    assert_eq!(tag(&kept), Some(0), "the one in use was not displaced");
}

#[test]
fn work_for_all_peers_together_is_bounded() {
    let clock = ManualClock::at_wall_ms(0);
    let limits = Limits {
        sessions: 100,
        work: Rate {
            per_second: 1_000,
            burst: 5_000,
        },
        ..Limits::default()
    };
    let (mut server, pool) = (Server::new(limits), Pool(items(0..1_000)));
    let mut serve = || server.answer(PeerId::random(), &ask(1, 0, 8), &pool, clock.now());
    let served = (0..10).filter(|_| tag(&serve()).is_some()).count();
    assert_eq!(served, 2, "one walk for the keys and one for the symbols");
    clock.advance(Duration::from_secs(2));
    assert!(tag(&serve()).is_some());
}

#[test]
fn a_set_that_is_not_kept_is_unsupported_and_ids_are_found_in_a_new_session() {
    let (clock, peer) = (ManualClock::at_wall_ms(0), PeerId::random());
    let (mut server, pool) = (Server::new(Limits::default()), Pool(items(0..10)));
    let mut request = ask(1, 0, 8);
    request.set = SketchSet::App;
    let reply = server.answer(peer, &request, &pool, clock.now());
    assert_eq!(reply, Reply::Unsupported);
    request.set = SketchSet::Pool;
    let key = Keys::new(request.salt).of(&items([3])[0]);
    request.query = SketchQuery::Ids(vec![key, ShortKey(0)]);
    let Reply::Sketch(sketch) = server.answer(peer, &request, &pool, clock.now()) else {
        panic!("no answer")
    };
    assert_eq!(sketch.part, SketchPart::Ids(items([3])));
}
