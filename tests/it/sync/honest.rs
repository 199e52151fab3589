//! Peers that do nothing wrong, on links of every kind.

use std::{sync::Arc, time::Duration};

use animica_p2p::{
    chain::{ChainStore, MemoryStore, StoreError},
    event::NodeEvent,
    report::SyncPhase,
    sync::{Config, Input, LocalId, task},
};

use super::{
    chains::{chain, devnet, fork, mine, prefix, put},
    model::{Link, Manner},
    world::World,
};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn syncs_headers_and_blocks_from_one_peer() {
    let target = chain(600, 2, 1);
    let mut world = World::new(1);
    world.peer(&target, Manner::Honest, Link::LAN);
    world.must_reach(&target, MINUTE);
    assert_eq!(world.store.tips(), target.tips());
    assert!(world.run_until(MINUTE, |w| w.engine.phase() == SyncPhase::Following));
    assert_eq!(
        world.phases,
        [SyncPhase::Headers, SyncPhase::Blocks, SyncPhase::Following]
    );
}

#[test]
fn several_peers_share_the_bodies_and_none_is_asked_for_all_of_them() {
    let target = chain(800, 4, 1);
    let time = |peers: usize| {
        let mut world = World::new(1);
        for _ in 0..peers {
            let link = Link {
                rate: 100e3,
                ..Link::DSL
            };
            world.peer(&target, Manner::Honest, link);
        }
        world.must_reach(&target, 10 * MINUTE);
        world.now
    };
    let (one, four) = (time(1), time(4));
    assert!(
        four * 3 < one * 2,
        "four peers take {four:?}, one takes {one:?}"
    );
}

#[test]
fn every_link_and_manner_of_honest_peers_leads_to_the_end() {
    let target = chain(300, 2, 1);
    let manners = [
        Manner::Honest,
        Manner::OftenBusy,
        Manner::Flaky(3),
        Manner::StallsAfter(5),
        Manner::Late(Duration::from_secs(12)),
        Manner::Empty,
        Manner::Headless,
        Manner::Stalls,
    ];
    for (n, manner) in manners.into_iter().enumerate() {
        for link in [Link::LAN, Link::DSL, Link::SLOW] {
            let mut world = World::new(n as u64);
            world.peer(&target, manner.clone(), link);
            world.peer(&target, Manner::Honest, Link::DSL);
            world.must_reach(&target, 2 * MINUTE);
            assert_eq!(world.penalties, []);
        }
    }
}

#[test]
fn one_peer_that_is_busy_flaky_or_slow_is_enough() {
    let target = chain(200, 2, 1);
    for manner in [
        Manner::OftenBusy,
        Manner::Flaky(2),
        Manner::Late(Duration::from_secs(20)),
    ] {
        let mut world = World::new(1);
        world.peer(&target, manner, Link::SLOW);
        world.must_reach(&target, 30 * MINUTE);
        assert_eq!(world.penalties, []);
    }
}

#[test]
fn peers_that_keep_their_bodies_hold_a_fast_one_up_for_a_moment_only() {
    let target = chain(2000, 2, 1);
    let time = |keepers: usize| {
        let mut world = World::new(7);
        for _ in 0..keepers {
            world.peer(&target, Manner::KeepsBodies, Link::LAN);
        }
        world.peer(&target, Manner::Honest, Link::LAN);
        world.must_reach(&target, 10 * MINUTE)
    };
    let (alone, beset) = (time(0), time(2));
    assert!(
        beset < alone + Duration::from_millis(600),
        "with two of them {beset:?}, without {alone:?}"
    );
}

#[test]
fn stallers_cost_little_time() {
    let target = chain(2000, 2, 1);
    let time = |stallers: usize| {
        let mut world = World::new(7);
        for n in 0..stallers {
            let manner = if n % 2 == 0 {
                Manner::Stalls
            } else {
                Manner::StallsAfter(3)
            };
            world.peer(&target, manner, Link::LAN);
        }
        world.peer(&target, Manner::Honest, Link::DSL);
        world.must_reach(&target, 10 * MINUTE);
        world.now
    };
    let alone = time(0);
    let crowded = time(8);
    assert!(
        crowded < alone + Duration::from_secs(5),
        "with eight stallers {crowded:?}, without {alone:?}"
    );
}

