//! What handles ask of gossip.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::GossipTask;
use crate::{
    bucket::Rate,
    chain::BlobCommitment,
    gossip::{
        app::{ComposeError, ContentCheck, Delivery},
        buckets::{Allowance, Limits},
        direct::{Pace, Rates},
    },
    ids::Hash32,
};

/// Requests of handles that may wait; their callers wait with them.
const REQUEST_QUEUE: usize = 256;

/// What an envelope adds to its payload, roughly: key, signatures, body. Peers charge for it.
const ENVELOPE: usize = 6 * 1024;

/// Why a message was not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// No node would take it.
    #[error(transparent)]
    Message(#[from] ComposeError),
    /// It is no share that counts now.
    #[error("the share is not taken: {0}")]
    Share(String),
    /// The node is shutting down or gone.
    #[error("the node is not running any more")]
    Stopped,
}

/// A request of a handle.
pub(crate) enum GossipRequest {
    /// Sign and publish a message.
    Broadcast {
        topic: String,
        payload: Bytes,
        ttl: Duration,
        signed: bool,
        reply: oneshot::Sender<Result<Hash32, PublishError>>,
    },
    /// Judge messages about a topic.
    Check {
        topic: String,
        check: Arc<dyn ContentCheck>,
    },
    /// A transaction was put into the pool.
    Tx { id: Hash32, tx: Bytes },
    /// A block of this side is the head now.
    Head { hash: Hash32 },
    /// Judge and publish a share.
    Share {
        bytes: Bytes,
        reply: oneshot::Sender<Result<Hash32, String>>,
    },
    /// A blob was stored.
    Blob { blob: BlobCommitment },
    /// Recent messages, about a topic or all.
    Recent {
        topic: Option<String>,
        reply: oneshot::Sender<Vec<Delivery>>,
    },
}

/// The end that handles hold.
#[derive(Clone)]
pub(crate) struct Gossip {
    requests: mpsc::Sender<GossipRequest>,
    deliveries: broadcast::Sender<Delivery>,
    /// What this node may say, signed and unsigned.
    paces: Arc<[Mutex<Pace>; 2]>,
}

impl Gossip {
    pub(crate) async fn broadcast(
        &self,
        topic: String,
        payload: Bytes,
        ttl: Duration,
        signed: bool,
    ) -> Result<Hash32, PublishError> {
        let bytes = payload.len() + if signed { ENVELOPE } else { 0 };
        self.pace(signed, bytes).await;
        let (reply, answer) = oneshot::channel();
        self.send(GossipRequest::Broadcast {
            topic,
            payload,
            ttl,
            signed,
            reply,
        })
        .await?;
        answer.await.map_err(|_| PublishError::Stopped)?
    }

    /// Waits until peers would take a message of `bytes` from us: they ignore what is over the
    /// buckets, so what went out faster would be lost.
    async fn pace(&self, signed: bool, bytes: usize) {
        loop {
            let wait = self.paces[usize::from(signed)]
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pay(bytes, Instant::now());
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return,
            }
        }
    }

    pub(crate) async fn share(&self, bytes: Bytes) -> Result<Hash32, PublishError> {
        let (reply, answer) = oneshot::channel();
        self.send(GossipRequest::Share { bytes, reply }).await?;
        let result = answer.await.map_err(|_| PublishError::Stopped)?;
        result.map_err(PublishError::Share)
    }

    pub(crate) async fn recent(
        &self,
        topic: Option<String>,
    ) -> Result<Vec<Delivery>, PublishError> {
        let (reply, answer) = oneshot::channel();
        self.send(GossipRequest::Recent { topic, reply }).await?;
        answer.await.map_err(|_| PublishError::Stopped)
    }

    pub(crate) async fn send(&self, request: GossipRequest) -> Result<(), PublishError> {
        let sent = self.requests.send(request).await;
        sent.map_err(|_| PublishError::Stopped)
    }

    /// Tells the task about a transaction without waiting. When the queue is full, reconciliation
    /// spreads it later.
    pub(crate) fn spread(&self, id: Hash32, tx: Bytes) {
        let _ = self.requests.try_send(GossipRequest::Tx { id, tx });
    }

    /// The queue, for its depth.
    pub(crate) fn requests(&self) -> &mpsc::Sender<GossipRequest> {
        &self.requests
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Delivery> {
        self.deliveries.subscribe()
    }
}

pub(super) fn channel(
    deliveries: broadcast::Sender<Delivery>,
    limits: &Limits,
) -> (Gossip, mpsc::Receiver<GossipRequest>) {
    let (requests, rx) = mpsc::channel(REQUEST_QUEUE);
    let paces = [limits.app_unsigned, limits.app].map(|of| Mutex::new(pace(&of)));
    (
        Gossip {
            requests,
            deliveries,
            paces: Arc::new(paces),
        },
        rx,
    )
}

/// What one peer takes from another, as far as ours have the same limits.
fn pace(allowance: &Allowance) -> Pace {
    let part = |rate: Rate, of: u32| Rate {
        per_second: (rate.per_second / of.max(1)).max(1),
        burst: (rate.burst / of.max(1)).max(1),
    };
    Pace::new(Rates {
        messages: part(allowance.messages, allowance.weight),
        kib: part(allowance.bytes, 1024),
    })
}

impl GossipTask {
    pub(super) fn request(&mut self, request: GossipRequest) {
        match request {
            GossipRequest::Broadcast {
                topic,
                payload,
                ttl,
                signed,
                reply,
            } => {
                let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
                let result = if signed {
                    self.broadcast(&topic, &payload, ttl_ms)
                } else {
                    self.broadcast_unsigned(&topic, &payload, ttl_ms)
                };
                // Whoever asked may have gone away.
                let _ = reply.send(result);
            }
            GossipRequest::Check { topic, check } => self.set_check(&topic, check),
            GossipRequest::Tx { id, tx } => self.spread_tx(id, tx),
            GossipRequest::Head { hash } => self.announce_own(hash),
            GossipRequest::Share { bytes, reply } => {
                let result = self.publish_share(bytes);
                let _ = reply.send(result);
            }
            GossipRequest::Blob { blob } => self.announce_blob(blob),
            GossipRequest::Recent { topic, reply } => {
                let now = self.now();
                let recent = match topic {
                    Some(topic) => self.app.recent_about(&topic, now).collect(),
                    None => self.app.recent_all(now).collect(),
                };
                let _ = reply.send(recent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn callers_wait_when_more_is_said_than_a_peer_takes() {
        let rate = |per_second, burst| Rate { per_second, burst };
        let mut limits = Limits::default();
        limits.app.bytes = rate(1024, 64 * 1024);
        let (gossip, _requests) = channel(broadcast::channel(1).0, &limits);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let _inside = runtime.enter();
        assert!(gossip.pace(true, 64 * 1024).now_or_never().is_some());
        assert!(gossip.pace(true, 64 * 1024).now_or_never().is_none());
        // The topics have buckets of their own.
        assert!(gossip.pace(false, 64 * 1024).now_or_never().is_some());
    }
}
