//! The header: sixteen fields, their canonical CBOR, its hash and its draw.

use crate::{
    cbor::{CborError, Reader, Writer},
    crypto::hash::{Hasher, sha3_256},
    ids::{ChainId, Hash32, Height, Theta},
    registry::{MAX_EXTRA_BYTES, MAX_HEADER_BYTES},
};

use super::HeaderError;

/// The only header version.
pub(super) const VERSION: u64 = 1;

/// First bytes of every draw.
const DRAW_DOMAIN: &[u8] = b"animica/u-draw/v1";

/// Second part of every draw, and the `domainTag` of the preimage.
const NONCE_DOMAIN: &[u8] = b"animica/header-nonce/v1";

/// Room for the longest draw input without growing: both domains, a preimage of at most 600 bytes,
/// `mixSeed` and the nonce.
const DRAW_CAPACITY: usize = 704;

/// A block header. Heights and timestamps are whole blocks and UNIX seconds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// `v`, always 1.
    pub version: u64,
    /// `chainId`.
    pub chain_id: ChainId,
    /// `height`.
    pub height: Height,
    /// `parentHash`: hash of the header one height below, zero in genesis.
    pub parent_hash: Hash32,
    /// `timestamp` in UNIX seconds.
    pub timestamp: u64,
    /// `stateRoot`, opaque here.
    pub state_root: Hash32,
    /// `txsRoot`: Merkle root over the transaction ids.
    pub txs_root: Hash32,
    /// `receiptsRoot`, opaque here.
    pub receipts_root: Hash32,
    /// `proofsRoot`: Merkle root over the proof ids.
    pub proofs_root: Hash32,
    /// `daRoot`, opaque here.
    pub da_root: Hash32,
    /// `mixSeed`: cannot be checked from headers, covered by hash and draw.
    pub mix_seed: Hash32,
    /// `poiesPolicyRoot`, constant on a chain.
    pub poies_policy_root: Hash32,
    /// `pqAlgPolicyRoot`, constant on a chain.
    pub pq_alg_policy_root: Hash32,
    /// `thetaMicro`, µ-nats.
    pub theta: Theta,
    /// `nonce`, what a miner searches.
    pub nonce: u64,
    /// `extra`, at most 32 bytes.
    pub extra: Vec<u8>,
}

impl Header {
    /// The canonical CBOR.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(576);
        w.map(16).text("v").uint(self.version);
        w.text("extra").bytes(&self.extra);
        w.text("nonce").uint(self.nonce);
        self.write_middle(&mut w);
        self.write_end(&mut w);
        w.finish()
    }

    /// Reads exactly one header, refusing every encoding but the canonical one.
    ///
    /// # Errors
    /// Too long, or not the canonical CBOR of a header. Values are not judged here.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        if bytes.len() > MAX_HEADER_BYTES {
            return Err(HeaderError::TooLarge { bytes: bytes.len() });
        }
        Ok(Self::read(bytes)?)
    }

    /// SHA3-256 of the canonical CBOR.
    #[must_use]
    pub fn hash(&self) -> Hash32 {
        sha3_256(&self.encode())
    }

    /// The mining preimage: the header without its nonce, with a `domainTag`.
    #[must_use]
    pub fn preimage(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(576);
        self.write_preimage(&mut w);
        w.finish()
    }

    /// The draw: a uniform 256-bit number, big-endian, that the work rule compares with a target.
    #[must_use]
    pub fn draw(&self) -> Hash32 {
        let mut w = self.draw_input();
        w.raw(&self.nonce.to_be_bytes());
        sha3_256(w.as_slice())
    }

    /// The part of the draw that all nonces share, hashed once.
    #[must_use]
    pub fn draw_prefix(&self) -> DrawPrefix {
        let mut hasher = Hasher::new();
        hasher.update(self.draw_input().as_slice());
        DrawPrefix(hasher)
    }

    fn draw_input(&self) -> Writer {
        let mut w = Writer::with_capacity(DRAW_CAPACITY);
        w.raw(DRAW_DOMAIN).raw(NONCE_DOMAIN);
        self.write_preimage(&mut w);
        w.raw(self.mix_seed.as_bytes());
        w
    }

    fn write_preimage(&self, w: &mut Writer) {
        w.map(16).text("v").uint(self.version);
        w.text("extra").bytes(&self.extra);
        self.write_middle(w);
        w.text("domainTag").bytes(NONCE_DOMAIN);
        self.write_end(w);
    }

    fn write_middle(&self, w: &mut Writer) {
        w.text("daRoot").bytes(self.da_root.as_bytes());
        w.text("height").uint(self.height.0);
        w.text("chainId").uint(self.chain_id.0);
        w.text("mixSeed").bytes(self.mix_seed.as_bytes());
        w.text("txsRoot").bytes(self.txs_root.as_bytes());
    }

    fn write_end(&self, w: &mut Writer) {
        w.text("stateRoot").bytes(self.state_root.as_bytes());
        w.text("timestamp").uint(self.timestamp);
        w.text("parentHash").bytes(self.parent_hash.as_bytes());
        w.text("proofsRoot").bytes(self.proofs_root.as_bytes());
        w.text("thetaMicro").uint(self.theta.0);
        w.text("receiptsRoot").bytes(self.receipts_root.as_bytes());
        w.text("poiesPolicyRoot")
            .bytes(self.poies_policy_root.as_bytes());
        w.text("pqAlgPolicyRoot")
            .bytes(self.pq_alg_policy_root.as_bytes());
    }

    fn read(bytes: &[u8]) -> Result<Self, CborError> {
        let r = &mut Reader::new(bytes);
        r.map_of(16)?;
        // The fields of the literal are evaluated in the order written: the canonical key order.
        let header = Self {
            version: uint(r, "v")?,
            extra: {
                r.text_key("extra")?;
                r.bytes_max(MAX_EXTRA_BYTES)?.to_vec()
            },
            nonce: uint(r, "nonce")?,
            da_root: hash(r, "daRoot")?,
            height: Height(uint(r, "height")?),
            chain_id: ChainId(uint(r, "chainId")?),
            mix_seed: hash(r, "mixSeed")?,
            txs_root: hash(r, "txsRoot")?,
            state_root: hash(r, "stateRoot")?,
            timestamp: uint(r, "timestamp")?,
            parent_hash: hash(r, "parentHash")?,
            proofs_root: hash(r, "proofsRoot")?,
            theta: Theta(uint(r, "thetaMicro")?),
            receipts_root: hash(r, "receiptsRoot")?,
            poies_policy_root: hash(r, "poiesPolicyRoot")?,
            pq_alg_policy_root: hash(r, "pqAlgPolicyRoot")?,
        };
        r.finish()?;
        Ok(header)
    }
}

/// A hasher that has absorbed everything of a draw but the nonce, so that a trial costs one
/// permutation instead of five.
#[derive(Clone, Debug)]
pub struct DrawPrefix(Hasher);

impl DrawPrefix {
    /// The draw with `nonce`.
    #[must_use]
    pub fn draw(&self, nonce: u64) -> Hash32 {
        let mut hasher = self.0.clone();
        hasher.update(&nonce.to_be_bytes());
        hasher.finish()
    }
}

fn uint(r: &mut Reader<'_>, key: &str) -> Result<u64, CborError> {
    r.text_key(key)?;
    r.uint()
}

fn hash(r: &mut Reader<'_>, key: &str) -> Result<Hash32, CborError> {
    r.text_key(key)?;
    r.fixed().map(Hash32)
}

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
