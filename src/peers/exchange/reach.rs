//! From where an address can be reached.

use std::net::IpAddr;

use libp2p::{Multiaddr, multiaddr::Protocol};

use crate::peers::is_public;

/// From where an address can be reached, as far as it tells; the later, the further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// From nowhere: unspecified, multicast or broadcast.
    Nowhere,
    /// From the same machine: loopback, or the memory of the process.
    Machine,
    /// From the same network: private, link-local, unique local, shared.
    Network,
    /// From anywhere: public addresses, and names, which tell nothing.
    Anywhere,
}

impl Reach {
    /// That of an address. All its parts count, so that a relay at a private address is no public
    /// one.
    #[must_use]
    pub fn of(address: &Multiaddr) -> Self {
        let reach = address.iter().map(|part| match part {
            Protocol::Ip4(ip) => Self::of_ip(ip.into()),
            Protocol::Ip6(ip) => Self::of_ip(ip.into()),
            Protocol::Memory(_) => Self::Machine,
            Protocol::Dns(name)
            | Protocol::Dns4(name)
            | Protocol::Dns6(name)
            | Protocol::Dnsaddr(name) => Self::of_name(&name),
            _ => Self::Anywhere,
        });
        reach.min().unwrap_or(Self::Nowhere)
    }

    fn of_ip(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            ip if ip.is_loopback() => Self::Machine,
            ip if ip.is_unspecified() || ip.is_multicast() => Self::Nowhere,
            IpAddr::V4(ip) if ip.is_broadcast() => Self::Nowhere,
            ip if is_public(ip) => Self::Anywhere,
            _ => Self::Network,
        }
    }

    /// The names that stand for places of their own (RFC 6761, 6762 and 9476, and what routers say).
    fn of_name(name: &str) -> Self {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let last = name.rsplit('.').next().unwrap_or_default();
        match last {
            "localhost" => Self::Machine,
            "local" | "internal" | "lan" => Self::Network,
            _ => Self::Anywhere,
        }
    }
}

/// Of our addresses those that belong into our record: the public ones if there is any, else those
/// of the network, else those of the machine. What is reachable from further away makes the rest
/// useless to strangers, and tells them about a network that is none of their business.
#[must_use]
pub fn announceable(addresses: &[Multiaddr]) -> Vec<Multiaddr> {
    let best = addresses.iter().map(Reach::of).max();
    let best = best.filter(|best| *best > Reach::Nowhere);
    let keep = |address: &&Multiaddr| Some(Reach::of(address)) == best;
    addresses.iter().filter(keep).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<Multiaddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn an_address_reaches_as_far_as_its_nearest_part() {
        for (text, reach) in [
            ("/ip4/0.0.0.0/tcp/1", Reach::Nowhere),
            ("/ip6/::/tcp/1", Reach::Nowhere),
            ("/ip4/224.0.0.251/udp/1", Reach::Nowhere),
            ("/ip4/255.255.255.255/udp/1", Reach::Nowhere),
            ("/ip4/127.0.0.1/tcp/1", Reach::Machine),
            ("/ip6/::1/tcp/1", Reach::Machine),
            ("/ip6/::ffff:127.0.0.1/tcp/1", Reach::Machine),
            ("/memory/7", Reach::Machine),
            ("/dns4/localhost/tcp/1", Reach::Machine),
            ("/ip4/192.168.1.2/tcp/1", Reach::Network),
            ("/ip4/100.64.0.1/tcp/1", Reach::Network),
            ("/ip6/fd00::1/tcp/1", Reach::Network),
            ("/dns/printer.LOCAL./tcp/1", Reach::Network),
            ("/ip4/10.0.0.1/tcp/1/p2p-circuit", Reach::Network),
            ("/ip4/8.8.8.8/tcp/1", Reach::Anywhere),
            ("/dns/a.example/tcp/1", Reach::Anywhere),
        ] {
            assert_eq!(Reach::of(&text.parse().unwrap()), reach, "{text}");
        }
        assert_eq!(Reach::of(&Multiaddr::empty()), Reach::Nowhere);
    }

    #[test]
    fn what_reaches_furthest_is_announced_alone() {
        let (nowhere, machine) = ("/ip4/0.0.0.0/tcp/1", "/ip4/127.0.0.1/tcp/1");
        let (network, public) = ("/ip4/10.0.0.1/tcp/1", "/ip4/8.8.8.8/tcp/1");
        let announced = |texts: &[&str]| announceable(&addresses(texts));
        assert_eq!(
            announced(&[nowhere, machine, network, public]),
            addresses(&[public])
        );
        assert_eq!(
            announced(&[nowhere, machine, network]),
            addresses(&[network])
        );
        assert_eq!(announced(&[nowhere, machine]), addresses(&[machine]));
        assert_eq!(announced(&[nowhere]), []);
    }
}
