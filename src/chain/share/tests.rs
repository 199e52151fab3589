use std::num::NonZeroU32;

use serde_json::Value;

use super::*;
use crate::{
    cbor::Writer,
    chain::{
        Ancestry, Genesis, Header, ProofEnvelope, ProofType, object_id, testing,
        verify::MAX_FUTURE_S,
    },
    ids::{ChainId, Height},
};

/// A share of a child of genesis that meets the micro-target for one share a block, which on a
/// devnet is almost a block's.
fn share(genesis: &Genesis, change: impl Fn(&mut Header)) -> HashShare {
    (0..)
        .map(|nonce| {
            let mut header = child(genesis);
            header.nonce = nonce;
            change(&mut header);
            HashShare::new(header)
        })
        .find(|share| {
            let theta = crate::chain::poies::share_theta(share.header().theta, ONE);
            crate::chain::poies::meets(&share.draw(), theta)
        })
        .expect("some nonce meets it")
}

const ONE: NonZeroU32 = NonZeroU32::MIN;

fn child(genesis: &Genesis) -> Header {
    let first = genesis.header();
    Header {
        height: Height(1),
        parent_hash: genesis.hash(),
        timestamp: first.timestamp + 2,
        theta: Ancestry::genesis(genesis).next_theta(genesis),
        ..first.clone()
    }
}

fn judge(genesis: &Genesis, envelope: &[u8]) -> Result<Standing, ShareError> {
    let verifier = HashShares::with_rate(genesis, ONE);
    let ancestry = Ancestry::genesis(genesis);
    let share = ProofEnvelope::decode(envelope)?;
    let parent = verifier.parent(&share)?;
    let now_s = genesis.header().timestamp + 10;
    verifier.screen(&share, parent.is_some().then_some(&ancestry), now_s)?;
    verifier.verify(&share)
}

#[test]
fn shares_have_the_bytes_and_nullifiers_of_the_second_implementation() {
    let all: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/shares.json")).unwrap();
    let shares = all["shares"].as_array().unwrap();
    assert!(shares.len() > 3);
    for expected in shares {
        let text = |key: &str| expected[key].as_str().unwrap().to_owned();
        let bytes = hex::decode(text("envelope")).unwrap();
        let envelope = ProofEnvelope::decode(&bytes).unwrap();
        assert_eq!(envelope.kind, ProofType::Hash);
        let share = HashShare::decode(envelope.body).unwrap();
        assert_eq!(share.envelope(), bytes);
        assert_eq!(object_id(&bytes).to_string(), text("id"));
        assert_eq!(share.template_hash().to_string(), text("template_hash"));
        assert_eq!(share.draw().to_string(), text("draw"));
        assert_eq!(share.nullifier().to_string(), text("nullifier"));
        assert_eq!(share.nullifier(), envelope.nullifier);
        assert_eq!(share.header().hash().to_string(), text("block_hash"));
    }
}

#[test]
fn a_share_that_meets_its_target_is_verified() {
    let genesis = testing::devnet();
    let share = share(&genesis, |_| {});
    let bytes = share.envelope();
    assert_eq!(judge(&genesis, &bytes), Ok(Standing::Verified));
    assert!(bytes.len() <= 1024, "{}", bytes.len());
}

#[test]
fn the_longest_hash_share_fits_its_limit() {
    let header = Header {
        version: u64::MAX,
        chain_id: ChainId(u64::MAX),
        height: Height(u64::MAX),
        timestamp: u64::MAX,
        theta: Theta(u64::MAX),
        nonce: u64::MAX,
        extra: vec![1; 32],
        ..testing::example()
    };
    let bytes = HashShare::new(header).envelope();
    assert!(ProofEnvelope::decode(&bytes).is_ok());
    assert_eq!(bytes.len(), 596);
}

#[test]
fn refuses_a_draw_above_the_micro_target() {
    let genesis = testing::devnet();
    let failing = (0..)
        .map(|nonce| {
            HashShare::new(Header {
                nonce,
                ..child(&genesis)
            })
        })
        .find(|s| !crate::chain::poies::meets(&s.draw(), s.header().theta))
        .unwrap();
    let error = judge(&genesis, &failing.envelope()).unwrap_err();
    assert!(matches!(error, ShareError::AboveTarget { .. }));
    assert_eq!(error.offence(), Some(Offence::InsufficientWork));
}

