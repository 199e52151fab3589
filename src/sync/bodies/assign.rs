//! The scheduler: which peer gets which range.

use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::{
    BodyAsk, BodySync,
    range::{Range, State},
};
use crate::{
    ids::Height,
    registry::MAX_BLOCKS,
    sync::{
        config::{
            ASKED_AT_ONCE, BODIES_GIVE_UP, FIRST_BLOCKS, LEAST_HEDGE, LEAST_RANGE, MAX_RANGE,
            RANGE_TIME,
        },
        core::{Core, patience},
        io::RequestId,
        peers::Peer,
        requests::What,
    },
    wire::{GetBlocks, Message},
};

/// Bytes asked for before the size of blocks is known.
const FIRST_BYTES: u64 = 1024 * 1024;

/// Room for blocks above the average in a request, as a factor.
const SPREAD: f64 = 1.5;

/// A peer that was not measured is hedged after this, if the other one was not measured either.
const UNMEASURED_HEDGE: Duration = Duration::from_secs(1);

/// What one request asks for.
#[derive(Debug, Clone, Copy)]
struct Portion {
    blocks: usize,
    bytes: u64,
}

impl Portion {
    /// Bytes to ask for with the first `n` blocks.
    fn of(self, n: usize) -> u64 {
        let share = self.bytes * n as u64 / self.blocks.max(1) as u64;
        share.max(LEAST_RANGE).min(self.bytes)
    }
}

impl BodySync {
    /// Gives every peer with room ranges to fetch, the peer with the most trust × speed first and
    /// the lowest range first. Those that were not measured come last, in the order of their trust,
    /// and have their turn all the same.
    pub(super) fn assign(&mut self, core: &mut Core, writing: u64, now: Instant) {
        let mut peers: Vec<(f64, u32, PeerId)> = core
            .peers
            .iter()
            .filter(|(_, peer)| peer.available(now))
            .map(|(id, peer)| (weight(peer), peer.trust(), *id))
            .collect();
        peers.sort_by(|a, b| {
            let trusted = b.1.cmp(&a.1);
            b.0.total_cmp(&a.0).then(trusted).then(a.2.cmp(&b.2))
        });
        for (_, _, peer) in peers {
            while self.assign_one(core, peer, writing, now) {}
        }
    }

    fn assign_one(&mut self, core: &mut Core, id: PeerId, writing: u64, now: Instant) -> bool {
        let Some(peer) = core.peers.get(&id) else {
            return false;
        };
        let most = (core.config.body_budget / 4).clamp(LEAST_RANGE, MAX_RANGE);
        let Some(portion) = self.portion(peer, most, now) else {
            return false;
        };
        let (top, held) = (peer.blocks, self.held() + writing);
        let fits = held == 0 || held + portion.bytes <= core.config.body_budget;
        let first = self.ranges.keys().next().copied();
        let wanted = self.ranges.iter().find(|(key, range)| {
            matches!(range.state, State::Wanted)
                && **key <= top
                && range.may_ask(&id, now)
                // What the import waits for is always asked for.
                && (fits || Some(**key) == first)
        });
        if let Some(key) = wanted.map(|(key, _)| *key) {
            let n = self.cut(key, portion.blocks, top);
            return self.fetch(core, key, id, portion.of(n), now);
        }
        if !fits {
            return false;
        }
        let items: Vec<_> = {
            let n = self
                .plan
                .iter()
                .take(portion.blocks)
                .take_while(|item| !item.has_body && item.height <= top)
                .count();
            self.plan.drain(..n).collect()
        };
        let Some(key) = items.first().map(|item| item.height) else {
            return false;
        };
        let n = items.len();
        let range = self.new_range(items, State::Wanted);
        self.insert(range);
        self.pass_stored();
        self.fetch(core, key, id, portion.of(n), now)
    }

    /// What `peer` should be asked for next, `None` when it has enough to do.
    fn portion(&self, peer: &Peer, most: u64, now: Instant) -> Option<Portion> {
        // One request is kept for headers, where there is more than one.
        let spare = u32::from(peer.credits.requests > 1);
        if !peer.available(now) || peer.open + spare >= peer.credits.requests.max(spare + 1) {
            return None;
        }
        let target = peer
            .body_pace
            .window(RANGE_TIME)
            .map_or(LEAST_RANGE, |n| n.clamp(LEAST_RANGE, most));
        let (blocks, bytes) = match self.average {
            None => (
                (FIRST_BLOCKS >> peer.withheld.min(8)).max(1),
                FIRST_BYTES.min(most),
            ),
            Some(average) => sized(average, target, most),
        };
        // Two portions in flight hide the round trip; more only wait in line.
        let window = (2 * bytes).max(peer.body_pace.window(RANGE_TIME).unwrap_or(0));
        let room = window
            .min(peer.credits.bytes)
            .checked_sub(peer.open_bytes)?;
        let bytes = bytes.min(peer.credits.bytes);
        (room >= bytes).then_some(Portion { blocks, bytes })
    }

