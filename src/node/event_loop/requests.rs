//! What others ask of the loop: commands of handles, effects of tasks.

use super::EventLoop;
use crate::{
    network::{
        gate::bans::{Ban, Subject},
        pubsub,
    },
    node::{command::Command, effect::Effect},
    report::BanReport,
    wire::Flags,
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
                let _ = reply.send(bans.into_iter().map(ban_report).collect());
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
            Effect::Emit(event) => self.observers.emit(event),
        }
    }
}

/// The row of a ban.
pub(crate) fn ban_report(ban: Ban) -> BanReport {
    let (reason, evidence) = ban.reason.split_once(": ").unwrap_or((&ban.reason, ""));
    BanReport {
        subject: ban.subject.to_string(),
        kind: match ban.subject {
            Subject::Peer(_) => "peer",
            Subject::Address(_) => "address",
        }
        .to_owned(),
        reason: reason.to_owned(),
        evidence: evidence.to_owned(),
        by: "node".to_owned(),
        since_ms: ban.since_ms,
        until_ms: ban.until_ms,
    }
}
