//! `peer …`, `trust …`, `discovery …`, `ping`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::span::{score, up_to_days};

/// Longest ban, in days.
const MOST_BAN: u64 = 365;

/// Peers: those that are connected, those that are known, and what is done about them.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Peer {
    /// Dial an address and wait until the peer has accepted
    Connect(PeerConnect),
    /// Connected peers
    #[command(visible_alias = "ls")]
    List,
    /// Close every connection to a peer
    Disconnect(OnePeer),
    /// One peer: its connection, or what the address book knows
    Show(OnePeer),
    /// Why a peer is treated as it is: score, events, bans, addresses
    Explain(OnePeer),
    /// The address book
    Known {
        /// At most so many peers
        #[arg(long, short = 'n', default_value_t = 100, value_name = "N")]
        limit: usize,
    },
    /// Put an address into the address book; it is dialled when a place is free
    Add {
        /// The address, with the peer's id: /ip4/192.0.2.1/tcp/41000/p2p/ID
        #[arg(value_name = "ADDR")]
        addr: String,
    },
    /// Forget a peer: out of the book, not reserved any more, disconnected
    Remove(OnePeer),
    /// Ban a peer, an address or a group of addresses for a time
    Ban(Ban),
    /// Lift bans, cool-down and low score at once, and say what was lifted
    Unban {
        /// A peer's id or its beginning, an IP address, or a group as `peer known` shows it
        #[arg(value_name = "SUBJECT")]
        subject: String,
    },
    /// Bans in force
    Bans,
    /// Prefer a peer where there is a choice, or set its score
    Trust(PeerTrust),
    /// Keep a peer connected whatever happens: outside all limits, never banned
    Reserve {
        /// A known peer's id or its beginning, or an address with the peer's id
        #[arg(value_name = "PEER|ADDR")]
        target: String,
        /// Keep it no longer
        #[arg(long)]
        off: bool,
    },
}

/// A peer.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct OnePeer {
    /// Its id, or as much of the beginning as names one alone
    #[arg(value_name = "PEER")]
    pub(in crate::cli) peer: String,
}

/// `peer connect`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct PeerConnect {
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
    pub(in crate::cli) fn addr(&self) -> &str {
        self.addr
            .as_deref()
            .or(self.addr_flag.as_deref())
            .unwrap_or_default()
    }
}

/// `peer ban`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Ban {
    /// A peer's id or its beginning, an IP address, or a group as `peer known` shows it: 8.9.0.0/16,
    /// 2a00:1450::/32
    #[arg(value_name = "SUBJECT")]
    pub(in crate::cli) subject: String,
    /// For how long: 30s, 10m, 1h, 7d; at most 365d
    #[arg(long = "for", default_value = "1h", value_name = "TIME")]
    #[arg(value_parser = |text: &str| up_to_days(text, MOST_BAN))]
    pub(in crate::cli) lasts: Duration,
    /// Why, for whoever asks later
    #[arg(long, default_value = "by hand", value_name = "TEXT")]
    pub(in crate::cli) reason: String,
}

/// `peer trust`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct PeerTrust {
    #[command(flatten)]
    pub(in crate::cli) peer: OnePeer,
    /// Set its score instead, 0 to 1; it goes on from there
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    #[arg(value_parser = score)]
    pub(in crate::cli) score: Option<f64>,
    /// Prefer it no longer
    #[arg(long, conflicts_with = "score")]
    pub(in crate::cli) off: bool,
}

/// How far peers are believed.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Trust {
    /// The score of a peer and what it is made of
    Show(OnePeer),
    /// The audit trail, the latest first
    Events {
        /// Only about this peer: its id or its beginning
        #[arg(value_name = "PEER")]
        peer: Option<String>,
        /// At most so many lines
        #[arg(long, short = 'n', default_value_t = 50, value_name = "N")]
        limit: usize,
    },
    /// The most trusted peers
    Top {
        /// How many
        #[arg(long, short = 'n', default_value_t = 20, value_name = "N")]
        count: usize,
    },
    /// Tell the network, or one peer, whom this node trusts; signed
    Share {
        /// Only this connected peer: its id or its beginning
        #[arg(value_name = "PEER")]
        peer: Option<String>,
        /// Ask that peer whom it trusts instead
        #[arg(long, requires = "peer")]
        ask: bool,
    },
}

/// Where peers come from.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(in crate::cli) enum Discovery {
    /// Every source, how many peers of how many wanted, the address book
    Status,
}

/// `ping`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Ping {
    /// A connected peer's id or its beginning, or an address to dial
    #[arg(value_name = "ADDR|PEER")]
    pub(in crate::cli) target: String,
    /// How many round trips to measure
    #[arg(long, short = 'c', default_value_t = 1, value_name = "N")]
    pub(in crate::cli) count: u32,
    /// Have the peer sign each answer: proof that it holds its key now
    #[arg(long)]
    pub(in crate::cli) signed: bool,
}
