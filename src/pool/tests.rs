use super::*;
use crate::{cbor::Writer, chain::object_id};

fn tx(n: u64, len: usize) -> Bytes {
    let mut w = Writer::new();
    w.map(1).uint(n).bytes(&vec![0; len]);
    w.finish().into()
}

fn pool(max_txs: usize, max_bytes: usize) -> Pool {
    let limits = Limits {
        max_txs,
        max_bytes,
        ..Limits::default()
    };
    Pool::new(limits, Arc::new(AnyTx))
}

fn all(pool: &Pool) -> Vec<Bytes> {
    pool.select(usize::MAX, usize::MAX)
}

#[test]
fn serves_first_come_first_and_each_once() {
    let (mut pool, now) = (pool(10, 1000), Instant::now());
    let ids: Vec<Hash32> = (0..3)
        .map(|n| pool.insert(&tx(n, 5), now).expect("room"))
        .collect();
    assert_eq!(pool.insert(&tx(1, 5), now), Err(PoolError::Known));
    assert_eq!(all(&pool), [tx(0, 5), tx(1, 5), tx(2, 5)]);
    assert_eq!(pool.get(&ids[1]), Some(&tx(1, 5)));
    pool.included(&ids[..2]);
    assert_eq!(all(&pool), [tx(2, 5)]);
    assert_eq!((pool.len(), pool.bytes()), (1, tx(2, 5).len()));
    pool.included(&ids);
    assert!(pool.is_empty());
    assert_eq!(pool.bytes(), 0);
}

#[test]
fn a_flood_does_not_displace_those_that_wait() {
    let (mut pool, now) = (pool(3, 100), Instant::now());
    assert!(pool.insert(&tx(0, 60), now).is_ok());
    assert_eq!(pool.insert(&tx(1, 60), now), Err(PoolError::Full));
    assert!(pool.insert(&tx(2, 1), now).is_ok());
    assert!(pool.insert(&tx(3, 1), now).is_ok());
    assert_eq!(pool.insert(&tx(4, 1), now), Err(PoolError::Full));
    assert_eq!(pool.len(), 3);
}

#[test]
fn selects_what_fits_a_block() {
    let (mut pool, now) = (pool(10, 1000), Instant::now());
    for (n, len) in [(0, 20), (1, 90), (2, 20), (3, 20)] {
        pool.insert(&tx(n, len), now).expect("room");
    }
    assert_eq!(pool.select(10, 60), [tx(0, 20), tx(2, 20)]);
    assert_eq!(pool.select(1, 1000), [tx(0, 20)]);
    assert_eq!(pool.len(), 4, "selecting removes nothing");
}

#[test]
fn transactions_of_a_left_branch_return_before_all_others() {
    let (mut pool, now) = (pool(10, 1000), Instant::now());
    pool.insert(&tx(9, 1), now).expect("room");
    // Two blocks are left, the higher one first; one transaction of theirs is in the new branch.
    assert_eq!(pool.give_back(&[tx(3, 1), tx(4, 1)], now), 2);
    assert_eq!(pool.give_back(&[tx(1, 1), tx(2, 1), tx(9, 1)], now), 2);
    pool.included(&[object_id(&tx(2, 1))]);
    assert_eq!(all(&pool), [tx(1, 1), tx(3, 1), tx(4, 1), tx(9, 1)]);
}

#[test]
fn what_returns_displaces_the_newest_and_stays_within_the_limits() {
    let now = Instant::now();
    let mut full = pool(3, 1000);
    for n in 0..3 {
        full.insert(&tx(n, 1), now).expect("room");
    }
    full.give_back(&[tx(10, 1), tx(11, 1)], now);
    assert_eq!(all(&full), [tx(10, 1), tx(11, 1), tx(0, 1)]);
    let many: Vec<Bytes> = (20..30).map(|n| tx(n, 1)).collect();
    full.give_back(&many, now);
    assert_eq!(all(&full), [tx(20, 1), tx(21, 1), tx(22, 1)]);

    let mut small = pool(10, 50);
    small.insert(&tx(0, 20), now).expect("room");
    assert_eq!(small.give_back(&[tx(1, 60), tx(2, 30)], now), 1);
    assert_eq!(all(&small), [tx(2, 30)]);
}

