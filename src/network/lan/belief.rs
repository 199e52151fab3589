//! Which addresses heard on the local network are believed.

use std::net::IpAddr;

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

use crate::{identity::digest_from_peer_id, peers::ip_of, registry::MAX_ADDRESS_BYTES};

/// The address without `/p2p`, if a neighbour could have it: a private or link-local address, or one
/// of a network that `own` addresses are in (/24, /64). Whoever makes one up can thus send us to
/// machines that it could talk to itself, not across the internet, and not to this machine.
pub(super) fn believed(address: &Multiaddr, peer: PeerId, own: &[IpAddr]) -> Option<Multiaddr> {
    // The name that libp2p announces is that of all its applications; most of them are not ours.
    if address.len() > MAX_ADDRESS_BYTES || digest_from_peer_id(&peer).is_none() {
        return None;
    }
    let mut bare = address.clone();
    if let Some(Protocol::P2p(id)) = bare.iter().last() {
        if id != peer {
            return None;
        }
        bare.pop();
    }
    // Through relays and other peers' `/p2p` leads no address of a neighbour.
    let through = |p: &Protocol<'_>| matches!(p, Protocol::P2p(_) | Protocol::P2pCircuit);
    if bare.iter().any(|p| through(&p)) {
        return None;
    }
    let near = is_near(ip_of(&bare)?, own);
    let port = match bare.iter().nth(1)? {
        Protocol::Tcp(port) | Protocol::Udp(port) => port,
        _ => 0,
    };
    (near && port != 0).then_some(bare)
}

fn is_near(ip: IpAddr, own: &[IpAddr]) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let usual = v4.is_private() || v4.is_link_local();
            let [a, b, c, _] = v4.octets();
            let same = |own: &IpAddr| matches!(own, IpAddr::V4(o) if o.octets()[..3] == [a, b, c]);
            let odd = v4.is_loopback() || v4.is_unspecified() || v4.is_multicast();
            !odd && !v4.is_broadcast() && (usual || own.iter().any(same))
        }
        IpAddr::V6(v6) => {
            let usual = v6.is_unique_local() || v6.is_unicast_link_local();
            let net = |ip: &std::net::Ipv6Addr| ip.octets()[..8].to_vec();
            let same = |own: &IpAddr| matches!(own, IpAddr::V6(o) if net(o) == net(&v6));
            let odd = v6.is_loopback() || v6.is_unspecified() || v6.is_multicast();
            !odd && (usual || own.iter().any(same))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{identity::peer_id_from_digest, ids::Hash32};

    fn id(byte: u8) -> PeerId {
        peer_id_from_digest(Hash32([byte; 32]))
    }

    #[test]
    fn believes_nobody_of_another_network() {
        let address = "/ip4/192.168.1.7/tcp/1".parse().unwrap();
        assert_eq!(believed(&address, PeerId::random(), &[]), None);
    }

    fn believes(text: &str, own: &[&str]) -> bool {
        let own: Vec<IpAddr> = own.iter().map(|ip| ip.parse().unwrap()).collect();
        believed(&text.parse().unwrap(), id(1), &own).is_some()
    }

    #[test]
    fn believes_neighbours() {
        for near in [
            "/ip4/192.168.1.7/tcp/41000",
            "/ip4/10.9.8.7/udp/41000/quic-v1",
            "/ip4/169.254.1.1/tcp/1",
            "/ip6/fe80::1/tcp/1",
            "/ip6/fd00::1/tcp/1",
        ] {
            assert!(believes(near, &[]), "{near}");
        }
        assert!(believes("/ip4/8.8.8.8/tcp/1", &["8.8.8.200"]));
        assert!(believes("/ip6/2606:4700::9/tcp/1", &["2606:4700::1"]));
    }

    #[test]
    fn believes_nobody_who_sends_us_elsewhere() {
        for far in [
            "/ip4/8.8.8.8/tcp/1",
            "/ip4/127.0.0.1/tcp/1",
            "/ip4/0.0.0.0/tcp/1",
            "/ip4/224.0.0.251/tcp/1",
            "/ip4/192.168.1.7/tcp/0",
            "/ip4/192.168.1.7",
            "/ip6/::1/tcp/1",
            "/ip6/::ffff:127.0.0.1/tcp/1",
            "/ip6/2606:4700::9/tcp/1",
            "/dns/localhost/tcp/1",
            "/dnsaddr/evil.example",
            "/memory/1",
        ] {
            assert!(!believes(far, &["8.8.9.1", "2606:4701::1"]), "{far}");
        }
        assert!(!believes("/ip4/127.0.0.9/tcp/1", &["127.0.0.1"]));
        assert!(believed(&Multiaddr::empty(), id(1), &[]).is_none());
    }

    #[test]
    fn the_peer_in_the_address_must_be_the_peer() {
        let (peer, other) = (id(1), id(2));
        let plain = "/ip4/192.168.1.7/tcp/1";
        let read = |text: String| believed(&text.parse().unwrap(), peer, &[]);
        assert_eq!(
            read(format!("{plain}/p2p/{peer}")).unwrap().to_string(),
            plain
        );
        assert_eq!(read(format!("{plain}/p2p/{other}")), None);
        assert_eq!(
            read(format!("{plain}/p2p/{other}/p2p-circuit/p2p/{peer}")),
            None
        );
    }
}
