//! Records at their boundaries.

use proptest::prelude::*;

use super::*;
use crate::{
    crypto::{aead::AeadAlg, kdf::derive, label::KeyLabel, secret::Secret},
    secure::{CloseCode, handshake::aead_key},
};

const SECRET: [u8; 32] = [0x5e; 32];

fn sealer(limits: KeyLimits) -> Sealer {
    Sealer::with_limits(AeadAlg::Aes256Gcm, SECRET.into(), limits)
}

fn opener(limits: KeyLimits) -> Opener {
    Opener::with_limits(AeadAlg::Aes256Gcm, SECRET.into(), limits)
}

fn data(sealer: &mut Sealer, content: &[u8]) -> Vec<u8> {
    let mut out = vec![0; PREFIX_LEN];
    out.extend_from_slice(content);
    sealer.data(&mut out, 0);
    out
}

fn close(sealer: &mut Sealer, code: CloseCode) -> Vec<u8> {
    let mut out = Vec::new();
    sealer.close(&mut out, code);
    out
}

/// A record as only an attacker with the keys could make it.
fn forged(n: u64, content: &[u8], kind: u8) -> Vec<u8> {
    let key = aead_key(AeadAlg::Aes256Gcm, &SECRET.into());
    let len = (content.len() + SEALED_EXTRA) as u32;
    let mut sealed = [content, &[kind]].concat();
    let tag = key.seal(n, &len.to_be_bytes(), &mut sealed);
    [&len.to_be_bytes(), &sealed[..], &tag].concat()
}

#[test]
fn content_of_every_legal_size_round_trips() {
    let (mut s, mut o) = (sealer(KeyLimits::PROTOCOL), opener(KeyLimits::PROTOCOL));
    for len in [1, 2, 4095, 16_396, 65_535, MAX_RECORD_CONTENT] {
        let content: Vec<u8> = (0..len).map(|i| i as u8).collect();
        let mut record = data(&mut s, &content);
        assert_eq!(record.len(), len + OVERHEAD);
        assert_eq!(Opener::record_len(&record), Ok(Some(record.len())));
        assert_eq!(o.open(&mut record), Ok(Opened::Data(len)));
        assert_eq!(&record[PREFIX_LEN..PREFIX_LEN + len], content);
    }
}

#[test]
fn a_length_outside_the_derived_bounds_is_refused_from_the_prefix_alone() {
    for len in [0u32, 1, 16, 65_554, 1 << 24, u32::MAX] {
        let prefix = len.to_be_bytes();
        assert_eq!(Opener::record_len(&prefix), Err(RecordError::Length(len)));
    }
    assert_eq!(Opener::record_len(&17u32.to_be_bytes()), Ok(Some(21)));
    assert_eq!(
        Opener::record_len(&65_553u32.to_be_bytes()),
        Ok(Some(65_557))
    );
    assert_eq!(Opener::record_len(&[0, 0, 0]), Ok(None));
}

#[test]
fn each_malformed_record_has_its_own_error() {
    let open = |mut record: Vec<u8>| opener(KeyLimits::PROTOCOL).open(&mut record);
    assert_eq!(open(forged(0, b"", TYPE_DATA)), Err(RecordError::Empty));
    assert_eq!(open(forged(0, b"x", 0x16)), Err(RecordError::Type(0x16)));
    assert_eq!(
        open(forged(0, b"x", TYPE_CLOSE)),
        Err(RecordError::Close(1))
    );
    assert_eq!(
        open(forged(0, b"xyz", TYPE_CLOSE)),
        Err(RecordError::Close(3))
    );
    assert_eq!(open(forged(1, b"x", TYPE_DATA)), Err(RecordError::Seal));
    assert_eq!(
        open(forged(0, &[0; MAX_RECORD_CONTENT + 1], TYPE_DATA)),
        Err(RecordError::Length(65_554))
    );
    let mut short = forged(0, b"abc", TYPE_DATA);
    short.pop();
    assert_eq!(open(short), Err(RecordError::Seal));
}

#[test]
fn nothing_follows_a_close() {
    for code in [CloseCode::Normal, CloseCode::ShuttingDown] {
        let (mut s, mut o) = (sealer(KeyLimits::PROTOCOL), opener(KeyLimits::PROTOCOL));
        assert_eq!(o.open(&mut close(&mut s, code)), Ok(Opened::Close(code)));
        assert_eq!(
            o.open(&mut data(&mut s, b"x")),
            Err(RecordError::AfterClose)
        );
        assert_eq!(
            o.open(&mut close(&mut s, code)),
            Err(RecordError::AfterClose)
        );
    }
}

