//! Layering: flag > environment > file > default, with the origin of every value.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::{
    Config,
    environment::{self, CONFIG_VARIABLE},
    error::{ConfigError, Problem},
    file,
    follow::complete,
    origin::Origin,
    schema,
    validate::{validate, warnings},
};

/// One value from the command line.
#[derive(Clone, Debug, PartialEq)]
pub struct FlagValue {
    /// The key it sets.
    pub key: &'static str,
    /// The flag, for messages.
    pub flag: &'static str,
    /// The value; text is read as the type of the key, lists comma-separated.
    pub text: String,
}

/// Where values come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`; `ANIMICA_P2P_CONFIG` of `env` when absent.
    pub file: Option<PathBuf>,
    /// The environment, as (name, value).
    pub env: Vec<(String, String)>,
    /// Flags.
    pub flags: Vec<FlagValue>,
}

impl Sources {
    /// The environment of this process and nothing else. Values that are not UTF-8 are read with
    /// replacement characters, and refused where that matters.
    #[must_use]
    pub fn from_env() -> Self {
        Self {
            env: std::env::vars_os()
                .map(|(k, v)| {
                    (
                        k.to_string_lossy().into_owned(),
                        v.to_string_lossy().into_owned(),
                    )
                })
                .collect(),
            ..Self::default()
        }
    }
}

/// A configuration and how it came about.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// The origin of every value that is not a default.
    pub origins: BTreeMap<String, Origin>,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// What loads without effect, one sentence each.
    pub warnings: Vec<String>,
}

impl Loaded {
    /// Who set `key`.
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or_default()
    }
}

/// Reads and checks all layers.
///
/// # Errors
/// [`ConfigError`]: the first value that cannot be read, or every value that makes no sense.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let from_env = || {
        sources
            .env
            .iter()
            .find(|(name, value)| name == CONFIG_VARIABLE && !value.is_empty())
            .map(|(_, value)| PathBuf::from(value))
    };
    let path = sources.file.clone().or_else(from_env);
    let mut settings = match &path {
        Some(path) => file::read(path)?,
        None => Vec::new(),
    };
    settings.extend(environment::read(&sources.env)?);
    settings.extend(flags(&sources.flags)?);

    let mut merged = schema::defaults();
    let mut origins = BTreeMap::new();
    for (key, value, origin) in settings {
        apply(&mut merged, &key, value, &origin)?;
        origins.insert(key, origin);
    }
    let mut config: Config =
        deserialize(merged).expect("every value was accepted when it was applied");
    complete(&mut config, &mut origins);

    let problems: Vec<Problem> = validate(&config)
        .into_iter()
        .map(|mut p| {
            p.origin = origins.get(&p.key).cloned().unwrap_or_default();
            p
        })
        .collect();
    if !problems.is_empty() {
        return Err(ConfigError::Invalid(problems));
    }
    Ok(Loaded {
        warnings: warnings(&config),
        config,
        origins,
        file: path,
    })
}

fn deserialize(table: Table) -> Result<Config, toml::de::Error> {
    Config::deserialize(Value::Table(table))
}

/// Sets one key and lets the structs judge it, so that a refusal can name the key and its origin.
fn apply(merged: &mut Table, key: &str, value: Value, origin: &Origin) -> Result<(), ConfigError> {
    let mut trial = schema::defaults();
    schema::set(&mut trial, key, value.clone());
    deserialize(trial).map_err(|e| ConfigError::BadValue {
        key: key.to_owned(),
        origin: origin.clone(),
        message: e.message().trim().replace('\n', ", "),
    })?;
    schema::set(merged, key, value);
    Ok(())
}

fn flags(flags: &[FlagValue]) -> Result<Vec<(String, Value, Origin)>, ConfigError> {
    flags
        .iter()
        .map(|flag| {
            let origin = Origin::Flag(flag.flag);
            let like = schema::keys().get(flag.key).map(|info| &info.default);
            let value = like
                .and_then(|like| environment::parse(like, &flag.text))
                .ok_or_else(|| ConfigError::BadValue {
                    key: flag.key.to_owned(),
                    origin: origin.clone(),
                    message: format!("`{}` cannot be read", flag.text.escape_debug()),
                })?;
            Ok((flag.key.to_owned(), value, origin))
        })
        .collect()
}
