//! The command line as a grammar: commands, flags, help. What they do is next door.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

mod chain;
mod dht;
mod gossip;
mod key;
mod listen;
mod peers;
mod seeds;
mod span;

pub(super) use self::{
    chain::{Chain, MineShape},
    dht::{Dht, Get, Put},
    gossip::{AppMessage, Gossip, Mempool, Messages, Publish, Send, Txs},
    key::{Key, KeyFile, PassphraseArgs},
    listen::Listen,
    peers::{Ban, Discovery, Peer, PeerTrust, Ping, Trust},
    seeds::{Seeds, Sign, Verify},
};

const EXAMPLES: &str = "\
Examples:
  animica-p2p listen
  animica-p2p listen --data-dir ./b --listen 127.0.0.1:41001 --bootstrap 127.0.0.1:41000
  animica-p2p chain mine --count 1000
  animica-p2p peer connect 127.0.0.1:41000
  animica-p2p peer explain 14QGSc4
  animica-p2p peer ban 203.0.113.7 --for 1h --reason 'floods'
  animica-p2p dht put colour blue --ttl 1h
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
    /// Peers: connect, list, explain, ban, reserve, and whom the node knows
    #[command(subcommand, visible_alias = "peers")]
    Peer(Peer),
    /// How far peers are believed, and why
    #[command(subcommand)]
    Trust(Trust),
    /// Where peers come from
    #[command(subcommand)]
    Discovery(Discovery),
    /// Values that nodes keep for each other
    #[command(subcommand)]
    Dht(Dht),
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
    /// Signed lists of first peers, for whoever publishes one
    #[command(subcommand)]
    Seeds(Seeds),
    /// Whether the node answers; for container health checks
    Health(Health),
    /// Version, and with --json the providers of every algorithm
    Version,
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

#[cfg(test)]
mod tests;
