//! A peer without a node behind it: it speaks every protocol, and says what a test wants.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use animica_p2p::{
    Multiaddr, PeerId,
    chain::Genesis,
    clock::{Rng, SystemClock},
    crypto::sign::SigAlg,
    dht::Record,
    identity::{NodeIdentity, Policy},
    ids::ChainId,
    network::{
        self, Event,
        exchange::{self, Answer, Failure, Lane, RequestId, Token},
        identify,
        pubsub::{self, Topics},
    },
    node::Handle,
    registry::Topic,
    secure, transport,
    wire::Message,
};
use futures::{StreamExt as _, stream};
use libp2p::{Swarm, swarm::SwarmEvent};
use rand::SeedableRng as _;
use tokio::sync::{mpsc, oneshot};

use super::{TCP, listen, soon};

type Order = Box<dyn FnOnce(&mut Wire) + Send>;
type Answered = oneshot::Sender<Result<Message, Failure>>;
type Answers = Box<dyn FnMut(&Message) -> Option<Answer> + Send>;

/// The peer. It is gone when this is dropped.
pub(crate) struct Puppet {
    pub(crate) id: PeerId,
    pub(crate) identity: NodeIdentity,
    pub(crate) address: Multiaddr,
    orders: mpsc::Sender<Order>,
    /// What it was asked.
    pub(crate) asked: mpsc::Receiver<Message>,
}

struct Wire {
    swarm: Swarm<network::Behaviour>,
    topics: Topics,
    unpublished: VecDeque<(Topic, Vec<u8>)>,
    requests: u64,
    waiting: HashMap<RequestId, Answered>,
}

pub(crate) fn genesis() -> Genesis {
    Genesis::of_chain(ChainId::DEVNET).expect("a preset")
}

pub(crate) fn identity() -> NodeIdentity {
    NodeIdentity::generate(SigAlg::MlDsa65).expect("an algorithm of the policy")
}

/// The layers that an accepted peer needs: identity, channel, identify.
pub(crate) fn transport() -> (
    NodeIdentity,
    libp2p::core::transport::Boxed<(PeerId, libp2p::core::muxing::StreamMuxerBox)>,
    identify::Config,
) {
    let identity = identity();
    let (transport, identify) = transport_of(&identity);
    (identity, transport, identify)
}

fn transport_of(
    identity: &NodeIdentity,
) -> (
    libp2p::core::transport::Boxed<(PeerId, libp2p::core::muxing::StreamMuxerBox)>,
    identify::Config,
) {
    let (chain, genesis) = (genesis().chain_id(), genesis().hash());
    let policy = Arc::new(Policy::default_fips());
    let identify = identify::Config::new(chain, genesis, policy.root());
    let secured = secure::Config::new(identity.clone(), policy, chain, genesis).expect("allowed");
    let transport = transport::build(secured, &transport::Options::default(), None);
    (transport, identify)
}

/// Answers nothing, and takes announcements.
pub(crate) fn silent(message: &Message) -> Option<Answer> {
    match message {
        Message::Inv(_) => Some(Answer::Stream(stream::empty().boxed())),
        _ => None,
    }
}

impl Puppet {
    /// A peer that answers requests as `answers` says; `None` leaves whoever asks waiting.
    pub(crate) async fn new(
        answers: impl FnMut(&Message) -> Option<Answer> + Send + 'static,
    ) -> Self {
        Self::of(identity(), answers).await
    }

    /// The same under a name of one's own.
    pub(crate) async fn of(
        identity: NodeIdentity,
        answers: impl FnMut(&Message) -> Option<Answer> + Send + 'static,
    ) -> Self {
        let (transport, identify) = transport_of(&identity);
        let (own, id) = (identity.public().clone(), identity.peer_id());
        let config = network::Config::new(identify);
        let behaviour = network::Behaviour::new(
            config,
            own,
            Arc::new(SystemClock),
            Rng::seed_from_u64(1),
            None,
        )
        .unwrap();
        let mut swarm = network::swarm(transport, behaviour, id);
        let address = listen(&mut swarm, TCP).await;
        let (orders, inbox) = mpsc::channel(16);
        let (told, asked) = mpsc::channel(1024);
        let wire = Wire {
            swarm,
            topics: Topics::of(ChainId::DEVNET),
            unpublished: VecDeque::new(),
            requests: 0,
            waiting: HashMap::new(),
        };
        tokio::spawn(wire.run(inbox, Box::new(answers), told));
        Self {
            id,
            identity,
            address,
            orders,
            asked,
        }
    }

    /// One that is connected to `node` and in its mesh, and answers nothing.
    pub(crate) async fn beside(node: &Handle) -> Self {
        let puppet = Self::new(silent).await;
        puppet.meets(node).await;
        puppet
    }

