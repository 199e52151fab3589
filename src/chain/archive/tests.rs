use std::{fs, io::Cursor, num::NonZeroUsize, ops::ControlFlow};

use super::*;
use crate::chain::{
    Ancestry, Batch, ChainStore, Genesis, HashOnly, MemoryStore,
    miner::{MineRequest, Mined, Miner},
    testing::devnet,
};

const NOW: u64 = 1_800_000_000;

fn mined(ancestry: Ancestry, count: u64, seed: u64) -> Vec<Mined> {
    let request = MineRequest {
        txs: 2,
        seed,
        ..MineRequest::blocks(count)
    };
    let miner = Miner::new(&devnet(), ancestry, request).expect("a request");
    miner.mine_all(NOW).expect("mines")
}

fn add(store: &MemoryStore, blocks: &[Mined]) {
    let last = blocks.last().map(|mined| mined.header.hash);
    let of = |mined: &Mined| (mined.header.hash, mined.block.clone());
    let batch = Batch {
        headers: blocks.iter().map(|mined| mined.header.clone()).collect(),
        bodies: blocks.iter().map(of).collect(),
        best_header: last,
        head: last,
    };
    store.commit(batch).expect("fits");
}

fn store_with(count: u64) -> MemoryStore {
    let store = MemoryStore::new(&devnet());
    add(&store, &mined(Ancestry::genesis(&devnet()), count, 1));
    store
}

fn on() -> impl FnMut(Progress) -> ControlFlow<()> {
    |_| ControlFlow::Continue(())
}

fn exported(store: &MemoryStore) -> Vec<u8> {
    let mut out = Vec::new();
    let done = export(store, &devnet(), &mut out, Range::default(), &mut on());
    assert!(done.expect("exports").complete);
    out
}

fn open(file: &[u8]) -> Result<Import<Cursor<&[u8]>>, ArchiveError> {
    let two = NonZeroUsize::new(2).expect("not zero");
    Import::open(Cursor::new(file), &devnet(), two)
}

fn imported(store: &MemoryStore, file: &[u8]) -> Result<Imported, ArchiveError> {
    import(store, &mut open(file)?, &HashOnly, NOW, &mut on())
}

#[test]
fn a_chain_survives_the_way_through_a_file() {
    let (from, to) = (store_with(30), MemoryStore::new(&devnet()));
    let file = exported(&from);
    let done = imported(&to, &file).expect("imports");
    assert_eq!((done.blocks, done.known, done.complete), (30, 0, true));
    assert_eq!(to.tips(), from.tips());
    // Importing again changes nothing.
    let done = imported(&to, &file).expect("imports");
    assert_eq!((done.blocks, done.known, done.complete), (0, 30, true));
    // An empty chain is a file too.
    let file = exported(&MemoryStore::new(&devnet()));
    assert!(imported(&to, &file).expect("imports").complete);
}

#[test]
fn the_bytes_are_those_of_the_specification() {
    let genesis = devnet();
    let file = exported(&store_with(1));
    assert_eq!(file[..12], *b"\x89ANMC\r\n\x1a\0\x01\0\0");
    assert_eq!(file[12..20], 1337u64.to_be_bytes());
    assert_eq!(file[20..52], genesis.hash().0);
    assert_eq!(file[52..60], 1u64.to_be_bytes());
    let block = &mined(Ancestry::genesis(&genesis), 1, 1)[0];
    let len = block.block.len();
    assert_eq!(file[68..72], (len as u32).to_be_bytes());
    assert_eq!(file[80..80 + len], block.block);
    let end = &file[80 + len..];
    assert_eq!(end[..4], [0; 4]);
    assert_eq!(end[12..20], 1u64.to_be_bytes());
    assert_eq!(end[20..], block.header.hash.0);
}

#[test]
fn a_file_cut_anywhere_is_good_up_to_the_cut_and_resumes() {
    let from = store_with(6);
    let file = exported(&from);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chain");
    for cut in (HEAD..file.len()).step_by(97).chain([file.len() - 1]) {
        let to = MemoryStore::new(&devnet());
        let done = imported(&to, &file[..cut]).expect("imports what is whole");
        assert!(!done.complete, "{cut}");
        assert_eq!(to.tips().blocks.height.0, done.blocks);
        // The whole file completes what the cut one began.
        let rest = imported(&to, &file).expect("imports the rest");
        assert_eq!((rest.known, rest.complete), (done.blocks, true));
        // And the export completes the file itself.
        fs::write(&path, &file[..cut]).unwrap();
        resume(&from, &path);
        assert_eq!(fs::read(&path).unwrap(), file, "{cut}");
    }
}

const HEAD: usize = record::HEAD_BYTES;

fn resume(store: &MemoryStore, path: &std::path::Path) -> Exported {
    let all = Range::default();
    let done = export_file(store, &devnet(), path, all, Start::Resume, &mut on());
    done.expect("resumes")
}

