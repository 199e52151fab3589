//! What a node without an application does with direct messages: it logs them. Kind `text` with its
//! content, kind `file` with its length and hash; the content of a file goes nowhere.

use std::sync::Arc;

use libp2p::PeerId;

use crate::{
    api::code::{ErrorCode, Failure},
    crypto::hash::Hasher,
    network::direct::{Body, Chunks, Inbound},
    node::Handle,
    telemetry::escaped,
};

/// Messages of a kind that may wait to be logged.
const CAPACITY: usize = 64;

/// Lets the node receive both kinds until it stops.
pub(super) fn register(handle: &Handle) -> Result<(), Failure> {
    for kind in ["text", "file"] {
        let registered = handle.on_message(kind, CAPACITY, log);
        let registered = registered.map_err(|e| {
            let message = format!("cannot receive messages of kind {kind}: {e}");
            Failure::new(ErrorCode::Failed, message)
        })?;
        registered.keep();
    }
    Ok(())
}

async fn log(inbound: Inbound) {
    let Inbound {
        peer, kind, body, ..
    } = inbound;
    match body {
        Body::Whole(payload) => {
            let (bytes, text) = (payload.len(), String::from_utf8_lossy(&payload));
            tracing::info!(%peer, %kind, bytes, text = escaped(&text), "message received");
        }
        Body::Stream(chunks) => stream(peer, kind, chunks).await,
    }
}

async fn stream(peer: PeerId, kind: Arc<str>, mut chunks: Chunks) {
    let (bytes, mut hasher) = (chunks.len(), Hasher::new());
    while let Some(chunk) = chunks.next().await {
        match chunk {
            Ok(chunk) => hasher.update(&chunk),
            Err(error) => {
                tracing::info!(%peer, %kind, bytes, %error, "stream not received");
                return;
            }
        }
    }
    let hash = hasher.finish();
    tracing::info!(%peer, %kind, bytes, %hash, "stream received");
}
