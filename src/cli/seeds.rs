//! `seeds keygen|sign|verify`: for whoever publishes a list of first peers. No node is asked.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{
    Outcome,
    args::{Seeds, Sign, Verify},
    context::{Context, absolute},
    genesis,
    moment::{moment, now_ms},
    screen::{Screen, facts},
};
use crate::{
    api::code::{ErrorCode, Failure},
    crypto::ed25519::KeyPair,
    identity::key_file::{self, KeyFileError},
    ids::ChainId,
    node::Scope,
    peers::seeds::{self, Keys, ListError, MAX_LIST_BYTES, MAX_SIGNATURE_BYTES, Rules, Signed},
};

pub(super) fn run(context: &Context, command: &Seeds, screen: &Screen) -> Outcome {
    match command {
        Seeds::Keygen { out } => keygen(out, screen),
        Seeds::Sign(command) => sign(context, command, screen),
        Seeds::Verify(command) => verify(context, command, screen),
    }
}

fn keygen(out: &Path, screen: &Screen) -> Outcome {
    let key = KeyPair::generate()
        .map_err(|e| Failure::new(ErrorCode::Failed, format!("cannot make a key: {e}")))?;
    let path = absolute(out);
    key_file::create_secret(&path, seeds::secret_text(&key).as_bytes())?;
    let (id, public) = (seeds::key_id(&key.public()), seeds::public_text(&key));
    let value = json!({ "file": path, "key_id": id, "public_key": public });
    screen.show(&value, || {
        facts(&[
            ("public key", public.clone()),
            ("key id", id.clone()),
            ("secret key", path.display().to_string()),
        ])
    })
}

fn sign(context: &Context, command: &Sign, screen: &Screen) -> Outcome {
    let key = secret(&command.key)?;
    let list = read_list(&command.list)?;
    let (chain, now) = (chain(context)?, now_ms());
    let signed = seeds::sign(&list, &key, chain, public_only(context, chain), now)
        .map_err(|e| refused(&command.list, &e))?;
    let out = command.out.as_deref().unwrap_or(&command.list);
    let beside = beside(out);
    let mut signatures = Vec::new();
    if command.add {
        if list != signed.document {
            let message = format!("{} is not as it was signed", out.display());
            let hint = "sign it without --add first, and keep its bytes as they are then";
            return Err(Failure::new(ErrorCode::CheckFailed, message).hint(hint));
        }
        signatures = read(&beside, MAX_SIGNATURE_BYTES)?;
        if !signatures.ends_with(b"\n") && !signatures.is_empty() {
            signatures.push(b'\n');
        }
    }
    signatures.extend_from_slice(signed.signature.as_bytes());
    // As a reader will see it: also what was there before.
    let keys = read_keys(&[seeds::public_text(&key)])?;
    let rules = rules(context, chain, &keys, now);
    seeds::verify(&signed.document, Some(&signatures), &rules).map_err(|e| refused(&beside, &e))?;
    // In this order, what an interruption leaves is refused, and not a list nobody signed.
    write(&beside, &signatures)?;
    if !command.add {
        write(out, &signed.document)?;
    }
    show_signed(&absolute(out), &absolute(&beside), &key, &signed, screen)
}

fn show_signed(
    list: &Path,
    beside: &Path,
    key: &KeyPair,
    signed: &Signed,
    screen: &Screen,
) -> Outcome {
    let id = seeds::key_id(&key.public());
    if signed.dropped > 0 {
        screen.warn(&format!(
            "{} addresses that nobody will use: private, relayed, unreadable or repeated",
            signed.dropped
        ));
    }
    let value = json!({
        "list": list,
        "signature": beside,
        "key_id": id,
        "entries": signed.entries,
        "dropped": signed.dropped,
        "expires_ms": signed.expires_ms,
    });
    screen.show(&value, || {
        facts(&[
            ("list", list.display().to_string()),
            ("signature", format!("{}, by key {id}", beside.display())),
            ("entries", signed.entries.to_string()),
            ("expires", moment(signed.expires_ms, now_ms())),
        ])
    })
}

