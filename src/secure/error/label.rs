//! The stable names of refusals, one per variant and cause.

use crate::{
    crypto::sign::SignatureError,
    identity::DelegationError,
    secure::{FrameType, HandshakeError},
};

impl HandshakeError {
    /// The stable metric label, one per variant and cause.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Io(_) => "io",
            Self::Eof { .. } => "eof",
            Self::Deadline => "deadline",
            Self::Cancelled => "cancelled",
            Self::UnexpectedFrame { .. } => "unexpected_frame",
            Self::FrameTooLong { .. } => "frame_too_long",
            Self::Malformed { frame, .. } => match frame {
                FrameType::Alert => "malformed_alert",
                FrameType::ClientHello => "malformed_client_hello",
                FrameType::ServerHello => "malformed_server_hello",
                FrameType::ResponderAuth => "malformed_r_auth",
                FrameType::InitiatorAuth => "malformed_i_auth",
            },
            Self::Alerted(alert) => alert.label(),
            Self::MalformedAlert => "malformed_alert",
            Self::Version(_) => "version",
            Self::Chain(_) => "chain",
            Self::Genesis(_) => "genesis",
            Self::Policy(_) => "policy",
            Self::PolicyEcho(_) => "policy_echo",
            Self::NoCommonAead => "no_common_aead",
            Self::AeadNotOffered(_) => "aead_not_offered",
            Self::SelfDial => "self_dial",
            Self::SmallOrder => "small_order",
            Self::KemKey => "kem_key",
            Self::Seal(FrameType::InitiatorAuth) => "i_auth_seal",
            Self::Seal(_) => "r_auth_seal",
            Self::Identity(_) => "identity_key",
            Self::IdentityNotAllowed(_) => "identity_not_allowed",
            Self::DelegationMissing(_) => "delegation_missing",
            Self::WrongPeer(_) => "wrong_peer",
            Self::Delegation(e) => delegation_label(e),
            Self::Signature(e) => match e {
                SignatureError::Ed25519 | SignatureError::Ed25519Key => "signature_ed25519",
                SignatureError::PostQuantum(_) => "signature_pq",
                _ => "signature_form",
            },
            Self::Limited(refusal) => refusal.label(),
            Self::OwnAlgorithm(_) => "own_algorithm",
            Self::Local(_) => "local",
        }
    }
}

fn delegation_label(error: &DelegationError) -> &'static str {
    match error {
        DelegationError::TooLong(_) | DelegationError::Malformed(_) => "delegation_malformed",
        DelegationError::Version(_) => "delegation_version",
        DelegationError::OtherIdentity | DelegationError::OtherSigner => "delegation_foreign",
        DelegationError::OtherChain => "delegation_chain",
        DelegationError::Usage => "delegation_usage",
        DelegationError::Life => "delegation_life",
        DelegationError::Premature => "delegation_premature",
        DelegationError::Expired => "delegation_expired",
        DelegationError::SigningKey(_) => "delegation_key",
        DelegationError::Algorithm(_) => "delegation_algorithm",
        DelegationError::LowerSerial { .. } => "delegation_serial",
        DelegationError::Signature(_) => "delegation_signature",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// Labels in the sources of the channel, in the order of the files.
    fn labels_in(source: &str) -> BTreeSet<&str> {
        let code = source.split("#[cfg(test)]").next().unwrap();
        let labels = code.lines().filter_map(|line| line.split_once("=> \""));
        labels
            .filter_map(|(_, rest)| rest.split('"').next())
            .collect()
    }

    #[test]
    fn the_specification_names_every_label() {
        let spec = std::fs::read_to_string("specs/handshake.md").unwrap();
        for source in [
            include_str!("label.rs"),
            include_str!("../budget/mod.rs"),
            include_str!("../record/mod.rs"),
            include_str!("../observer.rs"),
        ] {
            let labels = labels_in(source);
            assert!(!labels.is_empty());
            for label in labels {
                assert!(spec.contains(&format!("`{label}`")), "{label}");
            }
        }
        for label in labels_in(include_str!("../alert.rs")) {
            let named = !label.contains('_') || label == "close_normal";
            assert!(named || spec.contains(&format!("`{label}`")), "{label}");
        }
    }

    #[test]
    fn the_specification_has_the_limits_of_the_code() {
        use crate::{registry, secure::BudgetLimits};
        let spec = std::fs::read_to_string("specs/handshake.md").unwrap();
        let spaced = |n: usize| match n {
            0..1000 => n.to_string(),
            _ => format!("{} {:03}", n / 1000, n % 1000),
        };
        let limits = BudgetLimits::default();
        for (_, rate) in [
            ("address", limits.per_address),
            ("group", limits.per_group),
            ("work", limits.work),
            ("delegations", limits.delegations),
        ] {
            let row = format!("| {} | {} |", rate.per_second, rate.burst);
            assert!(spec.contains(&row), "{row}");
        }
        for n in [
            registry::MAX_HELLO_BYTES,
            registry::MAX_AUTH_BYTES,
            registry::MAX_RECORD_CONTENT,
            registry::MAX_RECORD_CONTENT + 17,
            registry::HANDSHAKE_DEADLINE_MS as usize,
            limits.half_open,
            limits.table,
        ] {
            assert!(spec.contains(&spaced(n)), "{n}");
        }
    }
}
