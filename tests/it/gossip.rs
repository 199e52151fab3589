//! Live data between whole nodes over loopback.

mod control;
mod floods;
mod hostile;
mod lies;
mod made;
mod partitions;
mod puppet;
mod raw;
mod rpc;
mod scene;
mod spread;
mod withheld;