    /// Cuts the wanted range at `key` to at most `n` blocks that are not above `top` and returns how
    /// many it has then.
    fn cut(&mut self, key: Height, n: usize, top: Height) -> usize {
        self.next_range += 2;
        let (head, tail) = (self.next_range - 1, self.next_range);
        let Some(range) = self.ranges.get_mut(&key) else {
            return 0;
        };
        let below = range.items.iter().take_while(|item| item.height <= top);
        let n = below.count().min(n).max(1);
        if n < range.items.len() {
            let rest = range.split_off(n, tail);
            range.id = head;
            self.insert(rest);
            return n;
        }
        range.items.len()
    }

    /// Asks `peer` for the range at `key`.
    fn fetch(
        &mut self,
        core: &mut Core,
        key: Height,
        peer: PeerId,
        bytes: u64,
        now: Instant,
    ) -> bool {
        let Some(range) = self.ranges.get_mut(&key) else {
            return false;
        };
        let Some(entry) = core.peers.get(&peer) else {
            return false;
        };
        let message = Message::GetBlocks(GetBlocks {
            hashes: range.items.iter().map(|item| item.hash).collect(),
            max_bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
        });
        let what = What::Bodies(BodyAsk {
            key,
            range: range.id,
        });
        let wait = patience(&entry.body_pace, bytes, BODIES_GIVE_UP);
        let Some(id) = core.ask(peer, message, what, bytes, wait, now) else {
            return false;
        };
        match &mut range.state {
            State::Fetching { asks, each } => {
                asks.push(id);
                *each = bytes.max(*each);
            }
            state => {
                *state = State::Fetching {
                    asks: vec![id],
                    each: bytes,
                };
            }
        }
        true
    }

    /// Asks another peer for the lowest range when it holds the import up.
    pub(super) fn hedge(&mut self, core: &mut Core, now: Instant) {
        if self.hedge_at(core, now).is_none_or(|at| at > now) {
            return;
        }
        let Some((key, range)) = self.ranges.first_key_value() else {
            return;
        };
        let (key, Some((_, bytes))) = (*key, latest(range)) else {
            return;
        };
        if let Some(peer) = other(core, range, bytes, now) {
            self.fetch(core, key, peer, bytes, now);
        }
    }

    /// When the lowest range is late enough to ask a second peer for it, if there is one.
    pub(super) fn hedge_at(&self, core: &Core, now: Instant) -> Option<Instant> {
        let (_, range) = self.ranges.first_key_value()?;
        let (ask, bytes) = latest(range)?;
        let open = core.requests.get(ask)?;
        let other = core.peers.get(&other(core, range, bytes, now)?)?;
        let peer = core.peers.get(&open.peer);
        let expected = peer.and_then(|peer| peer.body_pace.expected(bytes));
        let quicker = other.body_pace.expected(bytes);
        let wait = match (expected, quicker) {
            // Far slower than the other: not even its own time is waited for.
            (Some(own), Some(other)) if own > other * 4 => other * 2,
            (Some(own), _) => own * 3,
            // Never heard of: no more patience than with one that is known to be slow.
            (None, Some(other)) => (other * 4).min(UNMEASURED_HEDGE),
            (None, None) => UNMEASURED_HEDGE,
        };
        Some(open.sent + wait.clamp(LEAST_HEDGE, BODIES_GIVE_UP))
    }
}

/// The last request for a range that one more peer may be asked for, and its bytes.
fn latest(range: &Range) -> Option<(RequestId, u64)> {
    match &range.state {
        State::Fetching { asks, each } if asks.len() < ASKED_AT_ONCE => {
            Some((*asks.last()?, *each))
        }
        _ => None,
    }
}

/// What `peer` counts for bodies, nothing before it was measured.
fn weight(peer: &Peer) -> f64 {
    peer.weighed(peer.body_pace.rate().unwrap_or(0.0))
}

/// The peer with the most trust × speed that could fetch `range` too.
fn other(core: &Core, range: &Range, bytes: u64, now: Instant) -> Option<PeerId> {
    let State::Fetching { asks, .. } = &range.state else {
        return None;
    };
    let asked = |id: &PeerId| {
        let mut open = asks.iter().filter_map(|ask| core.requests.get(*ask));
        open.any(|open| open.peer == *id)
    };
    let last = range.items.last()?.height;
    core.peers
        .iter()
        .filter(|(id, peer)| {
            !asked(id)
                && peer.available(now)
                && peer.blocks >= last
                && peer.credits.bytes >= peer.open_bytes.saturating_add(bytes)
                && range.may_ask(id, now)
        })
        .max_by(|a, b| {
            let faster = weight(a.1).total_cmp(&weight(b.1));
            faster.then(a.1.trust().cmp(&b.1.trust()))
        })
        .map(|(id, _)| *id)
}

/// Blocks of `average` bytes that make about `target` bytes, and the bytes to ask for, at most
/// `most`.
fn sized(average: f64, target: u64, most: u64) -> (usize, u64) {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )] // an estimate, clamped on both sides
    {
        let blocks = (target as f64 / average.max(1.0)) as usize;
        let blocks = blocks.clamp(1, MAX_BLOCKS);
        let bytes = (blocks as f64 * average * SPREAD) as u64;
        (blocks, bytes.clamp(LEAST_RANGE, most))
    }
}
