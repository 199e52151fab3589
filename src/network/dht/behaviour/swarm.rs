//! The behaviour in its swarm: what passes to Kademlia and back.

use std::{
    task::{Context, Poll},
    time::{Duration, Instant},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    kad::QueryInfo,
    swarm::{
        CloseConnection, ConnectionDenied, ConnectionId, DialError, DialFailure, FromSwarm,
        NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
    },
};

use tokio::time::sleep;

use super::Behaviour;
use crate::network::dht::{
    Event,
    dials::Next,
    heard::{Heard, Kad, MAX_ADDRESSES_OF_PEER, Tell, cut_heard, cut_told, is_reply, is_request},
    jobs::Reply,
};

/// How often waiting dials, requests and connections on loan are looked at. Nothing of theirs is
/// shorter than a second.
const TICK: Duration = Duration::from_millis(500);

impl Behaviour {
    /// Lets time pass. Returns whether there is anything that time changes.
    fn pass_time(&mut self, now: Instant) -> bool {
        while let Some(waiting) = self.inbox.overdue(now) {
            self.tell(waiting.refused());
        }
        while let Some(next) = self.dials.next(now) {
            match next {
                Next::Dial(opts) => self.out.push_back(ToSwarm::Dial { opts }),
                Next::Close(peer_id, id) => self.out.push_back(ToSwarm::CloseConnection {
                    peer_id,
                    connection: CloseConnection::One(id),
                }),
                Next::GiveUp(opts) => {
                    let failure = DialFailure {
                        peer_id: opts.get_peer_id(),
                        error: &DialError::Aborted,
                        connection_id: opts.connection_id(),
                    };
                    self.kad.on_swarm_event(FromSwarm::DialFailure(failure));
                }
            }
        }
        !(self.inbox.is_empty() && self.dials.is_idle() && self.rates.is_empty())
    }

    /// Ends what Kademlia began by itself, and says whether there was something. While it knows few
    /// it looks for itself and at every distance again with everybody it learns of: a network
    /// that starts would be busy with nothing else, and the peers of each node with its visits.
    /// [`Behaviour::walk`] does as much once.
    fn end_unasked(&mut self) -> bool {
        let mut ended = false;
        for mut query in self.kad.iter_queries_mut() {
            if matches!(query.info(), QueryInfo::Bootstrap { .. }) {
                query.finish();
                ended = true;
            }
        }
        ended
    }

