//! Who a node is: composite keys, PeerId, algorithm policy, delegation, key file, node record.
//!
//! An identity is a post-quantum signature key *and* an Ed25519 key; both sign every document and
//! both must verify. The [`PeerId`] commits to the pair. `specs/identity.md` has
//! the byte layouts, `tests/vectors/identity.json` examples of them.
//!
//! Nothing here reads a clock, a socket or (but for [`key_file`]) a disk: callers pass the time.
//!
//! [`PeerId`]: libp2p::PeerId

mod bounded;
mod delegation;
mod head;
pub mod key_file;
mod keypair;
mod node_identity;
mod peer_id;
pub mod policy;
mod public;
mod record;
mod signed;

pub use delegation::{
    Claim, ClaimError, Delegation, DelegationError, DelegationFields, Delegations, IssueError,
    SerialMemory, Usage,
};
pub use keypair::KeyPair;
pub use node_identity::NodeIdentity;
pub use peer_id::{digest_from_peer_id, peer_id_from_digest};
pub use policy::{KemId, Policy, PolicyError};
pub use public::{IdentityError, PublicIdentity, signed_message};
pub use record::{NodeRecord, RecordError, RecordFields, SignRecordError};
pub(crate) use signed::Signed;
