//! Messages kept for peers that lack them and for subscribers that come late.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use super::{Channel, Delivery};
use crate::ids::Hash32;

/// What a kept message costs besides its bytes on the wire and its payload, roughly.
const OVERHEAD: usize = 512;

/// A message for a peer that lacks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentMessage {
    /// The topic it belongs on.
    pub channel: Channel,
    /// The message as it travels.
    pub bytes: Bytes,
}

/// The messages, in order of arrival.
#[derive(Debug)]
pub(super) struct Recent {
    max_bytes: usize,
    bytes: usize,
    next: u64,
    order: BTreeMap<u64, Delivery>,
    by_id: HashMap<Hash32, u64>,
}

impl Recent {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            bytes: 0,
            next: 0,
            order: BTreeMap::new(),
            by_id: HashMap::new(),
        }
    }

    /// Keeps a message; the ones that came first go if there is no room.
    pub(super) fn insert(&mut self, delivery: &Delivery) {
        self.bytes += cost(delivery);
        self.by_id.insert(delivery.id, self.next);
        self.order.insert(self.next, delivery.clone());
        self.next += 1;
        while self.bytes > self.max_bytes {
            let Some((_, oldest)) = self.order.pop_first() else {
                break;
            };
            self.bytes -= cost(&oldest);
            self.by_id.remove(&oldest.id);
        }
    }

    pub(super) fn get(&self, id: &Hash32) -> Option<RecentMessage> {
        let delivery = self.order.get(self.by_id.get(id)?)?;
        Some(RecentMessage {
            channel: delivery.channel,
            bytes: delivery.bytes.clone(),
        })
    }

    pub(super) fn alive(&self, now_ms: u64) -> impl Iterator<Item = &Delivery> {
        let all = self.order.values();
        all.filter(move |d| now_ms < d.expires_ms)
    }

    pub(super) fn about(&self, topic: &str, now_ms: u64) -> impl Iterator<Item = Delivery> {
        let alive = self.alive(now_ms);
        alive.filter(move |d| d.topic == topic).cloned()
    }

    /// Drops what has expired. Looks at everything, so call it seconds apart.
    pub(super) fn expire(&mut self, now_ms: u64) {
        let (by_id, bytes) = (&mut self.by_id, &mut self.bytes);
        self.order.retain(|_, delivery| {
            let alive = now_ms < delivery.expires_ms;
            if !alive {
                by_id.remove(&delivery.id);
                *bytes -= cost(delivery);
            }
            alive
        });
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn cost(delivery: &Delivery) -> usize {
    delivery.bytes.len() + delivery.payload.len() + OVERHEAD
}
