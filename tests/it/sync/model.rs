//! Model peers: a store, a link, and a way to behave.

use std::{sync::Arc, time::Duration};

use animica_p2p::{
    PeerId,
    chain::{ChainStore, MemoryStore},
    ids::{Hash32, Work},
    sync::{
        RequestFailure,
        server::{Admission, BlockAnswer, Governor, Limits, headers},
    },
    wire::{Answer, Blocks, Busy, Credits, Flags, Frame, Headers, Message, TipClaim},
};
use bytes::Bytes;

use super::world::Time;

/// How a model peer behaves.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// As it should.
    Honest,
    /// Accepts requests and never answers.
    Stalls,
    /// Answers this many requests and then no more.
    StallsAfter(u32),
    /// Says `BUSY` to every other request.
    OftenBusy,
    /// Its requests fail every so many times.
    Flaky(u32),
    /// Answers everything, but only after this time.
    Late(Duration),
    /// Answers body requests with nothing.
    Empty,
    /// Has no bodies.
    Headless,
    /// Serves headers and never answers for bodies.
    KeepsBodies,
    /// Serves what it has, which no honest peer would have.
    Guilty,
    /// Takes this long for every body.
    Ponders(Duration),
    /// Announces this much work and serves honestly what it has.
    Boasts(Work),
    /// Lies in headers, in answers that reach this height.
    Headers(u64, fn(&mut Headers)),
    /// Lies in bodies.
    Bodies(fn(&mut Blocks)),
    /// Answers requests with this message.
    Says(Message),
    /// Shows one store until it was asked so many times, then another.
    Turns(u32, Arc<MemoryStore>),
}

/// What a link is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) rtt: Duration,
    /// Bytes per second.
    pub(crate) rate: f64,
}

impl Link {
    pub(crate) const LAN: Self = Self {
        rtt: Duration::from_millis(1),
        rate: 100e6,
    };
    pub(crate) const DSL: Self = Self {
        rtt: Duration::from_millis(40),
        rate: 2e6,
    };
    pub(crate) const SLOW: Self = Self {
        rtt: Duration::from_millis(300),
        rate: 20e3,
    };
}

pub(crate) struct ModelPeer {
    pub(crate) id: PeerId,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) manner: Manner,
    pub(crate) link: Link,
    /// When its link is free again.
    free: Time,
    asked: u32,
    governor: Governor,
}

/// What a peer does with a request: an answer at some time, or nothing.
pub(crate) type Reply = Option<(Time, Result<Message, RequestFailure>)>;

impl ModelPeer {
    pub(crate) fn new(id: PeerId, store: Arc<MemoryStore>, manner: Manner, link: Link) -> Self {
        Self {
            id,
            store,
            manner,
            link,
            free: Time::ZERO,
            asked: 0,
            governor: Governor::new(Limits::default()),
        }
    }

    /// The head it announces.
    pub(crate) fn head(&self) -> TipClaim {
        let tip = self.store.tips().blocks;
        TipClaim {
            height: tip.height,
            hash: tip.hash,
            work: match self.manner {
                Manner::Boasts(work) => work,
                _ => tip.work,
            },
        }
    }

    /// Whether nothing it does deserves a punishment.
    pub(crate) fn innocent(&self) -> bool {
        matches!(
            self.manner,
            Manner::Honest
                | Manner::Stalls
                | Manner::StallsAfter(_)
                | Manner::OftenBusy
                | Manner::Flaky(_)
                | Manner::Late(_)
                | Manner::Empty
                | Manner::Headless
                | Manner::KeepsBodies
                | Manner::Ponders(_)
        )
    }

