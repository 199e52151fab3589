//! `key generate|show|verify|export-public|delegate`.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{
    Outcome,
    args::{Key, KeyFile},
    context::{Context, absolute},
    screen::{Screen, facts},
};
use crate::{
    api::code::{ErrorCode, Failure},
    crypto::{self, sign::SigAlg},
    identity::{NodeIdentity, Policy, PublicIdentity, key_file},
    registry::SignContext,
};

mod delegate;
mod passphrase;

pub(super) use self::passphrase::for_listen as passphrase_for_listen;

pub(super) fn run(context: &Context, command: &Key, screen: &Screen) -> Outcome {
    match command {
        Key::Generate {
            alg,
            encrypt,
            file,
            passphrase,
        } => {
            let alg = match alg {
                Some(name) => algorithm(name)?,
                None => policy(context)?.preferred_signature(),
            };
            let path = path(context, file)?;
            if path.symlink_metadata().is_ok() {
                // Said before anybody is asked for a passphrase.
                return Err(key_file::KeyFileError::Exists { path }.into());
            }
            let sealed = *encrypt || passphrase::is_named(passphrase);
            let secret = sealed
                .then(|| passphrase::new_one(passphrase))
                .transpose()?;
            create_parent(&path)?;
            let identity = NodeIdentity::generate(alg).map_err(|e| generate_failed(&e))?;
            key_file::create(&path, &identity, secret.as_ref())?;
            show_created(&path, &identity, sealed, screen)
        }
        Key::Show { file, .. } => {
            let path = path(context, file)?;
            show(&path, &key_file::inspect(&path)?, screen)
        }
        Key::Verify { file, passphrase } => {
            let path = path(context, file)?;
            let secret = passphrase::existing(context, passphrase, &path)?;
            let identity = key_file::load(&path, secret.as_ref())?;
            verify(context, &path, &identity, screen)
        }
        Key::ExportPublic { file, output, .. } => {
            let path = path(context, file)?;
            export(&key_file::inspect(&path)?, output.as_deref(), screen)
        }
        Key::Delegate {
            file,
            passphrase,
            output,
            days,
            serial,
            alg,
        } => {
            let path = path(context, file)?;
            let terms = delegate::Terms {
                output,
                days: *days,
                serial: *serial,
                alg: alg.as_deref().map(algorithm).transpose()?,
            };
            let secret = passphrase::existing(context, passphrase, &path)?;
            let identity = key_file::load(&path, secret.as_ref())?;
            delegate::run(context, &identity, &terms, screen)
        }
    }
}

/// The policy that the configured algorithms select.
pub(super) fn policy(context: &Context) -> Result<Policy, Failure> {
    let config = context.config();
    Policy::from_words(Some(config.kem.name()), Some(config.sign_alg.name()))
        .map_err(|e| Failure::new(ErrorCode::ConfigInvalid, e.to_string()))
}

fn path(context: &Context, file: &KeyFile) -> Result<PathBuf, Failure> {
    if let Some(path) = file.path() {
        return Ok(absolute(&path));
    }
    Ok(absolute(
        &context.config().identity_file(&context.data_dir()?),
    ))
}

/// The folder of a new key file, private when it has to be made.
pub(super) fn create_parent(path: &Path) -> Outcome {
    use std::os::unix::fs::DirBuilderExt;
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(parent)
        .map_err(|e| {
            Failure::new(
                match e.kind() {
                    std::io::ErrorKind::PermissionDenied => ErrorCode::PermissionDenied,
                    _ => ErrorCode::FileFailed,
                },
                format!("cannot create {}: {e}", parent.display()),
            )
        })
}

fn algorithm(name: &str) -> Result<SigAlg, Failure> {
    let known = || {
        let all = [SigAlg::MlDsa65, SigAlg::Dilithium3, SigAlg::SlhDsaShake128s];
        let names: Vec<&str> = all
            .iter()
            .filter(|a| a.is_available())
            .map(|a| a.name())
            .collect();
        names.join(", ")
    };
    SigAlg::from_name(name)
        .filter(|alg| alg.is_available())
        .ok_or_else(|| {
            Failure::new(
                ErrorCode::Usage,
                format!(
                    "`{}` is no signature algorithm of this build",
                    name.escape_debug()
                ),
            )
            .hint(format!("one of {}", known()))
        })
}

fn generate_failed(e: &crypto::sign::SignError) -> Failure {
    Failure::new(ErrorCode::Failed, format!("cannot make a key: {e}"))
}

fn show_created(path: &Path, identity: &NodeIdentity, sealed: bool, screen: &Screen) -> Outcome {
    let alg = identity.public().alg();
    if !identity.can_run_a_node() {
        screen.note(&format!(
            "a {} identity signs delegations only; make an operational key with `animica-p2p key delegate`",
            alg.name()
        ));
    }
    let value = json!({
        "file": path,
        "peer_id": identity.peer_id().to_string(),
        "alg": alg.name(),
        "sealed": sealed,
    });
    screen.show(&value, || {
        facts(&[
            ("peer id", identity.peer_id().to_string()),
            ("algorithm", format!("{}+ed25519", alg.name())),
            ("file", path.display().to_string()),
        ])
    })
}

