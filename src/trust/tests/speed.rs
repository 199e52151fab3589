//! How fast events are taken, for people: `cargo test --release --lib trust:: -- --ignored
//! --nocapture`.

#![allow(clippy::print_stdout)]

use std::time::Instant;

use super::*;

#[test]
#[ignore = "a measurement"]
fn events_per_second() {
    for (peers, what) in [(1, "one peer"), (50, "50 peers"), (16_384, "16384 peers")] {
        let mut bench = Bench::new();
        let peers: Vec<_> = (0..peers).map(|_| PeerId::random()).collect();
        bench.see_all(&peers, Event::Connected);
        let (seen, now) = (Observation::of(Event::ValidMessage), bench.now());
        const EVENTS: usize = 5_000_000;
        let begun = Instant::now();
        for i in 0..EVENTS {
            bench.engine.observe(&peers[i % peers.len()], &seen, now);
        }
        let rate = EVENTS as f64 / begun.elapsed().as_secs_f64();
        println!("trust: {rate:.0} events/s, {what}");
    }
}
