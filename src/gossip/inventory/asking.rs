//! Whom to ask for what.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use libp2p::PeerId;

use super::{
    Inventory, Output,
    engine::{Asked, Open, What},
    io::RequestId,
    peer::Peer,
    wanted::{State, Want},
};
use crate::wire::{GetData, Item, ItemKind, Message};

impl Inventory {
    /// Asks for what waits, as far as peers may be asked now.
    pub(super) fn ask(&mut self, now: Instant) {
        while self.ask_each_once(now) {}
    }

    /// One more request to everybody who may be asked and is the best choice for something.
    fn ask_each_once(&mut self, now: Instant) -> bool {
        let waits = self.peers.iter().filter(|(_, p)| !p.waiting.is_empty());
        let rank = |p: &Peer| (p.rank(), p.waiting.first().copied());
        let mut order: Vec<_> = waits.map(|(id, p)| (rank(p), *id)).collect();
        order.sort_unstable();
        let mut asked = false;
        for (_, peer) in order {
            if let Some((kind, items)) = self.batch(&peer, now) {
                self.request(peer, kind, items, now);
                asked = true;
            }
        }
        asked
    }

    /// Whether `peer` may be asked for anything now, with `in_time` requests under way.
    fn is_able(&self, peer: &Peer, in_time: usize, now: Instant) -> bool {
        let total = self.limits.in_flight_total;
        let total = if peer.withheld > 0 { total / 2 } else { total };
        peer.is_able(&self.limits, now) && in_time < total
    }

    /// Requests for objects that are not late. Late ones do not count, or withholding peers could
    /// keep us from asking others.
    fn in_time(&self) -> usize {
        let in_time = |open: &&Open| matches!(&open.what, What::Data(a) if a.deadline.is_some());
        self.open.values().filter(in_time).count()
    }

    /// What to ask `peer` for: the oldest of what it announced, as far as nobody else is the better
    /// choice.
    fn batch(&self, peer: &PeerId, now: Instant) -> Option<(ItemKind, Vec<Item>)> {
        let (of, in_time) = (self.peers.get(peer)?, self.in_time());
        if !self.is_able(of, in_time, now) {
            return None;
        }
        let mut kind = None;
        let mut items = Vec::new();
        for item in of.waiting.iter().filter_map(|seq| of.announced.get(seq)) {
            let want = self.wanted.get(item);
            if kind.is_some_and(|kind| kind != item.kind)
                || want.is_none_or(|want| self.best_of(want, in_time, now) != Some(*peer))
            {
                continue;
            }
            kind = Some(item.kind);
            items.push(*item);
            if items.len() >= self.limits.ids {
                break;
            }
        }
        kind.map(|kind| (kind, items))
    }

    /// Whom to ask for an object: among those who may be asked, the one that withholds least, was
    /// asked for it least, is not doubted, is of our choosing, has least to do for the trust it has,
    /// and announced it first.
    fn best_of(&self, want: &Want, in_time: usize, now: Instant) -> Option<PeerId> {
        let able = want.announcers.iter().filter_map(|announcer| {
            let peer = self.peers.get(&announcer.peer)?;
            let (withholds, doubted, others, load) = peer.rank();
            let rank = (
                (withholds, announcer.tries),
                (doubted, others, load),
                announcer.seq,
            );
            self.is_able(peer, in_time, now)
                .then_some((rank, announcer.peer))
        });
        able.min().map(|(_, peer)| peer)
    }

    fn request(&mut self, peer: PeerId, kind: ItemKind, items: Vec<Item>, now: Instant) {
        let id = RequestId(self.number());
        for item in &items {
            let Some(want) = self.wanted.get_mut(item) else {
                continue;
            };
            want.state = State::Asked(id);
            for announcer in &want.announcers {
                if let Some(peer) = self.peers.get_mut(&announcer.peer) {
                    peer.waiting.remove(&announcer.seq);
                }
            }
        }
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.in_flight += 1;
        }
        self.counts.requests += 1;
        self.counts.asked += items.len() as u64;
        let message = Message::GetData(GetData {
            kind,
            ids: items.iter().map(|item| item.id).collect(),
            max_bytes: self.limits.max_bytes,
        });
        let deadline = Some(now + self.patience(kind, items.len()));
        let items: BTreeSet<Item> = items.into_iter().collect();
        let what = What::Data(Asked { items, deadline });
        self.open.insert(id, Open { peer, what });
        self.outputs
            .push_back(Output::Request { peer, id, message });
    }

    /// How long the answer to a request for `count` objects may take.
    fn patience(&self, kind: ItemKind, count: usize) -> Duration {
        let each = kind.max_object().unwrap_or_default() as u64;
        let most = each.saturating_mul(count as u64);
        let bytes = most.min(self.limits.max_bytes.into());
        let millis = bytes.saturating_mul(1000) / self.limits.slowest.max(1);
        self.limits.timeout + Duration::from_millis(millis)
    }
}
