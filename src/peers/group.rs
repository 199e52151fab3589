//! Groups of addresses: what one attacker can have cheaply counts as one place.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use libp2p::{Multiaddr, multiaddr::Protocol};

/// Where an address is, as far as diversity goes. Of a public address the group is its /16 (IPv4)
/// or /32 (IPv6), the size in which providers get them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// A /16 of IPv4.
    V4([u8; 2]),
    /// A /32 of IPv6.
    V6([u8; 4]),
    /// Loopback, private, link-local and unique local addresses: test networks live there, and
    /// nobody outside can place a peer in one.
    Local,
    /// No IP address: a name, the memory transport, a relay.
    Other,
}

impl Group {
    /// The group of an address.
    #[must_use]
    pub fn of(address: &Multiaddr) -> Self {
        ip_of(address).map_or(Self::Other, Self::of_ip)
    }

    /// The group of an IP address.
    #[must_use]
    pub fn of_ip(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            ip if !is_public(ip) => Self::Local,
            IpAddr::V4(v4) => {
                let [a, b, ..] = v4.octets();
                Self::V4([a, b])
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.octets();
                Self::V6([a, b, c, d])
            }
        }
    }

    /// Whether an attacker would have to pay for more groups of this kind.
    #[must_use]
    pub fn is_costly(self) -> bool {
        matches!(self, Self::V4(_) | Self::V6(_))
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4([a, b]) => write!(f, "{a}.{b}.0.0/16"),
            Self::V6([a, b, c, d]) => {
                let bits = |high: u8, low: u8| u16::from_be_bytes([high, low]);
                let net = Ipv6Addr::new(bits(*a, *b), bits(*c, *d), 0, 0, 0, 0, 0, 0);
                write!(f, "{net}/32")
            }
            Self::Local => f.write_str("local"),
            Self::Other => f.write_str("other"),
        }
    }
}

/// The IP address that `address` leads to, if it says so and does not lead through a relay.
#[must_use]
pub fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    if address.iter().any(|p| matches!(p, Protocol::P2pCircuit)) {
        return None;
    }
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(IpAddr::V6(ip).to_canonical()),
        _ => None,
    }
}

/// Whether `ip` can be reached from the whole internet, as far as the address tells.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let benchmarks = a == 198 && (b == 18 || b == 19);
            let protocol = a == 192 && b == 0 && c == 0;
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || shared
                || benchmarks
                || protocol)
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            let global = (0x2000..=0x3fff).contains(&first);
            let documentation = first == 0x2001 && second == 0x0db8;
            global && !documentation
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        Group::of(&text.parse().unwrap()).to_string()
    }

    #[test]
    fn a_group_is_what_a_provider_gets_in_one_piece() {
        assert_eq!(of("/ip4/8.9.10.11/tcp/1"), "8.9.0.0/16");
        assert_eq!(of("/ip6/::ffff:8.9.1.1/tcp/1"), "8.9.0.0/16");
        assert_eq!(of("/ip6/2a00:1450:4001::1/tcp/1"), "2a00:1450::/32");
        assert_eq!(of("/dns/a.example/tcp/1"), "other");
        assert_eq!(of("/memory/7"), "other");
        assert_eq!(of("/ip4/8.9.10.11/tcp/1/p2p-circuit"), "other");
    }

    #[test]
    fn what_is_not_routed_is_local() {
        for local in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.7.7",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.251",
            "192.0.2.1",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::fb",
            "2001:db8::1",
        ] {
            let ip: IpAddr = local.parse().unwrap();
            assert!(!is_public(ip), "{local}");
            assert_eq!(Group::of_ip(ip), Group::Local, "{local}");
        }
        for public in ["1.1.1.1", "100.128.0.1", "2606:4700::1111"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
