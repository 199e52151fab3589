//! Who judges shares.

use std::{fmt, num::NonZeroU32};

use crate::{
    chain::{Ancestry, Genesis, ProofEnvelope, ProofType, poies, verify::check_context},
    ids::{Hash32, Height},
};

use super::{HashShare, ShareError};

/// Hash shares wanted for each block. With blocks every two seconds these are 8 a second and 4 800
/// in ten minutes, half of what a node remembers; 64 would be more than all of it.
pub const SHARES_PER_BLOCK: NonZeroU32 = NonZeroU32::new(16).expect("it is not zero");

/// Judges shares whose form and size are right, cheapest first: `parent`, `screen`, `verify`, each
/// only if the one before did not refuse. The default is [`HashShares`].
pub trait ShareVerifier: fmt::Debug + Send + Sync + 'static {
    /// The block that the share builds on; `None` for a type that is not tied to one.
    ///
    /// # Errors
    /// The body has not the form of its type.
    fn parent(&self, share: &ProofEnvelope<'_>) -> Result<Option<ShareParent>, ShareError>;

    /// The checks that cost a few hashes: template, micro-target, nullifier. `parent` is what
    /// follows from the block that [`ShareVerifier::parent`] named.
    ///
    /// # Errors
    /// It breaks a rule.
    fn screen(
        &self,
        share: &ProofEnvelope<'_>,
        parent: Option<&Ancestry>,
        now_s: u64,
    ) -> Result<(), ShareError>;

    /// Everything else, however long it takes. Called for shares that have passed the rest.
    ///
    /// # Errors
    /// It breaks a rule.
    fn verify(&self, share: &ProofEnvelope<'_>) -> Result<Standing, ShareError>;
}

/// What a share claims to build on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareParent {
    /// Hash of the block.
    pub hash: Hash32,
    /// Its height, as the share has it.
    pub height: Height,
}

/// What is known of a share that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It proves what it says, and its nullifier is its own.
    Verified,
    /// Nobody here can tell: it is passed on within its caps, and its nullifier counts for nothing.
    Carried,
}

/// The default: hash shares are verified, all others carried.
#[derive(Clone, Debug)]
pub struct HashShares {
    genesis: Genesis,
    per_block: NonZeroU32,
}

impl HashShares {
    /// The verifier of a chain with [`SHARES_PER_BLOCK`].
    #[must_use]
    pub fn new(genesis: &Genesis) -> Self {
        Self::with_rate(genesis, SHARES_PER_BLOCK)
    }

    /// The verifier of a chain that wants `per_block` shares for each block. All nodes of a chain
    /// want the same number, or they refuse each other's shares.
    #[must_use]
    pub fn with_rate(genesis: &Genesis, per_block: NonZeroU32) -> Self {
        Self {
            genesis: genesis.clone(),
            per_block,
        }
    }
}

impl ShareVerifier for HashShares {
    fn parent(&self, share: &ProofEnvelope<'_>) -> Result<Option<ShareParent>, ShareError> {
        if share.kind != ProofType::Hash {
            return Ok(None);
        }
        let header = HashShare::decode(share.body)?;
        Ok(Some(ShareParent {
            hash: header.header().parent_hash,
            height: header.header().height.saturating_sub(1),
        }))
    }

    fn screen(
        &self,
        share: &ProofEnvelope<'_>,
        parent: Option<&Ancestry>,
        now_s: u64,
    ) -> Result<(), ShareError> {
        let (ProofType::Hash, Some(parent)) = (share.kind, parent) else {
            return Ok(());
        };
        let hash = HashShare::decode(share.body)?;
        check_context(&self.genesis, parent, hash.header(), now_s).map_err(ShareError::Template)?;
        let theta = poies::share_theta(hash.header().theta, self.per_block);
        if !poies::meets(&hash.draw(), theta) {
            return Err(ShareError::AboveTarget { theta });
        }
        let expected = hash.nullifier();
        if expected != share.nullifier {
            return Err(ShareError::Nullifier {
                expected,
                got: share.nullifier,
            });
        }
        Ok(())
    }

    fn verify(&self, share: &ProofEnvelope<'_>) -> Result<Standing, ShareError> {
        // A hash share has no costly part.
        Ok(match share.kind {
            ProofType::Hash => Standing::Verified,
            _ => Standing::Carried,
        })
    }
}
