//! The shape of the house: modules import lower ranks only, and no file grows past 500 lines.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Rank of every room, as in `specs/architecture.md`.
const RANKS: &[(u8, &[&str])] = &[
    (0, &["cbor", "clock", "ids", "offence"]),
    (1, &["bloom", "bucket", "registry", "report"]),
    (2, &["crypto", "event"]),
    (3, &["chain", "identity"]),
    (4, &["envelope", "pool", "secure", "trust"]),
    (5, &["dht", "peers", "wire"]),
    (6, &["gossip", "sync"]),
    (7, &["network", "storage", "transport"]),
    (8, &["telemetry"]),
    (9, &["node"]),
    (10, &["api"]),
    (11, &["cli"]),
];

const MAX_LINES: usize = 500;

fn ranks() -> BTreeMap<&'static str, u8> {
    RANKS
        .iter()
        .flat_map(|(rank, rooms)| rooms.iter().map(move |room| (*room, *rank)))
        .collect()
}

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("src is readable") {
        let path = entry.expect("entry is readable").path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// Code without comments: `//` to the end of the line.
fn code(text: &str) -> String {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Every room named in a `crate::…` path, including those in nested `use crate::{a, b::{c}}`.
fn rooms_named(code: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if !rest.starts_with('{') {
            rooms.push(ident(rest));
            continue;
        }
        let (mut depth, mut start) = (0, true);
        for (i, c) in rest.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => start = true,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if depth == 1 && start && (c.is_alphanumeric() || c == '_') {
                rooms.push(ident(&rest[i..]));
                start = false;
            }
        }
    }
    rooms
}

fn ident(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn modules_import_lower_ranks_only() {
    let ranks = ranks();
    let mut files = Vec::new();
    sources(&src(), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let relative = file.strip_prefix(src()).expect("below src").to_owned();
        let room = relative
            .components()
            .next()
            .map(|c| c.as_os_str().to_string_lossy().replace(".rs", ""))
            .expect("a file has a name");
        if room == "lib" || room == "main" {
            continue;
        }
        let Some(rank) = ranks.get(room.as_str()) else {
            wrong.push(format!("{}: room `{room}` has no rank", relative.display()));
            continue;
        };
        let text = fs::read_to_string(&file).expect("source is readable");
        for named in rooms_named(&code(&text)) {
            if named == room {
                continue;
            }
            match ranks.get(named.as_str()) {
                Some(other) if other < rank => {}
                Some(_) => wrong.push(format!("{} imports `{named}`", relative.display())),
                // Items re-exported at the root are names of libp2p, not rooms.
                None if named == "Multiaddr" || named == "PeerId" => {}
                None => wrong.push(format!("{} names `crate::{named}`", relative.display())),
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "upward or sideways imports:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_room_of_the_library_has_a_rank() {
    let lib = fs::read_to_string(src().join("lib.rs")).expect("lib.rs is readable");
    let ranks = ranks();
    for line in lib.lines() {
        if let Some(room) = line
            .strip_prefix("pub mod ")
            .and_then(|l| l.strip_suffix(';'))
        {
            assert!(ranks.contains_key(room), "`{room}` has no rank");
        }
    }
}

#[test]
fn no_file_is_longer_than_500_lines() {
    let mut files = Vec::new();
    sources(&src(), &mut files);
    for file in files {
        let lines = fs::read_to_string(&file)
            .expect("source is readable")
            .lines()
            .count();
        assert!(
            lines <= MAX_LINES,
            "{}: {lines} lines; split it by noun",
            file.display()
        );
    }
}

#[test]
fn the_import_scanner_sees_nested_and_inline_paths() {
    let text = "use crate::{ids::{Hash32, Height}, wire::Message};\nlet x = crate::node::run(); // crate::cli";
    assert_eq!(rooms_named(&code(text)), ["ids", "wire", "node"]);
}
