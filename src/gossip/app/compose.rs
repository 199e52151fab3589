//! Messages of our own.

use super::{App, DOMAIN, Unsigned, UnsignedError, job::Message};
use crate::{
    clock::Now,
    envelope::{Body, Envelope, SealError},
    gossip::Ignored,
    identity::NodeIdentity,
    ids::Hash32,
};

/// Numbers per millisecond of the wall clock.
const PER_MS: u64 = 1024;

impl App {
    /// Signs a message about `topic` that lives for `ttl_ms`, and marks it as seen. Publish the
    /// envelope's bytes on `app`.
    ///
    /// Signing takes about 0.1 ms; to do it elsewhere use [`App::draft`], [`Envelope::sign`] and
    /// [`App::adopt`].
    ///
    /// # Errors
    /// A reader would refuse it, the key cannot sign, or too many of our own messages live.
    pub fn compose(
        &mut self,
        identity: &NodeIdentity,
        topic: &str,
        payload: &[u8],
        ttl_ms: u64,
        now: Now,
    ) -> Result<Envelope, ComposeError> {
        let sender = identity.public().digest();
        let body = self.draft(sender, topic, payload, ttl_ms, now);
        let envelope = Envelope::sign(identity, &body, self.config.key_form)?;
        self.adopt(&envelope, now)?;
        Ok(envelope)
    }

    /// The body of the next message of `sender`.
    ///
    /// Its number is larger than the ones before, also those of an earlier run of the node: the
    /// wall clock in units of 1/1024 ms, or one more than the last where that is not larger. It
    /// runs ahead of the clock only beyond 1024 messages a millisecond; and a clock that was set
    /// back over a restart costs the order among messages, not their delivery, because receivers
    /// refuse a number only while they remember that very number.
    pub fn draft(
        &mut self,
        sender: Hash32,
        topic: &str,
        payload: &[u8],
        ttl_ms: u64,
        now: Now,
    ) -> Body {
        let clock = now.wall_ms.saturating_mul(PER_MS);
        self.last_seq = clock.max(self.last_seq.saturating_add(1));
        Body {
            domain: DOMAIN.to_owned(),
            chain_id: self.network.0,
            genesis: self.network.1,
            sender,
            created_ms: now.wall_ms,
            ttl_ms,
            seq: self.last_seq,
            topic: topic.to_owned(),
            payload: payload.to_vec(),
        }
    }

    /// Marks a signed message of our own as seen, and keeps it for peers that lack it.
    ///
    /// # Errors
    /// Too many of our own messages live.
    pub fn adopt(&mut self, envelope: &Envelope, now: Now) -> Result<(), ComposeError> {
        let message = Message::Signed(Box::new(envelope.clone()));
        let marked = self.signed.insert(&message.key(), now.wall_ms);
        marked.map_err(ComposeError::Refused)?;
        self.originated(&message, now);
        Ok(())
    }

    /// Makes a message without a sender, and marks it as seen. Publish its bytes on
    /// `app/unsigned`. The content check of the topic is asked as for messages of others.
    ///
    /// # Errors
    /// A reader would refuse it, or it was published before.
    pub fn compose_unsigned(
        &mut self,
        topic: &str,
        payload: &[u8],
        ttl_ms: u64,
        now: Now,
    ) -> Result<Unsigned, ComposeError> {
        let unsigned = Unsigned::new(topic, payload, now.wall_ms, ttl_ms)?;
        let message = Message::Unsigned(unsigned.clone());
        if let Some(check) = self.checks.get(topic)
            && check.check(&message.content()).is_err()
        {
            return Err(ComposeError::Refused(Ignored::NotAdmitted));
        }
        let marked = self.unsigned.insert(&message.key(), now.wall_ms);
        marked.map_err(ComposeError::Refused)?;
        self.originated(&message, now);
        Ok(unsigned)
    }

    fn originated(&mut self, message: &Message, now: Now) {
        self.stats.originated += 1;
        self.recent.insert(&message.delivery(now.wall_ms));
    }
}

/// Why there is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComposeError {
    /// No envelope could be signed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The parts make no message.
    #[error(transparent)]
    Unsigned(#[from] UnsignedError),
    /// Nodes would not pass it on.
    #[error("this node would not pass the message on: {}", .0.label())]
    Refused(Ignored),
}
