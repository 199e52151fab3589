//! Answers to peers: read on the blocking pool, sent as the peer takes them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use libp2p::PeerId;
use tokio::sync::mpsc;

use super::jobs::Shared;
use crate::{
    network::exchange::{Answer, Lane, Token},
    node::effect::Effect,
    sync::server::{self, Admission, BlockAnswer, Governor, Limits, Ticket},
    wire::{Credits, ErrorCode, GetBlocks, GetHeaders, Message},
};

/// Frames read ahead of the peer: while one is sent the next one is read.
const FRAMES_AHEAD: usize = 1;

/// Answers requests, each in a task of its own, as many as the governor admits.
pub(super) struct Server {
    shared: Arc<Shared>,
    effects: mpsc::Sender<Effect>,
    governor: Arc<Mutex<Governor>>,
}

/// Gives the ticket back when an answer ends, however it ends.
///
/// # Correctness
/// It is dropped before the end of the answer goes out: a peer may ask again the moment it has
/// the end, and must find its credits returned.
struct Place {
    credits: Credits,
    ticket: Option<Ticket>,
    governor: Arc<Mutex<Governor>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            lock(&self.governor).done(ticket);
        }
    }
}

impl Server {
    pub(super) fn new(shared: Arc<Shared>, effects: mpsc::Sender<Effect>) -> Self {
        let governor = Arc::new(Mutex::new(Governor::new(Limits::default())));
        Self {
            shared,
            effects,
            governor,
        }
    }

    pub(super) fn serve(&self, peer: PeerId, message: Message, token: Token) {
        let now = self.shared.clock.now().mono;
        let admission = lock(&self.governor).admit(peer, &message, now);
        let (shared, effects) = (Arc::clone(&self.shared), self.effects.clone());
        match (admission, message) {
            (Admission::Serve(ticket), Message::GetHeaders(request)) => {
                let place = self.place(ticket);
                tokio::spawn(headers(shared, effects, request, token, place));
            }
            (Admission::Serve(ticket), Message::GetBlocks(request)) => {
                let place = self.place(ticket);
                tokio::spawn(blocks(shared, effects, request, token, place));
            }
            (Admission::Serve(ticket), _) => {
                lock(&self.governor).done(ticket);
                let code = ErrorCode::Unsupported;
                tokio::spawn(send(
                    effects,
                    respond(token, Message::Error { code }.into()),
                ));
            }
            (Admission::Busy(busy), _) => {
                tokio::spawn(send(effects, respond(token, Message::Busy(busy).into())));
            }
            (Admission::Refuse { offence, detail }, _) => {
                tokio::spawn(send(
                    effects,
                    Effect::Penalise {
                        peer,
                        offence,
                        detail,
                    },
                ));
            }
        }
    }

    fn place(&self, ticket: Ticket) -> Place {
        Place {
            credits: ticket.credits,
            ticket: Some(ticket),
            governor: Arc::clone(&self.governor),
        }
    }
}

async fn headers(
    shared: Arc<Shared>,
    effects: mpsc::Sender<Effect>,
    request: GetHeaders,
    token: Token,
    place: Place,
) {
    let credits = place.credits;
    let read = move || server::headers(&*shared.store, &request, credits);
    let answer = match tokio::task::spawn_blocking(read).await {
        Ok(Ok(answer)) => answer,
        _ => Message::Error {
            code: ErrorCode::Internal,
        },
    };
    drop(place);
    send(effects, respond(token, answer.into())).await;
}

async fn blocks(
    shared: Arc<Shared>,
    effects: mpsc::Sender<Effect>,
    request: GetBlocks,
    token: Token,
    place: Place,
) {
    let credits = place.credits;
    let (frames, answer) = mpsc::channel(FRAMES_AHEAD);
    send(effects, respond(token, Answer::channel(answer))).await;
    let mut answer = BlockAnswer::new(request, credits);
    let mut first = true;
    loop {
        let shared = Arc::clone(&shared);
        let read = tokio::task::spawn_blocking(move || {
            let frame = answer.next(&*shared.store);
            (answer, frame)
        });
        let Ok((rest, frame)) = read.await else {
            return;
        };
        answer = rest;
        let frame = match frame {
            Ok(Some(frame)) => frame,
            // Blocks that were sent are good; the rest is missing without a word, except where
            // nothing was sent yet.
            Err(_) if first => Message::Error {
                code: ErrorCode::Internal,
            },
            Ok(None) | Err(_) => break,
        };
        first = false;
        if frames.send(frame).await.is_err() {
            return;
        }
    }
    drop(place);
    drop(frames);
}

fn respond(to: Token, answer: Answer) -> Effect {
    Effect::Respond {
        lane: Lane::Sync,
        to,
        answer,
    }
}

async fn send(effects: mpsc::Sender<Effect>, effect: Effect) {
    // Without an event loop there is nobody to tell.
    let _ = effects.send(effect).await;
}

fn lock(governor: &Mutex<Governor>) -> MutexGuard<'_, Governor> {
    governor.lock().unwrap_or_else(PoisonError::into_inner)
}
