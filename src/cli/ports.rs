//! Ports: a default that is taken gives way to a free one, an asked-for one that is taken is an
//! error.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use libp2p::multiaddr::Protocol;

use crate::{
    api::code::{ErrorCode, Failure},
    node::{check_free, config::Address},
};

/// Checks that the addresses can be listened on, and replaces ports that nobody asked for and
/// that are taken.
///
/// The node checks them again when it starts; here nothing was opened or created yet.
pub(super) fn check(
    listen: &[Address],
    asked: bool,
) -> Result<(Vec<Address>, Vec<String>), Failure> {
    let mut out = Vec::new();
    let mut notes = Vec::new();
    for address in listen {
        let Some(socket) = address.socket_addr().filter(|s| s.port() != 0) else {
            out.push(address.clone());
            continue;
        };
        match check_free(socket) {
            Ok(()) => out.push(address.clone()),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse && !asked => {
                notes.push(format!(
                    "port {} is taken, listening on a free one",
                    socket.port()
                ));
                out.push(with_free_port(address));
            }
            Err(e) => return Err(refused("--listen", socket, &e)),
        }
    }
    Ok((out, notes))
}

/// Binds the HTTP address; a free port instead of a default one that is taken.
pub(super) fn bind_http(addr: SocketAddr, asked: bool) -> Result<TcpListener, Failure> {
    match TcpListener::bind(addr) {
        Ok(listener) => Ok(listener),
        Err(e) if e.kind() == io::ErrorKind::AddrInUse && !asked => {
            let free = SocketAddr::new(addr.ip(), 0);
            TcpListener::bind(free).map_err(|e| refused("--metrics", free, &e))
        }
        Err(e) => Err(refused("--metrics", addr, &e)),
    }
}

fn refused(flag: &str, addr: SocketAddr, e: &io::Error) -> Failure {
    match e.kind() {
        io::ErrorKind::AddrInUse => Failure::new(
            ErrorCode::PortInUse,
            format!("{addr} is in use by another process"),
        )
        .hint(format!(
            "stop it, or choose another address with {flag} (port 0: any free one)"
        )),
        io::ErrorKind::PermissionDenied => Failure::new(
            ErrorCode::PermissionDenied,
            format!("the system does not let this user listen on {addr}"),
        )
        .hint(format!("choose a port above 1023 with {flag}")),
        _ => Failure::new(
            ErrorCode::AddressUnavailable,
            format!("cannot listen on {addr}: {e}"),
        )
        .hint(format!("choose an address of this machine with {flag}")),
    }
}

fn with_free_port(address: &Address) -> Address {
    let Some(addr) = address.multiaddr() else {
        return address.clone();
    };
    addr.iter()
        .map(|part| match part {
            Protocol::Tcp(_) => Protocol::Tcp(0),
            other => other,
        })
        .collect::<libp2p::Multiaddr>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken() -> (TcpListener, Address) {
        let held = TcpListener::bind("127.0.0.1:0").expect("binds");
        let addr = held.local_addr().expect("an address").to_string();
        (held, Address::parse(&addr).expect("parses"))
    }

    #[test]
    fn a_default_port_gives_way_and_an_asked_for_one_is_an_error() {
        let (_held, address) = taken();
        let (moved, notes) = check(std::slice::from_ref(&address), false).expect("moves");
        assert_eq!(moved[0].to_string(), "/ip4/127.0.0.1/tcp/0");
        assert_eq!(notes.len(), 1);
        let e = check(std::slice::from_ref(&address), true).expect_err("refused");
        assert_eq!((e.code, e.code.exit()), (ErrorCode::PortInUse, 4));
        let socket = address.socket_addr().expect("a socket address");
        assert!(bind_http(socket, false).is_ok());
        let e = bind_http(socket, true).expect_err("refused");
        assert_eq!(e.code, ErrorCode::PortInUse);
    }

    #[test]
    fn an_address_of_another_machine_is_refused() {
        let other = Address::parse("192.0.2.1:1").expect("parses");
        let e = check(&[other], true).expect_err("refused");
        assert_eq!(e.code, ErrorCode::AddressUnavailable);
    }
}
