//! What delegated signatures are refused for, between whole nodes.

use std::{sync::Arc, time::Duration};

use super::replay::Case;
use crate::{
    bucket::Rate,
    clock::ManualClock,
    crypto::sign::SigAlg,
    identity::{Delegation, DelegationFields, KeyPair, NodeIdentity, Policy, Usage},
    ids::Hash32,
    registry::{CHANNEL_PROTOCOL, DELEGATION_SKEW_MS},
    secure::{
        BudgetLimits, Budgets, CloseCode, Config, HandshakeError,
        handshake::{Established, Initiator, SystemProvider},
        testing::{CHAIN, GENESIS, NOW_MS, node, node_of},
    },
};

/// A whole handshake: what each side got.
fn shake(i: &Config, r: &Config) -> (Result<Established, HandshakeError>, Option<Established>) {
    let mut p = SystemProvider;
    let (ch, state) = Initiator::start(i, CHANNEL_PROTOCOL, None, &mut p).unwrap();
    let now = r.clock.now();
    let (mut flight, accept) = super::flight(r, CHANNEL_PROTOCOL, &ch, now, &mut p).unwrap();
    let len = 5 + u32::from_be_bytes(flight[1..5].try_into().unwrap()) as usize;
    let mut r_auth = flight.split_off(len);
    let state = state.server_hello(&flight).unwrap();
    match state.responder_auth(&mut r_auth, i.clock.now(), &mut p) {
        Err(error) => (Err(error), None),
        Ok((mut i_auth, state)) => {
            let i_done = state.sent(&i_auth);
            let done = accept.initiator_auth(&mut i_auth, r.clock.now());
            (done.map_err(|rejected| rejected.error), Some(i_done))
        }
    }
}

fn owner() -> KeyPair {
    KeyPair::deterministic([21; 32]).unwrap()
}

fn delegated_by(owner: &KeyPair, edit: impl FnOnce(&mut DelegationFields)) -> NodeIdentity {
    let signer = KeyPair::deterministic([22; 32]).unwrap();
    let mut fields = DelegationFields {
        peer_digest: owner.public().digest(),
        chain_id: CHAIN,
        genesis: GENESIS,
        serial: 5,
        usages: Usage::CHANNEL,
        signing_alg: signer.alg().id(),
        signing_pubkey: signer.public().as_bytes().to_vec(),
        not_before_ms: NOW_MS - 1000,
        not_after_ms: NOW_MS + 3_600_000,
    };
    edit(&mut fields);
    let delegation = Delegation::issue(owner, &fields).unwrap();
    NodeIdentity::with_delegation(owner.public().clone(), signer, delegation).unwrap()
}

fn delegated(edit: impl FnOnce(&mut DelegationFields)) -> Config {
    node_of(delegated_by(&owner(), edit), Policy::default_fips())
}

/// Both sides refuse a peer that stands on such a delegation.
fn refused(config: &Config, label: &str, code: CloseCode) {
    let honest = node(30);
    let (by_responder, _) = shake(config, &honest);
    let error = by_responder.unwrap_err();
    assert_eq!((error.label(), error.close_code()), (label, code));
    let (by_initiator, none) = shake(&honest, config);
    assert_eq!(by_initiator.unwrap_err().label(), label);
    assert!(none.is_none(), "nothing of the initiator was shown");
}

#[test]
fn a_delegated_key_speaks_for_its_identity_until_the_end_of_its_life() {
    let config = delegated(|_| ());
    let (at_responder, at_initiator) = shake(&config, &node(30));
    let peer = at_responder.unwrap().peer;
    assert_eq!(peer.peer_id(), owner().public().peer_id());
    assert_eq!(
        peer.delegated_until_ms,
        Some(NOW_MS + 3_600_000 + DELEGATION_SKEW_MS)
    );
    assert_eq!(at_initiator.unwrap().peer.delegated_until_ms, None);
    assert!(shake(&node(30), &config).0.is_ok());
}

