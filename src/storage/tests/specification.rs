//! `specs/storage.md` says what the code does.

use redb::TableHandle;

use crate::{
    peers::Table,
    storage::{Options, blobs, peers, schema, segment, tables},
};

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/specs/storage.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_page_names_every_table() {
    let page = page();
    for name in [
        tables::META.name(),
        tables::HEADERS.name(),
        tables::HEADERS_BY_HASH.name(),
        tables::BEST_HEADERS.name(),
        tables::BLOCK_BRANCH.name(),
        tables::BODY_LOCATIONS.name(),
        tables::SEGMENTS.name(),
        tables::HEADS.name(),
        tables::STATE.name(),
        tables::BLOBS.name(),
    ]
    .into_iter()
    .chain(Table::ALL.iter().map(|table| table.name()))
    {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
    for key in [
        tables::HEAD_OF_HEADERS,
        tables::HEAD_OF_BLOCKS,
        tables::INDEXED_HEADERS,
    ] {
        assert!(page.contains(&format!("`{key}`")), "{key}");
    }
}

#[test]
fn the_page_has_the_figures_of_the_code() {
    let page = page();
    let sizes = Options::default();
    for text in [
        format!("A schema above {} is refused", schema::SCHEMA),
        format!("| version, {} |", segment::VERSION),
        format!("a header of {} bytes", segment::HEADER_LEN),
        format!("| {} | length | body |", segment::RECORD_HEAD),
        format!("| version of the file, {} |", blobs::VERSION),
        format!("at most {} blobs", blobs::MAX_BLOBS),
        format!("`schema`: u32, now {}", peers::PEERS_SCHEMA),
        format!("| cache of peers | {} MiB |", peers::PEERS_CACHE >> 20),
        format!("at most {} such files", peers::KEEP_DAMAGED),
        format!("`storage.cache_mib`, {} MiB", sizes.cache_bytes >> 20),
        format!("`storage.segment_mib`, {} MiB", sizes.segment_bytes >> 20),
    ] {
        assert!(page.contains(&text), "{text}");
    }
}