    fn poll_tick(&mut self, cx: &mut Context<'_>, now: Instant) {
        let wanted = self.pass_time(now);
        if let Some(tick) = &mut self.tick
            && tick.as_mut().poll(cx).is_ready()
        {
            self.tick = None;
            self.rates.prune(now);
        }
        if wanted && self.tick.is_none() {
            let mut tick = Box::pin(sleep(TICK));
            // Polled at once, so that its end wakes this task.
            if tick.as_mut().poll(cx).is_pending() {
                self.tick = Some(tick);
            }
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = THandler<Kad>;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let kad = &mut self.kad;
        kad.handle_established_inbound_connection(id, peer, local, remote)
    }

    /// Addresses that peers named serve the dials of queries only: whom this node dials for itself
    /// it dials where it knows the peer to be.
    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if !self.dials.is_flying(id) {
            return Ok(Vec::new());
        }
        let kad = &mut self.kad;
        let mut known = kad.handle_pending_outbound_connection(id, peer, addresses, role)?;
        known.retain(self.dialable);
        known.dedup();
        known.truncate(MAX_ADDRESSES_OF_PEER);
        Ok(known)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let kad = &mut self.kad;
        kad.handle_established_outbound_connection(id, peer, remote, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match &event {
            FromSwarm::ConnectionEstablished(e) => {
                let (peer, connection) = (e.peer_id, e.connection_id);
                let now = self.clock.now().mono;
                self.connected.insert(peer);
                if self.dials.connected(connection, peer, now) {
                    self.emit(Event::Borrowed { peer, connection });
                }
            }
            FromSwarm::ConnectionClosed(e) => {
                if e.remaining_established == 0 {
                    self.connected.remove(&e.peer_id);
                    self.rates.allow(&e.peer_id);
                }
                self.dials.closed(e.connection_id);
                self.inbox.closed(e.connection_id);
            }
            FromSwarm::DialFailure(e) => self.dials.failed(e.connection_id),
            // Kademlia would look for itself, and complain that it knows nobody to ask.
            FromSwarm::NewListenAddr(_) => return,
            _ => {}
        }
        self.kad.on_swarm_event(event);
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        mut event: THandlerOutEvent<Self>,
    ) {
        let now = self.clock.now().mono;
        if is_reply(&event) {
            self.dials.answered(peer, now);
        }
        match &mut event {
            Heard::FindNodeReq { request_id, .. } if !self.rates.lookup(peer, now) => {
                let nobody = Tell::FindNodeRes {
                    closer_peers: Vec::new(),
                    request_id: *request_id,
                };
                return self.tell((peer, connection, nobody));
            }
            Heard::GetRecord { request_id, .. } if !self.rates.lookup(peer, now) => {
                let nothing = Tell::GetRecordRes {
                    record: None,
                    closer_peers: Vec::new(),
                    request_id: *request_id,
                };
                return self.tell((peer, connection, nothing));
            }
            Heard::PutRecord { record, request_id } => {
                let tell = Tell::PutRecordRes {
                    key: record.key.clone(),
                    value: Vec::new(),
                    request_id: *request_id,
                };
                return self.asked_to_store((peer, connection), record, tell, now);
            }
            // Nobody here provides anything.
            Heard::GetProvidersReq { request_id, .. } => {
                let nobody = Tell::GetProvidersRes {
                    closer_peers: Vec::new(),
                    provider_peers: Vec::new(),
                    request_id: *request_id,
                };
                return self.tell((peer, connection, nobody));
            }
            Heard::AddProvider { .. } => return,
            Heard::FindNodeRes { closer_peers, .. } | Heard::GetRecordRes { closer_peers, .. } => {
                cut_heard(closer_peers, self.dialable);
            }
            Heard::PutRecordRes {
                value, query_id, ..
            } => {
                let (query, reply) = self.jobs.replied(query_id, peer, value);
                match reply {
                    Reply::Enough(copies) => self.emit(Event::Stored { query, copies }),
                    Reply::Has(record) => self.emit(Event::Newer {
                        query,
                        peer,
                        record,
                    }),
                    Reply::Nothing => {}
                }
            }
            Heard::QueryError { query_id, .. } if self.is_storing(query_id) => {
                self.jobs.failed(query_id, peer);
            }
            _ => {}
        }
        self.kad
            .on_connection_handler_event(peer, connection, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Event, THandlerInEvent<Self>>> {
        let now = self.clock.now().mono;
        loop {
            self.poll_tick(cx, now);
            if let Some(event) = self.out.pop_front() {
                return Poll::Ready(event);
            }
            self.end_unasked();
            match self.kad.poll(cx) {
                Poll::Ready(ToSwarm::GenerateEvent(event)) => self.on_kad(event),
                // Of a query that has just begun unasked and is about to end.
                Poll::Ready(ToSwarm::Dial { .. }) if self.end_unasked() => {}
                Poll::Ready(ToSwarm::Dial { opts }) => self.dials.want(opts, now),
                Poll::Ready(ToSwarm::NotifyHandler {
                    peer_id,
                    handler,
                    mut event,
                }) => {
                    if is_request(&event) {
                        self.dials.asked(peer_id, now);
                    }
                    cut_told(&mut event, self.dialable);
                    return Poll::Ready(ToSwarm::NotifyHandler {
                        peer_id,
                        handler,
                        event,
                    });
                }
                Poll::Ready(other) => {
                    return Poll::Ready(other.map_out(|_| unreachable!("matched above")));
                }
                Poll::Pending => {
                    self.waker = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        }
    }
}
