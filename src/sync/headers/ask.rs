//! Which header request goes to whom.

use std::{
    cmp::Reverse,
    time::{Duration, Instant},
};

use libp2p::PeerId;
use rand::seq::IndexedRandom;

use super::{HeaderAsk, HeaderSync, Role};
use crate::{
    chain::Tip,
    ids::Hash32,
    registry::MAX_LOCATOR,
    sync::{
        config::{
            ASKED_AT_ONCE, HEADERS_AHEAD, HEADERS_GIVE_UP, HEADERS_HEDGE, LEAST_HEDGE, MIN_BATCH,
            POLL, POLLED, PRESYNC_PEERS, PROBES,
        },
        core::{Core, patience},
        io::RequestId,
        peers::Peer,
        requests::What,
    },
    wire::{GetHeaders, Message},
};

/// Bytes of a header on the wire, for estimates.
const HEADER_BYTES: u64 = 510;

/// A lead is kept until another peer is this many times faster, so that two equal peers do not take
/// turns.
const LEAD_BONUS: f64 = 2.0;

/// Branches that are pre-synced in the same moment; the others wait for their turn.
const PRESYNC_TURNS: usize = 2;

/// How long a turn lasts while others wait.
const PRESYNC_TURN: Duration = Duration::from_secs(10);

impl HeaderSync {
    /// Sends a header request. `first` is where the peer is to continue, if not at our best.
    fn ask(
        &self,
        core: &mut Core,
        peer: PeerId,
        first: Option<Hash32>,
        max: u32,
        presync: bool,
        now: Instant,
    ) -> Option<RequestId> {
        let mut locator = core.view.locator.clone();
        let mut pending = 0;
        if let Some(first) = first.filter(|first| locator.first() != Some(first)) {
            // The last entry is genesis, which always matches, and must stay.
            if locator.len() == MAX_LOCATOR {
                locator.remove(MAX_LOCATOR - 2);
            }
            locator.insert(0, first);
            pending = 1;
        }
        let message = Message::GetHeaders(GetHeaders {
            locator: locator.clone(),
            max,
        });
        let ask = HeaderAsk {
            locator,
            pending,
            max,
            epoch: self.main.as_ref().map_or(0, |main| main.epoch),
            presync,
        };
        let entry = core.peers.get(&peer)?;
        let wait = patience(
            &entry.header_pace,
            u64::from(max) * HEADER_BYTES,
            HEADERS_GIVE_UP,
        );
        let id = core.ask(peer, message, What::Headers(ask), 0, wait, now)?;
        core.peers.get_mut(&peer)?.asked = Some(id);
        Some(id)
    }

    /// Whether `peer` can be asked for headers now.
    fn free(peer: &Peer, now: Instant) -> bool {
        peer.asked.is_none() && peer.available(now)
    }

    /// Asks for the next run of the main branch, and asks a second peer when the first is late and
    /// nothing is left to verify.
    pub(super) fn ask_main(&mut self, core: &mut Core, now: Instant) {
        let Some(main) = &self.main else { return };
        let hedge = match main.open.last() {
            None => false,
            Some(id) if main.open.len() < ASKED_AT_ONCE && main.starving() => {
                if !late(core, *id, now) {
                    return;
                }
                true
            }
            Some(_) => return,
        };
        if main.backlog() >= HEADERS_AHEAD {
            return;
        }
        let Some(peer) = self.choose(core, now) else {
            return;
        };
        let cursor = main.cursor;
        let batch = core.peers.get(&peer).map_or(MIN_BATCH, |peer| peer.batch);
        let max = if hedge {
            MIN_BATCH.max(batch / 2)
        } else {
            batch
        };
        let id = self.ask(core, peer, Some(cursor), max, false, now);
        if let (Some(main), Some(id)) = (&mut self.main, id) {
            main.open.push(id);
        }
    }

    /// The peer to extend the main branch with: the lead, unless another one has much more trust ×
    /// speed.
    fn choose(&self, core: &Core, now: Instant) -> Option<PeerId> {
        let main = self.main.as_ref()?;
        let only = main.repeats_for().map(|(peer, _)| peer);
        let fits = |id: &PeerId, peer: &Peer| {
            matches!(peer.role, Role::OnMain)
                && Self::free(peer, now)
                && peer.tip.hash != main.cursor
                && only.is_none_or(|only| only == *id)
        };
        let rate = |id: &PeerId, peer: &Peer| {
            let bonus = if Some(*id) == main.lead {
                LEAD_BONUS
            } else {
                1.0
            };
            // What failed last comes last, whatever it was capable of before.
            let rate = peer.weighed(peer.header_pace.rate().unwrap_or(1.0));
            bonus * rate / f64::from(1 + peer.failures)
        };
        core.peers
            .iter()
            .filter(|(id, peer)| fits(id, peer))
            .max_by(|a, b| rate(a.0, a.1).total_cmp(&rate(b.0, b.1)))
            .map(|(id, _)| *id)
    }

