//! What is known about peers: the same contract as its twin in memory, on disks that fail.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};

use crate::{
    chain::testing,
    clock::Rng,
    ids::Hash32,
    peers::{Change, MemoryPeers, PeerStore, PeerStoreError, Table},
    storage::{
        OpenError,
        database::Database,
        disk::Disk,
        peers::{KEEP_DAMAGED, META, RedbPeers},
    },
};

use super::SimDisk;

/// Seeds of the runs with power cuts.
const SEEDS: u64 = 150;

const FILE: &str = "peers.redb";

fn open(disk: &SimDisk) -> Result<RedbPeers, OpenError> {
    open_as(disk, testing::devnet().hash())
}

fn open_as(disk: &SimDisk, genesis: Hash32) -> Result<RedbPeers, OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    RedbPeers::open(&disk, genesis, None)
}

/// Some changes: few keys, so that rows are replaced and removed; now and then a long one.
fn changes(rng: &mut Rng) -> Vec<Change> {
    let one = |rng: &mut Rng| {
        let table = Table::ALL[rng.random_range(0..Table::ALL.len())];
        let key = vec![rng.random_range(0..8_u8); rng.random_range(0..3)];
        if rng.random_bool(0.3) {
            return Change::remove(table, key);
        }
        let len = if rng.random_bool(0.1) { 20_000 } else { 40 };
        Change::put(table, key, vec![rng.random(); rng.random_range(0..len)])
    };
    (0..rng.random_range(0..12)).map(|_| one(rng)).collect()
}

/// Both show the same rows, whole and in pages.
fn compare(have: &dyn PeerStore, want: &dyn PeerStore) -> Result<(), String> {
    for table in Table::ALL {
        let rows = |s: &dyn PeerStore| s.load(*table).map_err(|e| e.to_string());
        let all = rows(want)?;
        if rows(have)? != all {
            return Err(format!("{table:?} differs"));
        }
        for before in [None, Some(&[][..]), Some(&[3][..]), Some(&[4, 4][..])] {
            for count in [0, 1, 3, usize::MAX] {
                let page = |s: &dyn PeerStore| {
                    let page = s.page(*table, before, count);
                    page.map_err(|e| e.to_string())
                };
                if page(have)? != page(want)? {
                    return Err(format!("{count} of {table:?} before {before:?} differ"));
                }
            }
        }
    }
    Ok(())
}

#[test]
fn rows_and_pages_are_those_of_the_twin_in_memory() {
    for seed in 0..20 {
        let (mut rng, disk) = (Rng::seed_from_u64(seed), SimDisk::new(seed));
        let twin = MemoryPeers::default();
        for _ in 0..4 {
            let store = open(&disk).unwrap();
            compare(&store, &twin).unwrap();
            for _ in 0..5 {
                let changes = changes(&mut rng);
                store.commit(&changes).unwrap();
                twin.commit(&changes).unwrap();
                compare(&store, &twin).unwrap();
            }
            assert!(store.disk_bytes() > 0);
            assert_eq!(store.set_aside(), None);
        }
    }
}