fn verify(context: &Context, command: &Verify, screen: &Screen) -> Outcome {
    let keys = if command.keys.is_empty() {
        &context.config().discovery.seed_keys
    } else {
        &command.keys
    };
    let (path, now) = (&command.list, now_ms());
    // Before any file is read: a key that cannot be read is the command line's fault.
    let keys = read_keys(keys)?;
    let document = read_list(path)?;
    let signature = match read(&beside(path), MAX_SIGNATURE_BYTES) {
        Err(_) if !beside(path).exists() => return Err(refused(path, &ListError::Unsigned)),
        signature => signature?,
    };
    let rules = rules(context, chain(context)?, &keys, now);
    let list = seeds::verify(&document, Some(&signature), &rules).map_err(|e| refused(path, &e))?;
    let value = json!({
        "valid": true,
        "list": absolute(path),
        "key_id": list.key,
        "entries": list.entries.len(),
        "dropped": list.dropped,
        "generated_ms": list.generated_ms,
        "expires_ms": list.expires_ms,
    });
    screen.show(&value, || {
        facts(&[
            ("valid", "yes: a node with this key takes it".to_owned()),
            ("signed by", format!("key {}", list.key)),
            ("entries", list.entries.len().to_string()),
            ("left out", format!("{} addresses", list.dropped)),
            ("made", moment(list.generated_ms, now)),
            ("expires", moment(list.expires_ms, now)),
        ])
    })
}

/// What a node with this configuration and these keys holds a list to.
fn rules<'a>(context: &Context, chain: ChainId, keys: &'a Keys, now_ms: u64) -> Rules<'a> {
    Rules {
        chain,
        keys,
        public_only: public_only(context, chain),
        now_ms,
        newest_ms: 0,
    }
}

/// The chain of the configured genesis, else the configured number: a list needs no genesis.
fn chain(context: &Context) -> Result<ChainId, Failure> {
    let config = context.config();
    match config.genesis {
        Some(_) => Ok(genesis::configured(config)?.chain_id()),
        None => Ok(config.chain_id),
    }
}

fn public_only(context: &Context, chain: ChainId) -> bool {
    Scope::of(chain, context.config().network.profile) == Scope::Public
}

fn read_keys(texts: &[String]) -> Result<Keys, Failure> {
    Keys::read(texts.iter().map(String::as_str))
        .map_err(|e| Failure::new(ErrorCode::Usage, format!("--key: {e}")))
}

/// A list that breaks a rule.
fn refused(path: &Path, e: &ListError) -> Failure {
    let failure = Failure::new(ErrorCode::CheckFailed, format!("{}: {e}", path.display()));
    match e {
        ListError::Expired { .. } | ListError::Life => failure.hint(
            "where a list has no generatedAt and no expiresAt, `seeds sign` fills them in; keep it so and sign with --out",
        ),
        ListError::WrongNetwork { .. } => failure.hint("--chain-id names the network"),
        ListError::NoKeys | ListError::BadSignature => {
            failure.hint("--key names the publisher's public key, as `seeds keygen` printed it")
        }
        ListError::Unsigned => failure.hint("animica-p2p seeds sign LIST --key FILE"),
        _ => failure,
    }
}

fn secret(path: &Path) -> Result<KeyPair, Failure> {
    let text = key_file::read_secret(path).map_err(|e| match e {
        KeyFileError::Missing { .. } => Failure::new(ErrorCode::KeyUnreadable, e.to_string())
            .hint("make one with `animica-p2p seeds keygen --out FILE`"),
        e => e.into(),
    })?;
    let text = str::from_utf8(&text).ok();
    text.and_then(|text| seeds::read_secret(text).ok())
        .ok_or_else(|| {
            let message = format!("{} is not a key that signs lists", path.display());
            Failure::new(ErrorCode::KeyMalformed, message)
                .hint("it holds 32 bytes in base64 or hexadecimal, as `seeds keygen` writes them")
        })
}

/// The name of the file beside a list.
fn beside(list: &Path) -> PathBuf {
    let mut name = list.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

fn read_list(path: &Path) -> Result<Vec<u8>, Failure> {
    read(path, MAX_LIST_BYTES)
}

/// The bytes of a regular file: at most one more than `limit`, which is then refused for its length.
fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let failed = |e: io::Error| file_failed("read", path, &e);
    // Looked at before it is opened: opening a pipe would wait for its writer.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(io::Error::other("it is not a regular file")));
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let file = File::open(path).map_err(failed)?;
    file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Writes a file completely or not at all: a server may be reading it.
fn write(path: &Path, bytes: &[u8]) -> Outcome {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    let written = File::create(&draft)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, path));
    written.map_err(|e| {
        // What failed is said below.
        let _ = fs::remove_file(&draft);
        file_failed("write", path, &e)
    })
}

fn file_failed(what: &str, path: &Path, e: &io::Error) -> Failure {
    let code = match e.kind() {
        io::ErrorKind::PermissionDenied => ErrorCode::PermissionDenied,
        io::ErrorKind::StorageFull => ErrorCode::DiskFull,
        _ => ErrorCode::FileFailed,
    };
    Failure::new(code, format!("cannot {what} {}: {e}", path.display()))
}
