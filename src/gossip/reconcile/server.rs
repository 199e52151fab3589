//! Answers to the sessions of others: an encoder per session, few at a time, within a budget.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::PeerId;

use super::{Encoder, Sets};
use crate::{
    bucket::{Bucket, Rate},
    clock::Now,
    ids::Hash32,
    registry::MAX_SKETCH_SET,
    wire::{GetSketch, Salt, Sketch, SketchPart, SketchQuery, SketchSet},
};

/// What serving may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions that are kept at a time, one per peer. Each costs at most 7.9 MB: 131 072 items of
    /// 56 bytes and 32 768 symbols of 16; with 10 000 items 0.6 MB and its symbols.
    pub sessions: usize,
    /// A session that was not used for so long may be displaced by that of another peer. Shorter
    /// would let peers push each other out between two requests, longer would refuse more of them.
    pub steal_after: Duration,
    /// A session that was not used for so long is forgotten.
    pub idle: Duration,
    /// Sessions of one peer.
    pub opens: Rate,
    /// Requests of one peer.
    pub requests: Rate,
    /// Items walked for all peers together: each new session and each request for new symbols walks
    /// over all items once. A walk costs at most a quarter of a microsecond per item
    /// (`specs/gossip/reconciliation.md`, section 8), so this is an eighth of a core.
    pub work: Rate,
}

/// What to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// This.
    Sketch(Sketch),
    /// `BUSY`.
    Busy {
        /// When to ask again.
        retry_after: Duration,
    },
    /// `ERROR` with the code for unsupported: this node does not keep the set.
    Unsupported,
}

/// The serving side of reconciliation.
#[derive(Debug)]
pub struct Server {
    limits: Limits,
    peers: BTreeMap<PeerId, Allowance>,
    sessions: BTreeMap<PeerId, Serving>,
    work: Bucket,
    /// Names the next state of a set that is encoded.
    next_tag: u64,
}

#[derive(Debug)]
struct Allowance {
    opens: Bucket,
    requests: Bucket,
}

#[derive(Debug)]
struct Serving {
    set: SketchSet,
    salt: Salt,
    tag: u64,
    encoder: Encoder,
    used: Instant,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 4,
            steal_after: Duration::from_secs(2),
            idle: Duration::from_secs(30),
            opens: Rate {
                per_second: 1,
                burst: 4,
            },
            requests: Rate {
                per_second: 16,
                burst: 64,
            },
            work: Rate {
                per_second: 500_000,
                burst: 1_000_000,
            },
        }
    }
}

impl Server {
    /// A server that holds nothing.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            peers: BTreeMap::new(),
            sessions: BTreeMap::new(),
            work: Bucket::new(limits.work),
            next_tag: 0,
        }
    }

    /// Answers `request` of `peer`.
    pub fn answer(
        &mut self,
        peer: PeerId,
        request: &GetSketch,
        sets: &dyn Sets,
        now: Now,
    ) -> Reply {
        let at = now.mono;
        self.forget_idle(at);
        let limits = self.limits;
        let allowance = self.peers.entry(peer).or_insert_with(|| Allowance {
            opens: Bucket::new(limits.opens),
            requests: Bucket::new(limits.requests),
        });
        if !allowance.requests.spend(at, 0) {
            return BUSY;
        }
        let is_open = self
            .sessions
            .get(&peer)
            .is_some_and(|s| s.set == request.set && s.salt == request.salt);
        if !is_open {
            // Gathering the ids costs something, too, so the peer pays for it whatever follows.
            if !allowance.opens.spend(at, 0) || !self.work.has(at, 1) || !self.has_room(&peer, at) {
                return BUSY;
            }
            let Some(ids) = sets.ids(request.set) else {
                return Reply::Unsupported;
            };
            if !self.pay(ids.len(), at) {
                return BUSY;
            }
            self.open(peer, request, ids, at);
        }
        self.part(peer, request, at)
    }

    /// Frees what `peer` holds.
    pub fn peer_down(&mut self, peer: &PeerId) {
        self.peers.remove(peer);
        self.sessions.remove(peer);
    }

    /// Sessions that are kept.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    fn open(&mut self, peer: PeerId, request: &GetSketch, ids: Vec<Hash32>, at: Instant) {
        if self.is_full_for(&peer)
            && let Some((oldest, _)) = self.oldest()
        {
            self.sessions.remove(&oldest);
        }
        let serving = Serving {
            set: request.set,
            salt: request.salt,
            tag: self.next_tag,
            encoder: Encoder::new(request.salt, ids),
            used: at,
        };
        self.next_tag = self.next_tag.wrapping_add(1);
        self.sessions.insert(peer, serving);
    }

    #[allow(clippy::cast_possible_truncation)] // at most MAX_SKETCH_SET
    fn part(&mut self, peer: PeerId, request: &GetSketch, at: Instant) -> Reply {
        let walk = match (&request.query, self.sessions.get(&peer)) {
            (SketchQuery::Symbols { from, count }, Some(serving))
                if (from + count) as usize > serving.encoder.made() =>
            {
                serving.encoder.len()
            }
            _ => 0,
        };
        if !self.pay(walk, at) {
            return BUSY;
        }
        let Some(serving) = self.sessions.get_mut(&peer) else {
            return BUSY;
        };
        serving.used = at;
        let encoder = &mut serving.encoder;
        let part = match &request.query {
            SketchQuery::Symbols { from, count } => {
                SketchPart::Symbols(encoder.symbols(*from..from.saturating_add(*count)).to_vec())
            }
            SketchQuery::Keys { from, count } => {
                let keys = encoder.keys().skip(*from as usize);
                SketchPart::Keys(keys.take(*count as usize).collect())
            }
            SketchQuery::Ids(keys) => {
                SketchPart::Ids(keys.iter().filter_map(|key| encoder.id(*key)).collect())
            }
        };
        Reply::Sketch(Sketch {
            size: encoder.len() as u32,
            tag: serving.tag,
            part,
        })
    }

    /// Whether there is a place for a session of `peer`.
    fn has_room(&self, peer: &PeerId, at: Instant) -> bool {
        let is_idle = |used| at.saturating_duration_since(used) >= self.limits.steal_after;
        !self.is_full_for(peer) || self.oldest().is_some_and(|(_, used)| is_idle(used))
    }

    fn is_full_for(&self, peer: &PeerId) -> bool {
        !self.sessions.contains_key(peer) && self.sessions.len() >= self.limits.sessions
    }

    /// The session that was not used for longest.
    fn oldest(&self) -> Option<(PeerId, Instant)> {
        let used = self.sessions.iter().map(|(peer, s)| (*peer, s.used));
        used.min_by_key(|(_, used)| *used)
    }

    /// Takes a walk over `items` from the budget.
    fn pay(&mut self, items: usize, at: Instant) -> bool {
        let items = u32::try_from(items.min(MAX_SKETCH_SET)).unwrap_or(u32::MAX);
        let enough = self.work.has(at, items);
        if enough {
            self.work.take(items);
        }
        enough
    }

    fn forget_idle(&mut self, at: Instant) {
        let idle = self.limits.idle;
        self.sessions
            .retain(|_, serving| at.saturating_duration_since(serving.used) < idle);
    }
}

/// The wait is what fills the buckets of a peer again.
const BUSY: Reply = Reply::Busy {
    retry_after: Duration::from_secs(2),
};
