//! The costly step: signatures and content.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use libp2p::PeerId;

use super::{
    Channel, Content, ContentCheck, Delivery, Refused, Unsigned, malformed, refused, seen::Mark,
};
use crate::{
    envelope::Envelope,
    gossip::{Ignored, Verdict},
    identity::{Delegations, Policy, PublicIdentity},
    ids::Hash32,
};

/// A message that passed the cheap checks, with all that the costly ones need.
pub struct Job {
    pub(super) from: PeerId,
    pub(super) message: Message,
    pub(super) key: Option<PublicIdentity>,
    pub(super) check: Option<Arc<dyn ContentCheck>>,
}

/// A message after the costly checks, for [`App::commit`](super::App::commit).
#[derive(Debug)]
#[must_use = "a verified message is not seen until it is committed"]
pub struct Verified {
    pub(super) job: Job,
    pub(super) result: Result<(), Verdict>,
}

impl Job {
    /// Who brought it.
    #[must_use]
    pub fn from(&self) -> PeerId {
        self.from
    }

    /// Its bytes on the wire.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        self.message.bytes()
    }

    /// Checks signatures, delegation and content. On any thread.
    pub fn verify(self, delegations: &Delegations, policy: &Policy, now_ms: u64) -> Verified {
        let result = self.judge(delegations, policy, now_ms);
        Verified { job: self, result }
    }

    fn judge(
        &self,
        delegations: &Delegations,
        policy: &Policy,
        now_ms: u64,
    ) -> Result<(), Verdict> {
        if let (Message::Signed(envelope), Some(key)) = (&self.message, &self.key) {
            envelope
                .prove(key, delegations, policy, now_ms)
                .map_err(refused)?;
        }
        let Some(check) = &self.check else {
            return Ok(());
        };
        check.check(&self.message.content()).map_err(|e| match e {
            Refused::Useless => Verdict::Ignore(Ignored::NotAdmitted),
            Refused::Invalid(detail) => malformed(detail),
        })
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("from", &self.from)
            .field("id", &self.message.key().id)
            .field("topic", &self.message.topic())
            .finish_non_exhaustive()
    }
}

/// A message of either kind.
#[derive(Debug)]
pub(super) enum Message {
    Signed(Box<Envelope>),
    Unsigned(Unsigned),
}

impl Message {
    /// What is remembered of it.
    pub(super) fn key(&self) -> Mark {
        match self {
            Self::Signed(envelope) => Mark {
                id: envelope.id(),
                number: Some((envelope.body().sender, envelope.body().seq)),
                created_ms: envelope.body().created_ms,
                expires_ms: envelope.body().expires_ms(),
            },
            Self::Unsigned(message) => Mark {
                id: message.id(),
                number: None,
                created_ms: message.created_ms(),
                expires_ms: message.expires_ms(),
            },
        }
    }

    pub(super) fn topic(&self) -> &str {
        match self {
            Self::Signed(envelope) => &envelope.body().topic,
            Self::Unsigned(message) => message.topic(),
        }
    }

    pub(super) fn sender(&self) -> Option<Hash32> {
        match self {
            Self::Signed(envelope) => Some(envelope.body().sender),
            Self::Unsigned(_) => None,
        }
    }

    pub(super) fn carried_key(&self) -> Option<&PublicIdentity> {
        match self {
            Self::Signed(envelope) => envelope.key(),
            Self::Unsigned(_) => None,
        }
    }

    pub(super) fn expires_ms(&self) -> u64 {
        match self {
            Self::Signed(envelope) => envelope.body().expires_ms(),
            Self::Unsigned(message) => message.expires_ms(),
        }
    }

    /// Bytes on the wire.
    pub(super) fn bytes(&self) -> &Bytes {
        match self {
            Self::Signed(envelope) => envelope.as_bytes(),
            Self::Unsigned(message) => message.as_bytes(),
        }
    }

    pub(super) fn content(&self) -> Content<'_> {
        match self {
            Self::Signed(envelope) => {
                let body = envelope.body();
                Content {
                    sender: Some(body.sender),
                    topic: &body.topic,
                    payload: &body.payload,
                    created_ms: body.created_ms,
                }
            }
            Self::Unsigned(message) => Content {
                sender: None,
                topic: message.topic(),
                payload: message.payload(),
                created_ms: message.created_ms(),
            },
        }
    }

    pub(super) fn delivery(&self, now_ms: u64) -> Delivery {
        let (mark, content) = (self.key(), self.content());
        Delivery {
            id: mark.id,
            channel: match self {
                Self::Signed(_) => Channel::Signed,
                Self::Unsigned(_) => Channel::Unsigned,
            },
            topic: content.topic.to_owned(),
            payload: Bytes::copy_from_slice(content.payload),
            sender: mark.number,
            created_ms: mark.created_ms,
            expires_ms: mark.expires_ms,
            delay_ms: now_ms.saturating_sub(mark.created_ms),
            bytes: self.bytes().clone(),
        }
    }
}
