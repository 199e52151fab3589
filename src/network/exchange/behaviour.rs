//! Requests over all connections: who is asked what, who is served, who is told to wait.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use libp2p::{
    PeerId, StreamProtocol,
    request_response::{self, InboundRequestId, OutboundRequestId, ProtocolSupport},
    swarm::ConnectionId,
};
use tokio_util::sync::CancellationToken;

use super::{
    super::translated::translated,
    Answer, Config, Event, Failure, Lane, RequestId, Token,
    codec::{Codec, Reply, Request},
    sequence::{Counters, Sequence, Traffic},
};
use crate::{
    ids::ChainId,
    registry::{MAX_BLOCKS_BYTES, MessageId},
    wire::{Busy, Credits, Flags, Message, WireError},
};

/// The behaviour. Its state is bounded by our requests in flight, the inbound limits and the
/// connections; all of it goes when they end.
pub struct Behaviour {
    lane: Lane,
    inner: request_response::Behaviour<Codec>,
    config: Config,
    asked: HashMap<OutboundRequestId, Asked>,
    serving: HashMap<InboundRequestId, PeerId>,
    per_peer: HashMap<PeerId, usize>,
    events: VecDeque<(Lane, Event)>,
    counters: Arc<Counters>,
}

translated!(Behaviour, Codec, (Lane, Event));

struct Asked {
    id: RequestId,
    cancel: CancellationToken,
}

impl Behaviour {
    /// The protocol of `lane` on `chain`.
    #[must_use]
    pub fn new(lane: Lane, chain: ChainId, config: Config) -> Self {
        let protocol = StreamProtocol::try_from_owned(lane.protocol().on(chain))
            .expect("registry names start with a slash");
        let counters = Arc::new(Counters::default());
        let codec = Codec::new(lane, Arc::clone(&counters), &config);
        let inner = request_response::Config::default()
            .with_request_timeout(config.timeout)
            .with_max_concurrent_streams(config.max_streams);
        let protocols = [(protocol, ProtocolSupport::Full)];
        Self {
            lane,
            inner: request_response::Behaviour::with_codec(codec, protocols, inner),
            config,
            asked: HashMap::new(),
            serving: HashMap::new(),
            per_peer: HashMap::new(),
            events: VecDeque::new(),
            counters,
        }
    }

    /// Asks `peer`. Exactly one [`Event::Response`] or [`Event::Failed`] with `id` follows, unless
    /// the request is cancelled. Never dials.
    pub fn request(&mut self, peer: PeerId, id: RequestId, message: Message) {
        self.request_with(peer, id, message, Flags::default());
    }

    /// As [`Behaviour::request`], with flags on the request frame.
    pub fn request_with(&mut self, peer: PeerId, id: RequestId, message: Message, flags: Flags) {
        if !self.inner.is_connected(&peer) {
            let reason = Failure::Disconnected;
            self.emit(Event::Failed { peer, id, reason });
            return;
        }
        let cancel = CancellationToken::new();
        let request = Request {
            message: Ok(message),
            flags,
            cancel: cancel.clone(),
        };
        let key = self.inner.send_request(&peer, request);
        self.asked.insert(key, Asked { id, cancel });
    }

    /// Gives up on a request: its substream is dropped and no event follows. Says whether it was
    /// in flight.
    ///
    /// Yamux has no way to say so to a peer whose half alone is open: it may still send what its
    /// window allows, and gives up itself after its stall timeout.
    pub fn cancel(&mut self, id: RequestId) -> bool {
        let key = self.asked.iter().find(|(_, a)| a.id == id).map(|(k, _)| *k);
        let asked = key.and_then(|key| self.asked.remove(&key));
        asked.inspect(|a| a.cancel.cancel()).is_some()
    }

    /// Answers a request. Says whether somebody still waited for it; if not, a streamed answer is
    /// dropped unread.
    pub fn respond(&mut self, token: Token, answer: impl Into<Answer>) -> bool {
        let reply = Reply::Send(answer.into());
        self.inner.send_response(token.0, reply).is_ok()
    }

