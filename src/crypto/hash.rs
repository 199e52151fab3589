//! SHA3-256 (FIPS 202), the one hash of the product.

use aws_lc_rs::digest::{Context, SHA3_256, digest};

use crate::ids::Hash32;

/// SHA3-256 of `data`.
#[must_use]
pub fn sha3_256(data: &[u8]) -> Hash32 {
    to_hash(digest(&SHA3_256, data).as_ref())
}

/// SHA3-256 of the concatenation of `parts`.
#[must_use]
pub fn sha3_256_parts(parts: &[&[u8]]) -> Hash32 {
    let mut hasher = Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finish()
}

/// SHA3-256 of what arrives in pieces.
#[derive(Clone)]
pub struct Hasher(Context);

impl Hasher {
    /// Nothing hashed yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Context::new(&SHA3_256))
    }

    /// Appends `data`.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The digest of everything appended.
    #[must_use]
    pub fn finish(self) -> Hash32 {
        to_hash(self.0.finish().as_ref())
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hasher(sha3-256)")
    }
}

fn to_hash(digest: &[u8]) -> Hash32 {
    Hash32::from_slice(digest).expect("a SHA3-256 digest has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_fips_202_and_a_second_implementation() {
        use sha3::Digest;
        let empty = "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a";
        assert_eq!(sha3_256(b"").to_string(), empty);
        for len in [1, 135, 136, 137, 4096] {
            let data = vec![0x5a; len];
            let other: [u8; 32] = sha3::Sha3_256::digest(&data).into();
            assert_eq!(sha3_256(&data).0, other, "{len}");
        }
    }

    #[test]
    fn pieces_hash_like_the_whole() {
        assert_eq!(sha3_256_parts(&[b"ab", b"", b"c"]), sha3_256(b"abc"));
    }
}
