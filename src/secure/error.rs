//! Every way in which a handshake ends without a session.

mod label;

use std::io;

use libp2p::PeerId;

use super::{Alert, CloseCode, ConfigError, FrameType, Refusal};
use crate::{
    cbor::CborError,
    crypto::{
        RandomError,
        kem::KemError,
        sign::{SigAlg, SignError, SignatureError},
        x25519::X25519Error,
    },
    identity::{ClaimError, DelegationError, IdentityError},
    ids::{ChainId, Hash32},
};

/// Why a handshake ended without a session.
///
/// None of them is an offence: until the last signature verifies, anybody on the path could have
/// caused it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The byte stream failed.
    #[error("the stream failed: {0}")]
    Io(#[from] io::Error),
    /// The stream ended inside the handshake.
    #[error("the stream ended before {awaited} was complete")]
    Eof {
        /// The frame that did not arrive whole.
        awaited: FrameType,
    },
    /// The overall deadline passed.
    #[error("the handshake did not finish in time")]
    Deadline,
    /// The attempt was dropped before it ended, mostly by a deadline further out.
    #[error("the handshake was given up")]
    Cancelled,
    /// A frame of another type than the one that is due.
    #[error("a frame of type {kind} where {expected} is due")]
    UnexpectedFrame {
        /// The frame that is due.
        expected: FrameType,
        /// The type byte that came.
        kind: u8,
    },
    /// A frame longer than its type may be.
    #[error("{frame} claims {len} bytes, more than it may have")]
    FrameTooLong {
        /// Its type.
        frame: FrameType,
        /// The length it claims.
        len: u32,
    },
    /// A body that is not the canonical CBOR of its frame.
    #[error("{frame} is malformed: {source}")]
    Malformed {
        /// Its type.
        frame: FrameType,
        /// What is wrong with it.
        source: CborError,
    },
    /// The responder refused, as its unauthenticated alert says.
    #[error("the peer refused: {0}")]
    Alerted(Alert),
    /// An alert frame that is not the fixed one.
    #[error("the peer sent a malformed alert")]
    MalformedAlert,
    /// The peer speaks another version of the protocol.
    #[error("version {0} of the handshake is not supported")]
    Version(u64),
    /// The initiator is on another chain.
    #[error("the peer is on chain {0}")]
    Chain(ChainId),
    /// The initiator is on a chain of the same number with another genesis.
    #[error("the peer has another genesis: {0}")]
    Genesis(Hash32),
    /// The initiator's algorithm policy is not accepted here.
    #[error("the peer's algorithm policy is not accepted: root {0}")]
    Policy(Hash32),
    /// ServerHello echoes another policy root than ClientHello named.
    #[error("the peer answered with another algorithm policy: root {0}")]
    PolicyEcho(Hash32),
    /// The two lists of AEADs have nothing in common.
    #[error("no common AEAD")]
    NoCommonAead,
    /// ServerHello chose an AEAD that ClientHello did not offer.
    #[error("the peer chose AEAD {0}, which was not offered")]
    AeadNotOffered(u64),
    /// We reached ourselves.
    #[error("dialled ourselves")]
    SelfDial,
    /// The X25519 result is all-zero: the peer sent a point of small order.
    #[error("the X25519 key share is of small order")]
    SmallOrder,
    /// The KEM public key has a coefficient that is not reduced.
    #[error("the KEM public key is not reduced")]
    KemKey,
    /// R-auth or I-auth does not authenticate under the handshake keys.
    #[error("{0} does not open under the handshake keys")]
    Seal(FrameType),
    /// The peer's identity key is not a key.
    #[error("the peer's identity is unusable: {0}")]
    Identity(#[source] IdentityError),
    /// The policy of the session does not allow the peer's identity algorithm.
    #[error("the policy does not allow an identity of {0}")]
    IdentityNotAllowed(SigAlg),
    /// The peer's identity algorithm signs delegations only, and it shows none.
    #[error("an identity of {0} must show a delegation")]
    DelegationMissing(SigAlg),
    /// Someone else answered than was dialled.
    #[error(transparent)]
    WrongPeer(Box<WrongPeer>),
    /// The peer's delegation does not let its key sign.
    #[error("the peer's delegation is refused: {0}")]
    Delegation(#[source] DelegationError),
    /// The peer's signature of the transcript does not verify.
    #[error("the peer's signature is refused: {0}")]
    Signature(#[source] SignatureError),
    /// A budget of this node is spent.
    #[error("refused for lack of budget: {0}")]
    Limited(#[from] Refusal),
    /// The policy of the session does not allow this node's own algorithm.
    #[error("this node's own {0} is not in the policy of the session")]
    OwnAlgorithm(SigAlg),
    /// This node could not make keys, randomness or a signature.
    #[error("local cryptography failed: {0}")]
    Local(#[source] LocalError),
}

/// Someone else answered than was dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("dialled {expected}, reached {found}")]
pub struct WrongPeer {
    /// The PeerId in the dialled address.
    pub expected: PeerId,
    /// The PeerId that answered.
    pub found: PeerId,
}

/// What failed on this side.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// No signature.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The policy's KEM is not in this build.
    #[error("this build does not have {0}")]
    KemNotInBuild(&'static str),
    /// The KEM provider failed.
    #[error(transparent)]
    Kem(KemError),
    /// The X25519 provider failed.
    #[error(transparent)]
    X25519(X25519Error),
}

impl HandshakeError {
    /// What the responder says before ServerHello when it refuses for this reason.
    #[must_use]
    pub fn alert(&self) -> Alert {
        match self {
            Self::Version(_) => Alert::Version,
            Self::Chain(_) | Self::Genesis(_) => Alert::Chain,
            Self::Policy(_) | Self::OwnAlgorithm(_) => Alert::Policy,
            Self::NoCommonAead => Alert::Aead,
            Self::Limited(_) => Alert::RateLimited,
            _ => Alert::Generic,
        }
    }

    /// Whether the responder answers a refusal before ServerHello with an alert: not if nobody is
    /// there to read it, nor for its own trouble.
    pub(super) fn is_answered(&self) -> bool {
        !matches!(self, Self::Io(_) | Self::Eof { .. } | Self::Local(_))
    }

    /// What the responder says in a sealed record when it refuses I-auth for this reason.
    #[must_use]
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::Malformed { .. } => CloseCode::Protocol,
            Self::Delegation(DelegationError::Expired) => CloseCode::DelegationExpired,
            Self::Limited(_) => CloseCode::Limits,
            _ => CloseCode::Authentication,
        }
    }
}

impl From<RandomError> for HandshakeError {
    fn from(error: RandomError) -> Self {
        Self::Local(error.into())
    }
}

impl From<SignError> for HandshakeError {
    fn from(error: SignError) -> Self {
        Self::Local(error.into())
    }
}

impl From<KemError> for HandshakeError {
    fn from(error: KemError) -> Self {
        match error {
            KemError::PublicKey => Self::KemKey,
            other => Self::Local(LocalError::Kem(other)),
        }
    }
}

impl From<ConfigError> for HandshakeError {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Identity(alg) | ConfigError::Signer(alg) => Self::OwnAlgorithm(alg),
            ConfigError::Kem(name) => Self::Local(LocalError::KemNotInBuild(name)),
        }
    }
}

impl From<ClaimError> for HandshakeError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::IdentityAlgorithm(alg) => Self::IdentityNotAllowed(alg),
            ClaimError::DelegationMissing(alg) => Self::DelegationMissing(alg),
            ClaimError::Delegation(e) => Self::Delegation(e),
            ClaimError::Signature(e) => Self::Signature(e),
        }
    }
}

impl From<X25519Error> for HandshakeError {
    fn from(error: X25519Error) -> Self {
        match error {
            X25519Error::ZeroResult => Self::SmallOrder,
            other @ X25519Error::Provider => Self::Local(LocalError::X25519(other)),
        }
    }
}
