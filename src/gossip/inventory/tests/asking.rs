use super::*;
use crate::{ids::Hash32, trust::Score};

#[test]
fn what_is_announced_is_asked_for_handed_on_and_announced_to_the_others() {
    let mut b = Bench::new(3);
    b.announced(1, &items(0..2));
    b.announced(2, &items(0..1));
    let (whom, id) = b.request();
    assert_eq!(whom, peer(1));
    b.answer(1, id, data(&[0, 1], &[]));
    let received = [0, 1].map(|n| Output::Received {
        peer: peer(1),
        item: item(n),
        bytes: object(n),
    });
    assert_eq!(b.outputs(), received);

    (0..2).for_each(|n| b.engine.learned(item(n), b.now));
    b.millis(100);
    let told: Vec<_> = b.announcements();
    let told: Vec<_> = told.iter().map(|(to, _, n)| (*to, *n)).collect();
    assert_eq!(told, [(peer(2), 1), (peer(3), 2)], "each what it lacks");
    assert_eq!(b.engine.wanted(), 0);
}

#[test]
fn what_is_here_is_not_asked_for() {
    let mut b = Bench::new(2);
    b.engine.announced(peer(1), &[item(1)], |_| true, b.now);
    assert_eq!((b.outputs(), b.engine.counts().stale), (vec![], 1));
    b.announced(1, &[item(2)]);
    assert_eq!(b.request().0, peer(1));
    b.engine.have(&item(2));
    assert_eq!(b.engine.wanted(), 0, "it came through the mesh meanwhile");
    b.time_out();
    assert_eq!(b.outputs(), []);
}

#[test]
fn what_an_announcer_does_not_have_is_asked_of_the_next_at_once() {
    let mut b = Bench::new(3);
    (1..=3).for_each(|n| b.announced(n, &[item(1)]));
    let (_, id) = b.request();
    b.answer(1, id, data(&[], &[1]));
    let (whom, id) = b.request();
    assert_eq!((whom, b.engine.counts().not_found), (peer(2), 1));
    let code = ErrorCode::Closing;
    b.answer(2, id, Some(Message::Error { code }));
    let (whom, id) = b.request();
    assert_eq!(whom, peer(3));
    b.answer(3, id, data(&[], &[1]));
    assert_eq!((b.outputs(), b.engine.wanted()), (vec![], 0));
    assert_eq!(b.engine.counts().lost, 1);
}

#[test]
fn a_busy_peer_gets_its_pause_and_no_reproach() {
    let mut b = Bench::new(2);
    b.announced(1, &[item(1)]);
    let (_, id) = b.request();
    b.answer(1, id, busy(3000));
    assert_eq!(b.outputs(), []);
    b.announced(2, &[item(1)]);
    let (whom, id) = b.request();
    assert_eq!(whom, peer(2));
    b.answer(2, id, busy(9000));
    b.millis(2999);
    assert_eq!(b.outputs(), []);
    b.millis(1);
    assert_eq!(b.request().0, peer(1));
    assert_eq!(b.engine.counts().withheld, 0);
}

#[test]
fn outbound_peers_and_those_with_less_to_do_are_asked_first() {
    let mut b = Bench::new(2);
    b.engine.up(peer(3), true);
    b.announced(1, &[item(1)]);
    assert_eq!(b.request().0, peer(1), "it is the only one so far");
    b.announced(1, &[item(9)]);
    b.requests();
    (1..=3).for_each(|n| b.announced(n, &[item(2)]));
    // 1 has two requests in flight, so 2 was asked when it announced.
    assert_eq!(b.request().0, peer(2));
    b.engine.down(&peer(2), b.now);
    assert_eq!(b.request().0, peer(3), "the next at once");

    let mut b = Bench::new(2);
    b.announced(1, &[item(1)]);
    b.requests();
    b.engine.up(peer(3), true);
    b.announced(2, &[item(1)]);
    b.announced(3, &[item(1)]);
    b.time_out();
    assert_eq!(b.request().0, peer(3));
}

