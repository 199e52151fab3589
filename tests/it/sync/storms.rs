//! Random weather: peers of every manner come and go while chains grow and fork.

use std::{sync::Arc, time::Duration};

use animica_p2p::{
    chain::{ChainStore, MemoryStore},
    ids::Work,
    sync::Config,
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{
    chains::{chain, devnet, fork, mine, prefix, put},
    lies::{BODY_LIES, HEADER_LIES},
    model::{Link, Manner},
    world::World,
};

/// Seeds of one run; more with `SYNC_SEEDS`.
const SEEDS: u64 = 40;

fn links(rng: &mut StdRng) -> Link {
    Link {
        rtt: Duration::from_millis(rng.random_range(1..400)),
        rate: *[20e3, 200e3, 2e6, 50e6].choose(rng).expect("some"),
    }
}

fn manner(rng: &mut StdRng) -> Manner {
    match rng.random_range(0..14) {
        0 => Manner::Stalls,
        1 => Manner::StallsAfter(rng.random_range(1..20)),
        2 => Manner::OftenBusy,
        3 => Manner::Flaky(rng.random_range(2..6)),
        4 => Manner::Late(Duration::from_millis(rng.random_range(100..15_000))),
        5 => Manner::Empty,
        6 => Manner::Headless,
        7 => Manner::KeepsBodies,
        8 => Manner::Ponders(Duration::from_millis(rng.random_range(1..300))),
        9 => Manner::Boasts(Work(u128::MAX)),
        10 | 11 => {
            let (_, lie, _) = HEADER_LIES.choose(rng).expect("some");
            Manner::Headers(rng.random_range(1..500), *lie)
        }
        12 => {
            let (_, lie, _) = BODY_LIES.choose(rng).expect("some");
            Manner::Bodies(*lie)
        }
        _ => Manner::Honest,
    }
}

fn weather(seed: u64, stores: &[Arc<MemoryStore>], trunk: &MemoryStore) {
    let mut rng = StdRng::seed_from_u64(seed);
    let own = match rng.random_range(0..3) {
        0 => prefix(trunk, rng.random_range(1..500)),
        1 => fork(
            trunk,
            rng.random_range(1..300),
            rng.random_range(1..100),
            seed,
        ),
        _ => Arc::new(MemoryStore::new(&devnet())),
    };
    let config = Config {
        minimum_chain_work: Work(if rng.random_bool(0.3) {
            trunk.tips().blocks.work.0 / 2
        } else {
            0
        }),
        ..Config::default()
    };
    let mut world = World::with(seed, config, own);
    world.commit_time = Duration::from_millis(rng.random_range(1..300));
    // The chain that wins in the end: the trunk, and what is mined on it meanwhile.
    let target = prefix(trunk, trunk.tips().blocks.height.0);
    for _ in 0..rng.random_range(2..9) {
        let store = stores.choose(&mut rng).expect("some");
        let (manner, link) = (manner(&mut rng), links(&mut rng));
        let peer = world.peer(store, manner, link);
        if rng.random_bool(0.4) {
            let at = Duration::from_millis(rng.random_range(1..20_000));
            world.down_at(at, peer);
        }
    }
    for round in 0..rng.random_range(0..4) {
        world.run_until(Duration::from_millis(rng.random_range(1..5_000)), |_| false);
        let on = target.tips().blocks.hash;
        put(
            &target,
            &mine(&target, on, rng.random_range(1..4), 1, seed + round),
        );
    }
    let honest = world.peer(&target, Manner::Honest, links(&mut rng));
    world.run_until(Duration::from_secs(3), |_| false);
    let on = target.tips().blocks.hash;
    put(&target, &mine(&target, on, 2, 1, seed));
    world.announce(honest);
    world.must_reach(&target, Duration::from_secs(600));
    assert!(world.most_held <= 48 * 1024 * 1024, "{}", world.most_held);
}

#[test]
fn whatever_the_weather_the_end_is_reached_and_nobody_honest_is_punished() {
    let seeds = std::env::var("SYNC_SEEDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(SEEDS);
    let trunk = chain(600, 2, 1);
    let stores = [
        Arc::clone(&trunk),
        prefix(&trunk, 400),
        fork(&trunk, 550, 20, 2),
        fork(&trunk, 20, 400, 3),
        chain(300, 1, 4),
    ];
    for seed in 0..seeds {
        let result = std::panic::catch_unwind(|| weather(seed, &stores, &trunk));
        assert!(result.is_ok(), "seed {seed}");
    }
}
