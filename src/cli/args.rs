//! The command line as a grammar: commands, flags, help. What they do is next door.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::node::config::{FlagValue, LogFormat};

mod chain;
mod gossip;
mod key;

pub(super) use self::{
    chain::{Chain, MineShape},
    gossip::{AppMessage, Gossip, Mempool, Messages, Publish, Send, Txs},
    key::{Key, KeyFile, PassphraseArgs},
};

const EXAMPLES: &str = "\
Examples:
  animica-p2p listen
  animica-p2p listen --data-dir ./b --listen 127.0.0.1:41001 --bootstrap 127.0.0.1:41000
  animica-p2p chain mine --count 1000
  animica-p2p peer connect 127.0.0.1:41000
  animica-p2p sync status --watch
  animica-p2p broadcast 'hello, everybody'
  animica-p2p messages --follow
  animica-p2p status --json

An address (ADDR) is a multiaddr (/ip4/127.0.0.1/tcp/41000), tcp://host:port or host:port; lists
repeat the flag or separate with commas.

Exit codes: 0 ok, 1 failed, 2 usage, 3 configuration, 4 port, lock or permission, 5 key,
6 check failed, 7 node not reachable.

Every key of the configuration has a variable: ANIMICA_P2P_MAX_PEERS, ANIMICA_P2P_LISTEN,
ANIMICA_P2P_NETWORK__BAN_SECS, … (`animica-p2p config print --origin`). RUST_LOG and NO_COLOR are
respected.";

/// A post-quantum peer-to-peer node: hybrid handshake, headers-first sync.
#[derive(Debug, Parser)]
#[command(name = "animica-p2p", version, about, max_term_width = 100)]
#[command(after_long_help = EXAMPLES, after_help = "`--help` shows examples and exit codes.")]
#[command(disable_help_subcommand = true, propagate_version = false)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Flags that every command has.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// Data directory of the node [env: ANIMICA_P2P_DATA_DIR] [default:
    /// $XDG_DATA_HOME/animica-p2p/<chain id>]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// The same in the original network's words: DIR, redb:///DIR or sqlite:///DIR (three slashes
    /// relative, four absolute); it is created as a directory
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "data_dir")]
    pub(super) db: Option<String>,
    /// Number of the chain: 1 mainnet, 2 testnet, 1337 devnet [env: ANIMICA_P2P_CHAIN_ID]
    /// [default: 1337]
    #[arg(long, global = true, value_name = "N")]
    pub(super) chain_id: Option<u64>,
    /// Configuration file, TOML or JSON by extension [env: ANIMICA_P2P_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Print JSON; errors become {"error": {code, message, hint}} on standard error
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Log more; repeat for more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a node until SIGINT or SIGTERM
    Listen(Listen),
    /// Connect to peers, list them, disconnect them
    #[command(subcommand)]
    Peer(Peer),
    /// Make something for peers to receive
    #[command(subcommand)]
    Publish(Publish),
    /// Publish a message to every node: `publish app`
    Broadcast(AppMessage),
    /// Send a message to one connected peer and wait for its receipt
    Send(Send),
    /// Application messages that arrived lately, or as they arrive
    Messages(Messages),
    /// What waits for a block
    Mempool(Mempool),
    /// What arrived by gossip, and who passes it on
    #[command(subcommand)]
    Gossip(Gossip),
    /// Measure handshake and round trips to a peer
    Ping(Ping),
    /// Watch sync
    #[command(subcommand)]
    Sync(Sync),
    /// Who the running node is and how it does
    Status,
    /// Counters of the running node since its start
    Stats,
    /// The chain of a running node, or of a stopped node's data directory
    #[command(subcommand)]
    Chain(Chain),
    /// The configuration: what is in force, whether it is valid, a commented file
    #[command(subcommand)]
    Config(Config),
    /// Node identities
    #[command(subcommand)]
    Key(Key),
    /// Whether the node answers; for container health checks
    Health(Health),
    /// Version, and with --json the providers of every algorithm
    Version,
}

