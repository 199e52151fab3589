//! Label sets. Every value is a static string of ours.

use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge};

/// One label.
pub(super) type One = [(&'static str, &'static str); 1];
/// Two labels.
pub(super) type Two = [(&'static str, &'static str); 2];
/// Counters by one label.
pub(super) type Counters = Family<One, Counter>;
/// Gauges by one label.
pub(super) type Gauges = Family<One, Gauge>;

/// Direction of traffic, as in `p2p_bytes_total{dir}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dir {
    /// Received.
    In,
    /// Sent.
    Out,
}

impl Dir {
    /// Both.
    pub const ALL: [Self; 2] = [Self::In, Self::Out];

    /// The label value.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// A gauge holds i64; what exceeds it is shown as the largest.
pub(super) fn level(n: impl TryInto<i64>) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}
