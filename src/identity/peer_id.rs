//! The only place that converts between a peer digest and a libp2p [`PeerId`].
//!
//! `PeerId` = identity multihash `0x00 0x22` of the 34 bytes `0x16 0x20 || digest`, which are a
//! sha3-256 multihash. libp2p accepts an identity multihash of up to 42 bytes and never looks
//! inside; as text it starts with `14QGS`.

use libp2p::PeerId;

use crate::ids::Hash32;

/// Identity multihash of 34 bytes, sha3-256 multihash of 32.
const PREFIX: [u8; 4] = [0x00, 0x22, 0x16, 0x20];

/// The PeerId that stands for a peer digest.
#[must_use]
pub fn peer_id_from_digest(digest: Hash32) -> PeerId {
    let mut bytes = [0; 36];
    bytes[..4].copy_from_slice(&PREFIX);
    bytes[4..].copy_from_slice(digest.as_bytes());
    PeerId::from_bytes(&bytes).expect("an identity multihash of 34 bytes is a PeerId")
}

/// The digest inside a PeerId, `None` for one of another network (say an Ed25519 PeerId).
#[must_use]
pub fn digest_from_peer_id(id: &PeerId) -> Option<Hash32> {
    Hash32::from_slice(id.to_bytes().strip_prefix(&PREFIX)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_and_peer_id_convert_both_ways() {
        for byte in [0, 1, 0x7f, 0xff] {
            let id = peer_id_from_digest(Hash32([byte; 32]));
            assert!(id.to_string().starts_with("14QGS"), "{id}");
            assert_eq!(digest_from_peer_id(&id), Some(Hash32([byte; 32])));
            assert_eq!(id.to_string().parse::<PeerId>().unwrap(), id);
        }
    }

    #[test]
    fn a_foreign_peer_id_has_no_digest() {
        assert_eq!(digest_from_peer_id(&PeerId::random()), None);
        let ed25519 = "12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf";
        assert_eq!(digest_from_peer_id(&ed25519.parse().unwrap()), None);
    }
}