#[test]
fn an_export_resumes_behind_damage_and_across_a_reorganisation() {
    let genesis = devnet();
    let store = store_with(8);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chain");
    assert_eq!(resume(&store, &path).blocks, 8);
    assert!(matches!(
        export_file(
            &store,
            &genesis,
            &path,
            Range::default(),
            Start::New,
            &mut on()
        ),
        Err(ArchiveError::Io(_))
    ));
    // Nothing new: only the end is written again.
    assert_eq!(resume(&store, &path).blocks, 0);

    let blocks = mined(Ancestry::genesis(&genesis), 8, 1);
    let fork = Ancestry::load(&store, blocks[4].header.hash);
    add(&store, &mined(fork.expect("reads").expect("stored"), 9, 2));
    let done = resume(&store, &path);
    assert_eq!(
        (done.blocks, done.last, done.complete),
        (9, Height(14), true)
    );
    assert_eq!(fs::read(&path).unwrap(), exported(&store));

    let mut file = fs::read(&path).unwrap();
    let middle = file.len() / 2;
    file[middle] ^= 1;
    fs::write(&path, &file).unwrap();
    assert!(resume(&store, &path).blocks > 3);
    assert_eq!(fs::read(&path).unwrap(), exported(&store));
}

#[test]
fn an_import_takes_the_better_branch_and_keeps_the_worse_beside() {
    let short = store_with(5);
    let long = MemoryStore::new(&devnet());
    add(&long, &mined(Ancestry::genesis(&devnet()), 9, 2));
    let tips = long.tips();
    imported(&long, &exported(&short)).expect("imports");
    assert_eq!(long.tips(), tips);
    imported(&short, &exported(&long)).expect("imports");
    assert_eq!(short.tips(), tips);
}

#[test]
fn finds_damage_and_keeps_what_stood_before() {
    let file = exported(&store_with(5));
    let with = |at: usize| {
        let mut file = file.clone();
        file[at] ^= 0x40;
        file
    };
    let to = MemoryStore::new(&devnet());
    let last = file.len() - 300;
    let error = imported(&to, &with(last)).expect_err("damaged");
    assert!(
        matches!(error, ArchiveError::Damaged { damage: Damage::Check, height, .. } if height == Height(5)),
        "{error}"
    );
    assert!(matches!(open(&with(3)), Err(ArchiveError::Magic)));
    assert!(matches!(
        open(&with(9)),
        Err(ArchiveError::NewerVersion { found: 65 })
    ));
    assert!(matches!(
        open(&with(60)),
        Err(ArchiveError::Damaged { at: 0, .. })
    ));
    let length = imported(&to, &with(HEAD)).expect_err("a record of a gigabyte");
    assert!(matches!(
        length,
        ArchiveError::Damaged {
            damage: Damage::Length(_),
            ..
        }
    ));
    let mut longer = file.clone();
    longer.push(0);
    let error = imported(&to, &longer).expect_err("a byte too many");
    assert!(matches!(
        error,
        ArchiveError::Damaged {
            damage: Damage::Trailing,
            ..
        }
    ));
    let testnet = Genesis::preset("testnet").expect("a preset");
    let other = Import::open(Cursor::new(&file[..]), &testnet, NonZeroUsize::MIN);
    assert!(matches!(other, Err(ArchiveError::OtherGenesis { .. })));
}

#[test]
fn verifies_what_it_imports() {
    let genesis = devnet();
    let blocks = mined(Ancestry::genesis(&genesis), 4, 1);
    let write = |first: u64, blocks: &[&Mined]| {
        let mut writer = Writer::create(Vec::new(), &genesis, Height(first)).unwrap();
        for mined in blocks {
            writer.append(mined.header.hash, &mined.block).unwrap();
        }
        writer.finish().unwrap()
    };
    let store = MemoryStore::new(&genesis);
    // A hole, a body of another block under a good header, a start in the air.
    let hole = imported(&store, &write(1, &[&blocks[0], &blocks[2]])).expect_err("a hole");
    assert!(matches!(hole, ArchiveError::Header { height, .. } if height == Height(2)));
    let mut block = crate::chain::Block::decode(blocks[1].block.clone()).expect("a block");
    block.txs.pop();
    let forged = Mined {
        block: block.encode(),
        ..blocks[1].clone()
    };
    let forged = imported(&store, &write(1, &[&blocks[0], &forged])).expect_err("forged");
    assert!(matches!(forged, ArchiveError::Body { height, .. } if height == Height(2)));
    let air = imported(&store, &write(3, &[&blocks[2]])).expect_err("in the air");
    assert!(matches!(air, ArchiveError::Gap { first } if first == Height(3)));
    assert_eq!(store.tips().blocks.height, Height(0));
}

#[test]
fn stops_when_told_and_goes_on() {
    let store = store_with(2100);
    let mut out = Vec::new();
    let mut stop = |_| ControlFlow::Break(());
    let done = export(&store, &devnet(), &mut out, Range::default(), &mut stop);
    let done = done.expect("exports");
    assert_eq!((done.blocks, done.complete), (1024, false));
    let to = MemoryStore::new(&devnet());
    let mut import_half = open(&out).expect("opens");
    let done = import(&to, &mut import_half, &HashOnly, NOW, &mut stop).expect("imports");
    assert_eq!((done.blocks, done.complete), (1024, false));
    let done = imported(&to, &exported(&store)).expect("imports");
    assert_eq!((done.blocks, done.known), (2100 - 1024, 1024));
}
