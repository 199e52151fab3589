//! The engine: a table of records, the rules, the trail.

use std::time::Instant;

use libp2p::PeerId;

use crate::clock::Now;

use super::{
    AuditEvent, Change, Config, ConfigError, Event, Observation, Recommendation, Refused, Rows,
    Select, Standing, TrustModel, View,
    peer::{Moment, Peer, interval_ms},
    recommend::{MAX_AGE_MS, MAX_AHEAD_MS, short_id},
    table::Table,
    trail::Trail,
    view::{reputation, standing},
};

/// Highest number an entry read at the start may have. No trail gets there, and behind a damaged
/// key that says more there would be no numbers left.
const MAX_SEQ: u64 = u64::MAX / 2;

/// Most views in one answer.
const MAX_VIEWS: usize = 1024;

/// The default [`TrustModel`]. `specs/trust.md` says what it does.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    local: PeerId,
    epoch: Instant,
    interval_ms: i64,
    table: Table,
    trail: Trail,
}

/// What was read at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Peers remembered.
    pub peers: usize,
    /// Entries of the audit trail.
    pub events: usize,
    /// Keys of peers whose rows cannot be read: damaged, or of another version. Remove them.
    pub bad_peers: Vec<Vec<u8>>,
    /// Keys of entries that cannot be read. Remove them.
    pub bad_events: Vec<Vec<u8>>,
}

/// How large it is, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Peers remembered.
    pub peers: usize,
    /// Of these, how many are not served.
    pub cooling: usize,
    /// Entries of the audit trail in the store, and waiting for it.
    pub audit_rows: u64,
    /// Their bytes.
    pub audit_bytes: u64,
    /// Entries lost because nobody took them for too long.
    pub audit_lost: u64,
}

impl Engine {
    /// An engine that knows nobody. `local` is this node, which has no score.
    ///
    /// # Errors
    /// A figure that cannot be.
    pub fn new(config: Config, local: PeerId, now: Now) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            interval_ms: interval_ms(&config),
            config,
            local,
            epoch: now.mono,
            table: Table::new(),
            trail: Trail::new(),
        })
    }

    /// An engine that knows what these rows say: peers by the bytes of their id, and the trail in
    /// order by its big-endian number. A row that cannot be read is left out and named.
    ///
    /// # Errors
    /// A figure that cannot be.
    pub fn load(
        config: Config,
        local: PeerId,
        peers: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
        events: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
        now: Now,
    ) -> Result<(Self, Loaded), ConfigError> {
        let mut engine = Self::new(config, local, now)?;
        let (at, mut loaded) = (engine.moment(now), Loaded::default());
        for (key, row) in peers {
            let id = PeerId::from_bytes(&key);
            let record = Peer::decode(&row, &engine.config, at);
            match (id, record) {
                (Ok(id), Ok(record)) if id != local => {
                    let config = &engine.config;
                    engine.table.insert(id, record, config, at, |_, _| {});
                }
                _ => loaded.bad_peers.push(key),
            }
        }
        for (key, row) in events {
            let seq = <[u8; 8]>::try_from(key.as_slice()).map(u64::from_be_bytes);
            let (Ok(seq @ ..=MAX_SEQ), Ok(event)) = (seq, AuditEvent::decode(&row)) else {
                loaded.bad_events.push(key);
                continue;
            };
            let age = i64::try_from(now.wall_ms.saturating_sub(event.last_ms));
            let began = at.t.saturating_sub(age.unwrap_or(i64::MAX));
            engine.trail.known(seq, row.len(), began);
            loaded.events += 1;
        }
        loaded.peers = engine.table.len();
        Ok((engine, loaded))
    }

    /// The figures in force.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How large it is.
    #[must_use]
    pub fn stats(&self, now: Now) -> Stats {
        let at = self.moment(now);
        let cooling = |(_, p): &(&PeerId, &Peer)| p.state(&self.config, at).cooling.is_some();
        let (audit_rows, audit_bytes, audit_lost) = self.trail.size();
        Stats {
            peers: self.table.len(),
            cooling: self.table.iter().filter(cooling).count(),
            audit_rows,
            audit_bytes,
            audit_lost,
        }
    }

    /// Peers to name as trusted to others, with the score our own experience gives them, the best
    /// first. What others told us is not passed on as if it were ours.
    #[must_use]
    pub fn trusted(&self, min: f64, count: usize, now: Now) -> Vec<(PeerId, f64)> {
        let (config, at) = (&self.config, self.moment(now));
        let met = |(_, p): &(&PeerId, &Peer)| p.experience >= config.recommender_min_interactions;
        let all = self.table.iter().filter(met);
        let scored = all.map(|(id, p)| (*id, p.state(config, at)));
        let served = scored.filter(|(_, s)| s.cooling.is_none() && s.direct >= min);
        let mut best: Vec<_> = served.map(|(id, s)| (id, s.direct)).collect();
        best.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        best.truncate(count);
        best
    }

    #[inline]
    fn moment(&self, now: Now) -> Moment {
        let since = now.mono.saturating_duration_since(self.epoch);
        let ms = since.as_secs() as i64 * 1000 + i64::from(since.subsec_millis());
        Moment {
            t: ms,
            wall_ms: now.wall_ms,
            tick: ms / self.interval_ms,
        }
    }

    /// Refuses what no recommendation may say, before anybody is looked up.
    fn check(&self, word: &Recommendation, now: Now) -> Result<(), Refused> {
        if !(0.0..=1.0).contains(&word.score) {
            return Err(Refused::OutOfRange);
        }
        if word.recommender == word.subject {
            return Err(Refused::Itself);
        }
        if word.subject == self.local {
            return Err(Refused::AboutUs);
        }
        if word.recommender == self.local {
            return Err(Refused::FromUs);
        }
        if now.wall_ms.saturating_sub(word.at_ms) > MAX_AGE_MS {
            return Err(Refused::Stale);
        }
        if word.at_ms.saturating_sub(now.wall_ms) > MAX_AHEAD_MS {
            return Err(Refused::Future);
        }
        Ok(())
    }

    /// What the word of this peer is worth: the score that our own experience gives it.
    fn weight(&self, recommender: &PeerId, at: Moment) -> Result<f64, Refused> {
        let record = self.table.get(recommender).ok_or(Refused::Stranger)?;
        if record.experience < self.config.recommender_min_interactions {
            return Err(Refused::Stranger);
        }
        let state = record.state(&self.config, at);
        if state.cooling.is_some() || state.direct < self.config.recommender_threshold {
            return Err(Refused::Untrusted);
        }
        Ok(state.direct)
    }

    fn stranger(&self) -> Standing {
        let score = self.config.initial_trust_score;
        Standing {
            score,
            reputation: reputation(score, 0.0, 0.5),
            retry_in: None,
        }
    }
}

