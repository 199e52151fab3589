//! What becomes of requests of peers and of queries of ours.

use std::time::Instant;

use libp2p::{
    PeerId,
    kad::{self, GetRecordOk, QueryId, QueryInfo, QueryResult},
    swarm::ConnectionId,
};

use super::Behaviour;
use crate::{
    dht::Key,
    ids::Hash32,
    network::dht::{Event, Inbound, heard::Tell, inbox::Waiting, jobs::Job},
    offence::Offence,
    registry::MAX_DHT_RECORD_BYTES,
};

impl Behaviour {
    /// A peer wants a record stored. Kademlia never hears of it: it would say yes at once.
    pub(super) fn asked_to_store(
        &mut self,
        (peer, connection): (PeerId, ConnectionId),
        record: &mut kad::Record,
        tell: Tell,
        now: Instant,
    ) {
        let key = Key::from_slice(record.key.as_ref());
        let waiting = Waiting {
            peer,
            connection,
            key: key.unwrap_or(Key(Hash32::ZERO)),
            tell,
            since: now,
        };
        if !self.rates.store(peer, now) {
            return self.tell(waiting.refused());
        }
        let offence = match key {
            None => Offence::MalformedMessage,
            Some(_) if record.value.len() > MAX_DHT_RECORD_BYTES => Offence::OversizedMessage,
            Some(_) => return self.judge_later(waiting, std::mem::take(&mut record.value)),
        };
        self.tell(waiting.refused());
        self.emit(Event::Offence {
            peer,
            connection,
            offence,
        });
    }

    /// Hands a record to whoever verifies, unless it is held already.
    fn judge_later(&mut self, waiting: Waiting, value: Vec<u8>) {
        let (peer, connection, key) = (waiting.peer, waiting.connection, waiting.key);
        let now = waiting.since;
        if self.store_mut().holds(&key, &value, now) {
            return self.tell(waiting.stored());
        }
        match self.inbox.add(waiting) {
            Err(waiting) => self.tell(waiting.refused()),
            Ok(id) => self.emit(Event::Inbound(Inbound {
                id,
                peer,
                connection,
                key,
                record: value.into(),
            })),
        }
    }

    /// Whether `query` has found where to store and is storing.
    pub(super) fn is_storing(&self, query: &QueryId) -> bool {
        let query = self.kad.query(query);
        query.is_some_and(|q| match q.info() {
            QueryInfo::PutRecord { phase, .. } => {
                matches!(phase, kad::PutRecordPhase::PutRecord { .. })
            }
            _ => false,
        })
    }

    pub(super) fn on_kad(&mut self, event: kad::Event) {
        match event {
            kad::Event::OutboundQueryProgressed {
                id, result, step, ..
            } => {
                self.on_progress(id, result, step.last);
            }
            kad::Event::UnroutablePeer { peer } => self.emit(Event::Routable {
                peer,
                address: None,
            }),
            kad::Event::RoutablePeer { peer, address }
            | kad::Event::PendingRoutablePeer { peer, address } => self.emit(Event::Routable {
                peer,
                address: Some(address),
            }),
            _ => {}
        }
    }

    fn on_progress(&mut self, query: QueryId, result: QueryResult, last: bool) {
        let mut without = Vec::new();
        let mut met = Vec::new();
        match result {
            QueryResult::GetRecord(Ok(GetRecordOk::FoundRecord(found)))
                if self.jobs.answered(&query) =>
            {
                let (peer, record) = (found.peer, found.record.value.into());
                self.emit(Event::Answer {
                    query,
                    peer,
                    record,
                });
            }
            QueryResult::GetRecord(Ok(GetRecordOk::FinishedWithNoAdditionalRecord {
                cache_candidates,
            })) => without = cache_candidates.into_values().collect(),
            QueryResult::GetClosestPeers(found) => {
                met = match found {
                    Ok(ok) => ok.peers,
                    Err(kad::GetClosestPeersError::Timeout { peers, .. }) => peers,
                };
            }
            _ => {}
        }
        if !last {
            return;
        }
        let event = match self.jobs.end(&query) {
            Some(Job::Put {
                holders, refused, ..
            }) => Event::Spread {
                query,
                copies: holders.len(),
                refused: refused.len(),
            },
            Some(Job::Get { answers }) => Event::Ended {
                query,
                answers,
                without,
            },
            Some(Job::Walk) => Event::Walked {
                query,
                peers: met.into_iter().map(|p| (p.peer_id, p.addrs)).collect(),
            },
            Some(Job::Ahead(_)) | None => return,
        };
        self.emit(event);
    }
}
