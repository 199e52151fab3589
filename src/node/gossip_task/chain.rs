//! Headers and blocks: checked, rebuilt, imported, announced.

use std::sync::Arc;

use bytes::Bytes;
use libp2p::PeerId;

use super::{Done, GossipTask, Imported, data::Asked, mesh::Ruling};
use crate::{
    chain::{Ancestry, At, Block, Header, HeaderError, Tip, object_id, verify::verify_header},
    gossip::{
        Ignored, Verdict,
        compact::{self, Context, Known, Output, engine},
        seen::Seen,
        stats::Layer,
    },
    ids::Hash32,
    network::{identify::Head, pubsub::MessageId},
    node::{
        effect::Effect,
        sync_task::{LocalError, Waiting},
    },
    offence::Offence,
    registry::Topic,
    sync::task,
};

/// Oldest header that travels by gossip, in seconds. An older one is a matter of sync.
const FRESH_S: u64 = 60;

/// Transactions of a block that are looked up to decide what its announce carries whole. Each costs
/// two look-ups; an announce carries some dozens at most.
const PREFILL_LOOKUPS: usize = 1024;

/// What a rebuild may draw on.
pub(super) struct KnownItems(Arc<Waiting>);

impl Known for KnownItems {
    fn visit(&self, see: &mut dyn FnMut(&Hash32, &Bytes)) {
        self.0.visit(see);
    }
}

impl GossipTask {
    /// What this node has of a block that is not here.
    pub(super) fn known(&self) -> KnownItems {
        KnownItems(Arc::clone(&self.parts.waiting))
    }

    pub(super) fn header(&mut self, from: PeerId, bytes: &Bytes) -> Verdict {
        let header = match Header::decode(bytes) {
            Ok(header) => header,
            Err(error) => return refuse(&error),
        };
        let (expected, got) = (self.parts.genesis.chain_id(), header.chain_id);
        if got != expected {
            return refuse(&HeaderError::WrongChain { expected, got });
        }
        let now = self.now();
        let now_s = now.wall_ms / 1000;
        self.enter(Layer::Topic);
        if header.timestamp.saturating_add(FRESH_S) < now_s {
            return Verdict::Ignore(Ignored::Stale);
        }
        self.enter(Layer::Chain);
        let hash = object_id(bytes);
        if self.has_header(&hash) {
            return Verdict::Ignore(Ignored::Duplicate);
        }
        let parts = &self.parts;
        let Ok(ancestry) = Ancestry::load(&*parts.store, header.parent_hash) else {
            return Verdict::Ignore(Ignored::Unknown);
        };
        let Some(mut ancestry) = ancestry else {
            self.heads.hurry(&from, now.mono);
            return Verdict::Ignore(Ignored::UnknownParent);
        };
        let verified = verify_header(
            &parts.genesis,
            &*parts.verifier,
            &mut ancestry,
            bytes,
            now_s,
        );
        let header = match verified {
            Ok(header) => header,
            Err(error) => return refuse(&error),
        };
        if !header.tip().beats(&parts.store.tips().blocks) {
            return Verdict::Ignore(Ignored::Stale);
        }
        self.compact.on_header(from, &header, now.mono);
        self.note_tip(&header.tip());
        Verdict::Accept
    }

    /// An announce of a block, from the mesh.
    pub(super) fn announce(&mut self, from: PeerId, id: &MessageId, payload: &Bytes) -> Ruling {
        let checked = match self.check_announce(from, payload) {
            Ok(checked) => checked,
            Err(verdict) => return Ruling::Now(verdict),
        };
        let now = self.now().mono;
        let (block, bytes) = (checked.block(), payload.len());
        self.tally.announced(block, now);
        if self.announces.contains_key(&(from, block)) {
            // The first keeps its claim to the verdict.
            return Ruling::Now(Verdict::Ignore(Ignored::Duplicate));
        }
        self.announces.insert((from, block), (id.clone(), bytes));
        let known = self.known();
        let outputs = self.compact.on_announce(from, checked, &known, now);
        self.compact_outputs(outputs);
        Ruling::Later
    }

