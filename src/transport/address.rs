//! Whom a multiaddress promises.

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

/// Whom a dialled address promises: the last `/p2p` behind the last `/p2p-circuit`. Without one
/// whoever answers is accepted, and is shown our identity.
#[must_use]
pub fn expected_peer(address: &Multiaddr) -> Option<PeerId> {
    address.iter().fold(None, |peer, part| match part {
        Protocol::P2p(id) => Some(id),
        Protocol::P2pCircuit => None,
        _ => peer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_behind_the_last_relay_is_the_one_dialled() {
        let (relay, peer) = (PeerId::random(), PeerId::random());
        let of = |text: String| expected_peer(&text.parse().unwrap());
        assert_eq!(of(format!("/ip4/1.2.3.4/tcp/5/p2p/{peer}")), Some(peer));
        assert_eq!(of("/ip4/1.2.3.4/tcp/5".to_owned()), None);
        let circuit = format!("/ip4/1.2.3.4/tcp/5/p2p/{relay}/p2p-circuit");
        assert_eq!(of(circuit.clone()), None);
        assert_eq!(of(format!("{circuit}/p2p/{peer}")), Some(peer));
    }
}