    pub(crate) fn on_request(
        &mut self,
        request: &Message,
        now: Time,
        start: std::time::Instant,
    ) -> Reply {
        self.asked += 1;
        let asked = self.asked;
        if let Manner::Turns(after, other) = &self.manner
            && asked == *after
        {
            self.store = Arc::clone(other);
        }
        let failure = |result| Some((now + self.link.rtt, result));
        match &self.manner {
            Manner::Stalls => return None,
            Manner::KeepsBodies if matches!(request, Message::GetBlocks(_)) => return None,
            Manner::StallsAfter(n) if asked > *n => return None,
            Manner::Flaky(n) if asked.is_multiple_of(*n) => {
                return failure(Err(RequestFailure::Timeout));
            }
            Manner::OftenBusy if asked.is_multiple_of(2) => {
                return failure(Ok(Message::Busy(Busy {
                    retry_after_ms: 50,
                    credits: Credits::INITIAL,
                })));
            }
            Manner::Says(message) => return failure(Ok(message.clone())),
            _ => {}
        }
        let (answer, bytes) = match self.governor.admit(self.id, request, start + now) {
            Admission::Serve(ticket) => {
                let out = self.answer(request, ticket.credits);
                self.governor.done(ticket);
                out
            }
            Admission::Busy(busy) => (Message::Busy(busy), 0),
            Admission::Refuse { offence, detail } => {
                panic!("the engine offended an honest server: {offence} ({detail})")
            }
        };
        let answer = self.twist(answer);
        if let (Manner::Ponders(each), Message::Blocks(m)) = (&self.manner, &answer) {
            self.free = self.free.max(now) + *each * u32::try_from(m.blocks.len()).expect("few");
        }
        let transfer = Duration::from_secs_f64(bytes as f64 / self.link.rate);
        self.free = self.free.max(now + self.link.rtt / 2) + transfer;
        let mut at = self.free + self.link.rtt / 2;
        if let Manner::Late(by) = self.manner {
            at += by;
        }
        Some((at, Ok(answer)))
    }

    /// The honest answer, through the frames of the wire, and its size.
    fn answer(&self, request: &Message, credits: Credits) -> (Message, usize) {
        let mut frames = Vec::new();
        match request {
            Message::GetHeaders(m) => {
                frames.push(headers(&*self.store, m, credits).expect("memory"))
            }
            Message::GetBlocks(m) => {
                let mut m = m.clone();
                if matches!(self.manner, Manner::Headless) {
                    m.hashes.iter_mut().for_each(|hash| hash.0[0] ^= 1);
                }
                let mut answer = BlockAnswer::new(m, credits);
                while let Some(frame) = answer.next(&*self.store).expect("memory") {
                    frames.push(frame);
                }
            }
            other => panic!("{other:?} is no request"),
        }
        let (mut sum, mut bytes) = (Answer::to(request).expect("a request"), 0);
        for message in frames {
            let frame = Frame::new(&message, 0, Flags::default()).expect("fits");
            bytes += frame.payload.len();
            sum.push(&frame).expect("an honest answer holds");
        }
        (sum.finish().expect("not empty"), bytes)
    }

    /// What its manner makes of an honest answer.
    fn twist(&self, mut answer: Message) -> Message {
        match (&self.manner, &mut answer) {
            (Manner::Headers(height, lie), Message::Headers(m)) => {
                let last = m.headers.last().map(height_of).unwrap_or_default();
                if last >= *height {
                    lie(m);
                }
            }
            (Manner::Bodies(lie), Message::Blocks(m)) if !m.blocks.is_empty() => lie(m),
            (Manner::Empty, Message::Blocks(m)) => m.blocks.clear(),
            (Manner::Headless, Message::Blocks(m)) => {
                m.missing.iter_mut().for_each(|hash| hash.0[0] ^= 1);
            }
            _ => {}
        }
        answer
    }
}

fn height_of(bytes: &Bytes) -> u64 {
    animica_p2p::chain::Header::decode(bytes).map_or(0, |h| h.height.0)
}

/// A peer id that is the same in every run.
pub(crate) fn peer_id(n: u8) -> PeerId {
    let digest = Hash32([n; 32]);
    animica_p2p::identity::peer_id_from_digest(digest)
}
