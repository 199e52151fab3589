//! Connections that did not come to be: a stable label and a sentence for each.

use std::{error::Error, io};

use libp2p::swarm::{DialError, ListenError};

use crate::{network::denied_label, transport};

/// Why a dial failed.
pub(crate) fn of_dial(error: &DialError) -> (&'static str, String) {
    match error {
        DialError::LocalPeerId { .. } => {
            ("self_dial", "that is this node's own address".to_owned())
        }
        // Every dial names its address; libp2p leaves out only those it listens on itself.
        DialError::NoAddresses => ("self_dial", "that is this node's own address".to_owned()),
        DialError::DialPeerConditionFalse(_) => (
            "already_connected",
            "already connected or being dialled".to_owned(),
        ),
        DialError::Aborted => ("aborted", "the dial was given up".to_owned()),
        DialError::WrongPeerId { obtained, .. } => {
            ("wrong_peer", format!("another peer answered: {obtained}"))
        }
        DialError::Denied { cause } => (denied_label(cause), denied(cause)),
        DialError::Transport(attempts) => {
            match (transport::Error::of_dial(error), attempts.first()) {
                (Some(error), _) => of_transport(error),
                (None, Some((address, _))) => (
                    "unsupported_address",
                    format!(
                        "no transport of this node can dial {address}; it speaks /ip4|ip6|dns/…/tcp/…"
                    ),
                ),
                (None, None) => ("no_addresses", "no address could be tried".to_owned()),
            }
        }
    }
}

/// Why an inbound connection was not established.
pub(crate) fn of_listen(error: &ListenError) -> (&'static str, String) {
    match error {
        ListenError::Aborted => ("aborted", "the connection was given up".to_owned()),
        ListenError::WrongPeerId { .. } => ("wrong_peer", "another peer connected".to_owned()),
        ListenError::LocalPeerId { .. } => ("self_dial", "this node reached itself".to_owned()),
        ListenError::Denied { cause } => (denied_label(cause), denied(cause)),
        ListenError::Transport(_) => match transport::Error::of_listen(error) {
            Some(error) => of_transport(error),
            None => ("io", error.to_string()),
        },
    }
}

fn of_transport(error: &transport::Error) -> (&'static str, String) {
    let label = match error {
        transport::Error::Socket(source) => socket_label(&**source),
        other => other.label(),
    };
    (label, chain(error))
}

/// What the operating system said, from under whatever wraps it.
fn socket_label(error: &(dyn Error + 'static)) -> &'static str {
    let mut next = Some(error);
    let mut label = "socket";
    while let Some(error) = next {
        next = error.source();
        if let Some(io) = error.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return "connection_refused",
                io::ErrorKind::ConnectionReset => return "connection_reset",
                io::ErrorKind::TimedOut => label = "timeout",
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    return "unreachable";
                }
                _ => {}
            }
            // An `io::Error` says only the source of what it wraps, so the wrapped one is asked for.
            next = io.get_ref().map(|e| e as &(dyn Error + 'static)).or(next);
        }
    }
    label
}

/// An error with its causes, each said once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        source = error.source();
    }
    text
}

fn denied(cause: &libp2p::swarm::ConnectionDenied) -> String {
    chain(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_connection_is_named_however_it_is_wrapped() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let wrapped = io::Error::other(io::Error::other(refused));
        assert_eq!(socket_label(&wrapped), "connection_refused");
        assert_eq!(socket_label(&io::Error::other("else")), "socket");
    }
}
