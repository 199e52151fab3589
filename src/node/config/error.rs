//! What can be wrong with a configuration, said so that the operator finds the place.

use std::path::PathBuf;

use super::origin::Origin;

/// One value that makes no sense, alone or beside the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key.
    pub key: String,
    /// Who set it.
    pub origin: Origin,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}): {}", self.key, self.origin, self.message)
    }
}

/// Why there is no configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {reason}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file is not TOML (or JSON).
    #[error("{}:{line}:{column}: not valid {format}: {message}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// `TOML` or `JSON`.
        format: &'static str,
        /// What the parser said.
        message: String,
        /// What to write instead, where it can be told.
        hint: Option<String>,
    },
    /// A key that no version has, most often a typing mistake.
    #[error("unknown key `{key}` ({origin})")]
    UnknownKey {
        /// The key, tables joined by dots, or the variable.
        key: String,
        /// Where it stands.
        origin: Origin,
        /// The key that was probably meant.
        suggestion: Option<String>,
    },
    /// A value of the wrong type or outside its range.
    #[error("bad value for `{key}` ({origin}): {message}")]
    BadValue {
        /// The key.
        key: String,
        /// Where it stands.
        origin: Origin,
        /// What is wrong.
        message: String,
    },
    /// Values that make no sense together.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Problem>),
    /// No place for data: the environment names no home.
    #[error("no data directory: neither XDG_DATA_HOME nor HOME is set to an absolute path")]
    NoHome,
}

impl ConfigError {
    /// The stable code of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "config_unreadable",
            Self::Syntax { .. } => "config_syntax",
            Self::UnknownKey { .. } => "config_unknown_key",
            Self::BadValue { .. } => "config_bad_value",
            Self::Invalid(_) => "config_invalid",
            Self::NoHome => "no_data_dir",
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax { hint, .. } => hint.clone(),
            Self::UnknownKey { suggestion, .. } => Some(match suggestion {
                Some(key) => format!("did you mean `{key}`?"),
                None => "`animica-p2p config print` lists every key".to_owned(),
            }),
            Self::Invalid(problems) => problems.iter().find_map(|p| p.hint.clone()),
            Self::NoHome => Some("name one with --data-dir".to_owned()),
            Self::Unreadable { .. } => {
                Some("`animica-p2p config init FILE` writes a commented one".to_owned())
            }
            Self::BadValue { .. } => None,
        }
    }
}
