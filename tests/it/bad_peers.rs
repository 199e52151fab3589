//! Real nodes whose stores lie, stall or crawl, beside an honest one: the syncing node gets the
//! chain, finds the liar, and blames nobody else.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use animica_p2p::{
    PeerId,
    chain::{
        At, Batch, Block, ChainStore, Genesis, Header, MemoryStore, StoreError, StoredHeader, Tips,
        Which, miner::MineRequest,
    },
    event::NodeEvent,
    ids::{ChainId, Hash32, Height, Theta, Work},
    node::{Handle, Node},
    offence::Offence,
    peers::ban::Subject,
};
use bytes::Bytes;

use crate::support::{
    address, assert_nobody_blamed, event, mine, on_loopback, reaches, soon, start,
};

/// What a store does wrong when it is asked from the network.
#[derive(Clone)]
enum Fault {
    /// Other transactions than the header commits to.
    ForeignBody,
    /// No body is ever read to its end, until the gate opens.
    Stall(Arc<Gate>),
    /// A pause before every body.
    Crawl(Duration),
    /// Headers whose draw misses the target.
    NoWork,
    /// Headers with an easier Θ than the schedule demands.
    WrongTheta,
    /// More work than there is.
    Boast,
    /// No body at all.
    Withhold,
}

/// Holds readers back until it is opened.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn wait(&self) {
        let open = self.open.lock().unwrap();
        let _open = self.opened.wait_while(open, |open| !*open).unwrap();
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

/// An honest store until it is armed.
struct Faulty {
    honest: MemoryStore,
    fault: Fault,
    armed: AtomicBool,
}

impl Faulty {
    fn armed(&self) -> bool {
        self.armed.load(Ordering::Relaxed)
    }

    fn altered(&self, stored: StoredHeader, change: impl Fn(&mut Header)) -> StoredHeader {
        let mut header = stored.decode().unwrap();
        change(&mut header);
        StoredHeader {
            bytes: header.encode().into(),
            ..stored
        }
    }
}

impl ChainStore for Faulty {
    fn tips(&self) -> Tips {
        let mut tips = self.honest.tips();
        if self.armed() && matches!(self.fault, Fault::Boast) {
            tips.headers.work = Work(u128::MAX / 2);
            tips.headers.height = tips.headers.height.saturating_add(1_000_000);
            tips.headers.hash = Hash32([7; 32]);
            tips.blocks = tips.headers;
        }
        tips
    }

    fn header(&self, at: At) -> Result<Option<StoredHeader>, StoreError> {
        self.honest.header(at)
    }

    fn headers(
        &self,
        chain: Which,
        from: Height,
        max: usize,
    ) -> Result<Vec<StoredHeader>, StoreError> {
        let headers = self.honest.headers(chain, from, max)?;
        if !self.armed() {
            return Ok(headers);
        }
        let alter = |h: StoredHeader| match self.fault {
            Fault::NoWork => self.altered(h, |h| h.nonce = u64::MAX - h.nonce),
            Fault::WrongTheta => self.altered(h, |h| h.theta = Theta(h.theta.0 - 1)),
            _ => h,
        };
        Ok(headers.into_iter().map(alter).collect())
    }

    fn body(&self, hash: &Hash32) -> Result<Option<Bytes>, StoreError> {
        let body = self.honest.body(hash)?;
        if !self.armed() {
            return Ok(body);
        }
        match &self.fault {
            Fault::ForeignBody => Ok(body.map(|bytes| {
                let mut block = Block::decode(bytes).unwrap();
                block.txs.push(Bytes::from_static(&[0xa0]));
                block.encode()
            })),
            Fault::Stall(gate) => {
                gate.wait();
                Ok(body)
            }
            Fault::Crawl(pause) => {
                std::thread::sleep(*pause);
                Ok(body)
            }
            Fault::Withhold => Ok(None),
            _ => Ok(body),
        }
    }

    fn commit(&self, batch: Batch) -> Result<Tips, StoreError> {
        self.honest.commit(batch)
    }
}

fn genesis() -> Genesis {
    Genesis::of_chain(ChainId::DEVNET).expect("a preset")
}

/// A node with the chain of `request` and a store that begins to fail once it has it.
async fn faulty(fault: Fault, request: MineRequest) -> Handle {
    let store = Arc::new(Faulty {
        honest: MemoryStore::new(&genesis()),
        fault,
        armed: AtomicBool::new(false),
    });
    let node = start(on_loopback().store(Arc::clone(&store) as _)).await;
    mine(&node, request).await;
    store.armed.store(true, Ordering::Relaxed);
    node
}

fn request() -> MineRequest {
    MineRequest {
        txs: 1,
        tx_bytes: 2_000,
        ..MineRequest::blocks(400)
    }
}