    fn check_announce(
        &mut self,
        from: PeerId,
        payload: &Bytes,
    ) -> Result<compact::Checked, Verdict> {
        let now = self.now();
        let announce = compact::read(payload, &self.parts.genesis)?;
        self.enter(Layer::Topic);
        compact::suits(&announce, &self.parts.genesis)?;
        self.enter(Layer::Chain);
        let parts = &self.parts;
        let context = Context {
            genesis: &parts.genesis,
            verifier: &*parts.verifier,
            tip: parts.store.tips().blocks,
            now_s: now.wall_ms / 1000,
        };
        let ancestry = |parent: &Hash32| Ancestry::load(&*parts.store, *parent).ok().flatten();
        let checked = compact::prove(announce, payload.len(), &context, ancestry);
        match checked {
            Ok(checked) if is_stale(&checked, context.now_s) => {
                Err(Verdict::Ignore(Ignored::Stale))
            }
            Err(Verdict::Ignore(Ignored::UnknownParent)) => {
                self.heads.hurry(&from, now.mono);
                Err(Verdict::Ignore(Ignored::UnknownParent))
            }
            Ok(checked) => {
                self.note_tip(&checked.header().tip());
                Ok(checked)
            }
            refused => refused,
        }
    }

    /// Remembers where a checked header leads, in case sync is to fetch its block.
    fn note_tip(&mut self, tip: &Tip) {
        let head = Head {
            height: tip.height,
            hash: tip.hash,
            work: tip.work,
        };
        self.tips.insert(tip.hash, head);
    }

