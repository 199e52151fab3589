//! Swarms of the product's behaviour on its transport.

use std::{sync::Arc, time::Duration};

use animica_p2p::{
    Multiaddr, PeerId,
    clock::{Clock, Rng, SystemClock},
    crypto::sign::SigAlg,
    identity::{NodeIdentity, Policy},
    ids::{ChainId, Hash32, Height, Work},
    network::{self, Behaviour, Config, Event, identify},
    secure, transport,
};
use futures::StreamExt;
use libp2p::{Swarm, swarm::SwarmEvent};
use rand::SeedableRng as _;

pub(super) use crate::support::{TCP, listen};

/// Longest wait for anything: a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) type Node = Swarm<Behaviour>;

/// What differs between the nodes of a test.
pub(super) struct Setup {
    pub(super) chain: ChainId,
    pub(super) genesis: Hash32,
    pub(super) policy: Policy,
    pub(super) identity: SigAlg,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) budgets: Arc<secure::Budgets>,
    pub(super) options: transport::Options,
    pub(super) network: fn(&mut Config),
    pub(super) registry: Option<prometheus_client::registry::Registry>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            chain: ChainId::DEVNET,
            genesis: Hash32([7; 32]),
            policy: Policy::default_fips(),
            identity: SigAlg::MlDsa65,
            clock: Arc::new(SystemClock),
            budgets: Arc::default(),
            options: transport::Options::default(),
            network: |_| {},
            registry: None,
        }
    }
}

impl Setup {
    #[cfg(feature = "round3")]
    pub(super) fn round3() -> Self {
        Self {
            policy: Policy::round3().unwrap(),
            identity: SigAlg::Dilithium3,
            ..Self::default()
        }
    }

    pub(super) fn start(&mut self) -> Node {
        let identity = NodeIdentity::generate(self.identity).unwrap();
        let (own, me) = (identity.public().clone(), identity.peer_id());
        let policy = Arc::new(self.policy.clone());
        let root = policy.root();
        let mut config = secure::Config::new(identity, policy, self.chain, self.genesis).unwrap();
        config.clock = Arc::clone(&self.clock);
        config.budgets = Arc::clone(&self.budgets);
        let transport = transport::build(config, &self.options, self.registry.as_mut());
        let mut config = Config::new(identify::Config::new(self.chain, self.genesis, root));
        config.identify.push_interval = Duration::from_millis(10);
        (self.network)(&mut config);
        let behaviour = Behaviour::new(
            config,
            own,
            Arc::clone(&self.clock),
            Rng::seed_from_u64(1),
            None,
        )
        .unwrap();
        network::swarm(transport, behaviour, me)
    }
}

pub(super) fn node() -> Node {
    Setup::default().start()
}

pub(super) const MEMORY: &str = "/memory/0";

/// Waits for `work`, but not for ever.
pub(super) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .expect("it happens in time")
}

/// Runs all `nodes` until `pick` takes an event of one of them, told by its place.
pub(super) async fn until<T>(
    nodes: &mut [&mut Node],
    mut pick: impl FnMut(usize, SwarmEvent<Event>, &mut Node) -> Option<T>,
) -> T {
    within(std::future::poll_fn(|cx| {
        use std::task::Poll;
        let mut idle = false;
        while !idle {
            idle = true;
            for (i, node) in nodes.iter_mut().enumerate() {
                if let Poll::Ready(Some(event)) = node.poll_next_unpin(cx) {
                    idle = false;
                    if let Some(picked) = pick(i, event, node) {
                        return Poll::Ready(picked);
                    }
                }
            }
        }
        Poll::Pending
    }))
    .await
}

/// Connects the second node to the first at `address`, until both know who the other is.
pub(super) async fn introduce(a: &mut Node, b: &mut Node, address: Multiaddr) {
    b.dial(address).unwrap();
    let mut known = [false; 2];
    until(&mut [a, b], |i, event, _| {
        if let SwarmEvent::Behaviour(Event::Identify(identify::Event::Received { .. })) = event {
            known[i] = true;
        }
        known.iter().all(|k| *k).then_some(())
    })
    .await;
}

pub(super) fn head(height: u8) -> identify::Head {
    identify::Head {
        height: Height(height.into()),
        hash: Hash32([height; 32]),
        work: Work(u128::from(height) << 64),
    }
}

pub(super) fn id(node: &Node) -> PeerId {
    *node.local_peer_id()
}
