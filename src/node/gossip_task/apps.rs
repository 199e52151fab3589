//! Application messages: judged, delivered, fetched and published.

use bytes::Bytes;
use libp2p::PeerId;

use super::{GossipTask, PublishError, mesh::Ruling};
use crate::{
    chain::object_id,
    clock::Now,
    gossip::{
        Ignored, Verdict,
        app::{Channel, Checked, ContentCheck, Job, NeedKey},
        stats::Layer,
    },
    identity::PublicIdentity,
    ids::Hash32,
    network::pubsub::MessageId,
    node::effect::Effect,
    registry::Topic,
    wire::{Item, ItemKind},
};

/// Major type of a CBOR array: what an envelope starts with; an unsigned message is a map.
const ARRAY: u8 = 4;

impl GossipTask {
    pub(super) fn pushed_message(
        &mut self,
        from: PeerId,
        id: &MessageId,
        channel: Channel,
        bytes: Bytes,
    ) -> Ruling {
        match self.app_message(from, channel, bytes.clone()) {
            Some(verdict) => Ruling::Now(verdict),
            None => {
                self.parked.insert((from, object_id(&bytes)), id.clone());
                Ruling::Later
            }
        }
    }

    /// The verdict of a message; none while the key of its sender is on its way.
    fn app_message(&mut self, from: PeerId, channel: Channel, bytes: Bytes) -> Option<Verdict> {
        let now = self.now();
        let read = match self.app.read(channel, bytes) {
            Ok(read) => read,
            Err(verdict) => return Some(verdict),
        };
        self.enter(Layer::Topic);
        match self.app.screen(from, read, now) {
            Checked::Done(verdict) => Some(verdict),
            Checked::Verify(job) => {
                self.enter(Layer::Chain);
                Some(self.verify_message(job, now))
            }
            Checked::Parked { ask } => {
                if let Some(need) = ask {
                    self.fetch_key(need);
                }
                None
            }
        }
    }

    /// An application message that was asked for after a reconciliation.
    pub(super) fn fetched_message(&mut self, from: PeerId, item: Item, bytes: Bytes) -> Verdict {
        let channel = match bytes.first() {
            Some(first) if first >> 5 == ARRAY => Channel::Signed,
            _ => Channel::Unsigned,
        };
        let verdict = self.app_message(from, channel, bytes);
        // Without a key it is refused for now, and taken when the key comes.
        let verdict = verdict.unwrap_or(Verdict::Ignore(Ignored::Unknown));
        let now = self.now().mono;
        match &verdict {
            Verdict::Accept => self.inventory.learned(item, now),
            Verdict::Ignore(Ignored::Duplicate) => self.inventory.have(&item),
            _ => self.inventory.refused(item, now),
        }
        verdict
    }

    fn verify_message(&mut self, job: Job, now: Now) -> Verdict {
        let parts = &self.parts;
        let verified = job.verify(&parts.delegations, &parts.policy, now.wall_ms);
        let outcome = self.app.commit(verified, now);
        if let Some(delivery) = outcome.delivery {
            let item = match delivery.channel {
                Channel::Signed => object_id(&delivery.bytes),
                // The same hash.
                Channel::Unsigned => delivery.id,
            };
            self.app_ids.insert(item, delivery.id);
            // Nobody subscribed is fine.
            let _ = self.deliveries.send(delivery);
        }
        outcome.verdict
    }

    fn fetch_key(&mut self, need: NeedKey) {
        self.outbox.push(Effect::FetchKeys {
            peer: need.peer,
            digests: vec![need.digest],
        });
    }

    pub(super) fn got_keys(&mut self, keys: &[PublicIdentity]) {
        let now = self.now();
        for key in keys {
            for job in self.app.supply_key(key) {
                let (from, bytes) = (job.from(), job.bytes().clone());
                let verdict = self.verify_message(job, now);
                self.settle(from, &bytes, verdict);
            }
        }
    }

    /// Messages whose sender's key did not come.
    pub(super) fn settle_dropped(&mut self) {
        for (from, bytes) in self.app.take_dropped() {
            self.settle(from, &bytes, Verdict::Ignore(Ignored::Unknown));
        }
    }

    /// The late verdict of a message that was parked. The router passes it on if it still has it; if
    /// not, reconciliation brings it to those who lack it.
    fn settle(&mut self, from: PeerId, bytes: &Bytes, verdict: Verdict) {
        let hash = object_id(bytes);
        if let Some(id) = self.parked.remove(&(from, hash)) {
            return self.judge(id, from, Topic::App, bytes.len(), verdict);
        }
        match verdict {
            Verdict::Accept => {
                let now = self.now().mono;
                self.inventory.learned(message_item(hash), now);
            }
            Verdict::Reject { offence, detail } => self.penalise(from, offence, detail),
            Verdict::Ignore(_) => {}
        }
    }

    pub(super) fn got_no_keys(&mut self, peer: PeerId, wanted: &[Hash32]) {
        for digest in wanted {
            if let Some(need) = self.app.key_failed(digest, &peer) {
                self.fetch_key(need);
            }
        }
    }

    /// Signs, keeps and publishes a message of this node.
    pub(super) fn broadcast(
        &mut self,
        topic: &str,
        payload: &[u8],
        ttl_ms: u64,
    ) -> Result<Hash32, PublishError> {
        let now = self.now();
        let identity = self.parts.identity.clone();
        let envelope = self.app.compose(&identity, topic, payload, ttl_ms, now)?;
        let (id, bytes) = (envelope.id(), envelope.as_bytes().clone());
        self.app_ids.insert(object_id(&bytes), id);
        self.publish(Topic::App, bytes);
        Ok(id)
    }

    /// Keeps and publishes a message without a sender.
    pub(super) fn broadcast_unsigned(
        &mut self,
        topic: &str,
        payload: &[u8],
        ttl_ms: u64,
    ) -> Result<Hash32, PublishError> {
        let now = self.now();
        let message = self.app.compose_unsigned(topic, payload, ttl_ms, now)?;
        let (id, bytes) = (message.id(), message.as_bytes().clone());
        self.app_ids.insert(id, id);
        self.publish(Topic::AppUnsigned, bytes);
        Ok(id)
    }

    pub(super) fn set_check(&mut self, topic: &str, check: std::sync::Arc<dyn ContentCheck>) {
        self.app.set_check(topic, check);
    }

    /// Recent messages by the hashes of their bytes, for peers that lack them.
    pub(super) fn recent_messages(&self, ids: &[Hash32]) -> Vec<Option<Bytes>> {
        let find = |id: &Hash32| {
            let id = self.app_ids.get(id)?;
            self.app.recent(id).map(|message| message.bytes)
        };
        ids.iter().map(find).collect()
    }

    pub(super) fn forget_app_ids(&mut self, now: Now) {
        if self.app_ids.is_empty() {
            return;
        }
        let alive: std::collections::HashSet<Hash32> = self.app.recent_ids(now).collect();
        self.app_ids.retain(|_, id| alive.contains(id));
    }

    /// Publishes on `topic`, and counts it.
    pub(super) fn publish(&mut self, topic: Topic, payload: Bytes) {
        self.counters.published(topic, payload.len());
        self.outbox.push(Effect::Publish { topic, payload });
    }
}

pub(super) fn message_item(id: Hash32) -> Item {
    Item {
        kind: ItemKind::Message,
        id,
    }
}
