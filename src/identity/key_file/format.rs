//! The JSON of a key file.

use std::path::Path;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{KeyFileError, Passphrase, VERSION};
use crate::{
    crypto::{
        ed25519,
        secret::Secret,
        sign::{PqKeyPair, SigAlg},
    },
    identity::{Delegation, IdentityError, KeyPair, NodeIdentity, PublicIdentity},
};

const FORMAT: &str = "animica-p2p key";

/// What stands in front of everything else, in every version.
#[derive(Deserialize)]
struct Preamble {
    format: String,
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    version: u64,
    peer_id: String,
    identity: Public,
    /// Of a delegated key: the key that signs, else the identity itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signer: Option<Public>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delegation: Option<Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<SecretHalves>,
    /// An age file whose content is the JSON of `secret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<Hex>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Public {
    alg: String,
    public: Hex,
}

/// The secrets of the signing key: the seed (or expanded key) of the post-quantum half, and the
/// Ed25519 seed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretHalves {
    pq: Hex,
    ed25519: Hex,
}

/// Bytes as lower-case hex, erased on drop.
struct Hex(Zeroizing<Vec<u8>>);

/// What a key file says without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The identity.
    pub identity: PublicIdentity,
    /// The key that signs: the identity itself unless it was delegated.
    pub signer: PublicIdentity,
    /// The delegation, in a file with a delegated key.
    pub delegation: Option<Delegation>,
    /// Whether a passphrase is needed to load it.
    pub sealed: bool,
}

pub(super) fn encode(
    path: &Path,
    identity: &NodeIdentity,
    passphrase: Option<&Passphrase>,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let signer = identity.signer();
    let secret = SecretHalves {
        pq: Hex(signer.pq().stored()),
        ed25519: Hex(Zeroizing::new(signer.ed25519().seed().as_bytes().to_vec())),
    };
    let delegation = identity.delegation();
    let mut file = File {
        format: FORMAT.to_owned(),
        version: VERSION,
        peer_id: identity.peer_id().to_string(),
        identity: Public::of(identity.public()),
        signer: delegation.map(|_| Public::of(signer.public())),
        delegation: delegation.map(|d| Hex(Zeroizing::new(d.as_bytes().to_vec()))),
        secret: None,
        sealed: None,
    };
    match passphrase {
        None => file.secret = Some(secret),
        Some(passphrase) => file.sealed = Some(seal(path, &to_json(&secret), passphrase)?),
    }
    Ok(to_json(&file))
}

pub(super) fn summary(path: &Path, text: &[u8]) -> Result<Summary, KeyFileError> {
    summary_of(path, &parse(path, text)?)
}

pub(super) fn decode(
    path: &Path,
    text: &[u8],
    passphrase: Option<&Passphrase>,
) -> Result<NodeIdentity, KeyFileError> {
    let file = parse(path, text)?;
    let Summary {
        identity,
        signer,
        delegation,
        ..
    } = summary_of(path, &file)?;
    let secret = match (file.secret, file.sealed) {
        (Some(secret), None) => secret,
        (None, Some(sealed)) => {
            let text = open(path, &sealed.0, passphrase)?;
            serde_json::from_slice(&text).map_err(|e| corrupt(path, &e))?
        }
        _ => {
            return Err(corrupt(
                path,
                &"it has not exactly one of secret and sealed",
            ));
        }
    };
    let pair = key_pair(&signer, &secret).map_err(|what| corrupt(path, &what))?;
    match delegation {
        None => Ok(NodeIdentity::from_keypair(pair)),
        Some(delegation) => {
            NodeIdentity::with_delegation(identity, pair, delegation).map_err(|e| corrupt(path, &e))
        }
    }
}

/// The file, once its version is known to be readable.
fn parse(path: &Path, text: &[u8]) -> Result<File, KeyFileError> {
    let preamble: Preamble = serde_json::from_slice(text).map_err(|e| corrupt(path, &e))?;
    if preamble.format != FORMAT {
        return Err(corrupt(path, &"it is not a key file of this program"));
    }
    if preamble.version > VERSION {
        return Err(KeyFileError::Newer {
            path: path.to_owned(),
            found: preamble.version,
            known: VERSION,
        });
    }
    if preamble.version != VERSION {
        return Err(corrupt(path, &"its version is unknown"));
    }
    serde_json::from_slice(text).map_err(|e| corrupt(path, &e))
}

