//! Live data between whole nodes over loopback.

mod metrics;
mod spread;