fn show(path: &Path, summary: &key_file::Summary, screen: &Screen) -> Outcome {
    let delegation = summary.delegation.as_ref().map(|d| {
        let f = d.fields();
        json!({
            "serial": f.serial,
            "chain_id": f.chain_id,
            "genesis": f.genesis,
            "usages": f.usages.0,
            "not_before_ms": f.not_before_ms,
            "not_after_ms": f.not_after_ms,
            "alg": summary.signer.alg().name(),
        })
    });
    let value = json!({
        "file": path,
        "peer_id": summary.identity.peer_id().to_string(),
        "alg": summary.identity.alg().name(),
        "sealed": summary.sealed,
        "delegation": delegation,
    });
    screen.show(&value, || {
        let mut rows = vec![
            ("peer id", summary.identity.peer_id().to_string()),
            (
                "algorithm",
                format!("{}+ed25519", summary.identity.alg().name()),
            ),
            ("file", path.display().to_string()),
            (
                "passphrase",
                if summary.sealed { "yes" } else { "no" }.to_owned(),
            ),
        ];
        if let Some(d) = &summary.delegation {
            let f = d.fields();
            rows.push((
                "delegation",
                format!(
                    "serial {}, chain {}, to a {} key, {}",
                    f.serial,
                    f.chain_id,
                    summary.signer.alg().name(),
                    delegate::left(f.not_after_ms)
                ),
            ));
        }
        facts(&rows)
    })
}

/// Loading has compared secret and public halves; what remains is the policy, and that a signature
/// by it verifies.
fn verify(context: &Context, path: &Path, identity: &NodeIdentity, screen: &Screen) -> Outcome {
    let policy = policy(context)?;
    let (owner, signer) = (identity.public(), identity.signing_key());
    if !policy.allows_identity(owner.alg()) {
        return Err(not_in_policy(owner.alg(), &policy));
    }
    if let Some(delegation) = identity.delegation() {
        delegate::check(context, owner, delegation, &policy)?;
    }
    if identity.can_run_a_node() {
        if !policy.allows_signing(signer.alg()) {
            return Err(not_in_policy(signer.alg(), &policy));
        }
        let body = b"animica-p2p key verify";
        let signature = identity
            .sign(SignContext::Ping, body)
            .map_err(|e| Failure::new(ErrorCode::KeyMalformed, format!("cannot sign: {e}")))?;
        signer
            .verify(SignContext::Ping, body, &signature)
            .map_err(|e| {
                Failure::new(
                    ErrorCode::KeyMalformed,
                    format!("a signature of the key does not verify: {e}"),
                )
            })?;
    }
    let value = json!({
        "valid": true,
        "file": path,
        "peer_id": identity.peer_id().to_string(),
        "can_run_a_node": identity.can_run_a_node(),
    });
    screen.show(&value, || {
        let what = if identity.can_run_a_node() {
            "private, undamaged, in the policy, signs and verifies"
        } else {
            "private, undamaged, in the policy; it signs delegations only"
        };
        format!("{}: {what}", path.display())
    })
}

/// What to do about a key that the policy has no place for.
pub(super) fn not_in_policy(alg: SigAlg, policy: &Policy) -> Failure {
    Failure::new(
        ErrorCode::KeyNotInPolicy,
        format!(
            "the key is of {}, the policy allows {}",
            alg.name(),
            policy.describe()
        ),
    )
    .hint(format!(
        "make one with `animica-p2p key generate --alg {}`, or use another --data-dir",
        policy.preferred_signature().name()
    ))
}

fn public_json(key: &PublicIdentity) -> serde_json::Value {
    json!({
        "peer_id": key.peer_id().to_string(),
        "alg": key.alg().name(),
        "alg_id": key.alg().id(),
        "public_key": hex::encode(key.as_bytes()),
        "digest": key.digest(),
    })
}

fn export(summary: &key_file::Summary, output: Option<&Path>, screen: &Screen) -> Outcome {
    let mut value = public_json(&summary.identity);
    if let Some(d) = &summary.delegation {
        value["delegation"] = json!(hex::encode(d.as_bytes()));
    }
    let text = serde_json::to_string_pretty(&value)
        .map_err(|e| Failure::new(ErrorCode::Failed, e.to_string()))?;
    match output {
        None => screen.print(&text),
        Some(path) => {
            std::fs::write(path, text + "\n").map_err(|e| {
                Failure::new(
                    ErrorCode::FileFailed,
                    format!("cannot write {}: {e}", path.display()),
                )
            })?;
            screen.show(&json!({"written": absolute(path)}), || {
                format!("wrote {}", path.display())
            })
        }
    }
}
