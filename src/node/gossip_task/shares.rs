//! Shares: judged against the chain's tip, passed on, served.

use bytes::Bytes;
use libp2p::PeerId;

use super::GossipTask;
use crate::{
    chain::{Ancestry, ProofEnvelope, object_id},
    clock::Now,
    gossip::{
        Ignored, Verdict,
        inventory::{Way, way},
        shares::{Screened, topic_of},
        stats::Layer,
    },
    ids::Hash32,
    registry::Topic,
    wire::{Item, ItemKind},
};

/// Why a share of this side cannot go out.
const NO_TOPIC: &str = "no topic for shares of this type";

impl GossipTask {
    /// A share from the mesh, or (without a topic) one that was asked for.
    pub(super) fn share(&mut self, from: PeerId, topic: Option<Topic>, bytes: &Bytes) -> Verdict {
        let now = self.now();
        let item = share_item(object_id(bytes));
        self.inventory.knows(&from, &item);
        let verdict = self.judge_share(now, from, topic, bytes);
        match &verdict {
            Verdict::Accept if topic.is_some() => self.inventory.have(&item),
            Verdict::Accept => self.inventory.learned(item, now.mono),
            Verdict::Ignore(Ignored::Duplicate | Ignored::Full) => self.inventory.have(&item),
            _ => self.inventory.refused(item, now.mono),
        }
        verdict
    }

    fn judge_share(
        &mut self,
        now: Now,
        from: PeerId,
        topic: Option<Topic>,
        bytes: &Bytes,
    ) -> Verdict {
        let share = match self.shares.read(bytes) {
            Ok(share) => share,
            Err(verdict) => return verdict,
        };
        self.enter(Layer::Topic);
        match self.shares.screen_read(now, from, topic, &share, bytes) {
            Screened::Decided(verdict) => verdict,
            Screened::Costly(candidate) => {
                self.enter(Layer::Chain);
                let outcome = candidate.verify(&**self.shares.verifier());
                self.shares.settle(now, candidate, outcome)
            }
        }
    }

    /// A share of this side: judged like any other, then it goes out.
    pub(super) fn publish_share(&mut self, bytes: Bytes) -> Result<Hash32, String> {
        let share = ProofEnvelope::decode(&bytes).map_err(|e| e.to_string())?;
        let topic = topic_of(share.kind).ok_or(NO_TOPIC)?;
        let now = self.now();
        let ourselves = self.parts.identity.peer_id();
        match self.shares.judge(now, ourselves, None, &bytes) {
            Verdict::Accept => {}
            Verdict::Ignore(why) => return Err(why.label().to_owned()),
            Verdict::Reject { detail, .. } => return Err(detail),
        }
        let id = object_id(&bytes);
        match way(ItemKind::Share, bytes.len()) {
            Way::Push => self.publish(topic, bytes),
            Way::Announce => self.inventory.learned(share_item(id), now.mono),
        }
        Ok(id)
    }

    /// The head moved: shares on it are welcome from now on.
    pub(super) fn follow_head(&mut self, head: Hash32) {
        if let Ok(Some(ancestry)) = Ancestry::load(&*self.parts.store, head) {
            self.shares.follow(ancestry);
        }
    }
}

pub(super) fn share_item(id: Hash32) -> Item {
    Item {
        kind: ItemKind::Share,
        id,
    }
}
