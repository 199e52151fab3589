//! Forward migrations after a backup copy; the product has none yet, so the tests bring their own.

use std::sync::Arc;

use crate::{
    chain::{ChainStore, StoreError, testing},
    storage::{
        OpenError,
        database::Database,
        disk::Disk,
        schema::{About, Migration, migrate},
        tables::META,
    },
};

use super::{SimDisk, chain, open, whole};

const COPY: &str = "backup/node-schema-1.redb";

fn filled() -> SimDisk {
    let disk = SimDisk::new(1);
    let store = open(&disk).unwrap().0;
    let blocks = chain(&store.tips().blocks, 9, 1, 1_000);
    store.commit(whole(&blocks)).unwrap();
    disk
}

fn run(disk: &SimDisk, from: u32, migrations: &[Migration]) -> Result<Database, OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let open = || Database::open(Arc::clone(&disk), "node.redb", 1 << 20, None);
    migrate(&disk, open()?, from, migrations, open)
}

fn note(database: &Database, key: &str) -> Option<Vec<u8>> {
    database
        .read(|txn| {
            let meta = txn.open_table(META).unwrap();
            Ok(meta.get(key).unwrap().map(|row| row.value().to_vec()))
        })
        .unwrap()
}

fn schema(database: &Database) -> u32 {
    note(database, "schema").map_or(0, |b| u32::from_be_bytes(b.try_into().unwrap()))
}

fn to_two(txn: &redb::WriteTransaction) -> Result<(), StoreError> {
    let mut meta = txn.open_table(META).unwrap();
    meta.insert("two", b"was here".as_slice()).unwrap();
    Ok(())
}

fn to_three(txn: &redb::WriteTransaction) -> Result<(), StoreError> {
    let mut meta = txn.open_table(META).unwrap();
    assert!(meta.insert("three", b"".as_slice()).unwrap().is_none());
    Ok(())
}

fn fails(txn: &redb::WriteTransaction) -> Result<(), StoreError> {
    to_three(txn)?;
    Err(StoreError::Full)
}

#[test]
fn migrations_run_in_order_after_a_copy_was_made() {
    let disk = filled();
    let database = run(&disk, 1, &[to_two, to_three]).unwrap();
    assert_eq!(schema(&database), 3);
    assert_eq!(note(&database, "two").as_deref(), Some(&b"was here"[..]));
    assert!(note(&database, "three").is_some());
    drop(database);
    // The copy is the store as it was.
    let mut before = Vec::new();
    disk.damage(COPY, |bytes| before.clone_from(bytes));
    let old = SimDisk::new(2);
    drop(Disk::open(&old, "node.redb", true).unwrap());
    old.damage("node.redb", |bytes| *bytes = before);
    let old: Arc<dyn Disk> = Arc::new(old);
    let copy = Database::open(old, "node.redb", 1 << 20, None).unwrap();
    assert_eq!(schema(&copy), 1);
    assert_eq!(note(&copy, "two"), None);
    let about = copy.read(About::load).unwrap().unwrap();
    assert_eq!(about.genesis_hash, testing::devnet().hash());
}

#[test]
fn a_failed_migration_changes_nothing_and_can_be_tried_again() {
    let disk = filled();
    let error = run(&disk, 1, &[to_two, fails]).err();
    assert_eq!(error, Some(OpenError::Store(StoreError::Full)));
    let database = run(&disk, 2, &[to_two, to_three]).unwrap();
    assert_eq!(schema(&database), 3);
}

#[test]
fn no_migration_without_room_for_the_copy() {
    let disk = filled();
    disk.set_room(Some(disk.used() + 10_000));
    let error = run(&disk, 1, &[to_two]).err();
    assert_eq!(error, Some(OpenError::Store(StoreError::Full)));
    disk.set_room(None);
    let store = open(&disk).unwrap().0;
    assert_eq!(store.tips().blocks.height.0, 9);
}

#[test]
fn nothing_is_copied_when_there_is_nothing_to_migrate() {
    let disk = filled();
    run(&disk, 1, &[]).unwrap();
    assert!(Disk::open(&disk, COPY, false).is_err());
    for (from, migrations) in [(0, &[][..]), (2, &[]), (3, &[to_two as Migration])] {
        assert!(run(&disk, from, migrations).is_err(), "from {from}");
    }
}
