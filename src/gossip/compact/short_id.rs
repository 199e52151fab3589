//! The short id of an item: 48 bits of a hash that is keyed per announce.

use siphasher::sip::SipHasher24;

use crate::{crypto::hash::sha3_256_parts, ids::Hash32};

/// Bytes of a short id. With 60 000 items in a block and 100 000 in the pool, one of 47 000 such
/// blocks meets a false match, which costs a download and nothing else; five bytes would make that
/// one of 183.
pub const SHORT_ID_LEN: usize = 6;

/// The low 48 bits of a SipHash-2-4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortId(u64);

/// Gives items their short ids in one announce.
///
/// # Security
/// The key covers the header, which nobody knows before it is mined, and the announcer's salt. So
/// transactions whose short ids collide cannot be prepared, as they could with an unkeyed hash.
#[derive(Clone, Copy, Debug)]
pub struct ShortIds(SipHasher24);

impl ShortId {
    /// From its bytes, the lowest first.
    #[must_use]
    pub fn from_bytes(bytes: [u8; SHORT_ID_LEN]) -> Self {
        let [a, b, c, d, e, f] = bytes;
        Self(u64::from_le_bytes([a, b, c, d, e, f, 0, 0]))
    }

    /// Its bytes, the lowest first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; SHORT_ID_LEN] {
        let [a, b, c, d, e, f, ..] = self.0.to_le_bytes();
        [a, b, c, d, e, f]
    }
}

impl ShortIds {
    /// Keyed with the first 16 bytes of `SHA3-256(header ‖ u64be(salt))`.
    #[must_use]
    pub fn new(header: &[u8], salt: u64) -> Self {
        let seed = sha3_256_parts(&[header, &salt.to_be_bytes()]);
        let mut key = [0; 16];
        key.copy_from_slice(&seed.0[..16]);
        Self(SipHasher24::new_with_key(&key))
    }

    /// The short id of the item with this id.
    #[must_use]
    pub fn of(&self, id: &Hash32) -> ShortId {
        ShortId(self.0.hash(id.as_bytes()) & 0xffff_ffff_ffff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_siphash_2_4() {
        // The example of the SipHash paper: key 00..0f, input 00..0e.
        let key: [u8; 16] = std::array::from_fn(|i| i as u8);
        let input: [u8; 15] = std::array::from_fn(|i| i as u8);
        let hash = SipHasher24::new_with_key(&key).hash(&input);
        assert_eq!(hash, 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn bytes_round_trip_and_the_salt_counts() {
        let id = Hash32([3; 32]);
        let short = ShortIds::new(b"header", 1).of(&id);
        assert_eq!(ShortId::from_bytes(short.to_bytes()), short);
        assert_ne!(ShortIds::new(b"header", 2).of(&id), short);
        assert_ne!(ShortIds::new(b"other", 1).of(&id), short);
    }
}
