//! Ephemeral keys for the next handshake, made while this one waits for its peer.
//!
//! Both sides of a handshake wait for each other's signature for longer than it takes to make a
//! key pair. A pair made in that time spares the next handshake the work between its first packet
//! and the answer. Every pair serves one handshake and is fresh: one that is older than
//! [`SPARE_LIFE`] is erased and not used.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    HandshakeError,
    handshake::{Provider, SystemProvider},
};
use crate::{
    crypto::{
        kem::{CIPHERTEXT_LEN, KemAlg, KemKeyPair, PUBLIC_LEN},
        secret::Secret,
        x25519,
    },
    identity::NodeIdentity,
    registry::SignContext,
};

/// How long a spare key may wait for its handshake. Longer would let whoever reads this memory
/// once read a connection that begins later; shorter would waste the pairs of a node that dials now
/// and then. A pair costs some 25 µs.
const SPARE_LIFE: Duration = Duration::from_secs(10);

/// At most one spare pair of each kind. Nothing is made before the first handshake.
#[derive(Default)]
pub struct Ephemerals(Mutex<Spares>);

#[derive(Default)]
struct Spares {
    x25519: Option<(Instant, x25519::PrivateKey)>,
    kem: Option<(Instant, KemAlg, KemKeyPair)>,
}

impl Ephemerals {
    /// Makes the pairs that are missing or too old: X25519, and one of `kem` for a side that dials.
    ///
    /// # Errors
    /// No randomness. The handshake in progress does not depend on it.
    pub(super) fn prepare(&self, kem: Option<KemAlg>, now: Instant) -> Result<(), HandshakeError> {
        let mut spares = self.spares();
        spares.expire(now);
        if spares.x25519.is_none() {
            spares.x25519 = Some((now, SystemProvider.x25519()?));
        }
        if let Some(alg) = kem
            && spares
                .kem
                .as_ref()
                .is_none_or(|(_, found, _)| *found != alg)
        {
            spares.kem = Some((now, alg, SystemProvider.kem_keys(alg)?));
        }
        Ok(())
    }

    fn spares(&self) -> MutexGuard<'_, Spares> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Ephemerals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

impl Spares {
    fn expire(&mut self, now: Instant) {
        let old = |made: Instant| now.saturating_duration_since(made) > SPARE_LIFE;
        self.x25519.take_if(|(made, _)| old(*made));
        self.kem.take_if(|(made, _, _)| old(*made));
    }
}

/// [`SystemProvider`], with spare keys where there are some.
pub(super) struct Spared<'c> {
    ephemerals: &'c Ephemerals,
    now: Instant,
}

impl<'c> Spared<'c> {
    pub(super) fn new(ephemerals: &'c Ephemerals, now: Instant) -> Self {
        Self { ephemerals, now }
    }

    fn take<T>(&self, spare: impl FnOnce(&mut Spares) -> Option<T>) -> Option<T> {
        let mut spares = self.ephemerals.spares();
        spares.expire(self.now);
        spare(&mut spares)
    }
}

impl Provider for Spared<'_> {
    fn random(&mut self) -> Result<[u8; 32], HandshakeError> {
        SystemProvider.random()
    }

    fn x25519(&mut self) -> Result<x25519::PrivateKey, HandshakeError> {
        match self.take(|spares| spares.x25519.take()) {
            Some((_, key)) => Ok(key),
            None => SystemProvider.x25519(),
        }
    }

    fn kem_keys(&mut self, alg: KemAlg) -> Result<KemKeyPair, HandshakeError> {
        match self.take(|spares| spares.kem.take_if(|(_, found, _)| *found == alg)) {
            Some((_, _, keys)) => Ok(keys),
            None => SystemProvider.kem_keys(alg),
        }
    }

    fn encapsulate(
        &mut self,
        alg: KemAlg,
        public: &[u8; PUBLIC_LEN],
    ) -> Result<([u8; CIPHERTEXT_LEN], Secret<32>), HandshakeError> {
        SystemProvider.encapsulate(alg, public)
    }

    fn sign(
        &mut self,
        identity: &NodeIdentity,
        context: SignContext,
        body: &[u8],
    ) -> Result<Vec<u8>, HandshakeError> {
        SystemProvider.sign(identity, context, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spare(ephemerals: &Ephemerals) -> ([u8; 32], [u8; PUBLIC_LEN]) {
        let spares = ephemerals.spares();
        let x25519 = *spares.x25519.as_ref().unwrap().1.public();
        (x25519, *spares.kem.as_ref().unwrap().2.public())
    }

    #[test]
    fn a_spare_key_serves_one_handshake() {
        let (ephemerals, now) = (Ephemerals::default(), Instant::now());
        ephemerals.prepare(Some(KemAlg::MlKem768), now).unwrap();
        let (x25519, kem) = spare(&ephemerals);
        let mut provider = Spared::new(&ephemerals, now);
        assert_eq!(*provider.x25519().unwrap().public(), x25519);
        assert_ne!(*provider.x25519().unwrap().public(), x25519);
        let mut keys = || *provider.kem_keys(KemAlg::MlKem768).unwrap().public();
        assert_eq!(keys(), kem);
        assert_ne!(keys(), kem);
    }

    #[test]
    fn an_old_spare_key_serves_none() {
        let (ephemerals, now) = (Ephemerals::default(), Instant::now());
        ephemerals.prepare(Some(KemAlg::MlKem768), now).unwrap();
        let (x25519, kem) = spare(&ephemerals);
        let later = now + SPARE_LIFE + Duration::from_millis(1);
        let mut provider = Spared::new(&ephemerals, later);
        assert_ne!(*provider.x25519().unwrap().public(), x25519);
        assert!(ephemerals.spares().kem.is_none(), "erased, not kept");
        ephemerals.prepare(Some(KemAlg::MlKem768), later).unwrap();
        assert_ne!(spare(&ephemerals).1, kem);
    }

    #[cfg(feature = "round3")]
    #[test]
    fn a_spare_key_of_another_kem_is_not_served() {
        let (ephemerals, now) = (Ephemerals::default(), Instant::now());
        ephemerals.prepare(Some(KemAlg::Kyber768), now).unwrap();
        let (_, kyber) = spare(&ephemerals);
        let mut provider = Spared::new(&ephemerals, now);
        let served = *provider.kem_keys(KemAlg::MlKem768).unwrap().public();
        assert_ne!(served, kyber);
        assert_eq!(spare(&ephemerals).1, kyber);
        ephemerals.prepare(Some(KemAlg::MlKem768), now).unwrap();
        let mut provider = Spared::new(&ephemerals, now);
        let served = *provider.kem_keys(KemAlg::Kyber768).unwrap().public();
        assert_ne!(served, kyber, "replaced");
    }
}
