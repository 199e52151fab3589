//! `key …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Node identities.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Key {
    /// Create an identity
    Generate {
        /// Algorithm of its post-quantum half: ml-dsa-65, dilithium3, slh-dsa-shake-128s [default:
        /// the configured sign_alg]
        #[arg(long, value_name = "ALG")]
        alg: Option<String>,
        /// Encrypt the file with a passphrase; asked for unless one of the --passphrase flags
        /// names it
        #[arg(long)]
        encrypt: bool,
        #[command(flatten)]
        file: KeyFile,
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
    /// PeerId, algorithm and delegation of a key file; nothing secret
    Show {
        #[command(flatten)]
        file: KeyFile,
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
    /// Check a key file: readable, private, undamaged, fit for the policy, signs and verifies
    Verify {
        #[command(flatten)]
        file: KeyFile,
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
    /// Print the public identity as JSON
    ExportPublic {
        #[command(flatten)]
        file: KeyFile,
        #[command(flatten)]
        passphrase: PassphraseArgs,
        /// Write it here instead
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Delegate an identity to a fresh operational key for a time
    Delegate {
        #[command(flatten)]
        file: KeyFile,
        #[command(flatten)]
        passphrase: PassphraseArgs,
        /// Where the operational key and its delegation go
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        /// Life in days, at most 90
        #[arg(long, default_value_t = 30, value_name = "N")]
        days: u64,
        /// Serial number: verifiers refuse lower ones than they have seen [default: seconds since
        /// the epoch]
        #[arg(long, value_name = "N")]
        serial: Option<u64>,
        /// Algorithm of the operational key [default: of the policy]
        #[arg(long, value_name = "ALG")]
        alg: Option<String>,
    },
}

/// Which key file.
#[derive(Clone, Debug, Default, Args)]
pub(in crate::cli) struct KeyFile {
    /// The key file [default: the configured identity, identity.key in the data directory]
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    /// The same as a flag
    #[arg(
        long = "identity",
        id = "identity_flag",
        value_name = "FILE",
        conflicts_with = "path"
    )]
    identity: Option<PathBuf>,
}

impl KeyFile {
    /// The file, if one was named.
    pub(in crate::cli) fn path(&self) -> Option<PathBuf> {
        self.path.clone().or_else(|| self.identity.clone())
    }
}

/// Where a passphrase comes from; never from the command line itself.
#[derive(Clone, Debug, Default, Args)]
pub(in crate::cli) struct PassphraseArgs {
    /// First line of this file is the passphrase [env: ANIMICA_P2P_PASSPHRASE_FILE]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) passphrase_file: Option<PathBuf>,
    /// First line read from this open descriptor is the passphrase
    #[arg(long, value_name = "FD", conflicts_with = "passphrase_file")]
    pub(in crate::cli) passphrase_fd: Option<u32>,
}