#[test]
fn refuses_a_template_that_cannot_be_a_block() {
    let genesis = testing::devnet();
    let first = genesis.header().clone();
    type Change = fn(&mut Header, &Header);
    let cases: [(Change, Option<Offence>); 7] = [
        (
            |h, _| h.theta = Theta(h.theta.0 - 1),
            Some(Offence::WrongTheta),
        ),
        (|h, _| h.height = Height(2), Some(Offence::BrokenLink)),
        (
            |h, _| h.parent_hash = Hash32::ZERO,
            Some(Offence::BrokenLink),
        ),
        (|h, _| h.chain_id = ChainId(1), Some(Offence::BrokenLink)),
        (
            |h, first| h.timestamp = first.timestamp,
            Some(Offence::BadTimestamp),
        ),
        (
            |h, _| h.poies_policy_root = Hash32([1; 32]),
            Some(Offence::WrongPolicyRoot),
        ),
        (
            |h, first| h.timestamp = first.timestamp + 11 + MAX_FUTURE_S,
            None,
        ),
    ];
    for (i, (change, offence)) in cases.into_iter().enumerate() {
        let bad = share(&genesis, |header| change(header, &first));
        let error = judge(&genesis, &bad.envelope()).unwrap_err();
        assert!(matches!(error, ShareError::Template(_)), "{i}: {error}");
        assert_eq!(error.offence(), offence, "{i}");
    }
}

#[test]
fn refuses_a_nullifier_that_is_not_its_own() {
    let genesis = testing::devnet();
    let share = share(&genesis, |_| {});
    let forged = ProofEnvelope {
        kind: ProofType::Hash,
        body: &share.encode(),
        nullifier: Hash32([7; 32]),
    };
    let error = judge(&genesis, &forged.encode()).unwrap_err();
    assert!(matches!(error, ShareError::Nullifier { .. }));
    assert_eq!(error.offence(), Some(Offence::ForgedNullifier));
}

#[test]
fn a_body_has_one_form() {
    let genesis = testing::devnet();
    let header = Header {
        nonce: 5,
        ..child(&genesis)
    };
    let body = |version: u64, template: &[u8], nonce: &[u8]| {
        let mut w = Writer::new();
        w.map(3).uint(1).uint(version).uint(2).bytes(template);
        w.uint(3).bytes(nonce);
        w.finish()
    };
    let template = Header {
        nonce: 0,
        ..header.clone()
    }
    .encode();
    let five = 5_u64.to_be_bytes();
    let good = HashShare::decode(&body(1, &template, &five)).unwrap();
    assert_eq!(good, HashShare::new(header.clone()));
    assert_eq!(
        HashShare::decode(&body(2, &template, &five)),
        Err(ShareError::Version(2))
    );
    assert_eq!(
        HashShare::decode(&body(1, &header.encode(), &five)),
        Err(ShareError::TemplateNonce)
    );
    for nonce in [&five[..7], &[0; 32]] {
        let error = HashShare::decode(&body(1, &template, nonce)).unwrap_err();
        assert_eq!(error, ShareError::Body(CborError::OutOfRange));
    }
    assert!(matches!(
        HashShare::decode(&body(1, &[], &five)),
        Err(ShareError::Template(HeaderError::Cbor(_)))
    ));
    let mut more = body(1, &template, &five);
    more[0] = 0xa4;
    more.extend([4, 0]);
    assert_eq!(
        HashShare::decode(&more),
        Err(ShareError::Body(CborError::WrongKey))
    );
}

#[test]
fn other_types_are_carried() {
    for kind in [
        ProofType::Ai,
        ProofType::Quantum,
        ProofType::Storage,
        ProofType::Vdf,
    ] {
        let envelope = ProofEnvelope {
            kind,
            body: &[1, 2, 3],
            nullifier: Hash32([1; 32]),
        };
        assert_eq!(
            judge(&testing::devnet(), &envelope.encode()),
            Ok(Standing::Carried)
        );
    }
}
