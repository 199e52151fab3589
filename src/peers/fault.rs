//! Whose fault it is that a signed document does not hold.

use crate::{
    cbor::CborError,
    identity::{ClaimError, DelegationError, IdentityError, RecordError},
    offence::Offence,
};

/// What the peer that sent a node record did wrong, `None` where an honest peer may have sent it.
///
/// Whoever passes a record on has verified it, so what anybody can see in it is the fault of who
/// sent it, whoever made it. What depends on a clock, on which delegations and versions one has
/// seen, or on a policy in rotation is nobody's: such a record is skipped. A record that was sent
/// again, newer or older than the one at hand, is not even an error.
#[must_use]
pub fn fault_of_record(error: &RecordError) -> Option<Offence> {
    match error {
        RecordError::TooLong(_) => Some(Offence::OversizedMessage),
        RecordError::Malformed(e) => Some(of_cbor(e)),
        RecordError::OtherChain => Some(Offence::WrongNetwork),
        RecordError::Version(_) | RecordError::Premature | RecordError::Expired => None,
        RecordError::Identity(e) => of_identity(e),
        RecordError::Delegation(e) => of_delegation(e),
        RecordError::Claim(e) => of_claim(e),
        RecordError::OtherIdentity | RecordError::Address | RecordError::Life => {
            Some(Offence::MalformedMessage)
        }
    }
}

/// The same of whoever claims to sign as an identity.
pub(super) fn of_claim(error: &ClaimError) -> Option<Offence> {
    match error {
        e if e.is_about_time() => None,
        ClaimError::IdentityAlgorithm(_)
        | ClaimError::Delegation(
            DelegationError::LowerSerial { .. } | DelegationError::Algorithm(_),
        ) => None,
        _ => Some(Offence::BadSignature),
    }
}

/// The same of a delegation that is not of its form.
pub(super) fn of_delegation(error: &DelegationError) -> Option<Offence> {
    match error {
        DelegationError::Malformed(e) => Some(of_cbor(e)),
        DelegationError::Version(_) => None,
        DelegationError::SigningKey(e) => of_identity(e),
        _ => Some(Offence::MalformedMessage),
    }
}

/// The same of bytes that are not an identity. A later version or another build may know more
/// algorithms than this one.
pub(super) fn of_identity(error: &IdentityError) -> Option<Offence> {
    match error {
        IdentityError::UnknownAlgorithm(_) | IdentityError::NotInBuild(_) => None,
        _ => Some(Offence::MalformedMessage),
    }
}

/// The same of bytes that are not the document they should be.
pub(super) fn of_cbor(error: &CborError) -> Offence {
    if error.is_non_canonical() {
        Offence::NonCanonicalCbor
    } else {
        Offence::MalformedMessage
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::sign::SigAlg;

    #[test]
    fn lies_are_their_senders_fault_and_clocks_are_nobodys() {
        let of = |error| fault_of_record(&error);
        assert_eq!(of(RecordError::Premature), None);
        assert_eq!(of(RecordError::Expired), None);
        assert_eq!(of(RecordError::Version(2)), None);
        assert_eq!(
            of(RecordError::Identity(IdentityError::UnknownAlgorithm(9))),
            None
        );
        let claim = |e| of(RecordError::Claim(e));
        let serial = DelegationError::LowerSerial {
            found: 1,
            highest: 2,
        };
        assert_eq!(claim(DelegationError::Expired.into()), None);
        assert_eq!(claim(serial.into()), None);
        assert_eq!(claim(ClaimError::IdentityAlgorithm(SigAlg::MlDsa65)), None);
        assert_eq!(of(RecordError::OtherChain), Some(Offence::WrongNetwork));
        assert_eq!(
            claim(DelegationError::OtherIdentity.into()),
            Some(Offence::BadSignature)
        );
        assert_eq!(
            of(RecordError::TooLong(1 << 20)),
            Some(Offence::OversizedMessage)
        );
        assert_eq!(
            of(RecordError::Malformed(CborError::NotShortest)),
            Some(Offence::NonCanonicalCbor)
        );
        assert_eq!(of(RecordError::Address), Some(Offence::MalformedMessage));
    }
}
