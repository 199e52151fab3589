//! What a peer says about itself, and the keys it has.

use animica_p2p::{
    PeerId,
    ids::{ChainId, Hash32, Height, Work},
    network::{
        identify::{Head, Info},
        keys::{MAX_KEYS, decode_answer, decode_request, encode_answer, encode_request},
    },
    registry::{
        MAX_ADDRESS_BYTES, MAX_ADDRESSES, MAX_IDENTIFY_BYTES, MAX_PROTOCOL_BYTES, MAX_PROTOCOLS,
    },
};
use libp2p::StreamProtocol;

/// What is kept of a message is bounded, printable and of that peer.
pub(super) fn identify(data: &[u8]) -> bool {
    if data.len() > MAX_IDENTIFY_BYTES {
        return false;
    }
    let peer = PeerId::from_bytes(&[0, 1, 7]).expect("an identity multihash");
    let Ok(info) = Info::decode(data, &peer) else {
        return false;
    };
    for text in [&info.agent, &info.protocol_version] {
        assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)), "{text}");
    }
    assert!(info.addresses.len() <= MAX_ADDRESSES);
    assert!(info.protocols.len() <= MAX_PROTOCOLS);
    for address in info.addresses.iter().chain(&info.observed_addr) {
        assert!((1..=MAX_ADDRESS_BYTES).contains(&address.len()));
    }
    for protocol in &info.protocols {
        assert!(protocol.as_ref().starts_with('/'));
        assert!(protocol.as_ref().len() <= MAX_PROTOCOL_BYTES);
    }
    true
}

/// A request for keys, or an answer, is the bytes it was read from.
pub(super) fn keys(data: &[u8]) -> bool {
    if let Ok(wanted) = decode_request(data) {
        assert!(wanted.len() <= MAX_KEYS);
        assert_eq!(encode_request(&wanted), data);
        return true;
    }
    let Ok(keys) = decode_answer(data) else {
        return false;
    };
    assert!(keys.len() <= MAX_KEYS);
    assert_eq!(encode_answer(&keys), data);
    true
}

/// The message of a node that says everything it can.
pub(super) fn example() -> Vec<u8> {
    let address = |text: &str| text.parse().expect("an address");
    let info = Info {
        protocol_version: "animica/1".to_owned(),
        agent: "seed/1".to_owned(),
        chain_id: ChainId::DEVNET,
        genesis: Hash32([1; 32]),
        policy_root: Hash32([2; 32]),
        addresses: vec![
            address("/ip4/192.0.2.1/tcp/41000"),
            address("/dns4/a.example/tcp/1"),
        ],
        protocols: vec![StreamProtocol::new("/animica/1337/sync/1")],
        head: Head {
            height: Height(7),
            hash: Hash32([3; 32]),
            work: Work(u128::MAX),
        },
        observed_addr: Some(address("/ip6/2001:db8::1/tcp/2")),
    };
    info.encode().expect("encodes")
}
