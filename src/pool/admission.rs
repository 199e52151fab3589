//! What an application accepts as a transaction, and how it ranks it.

use std::fmt;

use bytes::Bytes;

use crate::{
    chain::{check_tx, object_id},
    ids::Hash32,
};

use super::PoolError;

/// How much a transaction is worth to whoever runs the node, higher first. Only the order counts.
///
/// A chain with fees gives the fee per byte, or what its miners go by. Equals are served in order of
/// arrival, so transactions of one sender that must stay in order get the same priority, or falling
/// ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(pub u64);

/// Decides about transactions of the right form that are not waiting yet: signatures, balances,
/// fees.
///
/// It may take its time: a node calls it while nothing is locked, on a thread that may block, and
/// for several transactions at once. Two peers that send the same transaction at the same moment
/// can have it asked twice about it.
pub trait Admission: fmt::Debug + Send + Sync + 'static {
    /// Takes or refuses the transaction `tx` with the id `id`, and says what it is worth.
    ///
    /// # Errors
    /// It is refused, normally with [`PoolError::Refused`].
    fn admit(&self, id: &Hash32, tx: &[u8]) -> Result<Priority, PoolError>;
}

/// The default: any transaction of the right form, all of the same priority. This layer cannot
/// judge more.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyTx;

impl Admission for AnyTx {
    fn admit(&self, _: &Hash32, _: &[u8]) -> Result<Priority, PoolError> {
        Ok(Priority::default())
    }
}

/// A transaction that was admitted and may be put into a pool ([`super::Pool::add`]).
///
/// Made without the pool, so that the pool stays usable while an application checks signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    id: Hash32,
    tx: Bytes,
    priority: Priority,
}

impl Candidate {
    /// Checks the form of `tx`, then asks `known` whether its id waits already, then `admission`,
    /// which costs most.
    ///
    /// # Errors
    /// Which of them refused it.
    pub fn check(
        tx: &[u8],
        known: impl FnOnce(&Hash32) -> bool,
        admission: &dyn Admission,
    ) -> Result<Self, PoolError> {
        check_tx(tx)?;
        let id = object_id(tx);
        if known(&id) {
            return Err(PoolError::Known);
        }
        let priority = admission.admit(&id, tx)?;
        // Copied: the caller's bytes may be a slice of a whole block.
        let tx = Bytes::copy_from_slice(tx);
        Ok(Self { id, tx, priority })
    }

    /// The id: SHA3-256 of the bytes.
    #[must_use]
    pub fn id(&self) -> &Hash32 {
        &self.id
    }

    /// The transaction.
    #[must_use]
    pub fn tx(&self) -> &Bytes {
        &self.tx
    }

    /// What the admission said it is worth.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.priority
    }
}
