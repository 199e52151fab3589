//! Signed pings: ours, and those of others.

use bytes::Bytes;
use libp2p::PeerId;
use tokio::sync::oneshot;

use super::{Asked, PeeringError, PeeringTask, clerk::Desk, done::Done};
use crate::{
    crypto::random,
    network::exchange::{Failure, Lane, Token},
    peers::signed_ping::{Asked as Ping, PingError, Refused},
    report::SignedPingReport,
    wire::{ErrorCode, Message},
};

/// Who waits for the answer to a signed ping.
pub(super) type Reply = oneshot::Sender<Result<SignedPingReport, PeeringError>>;

/// A ping of ours on its way.
pub(super) struct Waiting {
    ping: Ping,
    reply: Reply,
}

impl PeeringTask {
    /// A peer sends a signed ping.
    pub(super) fn pinged(&mut self, peer: PeerId, ping: Bytes, token: Token) {
        let now = self.now();
        let received = match self.responder.receive(&peer, ping, now) {
            Ok(received) => received,
            Err(Refused::Busy { retry_after }) => {
                self.told.signed_ping("busy");
                return self.turn_away(Lane::Ping, token, retry_after);
            }
            Err(Refused::Wrong(error)) => {
                self.told.signed_ping("refused");
                if let Some(offence) = error.offence() {
                    self.penalise(peer, offence, format!("a signed ping: {error}"));
                }
                return self.refuse(Lane::Ping, token, ErrorCode::BadRequest);
            }
        };
        let (office, wall_ms) = (self.office.clone(), now.wall_ms);
        if !self.clerk.has_room(Desk::Peers) {
            self.told.signed_ping("busy");
            return self.turn_away(Lane::Ping, token, std::time::Duration::from_secs(1));
        }
        self.clerk.take(Desk::Peers, move || {
            let pong = received.answer(
                &office.identity,
                &office.delegations,
                &office.policy,
                wall_ms,
            );
            Done::Pong {
                to: token,
                peer,
                pong,
            }
        });
    }

    /// A `PONG` is signed, or the `PING` was not.
    pub(super) fn pong_signed(&mut self, to: Token, peer: PeerId, pong: Result<Bytes, PingError>) {
        match pong {
            Ok(pong) => {
                self.told.signed_ping("answered");
                self.respond(Lane::Ping, to, Message::Pong(pong));
            }
            Err(error) => {
                self.told.signed_ping("refused");
                if let Some(offence) = error.offence() {
                    self.penalise(peer, offence, format!("a signed ping: {error}"));
                }
                self.refuse(Lane::Ping, to, ErrorCode::BadRequest);
            }
        }
    }

    /// Pings a peer on behalf of a handle.
    pub(super) fn ping_signed_by_us(&mut self, peer: PeerId, reply: Reply) {
        if !self.live.contains_key(&peer) {
            let _ = reply.send(Err(PeeringError::NotConnected(peer)));
            return;
        }
        let mut nonce = [0; 16];
        if let Err(e) = random(&mut nonce) {
            let _ = reply.send(Err(PeeringError::Peer(e.to_string())));
            return;
        }
        let (office, network, clock) = (self.office.clone(), self.network, self.clock.clone());
        self.clerk.take(Desk::Own, move || {
            let ping = Ping::new(&office.identity, network, &peer, nonce, clock.now());
            Done::PingSigned { peer, ping, reply }
        });
    }

    pub(super) fn ping_signed(
        &mut self,
        peer: PeerId,
        ping: Result<(Ping, Bytes), PingError>,
        reply: Reply,
    ) {
        match ping {
            Ok((ping, bytes)) => {
                let waiting = Box::new(Waiting { ping, reply });
                self.ask(Lane::Ping, peer, Message::Ping(bytes), Asked::Ping(waiting));
            }
            Err(error) => {
                let _ = reply.send(Err(PeeringError::Peer(error.to_string())));
            }
        }
    }

    /// The answer to our ping came, or did not.
    pub(super) fn pong_received(
        &mut self,
        peer: PeerId,
        result: Result<Message, Failure>,
        waiting: Waiting,
    ) {
        let Waiting { ping, reply } = waiting;
        let why = match result {
            Ok(Message::Pong(pong)) => {
                let (office, now) = (self.office.clone(), self.now());
                let address = self.live.get(&peer).map(|live| live.address.to_string());
                self.clerk.take(Desk::Own, move || {
                    let pong = ping.answered(pong, &office.delegations, &office.policy, now);
                    let address = address.unwrap_or_default();
                    let report = pong.map(|pong| pong.report(&peer, address, false));
                    Done::PongChecked {
                        peer,
                        report,
                        reply,
                    }
                });
                return;
            }
            Ok(Message::Busy(busy)) => {
                format!("it is asked too often; again in {} ms", busy.retry_after_ms)
            }
            Ok(Message::Error { .. }) => "it refuses this ping".to_owned(),
            Ok(_) => "another answer than a pong".to_owned(),
            Err(e) => e.to_string(),
        };
        let _ = reply.send(Err(PeeringError::Peer(why)));
    }

    pub(super) fn pong_checked(
        &mut self,
        peer: PeerId,
        report: Result<SignedPingReport, PingError>,
        reply: Reply,
    ) {
        let answer = report.map_err(|error| {
            if let Some(offence) = error.offence() {
                self.penalise(peer, offence, format!("a signed pong: {error}"));
            }
            PeeringError::Peer(error.to_string())
        });
        let _ = reply.send(answer);
    }
}
