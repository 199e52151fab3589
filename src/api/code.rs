//! The one table of error codes: stable strings that scripts match on, each with the exit code of
//! a command that ends with it. `specs/api.md` holds the same table; a test compares them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! codes {
    ($($name:ident = $text:literal, $exit:literal, $meaning:literal;)*) => {
        /// What went wrong, as a stable string.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = $meaning] $name,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable string.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The exit code of a command that ends with it.
            #[must_use]
            pub fn exit(self) -> u8 {
                match self { $(Self::$name => $exit,)* }
            }

            /// What it means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// The code with this string.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

codes! {
    Failed = "failed", 1, "It did not work, for a reason the message gives.";
    Timeout = "timeout", 1, "It took longer than it may.";
    BadRequest = "bad_request", 1, "The control socket did not understand the request.";
    TooLarge = "too_large", 1, "A request to the control socket exceeds its size limit.";
    Busy = "busy", 1, "The node does not take more of this work at the moment.";
    ShuttingDown = "shutting_down", 1, "The node is going down.";
    PeerUnreachable = "peer_unreachable", 1, "Nobody answered at the address.";
    PeerRefused = "peer_refused", 1, "The handshake with the peer failed, or the peer refused us.";
    PeerUnknown = "peer_unknown", 1, "No such peer is connected or known.";
    PeerAmbiguous = "peer_ambiguous", 1, "Several peers have an id that begins so.";
    PeerSelf = "peer_self", 1, "That is this node itself.";
    PeerReserved = "peer_reserved", 1, "A reserved peer is never banned.";
    PeerFailed = "peer_failed", 1, "The peer did not answer, or not as it should.";
    BookRefused = "book_refused", 1, "The address book does not take it.";
    DhtNoPeers = "dht_no_peers", 1, "No connected peer takes part in the hash table.";
    DhtNotReplicated = "dht_not_replicated", 1, "The value is stored on this node alone.";
    DhtNoValue = "dht_no_value", 1, "Nobody has a value under this key.";
    Rejected = "rejected", 1, "No node takes it: malformed, too large, or against the rules.";
    NotReceived = "not_received", 1, "The peer did not take the direct message.";
    NotFound = "not_found", 1, "No such header or block.";
    DiskFull = "disk_full", 1, "The disk is full; the node goes on when there is room.";
    StoreCorrupt = "store_corrupt", 1, "The data directory is damaged.";
    StoreNewer = "store_newer", 1, "The data directory was written by a newer version.";
    StoreFailed = "store_failed", 1, "The store failed.";
    FileFailed = "file_failed", 1, "A file could not be read or written.";
    Usage = "usage", 2, "The command line makes no sense.";
    ConfigUnreadable = "config_unreadable", 3, "The configuration file cannot be read.";
    ConfigSyntax = "config_syntax", 3, "The configuration file is not TOML (or JSON).";
    ConfigUnknownKey = "config_unknown_key", 3, "A key or variable that does not exist.";
    ConfigBadValue = "config_bad_value", 3, "A value of the wrong type or outside its range.";
    ConfigInvalid = "config_invalid", 3, "Values that make no sense together.";
    NoDataDir = "no_data_dir", 3, "No data directory is named and the environment has no home.";
    GenesisInvalid = "genesis_invalid", 3, "No genesis for the chain, or its file is not one.";
    WrongGenesis = "wrong_genesis", 3, "The data directory belongs to another genesis.";
    PortInUse = "port_in_use", 4, "Another process listens on an address that was asked for.";
    AddressUnavailable = "address_unavailable", 4, "An address that was asked for cannot be listened on.";
    DataDirLocked = "data_dir_locked", 4, "Another process uses the data directory.";
    PermissionDenied = "permission_denied", 4, "The system refuses access to a file, directory or port.";
    KeyUnreadable = "key_unreadable", 5, "The key file cannot be read.";
    KeyPermissions = "key_permissions", 5, "Others can read the key file.";
    KeyMalformed = "key_malformed", 5, "The key file is not one, or is damaged.";
    KeyPassphrase = "key_passphrase", 5, "The passphrase is missing or wrong.";
    KeyNotInPolicy = "key_not_in_policy", 5, "The key's algorithm is not in the policy.";
    KeyExists = "key_exists", 5, "A key file is there already and is not overwritten.";
    DelegationInvalid = "delegation_invalid", 5, "The delegation does not fit the key, chain or time.";
    CheckFailed = "check_failed", 6, "A check found something.";
    NotReady = "not_ready", 6, "The node runs and is not ready.";
    ChainInvalid = "chain_invalid", 6, "Headers or blocks do not verify.";
    NodeNotRunning = "node_not_running", 7, "No running node was found.";
    NodeUnreachable = "node_unreachable", 7, "The node's control socket does not answer.";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    /// A code of a newer node is a plain failure to us; its message says the rest.
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Ok(Self::parse(&text).unwrap_or(Self::Failed))
    }
}

/// An error as scripts see it: `{code, message, hint}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The stable code.
    pub code: ErrorCode,
    /// What happened, for people.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without hint.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_every_exit_code_is_documented() {
        let texts: BTreeSet<&str> = ErrorCode::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(texts.len(), ErrorCode::ALL.len());
        let exits: BTreeSet<u8> = ErrorCode::ALL.iter().map(|c| c.exit()).collect();
        assert_eq!(exits, (1..=7).collect());
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::parse(code.as_str()), Some(*code));
            assert!(code.meaning().ends_with('.'), "{code}");
        }
    }

    #[test]
    fn the_specification_has_the_same_table() {
        let spec = include_str!("../../specs/api.md");
        for code in ErrorCode::ALL {
            let row = format!("| `{code}` | {} | {} |", code.exit(), code.meaning());
            assert!(spec.contains(&row), "specs/api.md lacks: {row}");
        }
    }

    #[test]
    fn a_failure_is_code_message_hint() {
        let f = Failure::new(ErrorCode::PortInUse, "taken").hint("another port");
        let json = serde_json::to_string(&f).expect("serialises");
        assert_eq!(
            json,
            r#"{"code":"port_in_use","message":"taken","hint":"another port"}"#
        );
        let newer = r#"{"code":"from_the_future","message":"m","hint":null}"#;
        let f: Failure = serde_json::from_str(newer).expect("reads");
        assert_eq!(f.code, ErrorCode::Failed);
    }
}
