//! What an application accepts as a transaction.

use std::fmt;

use crate::ids::Hash32;

use super::PoolError;

/// Decides about transactions of the right form that are not waiting yet: signatures, balances,
/// fees. Called once for each, before it is stored.
pub trait Admission: fmt::Debug + Send + Sync + 'static {
    /// Takes or refuses the transaction `tx` with the id `id`.
    ///
    /// # Errors
    /// It is refused, normally with [`PoolError::Refused`].
    fn admit(&self, id: &Hash32, tx: &[u8]) -> Result<(), PoolError>;
}

/// The default: any transaction of the right form. This layer cannot judge more.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyTx;

impl Admission for AnyTx {
    fn admit(&self, _: &Hash32, _: &[u8]) -> Result<(), PoolError> {
        Ok(())
    }
}
