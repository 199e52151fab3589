//! Blobs: announced, sampled, served.

use bytes::Bytes;
use libp2p::PeerId;

use super::{GossipTask, data::Asked};
use crate::{
    chain::{BlobCommitment, StoreError},
    event::NodeEvent,
    gossip::{
        Verdict,
        blobs::{Output, RequestId, SampleAnswer, serve},
        stats::Layer,
    },
    network::exchange::{Failure, Lane, Token},
    node::effect::Effect,
    registry::Topic,
    wire::{Credits, DaGet, Message},
};

impl GossipTask {
    pub(super) fn blob_announced(&mut self, from: PeerId, payload: &Bytes) -> Verdict {
        let now = self.now();
        match self.blobs.read(payload) {
            Ok(blob) => {
                self.enter(Layer::Topic);
                self.blobs.announced_read(now, from, blob)
            }
            Err(verdict) => verdict,
        }
    }

    /// A blob of this side is in the store: it is announced.
    pub(super) fn announce_blob(&mut self, blob: BlobCommitment) {
        let now = self.now();
        self.blobs.hold(now, blob);
        self.publish(Topic::Blobs, blob.encode().into());
    }

    pub(super) fn sampled(
        &mut self,
        peer: PeerId,
        id: RequestId,
        result: Result<Message, Failure>,
    ) {
        let answer = match result {
            Ok(Message::DaProof(proof)) => SampleAnswer::Proof(proof),
            Ok(Message::NotFound(_)) => SampleAnswer::Missing,
            _ => SampleAnswer::Failed,
        };
        let now = self.now();
        self.blobs.answered(now, id, &peer, answer);
    }

    pub(super) fn blob_outputs(&mut self) {
        let now = self.now();
        for output in self.blobs.poll(now) {
            match output {
                Output::Request { id, peer, request } => {
                    self.ask(Asked::Samples { peer, id }, Message::DaGet(request));
                }
                Output::Available(blob) => self.blob_judged(&blob, true),
                Output::Withheld(blob) => self.blob_judged(&blob, false),
                Output::Penalise {
                    peer,
                    offence,
                    detail,
                } => self.penalise(peer, offence, detail),
            }
        }
    }

    fn blob_judged(&mut self, blob: &BlobCommitment, available: bool) {
        self.outbox.push(Effect::Emit(NodeEvent::BlobJudged {
            root: blob.root,
            available,
        }));
    }

    /// Answers a request for samples from the blocking pool.
    pub(super) fn serve_samples(&self, token: Token, request: DaGet) {
        let (store, effects) = (self.parts.blobs.clone(), self.outbox.sender());
        tokio::task::spawn_blocking(move || {
            let message = serve(&*store, &request, Credits::INITIAL);
            // The loop is gone when the node stops; then nobody waits for the answer.
            let _ = effects.blocking_send(Effect::Respond {
                lane: Lane::Data,
                to: token,
                answer: message.into(),
            });
        });
    }
}

/// Why a blob was not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlobPublishError {
    /// It is no blob.
    #[error(transparent)]
    Form(#[from] crate::chain::BlobError),
    /// The store does not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is larger than everything the store may hold.
    #[error("the blob is larger than the store of blobs may be")]
    TooLarge,
    /// The node is shutting down or gone.
    #[error("the node is not running any more")]
    Stopped,
}
