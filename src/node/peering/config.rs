//! How the node finds, judges and keeps peers.

use std::time::Duration;

use libp2p::Multiaddr;

use crate::{
    dht,
    ids::ChainId,
    network::{self, seeds},
    peers::{book, conduct::Profile, exchange, reach, seeds::Source, slots},
    trust,
};

/// Everything about peers. The default dials nobody but whom it is told to: a library decides for
/// itself whether its node looks around ([`PeeringConfig::open`]).
#[derive(Clone, Debug)]
pub struct PeeringConfig {
    /// How many peers, where from, how patient.
    pub plan: slots::Config,
    /// What trust is made of.
    pub trust: trust::Config,
    /// What counts as evidence of where this node can be reached.
    pub reach: reach::Config,
    /// How strict the node is.
    pub profile: Profile,
    /// Which addresses the network has.
    pub scope: Scope,
    /// Which sources are used.
    pub discovery: Discovery,
    /// Peers that always have a place, each with `/p2p`.
    pub reserved: Vec<Multiaddr>,
    /// Between two lists of trusted peers told to the network; `None`: never.
    pub share_trust: Option<Duration>,
    /// Between two pings on a connection.
    pub ping: Duration,
    /// How much of the hash table this node holds.
    pub dht_limits: dht::Limits,
    /// Answers that end a read, and copies that end a write; `None`: three.
    pub dht_quorum: Option<usize>,
}

/// Which addresses a network has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Public ones: private addresses are neither believed nor told.
    Public,
    /// Any: a test network, on one machine or behind one router.
    #[default]
    Any,
}

impl Scope {
    /// Of `chain`: the presets of the original network are public ones.
    #[must_use]
    pub fn of(chain: ChainId, profile: Profile) -> Self {
        match chain {
            ChainId::MAINNET | ChainId::TESTNET if profile == Profile::Standard => Self::Public,
            _ => Self::Any,
        }
    }

    pub(super) fn of_book(self) -> book::Scope {
        match self {
            Self::Public => book::Scope::Public,
            Self::Any => book::Scope::Any,
        }
    }

    /// How far away those are who are told where this node is.
    pub(super) fn of_reader(self) -> reach::Scope {
        match self {
            Self::Public => reach::Scope::Public,
            Self::Any => reach::Scope::Loopback,
        }
    }

    pub(super) fn of_exchange(self) -> exchange::Scope {
        match self {
            Self::Public => exchange::Scope::Public,
            Self::Any => exchange::Scope::Private,
        }
    }
}

/// Which sources of peers are used.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// Whether peers of the book are dialled, from whatever source.
    pub known: bool,
    /// Whether peers are asked whom they know.
    pub exchange: bool,
    /// Whether peers of the local network are looked for, by mDNS.
    pub lan: bool,
    /// Whether the node takes part in the hash table.
    pub dht: bool,
    /// Seeds to visit.
    pub seeds: Vec<Source>,
    /// How they are asked; `None`: with the defaults.
    pub fetch: Option<seeds::Config>,
    /// Time between two visits of a seed.
    pub refresh: Duration,
    /// Time between two walks through the hash table while more peers are wanted.
    pub walks: Duration,
}

impl Default for Discovery {
    fn default() -> Self {
        Self {
            known: false,
            exchange: false,
            lan: false,
            dht: false,
            seeds: Vec::new(),
            fetch: None,
            refresh: crate::peers::seeds::Config::default().refresh(),
            walks: Duration::from_secs(30),
        }
    }
}

impl Default for PeeringConfig {
    fn default() -> Self {
        Self {
            plan: slots::Config::default(),
            trust: trust::Config::default(),
            reach: reach::Config::default(),
            profile: Profile::Standard,
            scope: Scope::default(),
            discovery: Discovery::default(),
            reserved: Vec::new(),
            share_trust: None,
            ping: Duration::from_secs(15),
            dht_limits: dht::Limits::default(),
            dht_quorum: None,
        }
    }
}

impl PeeringConfig {
    /// How the hash table is set up.
    pub(crate) fn dht(&self, chain: ChainId) -> network::dht::Config {
        network::dht::Config {
            limits: self.dht_limits,
            dialable: match self.scope {
                Scope::Public => is_anywhere,
                Scope::Any => |_| true,
            },
            ..network::dht::Config::new(chain)
        }
    }

    /// Of a node that looks around: it dials whom others name, asks them, and takes part in the hash
    /// table. mDNS stays off.
    #[must_use]
    pub fn open() -> Self {
        Self {
            discovery: Discovery {
                known: true,
                exchange: true,
                dht: true,
                ..Discovery::default()
            },
            ..Self::default()
        }
    }
}

/// Whether an address can be reached from anywhere, as far as it tells.
fn is_anywhere(address: &Multiaddr) -> bool {
    exchange::Reach::of(address) == exchange::Reach::Anywhere
}
