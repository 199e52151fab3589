//! Blobs for tests, and what every store of blobs must do.

use bytes::Bytes;

use super::{Blob, BlobStore, Put};
use crate::chain::nmt::Namespace;

/// A blob of `size` bytes, another for another `salt`.
pub(crate) fn blob(size: usize, salt: u8) -> Blob {
    let data: Vec<u8> = (0..size)
        .map(|i| (i / 251) as u8 ^ (i as u8) ^ salt)
        .collect();
    Blob::new(Namespace(7), Bytes::from(data)).expect("a possible size")
}

/// What every store of blobs does that may hold 30 000 bytes of data and not 50 000.
pub(crate) fn keeps_the_contract(store: &dyn BlobStore) {
    let first = blob(10_000, 1);
    let root = first.commitment().root;
    assert_eq!(store.get(&root), Ok(None));
    assert_eq!(store.put(&first), Ok(Put::Stored));
    assert_eq!(store.put(&first), Ok(Put::Known));
    assert_eq!(store.get(&root), Ok(Some(first.clone())));
    assert_eq!(store.commitment(&root), Ok(Some(*first.commitment())));
    let samples = store.samples(first.commitment(), &[0, 2, 3, 4, u32::MAX]);
    let samples = samples.expect("readable").expect("held");
    let places: Vec<u32> = samples.iter().map(|s| s.index).collect();
    assert_eq!(places, [0, 2, 3]);
    for sample in &samples {
        assert_eq!(first.commitment().check(sample), Ok(()));
    }
    // The same root under another size is another blob, which nobody has.
    let mut other = *first.commitment();
    other.size += 1;
    assert_eq!(store.samples(&other, &[0]), Ok(None));

    assert_eq!(store.put(&blob(100_000, 2)), Ok(Put::TooLarge));
    assert_eq!(store.put(&blob(10_000, 3)), Ok(Put::Stored));
    assert_eq!(store.usage().blobs, 2);
    // The oldest goes first, and only as many as must.
    let big = blob(25_000, 4);
    assert_eq!(store.put(&big), Ok(Put::Stored));
    assert_eq!(store.get(&root), Ok(None));
    assert_eq!(store.commitment(&root), Ok(None));
    assert_eq!(store.get(&big.commitment().root), Ok(Some(big)));
    let usage = store.usage();
    assert!(usage.evicted >= 1 && usage.bytes <= usage.max_bytes);
    assert_eq!(store.put(&first), Ok(Put::Stored));
}
