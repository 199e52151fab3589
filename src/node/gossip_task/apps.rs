//! Application messages: judged, delivered, fetched and published.

use bytes::Bytes;
use libp2p::PeerId;
use tokio::sync::oneshot;

use super::{GossipTask, PublishError};
use crate::{
    chain::object_id,
    clock::Now,
    gossip::{
        Ignored, Verdict,
        app::{Channel, Checked, ContentCheck, Job, NeedKey},
    },
    identity::PublicIdentity,
    ids::Hash32,
    node::effect::Effect,
    registry::Topic,
    wire::{Item, ItemKind},
};

/// Major type of a CBOR array: what an envelope starts with; an unsigned message is a map.
const ARRAY: u8 = 4;

impl GossipTask {
    pub(super) fn app_message(&mut self, from: PeerId, channel: Channel, bytes: Bytes) -> Verdict {
        let now = self.now();
        match self.app.precheck(from, channel, bytes, now) {
            Checked::Done(verdict) => verdict,
            Checked::Verify(job) => self.verify_message(job, now),
            Checked::Parked { ask } => {
                if let Some(need) = ask {
                    self.fetch_key(need);
                }
                Verdict::Ignore(Ignored::Unknown)
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
            if outcome.late {
                // Its first verdict was `Ignore`, so the router has forgotten it.
                let topic = delivery.channel.topic();
                self.publish(topic, delivery.bytes.clone(), None);
            }
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

    pub(super) fn got_keys(&mut self, peer: PeerId, keys: &[PublicIdentity]) {
        let now = self.now();
        for key in keys {
            for job in self.app.supply_key(key) {
                let from = job.from();
                if let Verdict::Reject { offence, detail } = self.verify_message(job, now) {
                    self.outbox.push(Effect::Penalise {
                        peer: from,
                        offence,
                        detail,
                    });
                }
            }
        }
        let _ = peer;
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
        self.publish(Topic::App, bytes, None);
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
        self.publish(Topic::AppUnsigned, bytes, None);
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

    /// Publishes on `topic`, and remembers that it went out.
    pub(super) fn publish(
        &mut self,
        topic: Topic,
        payload: Bytes,
        reply: Option<oneshot::Sender<Result<(), crate::network::pubsub::Error>>>,
    ) {
        self.counters.published(topic, payload.len());
        self.outbox.push(Effect::Publish {
            topic,
            payload,
            reply,
        });
    }
}

pub(super) fn message_item(id: Hash32) -> Item {
    Item {
        kind: ItemKind::Message,
        id,
    }
}
