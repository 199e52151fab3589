//! From parts and rows to a running task.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use libp2p::{Multiaddr, PeerId};
use rand::{RngExt as _, SeedableRng as _};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    INPUT_QUEUE, Mail, PeeringConfig, PeeringInput, PeeringRequest, PeeringTask,
    clerk::{Clerk, Office},
    keep::Keep,
    share,
    sources::Fetching,
    table::{self, Table},
    telling::Told,
    upkeep,
};
use crate::{
    clock::{Clock, Rng},
    gossip::app::{Content, Refused},
    identity::{Delegations, NodeIdentity, Policy},
    ids::{ChainId, Hash32},
    network::seeds::{self, Fetcher},
    node::{
        PEERING_QUEUE,
        effect::Effect,
        gossip_task::{Gossip, GossipRequest},
        outbox::Outbox,
    },
    peers::{
        PeerStore, PeerStoreError, Row, Statement, Table as Rows,
        book::{self, Book, BookConfig, Flags, Retry},
        exchange::{Askers, Intake, OwnRecord, Schedule},
        reach::Reach,
        signed_ping::Responder,
        slots::{Candidate, Plan},
    },
    report::PeeringReport,
    trust::{self, Engine, TrustModel, mesh::MeshScores},
};

/// Visits of seeds that have ended and wait for the task.
const SEED_QUEUE: usize = 16;

/// What the last run left.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) book: Vec<Row>,
    pub(crate) bans: Vec<Row>,
    pub(crate) trust: Vec<Row>,
    pub(crate) events: Vec<Row>,
    pub(crate) dht: Vec<Row>,
    pub(crate) state: Vec<Row>,
}

/// Reads what the last run left, on the blocking pool.
pub(crate) async fn load(store: Arc<dyn PeerStore>) -> Result<Kept, PeerStoreError> {
    let read = move || {
        Ok(Kept {
            book: store.load(Rows::Book)?,
            bans: store.load(Rows::Bans)?,
            trust: store.load(Rows::Trust)?,
            events: store.load(Rows::TrustEvents)?,
            dht: store.load(Rows::Dht)?,
            state: store.load(Rows::State)?,
        })
    };
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|e| Err(PeerStoreError(e.to_string())))
}

/// What the task is made from.
pub(crate) struct Parts {
    pub(crate) identity: NodeIdentity,
    pub(crate) policy: Arc<Policy>,
    pub(crate) delegations: Arc<Delegations>,
    pub(crate) network: (ChainId, Hash32),
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: PeeringConfig,
    pub(crate) model: Option<Box<dyn TrustModel>>,
    pub(crate) bootstrap: Vec<Multiaddr>,
    pub(crate) announce: Vec<Multiaddr>,
    pub(crate) store: Arc<dyn PeerStore>,
    pub(crate) kept: Kept,
    pub(crate) gossip: Gossip,
    pub(crate) effects: mpsc::Sender<Effect>,
    pub(crate) seed: [u8; 32],
}

/// The ends of a running task.
pub(crate) struct Ends {
    pub(crate) inputs: mpsc::Sender<PeeringInput>,
    pub(crate) requests: mpsc::Sender<PeeringRequest>,
    pub(crate) report: watch::Receiver<PeeringReport>,
    pub(crate) task: JoinHandle<()>,
}

/// Starts the task.
///
/// # Errors
/// Figures of trust or certificate authorities that cannot be used.
pub(crate) fn spawn(parts: Parts, stop: CancellationToken) -> Result<Ends, SetupError> {
    let (inputs, input_rx) = mpsc::channel(INPUT_QUEUE);
    let (requests, request_rx) = mpsc::channel(PEERING_QUEUE);
    let (seed_news, seed_rx) = mpsc::channel(SEED_QUEUE);
    let (report, reports) = watch::channel(PeeringReport::default());
    let (clerk, finished) = Clerk::new();
    // A place for every write there can be: none is ever lost.
    let (own_writes, written) = mpsc::channel(table::MAX_WAITING + 1);
    let (task, state) = build(parts, clerk, seed_news, own_writes, report)?;
    let mail = Mail {
        inputs: input_rx,
        requests: request_rx,
        finished,
        seeds: seed_rx,
        written,
    };
    let task = tokio::spawn(task.run(state, mail, stop));
    Ok(Ends {
        inputs,
        requests,
        report: reports,
        task,
    })
}

