//! A real file system that is full.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use animica_p2p::chain::{ChainStore, StoreError};

use super::{check, extend, open};

/// A small file system in memory, unmounted at the end.
struct Tmpfs(PathBuf);

impl Tmpfs {
    /// `None` if this user may not mount.
    fn mount(at: &Path, mib: u32) -> Option<Self> {
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(at)
            .output();
        done.is_ok_and(|o| o.status.success())
            .then(|| Self(at.to_owned()))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// Fills the file system to the last byte.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    let mut chunk = 1 << 20;
    while chunk > 0 {
        if file.write_all(&vec![7; chunk]).is_err() {
            chunk /= 2;
        }
    }
}

#[test]
fn a_full_file_system_stops_writes_only_and_heals_when_there_is_room() {
    let root = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(root.path(), 24) else {
        // The same is tested on a simulated disk, which needs no privilege.
        return;
    };
    let dir = disk.0.join("node");
    let store = open(&dir).unwrap();
    let chain = store.chain();
    for _ in 0..10 {
        chain.commit(extend(&chain.tips().blocks, 20)).unwrap();
    }
    let ballast = disk.0.join("ballast");
    fill(&ballast);

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
    fill(&ballast);
    let store = open(&dir).unwrap();
    check(&store, 0..=head + 20);
}