    /// Asks peers that claim more than we have for a first run, the most trusted ones first.
    pub(super) fn probe(&mut self, core: &mut Core, now: Instant) {
        let best = self.best(core);
        let open = core
            .peers
            .values()
            .filter(|peer| peer.asked.is_some() && matches!(peer.role, Role::New))
            .count();
        let cursor = self.main.as_ref().map(|main| main.cursor);
        let mut whom: Vec<(Reverse<u32>, PeerId)> = core
            .peers
            .iter()
            .filter(|(_, peer)| matches!(peer.role, Role::New) && Self::free(peer, now))
            .filter(|(_, peer)| peer.claims_more(&best))
            .map(|(id, peer)| (Reverse(peer.trust()), *id))
            .collect();
        whom.sort_unstable();
        for (_, peer) in whom.into_iter().take(PROBES.saturating_sub(open)) {
            self.ask(core, peer, cursor, MIN_BATCH, false, now);
        }
    }

    /// Gives the pre-syncs whose turn it is their next request.
    pub(super) fn ask_presync(&mut self, core: &mut Core, now: Instant) {
        if self.presync_after.is_some_and(|after| after > now) {
            return;
        }
        let best = self.best(core);
        let mut turns: Vec<(Instant, PeerId)> = core
            .peers
            .iter()
            .filter_map(|(id, peer)| match &peer.role {
                Role::Presync(p) => Some((p.turn, *id)),
                _ => None,
            })
            .collect();
        // Those whose turn is running first, then those that have waited longest.
        turns.sort_by_key(|(turn, id)| {
            let running = now.saturating_duration_since(*turn) < PRESYNC_TURN;
            (!running, *turn, *id)
        });
        let many = turns.len() > PRESYNC_TURNS;
        let least = core.config.minimum_chain_work;
        for (turn, id) in turns.into_iter().take(PRESYNC_TURNS) {
            let Some(peer) = core.peers.get_mut(&id) else {
                continue;
            };
            let free = Self::free(peer, now);
            let (batch, claims) = (peer.batch, peer.claims_more(&best));
            let Role::Presync(presync) = &mut peer.role else {
                continue;
            };
            let tip = presync.tip();
            if tip.work >= least && tip.beats(&best) {
                continue; // it waits for the main branch to yield
            }
            if !claims {
                peer.role = Role::Level;
                continue;
            }
            if now.saturating_duration_since(turn) >= PRESYNC_TURN || !many {
                presync.turn = now;
            }
            let cursor = tip.hash;
            if free && !presync.checking && presync.waiting.is_none() {
                self.ask(core, id, Some(cursor), batch, true, now);
            }
        }
    }

    /// Whether another pre-sync fits.
    pub(super) fn room_for_presync(core: &Core) -> bool {
        let held = |peer: &&Peer| matches!(peer.role, Role::Presync(_));
        core.peers.values().filter(held).count() < PRESYNC_PEERS
    }

    /// Asks some of the peers that were silent for a while where they stand.
    pub(super) fn poll(&mut self, core: &mut Core, now: Instant) {
        let due = *self.next_poll.get_or_insert(now + POLL);
        if due > now {
            return;
        }
        self.next_poll = Some(now + POLL);
        if self.flowing(now) {
            return;
        }
        let silent: Vec<PeerId> = core
            .peers
            .iter()
            .filter(|(_, peer)| matches!(peer.role, Role::New | Role::Level))
            .filter(|(_, peer)| Self::free(peer, now) && peer.heard + POLL <= now)
            .map(|(id, _)| *id)
            .collect();
        let whom: Vec<PeerId> = silent.sample(&mut core.rng, POLLED).copied().collect();
        for peer in whom {
            self.ask(core, peer, None, MIN_BATCH, false, now);
        }
    }

    /// When something is due although nothing happens.
    pub(in crate::sync) fn next_timeout(&self, core: &Core, now: Instant) -> Option<Instant> {
        let main = self.main.as_ref();
        let due = main.and_then(super::Main::due);
        let hedge = main
            .filter(|main| main.starving())
            .and_then(|main| hedge_at(core, *main.open.last()?));
        let until = main.and_then(super::Main::repeat_until);
        // Only those still ahead: a late hedge without a second peer must not hide the others.
        let timers = [due, hedge, until, self.next_poll, self.presync_after];
        timers.into_iter().flatten().filter(|at| *at > now).min()
    }

    /// Whether `tip` beats the best branch and has the least work that is believed.
    pub(super) fn exceeds(&self, core: &Core, tip: &Tip) -> bool {
        tip.work >= core.config.minimum_chain_work && tip.beats(&self.best(core))
    }
}

/// When a second peer may be asked for what `id` asked for.
fn hedge_at(core: &Core, id: RequestId) -> Option<Instant> {
    let open = core.requests.get(id)?;
    let What::Headers(ask) = &open.what else {
        return None;
    };
    let wait = core
        .peers
        .get(&open.peer)
        .and_then(|peer| peer.header_pace.expected(u64::from(ask.max) * HEADER_BYTES))
        .map_or(HEADERS_HEDGE, |expected| {
            (expected * 4).clamp(LEAST_HEDGE, HEADERS_HEDGE)
        });
    Some(open.sent + wait)
}

fn late(core: &Core, id: RequestId, now: Instant) -> bool {
    hedge_at(core, id).is_none_or(|at| at <= now)
}
