//! The three forms, and what is refused.

use super::Address;

#[test]
fn addresses_are_read_in_three_forms() {
    for (text, expected) in [
        ("/ip4/1.2.3.4/tcp/5", "/ip4/1.2.3.4/tcp/5"),
        ("tcp://1.2.3.4:5", "/ip4/1.2.3.4/tcp/5"),
        ("tcp://1.2.3.4:5/", "/ip4/1.2.3.4/tcp/5"),
        ("1.2.3.4:5", "/ip4/1.2.3.4/tcp/5"),
        ("[::1]:5", "/ip6/::1/tcp/5"),
        ("localhost:5", "/ip4/127.0.0.1/tcp/5"),
        ("node-a.example.org:5", "/dns/node-a.example.org/tcp/5"),
        ("/dns4/a.b/tcp/5", "/dns4/a.b/tcp/5"),
        ("/memory/7", "/memory/7"),
    ] {
        assert_eq!(
            Address::parse(text).expect(text).to_string(),
            expected,
            "{text}"
        );
    }
    let peer = libp2p::PeerId::random();
    let addr = Address::parse(&format!("1.2.3.4:5/p2p/{peer}")).expect("with a peer");
    assert_eq!(addr.peer_id(), Some(peer));
    for text in ["ws://1.2.3.4:5", "/ip4/1.2.3.4/udp/5/quic-v1", "quic://h:1"] {
        assert!(
            Address::parse(text).expect(text).unsupported().is_some(),
            "{text}"
        );
    }
    for text in [
        "",
        "x",
        ":5",
        "1.2.3.4:",
        "1.2.3.4:x",
        "1.2.3.4:70000",
        "::1:5",
        "1.2.3:5",
        "a b:5",
        "http://h:5",
        "/ip4/1.2.3.4",
        "/ip4/1.2/tcp/5",
        "/nope/1",
        "h:1/p2p/zz",
        "[::1:5",
    ] {
        assert!(Address::parse(text).is_err(), "{text}");
    }
}
