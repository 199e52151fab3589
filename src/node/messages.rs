//! Handlers of direct messages as closures, each run by a task of its own.

use std::future::Future;

use tokio_util::sync::CancellationToken;

use crate::network::direct::{Inbound, Messages};

/// A closure that receives messages. Dropping it ends the registration; a message it is busy with
/// is finished.
#[derive(Debug)]
#[must_use = "the handler is removed when its registration is dropped"]
pub struct Registration(Option<CancellationToken>);

impl Registration {
    /// Leaves the handler in place until the node stops.
    pub fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(registered) = &self.0 {
            registered.cancel();
        }
    }
}

/// Runs `handler` on one message after the other until the registration or the node ends.
pub(super) fn run<H, F>(
    mut messages: Messages,
    mut handler: H,
    node: CancellationToken,
) -> Registration
where
    H: FnMut(Inbound) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let registered = CancellationToken::new();
    let ended = registered.clone();
    tokio::spawn(async move {
        loop {
            let inbound = tokio::select! {
                () = ended.cancelled() => break,
                () = node.cancelled() => break,
                inbound = messages.recv() => inbound,
            };
            match inbound {
                Some(inbound) => handler(inbound).await,
                None => break,
            }
        }
    });
    Registration(Some(registered))
}
