//! Delegating an identity to an operational key.

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::json;

use super::{create_parent, not_in_policy, policy};
use crate::{
    api::code::{ErrorCode, Failure},
    chain::Genesis,
    cli::{
        Outcome,
        context::{Context, absolute},
        screen::{Screen, duration, facts},
    },
    crypto::sign::SigAlg,
    identity::{
        Delegation, DelegationFields, KeyPair, NodeIdentity, Policy, PublicIdentity, Usage,
        key_file,
    },
};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// What was asked for.
#[derive(Debug)]
pub(super) struct Terms<'a> {
    pub(super) output: &'a Path,
    pub(super) days: u64,
    pub(super) serial: Option<u64>,
    pub(super) alg: Option<SigAlg>,
}

pub(super) fn run(
    context: &Context,
    owner: &NodeIdentity,
    terms: &Terms<'_>,
    screen: &Screen,
) -> Outcome {
    if owner.delegation().is_some() {
        return Err(Failure::new(
            ErrorCode::DelegationInvalid,
            "the key file holds a delegated key, which cannot delegate further",
        )
        .hint("use the key file of the identity itself"));
    }
    let output = absolute(terms.output);
    if output.symlink_metadata().is_ok() {
        return Err(key_file::KeyFileError::Exists { path: output }.into());
    }
    let policy = policy(context)?;
    let alg = terms.alg.unwrap_or_else(|| policy.preferred_signature());
    for (alg, allowed) in [
        (
            owner.public().alg(),
            policy.allows_identity(owner.public().alg()),
        ),
        (alg, policy.allows_signing(alg)),
    ] {
        if !allowed {
            return Err(not_in_policy(alg, &policy));
        }
    }
    let signer = KeyPair::generate(alg)
        .map_err(|e| Failure::new(ErrorCode::Failed, format!("cannot make a key: {e}")))?;
    let genesis = genesis(context)?;
    let now = now_ms();
    let fields = DelegationFields {
        peer_digest: owner.public().digest(),
        chain_id: genesis.chain_id(),
        genesis: genesis.hash(),
        serial: terms.serial.unwrap_or(now / 1000),
        usages: Usage::ALL,
        signing_alg: alg.id(),
        signing_pubkey: signer.public().as_bytes().to_vec(),
        not_before_ms: now,
        not_after_ms: now.saturating_add(terms.days.saturating_mul(DAY_MS)),
    };
    let delegation = Delegation::issue(owner.signer(), &fields)
        .map_err(|e| Failure::new(ErrorCode::DelegationInvalid, e.to_string()))?;
    let delegated = NodeIdentity::with_delegation(owner.public().clone(), signer, delegation)
        .map_err(|e| Failure::new(ErrorCode::DelegationInvalid, e.to_string()))?;
    create_parent(&output)?;
    key_file::create(&output, &delegated, None)?;
    let value = json!({
        "file": output,
        "peer_id": owner.peer_id().to_string(),
        "serial": fields.serial,
        "chain_id": fields.chain_id,
        "not_after_ms": fields.not_after_ms,
        "alg": alg.name(),
    });
    screen.show(&value, || {
        facts(&[
            ("peer id", owner.peer_id().to_string()),
            ("delegated to", format!("{}+ed25519 key", alg.name())),
            ("chain", fields.chain_id.to_string()),
            ("serial", fields.serial.to_string()),
            ("life", format!("{} days", terms.days)),
            ("file", output.display().to_string()),
            (
                "use it with",
                format!("animica-p2p listen --identity {}", terms.output.display()),
            ),
        ])
    })
}

/// Whether peers would accept the delegation now, on the configured chain.
pub(super) fn check(
    context: &Context,
    owner: &PublicIdentity,
    delegation: &Delegation,
    policy: &Policy,
) -> Outcome {
    let genesis = genesis(context)?;
    delegation
        .verify(
            owner,
            genesis.chain_id(),
            genesis.hash(),
            policy,
            Usage::CHANNEL,
            now_ms(),
        )
        .map_err(|e| {
            Failure::new(ErrorCode::DelegationInvalid, format!("the delegation: {e}"))
                .hint("issue another with `animica-p2p key delegate` (--chain-id names the chain)")
        })?;
    Ok(())
}

/// How much of its life is left.
pub(super) fn left(not_after_ms: u64) -> String {
    match not_after_ms.checked_sub(now_ms()) {
        Some(ms) => format!("{} left", duration(ms / 1000)),
        None => "expired".to_owned(),
    }
}

fn genesis(context: &Context) -> Result<Genesis, Failure> {
    crate::cli::genesis::configured(context.config())
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
