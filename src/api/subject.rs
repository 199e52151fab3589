//! Whom a ban is about, as an operator writes it.

use std::net::IpAddr;

use super::code::{ErrorCode, Failure};
use crate::{
    peers::{Group, ban::Subject},
    telemetry::escaped,
};

/// Reads a PeerId, an IP address, or a group of addresses as `peer known` shows it: a /16 of IPv4 or
/// a /32 of IPv6.
///
/// # Errors
/// `bad_request`: it is none of them.
pub fn subject(text: &str) -> Result<Subject, Failure> {
    let text = text.trim();
    if let Ok(peer) = text.parse() {
        return Ok(Subject::Peer(peer));
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(Subject::Address(ip.to_canonical()));
    }
    if let Some(ip) = group(text) {
        return Ok(Subject::Group(Group::of_ip(ip)));
    }
    let shown = escaped(text);
    let message = format!("`{shown}` is neither a peer id, an IP address nor a group of addresses");
    Err(Failure::new(ErrorCode::BadRequest, message)
        .hint("for example 203.0.113.7, 203.0.0.0/16 or 2001:db8::/32"))
}

/// An address of the group that `text` writes.
fn group(text: &str) -> Option<IpAddr> {
    let (net, bits) = text.split_once('/')?;
    let ip: IpAddr = net.parse().ok()?;
    let wanted = if ip.is_ipv4() { "16" } else { "32" };
    (bits == wanted).then_some(ip)
}

#[cfg(test)]
mod tests {
    use libp2p::PeerId;

    use super::*;

    #[test]
    fn a_subject_is_a_peer_an_address_or_a_group() {
        let peer = PeerId::random();
        assert_eq!(subject(&peer.to_string()), Ok(Subject::Peer(peer)));
        for (text, ip) in [
            ("203.0.113.7", "203.0.113.7"),
            (" 2001:db8::1 ", "2001:db8::1"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
        ] {
            let ip: IpAddr = ip.parse().expect("an address");
            assert_eq!(subject(text), Ok(Subject::Address(ip)), "{text}");
        }
        assert_eq!(subject("8.9.0.0/16"), Ok(Subject::Group(Group::V4([8, 9]))));
        for text in [
            "",
            "nobody",
            "203.0.113",
            "203.0.113.7:41000",
            "203.0.0.0/8",
            "203.0.0.0/",
            "/16",
            "2001:db8::/16",
            "\u{1b}[2J",
        ] {
            let failure = subject(text).expect_err(text);
            assert_eq!(failure.code, ErrorCode::BadRequest, "{text}");
            assert!(failure.hint.is_some());
            assert!(!failure.message.contains('\u{1b}'));
        }
    }

    #[test]
    fn a_group_has_the_length_of_what_a_provider_gets() {
        let of = |text| group(text).map(|ip| ip.to_string());
        assert_eq!(of("8.9.0.0/16").as_deref(), Some("8.9.0.0"));
        assert_eq!(of("2a00:1450::/32").as_deref(), Some("2a00:1450::"));
        for text in ["8.9.0.0/24", "8.9.0.0", "2a00::/16", "local", "8.9.0.0/16x"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
