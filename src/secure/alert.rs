//! What one side tells the other when it ends: plaintext alerts before, close codes after the
//! traffic keys exist.

use std::fmt;

use super::frame::{FrameType, header};

/// Why the responder ends a handshake in place of ServerHello.
///
/// Plaintext and unauthenticated: it serves one log line and a metric, never a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alert {
    /// 400: ClientHello is malformed or refused for a reason without its own code.
    Generic,
    /// 401: the version is unknown.
    Version,
    /// 402: another chain id or genesis.
    Chain,
    /// 403: the policy root is not accepted.
    Policy,
    /// 420: no common AEAD.
    Aead,
    /// 440: the responder's budget is spent.
    RateLimited,
    /// A code that this version does not know.
    Other(u16),
}

impl Alert {
    /// The code on the wire.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Generic => 400,
            Self::Version => 401,
            Self::Chain => 402,
            Self::Policy => 403,
            Self::Aead => 420,
            Self::RateLimited => 440,
            Self::Other(code) => code,
        }
    }

    /// The alert with this code.
    #[must_use]
    pub fn from_code(code: u16) -> Self {
        match code {
            400 => Self::Generic,
            401 => Self::Version,
            402 => Self::Chain,
            403 => Self::Policy,
            420 => Self::Aead,
            440 => Self::RateLimited,
            other => Self::Other(other),
        }
    }

    /// The whole frame, `00 00000003 01 u16be code`.
    #[must_use]
    pub fn to_frame(self) -> [u8; 8] {
        let [t, a, b, c, d] = header(FrameType::Alert, 3);
        let [high, low] = self.code().to_be_bytes();
        [t, a, b, c, d, 1, high, low]
    }

    /// Reads the body of an alert frame, `None` if it is not one.
    #[must_use]
    pub fn from_body(body: &[u8]) -> Option<Self> {
        match body {
            [1, high, low] => Some(Self::from_code(u16::from_be_bytes([*high, *low]))),
            _ => None,
        }
    }

    /// The metric label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Generic => "alert_generic",
            Self::Version => "alert_version",
            Self::Chain => "alert_chain",
            Self::Policy => "alert_policy",
            Self::Aead => "alert_aead",
            Self::RateLimited => "alert_rate_limited",
            Self::Other(_) => "alert_other",
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Generic => "handshake refused",
            Self::Version => "protocol version not supported",
            Self::Chain => "another chain or genesis",
            Self::Policy => "algorithm policy not accepted",
            Self::Aead => "no common AEAD",
            Self::RateLimited => "rate limited",
            Self::Other(_) => "unknown alert",
        };
        write!(f, "{text} ({})", self.code())
    }
}

/// Why a direction of a session ended, authenticated by its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum CloseCode {
    /// Nothing left to say (a close record without content).
    #[default]
    Normal,
    /// 1: the peer broke the protocol.
    Protocol,
    /// 2: the peer's authentication was refused.
    Authentication,
    /// 3: the delegation the session stands on has expired.
    DelegationExpired,
    /// 4: the node is shutting down.
    ShuttingDown,
    /// 5: a limit was reached.
    Limits,
    /// A code that this version does not know.
    Other(u16),
}

impl CloseCode {
    /// The content of the close record: nothing, or a u16be.
    #[must_use]
    pub fn code(self) -> Option<u16> {
        match self {
            Self::Normal => None,
            Self::Protocol => Some(1),
            Self::Authentication => Some(2),
            Self::DelegationExpired => Some(3),
            Self::ShuttingDown => Some(4),
            Self::Limits => Some(5),
            Self::Other(code) => Some(code),
        }
    }

    /// Reads the content of a close record, `None` if it has neither 0 nor 2 bytes.
    #[must_use]
    pub fn from_content(content: &[u8]) -> Option<Self> {
        match content {
            [] => Some(Self::Normal),
            [high, low] => Some(match u16::from_be_bytes([*high, *low]) {
                1 => Self::Protocol,
                2 => Self::Authentication,
                3 => Self::DelegationExpired,
                4 => Self::ShuttingDown,
                5 => Self::Limits,
                other => Self::Other(other),
            }),
            _ => None,
        }
    }

    /// The metric label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Normal => "close_normal",
            Self::Protocol => "close_protocol",
            Self::Authentication => "close_authentication",
            Self::DelegationExpired => "close_delegation_expired",
            Self::ShuttingDown => "close_shutting_down",
            Self::Limits => "close_limits",
            Self::Other(_) => "close_other",
        }
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("closed"),
            Self::Protocol => f.write_str("protocol error"),
            Self::Authentication => f.write_str("authentication refused"),
            Self::DelegationExpired => f.write_str("delegation expired"),
            Self::ShuttingDown => f.write_str("shutting down"),
            Self::Limits => f.write_str("limit reached"),
            Self::Other(code) => write!(f, "close code {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_the_fixed_frame() {
        assert_eq!(hex::encode(Alert::Policy.to_frame()), "0000000003010193");
        for code in [400, 401, 402, 403, 420, 440, 999] {
            let frame = Alert::from_code(code).to_frame();
            assert_eq!(Alert::from_body(&frame[5..]).unwrap().code(), code);
        }
        assert_eq!(Alert::from_body(&[2, 1, 0x90]), None);
        assert_eq!(Alert::from_body(&[1, 1]), None);
    }

    #[test]
    fn close_codes_round_trip() {
        for code in 1..=6u16 {
            let close = CloseCode::from_content(&code.to_be_bytes()).unwrap();
            assert_eq!(close.code(), Some(code));
        }
        assert_eq!(CloseCode::from_content(&[]), Some(CloseCode::Normal));
        assert_eq!(CloseCode::from_content(&[1]), None);
        assert_eq!(CloseCode::from_content(&[0, 0, 1]), None);
    }
}
