//! `specs/discovery.md` says what the code does.

use crate::registry::MAX_RECORD_BYTES;

use super::super::{
    MAX_ADDRESSES_PER_PEER, MAX_ANCHORS, MAX_PEERS, MAX_PINNED, MAX_RECORD_STORE, NEW_BUCKETS,
    NEW_BUCKETS_PER_SOURCE, NEW_SLOTS, TRIED_BUCKETS, TRIED_BUCKETS_PER_GROUP, TRIED_SLOTS,
};

#[test]
fn the_page_has_the_figures_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/specs/discovery.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (new, tried) = (NEW_BUCKETS * NEW_SLOTS, TRIED_BUCKETS * TRIED_SLOTS);
    for text in [
        format!("{NEW_BUCKETS} buckets of {NEW_SLOTS} places, {new} peers"),
        format!("{TRIED_BUCKETS} buckets of {TRIED_SLOTS} places, {tried} peers"),
        format!("| peers in the tables | {MAX_PEERS} |"),
        format!("| peers that the operator keeps | {MAX_PINNED} |"),
        format!("| addresses of a peer | {MAX_ADDRESSES_PER_PEER} |"),
        format!("| anchors | {MAX_ANCHORS} |"),
        format!("| bytes of node records | {} MiB |", MAX_RECORD_STORE >> 20),
        format!("at most {} KiB each", MAX_RECORD_BYTES >> 10),
        format!("one source group | {NEW_BUCKETS_PER_SOURCE} buckets"),
        format!("{} of {new} places", NEW_BUCKETS_PER_SOURCE * NEW_SLOTS),
        format!("one address group | {TRIED_BUCKETS_PER_GROUP} buckets"),
        format!(
            "{} of {tried} places",
            TRIED_BUCKETS_PER_GROUP * TRIED_SLOTS
        ),
        format!("{} of {new} places", 4 * NEW_SLOTS),
        format!(
            "{} of {tried} places",
            4 * TRIED_BUCKETS_PER_GROUP * TRIED_SLOTS
        ),
    ] {
        assert!(page.contains(&text), "{text}");
    }
}
