//! What happened, for whoever watches: subscribers of the library, metrics, logs.
//!
//! The event loop emits each event once. Nothing in the node depends on who listens.

use std::time::Duration;

use libp2p::{Multiaddr, PeerId};

use crate::{
    ids::{Hash32, Height, Work},
    offence::Offence,
    registry::MessageId,
    report::{Direction, SyncPhase},
};

/// Something that happened in the node.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NodeEvent {
    /// A listener is bound to this address.
    Listening {
        /// The bound address, without `/p2p`.
        address: Multiaddr,
    },
    /// A listener failed or was closed.
    ListenerClosed {
        /// The addresses it had.
        addresses: Vec<Multiaddr>,
        /// Why, if it did not close on request.
        error: Option<String>,
    },
    /// The first connection to a peer was established. An outbound one is confirmed (the peer has
    /// accepted us) only with [`NodeEvent::PeerIdentified`].
    PeerConnected {
        /// Who.
        peer: PeerId,
        /// Who dialled.
        direction: Direction,
        /// Where, as this side sees it.
        address: Multiaddr,
    },
    /// The peer accepted us and said who it is.
    PeerIdentified {
        /// Who.
        peer: PeerId,
        /// Its imported head.
        head_height: Height,
        /// Hash of that head.
        head_hash: Hash32,
        /// Work it claims for that head.
        head_work: Work,
        /// What it calls itself, escaped.
        agent: String,
    },
    /// The last connection to a peer closed.
    PeerDisconnected {
        /// Who.
        peer: PeerId,
        /// Why, as far as known.
        reason: String,
    },
    /// A dial failed or was refused.
    DialFailed {
        /// Whom, if known.
        peer: Option<PeerId>,
        /// The stable label of the reason.
        label: &'static str,
        /// The reason in words.
        error: String,
    },
    /// An inbound connection failed or was refused before it was established.
    InboundFailed {
        /// The remote address.
        address: Multiaddr,
        /// The stable label of the reason.
        label: &'static str,
        /// The reason in words.
        error: String,
    },
    /// A round trip was measured.
    Rtt {
        /// To whom.
        peer: PeerId,
        /// How long it took.
        rtt: Duration,
    },
    /// Frames of one message id were sent or received since the last such event.
    Message {
        /// Which message.
        id: MessageId,
        /// Whether it came in.
        inbound: bool,
        /// How many frames.
        frames: u64,
        /// Their payloads, in bytes.
        bytes: u64,
    },
    /// Sequence numbers of frames were skipped or repeated, over all connections.
    SequenceGap {
        /// How many numbers.
        count: u64,
    },
    /// Sync changed its phase.
    SyncPhase {
        /// The phase it is in now.
        phase: SyncPhase,
    },
    /// Verified headers were stored durably.
    HeadersStored {
        /// How many.
        count: usize,
        /// Height of the best header.
        height: Height,
    },
    /// Blocks were imported durably.
    BlocksImported {
        /// How many.
        count: usize,
        /// Bytes of their encodings.
        bytes: u64,
        /// Height of the imported head.
        height: Height,
    },
    /// The imported head moved.
    HeadChanged {
        /// Its height.
        height: Height,
        /// Its hash.
        hash: Hash32,
        /// Work of its branch.
        work: Work,
        /// Blocks of the old branch that were left, 0 for an extension.
        reorg_depth: u64,
    },
    /// A reorganisation deeper than an alarm threshold.
    ReorgAlarm {
        /// Blocks left behind.
        depth: u64,
        /// The threshold it passed: 64 or 512.
        threshold: u64,
    },
    /// The store refused a write (for example a full disk); reads go on.
    StoreFailing {
        /// What it said.
        error: String,
    },
    /// The store accepts writes again.
    StoreHealed,
    /// A commit became durable.
    StoreCommitted {
        /// How long it took.
        took: Duration,
    },
    /// A peer did something an honest peer does not do.
    Offence {
        /// Who.
        peer: PeerId,
        /// What.
        offence: Offence,
        /// The particulars.
        detail: String,
    },
    /// A peer was banned.
    Banned {
        /// Who.
        peer: PeerId,
        /// What for.
        offence: Offence,
        /// For how long.
        duration: Duration,
    },
    /// A peer does not take gossip as fast as it comes.
    SlowPeer {
        /// Who.
        peer: PeerId,
        /// Messages dropped for it since the last such event.
        dropped: usize,
    },
    /// A blob was sampled.
    BlobJudged {
        /// Its root.
        root: Hash32,
        /// Whether every sample verified; if not, nobody who was asked could show it.
        available: bool,
    },
    /// A set was reconciled with a peer.
    Reconciled {
        /// With whom.
        peer: PeerId,
        /// Which set: `pool` or `app`.
        set: &'static str,
        /// Bytes saved against sending all ids.
        saved: usize,
    },
    /// A request of ours was rate-limited, timed out or failed: nobody's fault.
    RequestFailed {
        /// Whose answer is missing.
        peer: PeerId,
        /// The stable label of the reason.
        label: &'static str,
    },
    /// The node is going down.
    ShuttingDown,
}
