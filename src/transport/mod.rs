//! From an address to an authenticated, multiplexed connection, over TCP (with DNS) and within the
//! process.
//!
//! Every connection takes the same way: the socket, the channel of [`secure`], yamux.
//! Security and muxer are composed here by hand, because libp2p's `authenticate` hides the two
//! things the channel needs: whom we dialled, so that a wrong peer never learns who we are, and who
//! called, so that a flood is refused before any cryptography.
//!
//! One deadline covers everything from accept or connect to the finished muxer; nothing the other
//! side sends extends it.
//!
//! [`secure`]: crate::secure

mod address;
mod error;
mod guard;
mod muxer;
mod own_port;
mod upgrade;

pub use address::expected_peer;
pub use error::Error;
pub use muxer::{MAX_STREAMS, MAX_WINDOW};

use std::time::Duration;

use futures::{AsyncRead, AsyncWrite};
use libp2p::{
    PeerId, Transport,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, MemoryTransport, OptionalTransport, timeout::TransportTimeout},
    },
    dns::{self, ResolverConfig, ResolverOpts},
    metrics::{BandwidthTransport, Registry},
    tcp,
};
use tracing::warn;

use self::{guard::Guard, own_port::OwnPort, upgrade::Upgrade};
use crate::{registry::HANDSHAKE_DEADLINE_MS, secure};

/// How many deadlines a dial by name may take altogether: looking the name up, and the addresses
/// it has, one after the other.
const DEADLINES_PER_NAME: u32 = 3;

/// Which transports there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// TCP, with Nagle's algorithm off.
    pub tcp: bool,
    /// Names in TCP addresses, by the system's resolver.
    pub dns: bool,
    /// Addresses within this process, `/memory/1`.
    pub memory: bool,
    /// From accept or connect to the finished muxer.
    pub deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tcp: true,
            dns: true,
            memory: true,
            deadline: Duration::from_millis(HANDSHAKE_DEADLINE_MS),
        }
    }
}

/// A connection that [`build`]'s transport makes.
type Connection = (PeerId, StreamMuxerBox);

/// The transport of a node. With a registry it counts the bytes of substreams there
/// (`libp2p_bandwidth_bytes_total`); give one registry to one transport only.
///
/// Needs a tokio runtime when it is used, not here.
#[must_use]
pub fn build(
    config: secure::Config,
    options: &Options,
    registry: Option<&mut Registry>,
) -> Boxed<Connection> {
    let upgrade = Upgrade::new(config, options.deadline);
    let tcp = || {
        let raw = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true));
        secured(OwnPort(raw), upgrade.clone())
    };
    let plain_tcp = optional(options.tcp && !options.dns, tcp);
    let named_tcp = optional(options.tcp && options.dns, || {
        let limit = options.deadline * DEADLINES_PER_NAME;
        let named = TransportTimeout::with_outgoing_timeout(named(tcp), limit);
        named.map_err(Error::from)
    });
    let memory = optional(options.memory, || {
        secured(MemoryTransport::default(), upgrade.clone())
    });
    // DNS last: it refuses addresses that are not its own too late for others to be asked.
    let all = either(either(memory, plain_tcp), named_tcp);
    match registry {
        None => Guard::new(all, *options).boxed(),
        Some(registry) => {
            let counted = BandwidthTransport::new(all, registry)
                .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
            Guard::new(counted, *options).boxed()
        }
    }
}

/// What this file composes: a transport whose futures and errors can be boxed.
trait Ready:
    Transport<
        Output = Connection,
        Error = Error,
        Dial: Send + 'static,
        ListenerUpgrade: Send + 'static,
    > + Send
    + Unpin
    + 'static
{
}

impl<T> Ready for T where
    T: Transport<
            Output = Connection,
            Error = Error,
            Dial: Send + 'static,
            ListenerUpgrade: Send + 'static,
        > + Send
        + Unpin
        + 'static
{
}

fn optional<T: Ready>(wanted: bool, make: impl FnOnce() -> T) -> OptionalTransport<T> {
    match wanted {
        true => OptionalTransport::some(make()),
        false => OptionalTransport::none(),
    }
}

/// The first of two transports that takes an address.
fn either(first: impl Ready, second: impl Ready) -> impl Ready {
    let both = first.or_transport(second);
    let both = both.map(|connection, _| connection.into_inner());
    both.map_err(|error| error.into_inner())
}

/// `raw` with the channel and yamux on top, all within the deadline.
fn secured<T>(raw: T, upgrade: Upgrade) -> impl Ready
where
    T: Transport<
            Output: AsyncRead + AsyncWrite + Unpin + Send + 'static,
            Error: std::error::Error + Send + Sync + 'static,
            Dial: Send + 'static,
            ListenerUpgrade: Send + 'static,
        > + Send
        + Unpin
        + 'static,
{
    let deadline = upgrade.deadline();
    let raw = raw.map_err(|error| Error::Socket(error.into()));
    let upgraded = raw.and_then(move |io, endpoint| upgrade.run(io, endpoint));
    let upgraded = upgraded.map_err(|error| error.into_inner());
    TransportTimeout::new(upgraded, deadline).map_err(Error::from)
}

/// What `make` makes, with names looked up first.
///
/// A machine without a resolver configuration still has its hosts file, and a node that only knows
/// numbers must start on it all the same.
fn named<T: Ready>(make: impl Fn() -> T) -> impl Ready {
    let system = dns::tokio::Transport::system(make());
    let named = system.unwrap_or_else(|error| {
        warn!(%error, "no usable resolver configuration, only the hosts file is asked");
        let nobody = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
        dns::tokio::Transport::custom(make(), nobody, ResolverOpts::default())
    });
    named.map_err(Error::from)
}
