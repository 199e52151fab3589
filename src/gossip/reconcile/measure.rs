//! Prints the figures of `specs/gossip/reconciliation.md`; see there how to run it.

#![allow(clippy::print_stdout)]

use std::time::Instant;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    tests::{items, reconcile},
    *,
};
use crate::wire::{Salt, Symbol};

const SET: u32 = 10_000;
const RUNS: usize = 20;

/// Bytes of a plain Bloom filter of `n` items with the false-positive rate `p`.
fn bloom(n: f64, p: f64) -> f64 {
    (n * p.recip().ln() / std::f64::consts::LN_2.powi(2) / 8.0).ceil()
}

/// Bytes of a scalable one that begins with 1 024 items and doubles, its rates halving.
fn scalable(n: f64, p: f64) -> f64 {
    let (mut room, mut rate, mut held, mut bytes) = (1024.0, p / 2.0, 0.0, 0.0);
    while held < n {
        bytes += bloom(room, rate);
        held += room;
        room *= 2.0;
        rate /= 2.0;
    }
    bytes
}

/// The fewest symbols that decode.
fn fewest(salt: Salt, here: &[Hash32], there: &[Hash32]) -> usize {
    let mut far = Encoder::new(salt, there.iter().copied());
    let mut decoder = Decoder::new(salt, here.iter().copied());
    for index in 0.. {
        if decoder.push(far.symbols(index..index + 1)) != Progress::More {
            break;
        }
    }
    decoder.symbols()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn highest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

#[test]
#[ignore = "a measurement: prints a table"]
fn ten_thousand_items_that_differ_by_1_by_100_and_by_5000() {
    let mut rng = StdRng::seed_from_u64(7);
    for differ in [1_u32, 100, 5_000] {
        let (mut symbols, mut bytes, mut trips) = (Vec::new(), Vec::new(), Vec::new());
        let (mut encode, mut decode) = (Vec::new(), Vec::new());
        for run in 0..RUNS as u32 {
            let salt = Salt(rng.random());
            let base = run * 100_000;
            let common = base..base + SET - differ / 2;
            let here = items(
                common
                    .clone()
                    .chain(base + 20_000..base + 20_000 + differ / 2),
            );
            let there = items(common.chain(base + 40_000..base + 40_000 + differ.div_ceil(2)));
            let least = fewest(salt, &here, &there);
            symbols.push(least as f64 / f64::from(differ));
            let stats = reconcile(salt, &here, &there);
            bytes.push(stats.bytes as f64);
            trips.push(f64::from(stats.round_trips));
            let start = Instant::now();
            let mut far = Encoder::new(salt, there.iter().copied());
            let made = far.symbols(0..least as u32).to_vec();
            encode.push(start.elapsed().as_secs_f64() * 1e3);
            let start = Instant::now();
            let mut decoder = Decoder::new(salt, here.iter().copied());
            assert!(matches!(decoder.push(&made), Progress::Done { .. }));
            decode.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let per = mean(&symbols);
        let all = per * f64::from(differ);
        let n = f64::from(SET);
        println!(
            "d={differ}: symbols/d {per:.2} (most {:.2}); session bytes {:.0} (most {:.0}), \
             trips {:.2} (most {}); encode {:.2} ms, decode {:.2} ms; symbols of 14 B {:.0}, \
             of 17 B {:.0}, of 41 B {:.0}; bloom both ways at 1 % {:.0}, at 0.1 % {:.0}, scalable \
             at 0.1 % {:.0}; list {}, inventory {}",
            highest(&symbols),
            mean(&bytes),
            highest(&bytes),
            mean(&trips),
            highest(&trips),
            mean(&encode),
            mean(&decode),
            all * Symbol::LEN as f64,
            all * 17.0,
            all * 41.0,
            2.0 * bloom(n, 0.01),
            2.0 * bloom(n, 0.001),
            2.0 * scalable(n, 0.001),
            8 * SET,
            32 * SET,
        );
    }
}

#[test]
#[ignore = "a measurement: prints how often the bar is met"]
fn round_trips_of_a_thousand_sessions_that_differ_by_a_hundred() {
    let mut rng = StdRng::seed_from_u64(8);
    let ids = items(0..3_100);
    let mut trips = [0; 8];
    for _ in 0..1_000 {
        let (here, there) = (&ids[50..3_050], [&ids[..50], &ids[100..3_050]].concat());
        let stats = reconcile(Salt(rng.random()), here, &there);
        trips[stats.round_trips as usize] += 1;
    }
    println!("sessions by round trips: {trips:?}");
}
