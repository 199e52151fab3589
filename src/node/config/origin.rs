//! Where a value came from.

use std::{fmt, path::PathBuf};

/// The layer that set a value, strongest last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    #[default]
    Default,
    /// It follows another key: the other half of an algorithm family.
    Follows(&'static str),
    /// The configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// Line of the key, from 1; 0 when unknown.
        line: usize,
    },
    /// An environment variable.
    Env(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl Origin {
    /// Whether somebody asked for the value.
    #[must_use]
    pub fn is_explicit(&self) -> bool {
        !matches!(self, Self::Default | Self::Follows(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Follows(key) => write!(f, "follows {key}"),
            Self::File { path, line: 0 } => write!(f, "file {}", path.display()),
            Self::File { path, line } => write!(f, "file {}:{line}", path.display()),
            Self::Env(name) => write!(f, "env {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}