/// One life under `seed` with three power cuts; what went wrong, if anything did.
fn live(seed: u64, plant: Option<&'static str>) -> Result<(), String> {
    let mut rng = Rng::seed_from_u64(seed);
    let disk = SimDisk::new(seed ^ 0xd15c);
    if let Some(prefix) = plant {
        disk.ignore_syncs_of(prefix);
    }
    let mut log: Vec<Vec<Change>> = Vec::new();
    let replay = |log: &[Vec<Change>]| {
        let twin = MemoryPeers::default();
        log.iter().try_for_each(|batch| twin.commit(batch))?;
        Ok::<_, PeerStoreError>(twin)
    };
    for _cut in 0..3 {
        disk.lose_power_after(rng.random_range(1..200));
        let mut unsure = None;
        if let Ok(store) = open(&disk) {
            loop {
                let batch = changes(&mut rng);
                if store.commit(&batch).is_err() {
                    unsure = Some(batch);
                    break;
                }
                log.push(batch);
            }
        }
        disk.power_cycle();
        let store = open(&disk).map_err(|e| format!("does not open: {e}"))?;
        if let Some(name) = store.set_aside() {
            return Err(format!("a power cut is no damage: {name}"));
        }
        let twin = replay(&log).map_err(|e| e.to_string())?;
        if let Err(fault) = compare(&store, &twin) {
            // The commit in flight may have taken effect, as a whole.
            log.push(unsure.ok_or(fault)?);
            compare(&store, &replay(&log).map_err(|e| e.to_string())?)?;
        }
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
fn the_harness_notices_a_file_that_is_not_synced() {
    assert!((0..SEEDS).any(|seed| live(seed, Some(FILE)).is_err()));
}

#[test]
fn a_full_disk_refuses_writes_keeps_reading_and_heals() {
    let disk = SimDisk::new(1);
    let store = open(&disk).unwrap();
    let first = Change::put(Table::Bans, [1], [1]);
    store.commit(std::slice::from_ref(&first)).unwrap();
    disk.set_room(Some(disk.used()));
    let big = [Change::put(Table::Book, [2], vec![7; 4 << 20])];
    let error = store.commit(&big).unwrap_err();
    assert!(error.to_string().contains("full"), "{error}");
    assert_eq!(store.load(Table::Bans).unwrap().len(), 1);
    assert_eq!(store.load(Table::Book).unwrap(), []);
    disk.set_room(None);
    store.commit(&big).unwrap();
    assert_eq!(store.load(Table::Book).unwrap()[0].1.len(), 4 << 20);
}

#[test]
fn another_genesis_and_a_later_schema_are_refused_by_name_and_left_alone() {
    let disk = SimDisk::new(2);
    let row = [Change::put(Table::Trust, [1], [9])];
    open(&disk).unwrap().commit(&row).unwrap();
    let other = Hash32([7; 32]);
    let refused = OpenError::OtherGenesis {
        file: FILE.into(),
        expected: other,
        found: testing::devnet().hash(),
    };
    assert_eq!(open_as(&disk, other).err(), Some(refused));
    let on: Arc<dyn Disk> = Arc::new(disk.clone());
    let set_schema = |schema: u32| {
        let database = Database::open(Arc::clone(&on), FILE, 1 << 20, None).unwrap();
        let write = database.write(|txn| {
            let mut meta = txn.open_table(META).unwrap();
            let schema = schema.to_be_bytes();
            meta.insert("schema", schema.as_slice()).unwrap();
            Ok(())
        });
        write.unwrap();
    };
    set_schema(9);
    let newer = OpenError::NewerVersion {
        file: FILE.into(),
        found: 9,
        supported: 1,
    };
    assert_eq!(open(&disk).err(), Some(newer));
    set_schema(1);
    let store = open(&disk).unwrap();
    assert_eq!(store.set_aside(), None);
    assert_eq!(store.load(Table::Trust).unwrap(), [(vec![1], vec![9])]);
}

#[test]
fn a_damaged_file_is_set_aside_and_begun_anew_and_only_so_many_are_kept() {
    let disk = SimDisk::new(3);
    let row = [Change::put(Table::Book, [1], [1])];
    let junk = b"not a database, and nothing that anybody would take for one".to_vec();
    for round in 1..=KEEP_DAMAGED + 2 {
        let store = open(&disk).unwrap();
        assert_eq!(store.load(Table::Book).unwrap().len(), 0);
        store.commit(&row).unwrap();
        drop(store);
        assert_eq!(open(&disk).unwrap().load(Table::Book).unwrap().len(), 1);
        disk.damage(FILE, |bytes| bytes.clone_from(&junk));
        let store = open(&disk).unwrap();
        let name = format!("{FILE}.damaged-{}", round.min(KEEP_DAMAGED));
        assert_eq!(store.set_aside(), Some(name.as_str()));
        disk.damage(&name, |bytes| assert_eq!(*bytes, junk));
    }
}

#[test]
fn damage_anywhere_is_an_error_or_a_new_beginning_and_not_a_panic() {
    // What redb asserts inside is caught and becomes an error; its message would fill the log.
    std::panic::set_hook(Box::new(|_| ()));
    let (mut aside, mut failed) = (0, 0);
    for seed in 0..150 {
        let (mut rng, disk) = (Rng::seed_from_u64(seed), SimDisk::new(seed));
        let store = open(&disk).unwrap();
        for _ in 0..6 {
            store.commit(&changes(&mut rng)).unwrap();
        }
        drop(store);
        disk.damage(FILE, |bytes| {
            for _ in 0..rng.random_range(1..40) {
                let at = rng.random_range(0..bytes.len());
                match rng.random_range(0..3) {
                    0 => bytes[at] ^= 1 << rng.random_range(0..8),
                    1 => {
                        let end = bytes.len().min(at + 512);
                        bytes[at..end].fill(rng.random());
                    }
                    _ => bytes.truncate(at.max(8_192)),
                }
            }
        });
        match open(&disk) {
            Ok(store) => {
                aside += usize::from(store.set_aside().is_some());
                let wrote = store.commit(&changes(&mut rng)).is_ok();
                let read = Table::ALL.iter().all(|t| store.load(*t).is_ok());
                failed += usize::from(!wrote || !read);
            }
            Err(OpenError::NewerVersion { .. } | OpenError::OtherGenesis { .. }) => failed += 1,
            Err(other) => panic!("seed {seed}: {other}"),
        }
    }
    let _ = std::panic::take_hook();
    assert!(aside > 20, "{aside} set aside, {failed} noticed later");
}

#[test]
fn a_table_that_a_later_version_added_is_made() {
    let disk = SimDisk::new(4);
    open(&disk).unwrap();
    let on: Arc<dyn Disk> = Arc::new(disk.clone());
    let database = Database::open(on, FILE, 1 << 20, None).unwrap();
    let table = redb::TableDefinition::<&[u8], &[u8]>::new(Table::Dht.name());
    let delete = database.write(|txn| Ok(txn.delete_table(table).unwrap()));
    assert!(delete.unwrap());
    drop(database);
    let store = open(&disk).unwrap();
    assert_eq!(store.set_aside(), None);
    assert_eq!(store.load(Table::Dht).unwrap(), []);
}
