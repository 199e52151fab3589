//! From text to a multiaddr.

use std::net::Ipv4Addr;

use libp2p::{
    Multiaddr, PeerId,
    multiaddr::{Error as MultiaddrError, Protocol},
};

use super::Target;

/// Why text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Nothing there.
    #[error("an address is empty")]
    Empty,
    /// A scheme nobody knows.
    #[error(
        "`{text}`: unknown scheme `{scheme}://` (write /ip4/1.2.3.4/tcp/41000, tcp://host:41000 or host:41000)"
    )]
    Scheme {
        /// The whole address.
        text: String,
        /// Its scheme.
        scheme: String,
    },
    /// No port behind the host.
    #[error("`{0}` has no port (write host:port, for example {0}:41000)")]
    NoPort(String),
    /// No host before the port.
    #[error("`{0}` has no host (write 0.0.0.0{0} to listen on every interface)")]
    NoHost(String),
    /// The port is not a number up to 65535.
    #[error("`{text}`: `{port}` is not a port")]
    BadPort {
        /// The whole address.
        text: String,
        /// What stands for the port.
        port: String,
    },
    /// The host is neither an IP address nor a name.
    #[error(
        "`{text}`: `{host}` is neither an IP address nor a host name (IPv6 is written [::1]:41000)"
    )]
    BadHost {
        /// The whole address.
        text: String,
        /// What stands for the host.
        host: String,
    },
    /// Begins with `/` and is not a multiaddr.
    #[error("`{text}` is not a multiaddr: {reason} (example: /ip4/127.0.0.1/tcp/41000)")]
    Multiaddr {
        /// As written.
        text: String,
        /// What the parser said.
        reason: String,
    },
    /// A peer id that is not one.
    #[error("`{text}`: `{id}` is not a peer id")]
    BadPeerId {
        /// The whole address.
        text: String,
        /// What stands for the peer id.
        id: String,
    },
}

/// The items of a comma-separated list, trimmed, empty ones dropped.
#[must_use]
pub fn split_list(text: &str) -> Vec<&str> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .collect()
}

pub(super) fn multiaddr(text: &str) -> Result<Target, AddressError> {
    match text.parse::<Multiaddr>() {
        Ok(addr) => {
            let target = classify(addr);
            match &target {
                Target::Supported(addr) if !has_transport(addr) => Err(AddressError::Multiaddr {
                    text: text.to_owned(),
                    reason: "it has no /tcp/PORT".to_owned(),
                }),
                _ => Ok(target),
            }
        }
        Err(MultiaddrError::UnknownProtocolString(name)) => Err(AddressError::Multiaddr {
            text: text.to_owned(),
            reason: format!("unknown part `/{name}`"),
        }),
        Err(e) => Err(AddressError::Multiaddr {
            text: text.to_owned(),
            reason: e.to_string(),
        }),
    }
}

fn has_transport(addr: &Multiaddr) -> bool {
    addr.iter()
        .any(|p| matches!(p, Protocol::Tcp(_) | Protocol::Memory(_)))
}

pub(super) fn classify(addr: Multiaddr) -> Target {
    for part in &addr {
        let missing = match part {
            Protocol::Ws(_) | Protocol::Wss(_) => "WebSocket transport",
            Protocol::Quic | Protocol::QuicV1 => "QUIC transport",
            Protocol::P2pCircuit => "relay transport",
            Protocol::WebTransport => "WebTransport transport",
            Protocol::WebRTC | Protocol::WebRTCDirect => "WebRTC transport",
            Protocol::Onion(..) | Protocol::Onion3(_) => "Tor transport",
            Protocol::Unix(_) => "Unix socket transport",
            _ => continue,
        };
        return Target::Unsupported(missing);
    }
    if addr.iter().any(|p| matches!(p, Protocol::Udp(_))) {
        return Target::Unsupported("UDP transport");
    }
    Target::Supported(addr)
}

/// `host:port`, optionally followed by `/p2p/<id>`.
pub(super) fn host_port(text: &str, rest: &str) -> Result<Multiaddr, AddressError> {
    let (rest, peer) = match rest.split_once('/') {
        None => (rest, None),
        Some((rest, "")) => (rest, None),
        Some((rest, tail)) => {
            let id = tail.strip_prefix("p2p/").unwrap_or(tail);
            let peer = id.parse::<PeerId>().map_err(|_| AddressError::BadPeerId {
                text: text.to_owned(),
                id: id.to_owned(),
            })?;
            (rest, Some(peer))
        }
    };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, _)) if host.contains(':') && !host.starts_with('[') => {
            return Err(AddressError::BadHost {
                text: text.to_owned(),
                host: host.to_owned(),
            });
        }
        Some(split) => split,
        None => return Err(AddressError::NoPort(text.to_owned())),
    };
    if host.is_empty() {
        return Err(AddressError::NoHost(rest.to_owned()));
    }
    let port: u16 = port.parse().map_err(|_| AddressError::BadPort {
        text: text.to_owned(),
        port: port.to_owned(),
    })?;
    let mut addr = host_part(text, host)?.with(Protocol::Tcp(port));
    if let Some(peer) = peer {
        addr.push(Protocol::P2p(peer));
    }
    Ok(addr)
}

fn host_part(text: &str, host: &str) -> Result<Multiaddr, AddressError> {
    let bad = || AddressError::BadHost {
        text: text.to_owned(),
        host: host.to_owned(),
    };
    if let Some(v6) = host.strip_prefix('[') {
        let ip: std::net::Ipv6Addr = v6
            .strip_suffix(']')
            .and_then(|v6| v6.parse().ok())
            .ok_or_else(bad)?;
        return Ok(Multiaddr::from(ip));
    }
    if let Ok(ip) = host.parse::<Ipv4Addr>() {
        return Ok(Multiaddr::from(ip));
    }
    if host == "localhost" {
        return Ok(Multiaddr::from(Ipv4Addr::LOCALHOST));
    }
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let numeric = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if numeric || host.len() > 253 || !host.trim_end_matches('.').split('.').all(label_ok) {
        return Err(bad());
    }
    Ok(Multiaddr::empty().with(Protocol::Dns(host.to_owned().into())))
}
