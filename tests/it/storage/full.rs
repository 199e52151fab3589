//! A real file system that is full.

use animica_p2p::chain::{ChainStore, StoreError};

use super::{check, extend, open};
use crate::support::tmpfs::Tmpfs;

#[test]
fn a_full_file_system_stops_writes_only_and_heals_when_there_is_room() {
    let root = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(root.path(), 24) else {
        // The same is tested on a simulated disk, which needs no privilege.
        return;
    };
    let dir = disk.path("node");
    let store = open(&dir).unwrap();
    let chain = store.chain();
    for _ in 0..10 {
        chain.commit(extend(&chain.tips().blocks, 20)).unwrap();
    }
    let ballast = disk.fill();

    // Whatever room the store had left in its files is used up, then it refuses.
    let refused = loop {
        let batch = extend(&chain.tips().blocks, 20);
        match chain.commit(batch.clone()) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error, StoreError::Full);
                break batch;
            }
        }
    };
    let head = chain.tips().blocks.height.0;
    assert!(!chain.stats().healthy);
    for _ in 0..3 {
        assert_eq!(chain.commit(refused.clone()), Err(StoreError::Full));
        check(&store, 0..=head);
    }

    std::fs::remove_file(&ballast).unwrap();
    chain.heal().unwrap();
    assert!(chain.stats().healthy);
    let tips = chain.commit(refused).unwrap();
    assert_eq!(tips.blocks.height.0, head + 20);
    store.state().put("test", b"k", &1_u8).unwrap();
    check(&store, 0..=head + 20);
    drop(store);

    // And what is opened on a full disk reads.
    disk.fill();
    let store = open(&dir).unwrap();
    check(&store, 0..=head + 20);
}
