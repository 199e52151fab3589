//! Live data between whole nodes over loopback.

mod configured;
mod spread;
mod topology;
