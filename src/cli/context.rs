//! What a command works with: the configuration in force and where the data is.

use std::path::{Path, PathBuf};

use super::{Outcome, args::Global, screen::Screen};
use crate::{
    api::code::Failure,
    ids::ChainId,
    node::config::{Config, FlagValue, Loaded, LogFormat, Sources, load, parse_db},
    telemetry::{LogOptions, init_logs},
};

/// The configuration in force, and what was said about the data directory.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) loaded: Loaded,
    notes: Vec<String>,
    verbosity: u8,
}

impl Context {
    /// Layers the configuration; `flags` are the command's own.
    pub(super) fn load(global: &Global, mut flags: Vec<FlagValue>) -> Result<Self, Failure> {
        let mut notes = Vec::new();
        let mut set = |key, flag, text| flags.push(FlagValue { key, flag, text });
        if let Some(dir) = &global.data_dir {
            set("data_dir", "--data-dir", dir.display().to_string());
        }
        if let Some(db) = &global.db {
            let form = parse_db(db)?;
            notes.extend(form.note());
            set("data_dir", "--db", form.dir.display().to_string());
        }
        if let Some(id) = global.chain_id {
            set("chain_id", "--chain-id", id.to_string());
        }
        let loaded = load(&Sources {
            file: global.config.clone(),
            flags,
            ..Sources::from_env()
        })?;
        Ok(Self {
            loaded,
            notes,
            verbosity: global.verbose,
        })
    }

    pub(super) fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// The data directory somebody named, by flag, variable or file; absolute.
    pub(super) fn named_data_dir(&self) -> Option<PathBuf> {
        self.config().data_dir.as_deref().map(absolute)
    }

    /// The data directory, named or default; absolute.
    pub(super) fn data_dir(&self) -> Result<PathBuf, Failure> {
        Ok(absolute(&self.config().data_dir()?))
    }

    /// The chain somebody named.
    pub(super) fn named_chain(&self) -> Option<ChainId> {
        self.loaded
            .origin("chain_id")
            .is_explicit()
            .then_some(self.config().chain_id)
    }

    /// What the way the command was called calls for saying.
    pub(super) fn print_notes(&self, screen: &Screen) {
        for note in &self.notes {
            screen.note(note);
        }
    }

    /// Installs the log; `quiet` for commands whose result is the point.
    pub(super) fn init_logs(&self, quiet: bool) -> Outcome {
        let log = &self.config().log;
        init_logs(&LogOptions {
            json: log.format == LogFormat::Json,
            level: log.level.clone(),
            verbosity: self.verbosity,
            quiet,
        })?;
        Ok(())
    }
}

/// `path` from the root, so that it still means the same to another process.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
