use proptest::prelude::*;
use serde_json::Value;

use super::*;

const SALT: Salt = Salt([7; 16]);
const MIB: usize = 1 << 20;

fn key(i: u64) -> [u8; 32] {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&i.to_be_bytes());
    key
}

fn plain(capacity: u64, rate: f64, items: u64) -> BloomFilter {
    let mut filter = BloomFilter::new(capacity, rate, SALT).unwrap();
    for i in 0..items {
        filter.add(&key(i));
    }
    filter
}

fn scalable(capacity: u64, rate: f64, items: u64) -> ScalableBloomFilter {
    let mut filter = ScalableBloomFilter::new(capacity, rate, MIB, SALT).unwrap();
    for i in 0..items {
        filter.add(&key(i)).unwrap();
    }
    filter
}

/// Share of keys never added that `contains` takes for known.
fn measured(contains: impl Fn(&[u8]) -> bool, tries: u64) -> f64 {
    let hits = (0..tries).filter(|i| contains(&key((1 << 40) + i))).count();
    hits as f64 / tries as f64
}

#[test]
fn a_full_filter_keeps_its_rate() {
    for (rate, items, tries) in [
        (0.1, 500, 20_000),
        (0.01, 5_000, 50_000),
        (0.001, 20_000, 100_000),
    ] {
        let filter = plain(items, rate, items);
        let found = measured(|k| filter.contains(k), tries);
        assert!(found < rate * 1.3, "{found} of {rate}");
        assert!(
            found > rate * 0.5,
            "{found} of {rate}: more bits than needed"
        );
        let stats = filter.stats();
        assert!(
            (stats.estimated_rate / rate - 1.0).abs() < 0.15,
            "{stats:?}"
        );
        assert!((0.45..0.55).contains(&stats.fill_ratio), "{stats:?}");
    }
}

#[test]
fn a_filter_that_grew_keeps_its_rate_over_all_layers() {
    let filter = scalable(100, 0.01, 20_000);
    let stats = filter.stats();
    assert_eq!(stats.layers, 8);
    assert!(
        stats.items > 19_700 && stats.capacity >= stats.items,
        "{stats:?}"
    );
    let found = measured(|k| filter.contains(k), 50_000);
    assert!(found < 0.01, "{found}");
    assert!(
        stats.estimated_rate < 0.01 && stats.estimated_rate > 0.003,
        "{stats:?}"
    );
    assert!((0..20_000).all(|i| filter.contains(&key(i))));
}

#[test]
fn statistics_say_what_is_there() {
    let mut filter = plain(1000, 0.01, 0);
    assert!(filter.is_empty() && filter.stats().estimated_rate == 0.0);
    assert!(filter.add(b"a") && !filter.add(b"a") && !filter.is_full());
    let stats = filter.stats();
    // ln(0.01) / -(ln 2)^2 = 9.585 bits for each of 1000, in words of 64; 9.6 ln 2 = 6.65 hashes.
    assert_eq!((stats.bits, stats.hashes), (9600, 7));
    assert_eq!((stats.capacity, stats.items, stats.layers), (1000, 1, 1));
    assert_eq!(stats.memory_bytes, 1200);
    assert!((stats.fill_ratio - 7.0 / 9600.0).abs() < 1e-12);
    filter.clear();
    assert!(filter.is_empty() && !filter.contains(b"a"));
}

#[test]
fn overfilling_shows_in_the_estimate() {
    let filter = plain(100, 0.01, 1000);
    assert!(filter.is_full() && filter.stats().estimated_rate > 0.5);
}

#[test]
fn a_filter_that_may_not_grow_refuses_what_is_new_and_keeps_what_it_has() {
    let mut filter = ScalableBloomFilter::new(100, 0.01, 512, SALT).unwrap();
    let added = (0..).take_while(|i| filter.add(&key(*i)).is_ok()).count() as u64;
    assert!((300..400).contains(&added), "{added}");
    assert_eq!(filter.add(&key(9999)), Err(BloomError::Full));
    assert_eq!(filter.add(&key(5)), Ok(false));
    assert!((0..added).all(|i| filter.contains(&key(i))));
    assert!(filter.memory_bytes() <= 512 && filter.stats().estimated_rate < 0.01);
}

