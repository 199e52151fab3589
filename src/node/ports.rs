//! Whether an address is free to listen on.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
};

use libp2p::{Multiaddr, multiaddr::Protocol};

/// Fails as a plain bind to `addr` fails.
///
/// # Correctness
/// libp2p binds with `SO_REUSEPORT`, so a second node of the same user would silently share the
/// port with the first and get half of its connections. A bind without that option fails as it
/// should; the moment between this check and libp2p's bind remains.
///
/// # Errors
/// Somebody listens there, the address is of another machine, or the port is a privileged one.
pub fn check_free(addr: SocketAddr) -> io::Result<()> {
    // Port 0 is always free, and the system never gives one that is not.
    if addr.port() == 0 {
        return Ok(());
    }
    TcpListener::bind(addr).map(drop)
}

/// The socket that `/ip4|ip6/…/tcp/…` names.
pub(super) fn tcp(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip: IpAddr = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) => Some((ip, port).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{Node, StartError};

    #[tokio::test]
    async fn two_nodes_of_one_program_do_not_share_a_port() {
        let any = "/ip4/127.0.0.1/tcp/0".parse().expect("valid");
        let first = Node::builder().listen(any).start().await.expect("starts");
        let mut taken = first.addresses()[0].clone();
        taken.pop();
        let second = Node::builder().listen(taken.clone()).start().await;
        match second.err() {
            Some(StartError::Listen {
                address, in_use, ..
            }) => assert_eq!((address, in_use), (taken.clone(), true)),
            other => panic!("{other:?}"),
        }
        first.shutdown().await;
        let third = Node::builder().listen(taken).start().await;
        third.expect("the port is free again").shutdown().await;
    }

    #[test]
    fn only_tcp_on_an_ip_address_names_a_socket() {
        let of = |text: &str| tcp(&text.parse().expect("valid"));
        assert_eq!(of("/ip6/::1/tcp/7"), "[::1]:7".parse().ok());
        for other in ["/dns4/localhost/tcp/7", "/ip4/127.0.0.1/udp/7", "/memory/7"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
