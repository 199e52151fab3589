//! Sealing a secret with a passphrase: an age file (scrypt, ChaCha20-Poly1305).

use std::{io, iter, path::Path};

use age::{DecryptError, Decryptor, Encryptor, scrypt, secrecy::SecretString};
use zeroize::Zeroizing;

use super::{KeyFileError, MAX_FILE_BYTES, Passphrase};

/// log2 of scrypt's work: 2^17 takes half a second and 128 MiB. Less makes guessing cheaper, more
/// keeps small machines from opening their own keys.
const WORK: u8 = if cfg!(test) { 4 } else { 17 };

/// Most work that is spent on a file, whoever wrote it: 2^20 takes some seconds and 1 GiB.
const MAX_WORK: u8 = 20;

pub(super) fn seal(
    path: &Path,
    text: &[u8],
    passphrase: &Passphrase,
) -> Result<Vec<u8>, KeyFileError> {
    let write = |source: io::Error| KeyFileError::Write {
        path: path.to_owned(),
        source,
    };
    let mut recipient = scrypt::Recipient::new(secret(passphrase));
    recipient.set_work_factor(WORK);
    let encryptor = Encryptor::with_recipients(iter::once(&recipient as _))
        .map_err(|e| write(io::Error::other(e)))?;
    let mut out = Vec::new();
    let mut writer = encryptor.wrap_output(&mut out).map_err(write)?;
    io::Write::write_all(&mut writer, text).map_err(write)?;
    writer.finish().map_err(write)?;
    Ok(out)
}

pub(super) fn open(
    path: &Path,
    sealed: &[u8],
    passphrase: Option<&Passphrase>,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let corrupt = |what: String| KeyFileError::Corrupt {
        path: path.to_owned(),
        what,
    };
    let decryptor = Decryptor::new(sealed).map_err(|e| corrupt(e.to_string()))?;
    if !decryptor.is_scrypt() {
        return Err(corrupt("it is sealed to a key, not a passphrase".into()));
    }
    let passphrase = passphrase.ok_or_else(|| KeyFileError::PassphraseNeeded {
        path: path.to_owned(),
    })?;
    let mut identity = scrypt::Identity::new(secret(passphrase));
    identity.set_max_work_factor(MAX_WORK);
    let reader = decryptor
        .decrypt(iter::once(&identity as _))
        .map_err(|e| match e {
            DecryptError::DecryptionFailed
            | DecryptError::KeyDecryptionFailed
            | DecryptError::NoMatchingKeys => KeyFileError::WrongPassphrase {
                path: path.to_owned(),
            },
            e => corrupt(e.to_string()),
        })?;
    let mut out = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES as usize));
    io::Read::read_to_end(&mut io::Read::take(reader, MAX_FILE_BYTES), &mut out)
        .map_err(|e| corrupt(e.to_string()))?;
    Ok(out)
}

fn secret(passphrase: &Passphrase) -> SecretString {
    SecretString::from(passphrase.text().to_owned())
}
