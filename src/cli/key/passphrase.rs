//! Passphrases: from a prompt, a file or a descriptor, never from the command line.

use std::{
    fs::File,
    io::{BufRead, BufReader, IsTerminal, Read},
    path::Path,
};

use zeroize::Zeroizing;

use crate::{
    api::code::{ErrorCode, Failure},
    cli::{args::PassphraseArgs, context::Context},
    identity::key_file::{self, Passphrase},
};

/// Longest passphrase that is read.
const MAX_BYTES: u64 = 4096;

/// Whether a source was named.
pub(super) fn is_named(args: &PassphraseArgs) -> bool {
    args.passphrase_file.is_some() || args.passphrase_fd.is_some()
}

/// The passphrase of a new key file; a prompt asks twice.
pub(super) fn new_one(args: &PassphraseArgs) -> Result<Passphrase, Failure> {
    if let Some(passphrase) = named(args)? {
        return not_empty(passphrase);
    }
    let first = prompt("passphrase for the new key: ")?;
    let second = prompt("again: ")?;
    if *first != *second {
        return Err(failure("the two passphrases differ"));
    }
    not_empty(Passphrase::new(first.to_string()))
}

/// The passphrase of a file that exists; `None` when it needs none.
pub(super) fn existing(
    context: &Context,
    args: &PassphraseArgs,
    path: &Path,
) -> Result<Option<Passphrase>, Failure> {
    if !key_file::inspect(path)?.sealed {
        return Ok(None);
    }
    if let Some(passphrase) = named(args)? {
        return Ok(Some(passphrase));
    }
    configured_or_prompt(context).map(Some)
}

/// What somebody typed for `listen`: only when the key is sealed, no file is configured and there
/// is a terminal. Everything else is left to whoever opens the key.
pub(in crate::cli) fn for_listen(
    context: &Context,
    path: &Path,
) -> Result<Option<Passphrase>, Failure> {
    let sealed = key_file::inspect(path).is_ok_and(|summary| summary.sealed);
    let configured = context.config().passphrase_file.is_some();
    if !sealed || configured || !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    configured_or_prompt(context).map(Some)
}

fn configured_or_prompt(context: &Context) -> Result<Passphrase, Failure> {
    match &context.config().passphrase_file {
        Some(file) => read_file(file),
        None => prompt("passphrase of the key: ").map(|text| Passphrase::new(text.to_string())),
    }
}

fn named(args: &PassphraseArgs) -> Result<Option<Passphrase>, Failure> {
    match (&args.passphrase_file, args.passphrase_fd) {
        (Some(file), _) => read_file(file).map(Some),
        (None, Some(fd)) => read_file(Path::new(&format!("/dev/fd/{fd}"))).map(Some),
        (None, None) => Ok(None),
    }
}

fn read_file(path: &Path) -> Result<Passphrase, Failure> {
    let file =
        File::open(path).map_err(|e| failure(&format!("cannot read {}: {e}", path.display())))?;
    let mut line = Zeroizing::new(String::with_capacity(256));
    BufReader::new(file.take(MAX_BYTES))
        .read_line(&mut line)
        .map_err(|e| failure(&format!("cannot read {}: {e}", path.display())))?;
    Ok(Passphrase::new(
        line.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

fn prompt(text: &str) -> Result<Zeroizing<String>, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(
            failure("the key has a passphrase and there is no terminal to ask for it")
                .hint("name it with --passphrase-file or ANIMICA_P2P_PASSPHRASE_FILE"),
        );
    }
    rpassword::prompt_password(text)
        .map(Zeroizing::new)
        .map_err(|e| failure(&format!("cannot read the passphrase: {e}")))
}

fn not_empty(passphrase: Passphrase) -> Result<Passphrase, Failure> {
    if passphrase.is_empty() {
        return Err(failure("the passphrase is empty"));
    }
    Ok(passphrase)
}

fn failure(message: &str) -> Failure {
    Failure::new(ErrorCode::KeyPassphrase, message)
}
