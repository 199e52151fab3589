//! What travels: messages by name, refusals by reason, gaps in sequence numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::label::{Counters, Two};
use crate::{
    event::NodeEvent,
    offence::Offence,
    registry::{MessageId, Topic},
    report::{StatsReport, TopicReport},
};

/// Messages of the wire that this version sends or answers; their counters exist from the start.
const SPOKEN: [MessageId; 8] = [
    MessageId::GetHeaders,
    MessageId::Headers,
    MessageId::GetBlocks,
    MessageId::Blocks,
    MessageId::NotFound,
    MessageId::Busy,
    MessageId::Ack,
    MessageId::Error,
];

#[derive(Debug)]
pub(super) struct Messages {
    messages: Counters,
    message_bytes: Family<Two, Counter>,
    rejects: Counters,
    request_failures: Counters,
    gaps: Counter,
    offences: AtomicU64,
}

impl Messages {
    pub(super) fn register(r: &mut Registry) -> Self {
        let this = Self {
            messages: Counters::default(),
            message_bytes: Family::default(),
            rejects: Counters::default(),
            request_failures: Counters::default(),
            gaps: Counter::default(),
            offences: AtomicU64::new(0),
        };
        r.register(
            "msgs",
            "Messages sent and received by topic: the message of the wire or the gossip topic",
            this.messages.clone(),
        );
        r.register(
            "msg_bytes",
            "Payload bytes of messages by topic and direction",
            this.message_bytes.clone(),
        );
        r.register(
            "rejects",
            "What was refused, by reason: offences of peers, inbound connections, handshakes",
            this.rejects.clone(),
        );
        r.register(
            "request_failures",
            "Requests of ours that were rate-limited, timed out or failed, by reason",
            this.request_failures.clone(),
        );
        r.register(
            "sequence_gaps",
            "Sequence numbers of frames that were skipped or repeated",
            this.gaps.clone(),
        );
        for id in SPOKEN {
            drop(this.messages.get_or_create(&[("topic", id.name())]));
        }
        for topic in Topic::ALL {
            drop(this.messages.get_or_create(&[("topic", topic.leaf())]));
        }
        for offence in Offence::ALL {
            drop(this.rejects.get_or_create(&[("reason", offence.name())]));
        }
        this
    }

    pub(super) fn record(&self, event: &NodeEvent) {
        match event {
            NodeEvent::Message {
                id,
                inbound,
                frames,
                bytes,
            } => {
                let dir = if *inbound { "in" } else { "out" };
                self.messages
                    .get_or_create(&[("topic", id.name())])
                    .inc_by(*frames);
                self.message_bytes
                    .get_or_create(&[("topic", id.name()), ("dir", dir)])
                    .inc_by(*bytes);
            }
            NodeEvent::Offence { offence, .. } => {
                self.offences.fetch_add(1, Ordering::Relaxed);
                self.rejected(offence.name());
            }
            NodeEvent::InboundFailed { label, .. } => self.rejected(label),
            NodeEvent::SequenceGap { count, .. } => {
                self.gaps.inc_by(*count);
            }
            NodeEvent::RequestFailed { label, .. } => {
                self.request_failures
                    .get_or_create(&[("reason", label)])
                    .inc();
            }
            _ => {}
        }
    }

    /// Counts what gossip has moved by now, in the order of the registry. One caller at a time:
    /// counters are raised to these totals.
    pub(super) fn gossip(&self, topics: &[TopicReport]) {
        for (topic, row) in Topic::ALL.iter().zip(topics) {
            let name = topic.leaf();
            let messages = self.messages.get_or_create(&[("topic", name)]);
            raise(&messages, row.copies + row.published);
            for (dir, bytes) in [("in", row.copy_bytes), ("out", row.bytes_out)] {
                let labels = [("topic", name), ("dir", dir)];
                raise(&self.message_bytes.get_or_create(&labels), bytes);
            }
        }
    }

    pub(super) fn rejected(&self, reason: &'static str) {
        self.rejects.get_or_create(&[("reason", reason)]).inc();
    }

    pub(super) fn stats(&self, out: &mut StatsReport) {
        out.offences = self.offences.load(Ordering::Relaxed);
    }
}

fn raise(counter: &Counter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}
