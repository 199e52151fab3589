//! A disk that fills up stops writes and nothing else, and heals by itself.

use crate::{
    chain::{At, ChainStore, StoreError},
    ids::Height,
};

use super::{SimDisk, chain, open, whole};

#[test]
fn a_full_disk_refuses_writes_keeps_reading_and_heals() {
    // Room that runs out in the segments, in the database, and anywhere between.
    for room in (0..40).map(|n| n * 8_192) {
        let disk = SimDisk::new(room);
        let (store, state) = open(&disk).unwrap();
        let first = chain(&store.tips().blocks, 5, 1, 2_000);
        store.commit(whole(&first)).unwrap();
        disk.set_room(Some(disk.used() + room));
        let mut at = store.tips();
        let mut kept = first.clone();
        let refused = loop {
            let more = chain(&at.blocks, 8, 2, 3_000);
            match store.commit(whole(&more)) {
                Ok(tips) => {
                    at = tips;
                    kept.extend(more);
                }
                Err(e) => {
                    assert_eq!(e, StoreError::Full);
                    break more;
                }
            }
        };
        // Opening the database again may have shrunk it; not even that helps now.
        disk.set_room(Some(0));
        for _ in 0..3 {
            assert_eq!(store.tips(), at);
            for (header, body) in &kept {
                let found = store.header(At::Block(header.height)).unwrap();
                assert_eq!(found.map(|h| h.hash), Some(header.hash));
                assert_eq!(store.body(&header.hash).unwrap().as_ref(), Some(body));
            }
            assert!(!store.stats().healthy);
            assert_eq!(store.commit(whole(&refused)), Err(StoreError::Full));
        }
        assert_eq!(store.header(At::Hash(refused[0].0.hash)).unwrap(), None);
        disk.set_room(None);
        store.heal().unwrap();
        assert!(store.stats().healthy);
        state.put("test", b"k", &1_u8).unwrap();
        let tips = store.commit(whole(&refused)).unwrap();
        assert_eq!(tips.blocks, refused[7].0.tip());
        drop((store, state));
        let store = open(&disk).unwrap().0;
        assert_eq!(store.tips(), tips);
        for (header, body) in kept.iter().chain(&refused) {
            assert_eq!(store.body(&header.hash).unwrap().as_ref(), Some(body));
        }
    }
}

#[test]
fn healing_fails_while_the_disk_is_full_and_costs_nothing_when_it_is_not() {
    let disk = SimDisk::new(3);
    let store = open(&disk).unwrap().0;
    store.heal().unwrap();
    assert_eq!(store.stats().commits, 0);
    let room = disk.used() + 100_000;
    disk.set_room(Some(room));
    let blocks = chain(&store.tips().blocks, 400, 1, 4_000);
    assert_eq!(store.commit(whole(&blocks)), Err(StoreError::Full));
    assert_eq!(store.tips().blocks.height, Height(0));
    // What was appended in vain is given back.
    assert!(disk.used() < room - 50_000);
    disk.set_room(None);
    assert_eq!(store.heal().unwrap(), store.tips());
    store.commit(whole(&blocks)).unwrap();
}

#[test]
fn a_disk_that_fails_is_an_error_and_not_a_panic() {
    let disk = SimDisk::new(4);
    let store = open(&disk).unwrap().0;
    let blocks = chain(&store.tips().blocks, 3, 1, 1_000);
    disk.lose_power_after(0);
    assert!(matches!(
        store.commit(whole(&blocks)),
        Err(StoreError::Io { .. })
    ));
    assert!(store.heal().is_err());
    assert!(store.body(&blocks[0].0.hash).is_err() || store.stats().failures > 0);
    drop(store);
}
