//! The bodies of the fuzz targets as bounded property tests: seeds changed here and there, and
//! bytes that nobody meant.

#[allow(unreachable_pub)]
#[path = "../fuzz/bodies/mod.rs"]
mod bodies;

use std::{collections::BTreeSet, fs, path::PathBuf};

use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{TestCaseError, TestRunner},
};

/// Inputs per target and run. A campaign tries as many in a fraction of a second.
const CASES: u32 = 256;

/// Whose seeds nobody may take: see its body.
const NEVER_TAKEN: &str = "auth";

macro_rules! bounded {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            run(stringify!($target));
        })*

        /// Targets with a bounded test.
        const BOUNDED: &[&str] = &[$(stringify!($target)),*];
    };
}

bounded! {
    cbor frame get_headers headers get_blocks blocks not_found busy ack error answer
    inv get_data tx share get_compact get_tx tx_not_found get_sketch sketch da_get da_proof
    get_peers peers disconnect ping pong
    trust_update trusted_peers_request trusted_peers_response signed_ping trust_statement
    announce symbols hash_share blob bloom unsigned direct
    header block archive archive_blocks
    identify keys envelope node_record dht_record delegation policy key_file
    client_hello server_hello auth record
    seed_list seed_txt
}

fn run(target: &str) {
    let body = bodies::of(target);
    let seeds = bodies::seeds::of(target);
    assert!(!seeds.is_empty());
    for seed in &seeds {
        assert_eq!(body(seed), target != NEVER_TAKEN, "a seed of {target}");
    }
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let result = TestRunner::new(config).run(&input(seeds), |bytes| {
        body(&bytes);
        Ok::<(), TestCaseError>(())
    });
    if let Err(error) = result {
        panic!("{target}: {error}");
    }
}

/// Mostly changed seeds, sometimes anything.
fn input(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec(edit(), 1..5);
    let changed = (any::<Index>(), edits).prop_map(move |(seed, edits)| {
        let mut bytes = seed.get(&seeds).clone();
        for edit in &edits {
            edit.apply(&mut bytes);
        }
        bytes
    });
    prop_oneof![
        7 => changed,
        1 => prop::collection::vec(any::<u8>(), 0..600),
    ]
}

/// One change: some bytes cut out at a place, others put in.
#[derive(Clone, Debug)]
struct Edit {
    at: Index,
    /// Most structure is near the front, so half of the changes go there.
    in_front: bool,
    cut: usize,
    insert: Vec<u8>,
}

fn edit() -> impl Strategy<Value = Edit> {
    let insert = prop::collection::vec(any::<u8>(), 0..12);
    let replace = any::<u8>().prop_map(|byte| (1, vec![byte]));
    let splice = (0..40usize, insert);
    (any::<Index>(), any::<bool>(), prop_oneof![replace, splice]).prop_map(
        |(at, in_front, (cut, insert))| Edit {
            at,
            in_front,
            cut,
            insert,
        },
    )
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let room = if self.in_front {
            bytes.len().min(400)
        } else {
            bytes.len()
        };
        let at = self.at.index(room + 1);
        let end = (at + self.cut).min(bytes.len());
        bytes.splice(at..end, self.insert.iter().copied());
    }
}

fn fuzz_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz")
}

#[test]
fn every_target_has_its_bounded_test_and_its_campaign() {
    let targets: BTreeSet<&str> = bodies::TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(targets.len(), bodies::TARGETS.len(), "names are unique");
    assert_eq!(targets, BOUNDED.iter().copied().collect());
    let manifest = fs::read_to_string(fuzz_dir().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let binaries = manifest["bin"].as_array().unwrap().iter();
    let binaries: BTreeSet<&str> = binaries.map(|bin| bin["name"].as_str().unwrap()).collect();
    assert_eq!(targets, binaries);
    for target in targets {
        let path = fuzz_dir().join(format!("targets/{target}.rs"));
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains(&format!("bodies::of(\"{target}\")")));
    }
}

/// Writes what campaigns start from.
#[test]
#[ignore = "writes the corpora of campaigns"]
fn write_corpora() {
    for (target, _) in bodies::TARGETS {
        let dir = fuzz_dir().join("corpus").join(target);
        fs::create_dir_all(&dir).unwrap();
        for (number, seed) in bodies::seeds::of(target).iter().enumerate() {
            fs::write(dir.join(format!("seed-{number}")), seed).unwrap();
        }
    }
}
