//! Connections: dialled, up, told who is there, gone.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use libp2p::{
    Multiaddr, PeerId,
    swarm::{ConnectionId, dial_opts::DialOpts},
};

use super::{Asked, Borrowed, Live, PeeringTask, share, table::TableCall};
use crate::{
    clock::Now,
    network::{
        exchange::{Answer, Failure as RequestFailure, Lane, RequestId, Token},
        identify::Info,
    },
    node::{effect::Effect, sync_link::busy},
    peers::{
        Goodbye, Group,
        book::{Origin, Source},
        reach,
        slots::{Failure, Ticket, Verdict},
    },
    registry::Protocol,
    report::Direction,
    trust::{Event, Observation, mesh::MeshEvent},
    wire::{ErrorCode, Message},
};

impl PeeringTask {
    pub(super) fn listening(&mut self, bound: Vec<Multiaddr>) {
        self.bound = bound;
        self.announce();
    }

    /// Tells peers, the swarm and the book where this node is.
    pub(super) fn announce(&mut self) {
        let now = self.now();
        let confirmed = self.reach.confirmed(now.mono);
        let told = self.announced(&confirmed);
        let own: Vec<Multiaddr> = told.iter().chain(&self.bound).cloned().collect();
        self.book.set_own_addresses(&own);
        self.outbox.push(Effect::Addresses { told, confirmed });
        self.make_own_record(now);
    }

    /// Where this node says it is.
    pub(super) fn announced(&self, confirmed: &[Multiaddr]) -> Vec<Multiaddr> {
        let reader = self.config.scope.of_reader();
        reach::announced(&self.bound, &self.announce, confirmed, reader)
    }

    /// Dials, or takes over a connection that a query made.
    pub(super) fn dial(
        &mut self,
        ticket: Ticket,
        peer: Option<PeerId>,
        addresses: Vec<Multiaddr>,
        now: Now,
    ) {
        if let Some(peer) = peer
            && let Some(Borrowed { id, address }) = self.borrowed.remove(&peer)
        {
            self.outbox.push(Effect::Table(TableCall::Adopt(peer)));
            self.plan.began(ticket, id);
            return self.established(peer, id, Direction::Outbound, address, false);
        }
        if let Some(peer) = peer {
            for address in &addresses {
                self.book.attempt(&peer, address, now);
            }
        }
        let opts = match peer {
            Some(peer) => DialOpts::peer_id(peer).addresses(addresses).build(),
            None => match addresses.into_iter().next() {
                Some(address) => DialOpts::from(address),
                None => return,
            },
        };
        self.plan.began(ticket, opts.connection_id());
        self.outbox.push(Effect::Dial(opts));
    }

    pub(super) fn established(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        direction: Direction,
        address: Multiaddr,
        borrowed: bool,
    ) {
        let now = self.now();
        if direction == Direction::Outbound && self.testing.remove(&peer).is_some() {
            // It is there: that was the question.
            self.book.succeeded(&peer, &address, now);
            return self.goodbye(peer, Goodbye::Replaced);
        }
        if borrowed {
            self.borrowed.insert(peer, Borrowed { id, address });
            return;
        }
        if direction == Direction::Outbound {
            self.told.dialled(true);
        } else {
            self.reach.inbound(now.mono);
        }
        if let Some(left) = self.trust.standing(&peer, now).retry_in
            && !self.plan.is_reserved(&peer)
        {
            // Its cool-down began before this node was started again.
            self.plan.cool_down(peer, now.mono + left, now.mono);
            self.outbox.push(Effect::CoolDown { peer, lasts: left });
            return self.goodbye(peer, Goodbye::LowTrust);
        }
        let verdict = self
            .plan
            .established(id, peer, direction, address.clone(), now.mono);
        match verdict {
            Verdict::Refuse(Goodbye::TooManyPeers) => return self.no_place(peer, address),
            Verdict::Refuse(reason) => return self.goodbye(peer, reason),
            Verdict::Keep => {}
        }
        let live = self.live.entry(peer).or_insert_with(|| Live {
            direction,
            address: address.clone(),
            identified: false,
            score_told: None,
            words: share::words(),
        });
        if direction == Direction::Outbound {
            (live.direction, live.address) = (direction, address);
        }
        if let Some(info) = self.said.remove(&peer) {
            // It said who it is on another connection, which has no place.
            self.identified(peer, info, &[]);
        }
    }

    pub(super) fn closed(&mut self, peer: PeerId, id: ConnectionId, last: bool) {
        let now = self.now();
        self.plan.closed(id, peer, now.mono);
        if self.borrowed.get(&peer).is_some_and(|b| b.id == id) {
            self.borrowed.remove(&peer);
        }
        if last {
            self.leaving.remove(&peer);
            self.visitors.remove(&peer);
            self.said.remove(&peer);
        } else if self.plan.slot(&peer).is_some() {
            return;
        }
        self.schedule.down(&peer);
        self.schedule.hurry(now.mono);
        self.live.remove(&peer);
        self.book.seen(&peer, now);
        if self.live.is_empty()
            && let Some(fetching) = &mut self.fetching
        {
            fetching.hurry(now.mono);
        }
    }

    pub(super) fn dial_failed(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        misled: bool,
        ourselves: bool,
    ) {
        let now = self.now();
        self.told.dialled(false);
        let failure = if ourselves {
            Failure::Ourselves
        } else {
            Failure::Unreachable
        };
        self.plan.failed(id, failure, now.mono);
        if let Some(peer) = peer {
            self.testing.remove(&peer);
            for address in addresses {
                if misled {
                    self.book.misled(&peer, address, now);
                } else {
                    self.book.failed(&peer, address, now);
                }
            }
        }
    }

