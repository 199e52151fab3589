//! The engine: what it knows, and what it is told about peers and objects.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::Instant,
};

use libp2p::PeerId;

use super::{
    Limits, Output, RequestId,
    peer::Peer,
    refused::Refused,
    wanted::{Announcer, State, Want, Wanted},
};
use crate::{report::InventoryReport, trust::Score, wire::Item};

/// Announcements and requests of objects too large to push. See the module.
#[derive(Debug)]
pub struct Inventory {
    pub(super) limits: Limits,
    salt: u64,
    pub(super) peers: BTreeMap<PeerId, Peer>,
    pub(super) wanted: Wanted,
    pub(super) refused: Refused,
    pub(super) open: BTreeMap<RequestId, Open>,
    /// Received objects without a verdict, by when they came.
    pub(super) judged: BTreeSet<(Instant, Item)>,
    pub(super) outputs: VecDeque<Output>,
    pub(super) counts: InventoryReport,
    /// Numbers given out so far, to requests, announcements and salts.
    numbers: u64,
}

/// A request without an answer.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) peer: PeerId,
    pub(super) what: What,
}

/// What a request was.
#[derive(Debug)]
pub(super) enum What {
    /// An `INV`.
    Announce(Vec<Item>),
    /// A `GETDATA`.
    Data(Asked),
}

/// A request for objects.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) items: BTreeSet<Item>,
    /// When the next announcers are asked; `None` once they were.
    pub(super) deadline: Option<Instant>,
}

impl Inventory {
    /// An engine that knows nobody. `salt` is secret and differs from node to node.
    #[must_use]
    pub fn new(limits: Limits, salt: u64) -> Self {
        Self {
            limits,
            salt,
            peers: BTreeMap::new(),
            wanted: HashMap::new(),
            refused: Refused::default(),
            open: BTreeMap::new(),
            judged: BTreeSet::new(),
            outputs: VecDeque::new(),
            counts: InventoryReport::default(),
            numbers: 0,
        }
    }

    /// A peer is there that speaks the data protocol. `outbound` says whether we chose it.
    pub fn up(&mut self, peer: PeerId, outbound: bool) {
        if self.peers.contains_key(&peer) || self.peers.len() >= self.limits.peers {
            return;
        }
        let salt = (self.salt, self.number());
        self.peers.insert(peer, Peer::new(outbound, salt));
    }

