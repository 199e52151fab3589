//! Errors of the node as failures with a stable code and, where one is known, a hint.

use crate::{
    api::code::{ErrorCode, Failure},
    node::{ConnectError, LocalError, OpenError, StartError, Stopped, config::ConfigError},
    sync::LocalRefused,
};

/// Labels of dials that reached nobody; every other label means that somebody answered.
const UNREACHABLE: [&str; 12] = [
    "unreachable",
    "socket",
    "resolve",
    "unsupported",
    "connection_refused",
    "connection_reset",
    "timeout",
    "eof",
    "io",
    "no_addresses",
    "unsupported_address",
    "deadline",
];

impl From<ConfigError> for Failure {
    fn from(e: ConfigError) -> Self {
        let code = ErrorCode::parse(e.code()).unwrap_or(ErrorCode::ConfigInvalid);
        Self {
            code,
            message: e.to_string(),
            hint: e.hint(),
        }
    }
}

impl From<Stopped> for Failure {
    fn from(e: Stopped) -> Self {
        Self::new(ErrorCode::ShuttingDown, e.to_string())
    }
}

impl From<ConnectError> for Failure {
    fn from(e: ConnectError) -> Self {
        let label = e.label();
        let code = match &e {
            ConnectError::Timeout => ErrorCode::Timeout,
            ConnectError::Stopped => ErrorCode::ShuttingDown,
            ConnectError::Dial { .. } if UNREACHABLE.contains(&label) => ErrorCode::PeerUnreachable,
            _ => ErrorCode::PeerRefused,
        };
        let failure = Self::new(code, e.to_string());
        match hint(label) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// What an operator can do about a dial that ended with `label`.
fn hint(label: &str) -> Option<&'static str> {
    Some(match label {
        "connection_refused" => "nothing listens there; is the node running, is the port right?",
        "chain" | "genesis" | "alert_chain" => {
            "the peer is on another chain or genesis; compare `animica-p2p status` on both sides"
        }
        "policy" | "policy_echo" | "alert_policy" => {
            "the peer uses another algorithm policy; `kem` and `sign_alg` must match on both sides"
        }
        "no_common_aead" | "alert_aead" => "the peer's `aead` excludes ours; set both to `auto`",
        "wrong_peer" => "another node answers there; take the address from its `status`",
        "self_dial" => "that is the address of this node itself",
        "alert_rate_limited" => "the peer limits connections from this address; try again later",
        "refused_by_peer" => "its log (-v) says why: a ban, a limit, or this node's identity",
        "already_connected" => "`animica-p2p peer list` shows the connection",
        _ => return None,
    })
}

impl From<LocalError> for Failure {
    fn from(e: LocalError) -> Self {
        match e {
            LocalError::Mine(e) => e.into(),
            LocalError::Store(e) | LocalError::Import(LocalRefused::Store(e)) => e.into(),
            LocalError::Import(LocalRefused::Busy) => Self::new(ErrorCode::Busy, e.to_string()),
            LocalError::Refused(e) => Self::new(ErrorCode::ChainInvalid, e.to_string()),
            LocalError::Stopped => Self::new(ErrorCode::ShuttingDown, e.to_string()),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(e: OpenError) -> Self {
        let message = e.to_string();
        let code = match e {
            OpenError::Config(e) => return e.into(),
            OpenError::Storage(e) => return e.into(),
            OpenError::Key(e) => return e.into(),
            OpenError::Policy(_) | OpenError::Work(_) | OpenError::Peers(_) => {
                ErrorCode::ConfigInvalid
            }
            OpenError::UnknownChain(_) | OpenError::Genesis(_) => ErrorCode::GenesisInvalid,
            OpenError::Passphrase { .. } => ErrorCode::KeyPassphrase,
            OpenError::KeyNotAllowed { .. } => ErrorCode::KeyNotInPolicy,
        };
        Self::new(code, message)
    }
}

impl From<StartError> for Failure {
    fn from(e: StartError) -> Self {
        let message = e.to_string();
        match e {
            StartError::Store(e) => e.into(),
            StartError::Listen { in_use: true, .. } => Self::new(ErrorCode::PortInUse, message)
                .hint("stop the other process, or choose another address with --listen"),
            StartError::Listen { .. } => Self::new(ErrorCode::AddressUnavailable, message)
                .hint("choose an address of this machine with --listen"),
            StartError::Channel(_) => Self::new(ErrorCode::KeyNotInPolicy, message),
            StartError::Identity(_) => Self::new(ErrorCode::KeyUnreadable, message),
            StartError::Random(_) | StartError::Seen(_) => Self::new(ErrorCode::Failed, message),
            StartError::Peers(_) => Self::new(ErrorCode::StoreFailed, message),
            StartError::Peering(_) => Self::new(ErrorCode::ConfigInvalid, message),
            StartError::Gossip(_) => Self::new(ErrorCode::ConfigInvalid, message)
                .hint("keep mesh_low <= mesh <= mesh_high; see the table [gossip]"),
        }
    }
}
