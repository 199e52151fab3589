//! Messages of the mesh, layer by layer: size and buckets, duplicate, then the rules of their topic.
//! Each layer is timed until the next begins.

use bytes::Bytes;
use libp2p::PeerId;

use super::{GossipTask, tally::Lap};
use crate::{
    gossip::{Ignored, Verdict, app::Channel, seen::Seen, stats::Layer},
    ids::Hash32,
    network::pubsub::MessageId,
    node::effect::Effect,
    offence::Offence,
    registry::Topic,
};

/// What the rules of a topic make of a message.
pub(super) enum Ruling {
    /// This.
    Now(Verdict),
    /// What comes later: with the block it announces, or with its sender's key.
    Later,
}

impl GossipTask {
    pub(super) fn message(&mut self, from: PeerId, id: MessageId, topic: Topic, payload: Bytes) {
        let bytes = payload.len();
        self.waiting.leave(bytes);
        let now = self.now();
        self.recon.heard(&from, now);
        self.lap = Some(Lap::begin(topic));
        let ruling = self.pass(from, &id, topic, payload);
        if let Some(lap) = self.lap.take() {
            lap.end(&mut self.counters);
        }
        if let Ruling::Now(verdict) = ruling {
            self.judge(id, from, topic, bytes, verdict);
        }
    }

    /// Layer by layer.
    fn pass(&mut self, from: PeerId, id: &MessageId, topic: Topic, payload: Bytes) -> Ruling {
        if let Err(verdict) = self.admit(from, topic, payload.len()) {
            return Ruling::Now(verdict);
        }
        self.enter(Layer::Duplicate);
        if self.is_seen(id) {
            return Ruling::Now(Verdict::Ignore(Ignored::Duplicate));
        }
        self.enter(Layer::Decode);
        match topic {
            Topic::Headers => Ruling::Now(self.header(from, &payload)),
            Topic::Blocks => self.announce(from, id, &payload),
            Topic::Txs => Ruling::Now(self.pushed_tx(from, &payload)),
            Topic::App => self.pushed_message(from, id, Channel::Signed, payload),
            Topic::AppUnsigned => self.pushed_message(from, id, Channel::Unsigned, payload),
            Topic::SharesHash | Topic::SharesAi | Topic::SharesQuantum => {
                Ruling::Now(self.share(from, Some(topic), &payload))
            }
            Topic::Blobs => Ruling::Now(self.blob_announced(from, &payload)),
        }
    }

    /// A message of the mesh reaches a layer. Objects that were asked for are not timed.
    pub(super) fn enter(&mut self, layer: Layer) {
        if let Some(lap) = &mut self.lap {
            lap.enter(layer, &mut self.counters);
        }
    }

    /// Size and buckets.
    fn admit(&mut self, from: PeerId, topic: Topic, bytes: usize) -> Result<(), Verdict> {
        if bytes > topic.max_bytes() {
            return Err(Verdict::Reject {
                offence: Offence::OversizedMessage,
                detail: format!("{bytes} bytes on {}", topic.leaf()),
            });
        }
        let now = self.now().mono;
        let address = self.peers.get(&from).and_then(|peer| peer.address);
        if let Err(refused) = self.buckets.admit(from, address, topic, bytes, now) {
            self.counters.refused(refused);
            return Err(Verdict::Ignore(Ignored::RateLimited));
        }
        Ok(())
    }

    /// Whether the same bytes were found valid on the same topic lately.
    fn is_seen(&mut self, id: &MessageId) -> bool {
        let now = self.now().mono;
        Hash32::from_slice(&id.0).is_some_and(|hash| self.seen.check(&hash, now) != Seen::New)
    }

    /// The end of a message's way: every message of the mesh comes here once.
    pub(super) fn judge(
        &mut self,
        id: MessageId,
        from: PeerId,
        topic: Topic,
        bytes: usize,
        verdict: Verdict,
    ) {
        self.counters.record(topic, &verdict, bytes);
        if verdict == Verdict::Accept
            && let Some(hash) = Hash32::from_slice(&id.0)
        {
            let now = self.now().mono;
            self.seen.insert(hash, now);
        }
        self.outbox.push(Effect::Judge { id, from, verdict });
    }
}
