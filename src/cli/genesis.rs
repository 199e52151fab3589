//! Which genesis: what the configuration names, and what the data directory remembers.

use super::context::Context;
use crate::{
    api::code::{ErrorCode, Failure},
    chain::Genesis,
    node::config::Config,
    storage::{DataDir, Store},
};

/// The genesis of the configuration: its file, or the preset of its chain.
pub(super) fn configured(config: &Config) -> Result<Genesis, Failure> {
    let genesis = match &config.genesis {
        Some(path) => Genesis::from_file(path).map_err(|e| {
            Failure::new(
                ErrorCode::GenesisInvalid,
                format!("{}: {e}", path.display()),
            )
        })?,
        None => Genesis::of_chain(config.chain_id).ok_or_else(|| {
            Failure::new(
                ErrorCode::GenesisInvalid,
                format!("chain {} has no built-in genesis", config.chain_id),
            )
            .hint("name a genesis file with the key `genesis`; built in are 1, 2 and 1337")
        })?,
    };
    Ok(genesis)
}

/// The genesis to work with in `dir`: the remembered one, unless another was asked for.
pub(super) fn in_dir(context: &Context, dir: &DataDir) -> Result<Genesis, Failure> {
    let config = context.config();
    let asked = (config.genesis.is_some() || context.named_chain().is_some())
        .then(|| configured(config))
        .transpose()?;
    if let (Some(asked), Some(chain), true) =
        (&asked, context.named_chain(), config.genesis.is_some())
        && asked.chain_id() != chain
    {
        return Err(Failure::new(
            ErrorCode::GenesisInvalid,
            format!(
                "the genesis file is of chain {}, not {chain}",
                asked.chain_id()
            ),
        ));
    }
    match (Store::genesis(dir)?, asked) {
        (Some(kept), None) => Ok(kept),
        (Some(kept), Some(asked)) if kept.hash() == asked.hash() => Ok(kept),
        (Some(kept), Some(asked)) => Err(Failure::new(
            ErrorCode::WrongGenesis,
            format!(
                "{} belongs to chain {} (genesis {}), not to chain {} (genesis {})",
                dir.path().display(),
                kept.chain_id(),
                kept.hash(),
                asked.chain_id(),
                asked.hash()
            ),
        )
        .hint("use another --data-dir, or leave out --chain-id")),
        (None, Some(asked)) => Ok(asked),
        (None, None) => configured(config),
    }
}
