//! A genesis in a file: TOML, or JSON by extension.

use std::{fs::File, io::Read, path::Path};

use serde::{Deserialize, Serialize};

use crate::ids::{ChainId, Hash32, Height, Theta};

use super::{Genesis, Header, Params, ParamsError, VERSION};

/// Longest genesis file. Real ones have less than 2 KiB.
pub(in crate::chain) const MAX_GENESIS_FILE_BYTES: u64 = 64 * 1024;

/// Why a genesis cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// The file cannot be read.
    #[error("the genesis file cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// The file is longer than 64 KiB.
    #[error("the genesis file is longer than 64 KiB")]
    TooLarge,
    /// The text is not a genesis; says where and why.
    #[error("not a genesis: {0}")]
    Syntax(String),
    /// A header version other than 1.
    #[error("a genesis header has version 1, not {0}")]
    Version(u64),
    /// A height other than 0.
    #[error("a genesis header has height 0, not {0}")]
    Height(Height),
    /// `extra` is longer than 32 bytes.
    #[error("`extra` has {0} bytes, more than 32")]
    Extra(usize),
    /// A parameter is out of range.
    #[error(transparent)]
    Params(#[from] ParamsError),
}

/// The file: `[header]`, and `[params]` where they are not those of the chain's preset.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    header: HeaderTable,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    params: Option<Params>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderTable {
    chain_id: ChainId,
    timestamp: u64,
    theta_micro: Theta,
    #[serde(default)]
    parent_hash: Hash32,
    #[serde(default)]
    state_root: Hash32,
    #[serde(default)]
    txs_root: Hash32,
    #[serde(default)]
    receipts_root: Hash32,
    #[serde(default)]
    proofs_root: Hash32,
    #[serde(default)]
    da_root: Hash32,
    #[serde(default)]
    mix_seed: Hash32,
    #[serde(default)]
    poies_policy_root: Hash32,
    #[serde(default)]
    pq_alg_policy_root: Hash32,
    #[serde(default)]
    nonce: u64,
    /// Hex.
    #[serde(default)]
    extra: String,
}

impl Genesis {
    /// Reads a genesis from a file: JSON if its name ends in `.json`, else TOML.
    ///
    /// # Errors
    /// The file cannot be read or holds no genesis.
    pub fn from_file(path: &Path) -> Result<Self, GenesisError> {
        let mut text = String::new();
        File::open(path)?
            .take(MAX_GENESIS_FILE_BYTES + 1)
            .read_to_string(&mut text)?;
        if text.len() as u64 > MAX_GENESIS_FILE_BYTES {
            return Err(GenesisError::TooLarge);
        }
        if path.extension().is_some_and(|e| e == "json") {
            Self::from_json(&text)
        } else {
            Self::from_toml(&text)
        }
    }

    /// Reads a genesis from TOML.
    ///
    /// # Errors
    /// The text is no genesis.
    pub fn from_toml(text: &str) -> Result<Self, GenesisError> {
        let document: Document =
            toml::from_str(text).map_err(|e| GenesisError::Syntax(e.to_string()))?;
        document.into_genesis()
    }

    /// Reads a genesis from JSON.
    ///
    /// # Errors
    /// The text is no genesis.
    pub fn from_json(text: &str) -> Result<Self, GenesisError> {
        let document: Document =
            serde_json::from_str(text).map_err(|e| GenesisError::Syntax(e.to_string()))?;
        document.into_genesis()
    }

    /// The genesis as JSON that [`Genesis::from_json`] reads, with every value spelled out: what a
    /// data directory keeps.
    #[must_use]
    pub fn to_json(&self) -> String {
        let h = self.header();
        let document = Document {
            header: HeaderTable {
                chain_id: h.chain_id,
                timestamp: h.timestamp,
                theta_micro: h.theta,
                parent_hash: h.parent_hash,
                state_root: h.state_root,
                txs_root: h.txs_root,
                receipts_root: h.receipts_root,
                proofs_root: h.proofs_root,
                da_root: h.da_root,
                mix_seed: h.mix_seed,
                poies_policy_root: h.poies_policy_root,
                pq_alg_policy_root: h.pq_alg_policy_root,
                nonce: h.nonce,
                extra: hex::encode(&h.extra),
            },
            params: Some(self.params().clone()),
        };
        serde_json::to_string_pretty(&document).expect("numbers and strings serialise")
    }
}

impl Document {
    fn into_genesis(self) -> Result<Genesis, GenesisError> {
        let h = self.header;
        let params = self.params.unwrap_or_else(|| Params::of_chain(h.chain_id));
        let extra = hex::decode(&h.extra)
            .map_err(|e| GenesisError::Syntax(format!("`extra` is not hex: {e}")))?;
        let header = Header {
            version: VERSION,
            chain_id: h.chain_id,
            height: Height::GENESIS,
            parent_hash: h.parent_hash,
            timestamp: h.timestamp,
            state_root: h.state_root,
            txs_root: h.txs_root,
            receipts_root: h.receipts_root,
            proofs_root: h.proofs_root,
            da_root: h.da_root,
            mix_seed: h.mix_seed,
            poies_policy_root: h.poies_policy_root,
            pq_alg_policy_root: h.pq_alg_policy_root,
            theta: h.theta_micro,
            nonce: h.nonce,
            extra,
        };
        Genesis::new(header, params)
    }
}
