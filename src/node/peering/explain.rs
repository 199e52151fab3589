//! Why a peer is treated as it is, in words and figures.

use libp2p::PeerId;
use tokio::sync::oneshot;

use super::PeeringTask;
use crate::{
    node::effect::Effect,
    peers::{
        Group,
        book::{PeerView, Place},
    },
    report::{
        BanReport, ExplainReport, KnownAddressReport, KnownPeerReport, PeerReport,
        TrustEventReport, TrustReport,
    },
    trust::{AuditEvent, Select, View},
};

impl PeeringTask {
    /// Everything about a peer; the loop adds its connection and the bans that cover it.
    pub(super) fn explain(&mut self, peer: PeerId, reply: oneshot::Sender<ExplainReport>) {
        let now = self.now();
        let view = self.trust.list(Select::One(peer), now).pop();
        let events = view.iter().flat_map(|view| view.events.iter().rev());
        let cooling = self.plan.cooling(&peer, now.mono);
        let cool_down = cooling.map(|until| until.saturating_duration_since(now.mono));
        let retry = view.as_ref().and_then(|view| view.standing.retry_in);
        let left = cool_down.max(retry);
        let report = ExplainReport {
            peer_id: peer.to_string(),
            summary: self.summary(&peer, view.as_ref()),
            connection: None,
            trust: view.as_ref().map(|view| self.trust_row(view)),
            events: events.map(|event| event_row(None, event)).collect(),
            bans: Vec::new(),
            cool_down_until_ms: left.map(|left| {
                let ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
                now.wall_ms.saturating_add(ms)
            }),
            known: self.known_row(&peer),
        };
        let ips = self.addresses_of(&peer);
        let ips = ips.iter().filter_map(crate::peers::ip_of).collect();
        self.outbox.push(Effect::Explain {
            peer,
            ips,
            report: Box::new(report),
            reply,
        });
    }

    /// Reasons, one a line.
    fn summary(&self, peer: &PeerId, view: Option<&View>) -> Vec<String> {
        let now = self.now();
        let mut out = Vec::new();
        if *peer == self.me {
            out.push("this is this node itself".to_owned());
            return out;
        }
        match self.plan.slot(peer) {
            Some(slot) => out.push(format!("it has a place: {}", slot.name())),
            None if self.borrowed.contains_key(peer) => {
                out.push("it is connected for a query of the hash table only".to_owned());
            }
            None => {}
        }
        if let Some(until) = self.plan.cooling(peer, now.mono) {
            let secs = until.saturating_duration_since(now.mono).as_secs();
            out.push(format!(
                "it cools down for {secs} s: neither dialled nor admitted"
            ));
        } else if let Some(until) = self.plan.paused(peer, now.mono) {
            let secs = until.saturating_duration_since(now.mono).as_secs();
            out.push(format!(
                "it is not dialled for {secs} s, after failures or a goodbye"
            ));
        }
        let Some(view) = view else {
            out.push(
                "it never did anything here, so its score is where everybody begins".to_owned(),
            );
            return out;
        };
        let threshold = self.config.trust.min_trust_threshold;
        let score = view.standing.score;
        if view.standing.retry_in.is_some() {
            out.push(format!(
                "its score {score:.3} fell below the threshold {threshold}: it is not served"
            ));
        }
        let worst = view
            .events
            .iter()
            .filter(|event| event.delta < 0.0)
            .min_by(|a, b| a.delta.total_cmp(&b.delta));
        if let Some(worst) = worst {
            let evidence = worst.evidence.as_deref().unwrap_or_default();
            out.push(format!(
                "what cost it most of late: {} ({:+.3}) {evidence}",
                worst.event, worst.delta
            ));
        }
        if view.excused > 0 {
            out.push(format!(
                "{} timeouts are not held against it: our own link was not known to work",
                view.excused
            ));
        }
        out
    }

    /// Adds what this task knows to the row of a connected peer.
    pub(super) fn annotate(&self, row: &mut PeerReport) {
        let Ok(peer) = row.peer_id.parse::<PeerId>() else {
            return;
        };
        let flags = self.book.flags(&peer);
        let leaving = self.leaving.contains_key(&peer);
        let slot = self.plan.slot(&peer).filter(|_| !leaving);
        row.slot = slot.map(|slot| slot.name().to_owned());
        row.trust = Some(self.trust.standing(&peer, self.now()).score);
        row.reserved = self.plan.is_reserved(&peer);
        row.trusted = flags.trusted;
    }

