//! How things stand, for whoever watches.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{PeeringTask, Scope};
use crate::{
    clock::Now,
    peers::{
        Goodbye,
        book::{MAX_PEERS, MAX_PINNED, MAX_RECORD_STORE},
        reach::Mode,
    },
    report::{DiscoveryReport, ObservedReport, PeeringReport, SourceReport, TrustLevels},
};

/// How often the report is made anew.
const INTERVAL: Duration = Duration::from_secs(1);

/// Sources that are not seeds.
const SOURCES: [&str; 3] = ["lan", "dht", "exchange"];

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Told {
    dials: BTreeMap<String, u64>,
    goodbyes_sent: BTreeMap<String, u64>,
    goodbyes_received: BTreeMap<String, u64>,
    records: BTreeMap<String, u64>,
    signed_pings: BTreeMap<String, u64>,
    recommendations: BTreeMap<String, u64>,
    found: BTreeMap<&'static str, (u64, Instant)>,
    last: Option<Instant>,
}

impl Told {
    /// Every closed set of labels at zero.
    pub(super) fn new() -> Self {
        let zero = |names: &[&str]| names.iter().map(|n| ((*n).to_owned(), 0)).collect();
        let goodbyes: Vec<_> = Goodbye::ALL.iter().map(|g| g.name()).collect();
        Self {
            dials: zero(&["ok", "failed"]),
            goodbyes_sent: zero(&goodbyes),
            goodbyes_received: zero(&goodbyes),
            signed_pings: zero(&["answered", "refused", "busy"]),
            records: zero(&["taken", "updated", "refused"]),
            ..Self::default()
        }
    }

    pub(super) fn dialled(&mut self, ok: bool) {
        count(&mut self.dials, if ok { "ok" } else { "failed" }, 1);
    }

    pub(super) fn goodbye_sent(&mut self, reason: Goodbye) {
        count(&mut self.goodbyes_sent, reason.name(), 1);
    }

    pub(super) fn goodbye_received(&mut self, reason: Goodbye) {
        count(&mut self.goodbyes_received, reason.name(), 1);
    }

    pub(super) fn record(&mut self, outcome: &str, n: u64) {
        count(&mut self.records, outcome, n);
    }

    pub(super) fn signed_ping(&mut self, outcome: &str) {
        count(&mut self.signed_pings, outcome, 1);
    }

    pub(super) fn recommendation(&mut self, outcome: &str) {
        count(&mut self.recommendations, outcome, 1);
    }

    /// A source named `n` new peers.
    pub(super) fn found(&mut self, source: &'static str, n: u64, now: Instant) {
        if n > 0 {
            let entry = self.found.entry(source).or_insert((0, now));
            *entry = (entry.0 + n, now);
        }
    }
}

fn count(table: &mut BTreeMap<String, u64>, key: &str, n: u64) {
    match table.get_mut(key) {
        Some(value) => *value += n,
        None => drop(table.insert(key.to_owned(), n)),
    }
}

impl PeeringTask {
    /// Tells watchers, once a second.
    pub(super) fn tell(&mut self, now: Now) {
        let due = |last: Instant| now.mono.saturating_duration_since(last) >= INTERVAL;
        if !self.told.last.is_none_or(due) {
            return;
        }
        self.told.last = Some(now.mono);
        self.feed_mesh(now.mono);
        self.tell_scores(now);
        let report = self.report_now(now);
        self.report.send_replace(report);
    }

    fn report_now(&self, now: Now) -> PeeringReport {
        let told = &self.told;
        PeeringReport {
            discovery: self.discovery_report(now),
            dht: self.dht_report(),
            trust: self.trust_levels(now),
            dials: told.dials.clone(),
            goodbyes_sent: told.goodbyes_sent.clone(),
            goodbyes_received: told.goodbyes_received.clone(),
            records: told.records.clone(),
            signed_pings: told.signed_pings.clone(),
            refused_work: self.clerk.refused(),
            commit_failures: self.keep.failures,
            store_failing: self.keep.failing.clone(),
            store_bytes: self.keep.store.disk_bytes(),
        }
    }

