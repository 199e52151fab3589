//! Every message of the mesh gets one verdict, whatever comes between.

use std::collections::HashMap;

use super::*;
use crate::{
    chain::{
        Ancestry, HashOnly, MemoryBlobs, MemoryStore,
        miner::{MineRequest, Miner},
        share::HashShares,
        testing::devnet,
    },
    clock::SystemClock,
    envelope::KeyForm,
    gossip::{Ignored, Verdict},
    identity::{KeyPair, SerialMemory},
    network::pubsub,
    node::{gossip_link::GossipLink, sync_task, task_link::TaskLink},
    pool::{AnyTx, Limits, Pool},
    sync,
    wire::Txs,
};

const PATIENCE: Duration = Duration::from_secs(10);

fn identity(seed: u8) -> NodeIdentity {
    NodeIdentity::from_keypair(KeyPair::deterministic([seed; 32]).unwrap())
}

/// A gossip task with a sync task behind it, and this test in the place of the event loop.
struct World {
    link: GossipLink,
    effects: mpsc::Receiver<Effect>,
    waiting: Arc<Waiting>,
    genesis: Genesis,
    peer: PeerId,
    judged: HashMap<MessageId, Verdict>,
    _sync: mpsc::Sender<sync_task::SyncInput>,
    _gossip: Gossip,
    _stop: tokio_util::sync::DropGuard,
}

impl World {
    fn start() -> Self {
        let (genesis, stop) = (devnet(), CancellationToken::new());
        let (effects_tx, effects) = mpsc::channel(64);
        let store: Arc<dyn ChainStore> = Arc::new(MemoryStore::new(&genesis));
        let waiting = Arc::new(Waiting::new(Pool::new(Limits::default(), Arc::new(AnyTx))));
        let sync = sync_task::spawn(
            sync_task::Parts {
                genesis: genesis.clone(),
                store: Arc::clone(&store),
                verifier: Arc::new(HashOnly),
                clock: Arc::new(SystemClock),
                config: sync::Config::default(),
                seed: 1,
                effects: effects_tx.clone(),
                waiting: Arc::clone(&waiting),
            },
            stop.clone(),
        )
        .unwrap();
        let ends = spawn(
            Parts {
                identity: identity(1),
                policy: Arc::new(Policy::default_fips()),
                delegations: Arc::new(Delegations::new(
                    genesis.chain_id(),
                    genesis.hash(),
                    SerialMemory::default(),
                )),
                store,
                verifier: Arc::new(HashOnly),
                clock: Arc::new(SystemClock),
                share_verifier: Arc::new(HashShares::new(&genesis)),
                blobs: Arc::new(MemoryBlobs::new(1 << 20)),
                waiting: Arc::clone(&waiting),
                local: sync.local.clone(),
                limits: buckets::Limits::default(),
                seen: Default::default(),
                reconcile: Default::default(),
                effects: effects_tx,
                seed: [7; 32],
                genesis: genesis.clone(),
            },
            stop.clone(),
        )
        .unwrap();
        let link = TaskLink::new(ends.inputs, Arc::default());
        let mut world = Self {
            link: GossipLink::new(link, ends.waiting, genesis.chain_id()),
            effects,
            waiting,
            genesis,
            peer: PeerId::random(),
            judged: HashMap::new(),
            _sync: sync.inputs,
            _gossip: ends.gossip,
            _stop: stop.drop_guard(),
        };
        let peer = world.peer;
        world.link.keep(GossipInput::PeerUp {
            peer,
            address: None,
            outbound: true,
        });
        world
    }

    /// A block on genesis with two transactions, which the node does not have.
    fn block(&self) -> Block {
        let txs = [1, 2].map(|n| Bytes::from(vec![0xa1, 0, n]));
        let ancestry = Ancestry::genesis(&self.genesis);
        let mut miner = Miner::new(&self.genesis, ancestry, MineRequest::blocks(1)).unwrap();
        let mined = miner.mine(&txs, SystemClock.now().wall_secs()).unwrap();
        Block::decode(mined.block).unwrap()
    }

    /// Brings a message of the peer; returns its id.
    fn push(&mut self, topic: Topic, payload: &Bytes) -> MessageId {
        let id = pubsub::message_id(&topic.on(self.genesis.chain_id()), payload);
        assert!(
            self.link
                .message(self.peer, id.clone(), topic, payload.to_vec())
        );
        id
    }

    fn announce(&mut self, block: &Block, salt: u64) -> MessageId {
        let announce = compact::build(block, salt, []).encode();
        self.push(Topic::Blocks, &announce)
    }

