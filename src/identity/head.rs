//! What the signed bodies of an identity begin with, whatever else they say: keys 1-5.

use crate::{
    cbor::{CborError, Reader, Writer},
    ids::{ChainId, Hash32},
};

/// The first entries of the body of a delegation or record.
pub(super) struct Head {
    /// 2: digest of the identity it is about.
    pub(super) peer_digest: Hash32,
    /// 3: the chain.
    pub(super) chain_id: ChainId,
    /// 4: its genesis.
    pub(super) genesis: Hash32,
    /// 5: of two of one identity the one with the higher number counts.
    pub(super) number: u64,
}

impl Head {
    /// Writes it into a map whose head is written, behind the version.
    pub(super) fn write(&self, version: u64, out: &mut Writer) {
        out.uint(1).uint(version);
        out.uint(2).bytes(self.peer_digest.as_bytes());
        out.uint(3).uint(self.chain_id.0);
        out.uint(4).bytes(self.genesis.as_bytes());
        out.uint(5).uint(self.number);
    }

    /// Reads it from a map whose head is read. Another version than `version` is the error that
    /// `unknown` makes of it, and nothing behind it is looked at.
    pub(super) fn read<E: From<CborError>>(
        reader: &mut Reader<'_>,
        version: u64,
        unknown: impl FnOnce(u64) -> E,
    ) -> Result<Self, E> {
        reader.key(1)?;
        let found = reader.uint()?;
        if found != version {
            return Err(unknown(found));
        }
        reader.key(2)?;
        let peer_digest = Hash32(reader.fixed()?);
        reader.key(3)?;
        let chain_id = ChainId(reader.uint()?);
        reader.key(4)?;
        let genesis = Hash32(reader.fixed()?);
        reader.key(5)?;
        let number = reader.uint()?;
        Ok(Self {
            peer_digest,
            chain_id,
            genesis,
            number,
        })
    }
}
