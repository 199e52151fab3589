//! Live data between whole nodes over loopback.

mod spread;
