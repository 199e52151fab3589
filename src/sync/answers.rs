//! The outcomes of a request: answered, busy, slow, lying.

use std::time::Duration;

use libp2p::PeerId;

use super::{
    engine::Engine,
    io::{RequestFailure, RequestId},
    requests::{Open, What},
};
use crate::{
    clock::Now,
    event::NodeEvent,
    offence::Offence,
    wire::{Busy, Message},
};

impl Engine {
    pub(super) fn on_answer(
        &mut self,
        peer: PeerId,
        id: RequestId,
        result: Result<Message, RequestFailure>,
        now: Now,
    ) {
        if self
            .core
            .requests
            .get(id)
            .is_none_or(|open| open.peer != peer)
        {
            return; // answered before, given up long ago, or never asked
        }
        let Some(open) = self.core.close(id) else {
            return;
        };
        let credits = result.as_ref().ok().and_then(Message::credits);
        if let (Some(credits), Some(peer)) = (credits, self.core.peers.get_mut(&peer)) {
            peer.credits = credits;
        }
        match (&open.what, result) {
            (What::Headers(ask), Ok(Message::Headers(answer))) => {
                let ask = ask.clone();
                self.headers
                    .on_answer(&mut self.core, id, &open, &ask, answer, now);
            }
            (What::Bodies(ask), Ok(Message::Blocks(answer))) => {
                self.bodies
                    .on_answer(&mut self.core, id, &open, *ask, answer, now);
            }
            (_, Ok(Message::Busy(busy))) => {
                self.give_up(id, &open);
                self.on_busy(peer, busy, now);
            }
            (_, Ok(Message::Error { .. })) => {
                self.give_up(id, &open);
                self.core.slow(peer, "error", now);
            }
            (_, Ok(other)) => {
                self.give_up(id, &open);
                let detail = format!("{} answers another question", other.id().name());
                self.core
                    .penalise(peer, Offence::UnsolicitedResponse, detail);
            }
            (_, Err(RequestFailure::Malformed { offence, detail })) => {
                self.give_up(id, &open);
                self.core.penalise(peer, offence, detail);
            }
            (_, Err(failure)) => {
                self.give_up(id, &open);
                self.withheld(&open);
                self.core.slow(peer, failure.label(), now);
            }
        }
    }

    /// Waits as told. Nobody's fault, and no sign of a slow peer either.
    fn on_busy(&mut self, peer: PeerId, busy: Busy, now: Now) {
        if let Some(entry) = self.core.peers.get_mut(&peer) {
            entry.heard = now.mono;
            let pause = Duration::from_millis(busy.retry_after_ms.max(1));
            entry.rest(pause, now.mono);
        }
        self.core.emit(NodeEvent::RequestFailed {
            peer,
            label: "busy",
        });
    }

    /// Lets others do what the request was for.
    fn give_up(&mut self, id: RequestId, open: &Open) {
        match &open.what {
            What::Headers(_) => self.headers.on_failed(&mut self.core, id, open.peer),
            What::Bodies(ask) => self.bodies.on_failed(id, *ask),
        }
    }

    /// A body request has ended in nothing.
    fn withheld(&mut self, open: &Open) {
        if let (What::Bodies(_), Some(peer)) = (&open.what, self.core.peers.get_mut(&open.peer)) {
            peer.withheld = peer.withheld.saturating_add(1);
        }
    }

    /// Gives up what is late, and forgets what is hopeless.
    pub(super) fn expire(&mut self, now: Now) {
        for id in self.core.requests.expire(now.mono) {
            let Some((peer, what)) = self.core.requests.get(id).map(|open| {
                let bodies = match &open.what {
                    What::Headers(_) => None,
                    What::Bodies(ask) => Some(*ask),
                };
                (open.peer, bodies)
            }) else {
                continue;
            };
            match what {
                None => self.headers.on_failed(&mut self.core, id, peer),
                Some(ask) => {
                    self.bodies.on_failed(id, ask);
                    if let Some(peer) = self.core.peers.get_mut(&peer) {
                        peer.withheld = peer.withheld.saturating_add(1);
                    }
                }
            }
            self.core.slow(peer, "timeout", now);
        }
        for id in self.core.requests.hopeless(now.mono) {
            self.core.cancel(id, now);
        }
    }
}
