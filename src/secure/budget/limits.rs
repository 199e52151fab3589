//! The limits and why they are what they are.

use std::time::Duration;

use crate::bucket::Rate;

/// The limits of [`super::Budgets`].
///
/// One unit of work is one responder handshake: about 0.35 ms of a core (encapsulation, two
/// X25519 operations, ML-DSA and Ed25519 signing, and both verifications of an initiator that
/// carries on).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetLimits {
    /// Connections of one IPv4 address, IPv6 /64 or circuit source. A peer behind an address
    /// reconnects every few seconds at worst; ten a second serve a school behind one address, and
    /// the burst covers a test network that starts at once. Larger lets one address use more of
    /// the shared budget than its share; smaller locks out shared addresses.
    pub per_address: Rate,
    /// Connections of one IPv4 /24, IPv6 /48 or relay: what one customer of a hosting company
    /// typically commands. Not for loopback and private ranges, where the group is the whole test.
    pub per_group: Rate,
    /// Handshakes over all sources: 500 a second are a sixth of a core. Larger gives a flood more
    /// of the core; smaller slows the recovery of a node that a thousand peers dial after its
    /// restart (two seconds at this rate).
    pub work: Rate,
    /// Delegations whose signature was not seen before: 2 ms each with SLH-DSA, so a tenth of a
    /// core.
    pub delegations: Rate,
    /// Inbound handshakes that have begun and not ended. Each holds a socket and at most 24 KiB,
    /// so 48 MiB at worst. Smaller lets fewer silent diallers (20 s each) fill it.
    pub half_open: usize,
    /// Sources in the table of a rate. Sources whose bucket has refilled are dropped first, so
    /// only sources active within the last [`Rate::refill`] count; beyond that they share one
    /// bucket. 1.5 MiB per table.
    pub table: usize,
    /// Sources remembered for a completed handshake.
    pub known: usize,
    /// How long they are remembered.
    pub known_for: Duration,
}

impl Default for BudgetLimits {
    fn default() -> Self {
        Self {
            per_address: Rate {
                per_second: 10,
                burst: 64,
            },
            per_group: Rate {
                per_second: 40,
                burst: 256,
            },
            work: Rate {
                per_second: 500,
                burst: 500,
            },
            delegations: Rate {
                per_second: 50,
                burst: 50,
            },
            half_open: 2000,
            table: 16_384,
            known: 4096,
            known_for: Duration::from_secs(60 * 60),
        }
    }
}

impl BudgetLimits {
    /// Limits that no benchmark reaches.
    #[must_use]
    pub fn unlimited() -> Self {
        let rate = Rate {
            per_second: u32::MAX,
            burst: u32::MAX,
        };
        Self {
            per_address: rate,
            per_group: rate,
            work: rate,
            delegations: rate,
            half_open: 1 << 20,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{HANDSHAKE_DEADLINE_MS, MAX_AUTH_BYTES, MAX_HELLO_BYTES};

    #[test]
    fn limits_fit_each_other() {
        let l = BudgetLimits::default();
        // One address uses a small part of what all may; one group as well.
        assert!(l.per_address.per_second * 8 <= l.work.per_second);
        assert!(l.per_group.per_second * 8 <= l.work.per_second);
        assert!(l.per_address.per_second <= l.per_group.per_second);
        assert!(l.per_address.burst <= l.per_group.burst);
        // One address that stays silent cannot fill the half-open table, nor can one group.
        let deadline = u32::try_from(HANDSHAKE_DEADLINE_MS / 1000).unwrap();
        let most = |r: Rate| (r.burst + r.per_second * deadline) as usize;
        assert!(most(l.per_address) * 4 < l.half_open);
        assert!(most(l.per_group) < l.half_open / 4 * 3);
        // Work at 0.35 ms and delegations at 2 ms leave most of a core.
        assert!(f64::from(l.work.per_second) * 0.000_35 < 0.2);
        assert!(f64::from(l.delegations.per_second) * 0.002 <= 0.1);
        // A half-open handshake holds one frame of each kind.
        let each = MAX_HELLO_BYTES * 2 + MAX_AUTH_BYTES + 4096;
        assert!(each * l.half_open <= 48 << 20);
        // A whole table refills before it could matter to memory.
        assert!(l.per_address.refill() < Duration::from_secs(10));
        assert!(l.per_group.refill() < Duration::from_secs(10));
    }
}
