//! The bytes of PING and PONG.
//!
//! The object is the canonical CBOR array `[body, identity_alg, identity_pubkey, delegation | null,
//! signature]`, as of a node record; `body` is a map with the integer keys 1-8, and 9 in a PONG.
//! The signature is over the bytes of `body` in the context `ping/1`.

use std::ops::Range;

use bytes::Bytes;

use super::PingError;
use crate::{
    cbor::{CborError, Reader, Writer},
    crypto::hash::sha3_256,
    identity::{Delegation, Delegations, NodeIdentity, Policy, PublicIdentity, Signed, Usage},
    ids::{ChainId, Hash32},
    registry::{MAX_SIGNED_PING_BYTES, SIGNED_PING_FRESH_MS, SignContext},
};

const VERSION: u64 = 1;

/// What tells one PING of a peer from its others: 16 bytes of the operating system's randomness.
pub type Nonce = [u8; 16];

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1: somebody asks.
    Ping,
    /// 2: somebody answers.
    Pong {
        /// 9: SHA3-256 of the signed part of the PING.
        ping: Hash32,
    },
}

/// What a document says. On the wire it is a map whose integer keys 1-9 are, in order, the version,
/// the kind, the fields after it, and the hash that a PONG has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// 2: which of the two, 1 or 2.
    pub kind: Kind,
    /// 3: digest of the identity that says it.
    pub sender: Hash32,
    /// 4: digest of the identity it is meant for.
    pub recipient: Hash32,
    /// 5: the chain.
    pub chain_id: ChainId,
    /// 6: its genesis.
    pub genesis: Hash32,
    /// 7: chosen by who asks, repeated by who answers.
    pub nonce: Nonce,
    /// 8: the wall clock of the sender, milliseconds since the UNIX epoch.
    pub at_ms: u64,
}

/// A document as it was received or signed. Decoding has checked its form, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    bytes: Bytes,
    body: Range<usize>,
    said: Said,
    identity: PublicIdentity,
    delegation: Option<Delegation>,
    signature: Range<usize>,
}

impl Document {
    /// Signs what `identity` says; its sender must be the identity.
    ///
    /// # Errors
    /// It is not, or the key cannot sign.
    pub fn sign(identity: &NodeIdentity, said: &Said) -> Result<Self, PingError> {
        let object = identity.sign_object(SignContext::Ping, &said.to_bytes())?;
        Self::decode(object.into())
    }

    /// Reads a document.
    ///
    /// # Errors
    /// Too long, not canonical CBOR, not of this form, or of another sender than its key's.
    pub fn decode(bytes: Bytes) -> Result<Self, PingError> {
        if bytes.len() > MAX_SIGNED_PING_BYTES {
            return Err(PingError::TooLong(bytes.len()));
        }
        let Signed {
            body: said,
            body_at: body,
            identity,
            delegation,
            signature_at: signature,
        } = Signed::read(&bytes, Said::read)?;
        if said.sender != identity.digest() {
            return Err(PingError::OtherSender);
        }
        Ok(Self {
            bytes,
            body,
            said,
            identity,
            delegation,
            signature,
        })
    }

    /// What it says.
    #[must_use]
    pub fn said(&self) -> &Said {
        &self.said
    }

    /// Who says it.
    #[must_use]
    pub fn identity(&self) -> &PublicIdentity {
        &self.identity
    }

    /// The delegation, if a delegated key signed.
    #[must_use]
    pub fn delegation(&self) -> Option<&Delegation> {
        self.delegation.as_ref()
    }

    /// The object, canonical CBOR.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes of the body, which are signed.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.body.clone()]
    }

    /// What a PONG calls a PING by: SHA3-256 of the signed part. Not of the object, whose signature
    /// its sender could make anew.
    #[must_use]
    pub fn hash(&self) -> Hash32 {
        sha3_256(self.body())
    }

    /// The checks that cost nothing: who says it to whom, where and when.
    pub(super) fn check(
        &self,
        sender: Hash32,
        recipient: Hash32,
        network: (ChainId, Hash32),
        now_ms: u64,
    ) -> Result<(), PingError> {
        let said = &self.said;
        if said.sender != sender {
            return Err(PingError::OtherSender);
        }
        if said.recipient != recipient {
            return Err(PingError::OtherRecipient);
        }
        if (said.chain_id, said.genesis) != network {
            return Err(PingError::OtherChain);
        }
        if said.at_ms.abs_diff(now_ms) > SIGNED_PING_FRESH_MS {
            return Err(PingError::NotFresh {
                said: said.at_ms,
                now: now_ms,
            });
        }
        Ok(())
    }

    /// Checks policy and signatures, and says by which key it is signed. This is the costly part.
    ///
    /// A key that may hold the channel may ping: both say no more than "I am here".
    pub(super) fn prove(
        &self,
        delegations: &Delegations,
        policy: &Policy,
        now_ms: u64,
    ) -> Result<PublicIdentity, PingError> {
        let delegation = self.delegation();
        let usage = Usage::CHANNEL;
        let claim = delegations.claim(&self.identity, delegation, policy, usage, now_ms)?;
        let signer = claim.signer().clone();
        let signature = &self.bytes[self.signature.clone()];
        claim.verify(SignContext::Ping, self.body(), signature)?;
        Ok(signer)
    }
}

impl Said {
    /// The canonical CBOR that is signed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(200);
        let (keys, kind) = match self.kind {
            Kind::Ping => (8, 1),
            Kind::Pong { .. } => (9, 2),
        };
        out.map(keys);
        out.uint(1).uint(VERSION);
        out.uint(2).uint(kind);
        out.uint(3).bytes(self.sender.as_bytes());
        out.uint(4).bytes(self.recipient.as_bytes());
        out.uint(5).uint(self.chain_id.0);
        out.uint(6).bytes(self.genesis.as_bytes());
        out.uint(7).bytes(&self.nonce);
        out.uint(8).uint(self.at_ms);
        if let Kind::Pong { ping } = self.kind {
            out.uint(9).bytes(ping.as_bytes());
        }
        out.finish()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, PingError> {
        let keys = reader.map(9)?;
        reader.key(1)?;
        let version = reader.uint()?;
        if version != VERSION {
            return Err(PingError::Version(version));
        }
        reader.key(2)?;
        let kind = reader.uint()?;
        if (keys, kind) != (8, 1) && (keys, kind) != (9, 2) {
            return Err(CborError::WrongKey.into());
        }
        reader.key(3)?;
        let sender = Hash32(reader.fixed()?);
        reader.key(4)?;
        let recipient = Hash32(reader.fixed()?);
        reader.key(5)?;
        let chain_id = ChainId(reader.uint()?);
        reader.key(6)?;
        let genesis = Hash32(reader.fixed()?);
        reader.key(7)?;
        let nonce = reader.fixed()?;
        reader.key(8)?;
        let at_ms = reader.uint()?;
        let kind = if kind == 1 {
            Kind::Ping
        } else {
            reader.key(9)?;
            let ping = Hash32(reader.fixed()?);
            Kind::Pong { ping }
        };
        Ok(Self {
            kind,
            sender,
            recipient,
            chain_id,
            genesis,
            nonce,
            at_ms,
        })
    }
}
