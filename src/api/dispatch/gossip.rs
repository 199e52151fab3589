//! What is published, and what gossip made of what came.

use std::{path::Path, time::Instant};

use bytes::Bytes;
use serde_json::Value;

use super::{Dispatcher, blocking, value};
use crate::{
    api::{
        archive::file_failed,
        code::{ErrorCode, Failure},
        control::Progress,
        publish::{
            AppReport, AppRequest, BlobReport, BlobRequest, MAX_MADE_UP, PoolReport, ShareReport,
            TxsReport, TxsRequest, read_at_most, unhex,
        },
        talk::GossipStats,
    },
    chain::{
        miner::{MIN_TX_BYTES, made_up_tx},
        nmt::Namespace,
        object_id,
    },
    pool::PoolError,
    registry::{MAX_BLOB_BYTES, MAX_TX_BYTES},
};

/// Transactions between two progress steps.
const TXS_STEP: u64 = 256;

impl Dispatcher {
    pub(super) async fn publish_txs(
        &self,
        request: TxsRequest,
        progress: &Progress,
    ) -> Result<Value, Failure> {
        let bad = |message: String| Err(Failure::new(ErrorCode::Rejected, message));
        if !(1..=MAX_MADE_UP).contains(&request.count) {
            return bad(format!("1 to {MAX_MADE_UP} transactions at a time"));
        }
        if !(MIN_TX_BYTES..=MAX_TX_BYTES).contains(&request.bytes) {
            return bad(format!(
                "a made-up transaction has {MIN_TX_BYTES} to {MAX_TX_BYTES} bytes"
            ));
        }
        let mut report = self.no_txs();
        let started = Instant::now();
        for index in 0..request.count {
            let tx = made_up_tx(request.seed, index, request.bytes);
            if let Err(e) = self.publish_one(tx, &mut report).await {
                let mut failure = Failure::from(e);
                let done = format!("published {} of {}", report.taken, request.count);
                failure.message = format!("{done}, then: {}", failure.message);
                return Err(failure);
            }
            if (index + 1) % TXS_STEP == 0 && !progress.step(index + 1, Some(request.count)) {
                return Err(Failure::new(ErrorCode::Failed, "publishing was stopped"));
            }
        }
        report.pool = self.handle.mempool();
        report.seconds = started.elapsed().as_secs_f64();
        value(&report)
    }

    pub(super) async fn publish_tx(&self, tx: &str) -> Result<Value, Failure> {
        let (mut report, started) = (self.no_txs(), Instant::now());
        let tx = unhex("the transaction", tx)?.into();
        self.publish_one(tx, &mut report).await?;
        report.pool = self.handle.mempool();
        report.seconds = started.elapsed().as_secs_f64();
        value(&report)
    }

    fn no_txs(&self) -> TxsReport {
        TxsReport {
            taken: 0,
            known: 0,
            ids: Vec::new(),
            pool: self.handle.mempool(),
            seconds: 0.0,
        }
    }

    async fn publish_one(&self, tx: Bytes, report: &mut TxsReport) -> Result<(), PoolError> {
        let id = object_id(&tx);
        match self.handle.publish_tx(tx).await {
            Ok(_) => report.taken += 1,
            Err(PoolError::Known) => report.known += 1,
            Err(e) => return Err(e),
        }
        report.ids.push(id);
        Ok(())
    }

    pub(super) async fn publish_share(&self, share: &str) -> Result<Value, Failure> {
        let share = unhex("the share", share)?;
        let id = self.handle.publish_share(share).await?;
        value(&ShareReport { id })
    }

    pub(super) async fn publish_blob(&self, request: BlobRequest) -> Result<Value, Failure> {
        let BlobRequest { namespace, path } = request;
        let data = blocking(move || blob_file(&path)).await?;
        let blob = self.handle.publish_blob(Namespace(namespace), data).await?;
        value(&BlobReport {
            root: blob.root,
            namespace,
            size: blob.size,
            leaves: blob.leaves(),
        })
    }

    pub(super) async fn publish_app(&self, request: AppRequest) -> Result<Value, Failure> {
        let payload = unhex("the payload", &request.payload)?;
        let (bytes, topic) = (payload.len(), &request.topic);
        let ttl = match request.ttl_ms {
            Some(ttl_ms) => std::time::Duration::from_millis(ttl_ms),
            None => self.handle.message_ttl(),
        };
        let id = if request.unsigned {
            self.handle.broadcast_unsigned(topic, payload, ttl).await?
        } else {
            self.handle.broadcast(topic, payload, ttl).await?
        };
        value(&AppReport {
            id,
            signed: !request.unsigned,
            bytes,
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
            topic: request.topic,
        })
    }

    pub(super) fn mempool(&self, ids: bool) -> Result<Value, Failure> {
        value(&PoolReport {
            pool: self.handle.mempool(),
            ids: ids.then(|| self.handle.mempool_ids()),
        })
    }

    pub(super) fn gossip_stats(&self) -> Result<Value, Failure> {
        value(&GossipStats {
            gossip: self.handle.gossip(),
            direct: self.handle.direct().stats().into(),
        })
    }
}

/// The data of a blob, not a byte more than one may have and one to notice.
fn blob_file(path: &Path) -> Result<Vec<u8>, Failure> {
    read_at_most(path, MAX_BLOB_BYTES).map_err(|e| file_failed(path, &e))
}
