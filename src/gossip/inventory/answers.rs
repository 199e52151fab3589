//! How requests end: delivered, not there, busy, late, or with something nobody asked for.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use bytes::Bytes;
use libp2p::PeerId;

use super::{
    Inventory, Output, RequestId,
    engine::{Asked, What},
    wanted::{State, Want},
};
use crate::{
    chain::object_id,
    offence::Offence,
    wire::{Busy, Data, Item, Message},
};

impl Inventory {
    /// The request `id` to `peer` ended with `answer`, or without one: timed out, unsupported, cut
    /// off or malformed. What the peer did wrong on the wire is the driver's to report.
    pub fn answer(&mut self, peer: PeerId, id: RequestId, answer: Option<Message>, now: Instant) {
        if self.open.get(&id).is_none_or(|open| open.peer != peer) {
            return; // its peer went down meanwhile
        }
        let Some(open) = self.open.remove(&id) else {
            return;
        };
        match open.what {
            What::Announce(items) => self.announce_ended(peer, items, answer, now),
            What::Data(asked) => self.data_ended(peer, id, asked, answer, now),
        }
        self.flush(now);
        self.ask(now);
    }

    fn data_ended(
        &mut self,
        peer: PeerId,
        id: RequestId,
        asked: Asked,
        answer: Option<Message>,
        now: Instant,
    ) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.in_flight = peer.in_flight.saturating_sub(1);
        }
        match answer {
            Some(Message::Data(data)) => self.on_data(peer, id, asked, data, now),
            Some(Message::Busy(busy)) => {
                self.pause(peer, busy, now);
                asked.items.iter().for_each(|i| self.wait_again(i, id));
            }
            // It does not serve this, or not any more.
            Some(Message::Error { .. }) => self.not_there(peer, id, &asked.items),
            Some(other) => {
                let detail = format!("{} in answer to GETDATA", other.id().name());
                self.penalise(peer, detail);
                self.not_there(peer, id, &asked.items);
            }
            None if asked.deadline.is_some() => self.withheld(peer, id, &asked.items),
            None => {}
        }
    }

    fn on_data(&mut self, peer: PeerId, id: RequestId, asked: Asked, data: Data, now: Instant) {
        let Data {
            kind,
            objects,
            missing,
        } = data;
        let mut left = asked.items;
        let mut bytes = 0;
        for object in objects {
            let item = Item {
                kind,
                id: object_id(&object),
            };
            if !left.remove(&item) {
                self.penalise(peer, format!("an unrequested object {}", item.id));
                continue;
            }
            bytes += object.len();
            self.deliver(peer, item, object, now);
        }
        if bytes > 0
            && let Some(peer) = self.peers.get_mut(&peer)
        {
            peer.withheld /= 2;
        }
        let missing = missing.into_iter().map(|id| Item { kind, id });
        let missing: BTreeSet<Item> = missing.filter(|item| left.remove(item)).collect();
        self.counts.not_found += missing.len() as u64;
        self.not_there(peer, id, &missing);
        // An honest answer leaves out only what did not fit any more.
        let largest = kind.max_object().unwrap_or_default();
        if bytes + largest > self.limits.max_bytes as usize {
            left.iter().for_each(|item| self.wait_again(item, id));
        } else if !left.is_empty() && asked.deadline.is_some() {
            self.withheld(peer, id, &left);
        }
    }

    /// Hands an object on, if it is still wanted.
    fn deliver(&mut self, peer: PeerId, item: Item, bytes: Bytes, now: Instant) {
        let wanted = self.wanted.get(&item);
        if wanted.is_none_or(|want| matches!(want.state, State::Judged(_))) {
            self.counts.duplicates += 1;
            return;
        }
        self.have(&item);
        self.wanted.insert(item, Want::new(State::Judged(now)));
        self.judged.insert((now, item));
        self.counts.received += 1;
        self.outputs
            .push_back(Output::Received { peer, item, bytes });
    }

    /// `peer` does not have these.
    fn not_there(&mut self, peer: PeerId, id: RequestId, items: &BTreeSet<Item>) {
        for item in items {
            self.forget_announcer(item, &peer);
            self.wait_again(item, id);
        }
    }

    /// `peer` was asked for these in vain.
    fn withheld(&mut self, peer: PeerId, id: RequestId, items: &BTreeSet<Item>) {
        self.counts.withheld += 1;
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.withheld = peer.withheld.saturating_add(1);
        }
        for item in items {
            let want = self.wanted.get_mut(item);
            let mut announcers = want.into_iter().flat_map(|w| &mut w.announcers);
            if let Some(announcer) = announcers.find(|a| a.peer == peer) {
                announcer.tries = announcer.tries.saturating_add(1);
                if announcer.tries >= self.limits.tries {
                    self.forget_announcer(item, &peer);
                }
            }
            self.wait_again(item, id);
        }
    }

    /// Requests whose time is over: others are asked, while the peer may still answer.
    pub(super) fn give_up_waiting(&mut self, now: Instant) {
        let mut late = Vec::new();
        for (id, open) in &mut self.open {
            if let What::Data(asked) = &mut open.what
                && asked.deadline.is_some_and(|deadline| deadline <= now)
            {
                asked.deadline = None;
                late.push((*id, open.peer, asked.items.clone()));
            }
        }
        for (id, peer, items) in late {
            self.withheld(peer, id, &items);
        }
    }

    fn pause(&mut self, peer: PeerId, busy: Busy, now: Instant) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.busy_until = Some(now + Duration::from_millis(busy.retry_after_ms));
        }
    }

    pub(super) fn penalise(&mut self, peer: PeerId, detail: String) {
        let offence = Offence::UnsolicitedResponse;
        self.outputs.push_back(Output::Penalise {
            peer,
            offence,
            detail,
        });
    }
}
