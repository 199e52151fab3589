//! What goes out to everybody and what comes in from them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::sync::broadcast;

use super::{Command, Handle, Stopped};
use crate::{
    chain::{Blob, BlobCommitment, BlobStore, blob::Put, nmt::Namespace},
    gossip::{
        Ignored,
        app::{ContentCheck, Delivery},
    },
    ids::Hash32,
    node::{
        gossip_task::{BlobPublishError, GossipRequest, PublishError},
        sync_task::PoolTx,
        topology,
    },
    pool::PoolError,
    registry::Topic,
    report::{GossipReport, MempoolReport, MeshReport, TopologyReport},
};

impl Handle {
    /// Signs a message about `topic` with this node's identity and publishes it to the network,
    /// where it may travel for `ttl`. Returns its id.
    ///
    /// It reaches peers that are connected now through the mesh, and others by reconciliation for as
    /// long as it lives. It is not delivered to this node.
    ///
    /// Callers wait while more is said than a peer takes from this node (`Limits::gossip`, by
    /// default 1 000 messages and 4 MiB a second, four times that at once), and while the node has
    /// not got round to what was said before. What a peer's queue has no room for is counted as
    /// dropped ([`NodeEvent::SlowPeer`](crate::event::NodeEvent::SlowPeer)) and may still come by
    /// reconciliation.
    ///
    /// # Errors
    /// The topic has no or more than 64 bytes, the payload more than 64 KiB, the life more than a
    /// day; the key cannot sign; or too many messages of this node live.
    pub async fn broadcast(
        &self,
        topic: &str,
        payload: impl Into<Bytes>,
        ttl: Duration,
    ) -> Result<Hash32, PublishError> {
        let gossip = &self.shared.gossip;
        gossip
            .broadcast(topic.to_owned(), payload.into(), ttl, true)
            .await
    }

    /// As [`Handle::broadcast`], without a sender: for content that proves itself. Give its readers
    /// a check with [`Handle::check_content`].
    ///
    /// # Errors
    /// As for [`Handle::broadcast`], or the content check refuses it.
    pub async fn broadcast_unsigned(
        &self,
        topic: &str,
        payload: impl Into<Bytes>,
        ttl: Duration,
    ) -> Result<Hash32, PublishError> {
        let gossip = &self.shared.gossip;
        gossip
            .broadcast(topic.to_owned(), payload.into(), ttl, false)
            .await
    }

    /// How long a message is to live if nobody says otherwise, as configured.
    #[must_use]
    pub fn message_ttl(&self) -> Duration {
        self.shared.message_ttl
    }

    /// Judges a share as a peer's would be and publishes it. Returns its id.
    ///
    /// # Errors
    /// Why nobody would take it.
    pub async fn publish_share(&self, share: impl Into<Bytes>) -> Result<Hash32, PublishError> {
        self.shared.gossip.share(share.into()).await
    }

    /// Stores a blob durably, at most 2 MiB, and announces it. Returns what is announced: root,
    /// namespace and size, by which anyone can have it sampled.
    ///
    /// # Errors
    /// It is no blob, or the store does not take it.
    pub async fn publish_blob(
        &self,
        namespace: Namespace,
        data: impl Into<Bytes>,
    ) -> Result<BlobCommitment, BlobPublishError> {
        let blob = Blob::new(namespace, data.into())?;
        let (commitment, store) = (*blob.commitment(), Arc::clone(&self.shared.blobs));
        let put = tokio::task::spawn_blocking(move || store.put(&blob));
        match put.await.map_err(|_| BlobPublishError::Stopped)?? {
            Put::Stored | Put::Known => {}
            Put::TooLarge => return Err(BlobPublishError::TooLarge),
        }
        let request = GossipRequest::Blob { blob: commitment };
        let told = self.shared.gossip.send(request).await;
        told.map_err(|_| BlobPublishError::Stopped)?;
        Ok(commitment)
    }

    /// The blobs of this node.
    #[must_use]
    pub fn blobs(&self) -> &Arc<dyn BlobStore> {
        &self.shared.blobs
    }

    /// Messages of all topics from now on. A receiver that falls more than
    /// [`DELIVERY_BACKLOG`](crate::node::DELIVERY_BACKLOG) messages behind loses the oldest and is
    /// told how many (`RecvError::Lagged`); the network is not held up.
    #[must_use]
    pub fn deliveries(&self) -> broadcast::Receiver<Delivery> {
        self.shared.gossip.subscribe()
    }

