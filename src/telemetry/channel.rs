//! The secure channel: handshakes by algorithm and result, bytes, changes of keys.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use super::label::{Counters, Dir, Two};
use crate::report::StatsReport;

/// (role, kem, signature, aead).
type Suite = [(&'static str, &'static str); 4];

/// The end of one handshake.
#[derive(Clone, Copy, Debug)]
pub struct HandshakeSample {
    /// Which side we were.
    pub role: Role,
    /// `Ok`, or the stable label of the refusal.
    pub result: Result<(), &'static str>,
    /// Both halves of the key exchange, `x25519+ml-kem-768`.
    pub kem: &'static str,
    /// The peer's identity signature, `none` when it was not reached.
    pub signature: &'static str,
    /// Cipher of the records, `none` when it was not reached.
    pub aead: &'static str,
    /// From the first byte to the session or the failure.
    pub took: Duration,
    /// Bytes received for it.
    pub bytes_in: u64,
    /// Bytes sent for it.
    pub bytes_out: u64,
}

/// Side of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// We dialled.
    Initiator,
    /// They dialled.
    Responder,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Initiator => "initiator",
            Self::Responder => "responder",
        }
    }
}

#[derive(Debug)]
pub(super) struct Channel {
    seconds: Family<Suite, Histogram, fn() -> Histogram>,
    results: Family<Two, Counter>,
    suites: Family<Suite, Counter>,
    handshake_bytes: Counters,
    bytes: Counters,
    rekeys: Counters,
    ok: AtomicU64,
    failed: AtomicU64,
}

impl Channel {
    pub(super) fn register(r: &mut Registry) -> Self {
        let this = Self {
            // From half a millisecond to eight seconds.
            seconds: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.000_5, 2.0, 15))
            }),
            results: Family::default(),
            suites: Family::default(),
            handshake_bytes: Counters::default(),
            bytes: Counters::default(),
            rekeys: Counters::default(),
            ok: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        };
        r.register_with_unit(
            "handshake",
            "Duration of successful handshakes by role and algorithms",
            Unit::Seconds,
            this.seconds.clone(),
        );
        r.register(
            "handshakes",
            "Handshakes by role and result: ok, or the label of the refusal",
            this.results.clone(),
        );
        r.register(
            "handshake_suites",
            "Successful handshakes by role and algorithms",
            this.suites.clone(),
        );
        r.register(
            "handshake_bytes",
            "Bytes of handshakes by direction",
            this.handshake_bytes.clone(),
        );
        r.register(
            "bytes",
            "Bytes carried by established connections by direction, channel overhead excluded",
            this.bytes.clone(),
        );
        r.register(
            "rekeys",
            "Changes of record keys by direction",
            this.rekeys.clone(),
        );
        for dir in Dir::ALL {
            for family in [&this.handshake_bytes, &this.bytes, &this.rekeys] {
                drop(family.get_or_create(&[("dir", dir.name())]));
            }
        }
        for role in [Role::Initiator, Role::Responder] {
            this.result(role, "ok");
        }
        this
    }

    pub(super) fn handshake(&self, sample: &HandshakeSample) {
        self.handshake_bytes
            .get_or_create(&[("dir", "in")])
            .inc_by(sample.bytes_in);
        self.handshake_bytes
            .get_or_create(&[("dir", "out")])
            .inc_by(sample.bytes_out);
        let result = sample.result.err().unwrap_or("ok");
        self.result(sample.role, result).inc();
        if sample.result.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        } else {
            self.ok.fetch_add(1, Ordering::Relaxed);
            let suite = [
                ("role", sample.role.name()),
                ("kem", sample.kem),
                ("signature", sample.signature),
                ("aead", sample.aead),
            ];
            self.suites.get_or_create(&suite).inc();
            self.seconds
                .get_or_create(&suite)
                .observe(sample.took.as_secs_f64());
        }
    }

    pub(super) fn rekeyed(&self, dir: Dir) {
        self.rekeys.get_or_create(&[("dir", dir.name())]).inc();
    }

    pub(super) fn bytes(&self, dir: Dir, count: u64) {
        self.bytes
            .get_or_create(&[("dir", dir.name())])
            .inc_by(count);
    }

    pub(super) fn stats(&self, out: &mut StatsReport) {
        let bytes = |dir: Dir| self.bytes.get_or_create(&[("dir", dir.name())]).get();
        out.bytes_in = bytes(Dir::In);
        out.bytes_out = bytes(Dir::Out);
        out.handshakes_ok = self.ok.load(Ordering::Relaxed);
        out.handshakes_failed = self.failed.load(Ordering::Relaxed);
    }

    fn result(&self, role: Role, result: &'static str) -> Counter {
        self.results
            .get_or_create_owned(&[("role", role.name()), ("result", result)])
    }
}
