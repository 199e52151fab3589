//! Set reconciliation.