    pub(super) fn identified(&mut self, peer: PeerId, info: Box<Info>, seen_at: &[Multiaddr]) {
        let now = self.now();
        let Some(live) = self.live.get_mut(&peer) else {
            self.said.insert(peer, info);
            return;
        };
        let first = !std::mem::replace(&mut live.identified, true);
        let (direction, address) = (live.direction, live.address.clone());
        let place = Group::of(&address);
        self.link.heard(peer, now.mono);
        let origin = Origin {
            source: Source::Identify,
            group: place,
        };
        self.learn(peer, &info.addresses, origin, now);
        let mut moved = false;
        for seen in seen_at {
            moved |= self.reach.observed(seen, peer, place, now.mono);
        }
        if moved {
            self.announce();
        }
        if first {
            self.plan.identified(peer, now.mono);
            let outbound = direction == Direction::Outbound;
            if outbound {
                self.book.succeeded(&peer, &address, now);
            }
            if self.config.discovery.exchange {
                self.schedule.up(peer, outbound);
            }
            self.observe(peer, Observation::of(Event::Connected));
            self.tell_scores(now);
            let kad = Protocol::KAD.on(self.network.0);
            if info.protocols.iter().any(|p| p.as_ref() == kad) {
                self.routable(peer, &info.addresses);
            }
        }
        self.said.insert(peer, info);
    }

    pub(super) fn round_trip(&mut self, peer: PeerId, rtt: Duration) {
        let now = self.now().mono;
        self.link.heard(peer, now);
        self.plan.measured(&peer, rtt, now);
        if self.live.contains_key(&peer) {
            self.observe(peer, Observation::of(Event::PingResponded).after(rtt));
            self.mesh.observe(&peer, MeshEvent::Cooperated, now);
        }
    }

    pub(super) fn ping_lost(&mut self, peer: PeerId) {
        if self.live.contains_key(&peer) {
            self.observe(peer, Observation::of(Event::PingTimeout));
        }
    }

    /// A peer asks.
    pub(super) fn asked_by(&mut self, lane: Lane, peer: PeerId, message: Message, token: Token) {
        match message {
            Message::GetPeers(ask) => self.asked_for_peers(peer, ask, token),
            Message::Disconnect(goodbye) => {
                let reason = Goodbye::from_code(goodbye.code);
                self.told.goodbye_received(reason);
                self.plan.told(&peer, reason);
                // Its receipt is all it waits for.
                self.receipt(lane, token);
            }
            Message::Ping(ping) => self.pinged(peer, ping, token),
            Message::TrustedPeersRequest(ask) => self.asked_whom_we_trust(peer, ask, token),
            Message::TrustUpdate(envelope) => self.told_whom_to_trust(peer, envelope, token),
            _ => self.refuse(lane, token, ErrorCode::Unsupported),
        }
    }

    /// A request of ours was answered, or will not be.
    pub(super) fn response(
        &mut self,
        peer: PeerId,
        id: RequestId,
        result: Result<Message, RequestFailure>,
    ) {
        let Some(asked) = self.asked.remove(&id) else {
            return;
        };
        if result.is_ok() {
            self.link.heard(peer, self.now().mono);
        }
        match asked {
            Asked::Peers => self.peers_answered(peer, result),
            Asked::Goodbye => {
                let visits = self.visitors.contains_key(&peer);
                if !visits && self.leaving.remove(&peer).is_some() {
                    self.outbox.push(Effect::Disconnect { peer });
                }
            }
            Asked::Trusted(reply) => self.trusted_answered(peer, result, reply),
            Asked::Trusting { named, reply } => {
                let sent = match result {
                    Ok(_) => Ok(named),
                    Err(e) => Err(super::PeeringError::Peer(e.to_string())),
                };
                let _ = reply.send(sent);
            }
            Asked::Ping(waiting) => self.pong_received(peer, result, *waiting),
        }
    }

    pub(super) fn respond(&mut self, lane: Lane, to: Token, message: Message) {
        self.outbox.push(Effect::Respond {
            lane,
            to,
            answer: message.into(),
        });
    }

    /// Nothing but the receipt that the request asked for.
    pub(super) fn receipt(&mut self, lane: Lane, to: Token) {
        self.outbox.push(Effect::Respond {
            lane,
            to,
            answer: Answer::Stream(stream::empty().boxed()),
        });
    }

    pub(super) fn refuse(&mut self, lane: Lane, to: Token, code: ErrorCode) {
        self.respond(lane, to, Message::Error { code });
    }

    /// Not now.
    pub(super) fn turn_away(&mut self, lane: Lane, to: Token, after: Duration) {
        let mut later = busy();
        if let Message::Busy(busy) = &mut later {
            let ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            busy.retry_after_ms = ms.clamp(1, crate::registry::MAX_RETRY_AFTER_MS);
        }
        self.respond(lane, to, later);
    }

    /// Feeds the scores of the mesh to the router.
    pub(super) fn feed_mesh(&mut self, now: Instant) {
        let peers = self.live.keys();
        let scores = peers.map(|peer| (*peer, self.mesh.get(peer, now).application(now)));
        let scores = scores.collect();
        self.outbox.push(Effect::MeshScores(scores));
    }
}
