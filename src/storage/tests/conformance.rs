//! The contract of a store, on a disk in memory and on the real one.

use std::sync::Arc;

use crate::{
    chain::{ChainStore, conformance, testing},
    storage::{DataDir, RedbStore, Store},
};

use super::{OPTIONS, SimDisk, chain, open, whole};

#[test]
fn keeps_the_contract_of_a_store_on_the_file_system() {
    let root = tempfile::tempdir().unwrap();
    let mut next = 0;
    let genesis = testing::devnet();
    let open = |n: u32| {
        let dir = DataDir::open(&root.path().join(n.to_string())).unwrap();
        Arc::clone(Store::open(dir, &genesis, &OPTIONS).unwrap().chain())
    };
    let (next, reopened): (&mut u32, _) = (&mut next, std::cell::Cell::new(0));
    conformance::run(
        |_| {
            *next += 1;
            reopened.set(*next);
            open(*next)
        },
        |store| {
            drop(store);
            open(reopened.get())
        },
    );
}

#[test]
fn keeps_the_contract_of_a_store_in_memory() {
    let disk = std::cell::RefCell::new(SimDisk::new(0));
    conformance::run(
        |_| {
            *disk.borrow_mut() = SimDisk::new(0);
            Arc::new(open(&disk.borrow()).unwrap().0)
        },
        |store: Arc<RedbStore>| {
            drop(store);
            Arc::new(open(&disk.borrow()).unwrap().0)
        },
    );
}

#[test]
fn bodies_roll_over_many_segments() {
    let disk = SimDisk::new(1);
    let store = open(&disk).unwrap().0;
    let blocks = chain(&store.tips().blocks, 60, 1, 3_000);
    for part in blocks.chunks(7) {
        store.commit(whole(part)).unwrap();
    }
    let stats = store.stats();
    assert_eq!((stats.headers, stats.bodies), (61, 61));
    assert!(stats.segments >= 12, "{stats:?}");
    assert!(stats.healthy && stats.commits == 9 && stats.failures == 0);
    drop(store);
    let store = open(&disk).unwrap().0;
    for (header, body) in &blocks {
        assert_eq!(store.body(&header.hash).unwrap().as_ref(), Some(body));
    }
    let after = store.stats();
    assert_eq!(after.body_bytes, stats.body_bytes);
    assert_eq!(after.disk_bytes(), disk.used());
}

#[test]
fn documents_come_back_after_reopening() {
    let disk = SimDisk::new(2);
    let (store, state) = open(&disk).unwrap();
    state.put("serials", b"a", &7_u64).unwrap();
    let (b, c) = (8_u64, 9_u64);
    let all: [(&[u8], &u64); 2] = [(b"b", &b), (b"c", &c)];
    state.put_all("serials", all).unwrap();
    state.put("serial", b"x", &"other space").unwrap();
    assert!(state.remove("serials", b"b").unwrap());
    assert!(!state.remove("serials", b"b").unwrap());
    drop((store, state));
    let (_store, state) = open(&disk).unwrap();
    assert_eq!(state.get("serials", b"a").unwrap(), Some(7_u64));
    assert_eq!(state.get::<u64>("serials", b"b").unwrap(), None);
    assert_eq!(
        state.entries::<u64>("serials", 10).unwrap(),
        [(b"a".to_vec(), 7), (b"c".to_vec(), 9)]
    );
    assert_eq!(state.entries::<u64>("serials", 1).unwrap().len(), 1);
    // Of another type, unstorable key: named, no panic.
    assert!(state.get::<String>("serials", b"a").is_err());
    assert!(state.put("a\0b", b"", &1_u8).is_err());
    assert!(state.put("long", &[0; 600], &1_u8).is_err());
}
