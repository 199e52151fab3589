//! ClientHello and ServerHello: canonical CBOR maps with the keys 1, 2, 3, … in the order of the
//! fields.

use super::VERSION;
use crate::{
    cbor::{CborError, Reader, Writer},
    crypto::kem::{CIPHERTEXT_LEN, PUBLIC_LEN},
    ids::{ChainId, Hash32},
    secure::{FrameType, HandshakeError},
};

/// Most AEADs in a list.
const MAX_AEADS: usize = 2;

/// The first flight. Key 1 is the version.
#[derive(Debug)]
pub(super) struct ClientHello {
    /// 2
    pub(super) chain_id: ChainId,
    /// 3
    pub(super) genesis: Hash32,
    /// 4: root of the initiator's primary policy.
    pub(super) policy_root: Hash32,
    /// 5
    pub(super) x25519: [u8; 32],
    /// 6
    pub(super) kem_pk: Box<[u8; PUBLIC_LEN]>,
    /// 7: one or two distinct ids, most wanted first.
    pub(super) aeads: Vec<u64>,
    /// 8
    pub(super) random: [u8; 32],
    /// 9: a bitmap of which no bit is defined; unknown bits are ignored.
    pub(super) features: u64,
}

/// The responder's answer. Key 1 is the version.
#[derive(Debug)]
pub(super) struct ServerHello {
    /// 2: echo of ClientHello's.
    pub(super) policy_root: Hash32,
    /// 3
    pub(super) x25519: [u8; 32],
    /// 4
    pub(super) kem_ct: Box<[u8; CIPHERTEXT_LEN]>,
    /// 5
    pub(super) aead: u64,
    /// 6
    pub(super) random: [u8; 32],
    /// 7: as in ClientHello.
    pub(super) features: u64,
}

impl ClientHello {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(1400);
        out.map(9).uint(1).uint(VERSION);
        out.uint(2).uint(self.chain_id.0);
        out.uint(3).bytes(self.genesis.as_bytes());
        out.uint(4).bytes(self.policy_root.as_bytes());
        out.uint(5).bytes(&self.x25519);
        out.uint(6).bytes(self.kem_pk.as_slice());
        out.uint(7).array(self.aeads.len());
        for aead in &self.aeads {
            out.uint(*aead);
        }
        out.uint(8).bytes(&self.random);
        out.uint(9).uint(self.features);
        out.finish()
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, HandshakeError> {
        check_version(body, FrameType::ClientHello)?;
        Self::read(body).map_err(|source| HandshakeError::Malformed {
            frame: FrameType::ClientHello,
            source,
        })
    }

    fn read(body: &[u8]) -> Result<Self, CborError> {
        let mut r = Reader::new(body);
        r.map_of(9)?;
        r.key(1)?;
        r.uint()?;
        r.key(2)?;
        let chain_id = ChainId(r.uint()?);
        r.key(3)?;
        let genesis = Hash32(r.fixed()?);
        r.key(4)?;
        let policy_root = Hash32(r.fixed()?);
        r.key(5)?;
        let x25519 = r.fixed()?;
        r.key(6)?;
        let kem_pk = boxed(r.bytes()?)?;
        r.key(7)?;
        let aeads = read_aeads(&mut r)?;
        r.key(8)?;
        let random = r.fixed()?;
        r.key(9)?;
        let features = r.uint()?;
        r.finish()?;
        Ok(Self {
            chain_id,
            genesis,
            policy_root,
            x25519,
            kem_pk,
            aeads,
            random,
            features,
        })
    }
}

impl ServerHello {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(1300);
        out.map(7).uint(1).uint(VERSION);
        out.uint(2).bytes(self.policy_root.as_bytes());
        out.uint(3).bytes(&self.x25519);
        out.uint(4).bytes(self.kem_ct.as_slice());
        out.uint(5).uint(self.aead);
        out.uint(6).bytes(&self.random);
        out.uint(7).uint(self.features);
        out.finish()
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, HandshakeError> {
        check_version(body, FrameType::ServerHello)?;
        Self::read(body).map_err(|source| HandshakeError::Malformed {
            frame: FrameType::ServerHello,
            source,
        })
    }

    fn read(body: &[u8]) -> Result<Self, CborError> {
        let mut r = Reader::new(body);
        r.map_of(7)?;
        r.key(1)?;
        r.uint()?;
        r.key(2)?;
        let policy_root = Hash32(r.fixed()?);
        r.key(3)?;
        let x25519 = r.fixed()?;
        r.key(4)?;
        let kem_ct = boxed(r.bytes()?)?;
        r.key(5)?;
        let aead = r.uint()?;
        r.key(6)?;
        let random = r.fixed()?;
        r.key(7)?;
        let features = r.uint()?;
        r.finish()?;
        Ok(Self {
            policy_root,
            x25519,
            kem_ct,
            aead,
            random,
            features,
        })
    }
}

/// Reads the version before anything else, so that a hello of a later version, whatever else it
/// holds, is refused for its version.
fn check_version(body: &[u8], frame: FrameType) -> Result<(), HandshakeError> {
    // A map of 1 to 23 entries whose first key is 1.
    if let [0xa1..=0xb7, 1, ..] = body
        && let Ok(version) = Reader::new(&body[2..]).uint()
    {
        return if version == VERSION {
            Ok(())
        } else {
            Err(HandshakeError::Version(version))
        };
    }
    let source = match body {
        [] => CborError::Truncated,
        _ => CborError::WrongKey,
    };
    Err(HandshakeError::Malformed { frame, source })
}

fn read_aeads(r: &mut Reader<'_>) -> Result<Vec<u64>, CborError> {
    let n = r.array(MAX_AEADS)?;
    let aeads = (0..n).map(|_| r.uint()).collect::<Result<Vec<_>, _>>()?;
    match aeads[..] {
        [_] => Ok(aeads),
        [a, b] if a != b => Ok(aeads),
        _ => Err(CborError::OutOfRange),
    }
}

fn boxed<const N: usize>(bytes: &[u8]) -> Result<Box<[u8; N]>, CborError> {
    let array: &[u8; N] = bytes.try_into().map_err(|_| CborError::OutOfRange)?;
    Ok(Box::new(*array))
}