/// `listen`.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Listen {
    /// Addresses to listen on [env: ANIMICA_P2P_LISTEN] [default: /ip4/0.0.0.0/tcp/41000]
    #[arg(long, value_name = "ADDR", value_delimiter = ',', num_args = 1..)]
    pub(super) listen: Vec<String>,
    /// Peers to connect to and stay connected to [env: ANIMICA_P2P_BOOTSTRAP]
    #[arg(long, value_name = "ADDR", value_delimiter = ',', num_args = 1..)]
    pub(super) bootstrap: Vec<String>,
    /// Key file of the identity, created when absent [env: ANIMICA_P2P_IDENTITY] [default:
    /// identity.key in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(super) identity: Option<PathBuf>,
    /// Where /metrics, /healthz and /readyz are served, or `off` [env: ANIMICA_P2P_METRICS]
    /// [default: 127.0.0.1:9464]
    #[arg(long, value_name = "ADDR")]
    pub(super) metrics: Option<String>,
    /// How log lines look [env: ANIMICA_P2P_LOG__FORMAT] [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(super) log_format: Option<Format>,
}

/// `--log-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

impl From<Format> for LogFormat {
    fn from(f: Format) -> Self {
        match f {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Peer {
    /// Dial an address and wait until the peer has accepted
    Connect(PeerConnect),
    /// Connected peers
    #[command(visible_alias = "ls")]
    List,
    /// Close every connection to a peer
    Disconnect {
        /// The peer
        #[arg(value_name = "PEER_ID")]
        peer: String,
    },
}

/// `peer connect`.
#[derive(Clone, Debug, Args)]
pub(super) struct PeerConnect {
    /// The address
    #[arg(
        value_name = "ADDR",
        required_unless_present = "flag",
        conflicts_with = "flag"
    )]
    addr: Option<String>,
    /// The same as a flag, as the original network has it
    #[arg(long = "addr", id = "flag", value_name = "ADDR")]
    addr_flag: Option<String>,
}

impl PeerConnect {
    /// The address, however it was given.
    pub(super) fn addr(&self) -> &str {
        self.addr
            .as_deref()
            .or(self.addr_flag.as_deref())
            .unwrap_or_default()
    }
}

/// `ping`.
#[derive(Clone, Debug, Args)]
pub(super) struct Ping {
    /// A connected peer's id, or an address to dial
    #[arg(value_name = "ADDR|PEER_ID")]
    pub(super) target: String,
    /// How many round trips to measure
    #[arg(long, short = 'c', default_value_t = 1, value_name = "N")]
    pub(super) count: u32,
}

#[derive(Debug, Subcommand)]
pub(super) enum Sync {
    /// Phase, heights, rates, and why nothing arrives
    Status {
        /// Keep showing it: a progress bar on a terminal, one line per change elsewhere
        #[arg(long, short)]
        watch: bool,
        /// With --watch: end when the node follows the best known head
        #[arg(long, requires = "watch")]
        until_synced: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Every key with its value
    Print {
        /// Also where each value comes from
        #[arg(long)]
        origin: bool,
        #[command(flatten)]
        listen: Listen,
    },
    /// Say whether the configuration is valid
    Check {
        /// The file; the layers in force when absent
        file: Option<PathBuf>,
    },
    /// Write a commented file with every key and its default
    Init {
        /// Where to; `-` is standard output
        #[arg(default_value = "animica-p2p.toml")]
        file: PathBuf,
        /// Replace a file that is there
        #[arg(long)]
        force: bool,
    },
}

/// `health`.
#[derive(Clone, Debug, Args)]
pub(super) struct Health {
    /// Also ask for every readiness criterion
    #[arg(long)]
    pub(super) ready: bool,
    /// How long to wait for the answer, in seconds
    #[arg(long, default_value_t = 5, value_name = "SECS")]
    pub(super) timeout: u64,
}

impl Listen {
    /// The flags that were given, as configuration values.
    pub(super) fn flags(&self) -> Vec<FlagValue> {
        let mut out = Vec::new();
        let mut set = |key, flag, text: String| out.push(FlagValue { key, flag, text });
        if !self.listen.is_empty() {
            set("listen", "--listen", self.listen.join(","));
        }
        if !self.bootstrap.is_empty() {
            set("bootstrap", "--bootstrap", self.bootstrap.join(","));
        }
        if let Some(file) = &self.identity {
            set("identity", "--identity", file.display().to_string());
        }
        if let Some(metrics) = &self.metrics {
            set("metrics", "--metrics", metrics.clone());
        }
        if let Some(format) = self.log_format {
            let name = match format {
                Format::Text => "text",
                Format::Json => "json",
            };
            set("log.format", "--log-format", name.to_owned());
        }
        out
    }
}

#[cfg(test)]
mod tests;
