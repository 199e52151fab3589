use super::*;
use crate::{
    crypto::sign::{SigAlg, SignatureError},
    identity::{NodeIdentity, Policy},
    ids::ChainId,
    registry::MAX_DELEGATION_MS,
};

const CHAIN: ChainId = ChainId(7);
const GENESIS: Hash32 = Hash32([3; 32]);
const START: u64 = 1_700_000_000_000;
const END: u64 = START + 24 * 60 * 60 * 1000;

fn identity() -> KeyPair {
    KeyPair::deterministic([1; 32]).unwrap()
}

fn signer() -> KeyPair {
    KeyPair::deterministic([2; 32]).unwrap()
}

fn fields() -> DelegationFields {
    DelegationFields {
        peer_digest: identity().public().digest(),
        chain_id: CHAIN,
        genesis: GENESIS,
        serial: 5,
        usages: Usage::ALL,
        signing_alg: signer().alg().id(),
        signing_pubkey: signer().public().as_bytes().to_vec(),
        not_before_ms: START,
        not_after_ms: END,
    }
}

fn issue(edit: impl FnOnce(&mut DelegationFields)) -> Delegation {
    let mut fields = fields();
    edit(&mut fields);
    Delegation::issue(&identity(), &fields).unwrap()
}

/// A delegation that no honest issuer would sign.
fn forge(edit: impl FnOnce(&mut DelegationFields)) -> Delegation {
    let mut fields = fields();
    edit(&mut fields);
    let body = fields.to_bytes();
    let signature = identity().sign(SignContext::Delegation, &body).unwrap();
    let mut out = Writer::new();
    out.array(2).raw(&body).bytes(&signature);
    Delegation::decode(&out.finish()).unwrap()
}

fn verify(d: &Delegation, now: u64) -> Result<PublicIdentity, DelegationError> {
    let policy = Policy::default_fips();
    d.verify(
        identity().public(),
        CHAIN,
        GENESIS,
        &policy,
        Usage::CHANNEL,
        now,
    )
}

#[test]
fn a_good_delegation_names_its_key() {
    let d = issue(|_| ());
    assert_eq!(verify(&d, START), Ok(signer().public().clone()));
    let again = Delegation::decode(d.as_bytes()).unwrap();
    assert_eq!(again, d);
    assert_eq!(again.fields(), &fields());
    assert_eq!(d.body(), fields().to_bytes());
}

#[test]
fn refuses_another_identity_chain_genesis_and_use() {
    let policy = Policy::default_fips();
    let d = issue(|f| f.usages = Usage::RECORD | Usage::ENVELOPE);
    let identity = identity();
    let check = |who: &KeyPair, chain, genesis, usage| {
        d.verify(who.public(), chain, genesis, &policy, usage, START)
            .map(drop)
    };
    let (c, g, u) = (CHAIN, GENESIS, Usage::RECORD);
    assert_eq!(check(&identity, c, g, u), Ok(()));
    for (got, expected) in [
        (check(&signer(), c, g, u), DelegationError::OtherIdentity),
        (
            check(&identity, ChainId(8), g, u),
            DelegationError::OtherChain,
        ),
        (
            check(&identity, c, Hash32::ZERO, u),
            DelegationError::OtherChain,
        ),
        (
            check(&identity, c, g, Usage::CHANNEL),
            DelegationError::Usage,
        ),
        (
            check(&identity, c, g, Usage::CHANNEL | u),
            DelegationError::Usage,
        ),
    ] {
        assert_eq!(got, Err(expected));
    }
}

#[test]
fn time_is_judged_with_ten_minutes_allowance() {
    let d = issue(|_| ());
    let skew = DELEGATION_SKEW_MS;
    assert_eq!(
        verify(&d, START - skew - 1),
        Err(DelegationError::Premature)
    );
    assert!(verify(&d, START - skew).is_ok());
    assert!(verify(&d, END + skew - 1).is_ok());
    assert_eq!(verify(&d, END + skew), Err(DelegationError::Expired));
    assert_eq!(d.accepted_until_ms(), END + skew);
    assert!(DelegationError::Expired.is_about_time());
    assert_eq!(verify(&d, u64::MAX), Err(DelegationError::Expired));
}

#[test]
fn a_life_is_neither_empty_nor_longer_than_ninety_days() {
    let longest = issue(|f| f.not_after_ms = START + MAX_DELEGATION_MS);
    assert!(verify(&longest, START).is_ok());
    for not_after in [START, START - 1, 0, START + MAX_DELEGATION_MS + 1, u64::MAX] {
        let d = forge(|f| f.not_after_ms = not_after);
        assert_eq!(verify(&d, START), Err(DelegationError::Life), "{not_after}");
        let mut f = fields();
        f.not_after_ms = not_after;
        assert_eq!(
            Delegation::issue(&identity(), &f),
            Err(IssueError::Refused(DelegationError::Life))
        );
    }
}

#[test]
fn the_delegated_algorithm_must_be_allowed_to_sign() {
    let slh = forge(|f| {
        f.signing_alg = SigAlg::SlhDsaShake128s.id();
        f.signing_pubkey.drain(..1952 - 32);
    });
    assert_eq!(
        verify(&slh, START),
        Err(DelegationError::Algorithm(SigAlg::SlhDsaShake128s))
    );
    #[cfg(feature = "round3")]
    {
        let round3 = forge(|f| f.signing_alg = SigAlg::Dilithium3.id());
        assert_eq!(
            verify(&round3, START),
            Err(DelegationError::Algorithm(SigAlg::Dilithium3))
        );
    }
    let short = forge(|f| f.signing_pubkey.truncate(1983));
    assert!(matches!(
        verify(&short, START),
        Err(DelegationError::SigningKey(_))
    ));
    let unknown = forge(|f| f.signing_alg = 0x1002);
    assert!(matches!(
        verify(&unknown, START),
        Err(DelegationError::SigningKey(_))
    ));
}