#[test]
fn forgets_after_half_an_hour() {
    let (mut pool, start) = (pool(10, 1000), Instant::now());
    let minutes = |n: u64| start + Duration::from_secs(60 * n);
    pool.insert(&tx(0, 1), minutes(0)).expect("room");
    pool.insert(&tx(1, 1), minutes(10)).expect("room");
    assert_eq!(pool.expire(minutes(29)), 0);
    assert_eq!(pool.expire(minutes(30)), 1);
    assert_eq!(all(&pool), [tx(1, 1)]);
    // It may come again.
    assert!(pool.insert(&tx(0, 1), minutes(30)).is_ok());
    assert_eq!(pool.expire(minutes(60)), 2);
    assert!(pool.is_empty());
}

/// Takes transactions of an even number of bytes.
#[derive(Debug)]
struct Even;

impl Admission for Even {
    fn admit(&self, _: &Hash32, tx: &[u8]) -> Result<Priority, PoolError> {
        if tx.len().is_multiple_of(2) {
            return Ok(Priority::default());
        }
        Err(PoolError::Refused {
            reason: "odd".into(),
        })
    }
}

#[test]
fn the_application_decides_about_what_has_the_right_form() {
    let mut pool = Pool::new(Limits::default(), Arc::new(Even));
    let now = Instant::now();
    assert_eq!(tx(0, 1).len() % 2, 0);
    assert!(pool.insert(&tx(0, 1), now).is_ok());
    let odd = pool.insert(&tx(0, 2), now);
    assert!(matches!(odd, Err(PoolError::Refused { .. })));
    let array = pool.insert(&[0x80], now);
    assert!(matches!(array, Err(PoolError::Form(_))));
    assert_eq!(pool.give_back(&[tx(1, 2), tx(1, 1)], now), 1);
}

#[test]
fn limits_are_those_of_the_specification() {
    let limits = Limits::default();
    for (name, value) in [
        ("POOL_MAX_TXS", limits.max_txs as u64),
        ("POOL_MAX_BYTES", limits.max_bytes as u64),
        ("POOL_TTL_S", limits.ttl.as_secs()),
    ] {
        let row = format!("| `{name}` | {value} |");
        assert!(include_str!("../../specs/chain.md").contains(&row), "{row}");
    }
}

/// The number in the transaction is its priority.
#[derive(Debug)]
struct ByNumber;

impl Admission for ByNumber {
    fn admit(&self, _: &Hash32, tx: &[u8]) -> Result<Priority, PoolError> {
        let mut reader = crate::cbor::Reader::new(tx);
        reader.map_of(1).expect("a test transaction");
        Ok(Priority(reader.uint().expect("a test transaction") / 10))
    }
}

fn ranked(max_txs: usize, max_bytes: usize) -> Pool {
    let limits = Limits {
        max_txs,
        max_bytes,
        ..Limits::default()
    };
    Pool::new(limits, Arc::new(ByNumber))
}

#[test]
fn serves_the_highest_priority_first_and_equals_in_order() {
    let (mut pool, now) = (ranked(10, 1000), Instant::now());
    for n in [11, 30, 10, 31, 20] {
        pool.insert(&tx(n, 1), now).expect("room");
    }
    assert_eq!(all(&pool), [30, 31, 20, 11, 10].map(|n| tx(n, 1)));
    pool.give_back(&[tx(12, 1), tx(32, 1)], now);
    let order = [32, 30, 31, 20, 12, 11, 10].map(|n| tx(n, 1));
    assert_eq!(all(&pool), order);
    let by_id: Vec<(Hash32, Bytes)> = pool.iter().map(|(id, tx)| (*id, tx.clone())).collect();
    assert_eq!(by_id, order.map(|tx| (object_id(&tx), tx)));
}

