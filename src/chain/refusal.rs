//! Why a header, a body or an object in it is refused, and whose fault that is.

use crate::{
    cbor::CborError,
    ids::{ChainId, Hash32, Height, Theta},
    offence::Offence,
};

/// Why a header is refused. The order of the variants is the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// Longer than [`MAX_HEADER_BYTES`](crate::registry::MAX_HEADER_BYTES).
    #[error("a header of {bytes} bytes is over the limit")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not the canonical CBOR of a header.
    #[error("not a header in canonical CBOR: {0}")]
    Cbor(#[from] CborError),
    /// A header version other than 1.
    #[error("header version {0} is unknown")]
    Version(u64),
    /// A header of another chain.
    #[error("the header is of chain {got}, not {expected}")]
    WrongChain {
        /// The chain of the genesis.
        expected: ChainId,
        /// What the header says.
        got: ChainId,
    },
    /// The header names another parent than the one it was checked against.
    #[error("the header does not follow from its parent {parent}")]
    WrongParent {
        /// The parent it was checked against.
        parent: Hash32,
    },
    /// The height is not the parent's plus one.
    #[error("height {got} does not follow a parent at {parent}")]
    WrongHeight {
        /// Height of the parent.
        parent: Height,
        /// What the header says.
        got: Height,
    },
    /// The timestamp is not above the median of the last 11.
    #[error("timestamp {timestamp} is not above the median {median} of the last blocks")]
    TooOld {
        /// What the header says, seconds.
        timestamp: u64,
        /// The median it must exceed, seconds.
        median: u64,
    },
    /// The timestamp is more than two minutes ahead of this node's clock. Nobody's fault: either
    /// clock may be wrong, and the header becomes acceptable by waiting.
    #[error("timestamp {timestamp} is too far ahead of the clock at {now}")]
    TooNew {
        /// What the header says, seconds.
        timestamp: u64,
        /// This node's clock, seconds.
        now: u64,
    },
    /// A policy root differs from the genesis header's.
    #[error("the header changes a policy root of the chain")]
    PolicyRoot,
    /// Θ is not the one of the schedule.
    #[error("the header has theta {got}, the schedule demands {expected}")]
    WrongTheta {
        /// The schedule's.
        expected: Theta,
        /// What the header says.
        got: Theta,
    },
    /// The draw does not meet Θ.
    #[error("the draw does not meet theta {theta}")]
    InsufficientWork {
        /// The Θ it should meet.
        theta: Theta,
    },
    /// A [`Verifier`](super::Verifier) of the application refused it.
    #[error("refused by the verifier: {reason}")]
    Verifier {
        /// In its words.
        reason: String,
    },
}

impl HeaderError {
    /// What the peer that sent the header did, `None` if an honest peer can send it.
    #[must_use]
    pub fn offence(&self) -> Option<Offence> {
        Some(match self {
            Self::TooLarge { .. } => Offence::OversizedMessage,
            Self::Cbor(e) => cbor_offence(*e),
            Self::Version(_) => Offence::MalformedMessage,
            Self::WrongChain { .. } | Self::WrongParent { .. } | Self::WrongHeight { .. } => {
                Offence::BrokenLink
            }
            Self::TooOld { .. } => Offence::BadTimestamp,
            Self::TooNew { .. } => return None,
            Self::PolicyRoot => Offence::WrongPolicyRoot,
            Self::WrongTheta { .. } => Offence::WrongTheta,
            Self::InsufficientWork { .. } | Self::Verifier { .. } => Offence::InsufficientWork,
        })
    }
}

/// Why a body is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The encoded block is longer than its chain allows.
    #[error("a block of {bytes} bytes is over the limit of {max}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// Not the canonical CBOR of a block.
    #[error("not a block in canonical CBOR: {0}")]
    Cbor(#[from] CborError),
    /// The header in the block does not decode.
    #[error("the header in the block: {0}")]
    Header(HeaderError),
    /// The block carries another header than the one it was asked for.
    #[error("the block is not {expected}")]
    OtherHeader {
        /// The hash that was asked for.
        expected: Hash32,
    },
    /// More transactions than the chain allows.
    #[error("{count} transactions are over the limit of {max}")]
    TooManyTxs {
        /// How many.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// More proofs than the chain allows.
    #[error("{count} proofs are over the limit of {max}")]
    TooManyProofs {
        /// How many.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// A transaction is not acceptable.
    #[error("transaction {index}: {error}")]
    Tx {
        /// Its place in the block.
        index: usize,
        /// What is wrong with it.
        error: ObjectError,
    },
    /// A proof is not acceptable.
    #[error("proof {index}: {error}")]
    Proof {
        /// Its place in the block.
        index: usize,
        /// What is wrong with it.
        error: ObjectError,
    },
    /// A transaction occurs twice. The Merkle rule gives some such list the root of an honest
    /// one, so this condemns the body and never the header.
    #[error("a transaction occurs twice")]
    DuplicateTx,
    /// A proof occurs twice; see [`BodyError::DuplicateTx`].
    #[error("a proof occurs twice")]
    DuplicateProof,
    /// The transactions are not those of the header.
    #[error("the transactions do not have the root in the header")]
    TxsRoot,
    /// The proofs are not those of the header.
    #[error("the proofs do not have the root in the header")]
    ProofsRoot,
    /// A [`Verifier`](super::Verifier) of the application refused it.
    #[error("refused by the verifier: {reason}")]
    Verifier {
        /// In its words.
        reason: String,
    },
}

impl BodyError {
    /// What the peer that sent the body did. An honest peer has imported what it serves, so every
    /// refusal is an offence.
    #[must_use]
    pub fn offence(&self) -> Offence {
        match self {
            Self::TooLarge { .. } => Offence::OversizedMessage,
            Self::Cbor(e) | Self::Header(HeaderError::Cbor(e)) => cbor_offence(*e),
            _ => Offence::BodyMismatch,
        }
    }
}

/// Why a transaction or proof is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// Longer than its kind may be.
    #[error("{bytes} bytes are over the limit of {max}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// Not canonical CBOR of its kind.
    #[error("not canonical CBOR of its kind: {0}")]
    Cbor(#[from] CborError),
    /// A proof type outside 1..=5.
    #[error("proof type {0} is unknown")]
    ProofType(u64),
}

impl ObjectError {
    /// What the peer that sent the object did. Honest peers pass on what they have checked.
    #[must_use]
    pub fn offence(&self) -> Offence {
        match self {
            Self::TooLarge { .. } => Offence::OversizedMessage,
            Self::Cbor(e) => cbor_offence(*e),
            Self::ProofType(_) => Offence::MalformedMessage,
        }
    }
}

pub(super) fn cbor_offence(error: CborError) -> Offence {
    if error.is_non_canonical() {
        Offence::NonCanonicalCbor
    } else {
        Offence::MalformedMessage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_is_nobodys_fault_and_everything_else_is() {
        let future = HeaderError::TooNew {
            timestamp: 9,
            now: 1,
        };
        assert_eq!(future.offence(), None);
        assert_eq!(
            HeaderError::Cbor(CborError::KeyOrder).offence(),
            Some(Offence::NonCanonicalCbor)
        );
        assert_eq!(
            HeaderError::Cbor(CborError::WrongKey).offence(),
            Some(Offence::MalformedMessage)
        );
        assert_eq!(BodyError::DuplicateTx.offence(), Offence::BodyMismatch);
    }
}
