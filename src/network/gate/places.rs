//! How many inbound connections each address and each group of addresses holds, as a value.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};

use libp2p::{Multiaddr, multiaddr::Protocol, swarm::ConnectionId};

use super::Denied;
use crate::peers::ban::place_of;

/// How many inbound connections may come from one place, those still in their handshake included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From one public address. A household or an office behind one address runs a few nodes;
    /// more connections than that are one party taking the places of others.
    pub per_address: usize,
    /// From one /24 (IPv4) or /48 (IPv6), what one party can rent cheaply.
    pub per_group: usize,
    /// From one loopback, private or link-local address, which has no group: whole test networks
    /// live on one machine.
    pub per_local_address: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_address: 8,
            per_group: 24,
            per_local_address: 64,
        }
    }
}

/// Who holds which place. Bounded by the connections that exist.
#[derive(Debug)]
pub(super) struct Places {
    limits: Limits,
    held: HashMap<ConnectionId, IpAddr>,
    per_address: HashMap<IpAddr, usize>,
    per_group: HashMap<IpAddr, usize>,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            held: HashMap::new(),
            per_address: HashMap::new(),
            per_group: HashMap::new(),
        }
    }

    /// Gives `id` a place at `ip` if one is free.
    pub(super) fn enter(&mut self, id: ConnectionId, ip: IpAddr) -> Result<(), Denied> {
        let group = group_of(ip);
        let limit = match group {
            Some(_) => self.limits.per_address,
            None => self.limits.per_local_address,
        };
        if self.per_address.get(&ip).is_some_and(|n| *n >= limit) {
            return Err(Denied::Address { limit });
        }
        let limit = self.limits.per_group;
        if let Some(group) = group
            && self.per_group.get(&group).is_some_and(|n| *n >= limit)
        {
            return Err(Denied::Group { limit });
        }
        self.held.insert(id, ip);
        *self.per_address.entry(ip).or_default() += 1;
        if let Some(group) = group {
            *self.per_group.entry(group).or_default() += 1;
        }
        Ok(())
    }

    /// Takes the place of `id` back, if it has one.
    pub(super) fn leave(&mut self, id: ConnectionId) {
        let Some(ip) = self.held.remove(&id) else {
            return;
        };
        release(&mut self.per_address, ip);
        if let Some(group) = group_of(ip) {
            release(&mut self.per_group, group);
        }
    }
}

fn release(counts: &mut HashMap<IpAddr, usize>, key: IpAddr) {
    if let Some(n) = counts.get_mut(&key) {
        *n -= 1;
        if *n == 0 {
            counts.remove(&key);
        }
    }
}

/// The place of the IP address that opens `address`. `None` for names, memory and everything
/// behind a relay, whose first address is the relay's.
pub(super) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    if address.iter().any(|p| p == Protocol::P2pCircuit) {
        return None;
    }
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(place_of(ip.into())),
        _ => None,
    }
}

/// The group `ip` is in, named by its first address; `None` where addresses are not scarce.
fn group_of(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(v4) if v4.is_loopback() || v4.is_private() || v4.is_link_local() => None,
        // Shared between the customers of a provider (RFC 6598).
        IpAddr::V4(v4) if matches!(v4.octets(), [100, 64..=127, ..]) => None,
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            Some([a, b, c, 0].into())
        }
        IpAddr::V6(v6) if v6.is_loopback() || v6.is_unique_local() => None,
        IpAddr::V6(v6) if v6.is_unicast_link_local() => None,
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            Some(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        Places::new(Limits {
            per_address: 2,
            per_group: 3,
            per_local_address: 4,
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn id(n: usize) -> ConnectionId {
        ConnectionId::new_unchecked(n)
    }

    #[test]
    fn an_address_and_its_group_hold_so_many_and_free_them() {
        let mut places = places();
        assert_eq!(places.enter(id(1), ip("8.8.8.1")), Ok(()));
        assert_eq!(places.enter(id(2), ip("8.8.8.1")), Ok(()));
        let full = Err(Denied::Address { limit: 2 });
        assert_eq!(places.enter(id(3), ip("8.8.8.1")), full);
        assert_eq!(places.enter(id(4), ip("8.8.8.2")), Ok(()));
        let full = Err(Denied::Group { limit: 3 });
        assert_eq!(places.enter(id(5), ip("8.8.8.3")), full);
        assert_eq!(places.enter(id(6), ip("8.8.9.3")), Ok(()));
        places.leave(id(1));
        places.leave(id(1));
        places.leave(id(3));
        assert_eq!(places.enter(id(7), ip("8.8.8.3")), Ok(()));
    }

    #[test]
    fn local_addresses_have_their_own_limit_and_no_group() {
        for local in [
            "127.0.0.",
            "10.1.1.",
            "192.168.7.",
            "169.254.1.",
            "fd00::",
            "fe80::",
        ] {
            let mut places = places();
            let mut n = 0;
            for last in 1..4 {
                for _ in 0..4 {
                    n += 1;
                    let ip = ip(&format!("{local}{last}"));
                    assert_eq!(places.enter(id(n), ip), Ok(()), "{ip}");
                }
            }
            let full = Err(Denied::Address { limit: 4 });
            assert_eq!(places.enter(id(99), ip(&format!("{local}1"))), full);
        }
    }

    #[test]
    fn the_state_is_gone_when_the_connections_are() {
        let mut places = places();
        for n in 0..100 {
            places.enter(id(n), ip(&format!("1.2.{n}.4"))).unwrap();
        }
        (0..100).for_each(|n| places.leave(id(n)));
        let left = places.held.len() + places.per_address.len() + places.per_group.len();
        assert_eq!(left, 0);
    }

    #[test]
    fn addresses_are_read_where_they_mean_the_remote() {
        let of = |text: &str| ip_of(&text.parse().unwrap());
        assert_eq!(of("/ip4/1.2.3.4/tcp/5"), Some(ip("1.2.3.4")));
        assert_eq!(of("/ip6/::ffff:1.2.3.4/tcp/5"), Some(ip("1.2.3.4")));
        assert_eq!(of("/ip6/2001:db8::1:2:3:4/tcp/5"), Some(ip("2001:db8::")));
        assert_eq!(of("/ip6/::1/tcp/5"), Some(ip("::1")));
        assert_eq!(of("/memory/7"), None);
        assert_eq!(of("/dns/example.org/tcp/1"), None);
        assert_eq!(of("/ip4/1.2.3.4/tcp/5/p2p-circuit"), None);
    }

    #[test]
    fn one_48_is_one_group() {
        assert_eq!(group_of(ip("2001:db8:1:2::3")), Some(ip("2001:db8:1::")));
        assert_eq!(group_of(ip("9.8.7.6")), Some(ip("9.8.7.0")));
    }
}
