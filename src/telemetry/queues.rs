//! Bounded queues: how full, and what they dropped.

use prometheus_client::{
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

use super::label::level;
use crate::report::QueueReport;

/// Queue names come from the node itself and are few.
type Named = Family<[(&'static str, String); 1], Gauge>;

#[derive(Debug)]
pub(super) struct Queues {
    depth: Named,
    capacity: Named,
    dropped: Named,
}

impl Queues {
    pub(super) fn register(r: &mut Registry) -> Self {
        let this = Self {
            depth: Named::default(),
            capacity: Named::default(),
            dropped: Named::default(),
        };
        r.register(
            "queue_depth",
            "Items in a bounded queue of the node",
            this.depth.clone(),
        );
        r.register(
            "queue_capacity",
            "Most items a queue holds",
            this.capacity.clone(),
        );
        r.register(
            "queue_dropped",
            "Items refused since the start because a queue was full",
            this.dropped.clone(),
        );
        this
    }

    pub(super) fn update(&self, queues: &[QueueReport]) {
        for q in queues {
            let label = [("queue", q.name.clone())];
            self.depth.get_or_create(&label).set(level(q.depth));
            self.capacity.get_or_create(&label).set(level(q.capacity));
            self.dropped.get_or_create(&label).set(level(q.dropped));
        }
    }
}