    pub(super) fn compact_outputs(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Request {
                    peer,
                    block,
                    message,
                } => self.ask(Asked::Compact { peer, block }, message),
                Output::Verdict {
                    peer,
                    block,
                    verdict,
                } => self.judge_announce(peer, block, verdict),
                Output::Block { from, rebuilt } => {
                    self.tally.rebuilt(&rebuilt.stats);
                    self.import(from, rebuilt.hash, rebuilt.bytes);
                }
                Output::FetchFull { block, peers, .. } => {
                    self.tally.fetched_full();
                    self.fetch_full(block, &peers);
                }
                Output::Penalise {
                    peer,
                    offence,
                    detail,
                } => self.penalise(peer, offence, detail),
            }
        }
    }

    pub(super) fn penalise(&mut self, peer: PeerId, offence: Offence, detail: String) {
        self.outbox.push(Effect::Penalise {
            peer,
            offence,
            detail,
        });
    }

    /// The verdict of an announce. One that was asked for has no message; then only an offence
    /// counts.
    fn judge_announce(&mut self, peer: PeerId, block: Hash32, verdict: Verdict) {
        match self.announces.remove(&(peer, block)) {
            Some((id, bytes)) => self.judge(id, peer, Topic::Blocks, bytes, verdict),
            None => {
                if let Verdict::Reject { offence, detail } = verdict {
                    self.penalise(peer, offence, detail);
                }
            }
        }
    }

    fn import(&mut self, from: PeerId, block: Hash32, bytes: Bytes) {
        let (local, done) = (self.parts.local.clone(), self.done.clone());
        tokio::spawn(async move {
            let result = local.import(vec![bytes.clone()]).await;
            let imported = Done::Imported(Box::new(Imported {
                from,
                block,
                bytes,
                result,
            }));
            // The task is gone when the node stops; then nobody waits for the verdict.
            let _ = done.send(imported).await;
        });
    }

    /// A rebuilt block was imported, or refused.
    pub(super) fn imported(&mut self, imported: Imported) {
        let Imported {
            from,
            block,
            bytes,
            result,
        } = imported;
        let verdict = match result {
            Ok(_) => Verdict::Accept,
            Err(LocalError::Refused(task::LocalError::Body { error, .. })) => Verdict::Reject {
                offence: error.offence(),
                detail: error.to_string(),
            },
            Err(LocalError::Refused(task::LocalError::Header { error, .. })) => refuse(&error),
            Err(_) => Verdict::Ignore(Ignored::Unknown),
        };
        let valid = verdict == Verdict::Accept;
        if let Verdict::Ignore(_) = verdict {
            self.compact.on_lost(&block);
        }
        self.judge_announce(from, block, verdict);
        if valid {
            let now = self.now().mono;
            self.tally.imported(&block, now);
            let decoded = Block::decode(bytes).ok();
            let outputs = self.compact.on_known(block, decoded.as_ref());
            self.compact_outputs(outputs);
        }
    }

    /// No announce leads to the block: sync fetches it from whoever has it.
    fn fetch_full(&mut self, block: Hash32, peers: &[PeerId]) {
        let Some(head) = self.tips.get(&block).copied() else {
            return;
        };
        for peer in peers {
            self.outbox.push(Effect::Follow { peer: *peer, head });
        }
    }

    /// Our imported head moved, however it came.
    pub(super) fn head_moved(&mut self, head: Head) {
        let now = self.now().mono;
        self.tally.imported(&head.hash, now);
        self.heads.reached(head.height, now);
        self.follow_head(head.hash);
        let outputs = self.compact.on_known(head.hash, None);
        self.compact_outputs(outputs);
    }

    /// Reads a block of this side for its announcement.
    pub(super) fn announce_own(&self, hash: Hash32) {
        let (store, done) = (self.parts.store.clone(), self.done.clone());
        tokio::task::spawn_blocking(move || {
            let body = store.body(&hash).ok().flatten();
            if let Some(block) = body.and_then(|bytes| Block::decode(bytes).ok()) {
                // The task is gone when the node stops.
                let _ = done.blocking_send(Done::Own(Box::new(block)));
            }
        });
    }

    /// Tells everybody about a block of this side: its header, and the block in short.
    pub(super) fn announce_block(&mut self, block: &Block) {
        let header = Bytes::from(block.header.encode());
        let now = self.now();
        if block.header.timestamp.saturating_add(FRESH_S) < now.wall_ms / 1000 {
            return;
        }
        let unknown = self.not_spread(block);
        self.salt = self
            .salt
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let announce = compact::build(block, self.salt, unknown).encode();
        self.publish(Topic::Headers, header);
        self.publish(Topic::Blocks, announce);
        let outputs = self.compact.on_known(block.hash(), Some(block));
        self.compact_outputs(outputs);
    }

    /// Numbers of the block's transactions that have not travelled, so that peers lack them.
    fn not_spread(&mut self, block: &Block) -> Vec<u32> {
        let now = self.now().mono;
        let ids = block
            .txs
            .iter()
            .take(PREFILL_LOOKUPS)
            .map(|tx| object_id(tx));
        let ids: Vec<Hash32> = ids.collect();
        let unknown = (0u32..).zip(&ids);
        unknown
            .filter(|(_, id)| self.spread.check(id, now) == Seen::New)
            .map(|(number, _)| number)
            .collect()
    }

    fn has_header(&self, hash: &Hash32) -> bool {
        let found = self.parts.store.header(At::Hash(*hash));
        found.is_ok_and(|header| header.is_some())
    }

    /// The answer to `GET_TX` or `GET_COMPACT`.
    pub(super) fn compact_answered(
        &mut self,
        peer: PeerId,
        block: Hash32,
        result: Result<crate::wire::Message, engine::Failure>,
    ) {
        use crate::wire::Message;
        if self.announces.contains_key(&(peer, block))
            && matches!(result, Ok(Message::BlockAnnounce(_)))
        {
            // Its announce came by the mesh meanwhile, which the engine knows.
            return;
        }
        let now = self.now().mono;
        let failure = match result {
            Ok(Message::Tx(answer)) => {
                let bytes = answer.txs.iter().map(|tx| tx.len() + 5).sum();
                let known = self.known();
                let outputs = self
                    .compact
                    .on_txs(peer, block, answer.txs, bytes, &known, now);
                return self.compact_outputs(outputs);
            }
            Ok(Message::BlockAnnounce(payload)) => match self.check_announce(peer, &payload) {
                Ok(checked) if checked.block() == block => {
                    self.tally.announced(block, now);
                    let known = self.known();
                    let outputs = self.compact.on_announce(peer, checked, &known, now);
                    return self.compact_outputs(outputs);
                }
                Ok(_) | Err(Verdict::Ignore(_)) => engine::Failure::Refused,
                Err(Verdict::Reject { offence, detail }) => {
                    self.penalise(peer, offence, detail);
                    engine::Failure::Refused
                }
                Err(Verdict::Accept) => engine::Failure::Refused,
            },
            Ok(Message::TxNotFound(_) | Message::NotFound(_)) => engine::Failure::NotFound,
            Ok(_) => engine::Failure::Refused,
            Err(failure) => failure,
        };
        let known = self.known();
        let outputs = self.compact.on_failure(peer, block, failure, &known, now);
        self.compact_outputs(outputs);
    }
}

fn is_stale(checked: &compact::Checked, now_s: u64) -> bool {
    checked
        .announce()
        .header()
        .timestamp
        .saturating_add(FRESH_S)
        < now_s
}

fn refuse(error: &HeaderError) -> Verdict {
    match error.offence() {
        Some(offence) => Verdict::Reject {
            offence,
            detail: error.to_string(),
        },
        None => Verdict::Ignore(Ignored::Future),
    }
}
