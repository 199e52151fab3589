//! Whom the node knows, how far it believes them, and what was done about it.

use std::time::Duration;

use libp2p::{Multiaddr, PeerId};
use tokio::sync::broadcast::error::RecvError;

use super::{Handle, Stopped};
use crate::{
    event::NodeEvent,
    node::{
        command::PingTarget,
        peering::{PeeringError, PeeringRequest, ShareWith},
    },
    peers::ban::Subject,
    report::{
        BanReport, DiscoveryReport, ExplainReport, KnownPeerReport, SignedPingReport,
        TrustEventReport, TrustReport, UnbanReport,
    },
};

impl Handle {
    /// At most `limit` peers of the address book: connected ones first, then by when they last
    /// worked.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn known_peers(&self, limit: usize) -> Result<Vec<KnownPeerReport>, Stopped> {
        let ask = |reply| PeeringRequest::Known { limit, reply };
        self.shared.peering.ask(ask).await
    }

    /// Everything there is to say about a peer, and why it is treated as it is.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn explain(&self, peer: PeerId) -> Result<ExplainReport, Stopped> {
        let ask = |reply| PeeringRequest::Explain { peer, reply };
        let mut report = self.shared.peering.ask(ask).await?;
        if let Some(connection) = report.connection.take() {
            report.connection = self.annotated(vec![connection]).await?.pop();
        }
        Ok(report)
    }

    /// Puts a peer into the address book by the operator's word; it is dialled when a place is
    /// free. The address ends in `/p2p/PEER_ID`.
    ///
    /// # Errors
    /// The address names no peer or this node, or the book does not take it.
    pub async fn add_peer(&self, address: Multiaddr) -> Result<PeerId, PeeringError> {
        let ask = |reply| PeeringRequest::Add { address, reply };
        self.shared.peering.ask(ask).await?
    }

    /// Forgets a peer: out of the book, not reserved any more, disconnected. False if it was not
    /// known.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn remove_peer(&self, peer: PeerId) -> Result<bool, Stopped> {
        let ask = |reply| PeeringRequest::Remove { peer, reply };
        self.shared.peering.ask(ask).await
    }

    /// Bans a peer, an address or a group of addresses for `lasts`, at most a year.
    ///
    /// # Errors
    /// It is this node or a reserved peer, or the duration is none.
    pub async fn ban(
        &self,
        subject: Subject,
        lasts: Duration,
        reason: impl Into<String>,
    ) -> Result<BanReport, PeeringError> {
        let reason = reason.into();
        let ask = |reply| PeeringRequest::Ban {
            subject,
            lasts,
            reason,
            reply,
        };
        self.shared.peering.ask(ask).await?
    }

    /// Lifts at once every ban that covers `subject`: of a peer also those of its addresses and
    /// their groups, its cool-down, and a score below the threshold. Says what was lifted.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn unban(&self, subject: Subject) -> Result<UnbanReport, Stopped> {
        let ask = |reply| PeeringRequest::Unban { subject, reply };
        self.shared.peering.ask(ask).await
    }

    /// Keeps a peer connected whatever happens: always dialled again, outside all limits, never
    /// evicted, never banned. `on` false ends it.
    ///
    /// # Errors
    /// No address of the peer is given or known, or it is this node.
    pub async fn reserve_peer(
        &self,
        peer: PeerId,
        address: Option<Multiaddr>,
        on: bool,
    ) -> Result<(), PeeringError> {
        let ask = |reply| PeeringRequest::Reserve {
            peer,
            address,
            on,
            reply,
        };
        self.shared.peering.ask(ask).await?
    }

    /// Prefers a peer where there is a choice. `on` false ends it.
    ///
    /// # Errors
    /// The peer is not known.
    pub async fn prefer_peer(&self, peer: PeerId, on: bool) -> Result<(), PeeringError> {
        let ask = |reply| PeeringRequest::Prefer { peer, on, reply };
        self.shared.peering.ask(ask).await?
    }

    /// Sets the score of a peer, 0 to 1, by the operator's word. It goes on from there.
    ///
    /// # Errors
    /// The score is no such number.
    pub async fn set_trust(&self, peer: PeerId, score: f64) -> Result<TrustReport, PeeringError> {
        let ask = |reply| PeeringRequest::SetTrust { peer, score, reply };
        self.shared.peering.ask(ask).await?
    }

    /// How far a peer is believed; `None` if it never did anything here.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn trust(&self, peer: PeerId) -> Result<Option<TrustReport>, Stopped> {
        let ask = |reply| PeeringRequest::Trust { peer, reply };
        self.shared.peering.ask(ask).await
    }

    /// Peers with a score of at least `min`, the most trusted first.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn get_trusted_peers(&self, min: f64) -> Result<Vec<TrustReport>, Stopped> {
        let count = usize::MAX;
        let ask = |reply| PeeringRequest::TrustTop { count, min, reply };
        self.shared.peering.ask(ask).await
    }

    /// The `count` most trusted peers.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn most_trusted(&self, count: usize) -> Result<Vec<TrustReport>, Stopped> {
        let min = 0.0;
        let ask = |reply| PeeringRequest::TrustTop { count, min, reply };
        self.shared.peering.ask(ask).await
    }

    /// The last `count` lines of the audit trail, of one peer or of all, the latest first.
    ///
    /// # Errors
    /// The trail cannot be read.
    pub async fn trust_events(
        &self,
        peer: Option<PeerId>,
        count: usize,
    ) -> Result<Vec<TrustEventReport>, PeeringError> {
        let ask = |reply| PeeringRequest::TrustEvents { peer, count, reply };
        self.shared.peering.ask(ask).await?
    }

    /// Tells others whom this node trusts, signed, or asks a peer whom it trusts. Returns how many
    /// peers the list named.
    ///
    /// # Errors
    /// There is no connection to the peer, or it does not answer as it should.
    pub async fn share_trust(&self, with: ShareWith) -> Result<usize, PeeringError> {
        let ask = |reply| PeeringRequest::ShareTrust { with, reply };
        self.shared.peering.ask(ask).await?
    }

    /// A round trip whose answer the peer signs: it holds its identity's key now, and says what its
    /// clock shows. An address is connected to first.
    ///
    /// # Errors
    /// The peer is not connected and cannot be dialled, does not answer, or not as it should.
    pub async fn signed_ping(&self, target: PingTarget) -> Result<SignedPingReport, PeeringError> {
        let (peer, fresh_connection) = self.reach(target).await?;
        let ask = |reply| PeeringRequest::SignedPing { peer, reply };
        let report = self.shared.peering.ask(ask).await??;
        Ok(SignedPingReport {
            fresh_connection,
            ..report
        })
    }

    /// Where peers come from, and how many are connected of how many wanted.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn discovery(&self) -> Result<DiscoveryReport, Stopped> {
        let ask = |reply| PeeringRequest::Discovery { reply };
        self.shared.peering.ask(ask).await
    }

    /// Calls `f` with each peer that accepts this node from now on, until the node stops or the
    /// returned task is aborted. `f` must not block.
    pub fn on_peer_connected(
        &self,
        mut f: impl FnMut(PeerId) + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        self.on_event(move |event| {
            if let NodeEvent::PeerIdentified { peer, .. } = event {
                f(peer);
            }
        })
    }

    /// Calls `f` with each peer whose last connection closes from now on and why, until the node
    /// stops or the returned task is aborted. `f` must not block.
    pub fn on_peer_disconnected(
        &self,
        mut f: impl FnMut(PeerId, String) + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        self.on_event(move |event| {
            if let NodeEvent::PeerDisconnected { peer, reason } = event {
                f(peer, reason);
            }
        })
    }

    fn on_event(
        &self,
        mut f: impl FnMut(NodeEvent) + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        let mut events = self.subscribe();
        let mut stopped = self.shared.stopped.clone();
        tokio::spawn(async move {
            loop {
                // A handle keeps the sender of events although the node has stopped.
                let event = tokio::select! {
                    biased;
                    event = events.recv() => event,
                    _ = stopped.wait_for(|stopped| *stopped) => return,
                };
                match event {
                    Ok(event) => f(event),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        })
    }
}
