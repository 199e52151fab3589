//! Application messages on the topics `app` (signed [`Envelope`]s) and `app/unsigned`
//! ([`Unsigned`] maps whose content validates itself).
//!
//! # What to feed, what comes out
//! ```text
//! bytes --App::precheck--> Checked::Done(verdict)                     size, form, network, time, duplicate
//!                      +-> Checked::NeedKey { digest, peer, .. }      parked; fetch the key, then
//!                      |     App::supply_key -> jobs, or App::key_failed -> whom to ask next;
//!                      |     App::take_dropped: those whose key did not come
//!                      +-> Checked::Verify(job) --Job::verify (any thread)--> Verified
//! Verified --App::commit--> Outcome { verdict, delivery }
//! App::compose / App::compose_unsigned -> bytes to publish, marked as seen
//! App::expire: now and then, once a second is plenty
//! ```
//! Nothing counts as seen before [`App::commit`], so an invalid message cannot take the place of a
//! valid one with the same id. `precheck` costs microseconds; `verify` two signatures (about 0.1
//! ms) and the application's content check; `commit` a few map operations.
//!
//! # What bounds it
//! [`Config`]: remembered ids (about 250 B each) per sender and in all, bytes of recent messages,
//! bytes and number of parked ones, keys (2 KB each).
//!
//! # Replays
//! An id and its `(sender, seq)` are remembered until [`MESSAGE_SKEW_MS`] after the message's
//! life, so a wall clock that steps back by less brings nothing back. What is forgotten earlier for
//! want of room takes everything as old along: it is stale from then on. After a restart nothing is
//! remembered: a message that still lives may be delivered once more.

mod compose;
mod content;
mod job;
mod parking;
mod recent;
mod seen;
mod stats;
#[cfg(test)]
mod tests;
mod unsigned;

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use libp2p::PeerId;

pub use self::{
    compose::ComposeError,
    content::{Channel, Content, ContentCheck, Delivery, Refused},
    job::{Job, Verified},
    parking::NeedKey,
    recent::RecentMessage,
    stats::Stats,
    unsigned::{Unsigned, UnsignedError},
};
use self::{job::Message, parking::Parking, recent::Recent, seen::Seen};
use super::{Ignored, Verdict};
use crate::{
    clock::Now,
    envelope::{self, Envelope, EnvelopeError, KeyCache, KeyForm},
    identity::PublicIdentity,
    ids::{ChainId, Hash32},
    offence::Offence,
    registry::MESSAGE_SKEW_MS,
};

/// The domain of the envelopes of these topics.
pub const DOMAIN: &str = "app";

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Ids remembered, signed and unsigned counted apart. When full, the oldest goes, and with it
    /// whatever is as old: a flood shortens the time for which messages may travel, and lets
    /// nothing in twice.
    pub seen: usize,
    /// Ids of one sender at a time. A sender with more is refused as `full` until some expire.
    pub seen_per_sender: usize,
    /// Ids dated ahead of our clock, out of `seen`: so that nobody pushes the edge of what is
    /// stale ahead of the present.
    pub seen_ahead: usize,
    /// Bytes of recent messages kept for peers and late subscribers.
    pub recent_bytes: usize,
    /// Keys of senders.
    pub keys: usize,
    /// How envelopes of our own carry our key.
    pub key_form: KeyForm,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seen: 131_072,
            seen_per_sender: 32_768,
            seen_ahead: 4_096,
            recent_bytes: 16 * 1024 * 1024,
            keys: KeyCache::DEFAULT_CAPACITY,
            key_form: KeyForm::Full,
        }
    }
}

/// The engine.
pub struct App {
    config: Config,
    network: (ChainId, Hash32),
    signed: Seen,
    unsigned: Seen,
    recent: Recent,
    parking: Parking,
    keys: KeyCache,
    checks: HashMap<String, Arc<dyn ContentCheck>>,
    last_seq: u64,
    stats: Stats,
}

/// A message that has the form.
#[derive(Debug)]
pub struct Read(Message);

/// What became of a message so far.
#[derive(Debug)]
#[must_use]
pub enum Checked {
    /// Decided.
    Done(Verdict),
    /// The costly step is next.
    Verify(Job),
    /// Parked for want of the sender's key. The verdict comes with the key, or with
    /// [`App::take_dropped`].
    Parked {
        /// Whom to ask for it, unless somebody is asked already.
        ask: Option<NeedKey>,
    },
}

/// The end of a message's way.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Outcome {
    /// Who brought it.
    pub from: PeerId,
    /// What to tell gossipsub.
    pub verdict: Verdict,
    /// What the application gets; there is one exactly if the verdict is `Accept`.
    pub delivery: Option<Delivery>,
}

