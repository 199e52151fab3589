//! Identity keys by digest, for signed messages that carry only the digest.
//!
//! A peer asks for up to [`MAX_KEYS`] digests and gets those keys we know, ours among them. A key
//! proves itself by its digest, so it does not matter who sends it; `specs/network.md` has the
//! layout.

mod codec;
mod ring;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use libp2p::{
    PeerId, StreamProtocol,
    request_response::{self, OutboundRequestId, ProtocolSupport},
    swarm::ConnectionId,
};

use self::codec::{Codec, Keys, Reply, Wanted};
use super::translated::translated;
use crate::{
    identity::PublicIdentity,
    ids::{ChainId, Hash32},
    offence::Offence,
    registry::Protocol,
};

pub use codec::{MAX_KEYS, Refused, decode_answer, decode_request, encode_answer, encode_request};
pub use ring::{KeyRing, MAX_KNOWN};

/// How long an exchange may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Substreams of one connection, both directions together: each holds at most one answer.
const MAX_STREAMS: usize = 8;

/// What the protocol tells the event loop.
#[derive(Debug)]
pub enum Event {
    /// Keys that were asked for. They are in the ring already.
    Received {
        /// Who sent them.
        peer: PeerId,
        /// Those of the keys asked for that it knows.
        keys: Vec<PublicIdentity>,
    },
    /// A peer could not be asked, or did not answer.
    Failed {
        /// Who.
        peer: PeerId,
        /// What was asked.
        wanted: Vec<Hash32>,
    },
    /// A peer sent what no honest peer sends.
    Offence {
        /// Who.
        peer: PeerId,
        /// On which connection.
        connection: ConnectionId,
        /// What.
        offence: Offence,
        /// What exactly.
        detail: String,
    },
}

/// The behaviour: answers from its ring without asking anybody.
pub struct Behaviour {
    inner: request_response::Behaviour<Codec>,
    ring: KeyRing,
    asked: HashMap<OutboundRequestId, Vec<Hash32>>,
    events: VecDeque<Event>,
}

impl Behaviour {
    /// The protocol on `chain`, knowing `own`.
    #[must_use]
    pub fn new(chain: ChainId, own: PublicIdentity) -> Self {
        let protocol = StreamProtocol::try_from_owned(Protocol::KEYS.on(chain))
            .expect("registry names start with a slash");
        let config = request_response::Config::default()
            .with_request_timeout(TIMEOUT)
            .with_max_concurrent_streams(MAX_STREAMS);
        let protocols = [(protocol, ProtocolSupport::Full)];
        Self {
            inner: request_response::Behaviour::with_codec(Codec, protocols, config),
            ring: KeyRing::new(own),
            asked: HashMap::new(),
            events: VecDeque::new(),
        }
    }

    /// The keys known by now.
    #[must_use]
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Remembers a key, for ourselves and for peers that ask.
    pub fn learn(&mut self, key: PublicIdentity) {
        self.ring.insert(key);
    }

    /// Asks `peer` for keys, the first [`MAX_KEYS`] of `digests`. One [`Event::Received`] or
    /// [`Event::Failed`] follows. Never dials.
    pub fn fetch(&mut self, peer: PeerId, mut digests: Vec<Hash32>) {
        digests.truncate(MAX_KEYS);
        if digests.is_empty() || !self.inner.is_connected(&peer) {
            let wanted = digests;
            self.events.push_back(Event::Failed { peer, wanted });
            return;
        }
        let key = self.inner.send_request(&peer, Ok(digests.clone()));
        self.asked.insert(key, digests);
    }

    fn on_event(&mut self, event: request_response::Event<Wanted, Reply>) {
        use request_response::{Event as Inner, Message};
        match event {
            Inner::Message {
                peer,
                connection_id,
                message,
            } => match message {
                Message::Request {
                    request, channel, ..
                } => match request {
                    Ok(digests) => {
                        let known = digests.iter().filter_map(|d| self.ring.get(d));
                        let keys = known.cloned().collect();
                        // If nobody waits any more, nothing is lost.
                        let _ = self.inner.send_response(channel, Ok(keys));
                    }
                    Err(e) => self.offend(peer, connection_id, e),
                },
                Message::Response {
                    request_id,
                    response,
                } => {
                    let wanted = self.asked.remove(&request_id).unwrap_or_default();
                    match response.and_then(|keys| only_wanted(keys, &wanted)) {
                        Ok(keys) => {
                            keys.iter().for_each(|k| self.ring.insert(k.clone()));
                            self.events.push_back(Event::Received { peer, keys });
                        }
                        Err(e) => {
                            self.offend(peer, connection_id, e);
                            self.events.push_back(Event::Failed { peer, wanted });
                        }
                    }
                }
            },
            Inner::OutboundFailure {
                peer, request_id, ..
            } => {
                let wanted = self.asked.remove(&request_id).unwrap_or_default();
                self.events.push_back(Event::Failed { peer, wanted });
            }
            Inner::InboundFailure { .. } | Inner::ResponseSent { .. } => {}
        }
    }

    fn offend(&mut self, peer: PeerId, connection: ConnectionId, refused: codec::Refused) {
        self.events.push_back(Event::Offence {
            peer,
            connection,
            offence: refused.offence,
            detail: refused.detail,
        });
    }
}

/// `keys`, if each was asked for and none comes twice.
fn only_wanted(keys: Keys, wanted: &[Hash32]) -> Result<Keys, codec::Refused> {
    let mut left = wanted.to_vec();
    for key in &keys {
        let Some(at) = left.iter().position(|d| *d == key.digest()) else {
            return Err(codec::Refused {
                offence: Offence::UnsolicitedResponse,
                detail: "a key that was not asked for".to_owned(),
            });
        };
        left.swap_remove(at);
    }
    Ok(keys)
}

translated!(Behaviour, Codec, Event);
