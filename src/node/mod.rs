//! A running node: assembly, event loop, handle.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use animica_p2p::node::Node;
//!
//! let a = Node::builder().listen("/ip4/127.0.0.1/tcp/0".parse()?).start().await?;
//! let b = Node::builder().start().await?;
//! let peer = b.connect(a.addresses()[0].clone()).await?;
//! println!("{} over {}", peer.peer_id, peer.kem);
//! a.shutdown().await;
//! b.shutdown().await;
//! # Ok(()) }
//! ```

mod builder;
mod command;
pub mod config;
mod connections;
mod effect;
mod event_loop;
mod failure;
mod gossip_link;
mod gossip_task;
mod handle;
mod listening;
mod messages;
mod observers;
mod open;
mod outbox;
mod peering;
mod ports;
mod readiness;
mod sessions;
mod start;
mod sync_link;
mod sync_task;
mod task_link;
mod topology;

use std::time::Duration;

pub use self::{
    builder::{Builder, Limits},
    command::PingTarget,
    config::Config,
    connections::ConnectError,
    gossip_task::{BlobPublishError, DELIVERY_BACKLOG, PublishError},
    handle::{Handle, Stopped},
    messages::Registration,
    open::{OpenError, Opened, open},
    peering::{
        DhtError, DhtKey, Discovery, PeeringConfig, PeeringError, Scope, SetupError, ShareWith,
    },
    ports::check_free,
    start::StartError,
    sync_task::{LocalError, PoolTx, TX_BACKLOG},
};

/// Requests of handles that may wait for the event loop; their callers wait with them.
const COMMAND_QUEUE: usize = 256;

/// Requests of handles that may wait for the peering task; their callers wait with them.
const PEERING_QUEUE: usize = 64;

/// Effects of the sync task that may wait for the event loop. The task waits when it is full, so
/// it bounds memory (an answer's frames are read only when the peer takes them) without dropping.
const EFFECT_QUEUE: usize = 256;

/// Events a subscriber may fall behind before it loses the oldest.
pub const EVENT_BACKLOG: usize = 1024;

/// How long an application message lives unless its sender or the configuration says otherwise:
/// far longer than a message travels, so that who connects meanwhile still gets it.
pub const DEFAULT_MESSAGE_TTL: Duration = Duration::from_secs(600);

/// How long a shutdown may take.
pub const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(5);

/// Where a node begins.
#[derive(Clone, Copy, Debug)]
pub struct Node;

impl Node {
    /// A node with every default; see [`Builder`].
    pub fn builder() -> Builder {
        Builder::default()
    }
}