    /// Has `node` dial it, until both have accepted.
    pub(crate) async fn meets(&self, node: &Handle) {
        let accepted = soon("it is accepted", node.connect(self.address.clone())).await;
        accepted.expect("it is accepted");
    }

    /// Publishes, as soon as somebody listens.
    pub(crate) async fn publish(&self, topic: Topic, payload: impl Into<Vec<u8>>) {
        self.flood(topic, vec![payload.into()]).await;
    }

    /// Publishes all of `payloads` as fast as it can.
    pub(crate) async fn flood(&self, topic: Topic, payloads: Vec<Vec<u8>>) {
        self.order(move |wire| {
            let payloads = payloads.into_iter().map(|payload| (topic, payload));
            wire.unpublished.extend(payloads);
        })
        .await;
    }

    /// Sends a request on the data protocol.
    pub(crate) async fn request(&self, of: PeerId, message: Message) {
        let (unread, _) = oneshot::channel();
        self.send(Lane::Data, of, message, unread).await;
    }

    /// Sends a request, and waits for what becomes of it.
    pub(crate) async fn asks(
        &self,
        lane: Lane,
        of: PeerId,
        message: Message,
    ) -> Result<Message, Failure> {
        let (answered, answer) = oneshot::channel();
        self.send(lane, of, message, answered).await;
        soon("the request ends", answer).await.expect("it runs")
    }

    async fn send(&self, lane: Lane, of: PeerId, message: Message, answered: Answered) {
        self.order(move |wire| {
            wire.requests += 1;
            let id = RequestId(wire.requests);
            wire.waiting.insert(id, answered);
            let exchange = wire.swarm.behaviour_mut().lane(lane);
            exchange.request(of, id, message);
        })
        .await;
    }

    /// Wants `node` to hold a record of the hash table.
    pub(crate) async fn stores(&self, on: &Handle, record: Record) {
        let (peer, address) = (on.peer_id(), super::address(on));
        self.order(move |wire| {
            let table = &mut wire.swarm.behaviour_mut().dht;
            table.add_address(&peer, address);
            table.put(&record, 1).expect("one query");
        })
        .await;
    }

    /// Dials `node`, whatever comes of it.
    pub(crate) async fn dials(&self, node: &Handle) {
        let address = super::address(node);
        self.order(move |wire| {
            let _ = wire.swarm.dial(address);
        })
        .await;
    }

    async fn order(&self, order: impl FnOnce(&mut Wire) + Send + 'static) {
        let sent = self.orders.send(Box::new(order)).await;
        assert!(sent.is_ok(), "the peer runs");
    }
}

impl Wire {
    async fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        mut answers: Answers,
        told: mpsc::Sender<Message>,
    ) {
        // The router does not say when a queue has room again.
        let mut retry = tokio::time::interval(Duration::from_millis(5));
        let mut unanswered = Vec::new();
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => {
                    if let SwarmEvent::Behaviour(Event::Exchange(lane, event)) = event
                        && let Some(token) = self.exchanged(lane, event, &mut answers, &told)
                    {
                        unanswered.push(token);
                    }
                }
                order = orders.recv() => match order {
                    Some(order) => order(&mut self),
                    None => return,
                },
                _ = retry.tick() => {}
            }
            self.publish();
        }
    }

    /// Gives back what is left without an answer.
    fn exchanged(
        &mut self,
        lane: Lane,
        event: exchange::Event,
        answers: &mut Answers,
        told: &mpsc::Sender<Message>,
    ) -> Option<Token> {
        match event {
            exchange::Event::Request { message, token, .. } => {
                let _ = told.try_send(message.clone());
                let Some(answer) = answers(&message) else {
                    return Some(token);
                };
                self.swarm.behaviour_mut().lane(lane).respond(token, answer);
            }
            exchange::Event::Response { id, message, .. } => self.answered(id, Ok(message)),
            exchange::Event::Failed { id, reason, .. } => self.answered(id, Err(reason)),
            exchange::Event::Offence { .. } => {}
        }
        None
    }

    fn answered(&mut self, id: RequestId, result: Result<Message, Failure>) {
        if let Some(waiting) = self.waiting.remove(&id) {
            let _ = waiting.send(result);
        }
    }

    fn publish(&mut self) {
        for _ in 0..64 {
            let Some((topic, payload)) = self.unpublished.pop_front() else {
                return;
            };
            let router = &mut self.swarm.behaviour_mut().pubsub;
            let sent = pubsub::publish(router, self.topics.name(topic), payload.clone());
            match sent {
                Err(pubsub::Error::NoPeers) => {
                    return self.unpublished.push_front((topic, payload));
                }
                Err(pubsub::Error::TooLarge) => panic!("the router of the peer refuses it"),
                _ => {}
            }
        }
    }
}
