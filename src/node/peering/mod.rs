//! The peering task: whom the node knows, trusts, dials and keeps.

mod request;

pub use request::{DhtError, DhtKey, PeeringError, ShareWith};
pub(crate) use request::{Peering, PeeringRequest};