    /// Messages about `topic` that arrived lately and still live, oldest first, for who came late.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn recent(&self, topic: &str) -> Result<Vec<Delivery>, PublishError> {
        self.shared.gossip.recent(Some(topic.to_owned())).await
    }

    /// As [`Handle::recent`], about every topic.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn recent_all(&self) -> Result<Vec<Delivery>, PublishError> {
        self.shared.gossip.recent(None).await
    }

    /// Lets `check` judge every message about `topic` before it is delivered or passed on.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn check_content(
        &self,
        topic: &str,
        check: Arc<dyn ContentCheck>,
    ) -> Result<(), PublishError> {
        let topic = topic.to_owned();
        let request = GossipRequest::Check { topic, check };
        self.shared.gossip.send(request).await
    }

    /// Gives a transaction to the pool, where it waits for a block, and to the network. Returns its
    /// id.
    ///
    /// # Errors
    /// It is no transaction, is not admitted, or the pool is full.
    pub fn submit(&self, tx: &[u8]) -> Result<Hash32, PoolError> {
        let shared = &self.shared;
        let id = shared.waiting.submit(tx, std::time::Instant::now())?;
        shared.gossip.spread(id, Bytes::copy_from_slice(tx));
        Ok(id)
    }

    /// As [`Handle::submit`], and waits until the transaction is on its way. `submit` never waits,
    /// so of a burst it leaves what does not fit the queue to reconciliation.
    ///
    /// # Errors
    /// It is no transaction, is not admitted, or the pool is full.
    pub async fn publish_tx(&self, tx: Bytes) -> Result<Hash32, PoolError> {
        let shared = &self.shared;
        let id = shared.waiting.submit(&tx, std::time::Instant::now())?;
        // A node that stops spreads nothing.
        let _ = shared.gossip.send(GossipRequest::Tx { id, tx }).await;
        Ok(id)
    }

    /// Ids of what waits for a block, in the order in which it is served.
    #[must_use]
    pub fn mempool_ids(&self) -> Vec<Hash32> {
        self.shared.waiting.ids()
    }

    /// What waits for a block.
    #[must_use]
    pub fn mempool(&self) -> MempoolReport {
        let waiting = &self.shared.waiting;
        MempoolReport {
            transactions: waiting.len(),
            bytes: waiting.bytes(),
        }
    }

    /// A transaction that waits for a block.
    #[must_use]
    pub fn transaction(&self, id: &Hash32) -> Option<Bytes> {
        let mut found = self.shared.waiting.get_many(std::slice::from_ref(id));
        found.pop().flatten()
    }

    /// Transactions that are taken into the pool from now on, whoever they come from; those that a
    /// reorganisation gives back are not told again. A receiver that falls more than
    /// [`TX_BACKLOG`](crate::node::TX_BACKLOG) behind loses the oldest and is told how many
    /// (`RecvError::Lagged`). They have a channel of their own: a flood of transactions hides no
    /// [`NodeEvent`](crate::event::NodeEvent).
    #[must_use]
    pub fn transactions(&self) -> broadcast::Receiver<PoolTx> {
        self.shared.waiting.subscribe()
    }

    /// What arrived by gossip and what became of it, as of a quarter of a second ago at most.
    #[must_use]
    pub fn gossip(&self) -> GossipReport {
        let mut report = self.shared.gossip_report.borrow().clone();
        for (topic, row) in Topic::ALL.iter().zip(&mut report.topics) {
            let copied = self.shared.copies.of(*topic);
            row.copies = copied.messages;
            row.copy_bytes = copied.bytes;
            row.duplicates = copied.duplicates;
            if copied.unqueued > 0 {
                // The loop gave them their verdict, since the task has not seen them.
                row.received += copied.unqueued;
                let full = Ignored::Full.label().to_owned();
                *row.ignored.entry(full).or_default() += copied.unqueued;
            }
        }
        report
    }

    /// Who is in the mesh of each topic.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn meshes(&self) -> Result<Vec<MeshReport>, Stopped> {
        self.ask(|reply| Command::Meshes { reply }).await
    }

    /// Who is connected to whom, as far as nodes told lately. Empty unless this node shares its own
    /// neighbours ([`Builder::share_topology`](crate::node::Builder::share_topology)).
    #[must_use]
    pub fn topology(&self) -> TopologyReport {
        let topology = self.shared.topology.as_ref();
        topology.map(topology::Shared::report).unwrap_or_default()
    }

    /// Has a new head of this side announced.
    pub(super) async fn tell_head(&self, hash: Hash32) {
        // A node that stops announces nothing.
        let _ = self.shared.gossip.send(GossipRequest::Head { hash }).await;
    }
}
