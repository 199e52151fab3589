use proptest::prelude::*;

use super::*;
use crate::{
    cbor::CborError,
    offence::Offence,
    registry::{MAX_ANNOUNCE_BYTES, MAX_BLOCK_ITEMS, MAX_PREFILLED, MAX_PREFILLED_BYTES},
};

fn sample() -> Announce {
    let block = block(txs(0..6, 50), vec![proof(1, 30), proof(2, 60)]);
    build(&block, 5, [1, 7])
}

fn refused(announce: &Announce) -> AnnounceError {
    Announce::decode(&announce.encode(), &params()).expect_err("refused")
}

#[test]
fn an_announce_round_trips() {
    let announce = sample();
    let bytes = announce.encode();
    assert_eq!(Announce::decode(&bytes, &params()), Ok(announce.clone()));
    assert_eq!(announce.prefilled().collect::<Vec<_>>(), [1, 7]);
    assert_eq!(announce.short_ids.len(), 6 * SHORT_ID_LEN);
}

#[test]
fn the_caps_of_the_wire_hold_the_largest_announce_of_any_chain() {
    assert!(Announce::max_bytes(&params()) <= MAX_ANNOUNCE_BYTES);
    assert_eq!(params().max_txs + params().max_proofs, MAX_BLOCK_ITEMS);
    // A full block of tiny transactions with as much prefilled as goes.
    let block = block(txs(0..60_000, 1), Vec::new());
    let announce = build(&block, 1, 0..60_000);
    assert_eq!(announce.prefilled.len(), MAX_PREFILLED);
    let bytes = announce.encode();
    assert!(bytes.len() <= Announce::max_bytes(&params()));
    assert_eq!(Announce::decode(&bytes, &params()), Ok(announce));
}

#[test]
fn prefilling_is_bounded_in_bytes_and_skips_what_the_block_does_not_have() {
    let block = block(txs(0..40, 5000), Vec::new());
    let announce = build(&block, 1, [99, 3, 3, 0, u32::MAX].into_iter().chain(4..40));
    let full: usize = announce.prefilled.iter().map(|(_, item)| item.len()).sum();
    assert!(full <= MAX_PREFILLED_BYTES && full > MAX_PREFILLED_BYTES - 5100);
    assert_eq!(announce.prefilled().take(3).collect::<Vec<_>>(), [0, 3, 4]);
    assert!(Announce::decode(&announce.encode(), &params()).is_ok());
}

#[test]
fn refuses_counts_above_the_limits_of_the_chain() {
    for (txs, proofs) in [(60_001, 2), (6, 21_250), (usize::MAX, 2)] {
        let error = refused(&Announce {
            txs,
            proofs,
            ..sample()
        });
        assert!(matches!(error, AnnounceError::Count { .. }), "{error}");
        assert_eq!(error.offence(), Offence::MalformedMessage);
    }
    let small = Params {
        max_txs: 5,
        ..params()
    };
    assert!(Announce::decode(&sample().encode(), &small).is_err());
}

#[test]
fn refuses_counts_that_lie_about_the_short_ids() {
    let one = build(&block(txs(0..6, 50), vec![proof(1, 30)]), 5, [1]);
    for txs in [5, 7, 60_000] {
        let error = refused(&Announce { txs, ..one.clone() });
        assert!(matches!(error, AnnounceError::ShortIds { .. }), "{error}");
    }
    let odd = Announce {
        short_ids: Bytes::from_static(&[0; 35]),
        ..sample()
    };
    assert!(matches!(refused(&odd), AnnounceError::ShortIds { .. }));
}

#[test]
fn refuses_block_lengths_that_the_items_do_not_fit() {
    let honest = sample().block_bytes();
    for block_bytes in [0, 600, 4_000_001, usize::MAX] {
        let error = refused(&Announce {
            block_bytes,
            ..sample()
        });
        assert!(matches!(error, AnnounceError::BlockBytes { .. }), "{error}");
    }
    assert!(honest > 600);
}

