//! What others say, and those who say it for each other.

use super::*;
use crate::offence::Offence;

#[test]
fn a_recommendation_is_worth_its_score_times_that_of_its_recommender_times_the_weight() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    let friend = bench.friend(0.8);
    let gain = bench.say(&friend, &peer, 0.5).unwrap();
    assert!(near(gain, 0.5 * 0.8 * 0.1));
    assert!(near(bench.score(&peer), 0.54));
}

#[test]
fn recommendations_fade_and_may_then_be_made_again() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    let friend = bench.friend(0.8);
    bench.say(&friend, &peer, 1.0).unwrap();
    assert_eq!(bench.say(&friend, &peer, 1.0), Err(Refused::Repeated));
    bench.clock.advance(MINUTE * 5 * 100);
    let left = 0.08 * 0.99_f64.powi(100);
    assert!(near(bench.score(&peer), 0.5 + left));
    assert_eq!(bench.say(&friend, &peer, 1.0), Err(Refused::Repeated));
    bench.clock.advance(HOUR * 16);
    assert!(near(bench.score(&peer), 0.5));
    assert!(bench.say(&friend, &peer, 1.0).is_ok());
}

#[test]
fn refuses_what_no_recommendation_may_say() {
    let mut bench = Bench::new();
    let (friend, peer, local) = (bench.friend(0.9), PeerId::random(), bench.local);
    for bad in [f64::NAN, f64::INFINITY, -0.1, 1.1, f64::MIN] {
        assert_eq!(bench.say(&friend, &peer, bad), Err(Refused::OutOfRange));
    }
    assert_eq!(bench.say(&friend, &friend, 1.0), Err(Refused::Itself));
    assert_eq!(bench.say(&friend, &local, 1.0), Err(Refused::AboutUs));
    assert_eq!(bench.say(&local, &peer, 1.0), Err(Refused::FromUs));
    for (at_ms, refused) in [
        (0, Refused::Stale),
        (WALL_MS - 3_600_001, Refused::Stale),
        (WALL_MS + 120_001, Refused::Future),
        (u64::MAX, Refused::Future),
    ] {
        let mut word = bench.word(friend, peer, 1.0);
        word.at_ms = at_ms;
        let answer = bench.engine.recommend(&word, bench.now());
        assert_eq!(answer, Err(refused));
    }
    assert_eq!(bench.score(&peer), 0.5);
    assert!(Refused::Itself.is_fault() && !Refused::Stale.is_fault());
}

#[test]
fn strangers_and_the_disgraced_are_not_listened_to() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    let stranger = PeerId::random();
    assert_eq!(bench.say(&stranger, &peer, 1.0), Err(Refused::Stranger));
    bench.see_times(&stranger, Event::ValidMessage, 49);
    assert_eq!(bench.say(&stranger, &peer, 1.0), Err(Refused::Stranger));
    let disgraced = bench.friend(0.9);
    bench.see_times(&disgraced, Event::InvalidMessage, 5);
    assert_eq!(bench.say(&disgraced, &peer, 1.0), Err(Refused::Untrusted));
    bench.see(&disgraced, Event::Offence(Offence::BadProof));
    assert_eq!(bench.say(&disgraced, &peer, 1.0), Err(Refused::Untrusted));
    assert_eq!(bench.engine.stats(bench.now()).peers, 2);
}

#[test]
fn a_thousand_sybils_move_nobody() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    bench.see(&peer, Event::Connected);
    let sybils: Vec<_> = (0..1_000).map(|_| PeerId::random()).collect();
    for sybil in &sybils {
        // Each vouches for the attacker's favourite and for every tenth of the others.
        assert!(bench.say(sybil, &peer, 1.0).is_err());
        for other in sybils.iter().step_by(10).filter(|o| *o != sybil) {
            assert!(bench.say(sybil, other, 1.0).is_err());
        }
    }
    assert!(near(bench.score(&peer), 0.505));
    assert_eq!(bench.engine.stats(bench.now()).peers, 1);
}