    /// Frame numbers missing or repeated so far, over all connections.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.counters.read()
    }

    /// Frames since the last call, by message id and whether they came in.
    pub fn take_traffic(&mut self) -> BTreeMap<(MessageId, bool), Traffic> {
        self.counters.take_traffic()
    }

    /// Our requests in flight.
    #[must_use]
    pub fn outbound(&self) -> usize {
        self.asked.len()
    }

    /// Requests of others that wait for or receive an answer.
    #[must_use]
    pub fn inbound(&self) -> usize {
        self.serving.len()
    }

    fn emit(&mut self, event: Event) {
        self.events.push_back((self.lane, event));
    }

    fn on_event(&mut self, event: request_response::Event<Request, Reply>) {
        use request_response::{Event as Inner, Message as Part};
        match event {
            Inner::Message {
                peer,
                connection_id,
                message,
            } => match message {
                Part::Request {
                    request_id,
                    request,
                    channel,
                } => self.on_request(peer, connection_id, request_id, request, Token(channel)),
                Part::Response {
                    request_id,
                    response,
                } => self.on_response(peer, connection_id, request_id, response),
            },
            Inner::OutboundFailure {
                peer,
                request_id,
                error,
                ..
            } => self.fail(peer, request_id, error.into()),
            Inner::InboundFailure { request_id, .. } | Inner::ResponseSent { request_id, .. } => {
                self.served(request_id);
            }
        }
    }

    fn on_request(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        request_id: InboundRequestId,
        request: Request,
        token: Token,
    ) {
        let message = match request.message {
            Ok(message) => message,
            Err(error) => {
                self.offend(peer, connection, error);
                return;
            }
        };
        let of_peer = self.per_peer.get(&peer).copied().unwrap_or_default();
        if of_peer >= self.config.max_inbound_per_peer
            || self.serving.len() >= self.config.max_inbound
        {
            self.respond(token, Message::Busy(self.busy()));
            return;
        }
        self.serving.insert(request_id, peer);
        *self.per_peer.entry(peer).or_default() += 1;
        self.emit(Event::Request {
            peer,
            message,
            priority: request.flags.priority,
            token,
        });
    }

    fn busy(&self) -> Busy {
        let millis = self.config.retry_after.as_millis();
        Busy {
            retry_after_ms: u64::try_from(millis).unwrap_or(u64::MAX),
            credits: Credits {
                requests: 1,
                bytes: MAX_BLOCKS_BYTES as u64,
            },
        }
    }

    fn on_response(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        key: OutboundRequestId,
        reply: Reply,
    ) {
        let received = match reply {
            Reply::Received(received) => received,
            Reply::Send(_) => return,
        };
        match received {
            Ok(message) => {
                if let Some(Asked { id, .. }) = self.asked.remove(&key) {
                    self.emit(Event::Response { peer, id, message });
                }
            }
            Err(error) => {
                let reason = match self.offend(peer, connection, error) {
                    true => Failure::Refused(error),
                    false => Failure::Broken(error.to_string()),
                };
                self.fail(peer, key, reason);
            }
        }
    }

    /// Reports `error` if it is an offence, and says whether it is.
    fn offend(&mut self, peer: PeerId, connection: ConnectionId, error: WireError) -> bool {
        let Some(offence) = error.offence() else {
            return false;
        };
        self.emit(Event::Offence {
            peer,
            connection,
            offence,
            error,
        });
        true
    }

    fn fail(&mut self, peer: PeerId, key: OutboundRequestId, reason: Failure) {
        if let Some(Asked { id, .. }) = self.asked.remove(&key) {
            self.emit(Event::Failed { peer, id, reason });
        }
    }

    fn served(&mut self, request_id: InboundRequestId) {
        let Some(peer) = self.serving.remove(&request_id) else {
            return;
        };
        if let Some(n) = self.per_peer.get_mut(&peer) {
            *n -= 1;
            if *n == 0 {
                self.per_peer.remove(&peer);
            }
        }
    }
}