fn summary_of(path: &Path, file: &File) -> Result<Summary, KeyFileError> {
    let identity = file.identity.read(path)?;
    if identity.peer_id().to_string() != file.peer_id {
        return Err(corrupt(path, &"its peer_id is not that of its key"));
    }
    let (signer, delegation) = match (&file.signer, &file.delegation) {
        (None, None) => (identity.clone(), None),
        (Some(signer), Some(d)) => {
            let d = Delegation::decode(&d.0).map_err(|e| corrupt(path, &e))?;
            (signer.read(path)?, Some(d))
        }
        _ => return Err(corrupt(path, &"it has one of signer and delegation alone")),
    };
    Ok(Summary {
        identity,
        signer,
        delegation,
        sealed: file.sealed.is_some(),
    })
}

fn key_pair(public: &PublicIdentity, secret: &SecretHalves) -> Result<KeyPair, &'static str> {
    const WRONG: &str = "its secret does not belong to its public key";
    let pq = PqKeyPair::from_stored(public.alg(), &secret.pq.0, public.pq()).map_err(|_| WRONG)?;
    let seed = Secret::from_slice(&secret.ed25519.0).ok_or(WRONG)?;
    let pair = KeyPair::join(pq, ed25519::KeyPair::from_seed(&seed));
    if pair.public() != public {
        return Err(WRONG);
    }
    Ok(pair)
}

impl Public {
    fn of(key: &PublicIdentity) -> Self {
        Self {
            alg: key.alg().name().to_owned(),
            public: Hex(Zeroizing::new(key.as_bytes().to_vec())),
        }
    }

    fn read(&self, path: &Path) -> Result<PublicIdentity, KeyFileError> {
        let alg = SigAlg::from_name(&self.alg)
            .ok_or_else(|| corrupt(path, &format!("its algorithm {:?} is unknown", self.alg)))?;
        PublicIdentity::decode(alg.id(), &self.public.0).map_err(|e| match e {
            IdentityError::NotInBuild(alg) => KeyFileError::NotInBuild {
                path: path.to_owned(),
                alg: alg.to_string(),
            },
            e => corrupt(path, &e),
        })
    }
}

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&Zeroizing::new(hex::encode(&*self.0)))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        // Hex has no escapes, so the text is borrowed and leaves no copy behind.
        let text = <&str>::deserialize(d)?;
        hex::decode(text)
            .map(|bytes| Self(Zeroizing::new(bytes)))
            .map_err(|_| serde::de::Error::custom("a value is not hex"))
    }
}

/// Written into one buffer that never grows, so that no copy of a secret stays behind.
fn to_json(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(super::MAX_FILE_BYTES as usize));
    serde_json::to_writer_pretty(&mut *out, value).expect("strings and numbers always serialise");
    out.push(b'\n');
    out
}

fn corrupt(path: &Path, what: &dyn std::fmt::Display) -> KeyFileError {
    KeyFileError::Corrupt {
        path: path.to_owned(),
        what: what.to_string(),
    }
}

#[cfg(feature = "cli")]
fn seal(path: &Path, text: &[u8], passphrase: &Passphrase) -> Result<Hex, KeyFileError> {
    super::seal::seal(path, text, passphrase).map(|bytes| Hex(Zeroizing::new(bytes)))
}

#[cfg(feature = "cli")]
fn open(
    path: &Path,
    sealed: &[u8],
    passphrase: Option<&Passphrase>,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    super::seal::open(path, sealed, passphrase)
}

#[cfg(not(feature = "cli"))]
fn seal(path: &Path, _: &[u8], _: &Passphrase) -> Result<Hex, KeyFileError> {
    Err(KeyFileError::NoPassphraseSupport {
        path: path.to_owned(),
    })
}

#[cfg(not(feature = "cli"))]
fn open(path: &Path, _: &[u8], _: Option<&Passphrase>) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    Err(KeyFileError::NoPassphraseSupport {
        path: path.to_owned(),
    })
}
