//! Dials from the port we listen on, and from a new one where that cannot be.
//!
//! A dial from our own port shows the peer an address that others can use, and binds a second
//! socket to that port. The system refuses it when a third one is there without leave to share,
//! which may stay for as long as we listen: without another way the node could dial nobody.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use futures::{FutureExt, future::BoxFuture};
use libp2p::{
    Multiaddr, Transport,
    core::transport::{DialOpts, ListenerId, PortUse, TransportError, TransportEvent},
};

/// TCP whose dials do not fail because our own port is taken.
#[derive(Debug)]
pub(super) struct OwnPort<T>(pub(super) T);

impl<T> Transport for OwnPort<T>
where
    T: Transport<Output: Send, Error = io::Error, Dial: Send + 'static> + Unpin,
{
    type Output = T::Output;
    type Error = io::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = BoxFuture<'static, io::Result<T::Output>>;

    fn listen_on(
        &mut self,
        id: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<io::Error>> {
        self.0.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.0.remove_listener(id)
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        how: DialOpts,
    ) -> Result<Self::Dial, TransportError<io::Error>> {
        let first = self.0.dial(address.clone(), how)?;
        if how.port_use == PortUse::New {
            return Ok(first.boxed());
        }
        // Made now, because only a future is left later; it does nothing until it is awaited.
        let port_use = PortUse::New;
        let second = self.0.dial(address, DialOpts { port_use, ..how })?;
        let dial = async move {
            match first.await {
                Err(e) if e.kind() == io::ErrorKind::AddrInUse => second.await,
                done => done,
            }
        };
        Ok(dial.boxed())
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<T::ListenerUpgrade, io::Error>> {
        Pin::new(&mut self.0).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use futures::future::{Ready, ready};
    use libp2p::core::Endpoint;

    use super::*;

    /// A system that refuses dials from our own port with `0`, and takes all others.
    struct System(io::ErrorKind);

    impl Transport for System {
        type Output = PortUse;
        type Error = io::Error;
        type ListenerUpgrade = Ready<io::Result<PortUse>>;
        type Dial = Ready<io::Result<PortUse>>;

        fn listen_on(
            &mut self,
            _: ListenerId,
            address: Multiaddr,
        ) -> Result<(), TransportError<io::Error>> {
            Err(TransportError::MultiaddrNotSupported(address))
        }

        fn remove_listener(&mut self, _: ListenerId) -> bool {
            false
        }

        fn dial(
            &mut self,
            _: Multiaddr,
            how: DialOpts,
        ) -> Result<Self::Dial, TransportError<io::Error>> {
            Ok(ready(match how.port_use {
                PortUse::Reuse => Err(self.0.into()),
                PortUse::New => Ok(PortUse::New),
            }))
        }

        fn poll(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
            Poll::Pending
        }
    }

    fn dial(refusal: io::ErrorKind, port_use: PortUse) -> io::Result<PortUse> {
        let how = DialOpts {
            role: Endpoint::Dialer,
            port_use,
        };
        let address = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
        let dial = OwnPort(System(refusal)).dial(address, how).unwrap();
        dial.now_or_never().unwrap()
    }

    #[test]
    fn a_new_port_is_taken_only_where_our_own_is_in_use() {
        let in_use = io::ErrorKind::AddrInUse;
        assert_eq!(dial(in_use, PortUse::Reuse).unwrap(), PortUse::New);
        assert_eq!(dial(in_use, PortUse::New).unwrap(), PortUse::New);
        let refused = io::ErrorKind::ConnectionRefused;
        assert_eq!(dial(refused, PortUse::Reuse).unwrap_err().kind(), refused);
    }
}
