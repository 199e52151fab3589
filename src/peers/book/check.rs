//! Which addresses may enter the book.

use std::{collections::HashSet, net::IpAddr};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

use crate::{
    peers::{Group, ip_of, is_public},
    registry::MAX_ADDRESS_BYTES,
};

use super::origin::{Origin, Source};

/// Own addresses compared with those that others tell. A node has a handful; more are cut.
const MAX_OWN: usize = 64;

/// Which addresses a network has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Public ones. Private ones only from the operator, from configuration and from the local
    /// network itself: of others they would lead nowhere, or into our own network.
    #[default]
    Public,
    /// Any: test networks, on one machine or behind one router. Groups then say nothing, so each
    /// address that is not public counts as a group of its own.
    Any,
}

/// Why an address is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressRefusal {
    /// Longer than an address may be.
    #[error("the address is longer than {MAX_ADDRESS_BYTES} bytes")]
    TooLong,
    /// It ends in the `/p2p` of another peer.
    #[error("the address names another peer")]
    OtherPeer,
    /// No transport of this build takes it, or its host or port cannot be dialled.
    #[error("no transport of this node can dial the address")]
    Undialable,
    /// It leads into a network that is not public.
    #[error("a private address that a stranger told is not dialled on a public network")]
    Private,
    /// It leads to this node.
    #[error("the address is this node's own")]
    Own,
}

/// The rules, and what they need to know of this node.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) scope: Scope,
    me: PeerId,
    own: HashSet<Multiaddr>,
}

impl Rules {
    pub(super) fn new(scope: Scope, me: PeerId) -> Self {
        Self {
            scope,
            me,
            own: HashSet::new(),
        }
    }

    /// Whether `peer` is this node.
    pub(super) fn is_me(&self, peer: &PeerId) -> bool {
        *peer == self.me
    }

    /// Replaces this node's own addresses.
    pub(super) fn set_own(&mut self, addresses: &[Multiaddr]) {
        let bare = addresses.iter().map(bare);
        self.own = bare.take(MAX_OWN).collect();
    }

    /// Whether an address without `/p2p` is this node's own.
    pub(super) fn is_own(&self, address: &Multiaddr) -> bool {
        self.own.contains(address)
    }

    /// The address of `peer` without `/p2p`, if it may be dialled.
    pub(super) fn check(
        &self,
        peer: &PeerId,
        address: &Multiaddr,
        origin: Origin,
    ) -> Result<Multiaddr, AddressRefusal> {
        if address.len() > MAX_ADDRESS_BYTES {
            return Err(AddressRefusal::TooLong);
        }
        if let Some(Protocol::P2p(named)) = address.iter().last()
            && named != *peer
        {
            return Err(AddressRefusal::OtherPeer);
        }
        let address = bare(address);
        let group = Group::of(&address);
        if !is_dialable(&address) {
            return Err(AddressRefusal::Undialable);
        }
        if self.scope == Scope::Public && !is_global(&address) && !may_tell_private(origin, group) {
            return Err(AddressRefusal::Private);
        }
        if self.is_me(peer) || self.is_own(&address) {
            return Err(AddressRefusal::Own);
        }
        Ok(address)
    }

    /// What counts as one place in the tables: what an attacker gets in one piece.
    pub(super) fn place(&self, address: &Multiaddr) -> Vec<u8> {
        let group = Group::of(address);
        match group {
            Group::Local | Group::Other if self.scope == Scope::Any => address.to_vec(),
            // Only neighbours and the operator bring these into a public network.
            Group::Local => match ip_of(address) {
                Some(ip) => ip.to_string().into_bytes(),
                None => group_key(group),
            },
            _ => group_key(group),
        }
    }
}

/// A group as bytes.
pub(super) fn group_key(group: Group) -> Vec<u8> {
    match group {
        Group::V4(net) => [&[4], &net[..]].concat(),
        Group::V6(net) => [&[6], &net[..]].concat(),
        Group::Local => vec![0],
        Group::Other => vec![1],
    }
}

/// The group that [`group_key`] wrote.
pub(super) fn group_of_key(key: &[u8]) -> Option<Group> {
    match *key {
        [4, a, b] => Some(Group::V4([a, b])),
        [6, a, b, c, d] => Some(Group::V6([a, b, c, d])),
        [0] => Some(Group::Local),
        [1] => Some(Group::Other),
        _ => None,
    }
}

/// `address` without a closing `/p2p`.
pub(super) fn bare(address: &Multiaddr) -> Multiaddr {
    let mut out = address.clone();
    if let Some(Protocol::P2p(_)) = out.iter().last() {
        out.pop();
    }
    out
}

/// Whether it is a name, or an IP address of the public internet.
pub(super) fn is_global(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name)) => {
            !is_local_name(&name)
        }
        _ => ip_of(address).is_some_and(is_public),
    }
}

/// Names that resolvers answer with this machine or this network.
fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    !name.contains('.') || matches!(last, "local" | "localhost" | "internal" | "lan" | "arpa")
}

fn may_tell_private(origin: Origin, group: Group) -> bool {
    match origin.source {
        Source::Operator | Source::Bootstrap => true,
        // A neighbour may tell where it is in our network, and about nobody else.
        Source::Lan | Source::Identify => origin.group == Group::Local && group == Group::Local,
        Source::Seed | Source::Dht | Source::Exchange => false,
    }
}

fn is_dialable(address: &Multiaddr) -> bool {
    let mut parts = address.iter();
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    let host = match first {
        Some(Protocol::Memory(port)) => return port != 0 && second.is_none(),
        Some(Protocol::Ip4(ip)) => is_host(ip.into()),
        Some(Protocol::Ip6(ip)) => is_host(ip.into()),
        Some(Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name)) => !name.is_empty(),
        _ => false,
    };
    host && third.is_none() && matches!(second, Some(Protocol::Tcp(port)) if port != 0)
}

/// Whether `ip` can be one machine's.
fn is_host(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    !(ip.is_unspecified() || ip.is_multicast() || broadcast)
}
