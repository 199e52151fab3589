//! What to announce to whom.

use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::{
    Inventory, Output, RequestId,
    engine::{Open, What},
};
use crate::{
    registry::MAX_INV_ITEMS,
    wire::{Inv, Item, Message},
};

impl Inventory {
    /// Sends the announcements that are due.
    pub(super) fn flush(&mut self, now: Instant) {
        let due = self.peers.iter().filter(|(_, peer)| {
            let due = peer.outbox.due(&self.limits);
            due.is_some_and(|due| due <= now)
        });
        let due: Vec<PeerId> = due.map(|(id, _)| *id).collect();
        for peer in due {
            self.flush_to(peer, now);
        }
    }

    fn flush_to(&mut self, to: PeerId, now: Instant) {
        let id = RequestId(self.number());
        let Some(peer) = self.peers.get_mut(&to) else {
            return;
        };
        let mut items = Vec::new();
        while items.len() < MAX_INV_ITEMS
            && let Some(item) = peer.outbox.items.pop_front()
        {
            // It may have told us meanwhile.
            if !peer.known.contains(&item) {
                items.push(item);
            }
        }
        peer.outbox.since = (!peer.outbox.items.is_empty()).then_some(now);
        peer.outbox.not_before = None;
        if items.is_empty() {
            return;
        }
        peer.outbox.sent = Some(id);
        let inv = Inv {
            items: items.clone(),
        };
        let what = What::Announce(items);
        self.open.insert(id, Open { peer: to, what });
        self.outputs.push_back(Output::Announce {
            peer: to,
            id,
            message: Message::Inv(inv),
        });
    }

    /// The peer has taken an announcement, or has not.
    pub(super) fn announce_ended(
        &mut self,
        from: PeerId,
        items: Vec<Item>,
        answer: Option<Message>,
        now: Instant,
    ) {
        let Some(peer) = self.peers.get_mut(&from) else {
            return;
        };
        peer.outbox.sent = None;
        let pause = match answer {
            Some(Message::Ack { .. }) => {
                items.iter().for_each(|item| peer.known.insert(item));
                self.counts.announced += items.len() as u64;
                return;
            }
            Some(Message::Busy(busy)) => Duration::from_millis(busy.retry_after_ms),
            None => self.limits.retry,
            Some(other) => {
                self.counts.unannounced += items.len() as u64;
                if !matches!(other, Message::Error { .. }) {
                    let detail = format!("{} in answer to INV", other.id().name());
                    self.penalise(from, detail);
                }
                return;
            }
        };
        // Before those that came meanwhile, as far as there is room.
        let room = self.limits.outbox.saturating_sub(peer.outbox.items.len());
        let dropped = items.len().saturating_sub(room);
        self.counts.unannounced += dropped as u64;
        for item in items.into_iter().skip(dropped).rev() {
            peer.outbox.items.push_front(item);
        }
        peer.outbox.since.get_or_insert(now);
        peer.outbox.not_before = Some(now + pause);
    }
}
