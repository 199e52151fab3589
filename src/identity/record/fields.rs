//! What a node record says, and its bytes.

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

use super::RecordError;
use crate::{
    cbor::{Reader, Writer},
    identity::{PublicIdentity, head::Head},
    ids::{ChainId, Hash32},
    registry::{MAX_ADDRESS_BYTES, MAX_ADDRESSES, MAX_RECORD_TTL_MS},
};

const VERSION: u64 = 1;

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFields {
    /// 3: the chain.
    pub chain_id: ChainId,
    /// 4: its genesis.
    pub genesis: Hash32,
    /// 5: of two records of one node the one with the higher number counts.
    pub seq: u64,
    /// 6: when it was signed, milliseconds since the UNIX epoch.
    pub created_ms: u64,
    /// 7: how long it holds after that.
    pub ttl_ms: u64,
    /// 8: where the node listens. A closing `/p2p` must name the node itself.
    pub addresses: Vec<Multiaddr>,
}

impl RecordFields {
    pub(super) fn to_bytes(&self, identity: &PublicIdentity) -> Vec<u8> {
        let mut out = Writer::with_capacity(256 + self.addresses.len() * 64);
        out.map(8);
        let head = Head {
            peer_digest: identity.digest(),
            chain_id: self.chain_id,
            genesis: self.genesis,
            number: self.seq,
        };
        head.write(VERSION, &mut out);
        out.uint(6).uint(self.created_ms);
        out.uint(7).uint(self.ttl_ms);
        out.uint(8).array(self.addresses.len());
        for address in &self.addresses {
            out.bytes(address.as_ref());
        }
        out.finish()
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<(Hash32, Self), RecordError> {
        reader.map_of(8)?;
        let Head {
            peer_digest,
            chain_id,
            genesis,
            number: seq,
        } = Head::read(reader, VERSION, RecordError::Version)?;
        reader.key(6)?;
        let created_ms = reader.uint()?;
        reader.key(7)?;
        let ttl_ms = reader.uint()?;
        reader.key(8)?;
        let count = reader.array(MAX_ADDRESSES)?;
        let mut addresses = Vec::with_capacity(count);
        for _ in 0..count {
            let bytes = reader.bytes_max(MAX_ADDRESS_BYTES)?.to_vec();
            addresses.push(Multiaddr::try_from(bytes).map_err(|_| RecordError::Address)?);
        }
        let fields = Self {
            chain_id,
            genesis,
            seq,
            created_ms,
            ttl_ms,
            addresses,
        };
        Ok((peer_digest, fields))
    }

    /// Whether its life has a length that a record may have.
    pub(super) fn check_life(&self) -> Result<(), RecordError> {
        if (1..=MAX_RECORD_TTL_MS).contains(&self.ttl_ms) {
            Ok(())
        } else {
            Err(RecordError::Life)
        }
    }

    /// Whether every address leads to `id`: it says so at its end, or says nothing there.
    pub(super) fn check_addresses(&self, id: &PeerId) -> Result<(), RecordError> {
        let leads = |address: &Multiaddr| match address.iter().last() {
            Some(Protocol::P2p(last)) => last == *id,
            Some(_) => true,
            None => false,
        };
        if self.addresses.iter().all(leads) {
            Ok(())
        } else {
            Err(RecordError::Address)
        }
    }
}
