//! The distributed hash table, as a library sees it.

use std::time::Duration;

use bytes::Bytes;

use super::{Handle, Stopped};
use crate::{
    node::peering::{DhtError, DhtKey, PeeringRequest},
    report::{DhtPutReport, DhtStatsReport, DhtValueReport},
};

impl Handle {
    /// Signs `value` under `key` (1 to 64 bytes) with this node's identity and stores it on the
    /// nodes nearest to it, where it lives for `ttl`. A later call with the same key replaces it.
    /// When this returns the record is durable here and confirmed by at least one other node.
    ///
    /// # Errors
    /// The key, value or life is too long, or no other node takes it; see [`DhtError`].
    pub async fn dht_put(
        &self,
        key: impl Into<Vec<u8>>,
        value: impl Into<Bytes>,
        ttl: Duration,
    ) -> Result<DhtPutReport, DhtError> {
        self.dht_write(Some(key.into()), Some(value.into()), ttl)
            .await
    }

    /// Stores `value` under its own hash, so that whoever has the hash can check it.
    ///
    /// # Errors
    /// As for [`Handle::dht_put`].
    pub async fn dht_put_content(
        &self,
        value: impl Into<Bytes>,
        ttl: Duration,
    ) -> Result<DhtPutReport, DhtError> {
        self.dht_write(None, Some(value.into()), ttl).await
    }

    /// Deletes what this node wrote under `key`: a signed tombstone replaces it, and lives for
    /// `ttl` so that older copies cannot come back.
    ///
    /// # Errors
    /// As for [`Handle::dht_put`].
    pub async fn dht_delete(
        &self,
        key: impl Into<Vec<u8>>,
        ttl: Duration,
    ) -> Result<DhtPutReport, DhtError> {
        self.dht_write(Some(key.into()), None, ttl).await
    }

    /// The latest valid value that a quorum of the nodes nearest to `key` has.
    ///
    /// # Errors
    /// Nobody has one, or nobody answers.
    pub async fn dht_get(&self, key: DhtKey) -> Result<DhtValueReport, DhtError> {
        let ask = |reply| PeeringRequest::DhtGet { key, reply };
        self.shared.peering.ask(ask).await?
    }

    /// What this node stores for the table, and how it takes part.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn dht_stats(&self) -> Result<DhtStatsReport, Stopped> {
        let ask = |reply| PeeringRequest::DhtStats { reply };
        self.shared.peering.ask(ask).await
    }

    async fn dht_write(
        &self,
        key: Option<Vec<u8>>,
        value: Option<Bytes>,
        ttl: Duration,
    ) -> Result<DhtPutReport, DhtError> {
        let ask = |reply| PeeringRequest::DhtPut {
            key,
            value,
            ttl,
            reply,
        };
        self.shared.peering.ask(ask).await?
    }
}
