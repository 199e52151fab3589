//! Live data between whole nodes over loopback.

mod configured;
mod control;
mod floods;
mod hostile;
mod lies;
mod made;
mod metrics;
mod partitions;
pub(crate) mod puppet;
mod raw;
mod rpc;
mod scene;
mod spread;
mod topology;
mod withheld;
