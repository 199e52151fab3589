//! Node records: our own, those we give, those we are given.

use std::{sync::Arc, time::Instant};

use libp2p::PeerId;

use super::{Asked, PeeringTask, Written, clerk::Desk, done::Done};
use crate::{
    clock::Now,
    identity::{NodeRecord, RecordError, SignRecordError},
    network::exchange::{Failure, Lane, Token},
    node::effect::Effect,
    offence::Offence,
    peers::{
        Change, Group,
        book::{Origin, RecordRefusal, Source},
        exchange::{Asker, Question, what_to_send},
        fault_of_record,
    },
    registry::MAX_PEERS_RECORDS,
    wire::{ErrorCode, GetPeers, Message, Peers},
};

/// Records of the book from which an answer is chosen: enough that address groups and what may be
/// told to whom leave a full answer.
const DRAWN: usize = 2 * MAX_PEERS_RECORDS;

impl PeeringTask {
    /// Has a new record signed if one is due.
    pub(super) fn make_own_record(&mut self, now: Now) {
        if self.clerk.is_busy(Desk::Own) {
            return;
        }
        let confirmed = self.reach.confirmed(now.mono);
        let addresses = self.announced(&confirmed);
        if addresses.is_empty() {
            // A node that nobody can dial has nothing to say about where it is.
            return;
        }
        let Some(due) = self.own.due(&addresses, now) else {
            return;
        };
        let office = self.office.clone();
        self.clerk.take(Desk::Own, move || {
            let record = NodeRecord::sign(&office.identity, &due.fields);
            Done::OwnRecord(record.map(|record| (record, due.persist)))
        });
    }

    /// The record is shown once its number is durable: it must not come twice. Where the disk
    /// refuses, the clock alone sees to that.
    pub(super) fn own_record_signed(
        &mut self,
        record: Result<(NodeRecord, Change), SignRecordError>,
    ) {
        match record {
            Ok((record, persist)) => {
                self.keep.put([persist]);
                let durable = self.own_writes.clone();
                self.keep.then(move |_| {
                    // There is room for it beside all writes of the hash table.
                    let _ = durable.try_send(Written::Record(Box::new(record)));
                });
            }
            Err(error) => tracing::warn!(%error, "this node's record cannot be signed"),
        }
    }

    /// A peer asks whom we know.
    pub(super) fn asked_for_peers(&mut self, peer: PeerId, ask: GetPeers, token: Token) {
        let now = self.now();
        if let Err(denied) = self.askers.asks(peer, now.mono) {
            self.turn_away(Lane::Peers, token, denied.retry_after);
            if let Some(offence) = denied.offence {
                self.penalise(peer, offence, denied.to_string());
            }
            return;
        }
        let live = self.live.get(&peer).map(|live| &live.address);
        let Some(address) = live.or_else(|| self.visitors.get(&peer)) else {
            return self.refuse(Lane::Peers, token, ErrorCode::Unsupported);
        };
        let trust = &self.trust;
        let served = |id: &PeerId| trust.standing(id, now).is_served();
        let drawn = self.book.sample_records(DRAWN, &mut self.rng, served, now);
        let read = |bytes: &Arc<[u8]>| NodeRecord::decode(bytes).ok();
        let records: Vec<NodeRecord> = drawn.iter().filter_map(read).collect();
        let asker = Asker {
            peer: &peer,
            address,
        };
        let (own, scope) = (self.own_record.as_ref(), self.config.scope.of_exchange());
        let records = what_to_send(own, &records, asker, scope, ask.max, now.wall_ms);
        self.respond(Lane::Peers, token, Message::Peers(Peers { records }));
    }

    /// Asks whom it is time to ask.
    pub(super) fn ask_for_peers(&mut self, now: Instant) {
        if !self.config.discovery.exchange {
            return;
        }
        let below = !self.plan.is_at_target();
        while let Some(Question { peer, max }) = self.schedule.due(below, now, &mut self.rng) {
            if self.intake.ask(peer, max) {
                self.ask(
                    Lane::Peers,
                    peer,
                    Message::GetPeers(GetPeers { max }),
                    Asked::Peers,
                );
            }
        }
    }

    /// Records came, or did not.
    pub(super) fn peers_answered(&mut self, peer: PeerId, result: Result<Message, Failure>) {
        let now = self.now();
        let Ok(Message::Peers(answer)) = result else {
            self.intake.unanswered(&peer);
            return;
        };
        let book = &self.book;
        let known = |id: &PeerId| book.record_seq(id);
        let taken = self.intake.answered(peer, &answer.records, known, now);
        let taken = match taken {
            Ok(taken) => taken,
            Err(error) => {
                self.told.record("refused", 1);
                if let Some(offence) = error.offence() {
                    self.penalise(peer, offence, error.to_string());
                }
                return;
            }
        };
        for skipped in &taken.skipped {
            self.told.record(skipped.why.label(), 1);
        }
        if taken.candidates.is_empty() {
            return;
        }
        let (office, wall_ms) = (self.office.clone(), now.wall_ms);
        let queued = self.clerk.take(Desk::Peers, move || {
            let (mut good, mut bad) = (Vec::new(), Vec::new());
            for record in taken.candidates {
                match record.verify(&office.delegations, &office.policy, wall_ms) {
                    Ok(()) => good.push(record),
                    Err(error) => bad.push(error),
                }
            }
            Done::Records {
                from: peer,
                good,
                bad,
            }
        });
        if !queued {
            self.told.record("busy", 1);
        }
    }

    /// Records were verified.
    pub(super) fn records_checked(
        &mut self,
        from: PeerId,
        good: Vec<NodeRecord>,
        bad: Vec<RecordError>,
    ) {
        let now = self.now();
        let group = self
            .live
            .get(&from)
            .map_or(Group::Other, |live| Group::of(&live.address));
        for record in good {
            let source = if record.identity().peer_id() == from {
                Source::Identify
            } else {
                Source::Exchange
            };
            let origin = Origin { source, group };
            let peer = record.identity().peer_id();
            if !self.has_quota(&peer, source, now) {
                self.told.record("quota", 1);
                continue;
            }
            let label = match self.book.insert_record(&record, origin, now) {
                Ok(learnt) if learnt.new_peer => {
                    self.charge(source);
                    self.schedule.hurry(now.mono);
                    self.told.found("exchange", 1, now.mono);
                    "taken"
                }
                Ok(_) => "updated",
                Err(RecordRefusal::NoRoom) => "no_room",
                Err(_) => "skipped",
            };
            self.told.record(label, 1);
        }
        for error in bad {
            self.told.record("refused", 1);
            if let Some(offence) = fault_of_record(&error) {
                self.penalise(from, offence, format!("a node record: {error}"));
            }
        }
    }

    /// Has the loop act on an offence.
    pub(super) fn penalise(&mut self, peer: PeerId, offence: Offence, detail: String) {
        self.outbox.push(Effect::Penalise {
            peer,
            offence,
            detail,
        });
    }
}
