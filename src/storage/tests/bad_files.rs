//! Damaged, foreign and newer files: each a named error, never a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rand::{RngExt, SeedableRng};

use crate::{
    chain::{At, ChainStore, Genesis, StoreError, Which, testing},
    clock::Rng,
    ids::Height,
    storage::OpenError,
};

use super::{SimDisk, chain, open, open_as, whole};

const BLOCKS: usize = 40;

/// A store with some blocks, closed.
fn filled(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    let store = open(&disk).unwrap().0;
    let blocks = chain(&store.tips().blocks, BLOCKS, 1, 1_000);
    store.commit(whole(&blocks)).unwrap();
    disk
}

fn refusal(disk: &SimDisk) -> OpenError {
    match open(disk) {
        Err(error) => error,
        Ok(_) => panic!("it opened"),
    }
}

fn corrupt(error: OpenError, file: &str) {
    match error {
        OpenError::Store(StoreError::Corrupt { what }) => assert!(what.contains(file), "{what}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn another_genesis_is_refused_by_name() {
    let disk = filled(1);
    let other = Genesis::preset("testnet").unwrap();
    let error = open_as(&disk, &other).err();
    assert_eq!(
        error,
        Some(OpenError::OtherGenesis {
            file: "node.redb".into(),
            expected: other.hash(),
            found: testing::devnet().hash(),
        })
    );
}

#[test]
fn a_segment_of_another_genesis_number_or_version_is_refused_by_name() {
    let rewrite = |disk: &SimDisk, at: usize, byte: u8| {
        disk.damage("bodies/00001.seg", |bytes| {
            bytes[at] = byte;
            let crc = crc32fast::hash(&bytes[..60]);
            bytes[60..64].copy_from_slice(&crc.to_be_bytes());
        });
    };
    let disk = filled(2);
    rewrite(&disk, 20, 0xff);
    assert!(matches!(
        refusal(&disk),
        OpenError::OtherGenesis { file, .. } if file == "bodies/00001.seg"
    ));
    let disk = filled(2);
    rewrite(&disk, 11, 2);
    let newer = OpenError::NewerVersion {
        file: "bodies/00001.seg".into(),
        found: 2,
        supported: 1,
    };
    assert_eq!(refusal(&disk), newer);
    let disk = filled(2);
    rewrite(&disk, 15, 9);
    corrupt(refusal(&disk), "bodies/00001.seg");
    let disk = filled(2);
    disk.damage("bodies/00000.seg", |bytes| bytes[30] ^= 1);
    corrupt(refusal(&disk), "bodies/00000.seg");
}

#[test]
fn a_missing_or_short_segment_is_refused_by_name() {
    let disk = filled(3);
    disk.damage("bodies/00001.seg", |bytes| bytes.truncate(100));
    corrupt(refusal(&disk), "bodies/00001.seg");
    let disk = filled(3);
    crate::storage::disk::Disk::remove(&disk, "bodies/00000.seg").unwrap();
    corrupt(refusal(&disk), "bodies/00000.seg");
}

#[test]
fn a_lost_database_does_not_take_the_bodies_with_it() {
    let disk = filled(4);
    disk.damage("node.redb", Vec::clear);
    let before = disk.used();
    corrupt(refusal(&disk), "bodies/0000");
    assert!(disk.used() >= before, "segments were cut");
}

#[test]
fn a_database_that_is_none_is_refused() {
    for junk in [
        b"not a database".to_vec(),
        vec![0; 100_000],
        vec![0xff; 4096],
    ] {
        let disk = filled(5);
        disk.damage("node.redb", |bytes| *bytes = junk);
        corrupt(refusal(&disk), "node.redb");
    }
}

#[test]
fn a_newer_schema_is_refused_and_left_as_it_is() {
    let disk = filled(6);
    {
        let disk: std::sync::Arc<dyn crate::storage::disk::Disk> =
            std::sync::Arc::new(disk.clone());
        let db =
            crate::storage::database::Database::open(disk, "node.redb", 1 << 20, None).unwrap();
        db.write(|txn| {
            let mut meta = txn.open_table(crate::storage::tables::META).unwrap();
            meta.insert("schema", 9_u32.to_be_bytes().as_slice())
                .unwrap();
            Ok(())
        })
        .unwrap();
    }
    let newer = OpenError::NewerVersion {
        file: "node.redb".into(),
        found: 9,
        supported: 1,
    };
    assert_eq!(refusal(&disk), newer);
    assert!(newer.to_string().contains("format 9"));
}

#[test]
fn a_damaged_body_is_named_and_replaced_by_importing_it_again() {
    let disk = filled(7);
    disk.damage("bodies/00000.seg", |bytes| bytes[3_000] ^= 0x40);
    let store = open(&disk).unwrap().0;
    let blocks = chain(
        &store
            .header(At::Block(Height(0)))
            .unwrap()
            .unwrap()
            .tip()
            .unwrap(),
        BLOCKS,
        1,
        1_000,
    );
    let bad: Vec<_> = blocks
        .iter()
        .filter_map(|(header, _)| store.body(&header.hash).err().map(|e| (header.hash, e)))
        .collect();
    let [(hash, StoreError::Corrupt { what })] = &bad[..] else {
        panic!("{bad:?}");
    };
    assert!(
        what.contains(&hash.to_string()) && what.contains("bodies/00000.seg"),
        "{what}"
    );
    store.commit(whole(&blocks)).unwrap();
    for (header, body) in &blocks {
        assert_eq!(store.body(&header.hash).unwrap().as_ref(), Some(body));
    }
    assert_eq!(store.stats().bodies, BLOCKS as u64 + 1);
}

/// Reads all there is; errors are fine, wrong bodies and panics are not.
fn read_all(disk: &SimDisk) -> Result<(), OpenError> {
    let (store, state) = open(disk)?;
    let _ = state.entries::<u64>("x", 10);
    for which in [Which::BestHeaders, Which::Blocks] {
        for header in store.headers(which, Height(0), 1000)? {
            let _ = store.body(&header.hash);
        }
    }
    let blocks = chain(&store.tips().blocks, 3, 9, 500);
    store.commit(whole(&blocks))?;
    Ok(())
}

#[test]
fn damage_anywhere_in_the_database_is_an_error_and_not_a_panic() {
    // What redb asserts inside is caught and becomes an error; its message would fill the log.
    std::panic::set_hook(Box::new(|_| ()));
    let mut noticed = 0;
    for seed in 0..400 {
        let mut rng = Rng::seed_from_u64(seed);
        let disk = filled(seed);
        disk.damage("node.redb", |bytes| {
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
        let outcome = catch_unwind(AssertUnwindSafe(|| read_all(&disk)));
        match outcome {
            Ok(result) => noticed += usize::from(result.is_err()),
            Err(_) => {
                let _ = std::panic::take_hook();
                panic!("seed {seed} panicked");
            }
        }
    }
    let _ = std::panic::take_hook();
    assert!(noticed > 100, "{noticed}");
}