impl TrustModel for Engine {
    fn observe(&mut self, peer: &PeerId, seen: &Observation<'_>, now: Now) -> Change {
        let at = self.moment(now);
        let (config, trail) = (&self.config, &mut self.trail);
        if let Some(record) = self.table.get_mut(peer) {
            if matches!(seen.event, Event::Recommended | Event::Probation) {
                return unmoved(record.state(config, at).score(config));
            }
            let had_met = record.experience > 0;
            let change = record.observe(peer, seen, config, at, trail);
            if !had_met && record.experience > 0 {
                self.table.met();
            }
            return change;
        }
        let nothing = matches!(
            seen.event,
            Event::Recommended | Event::Probation | Event::Disconnected
        );
        if nothing || *peer == self.local {
            return unmoved(config.initial_trust_score);
        }
        let mut record = Peer::new(config, at);
        let change = record.observe(peer, seen, config, at, trail);
        self.table
            .insert(*peer, record, config, at, |gone, record| {
                record.recent.close(gone, true, at.t, trail);
            });
        change
    }

    fn recommend(&mut self, word: &Recommendation, now: Now) -> Result<Change, Refused> {
        let at = self.moment(now);
        self.check(word, now)?;
        let recommender = self.weight(&word.recommender, at)?;
        let amount = word.score * recommender * self.config.recommendation_weight;
        let by = short_id(&word.recommender);
        let evidence = format!("by {} score {:.3}", word.recommender, word.score);
        let said = (by, amount, evidence.as_str());
        let (config, trail) = (&self.config, &mut self.trail);
        if let Some(record) = self.table.get_mut(&word.subject) {
            return record.recommended(&word.subject, said, config, at, trail);
        }
        if !self.table.admits_hearsay(config) {
            return Err(Refused::Full);
        }
        let mut record = Peer::new(config, at);
        let change = record.recommended(&word.subject, said, config, at, trail)?;
        self.table
            .insert(word.subject, record, config, at, |gone, record| {
                record.recent.close(gone, true, at.t, trail);
            });
        Ok(change)
    }

    fn standing(&self, peer: &PeerId, now: Now) -> Standing {
        match self.table.get(peer) {
            Some(record) => standing(record, &self.config, self.moment(now)),
            None => self.stranger(),
        }
    }

    fn list(&self, which: Select, now: Now) -> Vec<View> {
        let (config, at) = (&self.config, self.moment(now));
        let (min, count, worst) = match which {
            Select::One(peer) => {
                let record = self.table.get(&peer);
                let view = record.map(|record| View::of(&peer, record, config, at));
                return view.into_iter().collect();
            }
            Select::Best { min, count } => (min, count, false),
            Select::Worst { count } => (0.0, count, true),
        };
        let scored = self.table.iter().map(|(id, p)| {
            let score = p.state(config, at).score(config);
            (score, *id, p)
        });
        let mut all: Vec<_> = scored.filter(|(score, ..)| *score >= min).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let count = count.min(MAX_VIEWS).min(all.len());
        let range = if worst {
            all.len() - count..all.len()
        } else {
            0..count
        };
        let chosen = all[range].iter();
        chosen
            .map(|(_, id, p)| View::of(id, p, config, at))
            .collect()
    }

    fn take_rows(&mut self, all: bool, now: Now) -> Rows {
        let at = self.moment(now);
        let (config, trail) = (&self.config, &mut self.trail);
        let mut peers = Vec::new();
        for (id, record) in self.table.iter_mut() {
            record.settle(id, config, at, trail);
            record.recent.close(id, all, at.t, trail);
        }
        self.table
            .sweep(|gone, record| record.recent.close(gone, true, at.t, trail));
        for (id, record) in self.table.iter_mut().filter(|(_, p)| p.dirty) {
            peers.push((id.to_bytes(), Some(record.encode(config, at))));
            (record.dirty, record.stored) = (false, true);
        }
        let gone = self.table.take_gone();
        peers.extend(gone.iter().map(|id| (id.to_bytes(), None)));
        let expired = trail.trim(config, at.t);
        let audit = trail.take();
        Rows {
            peers,
            audit,
            stats: self.stats(now),
            expired,
        }
    }
}

fn unmoved(score: f64) -> Change {
    Change {
        before: score,
        after: score,
        crossed: None,
    }
}
