//! Opening a data directory that is taken, foreign, damaged or in the way.

use std::{fs, path::Path};

use animica_p2p::{
    chain::{ChainStore, Genesis, StoreError},
    ids::Height,
    storage::{DataDir, OpenError, Options, Store},
};

use super::{check, devnet, extend, open};

fn filled(path: &Path) {
    let store = open(path).unwrap();
    store
        .chain()
        .commit(extend(&store.chain().tips().blocks, 200))
        .unwrap();
}

fn refusal(path: &Path) -> OpenError {
    match open(path) {
        Err(error) => error,
        Ok(_) => panic!("it opened"),
    }
}

#[test]
fn a_second_node_is_told_which_process_has_the_directory() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path()).unwrap();
    let locked = OpenError::Locked {
        path: root.path().to_owned(),
        pid: Some(std::process::id()),
    };
    assert_eq!(refusal(root.path()), locked);
    assert_eq!(StoreError::from(locked), StoreError::Locked);
    // The lock lasts as long as any part of the store.
    let chain = std::sync::Arc::clone(store.chain());
    let state = store.state().clone();
    drop(store);
    assert!(matches!(refusal(root.path()), OpenError::Locked { .. }));
    drop(chain);
    assert!(matches!(refusal(root.path()), OpenError::Locked { .. }));
    drop(state);
    open(root.path()).unwrap();
}

#[test]
fn a_directory_remembers_its_genesis() {
    let root = tempfile::tempdir().unwrap();
    let dir = DataDir::open(root.path()).unwrap();
    assert_eq!(Store::genesis(&dir).unwrap(), None);
    drop(dir);
    filled(root.path());
    let dir = DataDir::open(root.path()).unwrap();
    assert_eq!(Store::genesis(&dir).unwrap(), Some(devnet()));
    let other = Genesis::preset("mainnet").unwrap();
    let error = Store::open(dir, &other, &Options::default()).err();
    assert!(
        matches!(&error, Some(OpenError::OtherGenesis { found, expected, .. })
            if *found == devnet().hash() && *expected == other.hash()),
        "{error:?}"
    );
    check(&open(root.path()).unwrap(), 0..=200);
}

#[test]
fn a_genesis_of_ones_own_is_remembered_whole() {
    let root = tempfile::tempdir().unwrap();
    let mut header = devnet().header().clone();
    header.timestamp += 1;
    let mut params = devnet().params().clone();
    params.max_txs = 17;
    let own = Genesis::new(header, params).unwrap();
    let dir = DataDir::open(root.path()).unwrap();
    drop(Store::open(dir.clone(), &own, &Options::default()).unwrap());
    assert_eq!(Store::genesis(&dir).unwrap(), Some(own));
}

#[test]
fn things_in_the_way_are_named() {
    let root = tempfile::tempdir().unwrap();
    // A directory where the database belongs.
    let path = root.path().join("a");
    fs::create_dir_all(path.join("node.redb")).unwrap();
    let error = refusal(&path).to_string();
    assert!(error.contains("node.redb"), "{error}");
    // A file where the segments belong.
    let path = root.path().join("b");
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("bodies"), b"x").unwrap();
    let error = refusal(&path).to_string();
    assert!(error.contains("bodies"), "{error}");
    // A directory where the lock belongs.
    let path = root.path().join("c");
    fs::create_dir_all(path.join("lock")).unwrap();
    let error = refusal(&path).to_string();
    assert!(error.contains("lock"), "{error}");
}

#[test]
fn a_torn_tail_is_cut_off() {
    let root = tempfile::tempdir().unwrap();
    filled(root.path());
    let last = fs::read_dir(root.path().join("bodies"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .max()
        .unwrap();
    let whole = fs::read(&last).unwrap();
    // Half a record, zeros, a segment begun in vain.
    for torn in [&whole[64..200], &[0; 5_000][..]] {
        fs::write(&last, [&whole, torn].concat()).unwrap();
        let next = root.path().join("bodies/00099.seg");
        fs::write(&next, torn).unwrap();
        let store = open(root.path()).unwrap();
        assert_eq!(store.chain().tips().blocks.height, Height(200));
        check(&store, 0..=200);
        drop(store);
        assert_eq!(fs::read(&last).unwrap(), whole);
        assert!(!next.exists());
    }
}

#[test]
fn a_damaged_or_missing_segment_names_the_file() {
    let root = tempfile::tempdir().unwrap();
    filled(root.path());
    let first = root.path().join("bodies/00000.seg");
    let whole = fs::read(&first).unwrap();
    fs::write(&first, &whole[..whole.len() - 1]).unwrap();
    let error = refusal(root.path()).to_string();
    assert!(error.contains("bodies/00000.seg"), "{error}");
    fs::remove_file(&first).unwrap();
    let error = refusal(root.path()).to_string();
    assert!(
        error.contains("bodies/00000.seg") && error.contains("missing"),
        "{error}"
    );
    fs::write(&first, &whole).unwrap();
    check(&open(root.path()).unwrap(), 0..=200);
}

#[test]
fn a_truncated_database_is_refused_or_repaired_and_never_loses_segments() {
    let root = tempfile::tempdir().unwrap();
    filled(root.path());
    let path = root.path().join("node.redb");
    let whole = fs::read(&path).unwrap();
    for len in [0, 1, 100, 4_096, 50_000, whole.len() / 2] {
        fs::write(&path, &whole[..len]).unwrap();
        let error = refusal(root.path()).to_string();
        assert!(error.contains("node.redb"), "{len}: {error}");
    }
    fs::write(&path, &whole).unwrap();
    check(&open(root.path()).unwrap(), 0..=200);
}
