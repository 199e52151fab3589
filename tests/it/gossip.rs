//! Live data between whole nodes over loopback.

mod configured;
mod control;
mod floods;
mod hostile;
mod lies;
mod made;
mod metrics;
mod partitions;
mod raw;
mod rpc;
mod scene;
mod spread;
mod topology;
mod withheld;

use crate::support::puppet;
