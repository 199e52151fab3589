//! What the peering task wants done in the swarm: bans, cool-downs, addresses, the hash table.

use std::net::IpAddr;

use libp2p::{Multiaddr, PeerId, kad::Mode};
use tokio::sync::oneshot;

use super::EventLoop;
use crate::{
    dht::Source,
    network::{
        gate::bans::{Ban, Outcome},
        lan,
    },
    node::peering::{PeeringError, PeeringInput, TableCall, TableNews, TableSize, complete},
    peers::ban::{Sentence, Subject},
    report::{BanReport, ExplainReport, UnbanReport},
};

/// Records sent on at a time: each is a query with twenty requests.
const REPUBLISHED: usize = 4;

impl EventLoop {
    pub(super) fn forgive(&mut self, peer: PeerId, ips: &[IpAddr]) {
        self.swarm.behaviour_mut().forgive(peer);
        self.conduct.forgive(&peer, ips);
    }

    pub(super) fn addresses(&mut self, told: Vec<Multiaddr>, confirmed: &[Multiaddr]) {
        self.listening.confirmed(confirmed.to_vec());
        let known: Vec<Multiaddr> = self.swarm.external_addresses().cloned().collect();
        for address in known.iter().filter(|a| !confirmed.contains(a)) {
            self.swarm.remove_external_address(address);
        }
        for address in confirmed.iter().filter(|a| !known.contains(a)) {
            self.swarm.add_external_address(address.clone());
        }
        self.swarm.behaviour_mut().identify.set_addresses(told);
    }

    pub(super) fn reserve(&mut self, peer: PeerId, ips: Vec<IpAddr>, on: bool) {
        if on {
            self.reserved.insert(peer, ips);
        } else {
            self.reserved.remove(&peer);
        }
        let peers = self.reserved.keys().copied();
        let ips = self.reserved.values().flatten().copied();
        self.swarm.behaviour_mut().gate.spare(peers, ips);
    }

    pub(super) fn ban(
        &mut self,
        sentence: Sentence,
        reply: oneshot::Sender<Result<BanReport, PeeringError>>,
    ) {
        let subject = sentence.subject;
        let gate = &mut self.swarm.behaviour_mut().gate;
        let outcome = gate.impose(sentence);
        let standing = gate.banned(&subject).cloned();
        match (outcome, standing) {
            (Outcome::Banned | Outcome::Stands, Some(ban)) => {
                self.tell_bans(BanNews::Imposed { ban, reply });
            }
            (Outcome::Spared, _) => {
                let error = match subject {
                    Subject::Peer(peer) => PeeringError::Reserved(peer),
                    other => PeeringError::Spared(other.to_string()),
                };
                let _ = reply.send(Err(error));
            }
            (_, _) => {
                let _ = reply.send(Err(PeeringError::Shared(subject.to_string())));
            }
        }
    }

    pub(super) fn lift(
        &mut self,
        subject: Subject,
        mut ips: Vec<IpAddr>,
        mut report: Box<UnbanReport>,
        reply: oneshot::Sender<UnbanReport>,
    ) {
        let gate = &mut self.swarm.behaviour_mut().gate;
        let lifted: Vec<Ban> = match subject {
            Subject::Peer(peer) => {
                ips.extend(self.conduct.places(&peer));
                self.conduct.forgive(&peer, &ips);
                gate.lift_all(peer, &ips)
            }
            other => {
                self.conduct.forgive_place(&other);
                let ban = gate.banned(&other).cloned();
                gate.lift(&other);
                ban.into_iter().collect()
            }
        };
        report.lifted = lifted.iter().map(ban_report).collect();
        self.tell_bans(BanNews::Lifted { report, reply });
    }

    /// Hands the rows of bans that changed to the task, and who waits for them.
    fn tell_bans(&mut self, news: BanNews) {
        let rows = self.swarm.behaviour_mut().gate.take_changes();
        self.tasks.peering.keep(PeeringInput::Bans { rows, news });
    }

    pub(super) fn explain(
        &mut self,
        peer: PeerId,
        mut ips: Vec<IpAddr>,
        mut report: Box<ExplainReport>,
        reply: oneshot::Sender<ExplainReport>,
    ) {
        let now = self.clock.now().mono;
        let connection = self.connections.report(&peer, now);
        ips.extend(self.connections.place(&peer).0);
        ips.extend(self.conduct.places(&peer));
        let gate = &self.swarm.behaviour().gate;
        let bans = gate.covering(&peer, &ips).into_iter().map(ban_report);
        complete(&mut report, connection, bans.collect());
        let _ = reply.send(*report);
    }

