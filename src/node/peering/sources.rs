//! Where peers come from besides other peers: lists of seeds, and the local network.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::PeeringTask;
use crate::{
    network::{
        lan,
        seeds::{Fetched, Fetcher, SeedError},
    },
    peers::{
        book::{Origin, Source},
        seeds::{self, SeedEntry},
        slots::Candidate,
    },
    report::SourceReport,
};

/// Addresses without a PeerId that seeds may make this node keep connected to. A name server that
/// lies gets so many places, and no more.
const MAX_UNNAMED: usize = 8;

/// The sources that are visited, and what became of the visits.
pub(super) struct Fetching {
    fetcher: Arc<Fetcher>,
    schedule: seeds::Schedule,
    visits: Vec<Visit>,
    news: mpsc::Sender<SeedNews>,
    unnamed: usize,
}

struct Visit {
    source: seeds::Source,
    /// When the newest list was made; 0 for none.
    newest_ms: u64,
    found: u64,
    last: Option<Instant>,
    error: Option<String>,
}

/// A visit has ended.
pub(super) struct SeedNews {
    number: usize,
    result: Result<Fetched, SeedError>,
}

impl Fetching {
    /// Visits these sources.
    pub(super) fn new(
        fetcher: Fetcher,
        sources: Vec<seeds::Source>,
        refresh: Duration,
        news: mpsc::Sender<SeedNews>,
        now: Instant,
    ) -> Self {
        let visit = |source| Visit {
            source,
            newest_ms: 0,
            found: 0,
            last: None,
            error: None,
        };
        Self {
            fetcher: Arc::new(fetcher),
            schedule: seeds::Schedule::new(sources.len(), refresh, now),
            visits: sources.into_iter().map(visit).collect(),
            news,
            unnamed: 0,
        }
    }

    /// The sources as they are configured.
    pub(super) fn sources(&self) -> impl Iterator<Item = &seeds::Source> {
        self.visits.iter().map(|visit| &visit.source)
    }

    /// Visits every source now: whoever has no peers left does not wait for tomorrow.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.schedule.hurry(now);
    }

    /// A row for each source.
    pub(super) fn reports(&self, now: Instant) -> Vec<SourceReport> {
        let report = |visit: &Visit| SourceReport {
            name: visit.source.to_string(),
            on: true,
            state: match (&visit.error, visit.last) {
                (Some(_), _) => "failing".to_owned(),
                (None, Some(_)) => "visited".to_owned(),
                (None, None) => "being visited".to_owned(),
            },
            found: visit.found,
            last_s: visit
                .last
                .map(|last| now.saturating_duration_since(last).as_secs()),
            error: visit.error.clone(),
        };
        self.visits.iter().map(report).collect()
    }
}

impl PeeringTask {
    /// Visits the sources that are due.
    pub(super) fn visit_seeds(&mut self, now: Instant) {
        let Some(fetching) = &mut self.fetching else {
            return;
        };
        for number in fetching.schedule.take_due(now) {
            let (fetcher, news) = (Arc::clone(&fetching.fetcher), fetching.news.clone());
            let visit = &fetching.visits[number];
            let (source, newest) = (visit.source.clone(), visit.newest_ms);
            tokio::spawn(async move {
                let result = fetcher.fetch(&source, newest).await;
                let _ = news.send(SeedNews { number, result }).await;
            });
        }
    }

    /// The last good lists of the sources, for the time until they answer.
    pub(super) fn recall_seeds(&mut self, rows: &[crate::peers::Row]) {
        let Some(fetching) = &self.fetching else {
            return;
        };
        let fetcher = Arc::clone(&fetching.fetcher);
        let kept: Vec<_> = fetching
            .sources()
            .enumerate()
            .filter_map(|(number, source)| Some((number, seeds::kept(source, rows)?)))
            .collect();
        for (number, kept) in kept {
            if let Ok(fetched) = fetcher.recall(kept) {
                self.seeds_found(number, fetched.entries);
            }
        }
    }

    /// A visit has ended.
    pub(super) fn seeded(&mut self, news: SeedNews) {
        let now = self.now();
        let SeedNews { number, result } = news;
        let Some(fetching) = &mut self.fetching else {
            return;
        };
        let visit = &mut fetching.visits[number];
        match result {
            Ok(fetched) => {
                visit.error = None;
                visit.last = Some(now.mono);
                let mut ends = None;
                if let Some(list) = &fetched.list {
                    visit.newest_ms = list.generated_ms;
                    let left = list.expires_ms.saturating_sub(now.wall_ms);
                    ends = Some(Duration::from_millis(left));
                    self.keep.put([seeds::keep(&visit.source, &list.kept)]);
                }
                fetching
                    .schedule
                    .answered(number, ends, now.mono, &mut self.rng);
                self.seeds_found(number, fetched.entries);
            }
            Err(error) => {
                tracing::warn!(source = %visit.source, %error, "a source of seeds failed");
                visit.error = Some(error.to_string());
                fetching.schedule.failed(number, now.mono, &mut self.rng);
            }
        }
    }

    fn seeds_found(&mut self, number: usize, entries: Vec<SeedEntry>) {
        let now = self.now();
        let mut first = Vec::new();
        let mut new = 0;
        for entry in seeds::order(entries, &mut self.rng) {
            let Some(peer) = entry.peer else {
                self.unnamed_seed(entry);
                continue;
            };
            let origin = Origin::here(Source::Seed);
            let learnt = self.learn(peer, &entry.addresses, origin, now);
            new += u64::from(learnt.new_peer);
            first.push(Candidate {
                peer,
                addresses: entry.addresses,
            });
        }
        if self.live.is_empty() {
            // Their order is that in which they are to be dialled.
            self.plan.set_anchors(first);
        }
        if let Some(fetching) = &mut self.fetching {
            fetching.visits[number].found += new;
        }
    }

    /// A seed that says where and not who: kept connected to, like a bootstrap address.
    fn unnamed_seed(&mut self, entry: SeedEntry) {
        let Some(fetching) = &mut self.fetching else {
            return;
        };
        for address in entry.addresses {
            if fetching.unnamed < MAX_UNNAMED && self.plan.add_static(address) {
                fetching.unnamed += 1;
            }
        }
    }

    /// Something was seen on the local network.
    pub(super) fn lan(&mut self, event: lan::Event) {
        let now = self.now();
        let lan::Event::Found { peer, addresses } = event;
        let origin = Origin::here(Source::Lan);
        let learnt = self.learn(peer, &addresses, origin, now);
        self.told.found("lan", u64::from(learnt.new_peer), now.mono);
    }
}