#[test]
fn every_changed_bit_of_a_record_is_refused() {
    let record = data(&mut sealer(KeyLimits::PROTOCOL), &[7; 40]);
    for bit in 0..record.len() * 8 {
        let mut copy = record.clone();
        copy[bit / 8] ^= 1 << (bit % 8);
        let len = Opener::record_len(&copy);
        if len == Ok(Some(record.len())) {
            assert_eq!(
                opener(KeyLimits::PROTOCOL).open(&mut copy),
                Err(RecordError::Seal)
            );
        } else {
            assert!(bit < 32, "only the prefix says how long a record is");
        }
    }
}

#[test]
fn repeated_skipped_and_swapped_records_are_refused() {
    let mut s = sealer(KeyLimits::PROTOCOL);
    let records: Vec<_> = (0..3).map(|i| data(&mut s, &[i])).collect();
    for order in [&[0, 0][..], &[1], &[0, 2], &[2]] {
        let mut o = opener(KeyLimits::PROTOCOL);
        let mut last = Ok(Opened::Data(1));
        for at in order {
            assert_eq!(last, Ok(Opened::Data(1)));
            last = o.open(&mut records[*at].clone());
        }
        assert_eq!(last, Err(RecordError::Seal), "{order:?}");
    }
}

/// The key of epoch `n`, derived by hand.
fn epoch(n: usize) -> Secret<32> {
    (0..n).fold(SECRET.into(), |s, _| derive(&s, KeyLabel::RATCHET, b""))
}

/// Opens `record` with the key of `epoch` at counter `n`.
fn is_of(record: &[u8], epoch_n: usize, n: u64) -> bool {
    let key = aead_key(AeadAlg::Aes256Gcm, &epoch(epoch_n));
    let (prefix, sealed) = record.split_at(PREFIX_LEN);
    key.open(n, prefix, &mut sealed.to_vec()).is_ok()
}

#[test]
fn the_key_ratchets_exactly_at_the_record_limit() {
    let limits = KeyLimits {
        records: 3,
        bytes: u64::MAX,
    };
    let mut s = sealer(limits);
    for i in 0..10u64 {
        let record = data(&mut s, b"x");
        assert!(is_of(&record, (i / 3) as usize, i % 3), "record {i}");
    }
    assert_eq!(s.ratchets(), 3);
    // A close counts as a record.
    let mut s = sealer(limits);
    (0..3).for_each(|_| drop(data(&mut s, b"x")));
    assert!(is_of(&close(&mut s, CloseCode::Normal), 1, 0));
}

#[test]
fn the_key_ratchets_exactly_where_the_byte_limit_would_be_passed() {
    let limits = KeyLimits {
        records: u64::MAX,
        bytes: 100,
    };
    let mut s = sealer(limits);
    assert!(is_of(&data(&mut s, &[0; 60]), 0, 0));
    assert!(is_of(&data(&mut s, &[0; 40]), 0, 1), "equal is not above");
    assert!(
        is_of(&close(&mut s, CloseCode::Normal), 0, 2),
        "a close without code has no content"
    );
    assert!(is_of(&data(&mut s, &[0; 1]), 1, 0));
    assert!(
        is_of(&data(&mut s, &[0; 100]), 2, 0),
        "1 + 100 would pass it"
    );
    assert!(
        is_of(&close(&mut s, CloseCode::Limits), 3, 0),
        "a code is content"
    );
}

#[test]
fn ends_with_other_limits_part_at_the_first_of_them() {
    let small = KeyLimits {
        records: 2,
        bytes: u64::MAX,
    };
    let (mut s, mut o) = (sealer(small), opener(KeyLimits::PROTOCOL));
    assert!(o.open(&mut data(&mut s, b"a")).is_ok());
    assert!(o.open(&mut data(&mut s, b"b")).is_ok());
    assert_eq!(o.open(&mut data(&mut s, b"c")), Err(RecordError::Seal));
}

#[test]
fn the_limits_fit_each_other() {
    let KeyLimits { records, bytes } = KeyLimits::PROTOCOL;
    assert_eq!((records, bytes), (1 << 20, 1 << 34));
    // A single record never passes the byte limit of a fresh key, so one ratchet is enough, and
    // the counter stays far from its end.
    assert!((MAX_RECORD_CONTENT as u64) < bytes);
    // yamux frames are 16 KiB and their header: they must fit one record.
    const { assert!(MAX_RECORD_CONTENT >= 16 * 1024 + 12) };
}

proptest! {
    /// Both ends ratchet alike whatever is sent under whatever limits.
    #[test]
    fn both_ends_ratchet_alike(
        sizes in prop::collection::vec(1usize..300, 1..60),
        records in 1u64..8,
        bytes in 300u64..1000,
    ) {
        let limits = KeyLimits { records, bytes };
        let (mut s, mut o) = (sealer(limits), opener(limits));
        for size in sizes {
            let mut record = data(&mut s, &vec![1; size]);
            prop_assert_eq!(o.open(&mut record), Ok(Opened::Data(size)));
        }
        prop_assert_eq!(s.ratchets(), o.ratchets());
    }
}
