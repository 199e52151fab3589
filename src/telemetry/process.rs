//! The process itself, under the names that Prometheus' own clients use, and what was built.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{gauge::ConstGauge, info::Info},
    registry::{Registry, Unit},
};

/// Memory, descriptors and start time, read when asked. Absent where the system does not tell.
#[derive(Debug)]
pub(super) struct Process {
    started: f64,
}

impl Default for Process {
    fn default() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            started: now.unwrap_or_default().as_secs_f64(),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: f64| {
            let metric = ConstGauge::new(value);
            let metric_encoder =
                encoder.encode_descriptor(name, help, unit, metric.metric_type())?;
            metric.encode(metric_encoder)
        };
        gauge(
            "process_start_time",
            "When the process started, since the UNIX epoch",
            Some(&Unit::Seconds),
            self.started,
        )?;
        if let Some(bytes) = resident_bytes() {
            gauge(
                "process_resident_memory",
                "Resident memory",
                Some(&Unit::Bytes),
                bytes as f64,
            )?;
        }
        if let Some(open) = open_descriptors() {
            gauge(
                "process_open_fds",
                "Open file descriptors",
                None,
                open as f64,
            )?;
        }
        Ok(())
    }
}

/// `p2p_build_info`.
pub(super) fn register_build(r: &mut Registry) {
    let round3 = if cfg!(feature = "round3") {
        "yes"
    } else {
        "no"
    };
    r.register(
        "build",
        "What this process was built from",
        Info::new([("version", env!("CARGO_PKG_VERSION")), ("round3", round3)]),
    );
}

/// `VmRSS` of `/proc/self/status`, which needs no page size.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn open_descriptors() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count())
}
