//! What is agreed: headers, blocks, work, verification, genesis, and the store they live in.
//!
//! Called by sync, storage, the pool and the faces. Everything here is a pure function of its
//! arguments: no clock, no network, and no disk but what a caller hands in as a reader, a writer or
//! a [`ChainStore`]. `specs/chain.md` is the same in prose, with vectors.

mod ancestry;
pub mod archive;
pub mod audit;
pub mod blob;
mod block;
#[cfg(test)]
pub(crate) mod conformance;
mod genesis;
mod header;
pub mod locator;
mod memory;
pub mod merkle;
pub mod miner;
pub mod nmt;
mod object;
mod parallel;
mod params;
pub mod poies;
mod refusal;
pub mod share;
mod store;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod vectors;
pub mod verify;

pub use ancestry::Ancestry;
pub use blob::{Blob, BlobCommitment, BlobError, BlobStore, MemoryBlobs};
pub use block::Block;
pub use genesis::{Genesis, GenesisError};
pub use header::{DrawPrefix, Header};
pub use memory::MemoryStore;
pub use object::{ProofEnvelope, ProofType, check_tx, object_id};
pub use params::{Params, ParamsError};
pub use refusal::{BodyError, HeaderError, ObjectError};
pub use share::{HashShare, HashShares, ShareError, ShareVerifier};
pub use store::{At, Batch, ChainStore, NewHeader, StoreError, StoredHeader, Tip, Tips, Which};
pub use verify::{HashOnly, Verifier};