#[test]
fn salts_decide_what_is_confused() {
    let (a, b) = (plain(1000, 0.1, 1000), {
        let mut filter = BloomFilter::new(1000, 0.1, SALT.child(1)).unwrap();
        (0..1000).for_each(|i| _ = filter.add(&key(i)));
        filter
    });
    let fooled = (5000..15_000).filter(|i| a.contains(&key(*i)));
    let both = fooled.clone().filter(|i| b.contains(&key(*i))).count();
    assert!(both * 5 < fooled.count(), "{both}");
    assert_ne!(SALT.child(0), SALT.child(1));
}

#[test]
fn refuses_sizes_that_make_no_sense() {
    let new = |capacity, rate| BloomFilter::new(capacity, rate, SALT).err();
    assert_eq!(new(0, 0.1), Some(BloomError::Capacity));
    for rate in [0.0, -1.0, 0.51, 1e-13, f64::NAN, f64::INFINITY] {
        assert_eq!(new(10, rate), Some(BloomError::Rate), "{rate}");
    }
    for capacity in [10 * 1000 * 1000, u64::from(u32::MAX), u64::MAX] {
        let error = new(capacity, 1e-6);
        assert!(
            matches!(error, Some(BloomError::TooLarge { .. })),
            "{error:?}"
        );
    }
    let grow = |capacity, rate, max| ScalableBloomFilter::new(capacity, rate, max, SALT).err();
    assert_eq!(grow(0, 0.1, MIB), Some(BloomError::Capacity));
    assert_eq!(grow(10, MIN_RATE, MIB), Some(BloomError::Rate));
    let error = grow(10_000, 0.01, 1000);
    assert!(
        matches!(error, Some(BloomError::TooLarge { max: 1000, .. })),
        "{error:?}"
    );
}

#[test]
fn forms_are_those_of_the_second_implementation() {
    let all: Value = serde_json::from_str(include_str!("../../tests/vectors/bloom.json")).unwrap();
    let hex_of = |v: &Value| hex::decode(v.as_str().unwrap()).unwrap();
    let salt = Salt(hex_of(&all["salt"]).try_into().unwrap());
    // Keys of the vectors: the number, eight times.
    let key = |i: u32| i.to_be_bytes().repeat(8);
    assert_eq!(format!("{:016x}", salt.hash(&key(0))), all["hash_of_key_0"]);
    assert_eq!(salt.child(7).0.to_vec(), hex_of(&all["child_7"]));

    let mut plain = BloomFilter::new(20, 0.01, salt).unwrap();
    (0..20).for_each(|i| _ = plain.add(&key(i)));
    assert_eq!(hex::encode(plain.to_bytes()), all["plain"]["form"]);

    let mut grown = ScalableBloomFilter::new(8, 0.01, 4096, salt).unwrap();
    (0..30).for_each(|i| _ = grown.add(&key(i)).unwrap());
    assert_eq!(hex::encode(grown.to_bytes()), all["scalable"]["form"]);
    let read = ScalableBloomFilter::from_bytes(&hex_of(&all["scalable"]["form"]), 4096).unwrap();
    assert_eq!(read, grown);
}

/// The form of a small filter with the bytes from `at` replaced.
fn plain_with(at: usize, bytes: &[u8]) -> Result<BloomFilter, BloomError> {
    let mut form = plain(20, 0.01, 20).to_bytes();
    form[at..at + bytes.len()].copy_from_slice(bytes);
    BloomFilter::from_bytes(&form, MIB)
}

fn scalable_with(at: usize, bytes: &[u8]) -> Result<ScalableBloomFilter, BloomError> {
    let mut form = scalable(8, 0.01, 30).to_bytes();
    form[at..at + bytes.len()].copy_from_slice(bytes);
    ScalableBloomFilter::from_bytes(&form, MIB)
}

#[test]
fn refuses_bad_forms_by_name() {
    assert!(plain_with(0, &[1]).is_ok());
    assert_eq!(plain_with(0, &[2]), Err(BloomError::Version(2)));
    assert_eq!(plain_with(1, &[2]), Err(BloomError::Kind(2)));
    assert_eq!(plain_with(18, &[0; 8]), Err(BloomError::Capacity));
    assert_eq!(
        plain_with(26, &f64::NAN.to_bits().to_be_bytes()),
        Err(BloomError::Rate)
    );
    assert_eq!(
        plain_with(18, &2000u64.to_be_bytes()),
        Err(BloomError::Shape)
    );
    assert_eq!(plain_with(34, &0u64.to_be_bytes()), Err(BloomError::Items));
    assert_eq!(
        plain_with(34, &u64::MAX.to_be_bytes()),
        Err(BloomError::Items)
    );
    assert_eq!(plain_with(42, &[0]), Err(BloomError::Shape));
    assert_eq!(
        plain_with(43, &u32::MAX.to_be_bytes()),
        Err(BloomError::Shape)
    );
    assert_eq!(plain_with(47, &[0xff; 24]), Err(BloomError::Items));

    let form = plain(20, 0.01, 20).to_bytes();
    for len in 0..form.len() {
        assert_eq!(
            BloomFilter::from_bytes(&form[..len], MIB),
            Err(BloomError::Length)
        );
    }
    let longer = [form.as_slice(), &[0]].concat();
    assert_eq!(
        BloomFilter::from_bytes(&longer, MIB),
        Err(BloomError::Length)
    );
    assert_eq!(
        BloomFilter::from_bytes(&form, 16),
        Err(BloomError::TooLarge { bytes: 24, max: 16 })
    );
}

