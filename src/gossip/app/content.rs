//! What an application sees of a message.

use bytes::Bytes;

use crate::{ids::Hash32, registry::Topic};

/// Which of the two topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// `app`.
    Signed,
    /// `app/unsigned`.
    Unsigned,
}

impl Channel {
    /// The gossip topic.
    #[must_use]
    pub fn topic(self) -> Topic {
        match self {
            Self::Signed => Topic::App,
            Self::Unsigned => Topic::AppUnsigned,
        }
    }
}

/// A message before it is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content<'a> {
    /// Digest of the identity that signed it, on `app`. The signature has been checked.
    pub sender: Option<Hash32>,
    /// What it is about.
    pub topic: &'a str,
    /// What it says.
    pub payload: &'a [u8],
    /// When, milliseconds since the UNIX epoch.
    pub created_ms: u64,
}

/// Judges the content of messages about one topic. Called on any thread, after the signature.
pub trait ContentCheck: Send + Sync {
    /// Whether the message is passed on and delivered.
    ///
    /// # Errors
    /// It is not.
    fn check(&self, content: &Content<'_>) -> Result<(), Refused>;
}

/// A closure is a check.
impl<F> ContentCheck for F
where
    F: Fn(&Content<'_>) -> Result<(), Refused> + Send + Sync,
{
    fn check(&self, content: &Content<'_>) -> Result<(), Refused> {
        self(content)
    }
}

/// Why a message is not passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// This application does not want it. The peer that passed it on is not blamed.
    Useless,
    /// No node that carries this topic passes it on: the peer is blamed. Only for rules that all
    /// nodes of the network enforce, because a node without the check carries everything.
    Invalid(String),
}

/// A message for the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What identifies it.
    pub id: Hash32,
    /// Where it came from.
    pub channel: Channel,
    /// What it is about.
    pub topic: String,
    /// What it says.
    pub payload: Bytes,
    /// Digest of the identity that signed it, and its number for it, on `app`.
    pub sender: Option<(Hash32, u64)>,
    /// When, by the sender's clock, milliseconds since the UNIX epoch.
    pub created_ms: u64,
    /// When its life ends.
    pub expires_ms: u64,
    /// Milliseconds from `created_ms` to its arrival by our clock, 0 if that is ahead.
    pub delay_ms: u64,
    /// The message as it travels.
    pub bytes: Bytes,
}
