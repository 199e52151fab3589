//! Answers to peers that sample.

use crate::{
    chain::BlobStore,
    registry::MAX_SAMPLES,
    wire::{Credits, DaGet, DaProof, ErrorCode, Message, NotFound},
};

/// The answer to `request` from `store`: the leaves with their proofs, `NOTFOUND` if exactly this blob
/// is not here, `ERROR` if it cannot be read. Reads one blob at most, and answers with at most 64
/// leaves.
pub fn serve(store: &dyn BlobStore, request: &DaGet, credits: Credits) -> Message {
    let most = request.indexes.len().min(MAX_SAMPLES);
    match store.samples(&request.blob, &request.indexes[..most]) {
        Ok(Some(samples)) if !samples.is_empty() => Message::DaProof(DaProof { samples }),
        Ok(_) => Message::NotFound(NotFound {
            hashes: vec![request.blob.root],
            credits,
        }),
        Err(_) => Message::Error {
            code: ErrorCode::Internal,
        },
    }
}
