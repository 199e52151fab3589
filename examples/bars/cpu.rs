//! What processes have used, from the kernel's own books.

use std::{fs, time::Duration};

/// Processor time of process `pid` (`self` for this one) so far, ended threads included, in steps of
/// 10 ms.
pub(crate) fn time(pid: &str) -> Duration {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The command name may hold spaces; fields are counted from behind its bracket.
    let fields: Vec<&str> = text
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    let ticks: u64 = [11, 12]
        .iter()
        .filter_map(|i| fields.get(*i)?.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

/// Resident bytes of process `pid` (`self` for this one).
pub(crate) fn resident(pid: &str) -> u64 {
    status(pid, "VmRSS:")
}

/// Highest resident bytes of process `pid` so far.
pub(crate) fn peak(pid: &str) -> u64 {
    status(pid, "VmHWM:")
}

fn status(pid: &str, field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    text.lines()
        .find_map(|l| l.strip_prefix(field))
        .and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}
