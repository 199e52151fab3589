//! What a block carries: transactions and proof envelopes. Opaque beyond their outermost form.

use crate::{
    cbor::{CborError, Reader, Writer, validate},
    crypto::hash::sha3_256,
    ids::Hash32,
    registry::{MAX_HASH_SHARE_BYTES, MAX_SHARE_BYTES, MAX_TX_BYTES},
};

use super::ObjectError;

/// The id of a transaction, proof, share or blob: SHA3-256 of its bytes.
#[must_use]
pub fn object_id(bytes: &[u8]) -> Hash32 {
    sha3_256(bytes)
}

/// Checks the outermost form of a transaction: a canonical CBOR map of at most
/// [`MAX_TX_BYTES`](crate::registry::MAX_TX_BYTES).
///
/// # Errors
/// Too long, not canonical, or not a map.
pub fn check_tx(bytes: &[u8]) -> Result<(), ObjectError> {
    within(bytes, MAX_TX_BYTES)?;
    match bytes.first() {
        // Major type 5, checked first because it costs nothing.
        Some(first) if first >> 5 == 5 => Ok(validate(bytes)?),
        Some(_) => Err(CborError::WrongType.into()),
        None => Err(CborError::Truncated.into()),
    }
}

/// The kind of useful work a proof is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ProofType {
    /// A hash share.
    Hash = 1,
    /// Work of an AI provider.
    Ai = 2,
    /// Work of a quantum provider.
    Quantum = 3,
    /// A storage heartbeat.
    Storage = 4,
    /// A delay function.
    Vdf = 5,
}

impl ProofType {
    /// The type with this number.
    #[must_use]
    pub fn from_id(id: u64) -> Option<Self> {
        Some(match id {
            1 => Self::Hash,
            2 => Self::Ai,
            3 => Self::Quantum,
            4 => Self::Storage,
            5 => Self::Vdf,
            _ => return None,
        })
    }

    /// Longest envelope of this type, in bytes.
    #[must_use]
    pub fn max_bytes(self) -> usize {
        match self {
            Self::Hash => MAX_HASH_SHARE_BYTES,
            _ => MAX_SHARE_BYTES,
        }
    }
}

/// A proof as it travels: the CBOR map `{1: type, 2: body, 3: nullifier}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofEnvelope<'a> {
    /// What the proof is about.
    pub kind: ProofType,
    /// The proof, opaque.
    pub body: &'a [u8],
    /// What makes it usable once. A claim until a verifier has checked it.
    pub nullifier: Hash32,
}

impl<'a> ProofEnvelope<'a> {
    /// Reads exactly one envelope.
    ///
    /// # Errors
    /// Too long for its type, not the canonical CBOR of an envelope, or of no known type.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, ObjectError> {
        within(bytes, MAX_SHARE_BYTES)?;
        let mut r = Reader::new(bytes);
        r.map_of(3)?;
        r.key(1)?;
        let id = r.uint()?;
        let kind = ProofType::from_id(id).ok_or(ObjectError::ProofType(id))?;
        within(bytes, kind.max_bytes())?;
        r.key(2)?;
        let body = r.bytes()?;
        r.key(3)?;
        let nullifier = Hash32(r.fixed()?);
        r.finish()?;
        Ok(Self {
            kind,
            body,
            nullifier,
        })
    }

    /// The canonical CBOR.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(self.body.len() + 48);
        w.map(3).uint(1).uint(self.kind as u64);
        w.uint(2).bytes(self.body);
        w.uint(3).bytes(self.nullifier.as_bytes());
        w.finish()
    }
}

fn within(bytes: &[u8], max: usize) -> Result<(), ObjectError> {
    if bytes.len() > max {
        return Err(ObjectError::TooLarge {
            bytes: bytes.len(),
            max,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_round_trips_and_its_size_depends_on_its_type() {
        let body = [7; 1100];
        let ai = ProofEnvelope {
            kind: ProofType::Ai,
            body: &body,
            nullifier: Hash32([9; 32]),
        };
        let bytes = ai.encode();
        assert_eq!(bytes[..3], [0xa3, 1, 2]);
        assert_eq!(ProofEnvelope::decode(&bytes), Ok(ai));

        let hash = ProofEnvelope {
            kind: ProofType::Hash,
            ..ai
        };
        assert!(matches!(
            ProofEnvelope::decode(&hash.encode()),
            Err(ObjectError::TooLarge { max: 1024, .. })
        ));
    }

    #[test]
    fn refuses_unknown_proof_types_and_trailing_bytes() {
        let mut bytes = ProofEnvelope {
            kind: ProofType::Vdf,
            body: &[],
            nullifier: Hash32::ZERO,
        }
        .encode();
        for id in [0, 6] {
            bytes[2] = id;
            assert_eq!(
                ProofEnvelope::decode(&bytes),
                Err(ObjectError::ProofType(id.into()))
            );
        }
        bytes[2] = 5;
        bytes.push(0);
        assert_eq!(
            ProofEnvelope::decode(&bytes),
            Err(CborError::Trailing.into())
        );
    }

    #[test]
    fn a_transaction_is_a_canonical_map_of_bounded_size() {
        assert_eq!(check_tx(&[0xa1, 0x01, 0x02]), Ok(()));
        assert_eq!(check_tx(&[0x81, 0x01]), Err(CborError::WrongType.into()));
        assert_eq!(check_tx(&[]), Err(CborError::Truncated.into()));
        assert_eq!(
            check_tx(&[0xa1, 0x18, 0x01, 0x02]),
            Err(CborError::NotShortest.into())
        );
        let mut w = Writer::new();
        w.map(1).uint(0).bytes(&vec![0; MAX_TX_BYTES]);
        assert!(matches!(
            check_tx(w.as_slice()),
            Err(ObjectError::TooLarge { .. })
        ));
    }
}
