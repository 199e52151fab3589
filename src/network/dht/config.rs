//! How the table is set up.

use std::time::Duration;

use libp2p::{
    Multiaddr, StreamProtocol,
    kad::{self, BucketInserts, Caching, StoreInserts},
};

use crate::{
    bucket::Rate,
    dht::Limits,
    ids::ChainId,
    registry::{MAX_DHT_PACKET, Protocol},
};

/// How long a look-up or a spread may take: two round trips to each of a few peers that do not
/// answer. Longer would keep callers waiting for peers that are gone.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one peer has for an answer. Half of a query, so that a silent peer delays it and does
/// not end it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How the table is set up.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The chain, part of the protocol's name.
    pub chain_id: ChainId,
    /// How much is held.
    pub limits: Limits,
    /// Look-ups that one peer may ask for. One who stores a value asks about 40 peers a handful of
    /// questions each.
    pub lookups: Rate,
    /// Records that one peer may send. Each costs a signature check and up to 16 KiB.
    pub stores: Rate,
    /// Records that all peers together may send: 500 signature checks are a tenth of a core.
    pub all_stores: Rate,
    /// Connections at a time that were made for a query and for nothing else.
    pub borrowed: usize,
    /// How long such a connection stays unused before it is closed. Longer than a query, so that
    /// none is cut, and long enough to serve the next one.
    pub linger: Duration,
    /// Whether queries go several disjoint ways, so that a liar near the start of one cannot lead
    /// all of them astray.
    pub disjoint: bool,
    /// Whether an address that peers name may be dialled and passed on.
    pub dialable: fn(&Multiaddr) -> bool,
}

impl Config {
    /// The defaults on `chain_id`.
    #[must_use]
    pub fn new(chain_id: ChainId) -> Self {
        let rate = |per_second, burst| Rate { per_second, burst };
        Self {
            chain_id,
            limits: Limits::default(),
            lookups: rate(50, 500),
            stores: rate(20, 200),
            all_stores: rate(500, 2000),
            borrowed: 32,
            linger: Duration::from_secs(30),
            disjoint: true,
            dialable: |_| true,
        }
    }

    /// What Kademlia is told. It keeps time for queries only: records, their lives, their republish
    /// and what is cached are ours.
    pub(super) fn kad(&self) -> kad::Config {
        let name = Protocol::KAD.on(self.chain_id);
        let name = StreamProtocol::try_from_owned(name).expect("registry names start with a slash");
        let mut config = kad::Config::new(name);
        config
            .set_query_timeout(QUERY_TIMEOUT)
            .set_substreams_timeout(REQUEST_TIMEOUT)
            .set_max_packet_size(MAX_DHT_PACKET)
            .disjoint_query_paths(self.disjoint)
            .set_kbucket_inserts(BucketInserts::Manual)
            .set_record_filtering(StoreInserts::FilterBoth)
            .set_record_ttl(None)
            .set_replication_interval(None)
            .set_publication_interval(None)
            .set_provider_record_ttl(None)
            .set_provider_publication_interval(None)
            .set_periodic_bootstrap_interval(None)
            .set_caching(Caching::Enabled {
                max_peers: MAX_WITHOUT,
            });
        config
    }
}

/// Most peers closest to a key that a read names as having no record of it: those worth repairing.
const MAX_WITHOUT: u16 = 3;