#[test]
fn a_thousand_sybils_that_behaved_well_move_a_score_by_no_more_than_the_cap() {
    let (mut bench, peer) = (Bench::with(|c| c.max_peers = 4_096), PeerId::random());
    let sybils: Vec<_> = (0..1_000).map(|_| bench.friend(1.0)).collect();
    let mut highest: f64 = 0.0;
    // They come again and again for three days.
    for round in 0..72 {
        for sybil in &sybils {
            let gain = bench.say(sybil, &peer, 1.0).unwrap_or(0.0);
            assert!((0.0..=0.1 + 1e-12).contains(&gain));
            highest = highest.max(bench.score(&peer));
        }
        bench.clock.advance(HOUR);
        if round % 12 == 0 {
            sybils.iter().for_each(|s| bench.befriend(s, 1.0));
        }
    }
    assert!(highest <= 0.7 + 1e-9, "{highest}");
    assert!(highest > 0.69, "{highest}");
    assert!(bench.view(&peer).recommenders <= MAX_VOUCHERS);
    // When they stop, it is over in a day.
    bench.clock.advance(HOUR * 24);
    assert!(near(bench.score(&peer), 0.5));
}

#[test]
fn a_cycle_of_friends_gains_no_more_than_the_cap_and_nobody_new() {
    let mut bench = Bench::new();
    let ring: Vec<_> = (0..20).map(|_| bench.friend(0.6)).collect();
    for _ in 0..10 {
        for (i, a) in ring.iter().enumerate() {
            for b in ring.iter().skip(i + 1) {
                let _ = bench.say(a, b, 1.0);
                let _ = bench.say(b, a, 1.0);
            }
        }
    }
    for peer in &ring {
        let view = bench.view(peer);
        assert!(view.recommended <= 0.2 + 1e-9);
        assert!(near(view.direct, 0.6));
    }
    // What one of them says is worth its own record, not what the others made of it.
    let newcomer = PeerId::random();
    let gain = bench.say(&ring[0], &newcomer, 1.0).unwrap();
    assert!(near(gain, 0.06));
    assert!(bench.engine.trusted(0.7, 100, bench.now()).is_empty());
}

#[test]
fn nobody_is_talked_out_of_what_we_saw() {
    let (mut bench, liar) = (Bench::new(), PeerId::random());
    let friends: Vec<_> = (0..10).map(|_| bench.friend(1.0)).collect();
    for friend in &friends {
        let _ = bench.say(friend, &liar, 1.0);
    }
    assert!(near(bench.score(&liar), 0.7));
    let change = bench.see(&liar, Event::Offence(Offence::Equivocation));
    assert!(matches!(change.crossed, Some(Crossing::Below { .. })));
    assert_eq!(change.after, 0.0);
    for friend in &friends {
        let _ = bench.say(friend, &liar, 1.0);
    }
    assert_eq!(bench.score(&liar), 0.0);
    assert!(!bench.engine.standing(&liar, bench.now()).is_served());
}

#[test]
fn nobody_is_talked_down() {
    let mut bench = Bench::new();
    let (friend, peer) = (bench.friend(0.9), bench.friend(0.8));
    assert!(near(bench.say(&friend, &peer, 0.0).unwrap(), 0.0));
    assert!(near(bench.score(&peer), 0.8));
}

#[test]
fn faint_words_do_not_shut_out_loud_ones() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    for _ in 0..MAX_VOUCHERS * 2 {
        let faint = bench.friend(0.5);
        let _ = bench.say(&faint, &peer, 0.004);
    }
    let friend = bench.friend(1.0);
    assert!(bench.say(&friend, &peer, 1.0).unwrap() > 0.09);
}

#[test]
fn names_nobody_has_met_fill_a_quarter_of_the_table_and_displace_nobody() {
    let mut bench = Bench::with(|c| c.max_peers = 256);
    let (friend, known) = (bench.friend(0.9), PeerId::random());
    bench.see(&known, Event::ValidMessage);
    let mut full = 0;
    for _ in 0..1_000 {
        let answer = bench.say(&friend, &PeerId::random(), 1.0);
        full += usize::from(answer == Err(Refused::Full));
    }
    assert_eq!(bench.engine.stats(bench.now()).peers, 2 + 64);
    assert_eq!(full, 1_000 - 64);
    assert!(near(bench.view(&known).direct, 0.501));
    // What was heard fades, and the names with it.
    bench.clock.advance(HOUR * 25);
    let rows = bench.engine.take_rows(false, bench.now());
    assert_eq!(bench.engine.stats(bench.now()).peers, 2);
    assert_eq!(rows.peers.len(), 2);
    assert!(bench.say(&friend, &PeerId::random(), 1.0).is_ok());
}