    pub(super) fn trust_report(&self, peer: PeerId) -> Option<TrustReport> {
        let view = self.trust.list(Select::One(peer), self.now()).pop()?;
        Some(self.trust_row(&view))
    }

    pub(super) fn trust_row(&self, view: &View) -> TrustReport {
        let config = &self.config.trust;
        let score = view.standing.score;
        TrustReport {
            peer_id: view.peer.to_string(),
            score,
            direct: view.direct,
            // Not a negative zero.
            recommended: view.recommended + 0.0,
            reputation: view.standing.reputation,
            trend: view.trend,
            statistics: view.statistics.mean(),
            valid_ratio: view.statistics.valid,
            responsiveness: view.statistics.responsiveness,
            uptime: view.statistics.uptime,
            recommends: view.interactions >= config.recommender_min_interactions
                && view.direct >= config.recommender_threshold,
            below_threshold: !view.standing.is_served(),
            interactions: view.interactions,
            mesh: self
                .mesh
                .get(&view.peer, self.now().mono)
                .value(self.now().mono),
        }
    }

    /// At most `limit` peers of the book, connected ones first.
    pub(super) fn known(&self, limit: usize) -> Vec<KnownPeerReport> {
        let now = self.now();
        let connected = self.live.keys().filter_map(|p| self.book.entry(p, now));
        let mut rows: Vec<_> = connected.map(|view| self.known_view(&view)).collect();
        rows.truncate(limit);
        // As many more as could be wanted, since connected ones come again.
        let others = self.book.known(limit.saturating_add(rows.len()), now);
        let away = others
            .iter()
            .filter(|view| !self.live.contains_key(&view.peer));
        let room = limit - rows.len();
        rows.extend(away.take(room).map(|view| self.known_view(view)));
        rows
    }

    pub(super) fn known_row(&self, peer: &PeerId) -> Option<KnownPeerReport> {
        let view = self.book.entry(peer, self.now())?;
        Some(self.known_view(&view))
    }

    fn known_view(&self, view: &PeerView) -> KnownPeerReport {
        let now = self.now();
        let ago = |ms: Option<u64>| ms.map(|ms| now.wall_ms.saturating_sub(ms) / 1000);
        let addresses = view.addresses.iter().map(|a| KnownAddressReport {
            address: a.address.to_string(),
            source: a.origin.source.name().to_owned(),
            group: Group::of(&a.address).to_string(),
            last_success_s: ago(a.success_ms),
            last_failure_s: ago(a.failure_ms),
            failures: a.failures,
        });
        KnownPeerReport {
            peer_id: view.peer.to_string(),
            addresses: addresses.collect(),
            record: view.record.is_some(),
            tried: view.addresses.iter().any(|a| a.success_ms.is_some())
                || view.place == Place::Tried,
            connected: self.live.contains_key(&view.peer),
            reserved: view.flags.reserved,
            trusted: view.flags.trusted,
            anchor: view.anchor,
            trust: self.trust.standing(&view.peer, now).score,
        }
    }
}

/// A line of the trail.
pub(super) fn event_row(seq: Option<u64>, event: &AuditEvent) -> TrustEventReport {
    TrustEventReport {
        seq,
        peer_id: event.peer.to_string(),
        event: event.event.to_string(),
        count: event.count,
        delta: event.delta,
        after: event.after,
        first_ms: event.first_ms,
        last_ms: event.last_ms,
        evidence: event.evidence.as_deref().map(str::to_owned),
    }
}

/// What the loop adds: the connection, and the bans that cover the peer.
pub(crate) fn complete(
    report: &mut ExplainReport,
    connection: Option<PeerReport>,
    bans: Vec<BanReport>,
) {
    for ban in bans.iter().rev() {
        let whom = if ban.kind == "peer" {
            "it".to_owned()
        } else {
            format!("its {} {}", ban.kind, ban.subject)
        };
        let mut why = format!("{whom} is banned by {}: {}", ban.by, ban.reason);
        if !ban.evidence.is_empty() {
            why.push_str(&format!(" ({})", ban.evidence));
        }
        report.summary.insert(0, why);
    }
    if connection.is_none() {
        report.summary.push("it is not connected".to_owned());
    }
    report.connection = connection;
    report.bans = bans;
}
