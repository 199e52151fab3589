//! Live data between whole nodes over loopback.

mod configured;
mod metrics;
mod spread;
mod topology;