#[test]
fn time_decides_with_ten_minutes_of_allowance() {
    let end = CloseCode::DelegationExpired;
    refused(
        &delegated(|f| {
            f.not_before_ms = NOW_MS - 3_600_000;
            f.not_after_ms = NOW_MS - DELEGATION_SKEW_MS;
        }),
        "delegation_expired",
        end,
    );
    refused(
        &delegated(|f| f.not_before_ms = NOW_MS + DELEGATION_SKEW_MS + 1),
        "delegation_premature",
        CloseCode::Authentication,
    );
    let barely = delegated(|f| f.not_before_ms = NOW_MS + DELEGATION_SKEW_MS);
    assert!(shake(&barely, &node(30)).0.is_ok());
}

#[test]
fn another_chain_genesis_or_use_is_refused() {
    let code = CloseCode::Authentication;
    refused(&delegated(|f| f.chain_id.0 += 1), "delegation_chain", code);
    refused(
        &delegated(|f| f.genesis = Hash32([1; 32])),
        "delegation_chain",
        code,
    );
    let records = Usage::RECORD | Usage::ENVELOPE;
    refused(&delegated(|f| f.usages = records), "delegation_usage", code);
}

#[test]
fn a_lower_serial_is_refused_once_a_higher_has_spoken() {
    let honest = node(30);
    let (old, new) = (delegated(|_| ()), delegated(|f| f.serial = 6));
    assert!(shake(&old, &honest).0.is_ok());
    assert!(shake(&new, &honest).0.is_ok());
    assert_eq!(
        shake(&old, &honest).0.unwrap_err().label(),
        "delegation_serial"
    );
    assert!(shake(&new, &honest).0.is_ok());
}

#[test]
fn a_remembered_delegation_still_ends() {
    let mut honest = node(30);
    let clock = ManualClock::at_wall_ms(NOW_MS);
    honest.clock = Arc::new(clock.clone());
    let config = delegated(|_| ());
    assert!(shake(&config, &honest).0.is_ok());
    clock.advance(Duration::from_millis(3_600_000 + DELEGATION_SKEW_MS));
    assert_eq!(
        shake(&config, &honest).0.unwrap_err().label(),
        "delegation_expired"
    );
}

#[cfg(feature = "round3")]
#[test]
fn a_delegated_key_of_another_policy_is_refused() {
    let signer = KeyPair::generate(SigAlg::Dilithium3).unwrap();
    let identity = {
        let fields = DelegationFields {
            signing_alg: signer.alg().id(),
            signing_pubkey: signer.public().as_bytes().to_vec(),
            ..delegated_by(&owner(), |_| ())
                .delegation()
                .unwrap()
                .fields()
                .clone()
        };
        let delegation = Delegation::issue(&owner(), &fields).unwrap();
        NodeIdentity::with_delegation(owner().public().clone(), signer, delegation).unwrap()
    };
    // The node would refuse to run; an attacker would not.
    assert!(
        Config::new(
            identity.clone(),
            Arc::new(Policy::default_fips()),
            CHAIN,
            GENESIS
        )
        .is_err()
    );
    let honest = node(30);
    let judged = honest.delegations.claim(
        identity.public(),
        identity.delegation(),
        &Policy::default_fips(),
        Usage::CHANNEL,
        NOW_MS,
    );
    let error = HandshakeError::from(judged.unwrap_err());
    assert_eq!(error.label(), "delegation_algorithm");
}

/// SLH-DSA signs the delegation, ML-DSA-65 the handshake; the slow check happens once and under
/// its own budget.
#[test]
fn an_slh_dsa_identity_delegates_and_its_check_has_a_budget() {
    // The vectors have such an identity; to issue another takes seconds.
    let mut recorded = Case::all().into_iter().map(|c| c.i.config.identity);
    let slow = recorded.find(|id| id.public().alg() == SigAlg::SlhDsaShake128s);
    let config = node_of(slow.unwrap(), Policy::default_fips());
    let mut honest = node(30);
    honest.budgets = Arc::new(Budgets::new(BudgetLimits {
        delegations: Rate {
            per_second: 1,
            burst: 1,
        },
        ..BudgetLimits::default()
    }));
    assert!(shake(&config, &honest).0.is_ok());
    assert!(
        shake(&config, &honest).0.is_ok(),
        "remembered, so nothing is spent"
    );
    let other = delegated(|_| ());
    let error = shake(&other, &honest).0.unwrap_err();
    assert_eq!(
        (error.label(), error.close_code()),
        ("limit_delegation", CloseCode::Limits)
    );
    assert!(
        honest
            .delegations
            .is_costly(other.identity.delegation().unwrap())
    );
}
