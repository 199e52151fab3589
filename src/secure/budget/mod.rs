//! How much handshake work strangers can make a node do.
//!
//! ClientHello can be replayed by anyone and makes the responder encapsulate and sign, so budgets
//! are spent before that: per address and group when a connection is accepted
//! ([`Budgets::admit`]), over all connections before the KEM ([`Budgets::spend_work`]). What is
//! left of the budget of all is kept for those who matter more ([`Class`]), so that a flood slows
//! strangers that return, then new strangers, and dials and known peers last.
//!
//! Every table is bounded. Nothing here is an offence: addresses are shared and spoofed.

mod limits;
mod source;
mod table;

pub use limits::BudgetLimits;
pub use source::Source;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use crate::bucket::Bucket;

use self::{
    source::Keys,
    table::{Known, Table},
};

/// How much of the shared budgets the source of a connection may use. Each class leaves to the
/// later ones what their share says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A source that has connected within the last seconds.
    Returning,
    /// A source that has not.
    Newcomer,
    /// A source that completed a handshake within the last hour, a dial of ours, or memory.
    Trusted,
}

/// Which budget was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The address has connected too often.
    #[error("too many connections from this address")]
    Address,
    /// The addresses around it have connected too often.
    #[error("too many connections from this network")]
    Group,
    /// Too many handshakes are unfinished.
    #[error("too many unfinished handshakes")]
    HalfOpen,
    /// Too many handshakes per second over all.
    #[error("too many handshakes")]
    Work,
    /// Too many new delegations per second.
    #[error("too many delegations to verify")]
    Delegation,
}

impl Refusal {
    /// The metric label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Address => "limit_address",
            Self::Group => "limit_group",
            Self::HalfOpen => "limit_half_open",
            Self::Work => "limit_work",
            Self::Delegation => "limit_delegation",
        }
    }
}

/// The budgets of one node, shared by all its listeners and dials.
#[derive(Debug)]
pub struct Budgets {
    limits: BudgetLimits,
    half_open: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    addresses: Table,
    groups: Table,
    work: Bucket,
    delegations: Bucket,
    known: Known,
}

/// Leave to shake hands with one inbound connection. It counts as half-open until dropped.
#[derive(Debug)]
pub struct Admission {
    budgets: Arc<Budgets>,
    class: Class,
    keys: Keys,
}

impl Budgets {
    /// Full budgets.
    #[must_use]
    pub fn new(limits: BudgetLimits) -> Self {
        Self {
            half_open: AtomicUsize::new(0),
            state: Mutex::new(State {
                addresses: Table::new(limits.per_address, limits.table),
                groups: Table::new(limits.per_group, limits.table),
                work: Bucket::new(limits.work),
                delegations: Bucket::new(limits.delegations),
                known: Known::new(limits.known, limits.known_for),
            }),
            limits,
        }
    }

    /// The limits in force, for whoever prints them.
    #[must_use]
    pub fn limits(&self) -> &BudgetLimits {
        &self.limits
    }

    /// Handshakes that have begun and not ended.
    #[must_use]
    pub fn half_open(&self) -> usize {
        self.half_open.load(Ordering::Relaxed)
    }

    /// Admits an inbound connection from `source`, to be asked at accept, before a byte is read.
    ///
    /// # Errors
    /// Which budget is spent. The connection should be dropped without an answer.
    pub fn admit(self: &Arc<Self>, source: &Source, now: Instant) -> Result<Admission, Refusal> {
        let keys = source.keys();
        let class = self.class(&keys, now)?;
        let cap = class.share(self.limits.half_open);
        let enter = |n: usize| (n < cap).then_some(n + 1);
        self.half_open
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, enter)
            .map_err(|_| Refusal::HalfOpen)?;
        Ok(Admission {
            budgets: Arc::clone(self),
            class,
            keys,
        })
    }

    /// Spends the budgets of the address and its group.
    fn class(&self, keys: &Keys, now: Instant) -> Result<Class, Refusal> {
        let mut state = self.state();
        let Some(address) = keys.address else {
            return Ok(keys.unmetered);
        };
        let address_is_new = state
            .addresses
            .spend(address, now)
            .ok_or(Refusal::Address)?;
        let group_is_new = match keys.group {
            Some(group) => state.groups.spend(group, now).ok_or(Refusal::Group)?,
            None => true,
        };
        Ok(if state.known.contains(&address, now) {
            Class::Trusted
        } else if address_is_new && group_is_new {
            Class::Newcomer
        } else {
            Class::Returning
        })
    }

    /// Spends one handshake's worth of KEM and signature work. `false` if `class` has none left.
    #[must_use]
    pub fn spend_work(&self, class: Class, now: Instant) -> bool {
        let keep = self.limits.work.burst - class.share(self.limits.work.burst as usize) as u32;
        self.state().work.spend(now, keep)
    }

    /// Spends the verification of one delegation. `false` if none is left.
    #[must_use]
    pub fn spend_delegation(&self, now: Instant) -> bool {
        self.state().delegations.spend(now, 0)
    }

    /// Remembers that a handshake with `source` succeeded. For dials; [`Admission::succeeded`] is
    /// for inbound ones.
    pub fn remember(&self, source: &Source, now: Instant) {
        self.remember_keys(&source.keys(), now);
    }

    fn remember_keys(&self, keys: &Keys, now: Instant) {
        if let Some(address) = keys.address {
            self.state().known.insert(address, now);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Budgets {
    fn default() -> Self {
        Self::new(BudgetLimits::default())
    }
}

impl Class {
    /// How much of `whole` this class may use.
    fn share(self, whole: usize) -> usize {
        match self {
            Self::Returning => whole / 2,
            Self::Newcomer => whole / 4 * 3,
            Self::Trusted => whole,
        }
    }
}

impl Admission {
    /// How the connection may draw on the shared budgets.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// Its handshake succeeded: its address is trusted for a while.
    pub fn succeeded(self, now: Instant) {
        self.budgets.remember_keys(&self.keys, now);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.budgets.half_open.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
