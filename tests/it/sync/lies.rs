//! Peers that lie, each in one way, beside honest ones.

use std::{sync::Arc, time::Duration};

use animica_p2p::{
    chain::{Block, ChainStore, Header, MemoryStore},
    ids::{Theta, Work},
    offence::Offence,
    sync::{Config, RequestFailure},
    wire::{Blocks, Headers, Message},
};
use bytes::Bytes;

use super::{
    chains::{chain, devnet, fork, prefix},
    model::{Link, Manner},
    world::World,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Changes the last header of an answer.
fn change(m: &mut Headers, f: impl Fn(&mut Header)) {
    if let Some(last) = m.headers.last_mut() {
        let mut header = Header::decode(last).expect("honest so far");
        f(&mut header);
        *last = Bytes::from(header.encode());
    }
}

/// The header at the end of an answer with a nonce that does not meet its Θ.
fn no_work(m: &mut Headers) {
    change(m, |header| {
        while animica_p2p::chain::poies::meets(&header.draw(), header.theta) {
            header.nonce += 1;
        }
    });
}

/// A header that meets whatever was done to it.
fn mined(m: &mut Headers, f: impl Fn(&mut Header)) {
    change(m, |header| {
        f(header);
        while !animica_p2p::chain::poies::meets(&header.draw(), header.theta) {
            header.nonce += 1;
        }
    });
}

pub(crate) type Lie = fn(&mut Headers);

pub(crate) const HEADER_LIES: &[(&str, Lie, Offence)] = &[
    ("no work", no_work, Offence::InsufficientWork),
    (
        "another theta",
        |m| mined(m, |h| h.theta = Theta(h.theta.0 + 1)),
        Offence::WrongTheta,
    ),
    (
        "another parent",
        |m| mined(m, |h| h.parent_hash.0[3] ^= 1),
        Offence::BrokenLink,
    ),
    (
        "another height",
        |m| mined(m, |h| h.height.0 += 1),
        Offence::BrokenLink,
    ),
    (
        "another chain",
        |m| mined(m, |h| h.chain_id.0 += 1),
        Offence::BrokenLink,
    ),
    (
        "the time of genesis",
        |m| mined(m, |h| h.timestamp = 1_735_689_600),
        Offence::BadTimestamp,
    ),
    (
        "another policy",
        |m| mined(m, |h| h.poies_policy_root.0[0] ^= 1),
        Offence::WrongPolicyRoot,
    ),
    (
        "another version",
        |m| mined(m, |h| h.version = 2),
        Offence::MalformedMessage,
    ),
    (
        "bytes behind a header",
        |m| {
            let last = m.headers.last_mut().expect("not empty");
            *last = [last.as_ref(), &[0]].concat().into();
        },
        Offence::NonCanonicalCbor,
    ),
    (
        "no header at all",
        |m| *m.headers.first_mut().expect("not empty") = Bytes::from_static(&[0xa0]),
        Offence::MalformedMessage,
    ),
    (
        "headers that follow nothing",
        |m| drop(m.headers.remove(0)),
        Offence::BrokenLink,
    ),
    (
        "a gap",
        |m| {
            if m.headers.len() > 4 {
                m.headers.remove(2);
            }
        },
        Offence::BrokenLink,
    ),
    (
        "less work than before",
        |m| m.tip.work = Work(m.tip.work.0 / 2),
        Offence::FalseWorkClaim,
    ),
    (
        "more work than there is",
        |m| m.tip.work = Work(m.tip.work.0 + 1),
        Offence::FalseWorkClaim,
    ),
    (
        "much work and no headers",
        |m| {
            m.tip.work = Work(u128::MAX);
            m.headers.clear();
        },
        Offence::FalseWorkClaim,
    ),
];

#[test]
fn every_lie_about_headers_is_the_liars_alone_and_stops_nobody() {
    let target = chain(400, 1, 1);
    for (n, (name, lie, offence)) in HEADER_LIES.iter().enumerate() {
        for (height, honest_link) in [(1, Link::DSL), (300, Link::LAN), (300, Link::SLOW)] {
            let mut world = World::new(n as u64);
            let liar = world.peer(&target, Manner::Headers(height, *lie), Link::LAN);
            world.peer(&target, Manner::Honest, honest_link);
            world.must_reach(&target, 2 * MINUTE);
            let found = world.penalty_of(liar);
            // A slow honest peer may never be needed, but the liar never gets away with a first
            // answer, and never with all of them when it is the fastest.
            assert!(
                found == Some(*offence) || (found.is_none() && height == 300),
                "{name}: {found:?} {:?}",
                world.penalties
            );
        }
    }
}

#[test]
fn a_liar_alone_changes_nothing() {
    let target = chain(200, 1, 1);
    for (name, lie, offence) in HEADER_LIES {
        let mut world = World::new(1);
        let liar = world.peer(&target, Manner::Headers(1, *lie), Link::LAN);
        world.run_until(MINUTE, |_| false);
        assert_eq!(world.penalty_of(liar), Some(*offence), "{name}");
        assert_eq!(world.store.tips().blocks.height.0, 0, "{name}");
    }
}

pub(crate) type BodyLie = fn(&mut Blocks);

pub(crate) const BODY_LIES: &[(&str, BodyLie, Offence)] = &[
    (
        "one transaction less",
        |m| {
            let last = m.blocks.last_mut().expect("not empty");
            let mut block = Block::decode(last.clone()).expect("honest so far");
            block.txs.pop();
            *last = block.encode();
        },
        Offence::BodyMismatch,
    ),
    (
        "a transaction twice",
        |m| {
            let last = m.blocks.last_mut().expect("not empty");
            let mut block = Block::decode(last.clone()).expect("honest so far");
            block.txs.extend(block.txs.last().cloned());
            *last = block.encode();
        },
        Offence::BodyMismatch,
    ),
    (
        "out of order",
        |m| m.blocks.reverse(),
        Offence::BodyMismatch,
    ),
    (
        "twice",
        |m| {
            let first = m.blocks[0].clone();
            m.blocks.push(first);
        },
        Offence::BodyMismatch,
    ),
    (
        "another block",
        |m| {
            let mut block = Block::decode(m.blocks[0].clone()).expect("honest so far");
            block.header.nonce ^= 1;
            m.blocks[0] = block.encode();
        },
        Offence::BodyMismatch,
    ),
    (
        "garbage",
        |m| m.blocks[0] = Bytes::from_static(&[0xff; 40]),
        Offence::NonCanonicalCbor,
    ),
];

#[test]
fn every_lie_about_bodies_is_the_liars_alone_and_stops_nobody() {
    let target = chain(300, 3, 1);
    for (n, (name, lie, offence)) in BODY_LIES.iter().enumerate() {
        let mut world = World::new(n as u64);
        let liar = world.peer(&target, Manner::Bodies(*lie), Link::LAN);
        world.peer(&target, Manner::Honest, Link::DSL);
        world.peer(&target, Manner::Flaky(3), Link::DSL);
        world.must_reach(&target, 2 * MINUTE);
        assert_eq!(world.penalty_of(liar), Some(*offence), "{name}");
    }
}

#[test]
fn answers_to_other_questions_are_an_offence() {
    let target = chain(100, 1, 1);
    let mut world = World::new(1);
    let other = Message::Blocks(Blocks {
        credits: animica_p2p::wire::Credits::INITIAL,
        blocks: vec![],
        missing: vec![],
    });
    let liar = world.peer(&target, Manner::Says(other), Link::LAN);
    world.peer(&target, Manner::Honest, Link::DSL);
    world.must_reach(&target, MINUTE);
    assert_eq!(world.penalty_of(liar), Some(Offence::UnsolicitedResponse));
}

#[test]
fn what_the_wire_refused_is_reported_with_its_offence() {
    let mut world = World::new(1);
    let target = chain(20, 1, 1);
    let peer = world.peer(&target, Manner::Stalls, Link::LAN);
    world.run_until(Duration::from_millis(100), |w| w.engine.open_requests() > 0);
    let result = Err(RequestFailure::Malformed {
        offence: Offence::OversizedMessage,
        detail: "a frame of 4 GiB".into(),
    });
    let id = animica_p2p::sync::RequestId(1);
    world.input(
        Duration::ZERO,
        animica_p2p::sync::Input::Answer { peer, id, result },
    );
    world.run_until(Duration::from_secs(1), |_| false);
    assert_eq!(world.penalty_of(peer), Some(Offence::OversizedMessage));
}

#[test]
fn answers_nobody_asked_for_and_answers_that_come_twice_are_ignored() {
    let target = chain(100, 1, 1);
    let mut world = World::new(1);
    let peer = world.peer(&target, Manner::Honest, Link::LAN);
    for n in 0..200 {
        let id = animica_p2p::sync::RequestId(n);
        let result = Err(RequestFailure::Timeout);
        world.input(
            Duration::from_secs(30),
            animica_p2p::sync::Input::Answer { peer, id, result },
        );
    }
    world.must_reach(&target, MINUTE);
    world.run_until(MINUTE, |_| false);
    assert_eq!(world.penalties, []);
}

#[test]
fn a_claim_of_much_work_without_headers_for_it_is_found_out() {
    let target = chain(200, 1, 1);
    let mut world = World::new(1);
    let liar = world.peer(&target, Manner::Boasts(Work(u128::MAX)), Link::LAN);
    world.peer(&target, Manner::Honest, Link::DSL);
    world.must_reach(&target, MINUTE);
    assert_eq!(world.penalty_of(liar), Some(Offence::FalseWorkClaim));
}

/// A chain with little work beside ours: it forks at genesis and ends below.
fn spam(len: u64) -> Arc<MemoryStore> {
    chain(len, 0, 99)
}

#[test]
fn low_work_headers_are_weighed_and_never_stored() {
    let trunk = chain(3000, 0, 1);
    let mut world = World::with(1, Config::default(), prefix(&trunk, 3000));
    let before = world.store.tips();
    let low = spam(2500);
    let liar = world.peer(&low, Manner::Boasts(Work(u128::MAX)), Link::LAN);
    let honest = fork(&trunk, 3000, 10, 3);
    world.run_until(Duration::from_secs(30), |_| false);
    assert_eq!(world.store.tips(), before);
    let stored = world
        .store
        .header(animica_p2p::chain::At::Hash(low.tips().blocks.hash));
    assert_eq!(stored.expect("memory"), None);
    assert_eq!(world.penalty_of(liar), Some(Offence::FalseWorkClaim));
    world.peer(&honest, Manner::Honest, Link::LAN);
    world.must_reach(&honest, MINUTE);
}

#[test]
fn without_the_least_work_nothing_is_stored_and_with_it_the_chain_is_downloaded_again() {
    let target = chain(3000, 0, 1);
    let low = spam(2000);
    let least = Work(target.tips().blocks.work.0 - 1_000_000);
    let config = Config {
        minimum_chain_work: least,
        ..Config::default()
    };
    let mut world = World::with(1, config, Arc::new(MemoryStore::new(&devnet())));
    world.peer(&low, Manner::Boasts(Work(u128::MAX)), Link::LAN);
    world.run_until(Duration::from_secs(20), |_| false);
    assert_eq!(world.store.tips().headers.height.0, 0);
    world.peer(&target, Manner::Honest, Link::DSL);
    world.must_reach(&target, 2 * MINUTE);
}

#[test]
fn a_deep_branch_is_weighed_first_and_then_replaces_ours() {
    let trunk = chain(2600, 0, 1);
    let better = fork(&trunk, 5, 2700, 7);
    let mut world = World::with(1, Config::default(), prefix(&trunk, 2600));
    world.peer(&trunk, Manner::Honest, Link::LAN);
    world.peer(&better, Manner::Honest, Link::DSL);
    world.peer(&better, Manner::Honest, Link::DSL);
    world.must_reach(&better, 2 * MINUTE);
    assert_eq!(world.penalties, []);
}

#[test]
fn a_branch_that_changes_between_weighing_and_storing_is_equivocation() {
    let target = chain(4000, 0, 1);
    let other = spam(4200);
    let config = Config {
        minimum_chain_work: Work(target.tips().blocks.work.0 - 1_000_000),
        ..Config::default()
    };
    // The chain is shown in full once; then the peer serves what it likes, under the same claim.
    let mut found = Vec::new();
    for after in [5, 6, 7, 8] {
        let mut world = World::with(after, config, Arc::new(MemoryStore::new(&devnet())));
        let liar = world.peer(
            &target,
            Manner::Turns(u32::try_from(after).expect("small"), Arc::clone(&other)),
            Link::LAN,
        );
        world.run_until(MINUTE, |_| false);
        found.extend(world.penalty_of(liar));
        world.peer(&target, Manner::Honest, Link::LAN);
        world.run_until(2 * MINUTE, |w| {
            w.store.tips().blocks.beats(&target.tips().blocks)
                || w.store.tips().blocks == target.tips().blocks
        });
        assert!(world.store.tips().blocks.height.0 >= 4000);
        world.check_innocents();
    }
    assert!(found.contains(&Offence::Equivocation), "{found:?}");
}

/// A branch with more work whose bodies nobody gets, beside a worse one that is really there.
#[test]
fn a_better_branch_without_bodies_does_not_keep_us_from_the_best_one_that_has_some() {
    let trunk = chain(100, 1, 1);
    let hidden = fork(&trunk, 100, 30, 4);
    let real = fork(&trunk, 100, 10, 5);
    for manner in [Manner::Headless, Manner::KeepsBodies] {
        let mut world = World::with(1, Config::default(), prefix(&trunk, 100));
        world.peer(&hidden, manner, Link::LAN);
        world.run_until(Duration::from_secs(5), |_| false);
        assert_eq!(world.store.tips().headers, hidden.tips().headers);
        world.peer(&real, Manner::Honest, Link::LAN);
        world.must_reach(&real, 3 * MINUTE);
        // One that grows on it is followed as ever.
        let longer = fork(&real, 110, 5, 6);
        world.peer(&longer, Manner::Honest, Link::LAN);
        world.must_reach(&longer, MINUTE);
        // When somebody has the bodies after all, the branch is found again.
        world.peer(&hidden, Manner::Honest, Link::LAN);
        world.must_reach(&hidden, 12 * MINUTE);
    }
}

/// A header with work whose only possible body breaks a rule.
#[test]
fn a_block_that_no_body_can_make_valid_is_left_aside_with_its_branch() {
    let trunk = chain(50, 1, 1);
    let invalid = super::chains::invalid_on(&trunk);
    let mut world = World::with(1, Config::default(), prefix(&trunk, 50));
    let liar = world.peer(&invalid, Manner::Guilty, Link::LAN);
    let real = fork(&trunk, 50, 1, 5);
    world.run_until(Duration::from_secs(20), |_| false);
    assert_eq!(world.penalty_of(liar), Some(Offence::BodyMismatch));
    assert_eq!(world.store.tips().headers, trunk.tips().headers);
    world.peer(&real, Manner::Honest, Link::LAN);
    world.must_reach(&real, MINUTE);
}

/// The bar: with three bad peers of four, at least half the rate of the honest peer alone.
#[test]
fn one_stalling_one_slow_and_one_lying_peer_cost_less_than_half_the_rate() {
    let target = chain(3000, 6, 1);
    let link = Link {
        rate: 1e6,
        ..Link::DSL
    };
    let time = |bad: bool, lie: Option<Lie>| {
        let mut world = World::new(3);
        if bad {
            world.peer(&target, Manner::Stalls, Link::LAN);
            world.peer(&target, Manner::Honest, Link::SLOW);
            let liar = match lie {
                Some(lie) => Manner::Headers(1500, lie),
                None => Manner::Bodies(BODY_LIES[0].1),
            };
            world.peer(&target, liar, Link::LAN);
        }
        world.peer(&target, Manner::Honest, link);
        world.must_reach(&target, 10 * MINUTE)
    };
    let alone = time(false, None);
    for lie in [None, Some(HEADER_LIES[0].1), Some(HEADER_LIES[13].1)] {
        let crowded = time(true, lie);
        assert!(crowded < alone * 2, "{crowded:?} beside {alone:?}");
    }
}

#[test]
fn every_manner_together_and_still_the_end_is_reached() {
    let target = chain(1200, 2, 1);
    for seed in 0..20 {
        let mut world = World::new(seed);
        let n = usize::try_from(seed).expect("small");
        let (_, lie, _) = HEADER_LIES[n % HEADER_LIES.len()];
        let (_, body_lie, _) = BODY_LIES[n % BODY_LIES.len()];
        world.peer(&target, Manner::Headers(700, lie), Link::LAN);
        world.peer(&target, Manner::Bodies(body_lie), Link::LAN);
        world.peer(&target, Manner::Stalls, Link::LAN);
        world.peer(&target, Manner::StallsAfter(7), Link::LAN);
        world.peer(&target, Manner::Honest, Link::SLOW);
        world.peer(&spam(100), Manner::Boasts(Work(u128::MAX)), Link::LAN);
        world.peer(&prefix(&target, 600), Manner::Honest, Link::DSL);
        world.peer(&target, Manner::Honest, Link::DSL);
        world.must_reach(&target, MINUTE);
    }
}
