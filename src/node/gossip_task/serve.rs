//! Answers to requests of peers on the data protocol.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use libp2p::PeerId;
use tokio::sync::mpsc;

use super::{GossipTask, reconcile::OwnSets};
use crate::{
    chain::{Block, ChainStore},
    gossip::{compact, inventory, reconcile::Reply},
    ids::Hash32,
    network::exchange::{Answer, Lane, Token},
    node::effect::Effect,
    wire::{Busy, Credits, ErrorCode, GetData, ItemKind, Message, TxNotFound},
};

/// What a peer over its rate is told to wait.
const RETRY_AFTER: Duration = Duration::from_millis(500);

impl GossipTask {
    pub(super) fn serve(&mut self, peer: PeerId, message: Message, token: Token) {
        let now = self.now();
        self.recon.heard(&peer, now);
        let allowed = self
            .peers
            .get_mut(&peer)
            .is_some_and(|peer| peer.requests.spend(now.mono, 0));
        if !allowed {
            return self.respond(token, busy(RETRY_AFTER).into());
        }
        match message {
            Message::Inv(inv) => {
                self.heard_of(peer, &inv.items);
                // The receipt is written by the exchange.
                self.respond(token, Answer::Stream(stream::empty().boxed()));
            }
            Message::GetData(request) => {
                let found = self.find(&request);
                let frames = inventory::serve(&request, &found);
                self.respond(token, Answer::Stream(stream::iter(frames).boxed()));
            }
            Message::GetSketch(request) => {
                let sets = OwnSets {
                    waiting: &self.parts.waiting,
                    app_ids: &self.app_ids,
                };
                let reply = self.recon_server.answer(peer, &request, &sets, now);
                self.respond(
                    token,
                    match reply {
                        Reply::Sketch(sketch) => Message::Sketch(sketch),
                        Reply::Busy { retry_after } => busy(retry_after),
                        Reply::Unsupported => Message::Error {
                            code: ErrorCode::Unsupported,
                        },
                    }
                    .into(),
                );
            }
            Message::GetTx(request) => {
                let hash = request.block;
                self.with_block(peer, hash, token, move |block| {
                    match compact::serve(block, &request) {
                        Ok(txs) => Message::Tx(txs),
                        Err(_) => Message::Error {
                            code: ErrorCode::BadRequest,
                        },
                    }
                });
            }
            Message::GetCompact(request) => {
                self.salt = self.salt.wrapping_add(1);
                let salt = self.salt;
                self.with_block(peer, request.block, token, move |block| {
                    let announce = compact::build(block, salt, std::iter::empty());
                    Message::BlockAnnounce(announce.encode())
                });
            }
            Message::DaGet(request) => self.serve_samples(token, request),
            other => {
                tracing::debug!(%peer, message = other.id().name(), "cannot serve");
                self.respond(
                    token,
                    Message::Error {
                        code: ErrorCode::Unsupported,
                    }
                    .into(),
                );
            }
        }
    }

    fn find(&self, request: &GetData) -> Vec<Option<Bytes>> {
        match request.kind {
            ItemKind::Tx => self.parts.waiting.get_many(&request.ids),
            ItemKind::Message => self.recent_messages(&request.ids),
            ItemKind::Share => request.ids.iter().map(|id| self.shares.get(id)).collect(),
            ItemKind::Block | ItemKind::Blob => vec![None; request.ids.len()],
        }
    }

    /// Reads a block on the blocking pool and answers with what `make` makes of it.
    fn with_block(
        &self,
        peer: PeerId,
        hash: Hash32,
        token: Token,
        make: impl FnOnce(&Block) -> Message + Send + 'static,
    ) {
        let (store, effects) = (self.parts.store.clone(), self.outbox.sender());
        tokio::task::spawn_blocking(move || {
            let message = match block(&*store, &hash) {
                Some(block) => make(&block),
                None => Message::TxNotFound(TxNotFound { block: hash }),
            };
            tracing::trace!(%peer, %hash, message = message.id().name(), "served a block's parts");
            answer(&effects, token, message);
        });
    }

    fn respond(&mut self, to: Token, answer: Answer) {
        self.outbox.push(Effect::Respond {
            lane: Lane::Data,
            to,
            answer,
        });
    }
}

fn block(store: &dyn ChainStore, hash: &Hash32) -> Option<Block> {
    let bytes = store.body(hash).ok().flatten()?;
    Block::decode(bytes).ok()
}

fn answer(effects: &mpsc::Sender<Effect>, to: Token, message: Message) {
    // The loop is gone when the node stops; then nobody waits for the answer.
    let _ = effects.blocking_send(Effect::Respond {
        lane: Lane::Data,
        to,
        answer: message.into(),
    });
}

fn busy(retry_after: Duration) -> Message {
    Message::Busy(Busy {
        retry_after_ms: u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX),
        credits: Credits::INITIAL,
    })
}