    /// The upkeep of gate and hash table, at every tick.
    pub(super) fn tend(&mut self) {
        let rows = self.swarm.behaviour_mut().gate.take_changes();
        if !rows.is_empty() {
            let news = BanNews::Rows;
            self.tasks.peering.keep(PeeringInput::Bans { rows, news });
        }
        let now = self.clock.now().mono;
        let table = &mut self.swarm.behaviour_mut().dht;
        table.store_mut().expire(now);
        for record in table.store_mut().due_republish(now, REPUBLISHED) {
            // Too many queries: it is due again.
            let _ = table.put(&record, 1);
        }
        self.table_rows();
        self.table_size();
        let lan = match self.swarm.behaviour().lan.state() {
            lan::State::Off { reason } => format!("off: {reason}"),
            lan::State::On => "on".to_owned(),
            lan::State::Paused { until } => {
                let left = until.saturating_duration_since(std::time::Instant::now());
                format!("flooded; pauses for {} s", left.as_secs())
            }
        };
        self.tasks.peering.lan_state(lan);
    }

    fn table_rows(&mut self) {
        let rows = self.swarm.behaviour_mut().dht.store_mut().take_changes();
        if !rows.is_empty() {
            self.table_news(TableNews::Rows(rows));
            // Whoever wrote something finds it counted.
            self.table_size();
        }
    }

    fn table_size(&mut self) {
        let table = &mut self.swarm.behaviour_mut().dht;
        let (stats, routing) = (table.store_mut().stats(), table.known());
        self.tasks.peering.table_size(TableSize { stats, routing });
    }

    pub(super) fn table_news(&mut self, news: TableNews) {
        self.tasks.peering.keep(PeeringInput::Dht(news));
    }

    pub(super) fn table(&mut self, call: TableCall) {
        let now = self.clock.now();
        let table = &mut self.swarm.behaviour_mut().dht;
        match call {
            TableCall::Seq { write, key } => {
                let seq = table.store_mut().next_seq(&key, now.wall_ms);
                self.table_news(TableNews::Seq { write, seq });
            }
            TableCall::Insert { write, record } => {
                let result = table.store_mut().insert(record, Source::Own, now);
                self.table_rows();
                let result = result.map(drop);
                self.table_news(TableNews::Inserted { write, result });
            }
            TableCall::Put {
                write,
                record,
                quorum,
            } => {
                let query = table.put(&record, quorum).ok();
                self.table_news(TableNews::Began {
                    ticket: write,
                    query,
                });
            }
            TableCall::Repair { record, peers } => {
                // A repair that cannot run now comes with the next read, or the next republish.
                let _ = table.repair(&record, &peers);
            }
            TableCall::Get { read, key } => {
                let query = table.get(key).ok();
                self.table_news(TableNews::Began {
                    ticket: read,
                    query,
                });
            }
            TableCall::Finish(query) => table.finish(query),
            TableCall::Accept { id, record, place } => {
                let result = table.accept(id, record, place).map(drop);
                self.table_news(TableNews::Judged { result });
            }
            TableCall::Refuse(id) => table.refuse(id),
            TableCall::Routable { peer, address } => {
                table.add_address(&peer, address);
            }
            TableCall::Remove(peer) => table.remove_peer(&peer),
            TableCall::Adopt(peer) => {
                table.adopt(peer);
            }
            TableCall::Walk => {
                let _ = table.walk();
            }
            TableCall::Serve(on) => table.set_mode(if on { Mode::Server } else { Mode::Client }),
        }
    }
}

/// Who waits for the rows of bans.
#[derive(Debug)]
pub(crate) enum BanNews {
    /// Nobody.
    Rows,
    /// A ban stands.
    Imposed {
        ban: Ban,
        reply: oneshot::Sender<Result<BanReport, PeeringError>>,
    },
    /// Bans were lifted.
    Lifted {
        report: Box<UnbanReport>,
        reply: oneshot::Sender<UnbanReport>,
    },
}

/// The row of a ban.
pub(crate) fn ban_report(ban: &Ban) -> BanReport {
    BanReport {
        subject: ban.subject.to_string(),
        kind: match ban.subject {
            Subject::Peer(_) => "peer",
            Subject::Address(_) => "address",
            Subject::Group(_) => "group",
        }
        .to_owned(),
        reason: ban.reason.clone(),
        evidence: ban.evidence.clone(),
        by: if ban.by.is_automatic() {
            "node"
        } else {
            "operator"
        }
        .to_owned(),
        since_ms: ban.since_ms,
        until_ms: ban.until_ms,
    }
}
