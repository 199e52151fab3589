//! Where the handshake gets randomness, keys and signatures.

use crate::{
    crypto::{
        kem::{self, CIPHERTEXT_LEN, KemAlg, KemKeyPair, PUBLIC_LEN},
        random,
        secret::Secret,
        x25519,
    },
    identity::NodeIdentity,
    registry::SignContext,
    secure::HandshakeError,
};

/// Everything in a handshake that is not a function of its inputs. Test vectors replay recorded
/// values through it, because no library exposes seeded encapsulation or unhedged signatures.
pub trait Provider {
    /// The 32 random bytes of a hello.
    ///
    /// # Errors
    /// No randomness.
    fn random(&mut self) -> Result<[u8; 32], HandshakeError>;

    /// An X25519 key for one handshake.
    ///
    /// # Errors
    /// No randomness.
    fn x25519(&mut self) -> Result<x25519::PrivateKey, HandshakeError>;

    /// A KEM key pair for one handshake.
    ///
    /// # Errors
    /// No randomness.
    fn kem_keys(&mut self, alg: KemAlg) -> Result<KemKeyPair, HandshakeError>;

    /// A ciphertext for `public` and the secret in it.
    ///
    /// # Errors
    /// The key is refused, or no randomness.
    fn encapsulate(
        &mut self,
        alg: KemAlg,
        public: &[u8; PUBLIC_LEN],
    ) -> Result<([u8; CIPHERTEXT_LEN], Secret<32>), HandshakeError>;

    /// The composite signature of `body` by `identity`.
    ///
    /// # Errors
    /// The key cannot sign.
    fn sign(
        &mut self,
        identity: &NodeIdentity,
        context: SignContext,
        body: &[u8],
    ) -> Result<Vec<u8>, HandshakeError>;
}

/// The operating system's randomness and the libraries' fresh results.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemProvider;

impl Provider for SystemProvider {
    fn random(&mut self) -> Result<[u8; 32], HandshakeError> {
        let mut out = [0; 32];
        random(&mut out)?;
        Ok(out)
    }

    fn x25519(&mut self) -> Result<x25519::PrivateKey, HandshakeError> {
        Ok(x25519::PrivateKey::generate()?)
    }

    fn kem_keys(&mut self, alg: KemAlg) -> Result<KemKeyPair, HandshakeError> {
        Ok(KemKeyPair::generate(alg)?)
    }

    fn encapsulate(
        &mut self,
        alg: KemAlg,
        public: &[u8; PUBLIC_LEN],
    ) -> Result<([u8; CIPHERTEXT_LEN], Secret<32>), HandshakeError> {
        Ok(kem::encapsulate(alg, public)?)
    }

    fn sign(
        &mut self,
        identity: &NodeIdentity,
        context: SignContext,
        body: &[u8],
    ) -> Result<Vec<u8>, HandshakeError> {
        Ok(identity.sign(context, body)?)
    }
}