#[test]
fn refuses_counts_that_contradict_the_roots() {
    let empty = build(&block(Vec::new(), Vec::new()), 1, []);
    assert!(Announce::decode(&empty.encode(), &params()).is_ok());
    let header = sample().header.clone();
    let lie = Announce {
        header_bytes: header.encode().into(),
        header,
        ..empty
    };
    let error = refused(&lie);
    assert_eq!(error, AnnounceError::Roots);
    assert_eq!(error.offence(), Offence::BodyMismatch);
}

#[test]
fn refuses_prefilled_items_repeated_out_of_order_out_of_range_or_too_long() {
    let item = tx(9, 10);
    let long = Bytes::from(vec![0; MAX_PREFILLED_BYTES + 1]);
    for prefilled in [
        vec![(1, item.clone()), (1, item.clone())],
        vec![(2, item.clone()), (1, item.clone())],
        vec![(1, item.clone()), (8, item.clone())],
        vec![(1, item.clone()), (u32::MAX, item.clone())],
        vec![(0, long), (1, item.clone())],
        vec![(0, Bytes::new()), (1, item)],
    ] {
        let error = refused(&Announce {
            prefilled,
            ..sample()
        });
        assert!(matches!(error, AnnounceError::Prefilled { .. }), "{error}");
    }
}

#[test]
fn refuses_oversize_and_everything_but_the_five_keys() {
    let max = Announce::max_bytes(&params());
    let big = Bytes::from(vec![0; max + 1]);
    let error = Announce::decode(&big, &params()).expect_err("refused");
    assert_eq!(error.offence(), Offence::OversizedMessage);

    let bytes = sample().encode().to_vec();
    let mut more = bytes.clone();
    more[0] = 0xa6;
    more.extend([5, 0]);
    let mut trailing = bytes.clone();
    trailing.push(0);
    for (bytes, expected) in [
        (more, CborError::WrongKey),
        (trailing, CborError::Trailing),
        (bytes[..bytes.len() - 1].to_vec(), CborError::Truncated),
    ] {
        let error = Announce::decode(&bytes.into(), &params());
        assert_eq!(error, Err(AnnounceError::Cbor(expected)));
    }
    // A byte string that says 2^62 bytes, where the short ids belong.
    let mut bomb = bytes[..bytes.len() / 2].to_vec();
    let at = 2 + 3 + sample().header_bytes.len() + 2 + 8;
    bomb.truncate(at.min(bomb.len()));
    bomb.extend([0x5b, 0x40, 0, 0, 0, 0, 0, 0, 0]);
    assert!(Announce::decode(&bomb.into(), &params()).is_err());
}

#[test]
fn an_announce_describes_its_block_and_no_other() {
    let block = block(txs(0..6, 50), vec![proof(1, 30), proof(2, 60)]);
    let honest = sample();
    assert!(honest.describes(&block));
    let mut ids = honest.short_ids.to_vec();
    ids[0] ^= 1;
    let swapped = Announce {
        prefilled: vec![(1, tx(77, 50)), honest.prefilled[1].clone()],
        ..honest.clone()
    };
    for lie in [
        Announce {
            short_ids: ids.into(),
            ..honest.clone()
        },
        Announce {
            salt: 6,
            ..honest.clone()
        },
        Announce {
            block_bytes: honest.block_bytes + 1,
            ..honest
        },
        swapped,
    ] {
        assert!(!lie.describes(&block));
    }
}

proptest! {
    #[test]
    fn a_mutated_announce_is_refused_or_is_what_it_encodes(at: prop::sample::Index, with: u8) {
        let mut bytes = sample().encode().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = with;
        let bytes = Bytes::from(bytes);
        if let Ok(announce) = Announce::decode(&bytes, &params()) {
            prop_assert_eq!(announce.encode(), bytes);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Announce::decode(&bytes.into(), &params());
    }
}
