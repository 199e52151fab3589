//! Every domain label that goes into a hash or a key derivation, once.
//!
//! Labels of one kind are never equal, so that no two purposes share a digest or a key. Signing
//! contexts are in [`crate::registry::SignContext`].

/// A prefix of a transcript hash. Hashed inputs that follow are length-prefixed or of fixed
/// length, and no prefix of the table starts another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HashLabel(&'static str);

/// The label of a derivation: `D(s, label, ctx, n)` of `specs/handshake.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyLabel(&'static str);

impl HashLabel {
    /// Transcript up to ServerHello.
    pub const TH0: Self = Self("animica/pq/1 th0");
    /// Transcript up to R-auth.
    pub const TH1: Self = Self("animica/pq/1 th1");
    /// Transcript up to I-auth.
    pub const TH2: Self = Self("animica/pq/1 th2");

    /// Every hash label.
    pub const ALL: &'static [Self] = &[Self::TH0, Self::TH1, Self::TH2];

    /// The bytes that are hashed.
    #[must_use]
    pub fn as_bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

impl KeyLabel {
    /// Secret that seals R-auth.
    pub const RESPONDER_AUTH: Self = Self("hs r");
    /// Secret that seals I-auth.
    pub const INITIATOR_AUTH: Self = Self("hs i");
    /// Master secret.
    pub const MASTER: Self = Self("master");
    /// First traffic secret of the initiator's records.
    pub const INITIATOR_TRAFFIC: Self = Self("app i");
    /// First traffic secret of the responder's records.
    pub const RESPONDER_TRAFFIC: Self = Self("app r");
    /// Secret for uses outside the channel.
    pub const EXPORTER: Self = Self("exporter");
    /// AEAD key of a secret.
    pub const KEY: Self = Self("key");
    /// AEAD initialisation vector of a secret.
    pub const IV: Self = Self("iv");
    /// The traffic secret that follows a traffic secret.
    pub const RATCHET: Self = Self("ratchet");

    /// Every derivation label.
    pub const ALL: &'static [Self] = &[
        Self::RESPONDER_AUTH,
        Self::INITIATOR_AUTH,
        Self::MASTER,
        Self::INITIATOR_TRAFFIC,
        Self::RESPONDER_TRAFFIC,
        Self::EXPORTER,
        Self::KEY,
        Self::IV,
        Self::RATCHET,
    ];

    /// The bytes that enter the derivation.
    #[must_use]
    pub fn as_bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hash_label_starts_another_and_derivation_labels_differ() {
        for (i, a) in HashLabel::ALL.iter().enumerate() {
            for b in &HashLabel::ALL[i + 1..] {
                assert!(!a.0.starts_with(b.0) && !b.0.starts_with(a.0));
            }
        }
        let set: std::collections::BTreeSet<_> = KeyLabel::ALL.iter().map(|l| l.0).collect();
        assert_eq!(set.len(), KeyLabel::ALL.len());
        assert!(KeyLabel::ALL.iter().all(|l| l.0.len() < 256));
    }
}
