//! The channel as a plain libp2p security upgrade.

use std::{future::Future, iter, pin::Pin};

use futures::{AsyncRead, AsyncWrite};
use libp2p::{
    PeerId,
    core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo},
};

use super::{Config, HandshakeError, Session, Source, initiate, respond};
use crate::registry::CHANNEL_PROTOCOL;

/// The channel for `Transport::upgrade(..).authenticate(..)`.
///
/// It knows neither whom it dialled nor who called, so the initiator shows its identity to whoever
/// answers and only the shared budgets hold. A transport of this product calls [`initiate`] and
/// [`respond`] itself. Under this upgrade the responder must write first for a dial to count.
#[derive(Clone, Debug)]
pub struct Upgrade {
    config: Config,
}

impl Upgrade {
    /// The upgrade of a node.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config }
    }
}

impl UpgradeInfo for Upgrade {
    type Info = &'static str;
    type InfoIter = iter::Once<Self::Info>;

    fn protocol_info(&self) -> Self::InfoIter {
        iter::once(CHANNEL_PROTOCOL)
    }
}

type Upgrading<C> =
    Pin<Box<dyn Future<Output = Result<(PeerId, Session<C>), HandshakeError>> + Send>>;

impl<C> InboundConnectionUpgrade<C> for Upgrade
where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Output = (PeerId, Session<C>);
    type Error = HandshakeError;
    type Future = Upgrading<C>;

    fn upgrade_inbound(self, io: C, protocol: Self::Info) -> Self::Future {
        Box::pin(async move {
            let now = self.config.clock.now().mono;
            let admission = self.config.budgets.admit(&Source::Unknown, now)?;
            respond(&self.config, io, protocol, admission).await
        })
    }
}

impl<C> OutboundConnectionUpgrade<C> for Upgrade
where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Output = (PeerId, Session<C>);
    type Error = HandshakeError;
    type Future = Upgrading<C>;

    fn upgrade_outbound(self, io: C, protocol: Self::Info) -> Self::Future {
        Box::pin(async move { initiate(&self.config, io, None, protocol).await })
    }
}

#[cfg(test)]
mod tests;
