//! Budgets under flood, with a hand-moved clock.

use std::{net::Ipv4Addr, time::Duration};

use super::*;

fn budgets(edit: impl FnOnce(&mut BudgetLimits)) -> Arc<Budgets> {
    let mut limits = BudgetLimits::default();
    edit(&mut limits);
    Arc::new(Budgets::new(limits))
}

fn ip(a: u8, b: u8, c: u8, d: u8) -> Source {
    Source::Ip(Ipv4Addr::new(a, b, c, d).into())
}

/// How many of `n` connections at `now` are admitted, all kept half-open.
fn admitted(
    b: &Arc<Budgets>,
    source: &Source,
    n: usize,
    now: Instant,
    keep: &mut Vec<Admission>,
) -> usize {
    let before = keep.len();
    keep.extend((0..n).filter_map(|_| b.admit(source, now).ok()));
    keep.len() - before
}

#[test]
fn an_address_has_its_burst_and_its_rate() {
    let (b, now, mut keep) = (budgets(|_| ()), Instant::now(), Vec::new());
    let source = ip(8, 8, 8, 8);
    assert_eq!(admitted(&b, &source, 100, now, &mut keep), 64);
    assert_eq!(b.admit(&source, now).unwrap_err(), Refusal::Address);
    let later = now + Duration::from_secs(1);
    assert_eq!(admitted(&b, &source, 100, later, &mut keep), 10);
    let much_later = now + Duration::from_secs(3600);
    assert_eq!(admitted(&b, &source, 100, much_later, &mut keep), 64);
}

#[test]
fn a_group_has_a_budget_of_its_own_and_its_neighbours_are_not_in_it() {
    let (b, now, mut keep) = (budgets(|_| ()), Instant::now(), Vec::new());
    let all: usize = (0..20)
        .map(|d| admitted(&b, &ip(8, 8, 8, d), 64, now, &mut keep))
        .sum();
    assert_eq!(all, 256);
    assert_eq!(b.admit(&ip(8, 8, 8, 99), now).unwrap_err(), Refusal::Group);
    assert!(b.admit(&ip(8, 8, 9, 99), now).is_ok());
}

#[test]
fn local_addresses_have_no_group() {
    let (b, now, mut keep) = (budgets(|_| ()), Instant::now(), Vec::new());
    let all: usize = (1..11)
        .map(|d| admitted(&b, &ip(127, 0, 0, d), 64, now, &mut keep))
        .sum();
    assert_eq!(all, 640);
}

#[test]
fn memory_is_never_refused_for_its_address() {
    let (b, now, mut keep) = (budgets(|_| ()), Instant::now(), Vec::new());
    assert_eq!(admitted(&b, &Source::Memory, 1900, now, &mut keep), 1900);
}

#[test]
fn half_open_handshakes_are_capped_and_the_last_places_kept_for_known_sources() {
    let (b, now, mut keep) = (budgets(|l| l.half_open = 8), Instant::now(), Vec::new());
    b.remember(&ip(9, 9, 9, 9), now);
    let stranger = |d: u8| ip(20 + d, 1, 1, 1);
    // A newcomer may use three quarters, a source that returns one half.
    for d in 0..6 {
        keep.push(b.admit(&stranger(d), now).unwrap());
    }
    assert_eq!(b.admit(&stranger(6), now).unwrap_err(), Refusal::HalfOpen);
    assert_eq!(b.admit(&stranger(0), now).unwrap_err(), Refusal::HalfOpen);
    assert_eq!(admitted(&b, &ip(9, 9, 9, 9), 10, now, &mut keep), 2);
    assert_eq!(b.half_open(), 8);
    keep.truncate(3);
    assert_eq!(b.half_open(), 3);
    assert_eq!(
        b.admit(&stranger(0), now).unwrap().class(),
        Class::Returning
    );
}

#[test]
fn a_completed_handshake_makes_an_address_trusted_for_an_hour() {
    let (b, now) = (budgets(|_| ()), Instant::now());
    let source = ip(8, 8, 8, 8);
    let first = b.admit(&source, now).unwrap();
    assert_eq!(first.class(), Class::Newcomer);
    first.succeeded(now);
    assert_eq!(b.half_open(), 0);
    assert_eq!(b.admit(&source, now).unwrap().class(), Class::Trusted);
    let later = now + Duration::from_secs(3601);
    assert_eq!(b.admit(&source, later).unwrap().class(), Class::Newcomer);
}

/// 64 addresses replay ClientHello 2 000 times a second for ten seconds, while a newcomer, a known
/// peer and a dial want through each second.
#[test]
fn a_replay_flood_leaves_room_for_newcomers_known_peers_and_dials() {
    let b = budgets(|_| ());
    let start = Instant::now();
    b.remember(&ip(9, 9, 9, 9), start);
    let mut work = 0;
    for ms in 0..10_000u64 {
        let now = start + Duration::from_millis(ms);
        for hit in 0..2u64 {
            let source = ip(127, 1, 1, ((ms * 2 + hit) % 64) as u8);
            if let Ok(admission) = b.admit(&source, now) {
                work += u32::from(b.spend_work(admission.class(), now));
            }
        }
        if ms % 1000 == 999 {
            let second = (ms / 1000) as u8;
            let newcomer = b.admit(&ip(127, 2, 2, second), now).unwrap();
            assert_eq!(newcomer.class(), Class::Newcomer);
            assert!(
                b.spend_work(newcomer.class(), now),
                "newcomer in second {second}"
            );
            let known = b.admit(&ip(9, 9, 9, 9), now).unwrap();
            assert!(b.spend_work(known.class(), now), "known in second {second}");
            assert!(b.spend_work(Class::Trusted, now), "dial in second {second}");
        }
    }
    // At most the rate and half a burst: about a fifth of a core at 0.35 ms each.
    assert!(work <= 10 * 500 + 250, "{work}");
}

#[test]
fn tables_are_bounded_whatever_comes() {
    let b = budgets(|l| {
        l.table = 100;
        l.known = 50;
        l.half_open = usize::MAX;
    });
    let start = Instant::now();
    let mut refused = 0;
    for n in 0..2000u32 {
        let [x, y, z, _] = n.to_be_bytes();
        let source = ip(30 + z, y, x, n as u8);
        match b.admit(&source, start + Duration::from_millis(u64::from(n) / 10)) {
            Ok(admission) => admission.succeeded(start),
            Err(_) => refused += 1,
        }
    }
    let state = b.state();
    assert!(state.addresses.len() <= 100);
    assert!(state.groups.len() <= 100);
    assert!(state.known.len() <= 50);
    assert!(refused > 0, "strangers beyond the table share one bucket");
}

#[test]
fn a_full_table_makes_room_once_its_buckets_have_refilled() {
    let b = budgets(|l| l.table = 4);
    let now = Instant::now();
    for d in 0..4 {
        b.admit(&ip(40 + d, 1, 1, 1), now).unwrap();
    }
    let later = now + Duration::from_secs(10);
    assert_eq!(
        b.admit(&ip(50, 1, 1, 1), later).unwrap().class(),
        Class::Newcomer
    );
}
