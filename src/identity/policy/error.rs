//! Why a policy cannot be used.

/// Why a node cannot run a policy. Each is a configuration error, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Not JSON, or not of the policy's form.
    #[error("not an algorithm policy: {0}")]
    Malformed(String),
    /// An id that could not stand in the document.
    #[error("entry id {0:?} must be 1-64 of the characters a-z 0-9 . _ + -")]
    BadId(String),
    /// A number that has no single text form in the root.
    #[error("{0} must be zero or between 0.0001 and 10^15")]
    BadWeight(&'static str),
    /// The same algorithm twice.
    #[error("{0} is listed twice")]
    Duplicate(String),
    /// An enabled algorithm that nobody here has heard of.
    #[error("the policy enables {0}, which this product does not have (it has {1})")]
    UnknownAlgorithm(String, String),
    /// An enabled algorithm that was left out of this build.
    #[error("the policy enables {0}, which is not in this build (cargo feature `round3`)")]
    NotInBuild(&'static str),
    /// An enabled algorithm with other sizes than the one of that name here.
    #[error("the policy gives {0} other sizes than the algorithm of that name has here")]
    Sizes(String),
    /// An enabled algorithm with an end date.
    #[error("the policy ends {0} at a height (`sunsetAfter`), which no running node can honour")]
    Sunset(String),
    /// No KEM, or more than one.
    #[error("a policy must enable exactly one KEM; this one enables {0}")]
    KemCount(usize),
    /// Nothing that could sign a handshake.
    #[error("the policy enables no algorithm that signs handshakes (ml-dsa-65 or dilithium3)")]
    NoSigner,
    /// Fewer algorithms than its own threshold asks for.
    #[error("the policy asks for at least {want} {kind} algorithms and enables {have}")]
    Threshold {
        /// `kem` or `sig`.
        kind: &'static str,
        /// What `minAlgs` says.
        want: u64,
        /// What is enabled.
        have: usize,
    },
    /// A configuration word that names no algorithm.
    #[error("{key} = {word:?} is not one of {known}")]
    UnknownWord {
        /// `kem` or `sign_alg`.
        key: &'static str,
        /// What was written.
        word: String,
        /// What could be.
        known: String,
    },
    /// Words of two different policies.
    #[error(
        "kem = {kem:?} and sign_alg = {sign_alg:?} belong to different policies; use \
         kem = \"kyber768\" with sign_alg = \"dilithium3\", or kem = \"ml-kem-768\" with \
         sign_alg = \"ml-dsa-65\", or name only one of the two"
    )]
    Mixture {
        /// The KEM.
        kem: &'static str,
        /// The signature.
        sign_alg: &'static str,
    },
    /// The extra policy is the primary one.
    #[error("the extra policy is the same as the primary one")]
    ExtraIsPrimary,
    /// The extra policy has an extra of its own.
    #[error("an extra policy cannot have an extra of its own")]
    NestedExtra,
}
