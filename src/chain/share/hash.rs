//! The body of a hash share and what follows from it.

use crate::{
    cbor::{Reader, Writer},
    chain::{Header, ProofEnvelope, ProofType},
    crypto::hash::{sha3_256, sha3_256_parts},
    ids::Hash32,
};

use super::ShareError;

/// Version of the body.
const VERSION: u64 = 1;

/// First part of the nullifier of a hash share, the original's.
const NULLIFIER_DOMAIN: &[u8] = b"Animica/ProofNullifier/HashShare/v1";

/// A nonce over a header template: the map {1: version, 2: template, 3: nonce as u64be}.
///
/// The template is the header that the miner was working on, with nonce 0, in full: 545 bytes at
/// most, so that whoever has the parent can judge the share without asking for anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashShare {
    /// The template, with the share's nonce in its place.
    header: Header,
    template_hash: Hash32,
    draw: Hash32,
}

impl HashShare {
    /// The share of `header`, whose nonce is the one that was found.
    #[must_use]
    pub fn new(header: Header) -> Self {
        let template_hash = sha3_256(&template(&header));
        let draw = header.draw();
        Self {
            header,
            template_hash,
            draw,
        }
    }

    /// The header, with the nonce that was found. If its draw meets the header's own Θ, it is a
    /// block.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// SHA3-256 of the template.
    #[must_use]
    pub fn template_hash(&self) -> Hash32 {
        self.template_hash
    }

    /// The draw, the same as that of the header as a block.
    #[must_use]
    pub fn draw(&self) -> Hash32 {
        self.draw
    }

    /// What makes it usable once.
    #[must_use]
    pub fn nullifier(&self) -> Hash32 {
        nullifier(&self.template_hash, self.header.nonce, &self.draw)
    }

    /// The body as canonical CBOR.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(600);
        w.map(3).uint(1).uint(VERSION);
        w.uint(2).bytes(&template(&self.header));
        w.uint(3).bytes(&self.header.nonce.to_be_bytes());
        w.finish()
    }

    /// The whole envelope, as it travels.
    #[must_use]
    pub fn envelope(&self) -> Vec<u8> {
        ProofEnvelope {
            kind: ProofType::Hash,
            body: &self.encode(),
            nullifier: self.nullifier(),
        }
        .encode()
    }

    /// Reads exactly one body. Judges neither template nor draw.
    ///
    /// # Errors
    /// Not the canonical CBOR of a hash share of this version.
    pub fn decode(body: &[u8]) -> Result<Self, ShareError> {
        let mut r = Reader::new(body);
        r.map_of(3)?;
        r.key(1)?;
        let version = r.uint()?;
        if version != VERSION {
            return Err(ShareError::Version(version));
        }
        r.key(2)?;
        let template = r.bytes()?;
        r.key(3)?;
        let nonce = u64::from_be_bytes(r.fixed()?);
        r.finish()?;
        let mut header = Header::decode(template).map_err(ShareError::Template)?;
        if header.nonce != 0 {
            return Err(ShareError::TemplateNonce);
        }
        header.nonce = nonce;
        let draw = header.draw();
        Ok(Self {
            header,
            template_hash: sha3_256(template),
            draw,
        })
    }
}

/// The nullifier of a hash share: `SHA3-256(domain ‖ 00 ‖ SHA3-256(identity))`, the identity being
/// the canonical map {`u`: draw, `nonce`, `headerHash`: hash of the template}. Chain and `mixSeed` are
/// in the template.
#[must_use]
pub fn nullifier(template_hash: &Hash32, nonce: u64, draw: &Hash32) -> Hash32 {
    let mut w = Writer::with_capacity(112);
    w.map(3).text("u").bytes(&draw.0);
    w.text("nonce").uint(nonce);
    w.text("headerHash").bytes(&template_hash.0);
    sha3_256_parts(&[NULLIFIER_DOMAIN, &[0], &sha3_256(w.as_slice()).0])
}

fn template(header: &Header) -> Vec<u8> {
    Header {
        nonce: 0,
        ..header.clone()
    }
    .encode()
}
