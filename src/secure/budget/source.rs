//! Where a connection comes from, as far as budgets care.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

use super::Class;

/// Where a connection comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Directly from this address.
    Ip(IpAddr),
    /// Over a relay. The relay vouches for `peer`, no more.
    Circuit {
        /// The relay.
        relay: Option<PeerId>,
        /// Who is said to be behind it.
        peer: Option<PeerId>,
    },
    /// Within this process.
    Memory,
    /// Not known, as in the plain libp2p upgrade: only the shared budgets hold.
    Unknown,
}

/// What a budget is counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    Peer(PeerId),
}

/// The keys of a source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    /// Where its own connections are counted.
    pub(super) address: Option<Key>,
    /// Where those of its neighbours are counted as well.
    pub(super) group: Option<Key>,
    /// The class of a source without an address.
    pub(super) unmetered: Class,
}

impl Source {
    /// The source in the remote address of a connection.
    #[must_use]
    pub fn of(remote: &Multiaddr) -> Self {
        let mut ip = None;
        let mut memory = false;
        let mut circuit = false;
        let (mut relay, mut peer) = (None, None);
        for part in remote {
            match part {
                Protocol::Ip4(a) => ip = ip.or(Some(IpAddr::V4(a))),
                Protocol::Ip6(a) => ip = ip.or(Some(IpAddr::V6(a).to_canonical())),
                Protocol::Memory(_) => memory = true,
                Protocol::P2pCircuit => circuit = true,
                Protocol::P2p(id) if circuit => peer = Some(id),
                Protocol::P2p(id) => relay = Some(id),
                _ => {}
            }
        }
        match ip {
            _ if circuit => Self::Circuit { relay, peer },
            Some(ip) => Self::Ip(ip),
            None if memory => Self::Memory,
            None => Self::Unknown,
        }
    }

    pub(super) fn keys(&self) -> Keys {
        let keys = |address, group, unmetered| Keys {
            address,
            group,
            unmetered,
        };
        match self {
            Self::Ip(IpAddr::V4(a)) => {
                let [x, y, z, _] = a.octets();
                let group = (!is_local_v4(*a)).then_some(Key::V4(Ipv4Addr::new(x, y, z, 0)));
                keys(Some(Key::V4(*a)), group, Class::Returning)
            }
            Self::Ip(IpAddr::V6(a)) => {
                // A subscriber has a /64 at least, so one address of it says no more than another.
                let group = (!is_local_v6(*a)).then_some(Key::V6(prefix(*a, 48)));
                keys(Some(Key::V6(prefix(*a, 64))), group, Class::Returning)
            }
            Self::Circuit { relay, peer } => {
                // An unnamed source is counted with the relay.
                let relay = relay.map(Key::Peer);
                keys(peer.map(Key::Peer).or(relay), relay, Class::Returning)
            }
            Self::Memory => keys(None, None, Class::Trusted),
            Self::Unknown => keys(None, None, Class::Returning),
        }
    }
}

fn prefix(a: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(a.to_bits() & (u128::MAX << (128 - bits)))
}

/// Loopback, private (RFC 1918), shared (RFC 6598) and link-local addresses.
fn is_local_v4(a: Ipv4Addr) -> bool {
    let [x, y, ..] = a.octets();
    a.is_loopback() || a.is_private() || a.is_link_local() || (x == 100 && y & 0xc0 == 64)
}

/// Loopback, unique local (RFC 4193) and link-local addresses.
fn is_local_v6(a: Ipv6Addr) -> bool {
    a.is_loopback() || a.is_unique_local() || a.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(addr: &str) -> (Option<Key>, Option<Key>) {
        let keys = Source::of(&addr.parse().unwrap()).keys();
        (keys.address, keys.group)
    }

    fn v4(text: &str) -> Option<Key> {
        Some(Key::V4(text.parse().unwrap()))
    }

    fn v6(text: &str) -> Option<Key> {
        Some(Key::V6(text.parse().unwrap()))
    }

    #[test]
    fn public_addresses_have_a_group_and_local_ones_have_none() {
        assert_eq!(
            keys("/ip4/8.9.10.11/tcp/1"),
            (v4("8.9.10.11"), v4("8.9.10.0"))
        );
        assert_eq!(
            keys("/ip6/::ffff:8.9.10.11/tcp/1"),
            (v4("8.9.10.11"), v4("8.9.10.0"))
        );
        assert_eq!(
            keys("/ip6/2001:db8:1:2:3::4/tcp/1"),
            (v6("2001:db8:1:2::"), v6("2001:db8:1::"))
        );
        for local in [
            "127.3.2.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.0.1",
            "100.64.0.1",
        ] {
            assert_eq!(keys(&format!("/ip4/{local}/tcp/1")), (v4(local), None));
        }
        assert_eq!(keys("/ip6/fd00::1/tcp/1").1, None);
        assert_eq!(keys("/ip6/fe80::1/tcp/1").1, None);
    }

    #[test]
    fn circuits_are_counted_apart_from_the_relay_s_address() {
        let (relay, peer) = (PeerId::random(), PeerId::random());
        let addr = format!("/ip4/8.8.8.8/tcp/1/p2p/{relay}/p2p-circuit/p2p/{peer}");
        assert_eq!(keys(&addr), (Some(Key::Peer(peer)), Some(Key::Peer(relay))));
        let addr = format!("/ip4/8.8.8.8/tcp/1/p2p/{relay}/p2p-circuit");
        assert_eq!(
            keys(&addr),
            (Some(Key::Peer(relay)), Some(Key::Peer(relay)))
        );
    }

    #[test]
    fn memory_is_exempt() {
        let source = Source::of(&"/memory/5".parse().unwrap());
        assert_eq!(source, Source::Memory);
        assert_eq!(source.keys().unmetered, Class::Trusted);
        assert_eq!(Source::of(&Multiaddr::empty()), Source::Unknown);
    }
}
