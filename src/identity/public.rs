//! The public half of an identity and what it verifies.

use std::{fmt, sync::Arc};

use libp2p::PeerId;

use super::peer_id_from_digest;
use crate::{
    crypto::{
        ed25519,
        hash::{sha3_256, sha3_256_parts},
        sign::{self, SigAlg, SignatureError},
    },
    ids::Hash32,
    registry::SignContext,
};

/// Opens every signed message.
const SIGNATURE_LABEL: &[u8] = b"animica/sig/v1";

/// The message that both halves sign: `"animica/sig/v1" || u8 len(ctx) || ctx || SHA3-256(body)`.
#[must_use]
pub fn signed_message(context: SignContext, body: &[u8]) -> Vec<u8> {
    let ctx = context.label().as_bytes();
    let len = u8::try_from(ctx.len()).expect("every context label is shorter than 256 bytes");
    [SIGNATURE_LABEL, &[len], ctx, sha3_256(body).as_bytes()].concat()
}

/// A composite public key: `pq_public_key || ed25519_public_key` under one algorithm id.
///
/// Its Ed25519 half is known to be canonical and of large order. Clones share the bytes.
#[derive(Clone)]
pub struct PublicIdentity(Arc<Inner>);

struct Inner {
    alg: SigAlg,
    bytes: Box<[u8]>,
    /// Its Ed25519 half, ready to verify: reading the point takes a tenth of a verification.
    ed25519: ed25519::PublicKey,
    digest: Hash32,
}

/// Why bytes are not an identity this node can verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The algorithm id is not in the table.
    #[error("signature algorithm {0:#06x} is unknown")]
    UnknownAlgorithm(u16),
    /// The algorithm is in the table but not in this build.
    #[error("this build does not have {0}")]
    NotInBuild(SigAlg),
    /// The key does not have the exact length of its algorithm.
    #[error("a {alg} identity has {expected} bytes, not {found}")]
    Length {
        /// The algorithm it claims.
        alg: SigAlg,
        /// What its identities have.
        expected: usize,
        /// What this one has.
        found: usize,
    },
    /// The Ed25519 half is not canonical, not on the curve, or of small order.
    #[error("the Ed25519 half of the identity is not a canonical key of large order")]
    Ed25519Key,
}

impl PublicIdentity {
    /// Longest identity of any algorithm.
    pub const MAX_BYTES: usize = 1952 + ed25519::PUBLIC_LEN;

    /// Reads an identity from its algorithm id and bytes.
    ///
    /// # Errors
    /// The algorithm is unknown or not built in, the length is wrong, or the Ed25519 half is bad.
    pub fn decode(alg_id: u16, bytes: &[u8]) -> Result<Self, IdentityError> {
        let alg = SigAlg::from_id(alg_id).ok_or(IdentityError::UnknownAlgorithm(alg_id))?;
        if !alg.is_available() {
            return Err(IdentityError::NotInBuild(alg));
        }
        let expected = Self::len_of(alg);
        if bytes.len() != expected {
            return Err(IdentityError::Length {
                alg,
                expected,
                found: bytes.len(),
            });
        }
        let half = bytes.last_chunk().ok_or(IdentityError::Ed25519Key)?;
        let half = ed25519::PublicKey::decode(half).map_err(|_| IdentityError::Ed25519Key)?;
        Ok(Self::new(alg, bytes.into(), half))
    }

    /// Both halves are known to be good; `ed25519` is the last 32 of `bytes`.
    pub(super) fn new(alg: SigAlg, bytes: Box<[u8]>, ed25519: ed25519::PublicKey) -> Self {
        let digest = sha3_256_parts(&[&alg.id().to_be_bytes(), &bytes]);
        Self(Arc::new(Inner {
            alg,
            bytes,
            ed25519,
            digest,
        }))
    }

    /// Bytes of an identity of `alg`.
    #[must_use]
    pub fn len_of(alg: SigAlg) -> usize {
        alg.pk_len() + ed25519::PUBLIC_LEN
    }

    /// Bytes of a composite signature of `alg`.
    #[must_use]
    pub fn signature_len_of(alg: SigAlg) -> usize {
        alg.sig_len() + ed25519::SIGNATURE_LEN
    }

    /// The algorithm of the post-quantum half.
    #[must_use]
    pub fn alg(&self) -> SigAlg {
        self.0.alg
    }

    /// `pq_public_key || ed25519_public_key`.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// `SHA3-256(u16be(alg_id) || identity_pubkey)`.
    #[must_use]
    pub fn digest(&self) -> Hash32 {
        self.0.digest
    }

    /// The PeerId that commits to this key.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        peer_id_from_digest(self.0.digest)
    }

    /// Verifies a composite signature over the document `body`. Both halves must verify; Ed25519
    /// goes first because it is as fast and needs no large buffers.
    ///
    /// # Errors
    /// The length is wrong, a half does not verify, or the algorithm signs delegations only and
    /// `context` is another.
    pub fn verify(
        &self,
        context: SignContext,
        body: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let alg = self.alg();
        if !alg.is_operational() && context != SignContext::Delegation {
            return Err(SignatureError::DelegationsOnly(alg));
        }
        if signature.len() != Self::signature_len_of(alg) {
            return Err(SignatureError::Length);
        }
        let (pq, ed) = signature
            .split_last_chunk::<{ ed25519::SIGNATURE_LEN }>()
            .ok_or(SignatureError::Length)?;
        let message = signed_message(context, body);
        self.0.ed25519.verify(&message, ed)?;
        sign::verify(alg, self.pq(), &message, pq)
    }

    /// The post-quantum half.
    #[must_use]
    pub fn pq(&self) -> &[u8] {
        &self.0.bytes[..self.alg().pk_len()]
    }

    /// The Ed25519 half.
    #[must_use]
    pub fn ed25519(&self) -> &[u8; ed25519::PUBLIC_LEN] {
        self.0
            .bytes
            .last_chunk()
            .expect("an identity ends in 32 bytes of Ed25519")
    }
}

impl PartialEq for PublicIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.0.alg == other.0.alg && self.0.bytes == other.0.bytes
    }
}

impl Eq for PublicIdentity {}

impl fmt::Debug for PublicIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.alg(), self.peer_id())
    }
}