fn build(
    parts: Parts,
    clerk: Clerk<super::done::Done>,
    seed_news: mpsc::Sender<super::sources::SeedNews>,
    own_writes: mpsc::Sender<super::Written>,
    report: watch::Sender<PeeringReport>,
) -> Result<(PeeringTask, Vec<Row>), SetupError> {
    let Parts {
        identity,
        policy,
        delegations,
        network,
        clock,
        config,
        model,
        bootstrap,
        announce,
        store,
        kept,
        gossip,
        effects,
        seed,
    } = parts;
    let (me, digest, now) = (identity.peer_id(), identity.public().digest(), clock.now());
    let mut rng = Rng::from_seed(seed);
    config
        .plan
        .validate()
        .map_err(|e| SetupError(e.to_string()))?;
    config
        .reach
        .validate()
        .map_err(|e| SetupError(e.to_string()))?;
    let trust = match model {
        Some(model) => model,
        None => engine(&config, me, kept.trust, kept.events, now)?,
    };
    let plan = Plan::new(config.plan.clone(), me, Rng::from_rng(&mut rng));
    let about = BookConfig {
        me,
        chain: network.0,
        genesis: network.1,
        scope: config.scope.of_book(),
        retry: Retry::default(),
    };
    let (book, loaded) = Book::load(about, rng.random(), &kept.book, &kept.state, now);
    if loaded.damaged > 0 {
        tracing::warn!(
            rows = loaded.damaged,
            "rows of the address book cannot be read and are left out"
        );
    }
    let fetching = fetching(&config, network.0, &clock, seed_news)?;
    let row = kept.state.iter().find(|(key, _)| key == OwnRecord::KEY);
    let own = OwnRecord::new(network, row.map(|(_, row)| row.as_slice()));
    let own = own.or_else(|_| OwnRecord::new(network, None));
    let own = own.map_err(|e| SetupError(e.to_string()))?;
    let mut task = PeeringTask {
        me,
        network,
        office: Office {
            identity: Arc::new(identity),
            policy,
            delegations,
        },
        outbox: Outbox::new(effects),
        clerk,
        keep: Keep::new(store),
        plan,
        book,
        trust,
        trust_size: trust::Stats::default(),
        mesh: MeshScores::default(),
        reach: Reach::new(config.reach.clone()),
        bootstrap: bootstrap.len(),
        announce,
        bound: Vec::new(),
        tended: upkeep::Tended::default(),
        quotas: upkeep::Quotas::default(),
        own,
        own_record: None,
        askers: Askers::new(),
        intake: Intake::new(me, network),
        schedule: Schedule::new(),
        responder: Responder::new(digest, network),
        table: Table::default(),
        own_writes,
        fetching,
        live: HashMap::new(),
        borrowed: HashMap::new(),
        said: HashMap::new(),
        leaving: HashMap::new(),
        visitors: HashMap::new(),
        testing: HashMap::new(),
        asked: HashMap::new(),
        next_request: 0,
        link: super::judge::Link::default(),
        gossip,
        statements: 0,
        signed: None,
        shared: None,
        events: BTreeMap::new(),
        cool_downs: 0,
        told: Told::new(),
        lan_state: "off".to_owned(),
        report,
        clock,
        rng,
        config,
    };
    for address in bootstrap {
        task.plan.add_static(address);
    }
    Ok((task, kept.state))
}

fn engine(
    config: &PeeringConfig,
    me: PeerId,
    peers: Vec<Row>,
    events: Vec<Row>,
    now: crate::clock::Now,
) -> Result<Box<dyn TrustModel>, SetupError> {
    let loaded = Engine::load(config.trust.clone(), me, peers, events, now);
    let (engine, loaded) = loaded.map_err(|e| SetupError(e.to_string()))?;
    let lost = loaded.bad_peers.len() + loaded.bad_events.len();
    if lost > 0 {
        tracing::warn!(
            rows = lost,
            "rows about trust cannot be read and are left out"
        );
    }
    Ok(Box::new(engine))
}

fn fetching(
    config: &PeeringConfig,
    chain: ChainId,
    clock: &Arc<dyn Clock>,
    news: mpsc::Sender<super::sources::SeedNews>,
) -> Result<Option<Fetching>, SetupError> {
    let discovery = &config.discovery;
    if discovery.seeds.is_empty() {
        return Ok(None);
    }
    let port = crate::node::config::DEFAULT_PORT;
    let fetch = discovery.fetch.clone();
    let fetch = fetch.unwrap_or_else(|| seeds::Config::new(chain, port));
    let fetcher = Fetcher::new(fetch, Arc::clone(clock));
    let fetcher = fetcher.map_err(|e| SetupError(e.to_string()))?;
    let (sources, now) = (discovery.seeds.clone(), clock.now().mono);
    let fetching = Fetching::new(fetcher, sources, discovery.refresh, news, now);
    Ok(Some(fetching))
}

impl PeeringTask {
    /// What comes before the first input.
    pub(super) async fn begin(&mut self, state: &[Row]) {
        let check = GossipRequest::Check {
            topic: share::TOPIC.to_owned(),
            check: Arc::new(is_statement),
        };
        let _ = self.gossip.send(check).await;
        let now = self.now();
        let pinned: Vec<_> = self.book.pinned().collect();
        for (peer, flags) in pinned {
            let addresses = self.book.addresses(&peer);
            if flags.reserved && self.plan.reserve(peer, addresses.clone()) {
                self.reserved(peer, &addresses, true);
            }
            if flags.trusted {
                self.plan.prefer(peer, addresses);
            }
        }
        for address in self.config.reserved.clone() {
            if let Some(peer) = super::answers::peer_of(&address).filter(|p| *p != self.me) {
                let flags = Flags {
                    reserved: true,
                    ..Flags::default()
                };
                let known = self
                    .book
                    .add(peer, std::slice::from_ref(&address), flags, now);
                if let Err(error) = known {
                    tracing::warn!(%address, %error, "a reserved peer cannot be remembered");
                }
                if self.plan.reserve(peer, vec![address.clone()]) {
                    self.reserved(peer, &[address], true);
                }
            }
        }
        if self.config.discovery.known {
            let anchors = self.book.anchors(now).into_iter();
            self.plan.set_anchors(anchors.map(to_dial));
        }
        self.recall_seeds(state);
    }
}

/// A candidate of the book as one of the plan.
pub(super) fn to_dial(candidate: book::Candidate) -> Candidate {
    Candidate {
        peer: candidate.peer,
        addresses: candidate.addresses,
    }
}

fn is_statement(content: &Content<'_>) -> Result<(), Refused> {
    match (content.sender, Statement::decode(content.payload)) {
        (Some(_), Ok(_)) => Ok(()),
        _ => Err(Refused::Useless),
    }
}

/// The task cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("peers cannot be looked after: {0}")]
pub struct SetupError(pub(super) String);
