//! Power cuts at every kind of moment, under a few hundred seeds: nothing acknowledged is lost,
//! nothing is there by half, and the store agrees with the reference in memory.

use rand::{RngExt, SeedableRng};

use crate::{
    chain::{Batch, ChainStore, MemoryStore, NewHeader, Tips, Which, testing},
    clock::Rng,
    ids::Height,
};

use super::{SimDisk, chain, open, whole};

/// Seeds of a run. Each is a few dozen commits and three power cuts.
const SEEDS: u64 = 200;

/// What the store should hold, and how to get there.
struct Model {
    log: Vec<Batch>,
    twin: MemoryStore,
}

impl Model {
    fn replay(log: Vec<Batch>) -> Self {
        let twin = MemoryStore::new(&testing::devnet());
        for batch in &log {
            twin.commit(batch.clone()).expect("it was accepted before");
        }
        Self { log, twin }
    }
}

/// The store shows exactly what `twin` does.
fn compare(store: &impl ChainStore, twin: &MemoryStore) -> Result<(), String> {
    if store.tips() != twin.tips() {
        return Err(format!("{:?} is not {:?}", store.tips(), twin.tips()));
    }
    for which in [Which::BestHeaders, Which::Blocks] {
        let all = |s: &dyn ChainStore| {
            s.headers(which, Height(0), usize::MAX)
                .map_err(|e| e.to_string())
        };
        let (have, want) = (all(store)?, all(twin)?);
        if have != want {
            return Err(format!("{which:?} differ"));
        }
        for header in want {
            let have = store.body(&header.hash).map_err(|e| e.to_string())?;
            if have != twin.body(&header.hash).map_err(|e| e.to_string())? {
                return Err(format!("body of {:?} differs", header.height));
            }
        }
    }
    Ok(())
}

/// Something a node would commit next.
fn next_batch(rng: &mut Rng, tips: &Tips, headers: &[NewHeader]) -> Batch {
    let salt = rng.random_range(0..250);
    let bytes = rng.random_range(1..4_000);
    let len = rng.random_range(1..6);
    match rng.random_range(0..4) {
        // A branch from some block we have.
        0 if headers.len() > 1 => {
            let at = rng.random_range(0..headers.len());
            whole(&chain(&headers[at].tip(), len, salt, bytes))
        }
        // Headers alone.
        1 => Batch {
            bodies: Vec::new(),
            head: None,
            ..whole(&chain(&tips.headers, len, salt, bytes))
        },
        _ => whole(&chain(&tips.blocks, len, salt, bytes)),
    }
}

/// One life of a node under `seed`; what went wrong, if anything did.
fn live(seed: u64, plant: Option<&'static str>) -> Result<(), String> {
    let mut rng = Rng::seed_from_u64(seed);
    let disk = SimDisk::new(seed ^ 0xd15c);
    if let Some(prefix) = plant {
        disk.ignore_syncs_of(prefix);
    }
    let mut model = Model::replay(Vec::new());
    let mut imported = Vec::new();
    for _cut in 0..3 {
        disk.lose_power_after(rng.random_range(1..400));
        let mut unsure = None;
        // The power may also go while the store is being opened, in the middle of recovery.
        if let Ok((store, state)) = open(&disk) {
            compare(&store, &model.twin).map_err(|e| format!("after opening: {e}"))?;
            for round in 0_u64.. {
                if rng.random_bool(0.2) && state.put("test", b"round", &round).is_err() {
                    break;
                }
                let batch = next_batch(&mut rng, &store.tips(), &imported);
                if store.commit(batch.clone()).is_err() {
                    unsure = Some(batch);
                    break;
                }
                if batch.head.is_some() {
                    imported.extend(batch.headers.iter().cloned());
                }
                let (mut log, batch_log) = (std::mem::take(&mut model.log), batch.clone());
                log.push(batch_log);
                model.twin.commit(batch).map_err(|e| e.to_string())?;
                model.log = log;
            }
        }
        disk.power_cycle();
        let store = open(&disk).map_err(|e| format!("does not open: {e}"))?.0;
        if let Some(batch) = unsure
            && store.tips() != model.twin.tips()
        {
            // The commit in flight may have taken effect, as a whole.
            model.log.push(batch);
            model = Model::replay(model.log);
        }
        compare(&store, &model.twin).map_err(|e| format!("after a cut: {e}"))?;
        // And it goes on.
        let batch = whole(&chain(&store.tips().blocks, 1, 255, 100));
        store.commit(batch.clone()).map_err(|e| e.to_string())?;
        model
            .twin
            .commit(batch.clone())
            .map_err(|e| e.to_string())?;
        model.log.push(batch);
        compare(&store, &model.twin)?;
    }
    Ok(())
}

#[test]
fn no_power_cut_loses_or_halves_a_commit() {
    for seed in 0..SEEDS {
        if let Err(fault) = live(seed, None) {
            panic!("seed {seed}: {fault}");
        }
    }
}

#[test]
fn the_harness_notices_a_segment_that_is_not_synced() {
    assert!((0..SEEDS).any(|seed| live(seed, Some("bodies/")).is_err()));
}

#[test]
fn the_harness_notices_a_database_that_is_not_synced() {
    assert!((0..SEEDS).any(|seed| live(seed, Some("node.redb")).is_err()));
}