impl App {
    /// An engine for one network.
    #[must_use]
    pub fn new(config: Config, chain: ChainId, genesis: Hash32) -> Self {
        Self {
            network: (chain, genesis),
            signed: Seen::new(&config),
            unsigned: Seen::new(&Config {
                // They have no senders to tell apart.
                seen_per_sender: usize::MAX,
                ..config
            }),
            recent: Recent::new(config.recent_bytes),
            parking: Parking::default(),
            keys: KeyCache::new(config.keys),
            checks: HashMap::new(),
            last_seq: 0,
            stats: Stats::default(),
            config,
        }
    }

    /// Lets `check` judge the content of every message about `topic`, signed or not, in place of
    /// an earlier one. Topics without a check are carried by their form.
    pub fn set_check(&mut self, topic: &str, check: Arc<dyn ContentCheck>) {
        self.checks.insert(topic.to_owned(), check);
    }

    /// Carries `topic` by its form again. Says whether it had a check.
    pub fn remove_check(&mut self, topic: &str) -> bool {
        self.checks.remove(topic).is_some()
    }

    /// The cheap checks of a message that `from` passed on over `channel`: [`App::read`], then
    /// [`App::screen`].
    pub fn precheck(&mut self, from: PeerId, channel: Channel, bytes: Bytes, now: Now) -> Checked {
        match self.read(channel, bytes) {
            Ok(read) => self.screen(from, read, now),
            Err(verdict) => Checked::Done(verdict),
        }
    }

    /// The form of a message.
    ///
    /// # Errors
    /// The verdict on one that has not the form.
    pub fn read(&mut self, channel: Channel, bytes: Bytes) -> Result<Read, Verdict> {
        let read = match channel {
            Channel::Signed => Envelope::decode(bytes)
                .map(|envelope| Message::Signed(Box::new(envelope)))
                .map_err(refused),
            Channel::Unsigned => {
                Unsigned::decode(bytes)
                    .map(Message::Unsigned)
                    .map_err(|e| Verdict::Reject {
                        offence: e.offence(),
                        detail: e.to_string(),
                    })
            }
        };
        read.map(Read)
            .inspect_err(|verdict| self.stats.count(verdict))
    }

    /// Network, lifetime, whether it was seen, and whether its sender's key is here.
    pub fn screen(&mut self, from: PeerId, read: Read, now: Now) -> Checked {
        let checked = match read.0 {
            Message::Signed(envelope) => self.screen_signed(from, envelope, now),
            Message::Unsigned(message) => self.screen_unsigned(from, message, now),
        };
        checked.unwrap_or_else(|verdict| {
            self.stats.count(&verdict);
            Checked::Done(verdict)
        })
    }

    fn screen_signed(
        &mut self,
        from: PeerId,
        envelope: Box<Envelope>,
        now: Now,
    ) -> Result<Checked, Verdict> {
        let body = envelope.body();
        if body.domain != DOMAIN {
            return Err(malformed(format!(
                "the domain {:?} on this topic",
                body.domain
            )));
        }
        match envelope.judge_body(self.network, now.wall_ms) {
            Some(envelope::Verdict::Expired) => return Err(Verdict::Ignore(Ignored::Stale)),
            Some(envelope::Verdict::Premature) => return Err(Verdict::Ignore(Ignored::Future)),
            Some(envelope::Verdict::Refused(e)) => return Err(refused(e)),
            _ => {}
        }
        let message = Message::Signed(envelope);
        self.signed
            .check(&message.key(), now.wall_ms)
            .map_err(Verdict::Ignore)?;
        let sender = message.sender().unwrap_or(Hash32::ZERO);
        let key = message.carried_key().or_else(|| self.keys.get(&sender));
        if let Some(key) = key.cloned() {
            return Ok(Checked::Verify(self.job(from, message, Some(key))));
        }
        match self.parking.park(from, message, now.mono) {
            Some(ask) => {
                self.stats.parked += 1;
                Ok(Checked::Parked { ask })
            }
            None => Err(Verdict::Ignore(Ignored::Full)),
        }
    }

    fn screen_unsigned(
        &mut self,
        from: PeerId,
        message: Unsigned,
        now: Now,
    ) -> Result<Checked, Verdict> {
        if message.created_ms() > now.wall_ms.saturating_add(MESSAGE_SKEW_MS) {
            return Err(Verdict::Ignore(Ignored::Future));
        }
        if now.wall_ms >= message.expires_ms() {
            return Err(Verdict::Ignore(Ignored::Stale));
        }
        let message = Message::Unsigned(message);
        self.unsigned
            .check(&message.key(), now.wall_ms)
            .map_err(Verdict::Ignore)?;
        Ok(Checked::Verify(self.job(from, message, None)))
    }

