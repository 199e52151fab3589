//! What became of gossip messages, and what judging them cost. Counters only: bounded by the number
//! of topics, reasons and offences.

use std::{collections::BTreeMap, time::Duration};

use super::{Ignored, Verdict, buckets::Refused};
use crate::{
    offence::Offence,
    registry::Topic,
    report::{LayerReport, TopicReport},
};

/// A layer of validation, in the order in which messages pass them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// Size cap and token buckets, before a byte is decoded.
    Size,
    /// Whether the same bytes were found valid before.
    Duplicate,
    /// Canonical CBOR and the form of the message.
    Decode,
    /// What can be judged without the chain, the pool or a signature.
    Topic,
    /// What needs the chain, a pool or a signature check.
    Chain,
}

/// Counters by topic.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    topics: [TopicCounters; Topic::COUNT],
    refused: BTreeMap<&'static str, u64>,
}

/// Counters of one topic. All count messages since the start, unless they say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicCounters {
    /// Messages that were given a verdict.
    pub received: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Messages of this node's own.
    pub published: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Verdicts of that kind.
    pub accepted: u64,
    /// By reason.
    pub ignored: BTreeMap<Ignored, u64>,
    /// By offence.
    pub rejected: BTreeMap<Offence, u64>,
    /// Messages that reached a layer and the time they took there, by [`Layer::index`].
    pub layers: [(u64, Duration); Layer::ALL.len()],
}

impl Layer {
    /// Every layer, in order.
    pub const ALL: &'static [Self] = &[
        Self::Size,
        Self::Duplicate,
        Self::Decode,
        Self::Topic,
        Self::Chain,
    ];

    /// Its place in [`Layer::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The metric label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Decode => "decode",
            Self::Duplicate => "duplicate",
            Self::Topic => "topic",
            Self::Chain => "chain",
        }
    }
}

impl Counters {
    /// Counts a message of `bytes` and what became of it.
    pub fn record(&mut self, topic: Topic, verdict: &Verdict, bytes: usize) {
        let counters = &mut self.topics[topic.index()];
        counters.received += 1;
        counters.bytes_in += bytes as u64;
        match verdict {
            Verdict::Accept => counters.accepted += 1,
            Verdict::Ignore(reason) => *counters.ignored.entry(*reason).or_default() += 1,
            Verdict::Reject { offence, .. } => {
                *counters.rejected.entry(*offence).or_default() += 1;
            }
        }
    }

    /// Counts the bucket that refused a message, whose verdict is recorded besides.
    pub fn refused(&mut self, refused: Refused) {
        *self.refused.entry(refused.label()).or_default() += 1;
    }

    /// Counts the passage of a message through a layer.
    pub fn passed(&mut self, topic: Topic, layer: Layer, took: Duration) {
        let (entered, total) = &mut self.topics[topic.index()].layers[layer.index()];
        *entered += 1;
        *total = total.saturating_add(took);
    }

    /// Counts a message of this node's own.
    pub fn published(&mut self, topic: Topic, bytes: usize) {
        let counters = &mut self.topics[topic.index()];
        counters.published += 1;
        counters.bytes_out += bytes as u64;
    }

    /// The counters of one topic, for metrics.
    #[must_use]
    pub fn of(&self, topic: Topic) -> &TopicCounters {
        &self.topics[topic.index()]
    }

    /// Messages refused by each bucket, those at zero included.
    #[must_use]
    pub fn refusals(&self) -> BTreeMap<String, u64> {
        let count = |label: &&str| self.refused.get(*label).copied().unwrap_or_default();
        Refused::LABELS
            .iter()
            .map(|label| ((*label).to_owned(), count(label)))
            .collect()
    }

    /// All topics, for whoever prints them.
    #[must_use]
    pub fn report(&self) -> Vec<TopicReport> {
        Topic::ALL
            .iter()
            .map(|topic| self.of(*topic).report(*topic))
            .collect()
    }
}

impl TopicCounters {
    fn report(&self, topic: Topic) -> TopicReport {
        let layer = |layer: &Layer| {
            let (entered, took) = self.layers[layer.index()];
            LayerReport {
                layer: layer.label().to_owned(),
                entered,
                nanoseconds: u64::try_from(took.as_nanos()).unwrap_or(u64::MAX),
            }
        };
        let (ignored, rejected) = (self.ignored.iter(), self.rejected.iter());
        TopicReport {
            topic: topic.leaf().to_owned(),
            received: self.received,
            bytes_in: self.bytes_in,
            published: self.published,
            bytes_out: self.bytes_out,
            accepted: self.accepted,
            ignored: ignored.map(|(r, n)| (r.label().to_owned(), *n)).collect(),
            rejected: rejected.map(|(o, n)| (o.name().to_owned(), *n)).collect(),
            layers: Layer::ALL.iter().map(layer).collect(),
            // The router's, which whoever asks adds.
            ..TopicReport::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gossip::buckets::{Dimension, Scope};

    #[test]
    fn every_verdict_is_counted_once_and_reported_by_name() {
        let mut counters = Counters::default();
        let reject = Verdict::Reject {
            offence: Offence::NonCanonicalCbor,
            detail: "x".to_owned(),
        };
        counters.record(Topic::Txs, &Verdict::Accept, 100);
        counters.record(Topic::Txs, &Verdict::Ignore(Ignored::Duplicate), 10);
        counters.record(Topic::Txs, &Verdict::Ignore(Ignored::RateLimited), 10);
        counters.record(Topic::Txs, &reject, 1);
        counters.published(Topic::Txs, 7);
        counters.passed(Topic::Txs, Layer::Decode, Duration::from_nanos(300));
        counters.passed(Topic::Txs, Layer::Decode, Duration::from_nanos(200));
        counters.refused(Refused {
            scope: Scope::Address,
            dimension: Dimension::Bytes,
        });

        let report = counters.report();
        assert_eq!(report.len(), Topic::COUNT);
        assert_eq!(report[Topic::Headers.index()].received, 0);
        let txs = &report[Topic::Txs.index()];
        assert_eq!((txs.received, txs.bytes_in, txs.accepted), (4, 121, 1));
        assert_eq!((txs.published, txs.bytes_out), (1, 7));
        let ignored: Vec<_> = txs.ignored.iter().map(|(k, n)| (k.as_str(), *n)).collect();
        assert_eq!(ignored, [("duplicate", 1), ("rate_limited", 1)]);
        assert_eq!(txs.rejected["non_canonical_cbor"], 1);
        let decode = &txs.layers[Layer::Decode.index()];
        assert_eq!(
            (decode.layer.as_str(), decode.entered, decode.nanoseconds),
            ("decode", 2, 500)
        );
        assert_eq!(counters.refusals()["address_bytes"], 1);
        assert_eq!(counters.refusals()["peer_messages"], 0);
        assert_eq!(counters.refusals().len(), 6);
    }

    #[test]
    fn layers_and_buckets_are_where_their_index_says() {
        for (index, layer) in Layer::ALL.iter().enumerate() {
            assert_eq!(layer.index(), index);
        }
        let mut labels = Vec::new();
        for scope in [Scope::Peer, Scope::Address, Scope::Global] {
            for dimension in [Dimension::Messages, Dimension::Bytes] {
                labels.push(Refused { scope, dimension }.label());
            }
        }
        assert_eq!(labels, Refused::LABELS);
    }
}
