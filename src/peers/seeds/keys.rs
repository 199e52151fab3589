//! Keys that sign lists, and for how long each is believed.

use std::{fmt, str::FromStr};

use zeroize::Zeroizing;

use super::{base64, date};
use crate::crypto::{
    ed25519::{KeyPair, PUBLIC_LEN, PublicKey, SEED_LEN},
    hash::sha3_256,
    secret::Secret,
};

/// Most keys that lists are checked with. Two are enough for a rollover; each costs a signature
/// check per line of a `.sig` file.
pub const MAX_KEYS: usize = 16;

/// The public key of a publisher.
///
/// Written `KEY` or `KEY@FROM..UNTIL`: the key in base64 or 64 hex digits, and the days (UTC,
/// `YYYY-MM-DD`, either may be missing) from which on and before which a list must have been made to
/// be believed on this key's word.
#[derive(Clone, Debug)]
pub struct SeedKey {
    key: PublicKey,
    bytes: [u8; PUBLIC_LEN],
    from_ms: u64,
    until_ms: u64,
}

impl SeedKey {
    /// Its short name in `.sig` files and messages: the first 16 hex digits of SHA3-256 of the key.
    #[must_use]
    pub fn id(&self) -> String {
        key_id(&self.bytes)
    }

    /// The key, ready to verify.
    pub(super) fn public(&self) -> &PublicKey {
        &self.key
    }

    /// Whether a list made at `ms` is believed on this key's word.
    pub(super) fn is_in_use(&self, ms: u64) -> bool {
        (self.from_ms..self.until_ms).contains(&ms)
    }
}

impl FromStr for SeedKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let (key, time) = text.split_once('@').unwrap_or((text, ".."));
        let bytes = bytes32(key).ok_or(KeyError::Form)?;
        let key = PublicKey::decode(&bytes).map_err(|_| KeyError::Point)?;
        let (from, until) = time.split_once("..").ok_or(KeyError::Time)?;
        let day = |text: &str, missing| match text {
            "" => Ok(missing),
            text => date::day(text).ok_or(KeyError::Time),
        };
        let (from_ms, until_ms) = (day(from, 0)?, day(until, u64::MAX)?);
        if from_ms >= until_ms {
            return Err(KeyError::Time);
        }
        Ok(Self {
            key,
            bytes,
            from_ms,
            until_ms,
        })
    }
}

/// The keys that lists are checked with; any one of them suffices.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<SeedKey>);

impl Keys {
    /// Reads keys, at most [`MAX_KEYS`].
    ///
    /// # Errors
    /// One of them cannot be read, or there are too many.
    pub fn read<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, KeyError> {
        let keys = texts.into_iter().map(str::parse);
        let keys: Vec<SeedKey> = keys.take(MAX_KEYS + 1).collect::<Result<_, _>>()?;
        if keys.len() > MAX_KEYS {
            return Err(KeyError::TooMany);
        }
        Ok(Self(keys))
    }

    /// Every key.
    pub fn iter(&self) -> impl Iterator<Item = &SeedKey> {
        self.0.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 32 bytes in base64 or hexadecimal.
    #[error("a key is 32 bytes, as 44 characters of base64 or 64 hexadecimal digits")]
    Form,
    /// Not a key of Ed25519 that is safe to verify with.
    #[error("the key is not a point of Ed25519 that could have signed anything")]
    Point,
    /// The days behind `@` cannot be read.
    #[error("a key's time is written KEY@YYYY-MM-DD..YYYY-MM-DD, the first day before the second")]
    Time,
    /// More than [`MAX_KEYS`].
    #[error("more than {MAX_KEYS} keys: remove those that no publisher uses any more")]
    TooMany,
}

/// The short name of a public key.
#[must_use]
pub fn key_id(public: &[u8; PUBLIC_LEN]) -> String {
    hex::encode(&sha3_256(public).0[..8])
}

/// A public key as `discovery.seed_keys` takes it.
#[must_use]
pub fn public_text(key: &KeyPair) -> String {
    base64::encode(&key.public())
}

/// Reads the file of a signing key: its 32 bytes (RFC 8032's private key) in base64 or hexadecimal,
/// white space around them.
///
/// # Errors
/// [`KeyError::Form`].
pub fn read_secret(file: &str) -> Result<KeyPair, KeyError> {
    let bytes = Zeroizing::new(bytes32(file.trim()).ok_or(KeyError::Form)?);
    let seed = Secret::<SEED_LEN>::from_slice(&*bytes).ok_or(KeyError::Form)?;
    Ok(KeyPair::from_seed(&seed))
}

/// What [`read_secret`] reads.
#[must_use]
pub fn secret_text(key: &KeyPair) -> Zeroizing<String> {
    let mut text = base64::encode(key.seed().as_bytes());
    text.push('\n');
    Zeroizing::new(text)
}

fn bytes32(text: &str) -> Option<[u8; 32]> {
    if text.len() == 64 {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        return Some(bytes);
    }
    base64::decode(text)
}

impl fmt::Display for SeedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(byte: u8) -> KeyPair {
        KeyPair::from_seed(&Secret::from([byte; 32]))
    }

    #[test]
    fn a_key_is_read_in_either_spelling_and_with_its_days() {
        let key = pair(1);
        let plain: SeedKey = public_text(&key).parse().unwrap();
        let hexed: SeedKey = hex::encode(key.public()).parse().unwrap();
        assert_eq!(plain.id(), hexed.id());
        assert_eq!(plain.id().len(), 16);
        assert!(plain.is_in_use(0) && plain.is_in_use(u64::MAX - 1));
        let text = format!("{}@1970-01-02..1970-01-03", public_text(&key));
        let bounded: SeedKey = text.parse().unwrap();
        let day = 24 * 60 * 60 * 1000;
        let inside = [day - 1, day, 2 * day - 1, 2 * day].map(|ms| bounded.is_in_use(ms));
        assert_eq!(inside, [false, true, true, false]);
    }

    #[test]
    fn refuses_what_is_no_key() {
        let good = public_text(&pair(1));
        for (text, error) in [
            (String::new(), KeyError::Form),
            ("A".repeat(44), KeyError::Form),
            (hex::encode([0u8; 32]), KeyError::Point),
            (hex::encode([0xff; 32]), KeyError::Point),
            (format!("{good}@"), KeyError::Time),
            (format!("{good}@2026-01-01"), KeyError::Time),
            (format!("{good}@2026-01-01..2026-01-01"), KeyError::Time),
            (format!("{good}@tomorrow.."), KeyError::Time),
        ] {
            assert_eq!(text.parse::<SeedKey>().unwrap_err(), error, "{text}");
        }
        let many = vec![good.as_str(); MAX_KEYS + 1];
        assert_eq!(Keys::read(many).unwrap_err(), KeyError::TooMany);
    }

    #[test]
    fn a_secret_survives_its_file() {
        let key = pair(7);
        let read = read_secret(&secret_text(&key)).unwrap();
        assert_eq!(read.public(), key.public());
        let hexed = format!(" {}\n", hex::encode([7; 32]));
        assert_eq!(read_secret(&hexed).unwrap().public(), key.public());
        assert!(read_secret("not a key").is_err());
    }
}
