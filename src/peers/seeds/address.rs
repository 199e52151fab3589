//! Which addresses of a source are dialled.

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

use crate::{
    peers::{ip_of, is_public},
    registry::MAX_ADDRESS_BYTES,
};

/// An address as a source writes it: where, and who if it says so.
///
/// `None` for what cannot be read (later versions may have more protocols), leads through a relay
/// or to nowhere in particular, or, with `public_only`, to a place that is not on the internet.
/// A name is taken as it is: where it leads shows when it is dialled.
pub(super) fn read(text: &str, public_only: bool) -> Option<(Multiaddr, Option<PeerId>)> {
    if text.len() > MAX_ADDRESS_BYTES {
        return None;
    }
    let mut address: Multiaddr = text.parse().ok()?;
    if address.iter().any(|p| matches!(p, Protocol::P2pCircuit)) {
        return None;
    }
    let mut peer = None;
    if let Some(Protocol::P2p(id)) = address.iter().last() {
        peer = Some(id);
        address.pop();
    }
    if address.iter().any(|p| matches!(p, Protocol::P2p(_))) {
        return None;
    }
    fits(&address, public_only).then_some((address, peer))
}

/// Whether an address without `/p2p` is one to dial.
fn fits(address: &Multiaddr, public_only: bool) -> bool {
    let mut parts = address.iter();
    let placed = match parts.next() {
        Some(Protocol::Ip4(_) | Protocol::Ip6(_)) => {
            let Some(ip) = ip_of(address) else {
                return false;
            };
            let somewhere = !ip.is_unspecified() && !ip.is_multicast();
            somewhere && (!public_only || is_public(ip))
        }
        Some(Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name)) => {
            !(name.is_empty() || public_only && is_local_name(&name))
        }
        // Within this process, for tests.
        Some(Protocol::Memory(_)) => return !public_only && parts.next().is_none(),
        _ => false,
    };
    let port = match parts.next() {
        Some(Protocol::Tcp(port) | Protocol::Udp(port)) => port,
        _ => 0,
    };
    placed && port != 0
}

/// Names that only ever mean this machine or this network (RFC 6761, 6762, 8375).
fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    matches!(last, "localhost" | "local" | "internal" | "home") || name.ends_with(".home.arpa")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_places_on_the_internet_and_nothing_else() {
        for public in [
            "/ip4/8.8.8.8/tcp/41000",
            "/ip6/2606:4700::1111/udp/1/quic-v1",
            "/dns/seed.example.org/tcp/1",
        ] {
            assert!(read(public, true).is_some(), "{public}");
        }
        for refused in [
            "",
            "8.8.8.8:41000",
            "/ip4/10.0.0.1/tcp/1",
            "/ip4/127.0.0.1/tcp/1",
            "/ip6/::ffff:10.0.0.1/tcp/1",
            "/ip6/fe80::1/tcp/1",
            "/dns/localhost/tcp/1",
            "/dns/printer.local/tcp/1",
            "/memory/7",
            "/ip4/8.8.8.8/tcp/0",
            "/ip4/8.8.8.8",
            "/dnsaddr/seed.example.org",
        ] {
            assert!(read(refused, true).is_none(), "{refused}");
        }
        assert!(read(&format!("/dns/{}/tcp/1", "a".repeat(300)), false).is_none());
    }

    #[test]
    fn a_test_network_keeps_what_is_private_but_not_what_is_nowhere() {
        for kept in ["/ip4/10.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1", "/memory/7"] {
            assert!(read(kept, false).is_some(), "{kept}");
        }
        for refused in [
            "/ip4/0.0.0.0/tcp/1",
            "/ip4/224.0.0.251/tcp/1",
            "/memory/7/tcp/1",
        ] {
            assert!(read(refused, false).is_none(), "{refused}");
        }
    }

    #[test]
    fn the_peer_is_cut_off_and_a_relay_is_refused() {
        let peer = PeerId::random();
        let plain = "/ip4/8.8.8.8/tcp/1";
        let (address, found) = read(&format!("{plain}/p2p/{peer}"), true).unwrap();
        assert_eq!((address.to_string().as_str(), found), (plain, Some(peer)));
        let relayed = format!("{plain}/p2p/{peer}/p2p-circuit/p2p/{peer}");
        assert!(read(&relayed, true).is_none());
        assert!(read(&format!("{plain}/p2p/{peer}/tcp/1"), true).is_none());
    }
}
