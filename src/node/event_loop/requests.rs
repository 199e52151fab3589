//! What others ask of the loop: commands of handles, effects of tasks.

use super::{EventLoop, ban_report};
use crate::{
    network::pubsub,
    node::{
        command::Command, connections::Parting, effect::Effect, gossip_task::GossipInput,
        sync_task::SyncInput,
    },
    peers::Goodbye,
    wire::{Flags, Message},
};

impl EventLoop {
    pub(super) fn command(&mut self, command: Command) {
        let now = self.clock.now().mono;
        match command {
            Command::Connect { address, reply } => self.connect(address, reply),
            Command::Disconnect { peer, reply } => {
                let _ = reply.send(self.swarm.disconnect_peer_id(peer).is_ok());
            }
            Command::Peers { reply } => {
                let _ = reply.send(self.connections.reports(now));
            }
            Command::Ping { peer, reply } => self.connections.ping(peer, reply, now),
            Command::Bans { reply } => {
                let bans = self.swarm.behaviour().gate.bans();
                let _ = reply.send(bans.iter().map(ban_report).collect());
            }
            Command::Meshes { reply } => {
                let topics = self.tasks.gossip.topics();
                let meshes = pubsub::meshes(&self.swarm.behaviour().pubsub, topics, &self.pubsub);
                let _ = reply.send(meshes);
            }
        }
    }

    pub(super) fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Request {
                lane,
                peer,
                id,
                message,
            } => {
                if let Message::Disconnect(goodbye) = &message {
                    let reason = Goodbye::from_code(goodbye.code);
                    self.connections.part(&peer, Parting::Said(reason));
                }
                // The answer to an announcement is its receipt.
                let flags = Flags {
                    ack: message.wants_receipt(),
                    ..Flags::default()
                };
                self.lane(lane).request_with(peer, id, message, flags);
            }
            Effect::Cancel { lane, id } => {
                self.lane(lane).cancel(id);
            }
            Effect::Respond { lane, to, answer } => {
                self.lane(lane).respond(to, answer);
            }
            Effect::Announce(head) => self.announce(head),
            Effect::Follow { peer, head } => self.tasks.sync.peer_head(peer, head, false),
            Effect::Favour { peers } => {
                pubsub::favour(&mut self.swarm.behaviour_mut().pubsub, &peers);
            }
            Effect::Judge { id, from, verdict } => self.judge(&id, from, verdict),
            Effect::Publish { topic, payload } => self.publish(topic, payload),
            Effect::FetchKeys { peer, digests } => {
                self.swarm.behaviour_mut().keys.fetch(peer, digests);
            }
            Effect::Penalise {
                peer,
                offence,
                detail,
            } => self.penalise(peer, offence, detail),
            Effect::Dial(opts) => self.start_dial(opts),
            Effect::Disconnect { peer } => {
                let _ = self.swarm.disconnect_peer_id(peer);
            }
            Effect::Forgive { peer, ips } => self.forgive(peer, &ips),
            Effect::Addresses { told, confirmed } => self.addresses(told, &confirmed),
            Effect::Trust(scores) => {
                for (peer, score) in scores {
                    self.tasks.sync.keep(SyncInput::Trust { peer, score });
                    self.tasks.gossip.keep(GossipInput::Trust { peer, score });
                }
            }
            Effect::MeshScores(scores) => {
                pubsub::rate(&mut self.swarm.behaviour_mut().pubsub, &scores);
            }
            Effect::Table(call) => self.table(call),
            Effect::Reserved { peer, ips, on } => self.reserve(peer, ips, on),
            Effect::Ban { sentence, reply } => self.ban(sentence, reply),
            Effect::Lift {
                subject,
                ips,
                report,
                reply,
            } => self.lift(subject, ips, report, reply),
            Effect::Explain {
                peer,
                ips,
                report,
                reply,
            } => self.explain(peer, ips, report, reply),
            Effect::CoolDown { peer, lasts } => {
                self.swarm.behaviour_mut().cool_down(peer, lasts);
            }
            Effect::Emit(event) => self.observers.emit(event),
        }
    }
}