#[test]
fn refuses_bad_forms_of_filters_that_grow_by_name() {
    assert!(scalable_with(0, &[1]).is_ok());
    assert_eq!(scalable_with(1, &[1]), Err(BloomError::Kind(1)));
    assert_eq!(scalable_with(42, &[0]), Err(BloomError::Shape));
    assert_eq!(scalable_with(42, &[33]), Err(BloomError::Shape));
    assert_eq!(scalable_with(42, &[2]), Err(BloomError::Length));
    // The first layer is not full, yet another follows.
    assert_eq!(
        scalable_with(43, &7u64.to_be_bytes()),
        Err(BloomError::Shape)
    );
    // It holds more than a layer is given.
    assert_eq!(
        scalable_with(43, &9u64.to_be_bytes()),
        Err(BloomError::Shape)
    );
    let error = scalable_with(34, &u64::MAX.to_be_bytes());
    assert!(
        matches!(error, Err(BloomError::TooLarge { .. })),
        "{error:?}"
    );
    let error = scalable_with(34, &40u64.to_be_bytes());
    assert!(
        matches!(error, Err(BloomError::TooLarge { .. })),
        "{error:?}"
    );
}

proptest! {
    #[test]
    fn nothing_added_is_ever_denied(
        keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..200),
        capacity in 1..200u64,
        salt in any::<[u8; 16]>(),
    ) {
        let salt = Salt(salt);
        let mut fixed = BloomFilter::new(capacity, 0.01, salt).unwrap();
        let mut grown = ScalableBloomFilter::new(capacity, 0.01, MIB, salt).unwrap();
        for key in &keys {
            fixed.add(key);
            grown.add(key).unwrap();
        }
        for key in &keys {
            prop_assert!(fixed.contains(key) && grown.contains(key));
        }
        let read = BloomFilter::from_bytes(&fixed.to_bytes(), MIB).unwrap();
        prop_assert!(read == fixed && keys.iter().all(|k| read.contains(k)));
        let read = ScalableBloomFilter::from_bytes(&grown.to_bytes(), MIB).unwrap();
        prop_assert!(read == grown && keys.iter().all(|k| read.contains(k)));
    }

    #[test]
    fn junk_is_refused_without_harm(
        junk in prop::collection::vec(any::<u8>(), 0..200),
        kind in 1..=2u8,
        capacity in 0..100_000u64,
    ) {
        let head = [&[1, kind][..], &[0; 16], &capacity.to_be_bytes(), &0.01f64.to_bits().to_be_bytes()].concat();
        let form = [head, junk.clone()].concat();
        for form in [form, junk] {
            if let Ok(filter) = BloomFilter::from_bytes(&form, 128) {
                prop_assert_eq!(filter.to_bytes(), form.clone());
            }
            if let Ok(filter) = ScalableBloomFilter::from_bytes(&form, 128) {
                prop_assert_eq!(filter.to_bytes(), form);
            }
        }
    }

    #[test]
    fn a_flipped_bit_never_panics_and_reads_within_the_cap(at in 0..2000usize, bit in 0..8u8) {
        for mut form in [plain(50, 0.01, 40).to_bytes(), scalable(8, 0.01, 60).to_bytes()] {
            let at = at % form.len();
            form[at] ^= 1 << bit;
            if let Ok(filter) = BloomFilter::from_bytes(&form, MIB) {
                prop_assert!(filter.memory_bytes() <= form.len());
            }
            if let Ok(filter) = ScalableBloomFilter::from_bytes(&form, MIB) {
                prop_assert!(filter.memory_bytes() <= form.len());
            }
        }
    }
}