#[test]
fn a_peer_that_ponders_over_every_body_holds_nobody_up() {
    let target = chain(400, 20, 1);
    let mut world = World::new(1);
    let slow = Manner::Ponders(Duration::from_millis(200));
    world.peer(&target, slow, Link::LAN);
    world.peer(&target, Manner::Honest, Link::LAN);
    let took = world.must_reach(&target, MINUTE);
    assert!(took < Duration::from_millis(1_500), "{took:?}");
}

#[test]
fn peers_may_leave_in_the_middle_of_anything() {
    let target = chain(500, 2, 1);
    for step in 0..40 {
        let mut world = World::new(step);
        let first = world.peer(&target, Manner::Honest, Link::DSL);
        let second = world.peer(&target, Manner::Honest, Link::SLOW);
        world.down_at(Duration::from_millis(25 * step + 5), first);
        world.down_at(Duration::from_millis(40 * step + 9), second);
        world.run_until(Duration::from_millis(30 * step), |_| false);
        world.peer(&target, Manner::Honest, Link::LAN);
        world.must_reach(&target, MINUTE);
    }
}

#[test]
fn bodies_held_in_memory_stay_within_the_budget() {
    let target = chain(400, 200, 1);
    let config = Config {
        body_budget: 2 * 1024 * 1024,
        ..Config::default()
    };
    let mut world = World::with(1, config, Arc::new(MemoryStore::new(&devnet())));
    world.commit_time = Duration::from_millis(500);
    for _ in 0..4 {
        world.peer(&target, Manner::Honest, Link::LAN);
    }
    world.must_reach(&target, 10 * MINUTE);
    // What the import waits for may be asked for on top of the budget.
    assert!(world.most_held <= 3 * 1024 * 1024, "{}", world.most_held);
}

#[test]
fn a_new_block_is_followed_at_once_when_announced_and_soon_when_not() {
    let target = chain(50, 1, 1);
    let mut world = World::new(1);
    let peer = world.peer(&target, Manner::Honest, Link::LAN);
    world.must_reach(&target, MINUTE);
    world.run_until(Duration::from_secs(1), |_| false);
    for announced in [true, false] {
        let on = target.tips().blocks.hash;
        put(&target, &mine(&target, on, 1, 1, 5));
        let begun = world.now;
        if announced {
            world.announce(peer);
        }
        let took = world.must_reach(&target, MINUTE) - begun;
        let most = if announced { 30 } else { 5_000 };
        assert!(took < Duration::from_millis(most), "{took:?}");
    }
}

#[test]
fn a_restart_goes_on_where_the_store_stands() {
    let target = chain(600, 2, 1);
    let mut world = World::new(1);
    let link = Link {
        rate: 200e3,
        ..Link::DSL
    };
    world.peer(&target, Manner::Honest, link);
    assert!(world.run_until(MINUTE, |w| w.store.tips().blocks.height.0 > 100));
    let (store, before) = (Arc::clone(&world.store), world.store.tips().blocks.height);
    let mut world = World::with(2, Config::default(), store);
    world.peer(&target, Manner::Honest, link);
    world.must_reach(&target, MINUTE);
    let imported: usize = world
        .emitted
        .iter()
        .map(|e| match e {
            NodeEvent::BlocksImported { count, .. } => *count,
            _ => 0,
        })
        .sum();
    assert_eq!(imported as u64, 600 - before.0, "nothing is fetched twice");
}

#[test]
fn a_branch_with_more_work_replaces_ours_whatever_its_depth() {
    let trunk = chain(700, 1, 1);
    for (keep, depth, threshold) in [
        (699, 1, None),
        (690, 10, None),
        (600, 100, Some(64)),
        (10, 690, Some(512)),
    ] {
        let better = fork(&trunk, keep, 705 - keep, 9);
        assert!(better.tips().blocks.beats(&trunk.tips().blocks));
        let mut world = World::with(1, Config::default(), prefix(&trunk, 700));
        world.peer(&trunk, Manner::Honest, Link::LAN);
        world.peer(&better, Manner::Honest, Link::LAN);
        world.must_reach(&better, 2 * MINUTE);
        let depths: Vec<u64> = world
            .emitted
            .iter()
            .filter_map(|e| match e {
                NodeEvent::HeadChanged { reorg_depth, .. } if *reorg_depth > 0 => {
                    Some(*reorg_depth)
                }
                _ => None,
            })
            .collect();
        assert_eq!(depths, [depth]);
        let alarm = world.emitted.iter().find_map(|e| match e {
            NodeEvent::ReorgAlarm { threshold, .. } => Some(*threshold),
            _ => None,
        });
        assert_eq!(alarm, threshold);
        // The old branch is still there to be served.
        assert!(
            world
                .store
                .body(&trunk.tips().blocks.hash)
                .expect("memory")
                .is_some()
        );
    }
}

