//! What a delegation says, and its bytes.

use super::{DelegationError, VERSION};
use crate::{
    cbor::{Reader, Writer},
    identity::{PublicIdentity, head::Head},
    ids::{ChainId, Hash32},
    registry::MAX_DELEGATION_MS,
};

/// What a delegated key may sign. A set of bits; unknown bits allow nothing and are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Usage(pub u64);

impl Usage {
    /// Handshakes of the channel and of QUIC.
    pub const CHANNEL: Self = Self(1);
    /// Node records.
    pub const RECORD: Self = Self(2);
    /// Application messages.
    pub const ENVELOPE: Self = Self(4);
    /// Records of the hash table.
    pub const DHT: Self = Self(8);
    /// Everything this version knows.
    pub const ALL: Self = Self(15);

    /// Whether every use in `needed` is allowed.
    #[must_use]
    pub fn allows(self, needed: Self) -> bool {
        self.0 & needed.0 == needed.0
    }
}

impl std::ops::BitOr for Usage {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The signed part of a delegation. On the wire it is a map whose integer keys 1-10 are, in
/// order, the version and these fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegationFields {
    /// 2: digest of the identity that delegates.
    pub peer_digest: Hash32,
    /// 3: the chain it holds on.
    pub chain_id: ChainId,
    /// 4: the genesis it holds on.
    pub genesis: Hash32,
    /// 5: grows with every delegation of the identity; a higher one revokes all lower ones.
    pub serial: u64,
    /// 6: what the key may sign.
    pub usages: Usage,
    /// 7: algorithm id of the delegated key.
    pub signing_alg: u16,
    /// 8: the delegated composite public key.
    pub signing_pubkey: Vec<u8>,
    /// 9: start of its life, milliseconds since the UNIX epoch.
    pub not_before_ms: u64,
    /// 10: end of its life, milliseconds since the UNIX epoch.
    pub not_after_ms: u64,
}

impl DelegationFields {
    /// The canonical CBOR that is signed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(self.signing_pubkey.len() + 160);
        out.map(10);
        let head = Head {
            peer_digest: self.peer_digest,
            chain_id: self.chain_id,
            genesis: self.genesis,
            number: self.serial,
        };
        head.write(VERSION, &mut out);
        out.uint(6).uint(self.usages.0);
        out.uint(7).uint(u64::from(self.signing_alg));
        out.uint(8).bytes(&self.signing_pubkey);
        out.uint(9).uint(self.not_before_ms);
        out.uint(10).uint(self.not_after_ms);
        out.finish()
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DelegationError> {
        reader.map_of(10)?;
        let Head {
            peer_digest,
            chain_id,
            genesis,
            number: serial,
        } = Head::read(reader, VERSION, DelegationError::Version)?;
        reader.key(6)?;
        let usages = Usage(reader.uint()?);
        reader.key(7)?;
        let signing_alg = reader.uint()?;
        let signing_alg =
            u16::try_from(signing_alg).map_err(|_| crate::cbor::CborError::OutOfRange)?;
        reader.key(8)?;
        let signing_pubkey = reader.bytes_max(PublicIdentity::MAX_BYTES)?.to_vec();
        reader.key(9)?;
        let not_before_ms = reader.uint()?;
        reader.key(10)?;
        let not_after_ms = reader.uint()?;
        Ok(Self {
            peer_digest,
            chain_id,
            genesis,
            serial,
            usages,
            signing_alg,
            signing_pubkey,
            not_before_ms,
            not_after_ms,
        })
    }

    /// The delegated key.
    ///
    /// # Errors
    /// It is not a key of its algorithm.
    pub fn signing_key(&self) -> Result<PublicIdentity, DelegationError> {
        PublicIdentity::decode(self.signing_alg, &self.signing_pubkey)
            .map_err(DelegationError::SigningKey)
    }

    /// What can be said without a clock, chain or policy: it is of `identity`, its key can sign
    /// for a node, its life has a length a delegation may have.
    pub(super) fn check(&self, identity: &PublicIdentity) -> Result<(), DelegationError> {
        if self.peer_digest != identity.digest() {
            return Err(DelegationError::OtherIdentity);
        }
        self.check_life()?;
        let key = self.signing_key()?;
        if !key.alg().is_operational() {
            return Err(DelegationError::Algorithm(key.alg()));
        }
        Ok(())
    }

    pub(super) fn check_life(&self) -> Result<(), DelegationError> {
        match self.not_after_ms.checked_sub(self.not_before_ms) {
            Some(1..=MAX_DELEGATION_MS) => Ok(()),
            _ => Err(DelegationError::Life),
        }
    }
}