#[test]
fn a_newcomer_displaces_only_lower_priorities_the_newest_first() {
    let (mut pool, now) = (ranked(3, 1000), Instant::now());
    for n in [20, 10, 11] {
        pool.insert(&tx(n, 1), now).expect("room");
    }
    assert_eq!(pool.insert(&tx(12, 1), now), Err(PoolError::Full));
    assert!(pool.insert(&tx(21, 1), now).is_ok());
    assert_eq!(all(&pool), [20, 21, 10].map(|n| tx(n, 1)));
    assert!(pool.insert(&tx(30, 1), now).is_ok());
    assert_eq!(all(&pool), [30, 20, 21].map(|n| tx(n, 1)));
    assert_eq!(pool.insert(&tx(22, 1), now), Err(PoolError::Full));
}

#[test]
fn nothing_is_displaced_for_what_does_not_fit_even_so() {
    let now = Instant::now();
    let size = tx(10, 30).len();
    let mut pool = ranked(10, 3 * size + 1);
    for n in [30, 10, 11] {
        pool.insert(&tx(n, 30), now).expect("room");
    }
    let before = pool.version();
    assert_eq!(
        pool.insert(&tx(20, 30 + 2 * size), now),
        Err(PoolError::Full)
    );
    assert_eq!((pool.len(), pool.version()), (3, before));
    assert!(
        pool.insert(&tx(20, 28 + size), now).is_ok(),
        "two make room"
    );
    assert_eq!(all(&pool), [tx(30, 30), tx(20, 28 + size)]);
    assert_eq!(pool.bytes(), 35 + 66);
}

#[test]
fn what_returns_with_the_lowest_priority_is_not_counted_as_taken() {
    let (mut pool, now) = (ranked(2, 1000), Instant::now());
    for n in [20, 21] {
        pool.insert(&tx(n, 1), now).expect("room");
    }
    assert_eq!(pool.give_back(&[tx(10, 1), tx(22, 1)], now), 1);
    assert_eq!(all(&pool), [22, 20].map(|n| tx(n, 1)));
}

#[test]
fn the_version_rises_with_every_change_and_only_then() {
    let (mut pool, now) = (pool(10, 1000), Instant::now());
    let mut last = pool.version();
    let mut rose = |pool: &Pool| {
        let rose = pool.version() > last;
        last = pool.version();
        rose
    };
    let id = pool.insert(&tx(1, 1), now).expect("room");
    assert!(rose(&pool));
    pool.insert(&tx(1, 1), now).expect_err("known");
    pool.included(&[Hash32::ZERO]);
    pool.expire(now);
    assert!(!rose(&pool));
    pool.included(&[id]);
    assert!(rose(&pool), "empty again, but another pool than before");
    pool.give_back(&[tx(2, 1)], now);
    assert!(rose(&pool));
    pool.expire(now + Duration::from_secs(1800));
    assert!(rose(&pool));
}

#[test]
fn serves_many_at_once_and_says_what_is_missing() {
    let (mut pool, now) = (pool(10, 1000), Instant::now());
    let a = pool.insert(&tx(1, 1), now).expect("room");
    let b = pool.insert(&tx(2, 1), now).expect("room");
    assert_eq!(
        pool.get_many(&[b, Hash32::ZERO, a]),
        [Some(tx(2, 1)), None, Some(tx(1, 1))]
    );
    assert!(pool.contains(&a) && !pool.contains(&Hash32::ZERO));
}

#[test]
fn what_was_admitted_outside_is_taken_once() {
    let (mut pool, now) = (pool(10, 1000), Instant::now());
    let admission = pool.admission();
    let check = |known: bool| Candidate::check(&tx(1, 1), |_| known, &*admission);
    let (first, second) = (check(false).expect("fine"), check(false).expect("fine"));
    assert!(pool.add(first, now).is_ok());
    assert_eq!(pool.add(second.clone(), now), Err(PoolError::Known));
    assert_eq!(pool.restore(vec![second], now), 0);
    assert_eq!(check(true), Err(PoolError::Known));
}
