use super::*;

const SALT: Salt = Salt([3; 16]);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn id(i: u64) -> Hash32 {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&i.to_be_bytes());
    Hash32(id)
}

fn set(exact: usize, ids: u64) -> SeenSet {
    let config = Config {
        exact,
        ids,
        ..Config::default()
    };
    SeenSet::new(config, SALT).unwrap()
}

#[test]
fn what_was_inserted_is_seen_exactly_and_later_by_the_filter() {
    let now = Instant::now();
    let mut seen = set(10, 1000);
    assert_eq!(seen.check(&id(1), now), Seen::New);
    assert_eq!(seen.check(&id(1), now), Seen::New, "asking is not seeing");
    for i in 0..100 {
        seen.insert(id(i), now);
    }
    assert_eq!(seen.check(&id(95), now), Seen::Exact);
    assert_eq!(seen.check(&id(5), now), Seen::Probably);
    assert_eq!(seen.check(&id(100), now), Seen::New);
    let stats = seen.stats();
    assert_eq!(
        (stats.exact, stats.filtered, stats.generations),
        (10, 100, 1)
    );
    assert_eq!(
        (stats.new, stats.duplicates_exact, stats.duplicates_probable),
        (3, 1, 1)
    );
}

#[test]
fn what_is_asked_for_stays_in_the_exact_table() {
    let now = Instant::now();
    let mut seen = set(3, 1000);
    for i in 0..3 {
        seen.insert(id(i), now);
    }
    assert_eq!(seen.check(&id(0), now), Seen::Exact);
    seen.insert(id(3), now);
    assert_eq!(seen.check(&id(0), now), Seen::Exact);
    assert_eq!(seen.check(&id(1), now), Seen::Probably);
}

#[test]
fn an_id_is_remembered_for_the_window_and_forgotten_after_one_and_a_half() {
    let start = Instant::now();
    // Inserted at the beginning and just before the end of a generation.
    for offset in [Duration::ZERO, 5 * MINUTE - SECOND] {
        for exact in [0, 10] {
            let mut seen = set(exact, 1000);
            seen.check(&id(0), start);
            let at = start + offset;
            seen.insert(id(1), at);
            for minute in 0..=10 {
                assert_ne!(
                    seen.check(&id(1), at + minute * MINUTE),
                    Seen::New,
                    "{minute}"
                );
            }
            assert_eq!(seen.check(&id(1), at + 15 * MINUTE), Seen::New);
        }
    }
}

#[test]
fn an_id_is_remembered_for_as_many_ids_as_the_window_counts() {
    let now = Instant::now();
    let mut seen = set(0, 1000);
    seen.insert(id(0), now);
    for i in 1..=1000 {
        seen.insert(id(i), now);
        assert_eq!(seen.check(&id(0), now), Seen::Probably, "{i}");
    }
    for i in 1001..=1600 {
        seen.insert(id(i), now);
    }
    assert_eq!(seen.check(&id(0), now), Seen::New);
    assert_eq!(seen.stats().generations, 3);
}

#[test]
fn a_long_pause_or_a_clock_that_steps_back_does_no_harm() {
    let start = Instant::now() + 100 * MINUTE;
    let mut seen = set(10, 1000);
    seen.insert(id(1), start);
    assert_eq!(seen.check(&id(1), start - 50 * MINUTE), Seen::Exact);
    assert_eq!(seen.check(&id(1), start + 100_000 * MINUTE), Seen::New);
    assert_eq!(seen.stats().filtered, 0);
    assert!(seen.stats().rotations <= 3, "{:?}", seen.stats());
    seen.insert(id(1), start + 100_000 * MINUTE);
    assert_eq!(seen.check(&id(1), start + 100_005 * MINUTE), Seen::Exact);
}

#[test]
fn a_full_set_confuses_at_most_the_stated_share() {
    let now = Instant::now();
    let config = Config {
        exact: 0,
        ids: 10_000,
        rate: 1e-3,
        ..Config::default()
    };
    let mut seen = SeenSet::new(config, SALT).unwrap();
    for i in 0..15_000 {
        seen.insert(id(i), now);
    }
    assert_eq!(seen.stats().generations, 3);
    let tries = 60_000;
    let fooled = (0..tries)
        .filter(|i| seen.check(&id((1 << 40) + i), now) != Seen::New)
        .count();
    let found = fooled as f64 / tries as f64;
    assert!(found <= 1.2e-3, "{found}");
    assert!(
        found > 0.0,
        "a filter that never errs is not the one that was asked for"
    );
}

#[test]
fn what_one_generation_confuses_the_next_does_not() {
    let now = Instant::now();
    let config = Config {
        exact: 0,
        ids: 200,
        rate: 0.3,
        ..Config::default()
    };
    let mut seen = SeenSet::new(config, SALT).unwrap();
    for i in 0..100 {
        seen.insert(id(i), now);
    }
    let fooled: Vec<u64> = (1000..5000)
        .filter(|i| seen.check(&id(*i), now) == Seen::Probably)
        .collect();
    assert!(fooled.len() > 100, "{}", fooled.len());
    // The same ids an hour later.
    let later = now + 60 * MINUTE;
    for i in 0..100 {
        seen.insert(id(i), later);
    }
    let again = fooled
        .iter()
        .filter(|i| seen.check(&id(**i), later) == Seen::Probably)
        .count();
    assert!(again * 3 < fooled.len(), "{again} of {}", fooled.len());
}

#[test]
fn memory_does_not_grow_with_what_is_seen() {
    let now = Instant::now();
    let mut seen = SeenSet::new(Config::default(), SALT).unwrap();
    for i in 0..160_000 {
        seen.insert(id(i), now);
    }
    let stats = seen.stats();
    assert_eq!((stats.exact, stats.generations), (16_384, 3));
    assert!(stats.filter_bytes <= 393 * 1024, "{}", stats.filter_bytes);
    assert!(stats.filter_bytes > 392 * 1024, "{}", stats.filter_bytes);
}

#[test]
fn refuses_a_configuration_that_no_filter_can_have() {
    let config = Config {
        ids: 0,
        ..Config::default()
    };
    assert_eq!(SeenSet::new(config, SALT).err(), Some(BloomError::Capacity));
    let config = Config {
        rate: 0.0,
        ..Config::default()
    };
    assert_eq!(SeenSet::new(config, SALT).err(), Some(BloomError::Rate));
}
