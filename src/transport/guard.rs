//! Refuses to dial what no transport here takes, before anything else sees the address.
//!
//! # Security
//! Addresses come from peers. Behind this, DNS would accept any of them, fail later, and the count
//! of bytes would already have made a metric of its stack of protocols, as many as a peer invents.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, Transport,
    core::transport::{DialOpts, ListenerId, TransportError, TransportEvent},
    multiaddr::Protocol as P,
};

use super::Options;

/// A transport that dials only addresses of the forms `/ip4|ip6|dns|dns4|dns6/…/tcp/…`,
/// `/dnsaddr/…` and `/memory/…`, with or without `/p2p/…`, as far as `options` want them.
#[derive(Debug)]
pub(super) struct Guard<T> {
    inner: T,
    options: Options,
}

impl<T> Guard<T> {
    pub(super) fn new(inner: T, options: Options) -> Self {
        Self { inner, options }
    }
}

fn takes(options: Options, address: &Multiaddr) -> bool {
    // No form has more than three parts; a fourth is enough to refuse.
    let mut parts: Vec<_> = address.iter().take(4).collect();
    if matches!(parts.last(), Some(P::P2p(_))) {
        parts.pop();
    }
    match parts[..] {
        [P::Memory(_)] => options.memory,
        [P::Ip4(_) | P::Ip6(_), P::Tcp(_)] => options.tcp,
        [P::Dns(_) | P::Dns4(_) | P::Dns6(_), P::Tcp(_)] | [P::Dnsaddr(_)] => {
            options.tcp && options.dns
        }
        _ => false,
    }
}

impl<T: Transport + Unpin> Transport for Guard<T> {
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = T::Dial;

    fn listen_on(
        &mut self,
        id: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<T::Error>> {
        self.inner.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        how: DialOpts,
    ) -> Result<T::Dial, TransportError<T::Error>> {
        if !takes(self.options, &address) {
            return Err(TransportError::MultiaddrNotSupported(address));
        }
        self.inner.dial(address, how)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<T::ListenerUpgrade, T::Error>> {
        Pin::new(&mut self.inner).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use libp2p::PeerId;

    use super::*;

    #[test]
    fn only_forms_that_some_transport_takes_are_dialled() {
        let (all, peer) = (Options::default(), PeerId::random());
        let takes = |options, text: &str| takes(options, &text.parse().unwrap());
        for good in [
            "/ip4/1.2.3.4/tcp/5",
            "/ip6/::1/tcp/5",
            "/dns/a.example/tcp/5",
            "/dns4/a.example/tcp/5",
            "/dns6/a.example/tcp/5",
            "/dnsaddr/a.example",
            "/memory/9",
        ] {
            assert!(takes(all, good), "{good}");
            assert!(takes(all, &format!("{good}/p2p/{peer}")), "{good}");
        }
        let twice = format!("/ip4/1.2.3.4/tcp/5/p2p/{peer}/p2p/{peer}");
        for bad in [
            "/ip4/1.2.3.4",
            "/ip4/1.2.3.4/udp/5",
            "/ip4/1.2.3.4/udp/5/quic-v1",
            "/ip4/1.2.3.4/tcp/5/ws",
            "/ip4/1.2.3.4/tcp/5/tcp/6",
            "/dns/a.example/udp/5",
            "/p2p-circuit",
            &twice,
        ] {
            assert!(!takes(all, bad), "{bad}");
        }
        let none = Options {
            tcp: true,
            dns: false,
            memory: false,
            ..all
        };
        assert!(takes(none, "/ip4/1.2.3.4/tcp/5"));
        assert!(!takes(none, "/dns/a.example/tcp/5"));
        assert!(!takes(none, "/memory/1"));
    }
}
