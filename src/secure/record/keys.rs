//! The key of one direction: counts records and bytes, and ratchets.

use crate::{
    crypto::{
        aead::{AeadAlg, AeadKey},
        kdf::derive,
        label::KeyLabel,
        secret::Secret,
    },
    secure::handshake::aead_key,
};

/// When a key is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLimits {
    /// Records under one key. Larger would only let a peer that sends tiny records use one key
    /// for longer; smaller would cost derivations (10 µs each) on links with small records.
    pub records: u64,
    /// Bytes of content under one key: 2^30 AES blocks, so that AES-GCM's distinguishing advantage
    /// stays near 2^60 / 2^128. (TLS 1.3 accepts 2^-57; RFC 8446 section 5.5.) Two hours at
    /// 20 Mbit/s.
    pub bytes: u64,
}

impl KeyLimits {
    /// The limits of the protocol. Both ends must use the same.
    pub const PROTOCOL: Self = Self {
        records: 1 << 20,
        bytes: 1 << 34,
    };
}

/// The current key of one direction.
pub(super) struct DirectionKey {
    alg: AeadAlg,
    secret: Secret<32>,
    key: AeadKey,
    limits: KeyLimits,
    records: u64,
    bytes: u64,
    ratchets: u64,
}

impl DirectionKey {
    pub(super) fn new(alg: AeadAlg, secret: Secret<32>, limits: KeyLimits) -> Self {
        Self {
            alg,
            key: aead_key(alg, &secret),
            secret,
            limits,
            records: 0,
            bytes: 0,
            ratchets: 0,
        }
    }

    /// The key and counter for the next record, which has `content` bytes. Ratchets first if the
    /// record would pass a limit.
    pub(super) fn next(&mut self, content: usize) -> (&AeadKey, u64) {
        let content = content as u64;
        if self.records >= self.limits.records || self.bytes + content > self.limits.bytes {
            self.ratchet();
        }
        let counter = self.records;
        self.records += 1;
        self.bytes += content;
        (&self.key, counter)
    }

    /// `s' = D(s, "ratchet", "", 32)`; the old secret and key are erased as they are replaced.
    fn ratchet(&mut self) {
        self.secret = derive(&self.secret, KeyLabel::RATCHET, b"");
        self.key = aead_key(self.alg, &self.secret);
        self.records = 0;
        self.bytes = 0;
        self.ratchets += 1;
    }

    /// How often the key was replaced.
    pub(super) fn ratchets(&self) -> u64 {
        self.ratchets
    }
}
