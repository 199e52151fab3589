//! Wall clocks that are set by hours while the node runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use animica_p2p::{
    clock::{Clock, Now, SystemClock},
    event::NodeEvent,
    node::{Handle, PeeringConfig},
};

use super::{looking, meet, open, peers};
use crate::support::{assert_nobody_blamed, event, start};

const HOUR_MS: i64 = 3_600_000;

/// The clocks of the system, the one on the wall off by so many milliseconds.
#[derive(Clone, Default)]
struct Stepped(Arc<AtomicI64>);

impl Clock for Stepped {
    fn now(&self) -> Now {
        let now = SystemClock.now();
        Now {
            wall_ms: now
                .wall_ms
                .saturating_add_signed(self.0.load(Ordering::Relaxed)),
            ..now
        }
    }
}

fn pings() -> PeeringConfig {
    PeeringConfig {
        ping: Duration::from_millis(100),
        ..open()
    }
}

/// Waits until `node` has had time to notice: several rounds of pings, each longer than nothing.
async fn lives_on(node: &Handle) {
    let mut events = node.subscribe();
    for _ in 0..12 {
        event(&mut events, "a round trip", |e| match e {
            NodeEvent::Rtt { .. } => Some(()),
            _ => None,
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_by_hours_either_way_costs_neither_peers_nor_memory() {
    let clock = Stepped::default();
    let steady = start(looking(&[]).peering(pings())).await;
    let stepped = looking(&[&steady]).peering(pings());
    let stepped = start(stepped.clock(Arc::new(clock.clone()))).await;
    let third = start(looking(&[&steady]).peering(pings())).await;
    for other in [&steady, &third] {
        meet(&stepped, other).await;
    }
    let nodes = [&steady, &stepped, &third];
    let known = |node: Handle| async move {
        let rows = node.known_peers(100).await.expect("runs");
        let mut ids: Vec<_> = rows.into_iter().map(|row| row.peer_id).collect();
        ids.sort();
        ids
    };
    let before = known(stepped.clone()).await;
    let trust = stepped.trust(steady.peer_id()).await.expect("runs");
    let score = trust.expect("it is known").score;
    assert_eq!(before.len(), 2);
    for hours in [5, -7, 30, -30, 0] {
        clock.0.store(hours * HOUR_MS, Ordering::Relaxed);
        lives_on(&stepped).await;
        lives_on(&steady).await;
        assert_eq!(peers(&stepped).await.len(), 2, "after {hours} h");
        assert_eq!(known(stepped.clone()).await, before, "after {hours} h");
        assert_nobody_blamed(&nodes).await;
        let trust = stepped.trust(steady.peer_id()).await.expect("runs");
        let now = trust.expect("it is known").score;
        assert!(now >= score - 0.01, "after {hours} h: {score} {now}");
    }
    // Who comes now is welcome.
    let fourth = start(looking(&[&stepped]).peering(pings())).await;
    meet(&stepped, &fourth).await;
    assert_nobody_blamed(&nodes).await;
}
