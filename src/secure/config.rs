//! What a node brings to every handshake.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use super::{Budgets, Ephemerals, NoObserver, Observer};
use crate::{
    clock::{Clock, SystemClock},
    crypto::{
        aead::{AeadAlg, has_aes_instructions},
        kem::KemAlg,
        sign::SigAlg,
    },
    identity::{Delegations, NodeIdentity, Policy, SerialMemory},
    ids::{ChainId, Hash32},
    registry::HANDSHAKE_DEADLINE_MS,
};

/// What a node brings to every handshake. Cheap to clone.
#[derive(Clone)]
pub struct Config {
    /// Who we are.
    pub identity: NodeIdentity,
    /// Which algorithms we speak, and accept for a while.
    pub policy: Arc<Policy>,
    /// The chain we are on.
    pub chain_id: ChainId,
    /// The hash of its genesis header.
    pub genesis: Hash32,
    /// Which ciphers we offer, in which order.
    pub aead: AeadChoice,
    /// Time for budgets and delegations.
    pub clock: Arc<dyn Clock>,
    /// How much handshake work we accept.
    pub budgets: Arc<Budgets>,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// Key pairs for the next handshake.
    pub ephemerals: Arc<Ephemerals>,
    /// Delegations seen before, and their serials.
    pub delegations: Arc<Delegations>,
    /// Longest handshake, from the call that starts it. Transports start their own clock at
    /// accept or connect, so that negotiating the protocol name counts as well.
    pub deadline: Duration,
}

impl Config {
    /// A configuration with the default ciphers, budgets and clock, watched by nobody.
    ///
    /// # Errors
    /// The policy does not allow this identity, or names a KEM this build does not have.
    pub fn new(
        identity: NodeIdentity,
        policy: Arc<Policy>,
        chain_id: ChainId,
        genesis: Hash32,
    ) -> Result<Self, ConfigError> {
        check_identity(&identity, &policy)?;
        kem(&policy)?;
        Ok(Self {
            identity,
            policy,
            chain_id,
            genesis,
            aead: AeadChoice::Auto,
            clock: Arc::new(SystemClock),
            budgets: Arc::default(),
            observer: Arc::new(NoObserver),
            ephemerals: Arc::default(),
            delegations: Arc::new(Delegations::new(chain_id, genesis, SerialMemory::default())),
            deadline: Duration::from_millis(HANDSHAKE_DEADLINE_MS),
        })
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("identity", &self.identity)
            .field("chain_id", &self.chain_id)
            .field("genesis", &self.genesis)
            .field("policy_root", &self.policy.root())
            .field("aead", &self.aead)
            .finish_non_exhaustive()
    }
}

/// Whether `policy` lets this identity and its signing key speak.
pub(super) fn check_identity(identity: &NodeIdentity, policy: &Policy) -> Result<(), ConfigError> {
    let alg = identity.public().alg();
    if !policy.allows_identity(alg) {
        return Err(ConfigError::Identity(alg));
    }
    let signer = identity.signing_key().alg();
    if !policy.allows_signing(signer) {
        return Err(ConfigError::Signer(signer));
    }
    Ok(())
}

/// The KEM of `policy`.
pub(super) fn kem(policy: &Policy) -> Result<KemAlg, ConfigError> {
    let id = policy.kem();
    KemAlg::from_id(id.0).ok_or(ConfigError::Kem(id.name()))
}

/// A configuration that can shake no hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The policy does not allow the identity's algorithm.
    #[error("the algorithm policy does not allow an identity of {0}")]
    Identity(SigAlg),
    /// The policy does not let the signing key sign handshakes.
    #[error("the algorithm policy does not let {0} sign handshakes")]
    Signer(SigAlg),
    /// The policy's KEM is not in this build.
    #[error("this build does not have {0}")]
    Kem(&'static str),
}

/// Which AEADs a node offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AeadChoice {
    /// Both, AES-256-GCM first where the processor has instructions for it.
    #[default]
    Auto,
    /// AES-256-GCM alone.
    Aes256Gcm,
    /// ChaCha20-Poly1305 alone.
    ChaCha20Poly1305,
}

impl AeadChoice {
    /// The list in ClientHello, and the responder's own, most wanted first.
    #[must_use]
    pub fn offer(self) -> &'static [AeadAlg] {
        use AeadAlg::{Aes256Gcm, ChaCha20Poly1305};
        match self {
            Self::Auto if has_aes_instructions() => &[Aes256Gcm, ChaCha20Poly1305],
            Self::Auto => &[ChaCha20Poly1305, Aes256Gcm],
            Self::Aes256Gcm => &[Aes256Gcm],
            Self::ChaCha20Poly1305 => &[ChaCha20Poly1305],
        }
    }

    /// The configuration word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Aes256Gcm => AeadAlg::Aes256Gcm.name(),
            Self::ChaCha20Poly1305 => AeadAlg::ChaCha20Poly1305.name(),
        }
    }
}

impl fmt::Display for AeadChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The word is none of `auto`, `aes-256-gcm`, `chacha20-poly1305`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an AEAD is auto, aes-256-gcm or chacha20-poly1305")]
pub struct ParseAeadError;

impl FromStr for AeadChoice {
    type Err = ParseAeadError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        [Self::Auto, Self::Aes256Gcm, Self::ChaCha20Poly1305]
            .into_iter()
            .find(|choice| choice.name() == s)
            .ok_or(ParseAeadError)
    }
}

/// The responder's choice: AES-256-GCM iff it is first in both lists, else ChaCha20-Poly1305 if it
/// is in both, else the only common one.
pub(super) fn choose_aead(theirs: &[u64], ours: &[AeadAlg]) -> Option<AeadAlg> {
    let aes = AeadAlg::Aes256Gcm;
    if theirs.first() == Some(&aes.id()) && ours.first() == Some(&aes) {
        return Some(aes);
    }
    let common = |alg: AeadAlg| theirs.contains(&alg.id()) && ours.contains(&alg);
    [AeadAlg::ChaCha20Poly1305, aes]
        .into_iter()
        .find(|alg| common(*alg))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chooses_aes_only_where_both_sides_want_it_most() {
        use AeadAlg::{Aes256Gcm as A, ChaCha20Poly1305 as C};
        let cases: &[(&[u64], &[AeadAlg], Option<AeadAlg>)] = &[
            (&[1, 2], &[A, C], Some(A)),
            (&[1, 2], &[C, A], Some(C)),
            (&[2, 1], &[A, C], Some(C)),
            (&[2, 1], &[C, A], Some(C)),
            (&[1], &[C, A], Some(A)),
            (&[1], &[A], Some(A)),
            (&[2, 1], &[A], Some(A)),
            (&[2], &[A, C], Some(C)),
            (&[1], &[C], None),
            (&[7], &[A, C], None),
            (&[7, 1], &[A, C], Some(A)),
        ];
        for (theirs, ours, want) in cases {
            assert_eq!(choose_aead(theirs, ours), *want, "{theirs:?} {ours:?}");
        }
    }

    #[test]
    fn words_round_trip() {
        for word in ["auto", "aes-256-gcm", "chacha20-poly1305"] {
            assert_eq!(word.parse::<AeadChoice>().unwrap().name(), word);
        }
        assert_eq!("aes".parse::<AeadChoice>(), Err(ParseAeadError));
    }
}
