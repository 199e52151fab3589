//! R-auth and I-auth: who speaks and the signature that proves it, sealed.

use zeroize::Zeroizing;

use crate::{
    cbor::{CborError, Reader, Writer},
    crypto::aead::{AeadKey, TAG_LEN},
    identity::{Delegation, NodeIdentity, PublicIdentity},
    ids::{ChainId, Hash32},
    secure::{
        FrameType, HandshakeError,
        frame::{HEADER_LEN, header},
    },
};

/// The plaintext of R-auth and I-auth: a canonical CBOR map with the keys 1-4 in this order.
#[derive(Debug)]
pub(super) struct Auth<'a> {
    /// 1
    pub(super) alg: u16,
    /// 2
    pub(super) public: &'a [u8],
    /// 3: the delegation's own CBOR, or null.
    pub(super) delegation: Option<&'a [u8]>,
    /// 4
    pub(super) signature: &'a [u8],
}

impl<'a> Auth<'a> {
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let delegation = self.delegation.map_or(1, <[u8]>::len);
        let room = self.public.len() + delegation + self.signature.len() + 16 + TAG_LEN;
        let mut out = Writer::with_capacity(room);
        out.map(4);
        out.uint(1).uint(u64::from(self.alg));
        out.uint(2).bytes(self.public);
        out.uint(3);
        write_delegation(&mut out, self.delegation);
        out.uint(4).bytes(self.signature);
        Zeroizing::new(out.finish())
    }

    pub(super) fn decode(plain: &'a [u8], frame: FrameType) -> Result<Self, HandshakeError> {
        Self::read(plain).map_err(|source| HandshakeError::Malformed { frame, source })
    }

    fn read(plain: &'a [u8]) -> Result<Self, CborError> {
        let mut r = Reader::new(plain);
        r.map_of(4)?;
        r.key(1)?;
        let alg = u16::try_from(r.uint()?).map_err(|_| CborError::OutOfRange)?;
        r.key(2)?;
        let public = r.bytes_max(PublicIdentity::MAX_BYTES)?;
        r.key(3)?;
        let delegation = if r.take_null()? {
            None
        } else {
            Some(r.item()?)
        };
        r.key(4)?;
        let signature = r.bytes()?;
        r.finish()?;
        Ok(Self {
            alg,
            public,
            delegation,
            signature,
        })
    }
}

fn write_delegation(out: &mut Writer, delegation: Option<&[u8]>) {
    match delegation {
        Some(item) => out.raw(item),
        None => out.null(),
    };
}

/// What a handshake signature covers besides its context.
pub(super) struct Statement<'a> {
    /// th0 for the responder, th1 for the initiator.
    pub(super) th: Hash32,
    pub(super) chain_id: ChainId,
    pub(super) genesis: Hash32,
    /// The root in ClientHello.
    pub(super) policy_root: Hash32,
    /// Only in the initiator's: digest of the responder's identity.
    pub(super) responder: Option<&'a Hash32>,
}

impl Statement<'_> {
    /// The canonical CBOR array that is signed, by or for the identity (`alg`, `public`).
    pub(super) fn body(&self, alg: u16, public: &[u8], delegation: Option<&[u8]>) -> Vec<u8> {
        let room = public.len() + delegation.map_or(1, <[u8]>::len) + 192;
        let mut out = Writer::with_capacity(room);
        out.array(7 + usize::from(self.responder.is_some()));
        out.bytes(self.th.as_bytes());
        out.uint(self.chain_id.0);
        out.bytes(self.genesis.as_bytes());
        out.bytes(self.policy_root.as_bytes());
        out.uint(u64::from(alg));
        out.bytes(public);
        write_delegation(&mut out, delegation);
        if let Some(digest) = self.responder {
            out.bytes(digest.as_bytes());
        }
        out.finish()
    }

    /// [`Statement::body`] for our own identity.
    pub(super) fn own_body(&self, identity: &NodeIdentity) -> Vec<u8> {
        let public = identity.public();
        let delegation = identity.delegation().map(Delegation::as_bytes);
        self.body(public.alg().id(), public.as_bytes(), delegation)
    }
}

/// The sealed frame that proves `identity` with `signature`. The associated data is
/// `th || header`.
pub(super) fn seal(
    kind: FrameType,
    key: &AeadKey,
    th: &Hash32,
    identity: &NodeIdentity,
    signature: &[u8],
) -> Vec<u8> {
    let plain = Auth {
        alg: identity.public().alg().id(),
        public: identity.public().as_bytes(),
        delegation: identity.delegation().map(Delegation::as_bytes),
        signature,
    }
    .encode();
    seal_plain(kind, key, th, plain)
}

pub(super) fn seal_plain(
    kind: FrameType,
    key: &AeadKey,
    th: &Hash32,
    mut plain: Zeroizing<Vec<u8>>,
) -> Vec<u8> {
    let header = header(kind, plain.len() + TAG_LEN);
    let tag = key.seal(0, &associated_data(th, &header), &mut plain);
    let mut frame = Vec::with_capacity(HEADER_LEN + plain.len() + TAG_LEN);
    frame.extend(header);
    frame.extend_from_slice(&plain);
    frame.extend(tag);
    frame
}

/// Opens a sealed frame in place and returns its plaintext.
pub(super) fn open<'a>(
    kind: FrameType,
    key: &AeadKey,
    th: &Hash32,
    frame: &'a mut [u8],
) -> Result<&'a [u8], HandshakeError> {
    let (header, sealed) = frame
        .split_first_chunk_mut::<HEADER_LEN>()
        .ok_or(HandshakeError::Eof { awaited: kind })?;
    let len = key
        .open(0, &associated_data(th, header), sealed)
        .map_err(|_| HandshakeError::Seal(kind))?;
    Ok(&sealed[..len])
}

fn associated_data(th: &Hash32, header: &[u8; HEADER_LEN]) -> [u8; 32 + HEADER_LEN] {
    let mut out = [0; 32 + HEADER_LEN];
    out[..32].copy_from_slice(th.as_bytes());
    out[32..].copy_from_slice(header);
    out
}