#[test]
fn a_longer_branch_with_less_work_is_left_alone() {
    let trunk = chain(100, 1, 1);
    let shorter = prefix(&trunk, 60);
    let mut world = World::with(1, Config::default(), prefix(&trunk, 100));
    world.peer(&shorter, Manner::Honest, Link::LAN);
    world.run_until(MINUTE, |_| false);
    assert_eq!(world.store.tips(), trunk.tips());
    assert_eq!(world.engine.phase(), SyncPhase::Following);
    assert_eq!(world.penalties, []);
}

#[test]
fn a_full_disk_stops_the_import_and_nothing_else_and_heals() {
    let target = chain(300, 2, 1);
    let mut world = World::new(1);
    world.disk = Some(StoreError::Full);
    world.peer(&target, Manner::Honest, Link::LAN);
    world.run_until(MINUTE, |_| false);
    assert_eq!(world.engine.phase(), SyncPhase::Stalled);
    let reason = world.report().stalled_reason.expect("stalled");
    assert!(reason.contains("disk is full"), "{reason}");
    world.disk = None;
    world.must_reach(&target, Duration::from_secs(5));
    let said = |f: fn(&NodeEvent) -> bool| world.emitted.iter().filter(|e| f(e)).count();
    assert_eq!(said(|e| matches!(e, NodeEvent::StoreFailing { .. })), 1);
    assert_eq!(said(|e| matches!(e, NodeEvent::StoreHealed)), 1);
}

#[test]
fn blocks_of_this_side_go_through_the_same_commit() {
    let target = chain(40, 1, 1);
    let mut world = World::new(1);
    let blocks = mine(&world.store, devnet().hash(), 30, 1, 3);
    let bytes: Vec<_> = blocks.iter().map(|b| b.block.clone()).collect();
    let genesis = devnet();
    let rules = task::Rules {
        genesis: &genesis,
        verifier: &animica_p2p::chain::HashOnly,
    };
    let group =
        task::check_local(rules, &*world.store, &bytes, super::chains::WALL_S).expect("valid");
    world.input(
        Duration::ZERO,
        Input::Local {
            id: LocalId(1),
            group,
        },
    );
    world.run_until(MINUTE, |w| w.store.tips().blocks.height.0 == 30);
    assert_eq!(world.store.tips().blocks.hash, blocks[29].header.hash);
    // A peer with more work still wins.
    world.peer(&target, Manner::Honest, Link::LAN);
    world.must_reach(&target, MINUTE);
}

#[test]
fn nobody_to_sync_from_is_idle_and_silent_claims_are_a_stall_with_a_reason() {
    let target = chain(100, 1, 1);
    let mut world = World::new(1);
    world.run_until(MINUTE, |_| false);
    assert_eq!(world.engine.phase(), SyncPhase::Idle);
    world.peer(&target, Manner::Headless, Link::LAN);
    world.run_until(MINUTE, |_| false);
    assert_eq!(world.engine.phase(), SyncPhase::Stalled);
    let reason = world.report().stalled_reason.expect("stalled");
    assert_eq!(reason, "no peer serves block 1");
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let target = chain(300, 2, 1);
    let run = |seed| {
        let mut world = World::new(seed);
        world.peer(&target, Manner::Flaky(4), Link::DSL);
        world.peer(&target, Manner::Stalls, Link::LAN);
        for _ in 0..6 {
            world.peer(&target, Manner::Honest, Link::DSL);
        }
        world.must_reach(&target, MINUTE);
        world.run_until(Duration::from_secs(30), |_| false);
        world.log_hash()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
