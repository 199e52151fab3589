use super::*;
use crate::cbor::Writer;

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
    fn admit(&self, _: &Hash32, tx: &[u8]) -> Result<(), PoolError> {
        if tx.len().is_multiple_of(2) {
            return Ok(());
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