#[test]
fn every_changed_bit_is_refused() {
    let d = issue(|_| ());
    let policy = Policy::default_fips();
    let identity = identity();
    // Every 97th bit of the object: all of its parts, in bearable time.
    for bit in (0..d.as_bytes().len() * 8).step_by(97) {
        let mut bytes = d.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let verdict = Delegation::decode(&bytes).and_then(|d| {
            d.verify(
                identity.public(),
                CHAIN,
                GENESIS,
                &policy,
                Usage::CHANNEL,
                START,
            )
        });
        assert!(verdict.is_err(), "bit {bit}");
    }
    for cut in [0, 1, 40, d.body().len(), d.as_bytes().len() - 1] {
        assert!(Delegation::decode(&d.as_bytes()[..cut]).is_err());
    }
    assert!(Delegation::decode(&[d.as_bytes(), &[0]].concat()).is_err());
}

#[test]
fn a_signature_of_another_context_or_key_is_refused() {
    let body = fields().to_bytes();
    for (key, context) in [
        (identity(), SignContext::Record),
        (signer(), SignContext::Delegation),
    ] {
        let signature = key.sign(context, &body).unwrap();
        let mut out = Writer::new();
        out.array(2).raw(&body).bytes(&signature);
        let d = Delegation::decode(&out.finish()).unwrap();
        assert_eq!(
            verify(&d, START),
            Err(DelegationError::Signature(SignatureError::Ed25519))
        );
    }
}

#[test]
fn a_lower_serial_is_refused_once_a_higher_was_remembered() {
    let policy = Policy::default_fips();
    let delegations = Delegations::new(CHAIN, GENESIS, SerialMemory::default());
    let identity = identity();
    let check = |d: &Delegation| {
        delegations
            .verify(d, identity.public(), &policy, Usage::CHANNEL, START)
            .map(drop)
    };
    let (old, new) = (issue(|_| ()), issue(|f| f.serial = 6));
    assert_eq!((check(&old), check(&new)), (Ok(()), Ok(())));
    assert_eq!(check(&old), Ok(()), "verifying alone remembers nothing");
    delegations.remember(&new);
    let lower = DelegationError::LowerSerial {
        found: 5,
        highest: 6,
    };
    assert_eq!((check(&old), check(&new)), (Err(lower), Ok(())));
    // It survives a restart.
    let mut serials = SerialMemory::default();
    for (digest, serial) in delegations.serials().entries() {
        serials.remember(digest, serial);
    }
    let restarted = Delegations::new(CHAIN, GENESIS, serials);
    assert_eq!(
        restarted
            .verify(&old, identity.public(), &policy, Usage::CHANNEL, START)
            .map(drop),
        Err(lower)
    );
}

#[test]
fn serials_are_bounded_and_never_go_down() {
    let mut serials = SerialMemory::new(2);
    let id = |n| Hash32([n; 32]);
    serials.remember(id(1), 9);
    serials.remember(id(1), 3);
    assert!(serials.check(&id(1), 8).is_err());
    serials.remember(id(2), 1);
    serials.remember(id(3), 1);
    assert_eq!(serials.len(), 2);
    assert!(serials.check(&id(1), 0).is_ok(), "the oldest is forgotten");
}

#[test]
fn a_remembered_delegation_is_still_judged_by_time_use_and_policy() {
    let policy = Policy::default_fips();
    let delegations = Delegations::new(CHAIN, GENESIS, SerialMemory::default());
    let d = issue(|f| f.usages = Usage::CHANNEL);
    let identity = identity();
    assert!(delegations.is_costly(&d));
    delegations.remember(&d);
    assert!(!delegations.is_costly(&d));
    let check = |usage, now| delegations.verify(&d, identity.public(), &policy, usage, now);
    assert!(check(Usage::CHANNEL, START).is_ok());
    assert_eq!(
        check(Usage::RECORD, START).map(drop),
        Err(DelegationError::Usage)
    );
    assert_eq!(
        check(Usage::CHANNEL, u64::MAX).map(drop),
        Err(DelegationError::Expired)
    );
}

#[test]
fn a_node_refuses_to_run_on_a_foreign_delegation() {
    let d = issue(|_| ());
    let node = NodeIdentity::with_delegation(identity().public().clone(), signer(), d.clone());
    let node = node.unwrap();
    assert_eq!(node.peer_id(), identity().public().peer_id());
    let signature = node.sign(SignContext::Record, b"x").unwrap();
    let key = verify(node.delegation().unwrap(), START).unwrap();
    assert_eq!(key.verify(SignContext::Record, b"x", &signature), Ok(()));
    assert_eq!(
        NodeIdentity::with_delegation(identity().public().clone(), identity(), d.clone()).map(drop),
        Err(DelegationError::OtherSigner)
    );
    assert_eq!(
        NodeIdentity::with_delegation(signer().public().clone(), signer(), d).map(drop),
        Err(DelegationError::OtherIdentity)
    );
}
