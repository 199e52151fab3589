//! Whoever watches the node: subscribers, metrics, the log. One call per event.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{broadcast, watch};
use tracing::{debug, info, warn};

use super::sessions::Sessions;
use crate::{
    event::NodeEvent,
    network::exchange::{Sequence, Traffic},
    registry::MessageId,
    telemetry::Telemetry,
};

/// The outlets of the event loop.
pub(crate) struct Observers {
    pub(crate) events: broadcast::Sender<NodeEvent>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) sessions: Arc<Sessions>,
    /// Why the store refuses writes, if it does.
    pub(crate) store_failing: watch::Sender<Option<String>>,
    /// Sequence gaps told so far.
    pub(crate) gaps: u64,
}

impl Observers {
    /// Tells everybody.
    pub(crate) fn emit(&self, event: NodeEvent) {
        log(&event);
        self.telemetry.record(&event);
        match &event {
            NodeEvent::StoreFailing { error } => {
                self.store_failing.send_replace(Some(error.clone()));
            }
            NodeEvent::StoreHealed => {
                self.store_failing.send_replace(None);
            }
            _ => {}
        }
        // Nobody subscribed is fine.
        let _ = self.events.send(event);
    }

    /// Counts frames.
    pub(crate) fn count(&self, traffic: BTreeMap<(MessageId, bool), Traffic>) {
        for ((id, inbound), Traffic { frames, bytes }) in traffic {
            self.telemetry.record(&NodeEvent::Message {
                id,
                inbound,
                frames,
                bytes,
            });
        }
    }

    /// Counts how far the sequence numbers have gaps or repeats by now.
    pub(crate) fn count_gaps(&mut self, sequence: Sequence) {
        let total = sequence.gaps + sequence.repeats;
        if total > self.gaps {
            let count = total - self.gaps;
            self.gaps = total;
            self.emit(NodeEvent::SequenceGap { count });
        }
    }
}

/// One line per event. What a remote can trigger at will is `debug`.
fn log(event: &NodeEvent) {
    match event {
        NodeEvent::Listening { address } => info!(%address, "listening"),
        NodeEvent::ListenerClosed {
            addresses,
            error: Some(error),
        } => {
            warn!(?addresses, error, "listener failed");
        }
        NodeEvent::PeerIdentified {
            peer,
            head_height,
            agent,
            ..
        } => {
            info!(%peer, %head_height, agent, "peer accepted");
        }
        NodeEvent::PeerDisconnected { peer, reason } => debug!(%peer, reason, "peer gone"),
        NodeEvent::DialFailed { peer, label, error } => {
            debug!(
                peer = peer.map(tracing::field::display),
                label, error, "dial failed"
            );
        }
        NodeEvent::InboundFailed {
            address,
            label,
            error,
        } => {
            debug!(%address, label, error, "inbound connection failed");
        }
        NodeEvent::SyncPhase { phase } => info!(phase = phase.name(), "sync phase"),
        NodeEvent::HeadChanged {
            height,
            hash,
            reorg_depth,
            ..
        } if *reorg_depth > 0 => {
            info!(%height, %hash, reorg_depth, "head moved to another branch");
        }
        NodeEvent::HeadChanged { height, hash, .. } => debug!(%height, %hash, "head"),
        NodeEvent::ReorgAlarm { depth, threshold } => {
            warn!(
                depth,
                threshold, "deep reorganisation; see `animica-p2p sync status`"
            );
        }
        NodeEvent::StoreFailing { error } => {
            warn!(
                error,
                "the store refuses writes; reading goes on, writing is tried again"
            );
        }
        NodeEvent::StoreHealed => info!("the store accepts writes again"),
        NodeEvent::Offence {
            peer,
            offence,
            detail,
        } => {
            debug!(%peer, %offence, detail, "offence");
        }
        NodeEvent::Banned {
            peer,
            offence,
            duration,
        } => {
            info!(%peer, %offence, duration_s = duration.as_secs(), "peer banned");
        }
        NodeEvent::SlowPeer { peer, dropped } => {
            debug!(%peer, dropped, "a peer does not keep up, messages for it were dropped");
        }
        NodeEvent::BlobJudged { root, available } => debug!(%root, available, "blob sampled"),
        NodeEvent::Reconciled { peer, set, saved } => {
            debug!(%peer, set, saved, "sets reconciled");
        }
        NodeEvent::RequestFailed { peer, label } => debug!(%peer, label, "request failed"),
        NodeEvent::ShuttingDown => info!("shutting down"),
        _ => {}
    }
}
