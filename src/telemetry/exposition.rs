//! Families written when metrics are asked, from totals that something else keeps.

use std::{collections::HashMap, fmt};

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder},
    metrics::{MetricType, counter::ConstCounter, exemplar::Exemplar, gauge::ConstGauge},
    registry::Unit,
};

use crate::report::DelayReport;

/// Label names and values. No value may come from a peer.
type Labels<'a, const N: usize> = [(&'a str, &'a str); N];

/// Writes families.
pub(super) struct Exposition<'a>(pub(super) DescriptorEncoder<'a>);

impl Exposition<'_> {
    /// A counter for each row of labels; `_total` is added to its name.
    pub(super) fn counters<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels<'l, N>, u64)>,
    ) -> fmt::Result {
        let mut family = self.family(name, help, None, MetricType::Counter)?;
        for (labels, value) in rows {
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// As [`Exposition::counters`], of seconds; `_seconds_total` is added to its name.
    pub(super) fn seconds<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels<'l, N>, f64)>,
    ) -> fmt::Result {
        let unit = Some(&Unit::Seconds);
        let mut family = self.family(name, help, unit, MetricType::Counter)?;
        for (labels, value) in rows {
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// A gauge for each row of labels.
    pub(super) fn gauges<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels<'l, N>, u64)>,
    ) -> fmt::Result {
        let mut family = self.family(name, help, None, MetricType::Gauge)?;
        for (labels, value) in rows {
            ConstGauge::new(super::label::level(value)).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// One counter.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        ConstCounter::new(value).encode(self.family(name, help, None, MetricType::Counter)?)
    }

    /// One gauge.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let value = super::label::level(value);
        ConstGauge::new(value).encode(self.family(name, help, None, MetricType::Gauge)?)
    }

    /// One gauge that is a fraction.
    pub(super) fn fraction(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        ConstGauge::new(value).encode(self.family(name, help, None, MetricType::Gauge)?)
    }

    /// A histogram in seconds; `_seconds` is added to its name.
    pub(super) fn delays(&mut self, name: &str, help: &str, delays: &DelayReport) -> fmt::Result {
        let unit = Some(&Unit::Seconds);
        let mut family = self.family(name, help, unit, MetricType::Histogram)?;
        let bounds = delays.bounds_ms.iter().map(|ms| *ms as f64 / 1000.0);
        let counts = delays.buckets.iter().copied();
        let buckets: Vec<(f64, u64)> = bounds.chain([f64::INFINITY]).zip(counts).collect();
        let exemplars = None::<&HashMap<usize, Exemplar<Labels<'_, 0>, f64>>>;
        family.encode_histogram(delays.sum_ms / 1000.0, delays.count, &buckets, exemplars)
    }

    fn family<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        unit: Option<&'s Unit>,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, unit, kind)
    }
}
