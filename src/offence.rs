//! The one list of what a peer can do wrong. It names; scoring and banning happen elsewhere
//! (`node::connections` and the gate), so that no protocol invents its own punishment.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something a peer did that an honest peer does not do.
///
/// Slowness, rate limits and truncated connections are deliberately absent: they happen to honest
/// peers, so they only change how much we ask of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Offence {
    /// A frame or message above its size limit.
    OversizedMessage,
    /// Bytes that are not canonical CBOR.
    NonCanonicalCbor,
    /// Canonical CBOR that is not the message it claims to be.
    MalformedMessage,
    /// A message id that no version of the protocol has.
    UnknownMessage,
    /// Flags that are not defined.
    UnknownFlags,
    /// More requests or bytes than the credits granted.
    CreditExceeded,
    /// A header whose draw does not meet its Θ.
    InsufficientWork,
    /// A header whose Θ is not the one the schedule demands.
    WrongTheta,
    /// A header that does not follow from its parent, or of another chain.
    BrokenLink,
    /// A header timestamp at or below the median of its ancestors.
    BadTimestamp,
    /// A header that changes one of the chain's policy roots.
    WrongPolicyRoot,
    /// A body that does not match its header.
    BodyMismatch,
    /// An answer to something that was not asked.
    UnsolicitedResponse,
    /// A sample of a blob that does not verify against the root it was asked for.
    BadProof,
    /// A share under a nullifier that is not its own.
    ForgedNullifier,
    /// Broke the rules of the mesh until nothing it sent there was read any more: messages too large
    /// for their topic, grafts during a back-off, promised messages that never came.
    MeshAbuse,
    /// Claimed more work than it could show headers for.
    FalseWorkClaim,
    /// A branch that repeated differently when asked a second time.
    Equivocation,
    /// A signed document whose signature does not verify.
    BadSignature,
    /// Speaks for another chain or genesis after the handshake bound ours.
    WrongNetwork,
}

/// How bad an offence is: what the gate does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Cannot happen by accident: the peer is banned at once.
    Lying,
    /// A protocol breach a faulty peer might commit: disconnected, and banned when repeated.
    Breach,
}

impl Offence {
    /// Every offence, for metrics that must exist before they happen and for documentation tests.
    pub const ALL: &'static [Self] = &[
        Self::OversizedMessage,
        Self::NonCanonicalCbor,
        Self::MalformedMessage,
        Self::UnknownMessage,
        Self::UnknownFlags,
        Self::CreditExceeded,
        Self::InsufficientWork,
        Self::WrongTheta,
        Self::BrokenLink,
        Self::BadTimestamp,
        Self::WrongPolicyRoot,
        Self::BodyMismatch,
        Self::UnsolicitedResponse,
        Self::BadProof,
        Self::ForgedNullifier,
        Self::MeshAbuse,
        Self::FalseWorkClaim,
        Self::Equivocation,
        Self::BadSignature,
        Self::WrongNetwork,
    ];

    /// The stable name: metric label, JSON value and log field.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OversizedMessage => "oversized_message",
            Self::NonCanonicalCbor => "non_canonical_cbor",
            Self::MalformedMessage => "malformed_message",
            Self::UnknownMessage => "unknown_message",
            Self::UnknownFlags => "unknown_flags",
            Self::CreditExceeded => "credit_exceeded",
            Self::InsufficientWork => "insufficient_work",
            Self::WrongTheta => "wrong_theta",
            Self::BrokenLink => "broken_link",
            Self::BadTimestamp => "bad_timestamp",
            Self::WrongPolicyRoot => "wrong_policy_root",
            Self::BodyMismatch => "body_mismatch",
            Self::UnsolicitedResponse => "unsolicited_response",
            Self::BadProof => "bad_proof",
            Self::ForgedNullifier => "forged_nullifier",
            Self::MeshAbuse => "mesh_abuse",
            Self::FalseWorkClaim => "false_work_claim",
            Self::Equivocation => "equivocation",
            Self::BadSignature => "bad_signature",
            Self::WrongNetwork => "wrong_network",
        }
    }

    /// How bad it is. Provable lies are banned at once; what a bug could cause gets second chances.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::InsufficientWork
            | Self::WrongTheta
            | Self::BrokenLink
            | Self::BadTimestamp
            | Self::WrongPolicyRoot
            | Self::BodyMismatch
            | Self::BadProof
            | Self::ForgedNullifier
            | Self::Equivocation
            | Self::BadSignature
            | Self::NonCanonicalCbor
            | Self::OversizedMessage
            | Self::WrongNetwork => Severity::Lying,
            Self::MalformedMessage
            | Self::UnknownMessage
            | Self::UnknownFlags
            | Self::CreditExceeded
            | Self::UnsolicitedResponse
            | Self::MeshAbuse
            | Self::FalseWorkClaim => Severity::Breach,
        }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_equal_to_the_json_form() {
        let mut seen = std::collections::BTreeSet::new();
        for o in Offence::ALL {
            assert!(seen.insert(o.name()), "{o} named twice");
            let json = serde_json::to_string(o).expect("serialises");
            assert_eq!(json, format!("\"{}\"", o.name()));
        }
    }
}