    fn job(&self, from: PeerId, message: Message, key: Option<PublicIdentity>) -> Job {
        let check = self.checks.get(message.topic()).cloned();
        Job {
            from,
            message,
            key,
            check,
        }
    }

    /// Ends a message's way: a valid one is now seen, kept and delivered, once.
    pub fn commit(&mut self, verified: Verified, now: Now) -> Outcome {
        let Verified { job, result } = verified;
        let from = job.from;
        let (verdict, delivery) = match result.and_then(|()| self.admit(job, now)) {
            Ok(delivery) => (Verdict::Accept, Some(delivery)),
            Err(verdict) => (verdict, None),
        };
        self.stats.count(&verdict);
        Outcome {
            from,
            verdict,
            delivery,
        }
    }

    fn admit(&mut self, job: Job, now: Now) -> Result<Delivery, Verdict> {
        let Job { message, key, .. } = job;
        // Its time may have passed while it was verified or parked.
        if now.wall_ms >= message.expires_ms() {
            return Err(Verdict::Ignore(Ignored::Stale));
        }
        let seen = match message {
            Message::Signed(_) => &mut self.signed,
            Message::Unsigned(_) => &mut self.unsigned,
        };
        let mark = message.key();
        seen.insert(&mark, now.wall_ms).map_err(Verdict::Ignore)?;
        if let Some(key) = key {
            self.keys.insert(key);
        }
        let delivery = message.delivery(now.wall_ms);
        self.stats
            .delays
            .record(Duration::from_millis(delivery.delay_ms));
        self.recent.insert(&delivery);
        Ok(delivery)
    }

    /// A fetched key: what waits for it can be verified now. `key` must have been checked against
    /// the digest it was asked for, as the key protocol does; another one frees nothing.
    pub fn supply_key(&mut self, key: &PublicIdentity) -> Vec<Job> {
        let waiting = self.parking.take(&key.digest());
        let jobs = waiting.into_iter();
        jobs.map(|(from, message)| self.job(from, message, Some(key.clone())))
            .collect()
    }

    /// `peer` did not give the key with this digest. Returns whom to ask next; if there is nobody,
    /// what waits for it is dropped.
    pub fn key_failed(&mut self, digest: &Hash32, peer: &PeerId) -> Option<NeedKey> {
        self.parking.failed(digest, peer)
    }

    /// Who brought the messages that were parked in vain since the last call, and their bytes:
    /// nobody gave the key, or not in time. Their verdict is `Ignore(Unknown)`.
    pub fn take_dropped(&mut self) -> Vec<(PeerId, Bytes)> {
        let dropped = self.parking.take_dropped();
        for _ in &dropped {
            self.stats.count(&Verdict::Ignore(Ignored::Unknown));
        }
        dropped
    }

    /// Forgets what has expired.
    pub fn expire(&mut self, now: Now) {
        self.signed.expire(now.wall_ms);
        self.unsigned.expire(now.wall_ms);
        self.recent.expire(now.wall_ms);
        self.parking.expire(now.mono);
    }

    /// Ids of recent messages that live, for reconciliation.
    pub fn recent_ids(&self, now: Now) -> impl Iterator<Item = Hash32> {
        self.recent.alive(now.wall_ms).map(|m| m.id)
    }

    /// A recent message, for a peer that lacks it.
    #[must_use]
    pub fn recent(&self, id: &Hash32) -> Option<RecentMessage> {
        self.recent.get(id)
    }

    /// Recent messages about `topic` that live, oldest arrival first, for a subscriber that came
    /// late.
    pub fn recent_about(&self, topic: &str, now: Now) -> impl Iterator<Item = Delivery> {
        self.recent.about(topic, now.wall_ms)
    }

    /// Recent messages about every topic, in order of arrival.
    pub fn recent_all(&self, now: Now) -> impl Iterator<Item = Delivery> {
        self.recent.alive(now.wall_ms).cloned()
    }

    /// Bytes of recent messages.
    #[must_use]
    pub fn recent_bytes(&self) -> usize {
        self.recent.bytes()
    }

    /// Counters since the start.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Ids remembered: signed, unsigned.
    #[must_use]
    pub fn remembered(&self) -> (usize, usize) {
        (self.signed.len(), self.unsigned.len())
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("remembered", &self.remembered())
            .field("recent_bytes", &self.recent.bytes())
            .field("parked", &self.parking.len())
            .finish_non_exhaustive()
    }
}

fn malformed(detail: String) -> Verdict {
    Verdict::Reject {
        offence: Offence::MalformedMessage,
        detail,
    }
}

/// What an envelope's fault means for whoever passed it on.
fn refused(error: EnvelopeError) -> Verdict {
    match error.offence() {
        Some(offence) => Verdict::Reject {
            offence,
            detail: error.to_string(),
        },
        None => Verdict::Ignore(Ignored::Unknown),
    }
}
