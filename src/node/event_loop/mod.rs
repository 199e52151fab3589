//! The event loop: owns the swarm and no domain state.
//!
//! `route` takes one swarm event apart, `apply` does one effect; each arm is a line or two. Slow
//! work is elsewhere: verification and disk in the sync task, cryptography in connection tasks.

mod farewell;
mod gossip;
mod links;
mod peering;
mod requests;

pub(crate) use peering::{BanNews, ban_report};

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};

use futures::StreamExt as _;
use libp2p::{PeerId, Swarm, swarm::SwarmEvent};
use tokio::{sync::mpsc, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{
    command::Command,
    connections::Connections,
    effect::Effect,
    failure,
    gossip_link::GossipLink,
    gossip_task::GossipInput,
    listening::Listening,
    observers::Observers,
    peering::{PeeringInput, PeeringLink, TableNews},
    sync_link::SyncLink,
};
use crate::{
    clock::Clock,
    event::NodeEvent,
    network::{
        self, Behaviour, direct,
        exchange::{self, Lane},
        identify, keys, pubsub,
    },
    peers::conduct::Conduct,
};

/// How often deadlines and due dials are looked at. Finer would wake an idle node for nothing.
const TICK: Duration = Duration::from_millis(250);

/// The ends of the queues to the tasks.
pub(crate) struct Tasks {
    pub(crate) sync: SyncLink,
    pub(crate) gossip: GossipLink,
    pub(crate) peering: PeeringLink,
}

/// The loop and what it keeps.
pub(crate) struct EventLoop {
    pub(crate) swarm: Swarm<Behaviour>,
    /// What happened before the loop ran.
    pub(crate) early: Vec<SwarmEvent<network::Event>>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) effects: mpsc::Receiver<Effect>,
    pub(crate) connections: Connections,
    pub(crate) listening: Listening,
    pub(crate) conduct: Conduct,
    /// Peers that are never banned.
    pub(crate) reserved: HashMap<PeerId, Vec<IpAddr>>,
    pub(crate) tasks: Tasks,
    pub(crate) observers: Observers,
    /// How gossip was set up.
    pub(crate) pubsub: pubsub::Config,
    pub(crate) copies: Arc<pubsub::Copies>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl EventLoop {
    /// Runs until `stop` is cancelled or every handle is gone.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for event in std::mem::take(&mut self.early) {
            self.route(event);
        }
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                event = self.swarm.select_next_some() => self.route(event),
                Some(effect) = self.effects.recv() => self.apply(effect),
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command),
                    None => break,
                },
                _ = tick.tick() => self.tick(),
            }
            self.tasks.sync.flush();
            self.tasks.gossip.flush();
            self.tasks.peering.flush();
        }
        self.observers.emit(NodeEvent::ShuttingDown);
        self.farewell().await;
    }

    fn route(&mut self, event: SwarmEvent<network::Event>) {
        self.observers.telemetry.swarm(&event);
        match event {
            SwarmEvent::Behaviour(event) => self.route_behaviour(event),
            SwarmEvent::NewListenAddr { address, .. } => self.listens(address),
            SwarmEvent::ExpiredListenAddr { address, .. } => self.listens_no_more(&address),
            SwarmEvent::ListenerClosed {
                addresses, reason, ..
            } => {
                self.listener_closed(addresses, reason.err().map(|e| e.to_string()));
            }
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => {
                self.established(peer_id, connection_id, endpoint);
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                cause,
                ..
            } => {
                let cause = cause.map_or_else(|| "closed".to_owned(), |e| e.to_string());
                self.closed(peer_id, connection_id, cause);
            }
            SwarmEvent::OutgoingConnectionError {
                connection_id,
                peer_id,
                error,
            } => {
                self.dial_failed(connection_id, peer_id, &error);
            }
            SwarmEvent::IncomingConnectionError {
                send_back_addr,
                error,
                ..
            } => {
                let (label, error) = failure::of_listen(&error);
                self.observers.emit(NodeEvent::InboundFailed {
                    address: send_back_addr,
                    label,
                    error,
                });
            }
            _ => {}
        }
    }

    fn route_behaviour(&mut self, event: network::Event) {
        match event {
            network::Event::Ping(event) => {
                self.observers.telemetry.ping(&event);
                self.pinged(event.peer, event.result.ok());
            }
            network::Event::Identify(event) => self.route_identify(event),
            network::Event::Exchange(lane, event) => self.route_exchange(lane, event),
            network::Event::Keys(event) => self.route_keys(event),
            network::Event::Stayed(stayed) => self
                .tasks
                .peering
                .keep(PeeringInput::Stayed { peer: stayed.peer }),
            network::Event::Lan(event) => self.tasks.peering.keep(PeeringInput::Lan(event)),
            network::Event::Dht(event) => self.table_news(TableNews::Event(event)),
            network::Event::Pubsub(event) => self.route_pubsub(event),
            network::Event::Direct(direct::Event::Offence {
                peer,
                offence,
                detail,
                ..
            }) => self.penalise(peer, offence, detail),
        }
    }

    fn route_identify(&mut self, event: identify::Event) {
        match event {
            identify::Event::Received {
                peer,
                info,
                seen_at,
                ..
            } => self.identified(peer, info, seen_at),
            identify::Event::Refused {
                peer,
                offence,
                detail,
                ..
            } => {
                self.penalise(peer, offence, detail);
            }
            identify::Event::Failed { .. } => {}
        }
    }

    fn route_exchange(&mut self, lane: Lane, event: exchange::Event) {
        match event {
            exchange::Event::Request {
                peer,
                message,
                token,
                ..
            } => self.asked(lane, peer, message, token),
            exchange::Event::Response { peer, id, message } => {
                self.answered(lane, peer, id, Ok(message));
            }
            exchange::Event::Failed { peer, id, reason } => {
                self.observers.emit(NodeEvent::RequestFailed {
                    peer,
                    label: reason.label(),
                });
                self.answered(lane, peer, id, Err(reason));
            }
            exchange::Event::Offence {
                peer,
                offence,
                error,
                ..
            } => {
                self.penalise(peer, offence, error.to_string());
            }
        }
    }

    fn route_keys(&mut self, event: keys::Event) {
        match event {
            keys::Event::Offence {
                peer,
                offence,
                detail,
                ..
            } => self.penalise(peer, offence, detail),
            keys::Event::Received { keys, .. } => {
                self.tasks.gossip.keep(GossipInput::Keys { keys });
            }
            keys::Event::Failed { peer, wanted } => {
                self.tasks.gossip.keep(GossipInput::NoKeys { peer, wanted });
            }
        }
    }
}