    /// How far a peer is trusted by now. Until it is said, it is trusted like any stranger.
    pub fn trust(&mut self, peer: &PeerId, score: Score) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.set_trust(score);
        }
    }

    /// A peer is gone, and with it its unanswered requests.
    pub fn down(&mut self, peer: &PeerId, now: Instant) {
        let Some(gone) = self.peers.remove(peer) else {
            return;
        };
        for item in gone.announced.values() {
            if let Some(want) = self.wanted.get_mut(item) {
                want.announcers.retain(|a| a.peer != *peer);
            }
            self.drop_if_nobody_has(item);
        }
        let of_peer = |open: &Open| open.peer == *peer;
        let open: Vec<_> = self.open.extract_if(.., |_, o| of_peer(o)).collect();
        for (id, open) in open {
            if let What::Data(asked) = open.what {
                for item in &asked.items {
                    self.wait_again(item, id);
                }
            }
        }
        self.ask(now);
    }

    /// A peer announced `items`; `has` says what of them is here. What is not will be asked for, of
    /// this peer or another.
    pub fn announced(
        &mut self,
        peer: PeerId,
        items: &[Item],
        has: impl Fn(&Item) -> bool,
        now: Instant,
    ) {
        self.refused.expire(&self.limits, now);
        for item in items {
            self.announced_one(peer, *item, &has);
        }
        self.ask(now);
    }

    /// A peer has shown that it knows `item`, for example by pushing it: nobody announces it there.
    pub fn knows(&mut self, peer: &PeerId, item: &Item) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.known.insert(item);
        }
    }

    /// `item` is here, or no longer of interest: nobody is asked for it any more.
    pub fn have(&mut self, item: &Item) {
        let Some(want) = self.wanted.remove(item) else {
            return;
        };
        if let State::Judged(at) = want.state {
            self.judged.remove(&(at, *item));
        }
        for announcer in want.announcers {
            if let Some(peer) = self.peers.get_mut(&announcer.peer) {
                peer.announced.remove(&announcer.seq);
                peer.waiting.remove(&announcer.seq);
            }
        }
    }

    /// `item` is here, valid and new: nobody is asked for it any more, and those who do not know it
    /// are told.
    pub fn learned(&mut self, item: Item, now: Instant) {
        self.have(&item);
        self.refused.remove(&item);
        for peer in self.peers.values_mut() {
            if !peer.known.contains(&item) && peer.outbox.push(item, &self.limits, now) {
                self.counts.unannounced += 1;
            }
        }
        self.flush(now);
    }

    /// `item` is not wanted: nobody is asked for it for ten minutes.
    pub fn refused(&mut self, item: Item, now: Instant) {
        self.have(&item);
        self.refused.insert(item, &self.limits, now);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Instant) {
        self.refused.expire(&self.limits, now);
        self.give_up_waiting(now);
        self.forget_unjudged(now);
        for peer in self.peers.values_mut() {
            peer.busy_until = peer.busy_until.filter(|until| *until > now);
        }
        self.flush(now);
        self.ask(now);
    }

    /// When [`Inventory::tick`] has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let late = self.open.values().filter_map(|open| match &open.what {
            What::Data(asked) => asked.deadline,
            What::Announce(_) => None,
        });
        let outboxes = self.peers.values();
        let outboxes = outboxes.filter_map(|peer| peer.outbox.due(&self.limits));
        // Only those that still hold something back.
        let pauses = self.peers.values().filter(|peer| !peer.waiting.is_empty());
        let pauses = pauses.filter_map(|peer| peer.busy_until);
        let judged = self.judged.first();
        let judged = judged.map(|(at, _)| *at + self.limits.judging);
        late.chain(outboxes).chain(pauses).chain(judged).min()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> InventoryReport {
        self.counts
    }

    /// Objects that were announced and are not here.
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.wanted.len()
    }

    /// Requests without an answer, announcements among them.
    #[must_use]
    pub fn open_requests(&self) -> usize {
        self.open.len()
    }

    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn announced_one(&mut self, peer: PeerId, item: Item, has: &impl Fn(&Item) -> bool) {
        let seq = self.number();
        let Some(announcer) = self.peers.get_mut(&peer) else {
            return;
        };
        announcer.known.insert(&item);
        if self.refused.contains(&item) || has(&item) {
            self.counts.stale += 1;
            return;
        }
        if item.kind.max_object().is_none() {
            self.outputs.push_back(Output::Heard { peer, item });
            return;
        }
        if let Some(want) = self.wanted.get(&item)
            && (want.is_announced_by(&peer) || matches!(want.state, State::Judged(_)))
        {
            return;
        }
        if !self.make_room(&peer) {
            return;
        }
        let want = self
            .wanted
            .entry(item)
            .or_insert_with(|| Want::new(State::Waiting));
        want.announcers.push(Announcer {
            peer,
            seq,
            tries: 0,
        });
        let waits = want.state == State::Waiting;
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.announced.insert(seq, item);
            if waits {
                peer.waiting.insert(seq);
            }
        }
    }

    /// Makes room for one more object announced by `peer`: the oldest nobody was asked for goes.
    fn make_room(&mut self, peer: &PeerId) -> bool {
        let Some(of) = self.peers.get(peer) else {
            return false;
        };
        if of.announced.len() < self.limits.announced {
            return true;
        }
        self.counts.flooded += 1;
        let oldest = of.waiting.first().and_then(|seq| of.announced.get(seq));
        let Some(oldest) = oldest.copied() else {
            return false;
        };
        self.forget_announcer(&oldest, peer);
        true
    }

    /// `peer` does not have `item`, or is not believed to have it any longer.
    pub(super) fn forget_announcer(&mut self, item: &Item, peer: &PeerId) {
        let Some(want) = self.wanted.get_mut(item) else {
            return;
        };
        let gone = want.announcers.extract_if(.., |a| a.peer == *peer);
        let gone: Vec<Announcer> = gone.collect();
        if let Some(peer) = self.peers.get_mut(peer) {
            for announcer in gone {
                peer.announced.remove(&announcer.seq);
                peer.waiting.remove(&announcer.seq);
            }
        }
        self.drop_if_nobody_has(item);
    }

    pub(super) fn drop_if_nobody_has(&mut self, item: &Item) {
        let nobody = |want: &Want| want.announcers.is_empty() && want.state == State::Waiting;
        if self.wanted.get(item).is_some_and(nobody) {
            self.wanted.remove(item);
            self.counts.lost += 1;
        }
    }

    /// `item` is not expected from request `id` any longer: other announcers may be asked.
    pub(super) fn wait_again(&mut self, item: &Item, id: RequestId) {
        let Some(want) = self.wanted.get_mut(item) else {
            return;
        };
        if want.state != State::Asked(id) {
            return;
        }
        want.state = State::Waiting;
        for announcer in &want.announcers {
            if let Some(peer) = self.peers.get_mut(&announcer.peer) {
                peer.waiting.insert(announcer.seq);
            }
        }
        self.drop_if_nobody_has(item);
    }

    /// Forgets objects whose verdict never came: they may be announced and asked for again.
    fn forget_unjudged(&mut self, now: Instant) {
        let old = |at: Instant| now.saturating_duration_since(at) >= self.limits.judging;
        while let Some((at, item)) = self.judged.pop_first() {
            if !old(at) {
                self.judged.insert((at, item));
                break;
            }
            self.wanted.remove(&item);
        }
    }
}

#[cfg(test)]
impl Inventory {
    /// For tests of its bounds.
    pub(super) fn announced_by(&self, peer: &PeerId) -> usize {
        self.peers.get(peer).map_or(0, |peer| peer.announced.len())
    }
}
