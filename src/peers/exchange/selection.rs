//! What an asker gets.

use std::collections::HashMap;

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId};

use super::reach::Reach;
use crate::{
    identity::NodeRecord,
    peers::Group,
    registry::{MAX_PEERS_BYTES, MAX_PEERS_RECORDS, MESSAGE_SKEW_MS},
};

/// Most records of one costly address group in an answer. The whole answer of a node whose book an
/// attacker has flooded must not be his network.
pub const MAX_PER_GROUP: usize = 4;

/// Where the network of the node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// On the internet, among strangers.
    #[default]
    Public,
    /// A test network or one behind walls, whose addresses are private and known to all in it.
    Private,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// Its id.
    pub peer: &'a PeerId,
    /// The remote address of its connection.
    pub address: &'a Multiaddr,
}

/// The records an asker gets: `own` first, then those of `records` in their order that pass, at
/// most `max` together. The caller chooses the order, by chance among those worth dialling.
///
/// A record is signed as a whole, so an address cannot be left out of it: on a public network a
/// record with any private address goes to nobody but those who are private themselves, and those
/// get what at least one address of leads to from where they are. Records that have expired for a
/// reader whose clock is ahead, and the asker's own, are left out.
#[must_use]
pub fn what_to_send<'a>(
    own: Option<&'a NodeRecord>,
    records: impl IntoIterator<Item = &'a NodeRecord>,
    asker: Asker<'_>,
    scope: Scope,
    max: u32,
    now_ms: u64,
) -> Vec<Bytes> {
    let reader = Reach::of(asker.address);
    let mut room = MAX_PEERS_BYTES;
    let mut groups: HashMap<Group, usize> = HashMap::new();
    let mut out = Vec::new();
    let own_id = own.map(|record| record.identity().peer_id());
    let others = records.into_iter().filter(|record| {
        let id = record.identity().peer_id();
        Some(id) != own_id && id != *asker.peer
    });
    for record in own.into_iter().chain(others) {
        if out.len() >= (max as usize).min(MAX_PEERS_RECORDS) {
            break;
        }
        let alive = now_ms.saturating_add(MESSAGE_SKEW_MS) < record.expires_ms();
        let addresses = &record.fields().addresses;
        let len = record.as_bytes().len();
        if !alive || !passes(addresses, reader, scope) || len > room {
            continue;
        }
        let group = addresses.iter().map(Group::of).find(|g| g.is_costly());
        if let Some(group) = group {
            let of_group = groups.entry(group).or_default();
            if *of_group >= MAX_PER_GROUP {
                continue;
            }
            *of_group += 1;
        }
        room -= len;
        out.push(Bytes::copy_from_slice(record.as_bytes()));
    }
    out
}

/// Whether a record with these addresses may go to a reader that far away.
fn passes(addresses: &[Multiaddr], reader: Reach, scope: Scope) -> bool {
    let mut reaches = addresses.iter().map(Reach::of);
    match (scope, reader) {
        (_, Reach::Machine) => reaches.any(|r| r >= Reach::Machine),
        (_, Reach::Network) | (Scope::Private, _) => reaches.any(|r| r >= Reach::Network),
        (Scope::Public, _) => !addresses.is_empty() && reaches.all(|r| r == Reach::Anywhere),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        identity::{KeyPair, NodeIdentity, RecordFields},
        ids::{ChainId, Hash32},
    };

    const NOW: u64 = 1_800_000_000_000;
    const PUBLIC: &str = "/ip4/8.8.8.8/tcp/1";
    const PRIVATE: &str = "/ip4/10.0.0.9/tcp/1";
    const LOOPBACK: &str = "/ip4/127.0.0.1/tcp/1";

    fn record(seed: u8, addresses: &[&str]) -> NodeRecord {
        let identity = NodeIdentity::from_keypair(KeyPair::deterministic([seed; 32]).unwrap());
        let fields = RecordFields {
            chain_id: ChainId(7),
            genesis: Hash32([3; 32]),
            seq: 1,
            created_ms: NOW,
            ttl_ms: 24 * 3_600_000,
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
        };
        NodeRecord::sign(&identity, &fields).unwrap()
    }

    fn sent(own: &NodeRecord, records: &[NodeRecord], at: &str, scope: Scope) -> Vec<Bytes> {
        let (peer, address) = (PeerId::random(), at.parse().unwrap());
        let asker = Asker {
            peer: &peer,
            address: &address,
        };
        what_to_send(Some(own), records, asker, scope, 32, NOW)
    }

    fn bytes(records: &[&NodeRecord]) -> Vec<Bytes> {
        let copied = records.iter().map(|r| Bytes::copy_from_slice(r.as_bytes()));
        copied.collect()
    }

    #[test]
    fn private_addresses_stay_where_they_are() {
        let own = record(1, &[PUBLIC]);
        let (private, mixed) = (record(2, &[PRIVATE]), record(3, &[PUBLIC, PRIVATE]));
        let (loopback, named) = (record(4, &[LOOPBACK]), record(5, &["/dns/a.example/tcp/1"]));
        let none = record(6, &[]);
        let all = [
            private.clone(),
            mixed.clone(),
            loopback.clone(),
            named.clone(),
            none,
        ];
        let to = |at, scope| sent(&own, &all, at, scope);
        let far = "/ip4/9.9.9.9/tcp/5";
        assert_eq!(to(far, Scope::Public), bytes(&[&own, &named]));
        assert_eq!(
            to("/ip4/10.0.0.7/tcp/5", Scope::Public),
            bytes(&[&own, &private, &mixed, &named])
        );
        assert_eq!(
            to(LOOPBACK, Scope::Public),
            bytes(&[&own, &private, &mixed, &loopback, &named])
        );
        assert_eq!(
            to(far, Scope::Private),
            bytes(&[&own, &private, &mixed, &named])
        );
        // Nor does our own record go where it must not.
        let hidden = record(1, &[PRIVATE]);
        assert_eq!(sent(&hidden, &[], far, Scope::Public), bytes(&[]));
    }

    #[test]
    fn nobody_gets_his_own_record_nor_ours_twice() {
        let (own, other, askers) = (
            record(1, &[PUBLIC]),
            record(2, &[PUBLIC]),
            record(3, &[PUBLIC]),
        );
        let (peer, address) = (askers.identity().peer_id(), PUBLIC.parse().unwrap());
        let asker = Asker {
            peer: &peer,
            address: &address,
        };
        let all = [own.clone(), askers.clone(), other.clone()];
        let scope = Scope::Public;
        assert_eq!(
            what_to_send(Some(&own), &all, asker, scope, 32, NOW),
            bytes(&[&own, &other])
        );
        assert_eq!(
            what_to_send(Some(&own), &all, asker, scope, 1, NOW),
            bytes(&[&own])
        );
        assert_eq!(what_to_send(None, &[], asker, scope, 32, NOW), bytes(&[]));
        let late = NOW + 24 * 3_600_000 - MESSAGE_SKEW_MS;
        assert_eq!(
            what_to_send(Some(&own), &all, asker, scope, 32, late),
            bytes(&[]),
            "they have expired for a reader whose clock is ahead"
        );
    }

    #[test]
    fn a_network_of_one_owner_does_not_fill_an_answer() {
        let own = record(1, &[PUBLIC]);
        let flood: Vec<NodeRecord> = (2..30)
            .map(|n| record(n, &["/ip4/5.6.7.8/tcp/1"]))
            .collect();
        let sent = sent(&own, &flood, PUBLIC, Scope::Public);
        assert_eq!(sent.len(), 1 + MAX_PER_GROUP);
    }
}
