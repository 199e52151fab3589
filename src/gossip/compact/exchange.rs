//! One announcer and one receiver in memory: what a compact block costs, without a network.

use super::{Announce, ExtraPool, Known, Rebuild, Rebuilt, build, serve};
use crate::{
    chain::{Block, Params},
    wire::Message,
};

/// Announces `block` with `salt` and `prefill` (see [`build`]) to a receiver that has `known`, and
/// answers its request. Every message is encoded and decoded as it would travel, so the
/// [`Stats`](super::Stats) of what was rebuilt are those of a real exchange.
///
/// `None` where the receiver would fetch the block whole, or where `block` is over the limits of
/// `params`.
#[must_use]
pub fn exchange(
    block: &Block,
    params: &Params,
    salt: u64,
    prefill: impl IntoIterator<Item = u32>,
    known: &dyn Known,
) -> Option<Rebuilt> {
    let payload = build(block, salt, prefill).encode();
    let announce = Announce::decode(&payload, params).ok()?;
    let missing = match Rebuild::start(announce.into(), payload.len(), known, &ExtraPool::new(0)) {
        Rebuild::Complete(rebuilt) => return Some(rebuilt),
        Rebuild::Missing(missing) => missing,
        Rebuild::Full(_) => return None,
    };
    let request = Message::GetTx(missing.request().clone());
    let Ok(Message::GetTx(request)) = Message::decode(request.id(), request.encode().into()) else {
        return None;
    };
    let answer = Message::Tx(serve(block, &request).ok()?);
    let payload = answer.encode();
    let bytes = payload.len();
    let Ok(Message::Tx(answer)) = Message::decode(answer.id(), payload.into()) else {
        return None;
    };
    match missing.fill(answer.txs, bytes).ok()? {
        Rebuild::Complete(rebuilt) => Some(rebuilt),
        Rebuild::Missing(_) | Rebuild::Full(_) => None,
    }
}
