//! Blobs on disk: the contract, reopening, damage, power cuts, a full disk.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};

use crate::{
    chain::{
        Blob, BlobStore, StoreError,
        blob::{Put, testing},
    },
    clock::Rng,
    storage::{DataDir, DiskBlobs, OpenError, Options, Store, blobs, disk::Disk},
};

use super::{SimDisk, open};

const ROOM: u64 = 40_000;

fn open_blobs(disk: &SimDisk) -> Result<DiskBlobs, OpenError> {
    let (_, state) = open(disk)?;
    let database = Arc::clone(state.database());
    Ok(DiskBlobs::open(Arc::new(disk.clone()), database, ROOM)?)
}

fn holds(store: &DiskBlobs, blob: &Blob) -> bool {
    let held = store.get(&blob.commitment().root).unwrap();
    assert!(held.as_ref().is_none_or(|held| held == blob));
    held.is_some()
}

#[test]
fn the_store_on_disk_keeps_the_contract() {
    testing::keeps_the_contract(&open_blobs(&SimDisk::new(1)).unwrap());
    let dir = tempfile::tempdir().unwrap();
    let dir = DataDir::open(dir.path()).unwrap();
    let genesis = crate::chain::testing::devnet();
    let store = Store::open(dir, &genesis, &Options::default()).unwrap();
    testing::keeps_the_contract(&store.open_blobs(ROOM).unwrap());
}

#[test]
fn blobs_and_their_order_survive_reopening() {
    let disk = SimDisk::new(1);
    let all = [10_000, 9_000, 12_000].map(|size| testing::blob(size, 1));
    let store = open_blobs(&disk).unwrap();
    for blob in &all {
        assert_eq!(store.put(blob), Ok(Put::Stored));
    }
    let before = store.usage();
    drop(store);
    let store = open_blobs(&disk).unwrap();
    assert_eq!(store.usage(), before);
    for blob in &all {
        assert!(holds(&store, blob));
        let samples = store.samples(blob.commitment(), &[0, 1]).unwrap().unwrap();
        assert_eq!(blob.commitment().check(&samples[1]), Ok(()));
    }
    // The oldest of before goes first.
    store.put(&testing::blob(15_000, 2)).unwrap();
    let kept = all.each_ref().map(|blob| holds(&store, blob));
    assert_eq!(kept, [false, true, true]);
    // Its file is gone as well.
    let name = blobs::file_name(0);
    assert!(Disk::open(&disk, &name, false).is_err());
}

#[test]
fn every_flipped_bit_is_a_named_error_and_never_served() {
    let blob = testing::blob(300, 1);
    let root = blob.commitment().root;
    let disk = SimDisk::new(1);
    let store = open_blobs(&disk).unwrap();
    store.put(&blob).unwrap();
    let name = blobs::file_name(0);
    let mut bits = 0;
    disk.damage(&name, |bytes| bits = bytes.len() * 8);
    for bit in (0..bits).step_by(7) {
        let flip = |bytes: &mut Vec<u8>| bytes[bit / 8] ^= 1 << (bit % 8);
        disk.damage(&name, flip);
        let errors = [
            store.get(&root).map(drop),
            store.samples(blob.commitment(), &[0, 1]).map(drop),
        ];
        for error in errors {
            let Err(StoreError::Corrupt { what }) = error else {
                panic!("bit {bit}: {error:?}");
            };
            assert!(what.contains(&name) && what.contains(&root.to_string()));
        }
        disk.damage(&name, flip);
    }
    assert!(holds(&store, &blob));
}

#[test]
fn a_damaged_blob_is_replaced_when_it_is_put_again() {
    let blob = testing::blob(5_000, 1);
    let disk = SimDisk::new(1);
    let store = open_blobs(&disk).unwrap();
    store.put(&blob).unwrap();
    for damage in [0, 1] {
        disk.damage(&blobs::file_name(damage), |bytes| bytes.truncate(100));
        assert!(matches!(
            store.get(&blob.commitment().root),
            Err(StoreError::Corrupt { .. })
        ));
        assert_eq!(store.put(&blob), Ok(Put::Stored));
        assert!(holds(&store, &blob));
        assert_eq!(store.usage().blobs, 1);
    }
}

#[test]
fn opening_drops_rows_without_files_and_files_without_rows() {
    let [first, second] = [1, 2].map(|salt| testing::blob(5_000, salt));
    let disk = SimDisk::new(1);
    let store = open_blobs(&disk).unwrap();
    store.put(&first).unwrap();
    store.put(&second).unwrap();
    drop(store);
    disk.remove(&blobs::file_name(0)).unwrap();
    for stray in [&blobs::file_name(77), "blobs/readme"] {
        Disk::open(&disk, stray, true).unwrap();
    }
    let store = open_blobs(&disk).unwrap();
    assert!(!holds(&store, &first) && holds(&store, &second));
    assert_eq!(disk.list(blobs::DIR).unwrap().len(), 1);
    assert_eq!(store.put(&first), Ok(Put::Stored));
}

#[test]
fn a_full_disk_refuses_blobs_keeps_the_rest_and_heals() {
    let disk = SimDisk::new(1);
    let store = open_blobs(&disk).unwrap();
    let [first, second] = [1, 2].map(|salt| testing::blob(8_000, salt));
    store.put(&first).unwrap();
    for room in [0, 4_000, 8_000] {
        disk.set_room(Some(disk.used() + room));
        assert_eq!(store.put(&second), Err(StoreError::Full), "{room}");
        assert!(holds(&store, &first) && !holds(&store, &second));
    }
    disk.set_room(None);
    assert_eq!(store.put(&second), Ok(Put::Stored));
    assert!(holds(&store, &first) && holds(&store, &second));
}

#[test]
fn no_power_cut_loses_or_halves_a_blob() {
    for seed in 0..60 {
        let mut rng = Rng::seed_from_u64(seed);
        let disk = SimDisk::new(seed ^ 0xb10b);
        // What the store holds, oldest first, with what it takes on disk.
        let mut kept: Vec<Blob> = Vec::new();
        for _cut in 0..3 {
            disk.lose_power_after(rng.random_range(1..200));
            let mut unsure = None;
            if let Ok(store) = open_blobs(&disk) {
                loop {
                    let (size, salt) = (rng.random_range(1..9_000), rng.random_range(0..250));
                    let blob = testing::blob(size, salt);
                    match store.put(&blob) {
                        Ok(Put::Stored) => kept.push(blob),
                        Ok(_) => {}
                        Err(_) => {
                            unsure = Some(blob);
                            break;
                        }
                    }
                }
            }
            disk.power_cycle();
            let store = open_blobs(&disk).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
            kept.extend(unsure.filter(|blob| holds(&store, blob)));
            let usage = store.usage();
            assert!(usage.bytes <= ROOM);
            // Exactly the newest are there: what was acknowledged and not displaced since.
            let held = kept.iter().filter(|blob| holds(&store, blob)).count();
            assert_eq!(held as u64, usage.blobs, "seed {seed}");
            let gone = kept.len() - held;
            let oldest = kept.iter().take(gone).filter(|blob| holds(&store, blob));
            assert_eq!(oldest.count(), 0, "seed {seed}");
            kept.drain(..gone);
            if let Some(first) = kept.first() {
                let largest = 12 + 40 + 4 * 32 + 9_000;
                assert!(
                    usage.bytes + largest > ROOM || gone == 0,
                    "seed {seed}: {first:?}"
                );
            }
        }
    }
}