/// Whom a node bans, and for what, next.
async fn next_ban(events: &mut tokio::sync::broadcast::Receiver<NodeEvent>) -> (PeerId, Offence) {
    event(events, "somebody is banned", |e| match e {
        NodeEvent::Banned { peer, offence, .. } => Some((peer, offence)),
        _ => None,
    })
    .await
}

/// The honest node of the network, with the same chain as [`faulty`].
async fn honest() -> (Handle, Hash32) {
    let node = start(on_loopback()).await;
    let head = mine(&node, request()).await;
    (node, head)
}

/// Connects `node` to `peer`.
async fn connects(node: &Handle, peer: &Handle) {
    soon("connects", node.connect(address(peer)))
        .await
        .expect("accepted");
}

/// A fresh node that has reached the head of an honest one, although it was connected to `bad`
/// peers first; and that honest one.
async fn syncs_beside(bad: &[&Handle]) -> (Handle, Handle) {
    let (honest, head) = honest().await;
    let node = start(Node::builder()).await;
    for peer in bad.iter().copied().chain([&honest]) {
        connects(&node, peer).await;
    }
    reaches(&node, head).await;
    (node, honest)
}

/// However many answers of the liar were being checked when it was found out.
async fn assert_banned_once(
    node: &Handle,
    offence: Offence,
    events: &mut tokio::sync::broadcast::Receiver<NodeEvent>,
) {
    let text = node.metrics_text().await.expect("runs");
    let count = format!("p2p_bans_total{{reason=\"{}\"}} 1", offence.name());
    assert!(text.lines().any(|line| line == count), "no `{count}`");
    while let Ok(event) = events.try_recv() {
        assert!(!matches!(event, NodeEvent::Banned { .. }), "{event:?}");
    }
}

/// A provable lie: banned by name, and the chain comes from the honest node all the same.
async fn is_found_out(fault: Fault, offence: Offence) {
    let liar = faulty(fault, request()).await;
    let node = start(Node::builder()).await;
    let mut events = node.subscribe();
    connects(&node, &liar).await;
    let ban = next_ban(&mut events).await;
    assert_eq!(ban, (liar.peer_id(), offence));
    let (honest, head) = honest().await;
    connects(&node, &honest).await;
    reaches(&node, head).await;
    let bans = node.bans().await.expect("runs");
    assert_eq!(bans.len(), 1, "only the liar: {bans:?}");
    assert_eq!(bans[0].reason, offence.name());
    assert_banned_once(&node, offence, &mut events).await;
    assert_nobody_blamed(&[&honest, &liar]).await;
    let again = soon("is refused", node.connect(address(&liar)))
        .await
        .expect_err("banned");
    assert_eq!(again.label(), "banned", "{again}");
    let liar_id = Subject::Peer(liar.peer_id());
    let unbanned = node.unban(liar_id).await.expect("runs");
    assert_eq!(unbanned.lifted.len(), 1, "{unbanned:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_match_its_header_is_found_out() {
    is_found_out(Fault::ForeignBody, Offence::BodyMismatch).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_without_work_are_found_out() {
    is_found_out(Fault::NoWork, Offence::InsufficientWork).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_off_the_difficulty_schedule_are_found_out() {
    is_found_out(Fault::WrongTheta, Offence::WrongTheta).await;
}

/// Not a lie: the chain comes anyway and nobody is blamed.
async fn is_worked_around(fault: Fault) {
    let bad = faulty(fault, request()).await;
    let (node, honest) = syncs_beside(&[&bad]).await;
    assert_nobody_blamed(&[&node, &honest, &bad]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalling_peer_is_worked_around() {
    let gate = Arc::new(Gate::default());
    is_worked_around(Fault::Stall(Arc::clone(&gate))).await;
    // The readers that hang must end, or the runtime waits for them.
    gate.open();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_peer_is_worked_around() {
    is_worked_around(Fault::Crawl(Duration::from_millis(200))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_withholds_bodies_is_worked_around() {
    is_worked_around(Fault::Withhold).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_boast_of_work_leads_nowhere_and_stops_nothing() {
    let boaster = faulty(Fault::Boast, request()).await;
    let (_node, honest) = syncs_beside(&[&boaster]).await;
    assert_nobody_blamed(&[&honest, &boaster]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_honest_peer_among_three_bad_ones_is_enough() {
    let gate = Arc::new(Gate::default());
    let liar = faulty(Fault::ForeignBody, request()).await;
    let staller = faulty(Fault::Stall(Arc::clone(&gate)), request()).await;
    let slow = faulty(Fault::Crawl(Duration::from_millis(100)), request()).await;
    let (node, _honest) = syncs_beside(&[&liar, &staller, &slow]).await;
    let bans = node.bans().await.expect("runs");
    assert!(
        bans.iter().all(|b| b.subject == liar.peer_id().to_string()),
        "{bans:?}"
    );
    gate.open();
}