#[test]
fn what_was_refused_is_not_asked_for_again_for_ten_minutes() {
    let mut b = Bench::new(2);
    b.announced(1, &[item(1)]);
    let (_, id) = b.request();
    b.answer(1, id, data(&[1], &[]));
    b.outputs();
    b.engine.refused(item(1), b.now);
    b.announced(2, &[item(1)]);
    assert_eq!(b.outputs(), []);
    b.millis(600_000);
    b.announced(2, &[item(1)]);
    assert_eq!(b.request().0, peer(2));
    for n in 0..20_000 {
        b.engine.refused(item(n), b.now);
    }
    b.announced(2, &[item(10_000)]);
    assert_eq!(b.requests().len(), 1, "only the latest are remembered");
}

#[test]
fn a_verdict_that_never_comes_does_not_lose_the_object() {
    let mut b = Bench::new(2);
    b.announced(1, &[item(1)]);
    let (_, id) = b.request();
    b.answer(1, id, data(&[1], &[]));
    b.outputs();
    b.announced(2, &[item(1)]);
    assert_eq!(b.outputs(), [], "it is in validation");
    b.millis(30_000);
    b.announced(2, &[item(1)]);
    assert_eq!(b.request().0, peer(2));
}

#[test]
fn blocks_and_blobs_are_passed_on_to_those_who_fetch_them() {
    let mut b = Bench::new(1);
    let heard = [ItemKind::Block, ItemKind::Blob].map(|kind| Item {
        kind,
        id: Hash32([1; 32]),
    });
    b.announced(1, &heard);
    let expected = heard.map(|item| Output::Heard {
        peer: peer(1),
        item,
    });
    assert_eq!(b.outputs(), expected);
    assert_eq!(b.engine.wanted(), 0);
}

#[test]
fn peers_beyond_the_limit_and_strangers_are_not_remembered() {
    let limits = Limits {
        peers: 2,
        ..Limits::default()
    };
    let mut b = Bench::with(3, limits);
    b.announced(3, &[item(1)]);
    b.announced(77, &[item(1)]);
    assert_eq!((b.outputs(), b.engine.wanted()), (vec![], 0));
}

/// Lets the engine know a score.
fn trust(b: &mut Bench, n: u8, score: f64) {
    b.engine.trust(&peer(n), Score::new(score).unwrap());
}

/// Whom is asked for what peers 1 to 3 have, after the request to 4 went unanswered.
fn choice(mut b: Bench) -> PeerId {
    b.engine.up(peer(4), false);
    b.announced(4, &[item(1)]);
    b.requests();
    (1..=3).for_each(|n| b.announced(n, &[item(1)]));
    b.engine.down(&peer(4), b.now);
    b.request().0
}

#[test]
fn a_distrusted_peer_is_asked_last_and_still_asked() {
    let mut b = Bench::new(3);
    assert_eq!(choice(Bench::new(3)), peer(1), "it announced first");
    trust(&mut b, 1, 0.3);
    assert_eq!(choice(b), peer(2));

    let mut b = Bench::new(2);
    b.engine.up(peer(3), true);
    trust(&mut b, 3, 0.3);
    assert_eq!(choice(b), peer(1), "doubt counts more than our choosing");

    let mut b = Bench::new(3);
    trust(&mut b, 1, 0.0);
    b.announced(1, &[item(1)]);
    assert_eq!(b.request().0, peer(1), "nobody else has it");
}

#[test]
fn trust_makes_work_lighter_and_equal_trust_changes_nothing() {
    let mut b = Bench::new(3);
    trust(&mut b, 3, 0.9);
    assert_eq!(choice(b), peer(3));
    for score in [0.0, 0.3, 1.0] {
        let mut b = Bench::new(3);
        (1..=3).for_each(|n| trust(&mut b, n, score));
        // 1 has something to do.
        b.announced(1, &[item(7)]);
        b.requests();
        assert_eq!(choice(b), peer(2), "{score}");
    }
}

#[test]
fn a_trusted_peer_that_withholds_comes_after_a_doubted_one() {
    let mut b = Bench::new(3);
    trust(&mut b, 1, 1.0);
    trust(&mut b, 2, 0.1);
    b.announced(1, &items(10..14));
    // Asked again and again, until it is no longer believed to have them.
    loop {
        let requests = b.requests();
        if requests.is_empty() {
            break;
        }
        for (_, id, _) in requests {
            b.answer(1, id, None);
        }
    }
    (1..=3).rev().for_each(|n| b.announced(n, &[item(1)]));
    assert_eq!(b.request().0, peer(3), "the first to announce it");
    b.engine.down(&peer(3), b.now);
    assert_eq!(b.request().0, peer(2));
}
