//! Where the node listens, and which addresses it tells people to dial.

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use tokio::sync::watch;

/// Bound addresses and those the operator announces.
#[derive(Debug)]
pub(crate) struct Listening {
    me: PeerId,
    announced: Vec<Multiaddr>,
    confirmed: Vec<Multiaddr>,
    bound: Vec<Multiaddr>,
    dialable: watch::Sender<Vec<Multiaddr>>,
}

impl Listening {
    /// Nothing bound yet; `announced` are shown first.
    pub(crate) fn new(
        me: PeerId,
        announced: Vec<Multiaddr>,
    ) -> (Self, watch::Receiver<Vec<Multiaddr>>) {
        let (dialable, seen) = watch::channel(Vec::new());
        let this = Self {
            me,
            announced,
            confirmed: Vec::new(),
            bound: Vec::new(),
            dialable,
        };
        this.publish();
        (this, seen)
    }

    /// A listener is bound to `address`.
    pub(crate) fn bound(&mut self, address: Multiaddr) {
        if !self.bound.contains(&address) {
            self.bound.push(address);
            self.publish();
        }
    }

    /// A listener is gone from `address`.
    pub(crate) fn expired(&mut self, address: &Multiaddr) {
        self.bound.retain(|a| a != address);
        self.publish();
    }

    /// Peers see this node at these addresses.
    pub(crate) fn confirmed(&mut self, addresses: Vec<Multiaddr>) {
        if self.confirmed != addresses {
            self.confirmed = addresses;
            self.publish();
        }
    }

    /// The bound addresses.
    pub(crate) fn addresses(&self) -> &[Multiaddr] {
        &self.bound
    }

    fn publish(&self) {
        let mut out: Vec<Multiaddr> = Vec::new();
        let elsewhere = self.announced.iter().chain(&self.confirmed);
        for address in elsewhere.chain(&self.bound) {
            let full = match address.iter().last() {
                Some(Protocol::P2p(_)) => address.clone(),
                _ => address.clone().with(Protocol::P2p(self.me)),
            };
            if !out.contains(&full) {
                out.push(full);
            }
        }
        // Another machine can use anything but loopback: those come last.
        out.sort_by_key(is_loopback);
        self.dialable.send_replace(out);
    }
}

fn is_loopback(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => ip.is_loopback(),
        Some(Protocol::Ip6(ip)) => ip.is_loopback(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialable_addresses_end_in_the_peer_id_and_put_loopback_last() {
        let me = PeerId::random();
        let parse = |s: &str| s.parse::<Multiaddr>().expect("valid");
        let (mut listening, seen) = Listening::new(me, vec![parse("/dns4/node.example/tcp/1")]);
        listening.bound(parse("/ip4/127.0.0.1/tcp/2"));
        listening.bound(parse("/ip4/10.0.0.1/tcp/2"));
        let text: Vec<_> = seen.borrow().iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                format!("/dns4/node.example/tcp/1/p2p/{me}"),
                format!("/ip4/10.0.0.1/tcp/2/p2p/{me}"),
                format!("/ip4/127.0.0.1/tcp/2/p2p/{me}"),
            ]
        );
        listening.expired(&parse("/ip4/10.0.0.1/tcp/2"));
        assert_eq!(seen.borrow().len(), 2);
    }
}