    /// The next effect that `pick` takes. Verdicts are noted on the way, each once.
    async fn next<T>(&mut self, pick: impl Fn(&Effect) -> Option<T>) -> T {
        let next = async {
            loop {
                let effect = self.effects.recv().await.expect("the tasks run");
                if let Effect::Judge { id, verdict, .. } = &effect {
                    let before = self.judged.insert(id.clone(), verdict.clone());
                    assert_eq!(before, None, "judged twice");
                }
                if let Some(picked) = pick(&effect) {
                    return picked;
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("in time")
    }

    async fn verdict(&mut self, id: &MessageId) -> Verdict {
        if let Some(verdict) = self.judged.get(id) {
            return verdict.clone();
        }
        self.next(|effect| match effect {
            Effect::Judge {
                id: judged,
                verdict,
                ..
            } if judged == id => Some(verdict.clone()),
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn a_second_announce_of_a_block_does_not_take_the_verdict_of_the_first() {
    let mut world = World::start();
    let block = world.block();
    let first = world.announce(&block, 1);
    let request = |effect: &Effect| match effect {
        Effect::Request { id, message, .. } if matches!(message, Message::GetTx(_)) => Some(*id),
        _ => None,
    };
    let request = world.next(request).await;
    let second = world.announce(&block, 2);
    let duplicate = Verdict::Ignore(Ignored::Duplicate);
    assert_eq!(world.verdict(&second).await, duplicate);
    assert_eq!(world.judged.get(&first), None);
    let peer = world.peer;
    world.link.response(
        peer,
        request,
        Ok(Message::Tx(Txs {
            txs: block.txs.clone(),
        })),
    );
    assert_eq!(world.verdict(&first).await, Verdict::Accept);
}

#[tokio::test]
async fn a_block_is_passed_on_although_its_announcer_has_left() {
    let mut world = World::start();
    let block = world.block();
    for tx in &block.txs {
        world.waiting.submit(tx, Instant::now()).unwrap();
    }
    let id = world.announce(&block, 1);
    let peer = world.peer;
    world.link.keep(GossipInput::PeerDown { peer });
    assert_eq!(world.verdict(&id).await, Verdict::Accept);
}

#[tokio::test]
async fn an_announce_whose_announcer_leaves_before_it_answers_is_ignored() {
    let mut world = World::start();
    let block = world.block();
    let id = world.announce(&block, 1);
    let peer = world.peer;
    world.link.keep(GossipInput::PeerDown { peer });
    let verdict = world.verdict(&id).await;
    assert_eq!(verdict, Verdict::Ignore(Ignored::Unknown));
}

/// An application message of another node, without its sender's key.
fn message(world: &World) -> Bytes {
    let config = crate::gossip::app::Config {
        key_form: KeyForm::Digest,
        ..Default::default()
    };
    let (chain, genesis) = (world.genesis.chain_id(), world.genesis.hash());
    let mut author = App::new(config, chain, genesis);
    let now = SystemClock.now();
    let envelope = author.compose(&identity(2), "news", b"hello", 60_000, now);
    envelope.unwrap().as_bytes().clone()
}

async fn asked_for_key(world: &mut World) -> Vec<Hash32> {
    let fetch = |effect: &Effect| match effect {
        Effect::FetchKeys { digests, .. } => Some(digests.clone()),
        _ => None,
    };
    world.next(fetch).await
}

#[tokio::test]
async fn a_message_waits_for_its_senders_key_and_is_then_passed_on() {
    let mut world = World::start();
    let bytes = message(&world);
    let id = world.push(Topic::App, &bytes);
    let sender = identity(2).public().clone();
    assert_eq!(asked_for_key(&mut world).await, [sender.digest()]);
    assert_eq!(world.judged.get(&id), None);
    world.link.keep(GossipInput::Keys { keys: vec![sender] });
    assert_eq!(world.verdict(&id).await, Verdict::Accept);
}

#[tokio::test]
async fn a_message_whose_senders_key_nobody_has_is_ignored() {
    let mut world = World::start();
    let bytes = message(&world);
    let id = world.push(Topic::App, &bytes);
    let (wanted, peer) = (asked_for_key(&mut world).await, world.peer);
    world.link.keep(GossipInput::NoKeys { peer, wanted });
    let verdict = world.verdict(&id).await;
    assert_eq!(verdict, Verdict::Ignore(Ignored::Unknown));
}

#[tokio::test]
async fn what_was_accepted_is_a_duplicate_and_what_was_rejected_is_judged_again() {
    let mut world = World::start();
    let tx = Bytes::from_static(&[0xa1, 0, 9]);
    let id = world.push(Topic::Txs, &tx);
    assert_eq!(world.verdict(&id).await, Verdict::Accept);
    world.judged.clear();
    let id = world.push(Topic::Txs, &tx);
    let duplicate = Verdict::Ignore(Ignored::Duplicate);
    assert_eq!(world.verdict(&id).await, duplicate);
    for _ in 0..2 {
        world.judged.clear();
        let id = world.push(Topic::Txs, &Bytes::from_static(&[0xa1, 0]));
        let verdict = world.verdict(&id).await;
        assert!(matches!(verdict, Verdict::Reject { .. }), "{verdict:?}");
    }
}