    fn trust_levels(&self, now: Now) -> TrustLevels {
        let scores = self.live.keys();
        let sum: f64 = scores.map(|p| self.trust.standing(p, now).score).sum();
        let connected = self.live.len().max(1) as f64;
        let events = self.events.iter().map(|(k, n)| ((*k).to_owned(), *n));
        TrustLevels {
            tracked: self.trust_size.peers,
            below: self.trust_size.cooling,
            mean: sum / connected,
            cool_downs: self.cool_downs,
            events: events.collect(),
            recommendations: self.told.recommendations.clone(),
            audit_rows: self.trust_size.audit_rows,
            audit_bytes: self.trust_size.audit_bytes,
        }
    }

    /// Where peers come from, and how many there are of how many wanted.
    pub(super) fn discovery_report(&self, now: Now) -> DiscoveryReport {
        let (counts, (new, tried, kept)) = (self.plan.counts(), self.book.sizes());
        let plan = &self.config.plan;
        let observed = self.reach.observations();
        let enough = observed.iter().filter(|(_, _, confirmed)| *confirmed);
        let confirmed: Vec<_> = enough.map(|(address, _, _)| address.clone()).collect();
        let addresses = self.announced(&confirmed);
        DiscoveryReport {
            sources: self.sources(now.mono),
            known: new + tried + kept,
            known_max: MAX_PEERS + MAX_PINNED,
            tried,
            record_bytes: self.book.record_bytes() as u64,
            record_bytes_max: MAX_RECORD_STORE as u64,
            inbound: counts.inbound,
            outbound: counts.outbound + counts.asked + counts.reserved,
            min_peers: plan.min_peers,
            target_outbound: plan.target_outbound,
            max_peers: plan.max_peers,
            dialling: counts.dialling,
            dht_mode: self.dht_mode(now.mono),
            routing_peers: self.table.size.routing,
            announced: addresses.iter().map(ToString::to_string).collect(),
            observed: observed
                .into_iter()
                .map(|(address, peers, confirmed)| ObservedReport {
                    address: address.to_string(),
                    peers,
                    confirmed,
                })
                .collect(),
        }
    }

    fn dht_mode(&self, now: Instant) -> String {
        match self.serves_because(now) {
            _ if !self.config.discovery.dht => "off".to_owned(),
            Some(why) => format!("server: {why}"),
            None => "client: nobody has reached this node lately".to_owned(),
        }
    }

    /// Why this node answers look-ups, if it does.
    pub(super) fn serves_because(&self, now: Instant) -> Option<&'static str> {
        let announces = !self.announce.is_empty();
        let reached = self.reach.mode(false, now) == Mode::Server;
        if !self.config.discovery.dht {
            None
        } else if announces {
            Some("the operator says where it is")
        } else if reached {
            Some("others have reached this node")
        } else if self.config.scope == Scope::Any && !self.bound.is_empty() {
            Some("it listens on a network without strangers")
        } else {
            None
        }
    }

    fn sources(&self, now: Instant) -> Vec<SourceReport> {
        let discovery = &self.config.discovery;
        let on = |name: &str| match name {
            "lan" => discovery.lan,
            "dht" => discovery.dht,
            _ => discovery.exchange,
        };
        let mut out = vec![SourceReport {
            name: "bootstrap".to_owned(),
            on: self.bootstrap > 0,
            state: format!("{} addresses", self.bootstrap),
            ..SourceReport::default()
        }];
        for name in SOURCES {
            let found = self.told.found.get(name);
            out.push(SourceReport {
                name: name.to_owned(),
                on: on(name),
                state: match (name, on(name)) {
                    (_, false) => "off".to_owned(),
                    ("lan", true) => self.lan_state.clone(),
                    (_, true) => "on".to_owned(),
                },
                found: found.map_or(0, |(n, _)| *n),
                last_s: found.map(|(_, at)| now.saturating_duration_since(*at).as_secs()),
                error: None,
            });
        }
        if let Some(fetching) = &self.fetching {
            out.extend(fetching.reports(now));
        }
        out
    }
}
