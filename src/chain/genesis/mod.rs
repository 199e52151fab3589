//! Where a chain starts: its first header and its parameters.

mod file;
mod preset;

use std::sync::Arc;

use bytes::Bytes;

use crate::ids::{ChainId, Hash32, Height};

use super::{Block, Header, Params, ParamsError, header::VERSION, poies::MAX_THETA};

pub use file::GenesisError;
#[cfg(test)]
pub(in crate::chain) use file::MAX_GENESIS_FILE_BYTES;

/// The start of a chain. Cheap to clone, never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis(Arc<Inner>);

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    header: Header,
    params: Params,
    hash: Hash32,
}

impl Genesis {
    /// Names that [`Genesis::preset`] knows.
    pub const PRESETS: &'static [&'static str] = preset::NAMES;

    /// A chain that starts with `header` and lives by `params`.
    ///
    /// # Errors
    /// No genesis can have these values.
    pub fn new(header: Header, params: Params) -> Result<Self, GenesisError> {
        params.check()?;
        if header.version != VERSION {
            return Err(GenesisError::Version(header.version));
        }
        if header.height != Height::GENESIS {
            return Err(GenesisError::Height(header.height));
        }
        if header.theta > MAX_THETA {
            return Err(GenesisError::Params(ParamsError {
                name: "theta_micro",
                got: header.theta.0,
                min: 0,
                max: MAX_THETA.0,
            }));
        }
        if header.extra.len() > crate::registry::MAX_EXTRA_BYTES {
            return Err(GenesisError::Extra(header.extra.len()));
        }
        let hash = header.hash();
        Ok(Self(Arc::new(Inner {
            header,
            params,
            hash,
        })))
    }

    /// A preset by name: `mainnet`, `testnet`, `devnet`, or one of the original network's samples,
    /// `upstream-core`, `upstream-mainnet`, `upstream-testnet`, `upstream-devnet`.
    #[must_use]
    pub fn preset(name: &str) -> Option<Self> {
        preset::by_name(name)
    }

    /// The preset of chain 1, 2 or 1337.
    #[must_use]
    pub fn of_chain(chain: ChainId) -> Option<Self> {
        let name = match chain {
            ChainId::MAINNET => "mainnet",
            ChainId::TESTNET => "testnet",
            ChainId::DEVNET => "devnet",
            _ => return None,
        };
        Self::preset(name)
    }

    /// The header at height 0.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.0.header
    }

    /// The rules that headers do not say.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.0.params
    }

    /// The hash of the header, which names the chain everywhere.
    #[must_use]
    pub fn hash(&self) -> Hash32 {
        self.0.hash
    }

    /// The number of the chain.
    #[must_use]
    pub fn chain_id(&self) -> ChainId {
        self.0.header.chain_id
    }

    /// The encoded genesis block: the header with nothing in it. Stores hold it as the body of
    /// genesis; it is never checked, as the roots of a genesis header mean a state and no lists.
    #[must_use]
    pub fn block(&self) -> Bytes {
        Block {
            header: self.0.header.clone(),
            txs: Vec::new(),
            proofs: Vec::new(),
        }
        .encode()
    }
}

#[cfg(test)]
mod tests;
