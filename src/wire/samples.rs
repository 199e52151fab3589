//! `DA_GET` and `DA_PROOF`.

use bytes::Bytes;

use super::{
    WireError,
    fields::{Fields, slice},
};
use crate::{
    cbor::{CborError, Reader, Writer},
    chain::{
        BlobCommitment,
        nmt::{Namespace, Sample, Sibling},
    },
    ids::Hash32,
    registry::{BLOB_LEAF_BYTES, MAX_SAMPLE_PATH, MAX_SAMPLES},
};

/// Longest encoded leaf: namespace, length of two groups, data.
const MAX_LEAF: usize = BLOB_LEAF_BYTES + 6;

/// Bytes of a sibling: hash and namespace.
const SIBLING: usize = 36;

/// Payload cap of `DA_GET`: 64 places and room for later keys.
pub(super) const MAX_DA_GET_PAYLOAD: usize = 2 * 1024;

/// Payload cap of `DA_PROOF`.
pub(super) const MAX_DA_PROOF_PAYLOAD: usize =
    MAX_SAMPLES * (MAX_LEAF + MAX_SAMPLE_PATH * (SIBLING + 2) + 16) + 1024;

/// `DA_GET`: these leaves of this blob. Whoever does not have exactly this blob, size and namespace
/// included, says `NOTFOUND`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaGet {
    /// The blob.
    pub blob: BlobCommitment,
    /// 1 to 64 places of leaves, in increasing order.
    pub indexes: Vec<u32>,
}

impl DaGet {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(64 + 5 * self.indexes.len());
        out.map(4).uint(0).bytes(self.blob.root.as_bytes());
        out.uint(1).uint(self.blob.namespace.0.into());
        out.uint(2).uint(self.blob.size);
        out.uint(3).array(self.indexes.len());
        for index in &self.indexes {
            out.uint((*index).into());
        }
        out.finish()
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let root = Hash32(fields.required(0)?.fixed()?);
        let namespace = Namespace(number(fields.required(1)?)?);
        let size = fields.required(2)?.uint()?;
        let reader = fields.required(3)?;
        let n = reader.array(MAX_SAMPLES)?;
        let indexes = (0..n)
            .map(|_| number(reader))
            .collect::<Result<Vec<u32>, _>>()?;
        fields.finish()?;
        let blob = BlobCommitment::new(root, namespace, size).map_err(|_| CborError::OutOfRange)?;
        let in_range = indexes.last().is_some_and(|last| *last < blob.leaves());
        if !in_range || !indexes.is_sorted_by(|a, b| a < b) {
            return Err(CborError::OutOfRange);
        }
        Ok(Self { blob, indexes })
    }

    /// Whether `proof` holds nothing but what was asked for. Verifies no proof.
    ///
    /// # Errors
    /// It holds more.
    pub(super) fn admit(&self, proof: &DaProof) -> Result<(), WireError> {
        let asked = |sample: &Sample| self.indexes.binary_search(&sample.index).is_ok();
        if proof.samples.iter().all(asked) {
            Ok(())
        } else {
            Err(WireError::TooMuch)
        }
    }
}

/// `DA_PROOF`: leaves with their proofs, in increasing order. What is left out is not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaProof {
    /// 1 to 64 samples, in increasing order of their places.
    pub samples: Vec<Sample>,
}

impl DaProof {
    pub(super) fn encode(&self) -> Vec<u8> {
        let size = |s: &Sample| s.leaf.len() + s.path.len() * (SIBLING + 2) + 16;
        let total: usize = self.samples.iter().map(size).sum();
        let mut out = Writer::with_capacity(16 + total);
        out.map(1).uint(0).array(self.samples.len());
        for sample in &self.samples {
            out.array(2 + sample.path.len())
                .uint(sample.index.into())
                .bytes(&sample.leaf);
            for sibling in &sample.path {
                let mut bytes = [0; SIBLING];
                bytes[..32].copy_from_slice(&sibling.hash.0);
                bytes[32..].copy_from_slice(&sibling.edge.0.to_be_bytes());
                out.bytes(&bytes);
            }
        }
        out.finish()
    }

    pub(super) fn decode(payload: &Bytes) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let reader = fields.required(0)?;
        let n = reader.array(MAX_SAMPLES)?;
        let samples = (0..n)
            .map(|_| sample(reader, payload))
            .collect::<Result<Vec<Sample>, _>>()?;
        fields.finish()?;
        if samples.is_empty() || !samples.is_sorted_by(|a, b| a.index < b.index) {
            return Err(CborError::OutOfRange);
        }
        Ok(Self { samples })
    }
}

fn sample(reader: &mut Reader<'_>, payload: &Bytes) -> Result<Sample, CborError> {
    let siblings = reader
        .array(2 + MAX_SAMPLE_PATH)?
        .checked_sub(2)
        .ok_or(CborError::OutOfRange)?;
    let index = number(reader)?;
    let leaf = slice(reader, payload, MAX_LEAF)?;
    let path = (0..siblings)
        .map(|_| {
            let bytes: [u8; SIBLING] = reader.fixed()?;
            let (hash, edge) = bytes.split_at(32);
            let edge = edge.iter().fold(0, |n, b| n << 8 | u32::from(*b));
            Ok(Sibling {
                hash: Hash32::from_slice(hash).ok_or(CborError::OutOfRange)?,
                edge: Namespace(edge),
            })
        })
        .collect::<Result<_, CborError>>()?;
    Ok(Sample { index, leaf, path })
}

fn number(reader: &mut Reader<'_>) -> Result<u32, CborError> {
    u32::try_from(reader.uint()?).map_err(|_| CborError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        chain::blob::testing::blob,
        offence::Offence,
        registry::{MAX_BLOB_BYTES, MessageId},
        wire::{Answer, Credits, Flags, Frame, Message, NotFound},
    };

    fn request(size: usize, indexes: &[u32]) -> DaGet {
        DaGet {
            blob: *blob(size, 1).commitment(),
            indexes: indexes.to_vec(),
        }
    }

    fn round_trip(message: &Message) {
        let decoded = Message::decode(message.id(), message.encode().into());
        assert_eq!(decoded.as_ref(), Ok(message));
    }

    #[test]
    fn messages_round_trip_and_the_largest_fit_their_caps() {
        round_trip(&Message::DaGet(request(20_000, &[0, 3, 5])));
        let all: Vec<u32> = (0..MAX_SAMPLES as u32).map(|i| i * 8).collect();
        let largest = blob(MAX_BLOB_BYTES, 1);
        let samples = largest.samples(&all);
        assert_eq!(samples.len(), MAX_SAMPLES);
        let proof = Message::DaProof(DaProof { samples });
        round_trip(&proof);
        assert!(Frame::new(&proof, 0, Flags::default()).is_ok());
        let get = Message::DaGet(request(MAX_BLOB_BYTES, &all));
        assert!(Frame::new(&get, 0, Flags::default()).is_ok());
    }

    #[test]
    fn places_out_of_order_out_of_range_or_too_many_are_malformed() {
        for indexes in [&[][..], &[2, 1], &[1, 1], &[0, 6], &[u32::MAX]] {
            let bytes = request(20_000, indexes).encode();
            assert_eq!(
                DaGet::decode(&bytes),
                Err(CborError::OutOfRange),
                "{indexes:?}"
            );
        }
        let many: Vec<u32> = (0..65).collect();
        let bytes = request(MAX_BLOB_BYTES, &many).encode();
        assert_eq!(DaGet::decode(&bytes), Err(CborError::OutOfRange));
        let mut empty = request(20_000, &[0]);
        empty.blob.size = 0;
        assert_eq!(DaGet::decode(&empty.encode()), Err(CborError::OutOfRange));
    }

    #[test]
    fn samples_too_deep_too_long_out_of_order_or_none_are_malformed() {
        let good = blob(20_000, 1).samples(&[1, 2]);
        let decode = |samples: Vec<Sample>| DaProof::decode(&DaProof { samples }.encode().into());
        assert!(decode(good.clone()).is_ok());
        assert_eq!(decode(Vec::new()), Err(CborError::OutOfRange));
        assert_eq!(
            decode(good.iter().rev().cloned().collect()),
            Err(CborError::OutOfRange)
        );
        let mut deep = good[0].clone();
        deep.path = vec![deep.path[0]; MAX_SAMPLE_PATH + 1];
        assert_eq!(decode(vec![deep]), Err(CborError::OutOfRange));
        let mut long = good[0].clone();
        long.leaf = vec![0; MAX_LEAF + 1].into();
        assert_eq!(decode(vec![long]), Err(CborError::OutOfRange));
        // A sample without a leaf.
        let bytes: Bytes = vec![0xa1, 0, 0x81, 0x81, 0].into();
        assert_eq!(DaProof::decode(&bytes), Err(CborError::OutOfRange));
    }

    #[test]
    fn an_answer_holds_some_of_what_was_asked_or_nothing() {
        let get = Message::DaGet(request(20_000, &[1, 2, 4]));
        assert!(get.is_request());
        let frame = |message: &Message| Frame::new(message, 0, Flags::default()).unwrap();
        let proof = |indexes: &[u32]| {
            let samples = blob(20_000, 1).samples(indexes);
            frame(&Message::DaProof(DaProof { samples }))
        };
        let mut answer = Answer::to(&get).unwrap();
        assert_eq!(answer.push(&proof(&[1, 4])), Ok(true));
        assert_eq!(answer.push(&proof(&[2])), Err(WireError::TooMuch));
        let mut answer = Answer::to(&get).unwrap();
        let error = answer.push(&proof(&[1, 3])).unwrap_err();
        assert_eq!(error, WireError::TooMuch);
        assert_eq!(error.offence(), Some(Offence::CreditExceeded));
        let missing = Message::NotFound(NotFound {
            hashes: vec![Hash32([1; 32])],
            credits: Credits::INITIAL,
        });
        let mut answer = Answer::to(&get).unwrap();
        assert_eq!(answer.push(&frame(&missing)), Ok(true));
        assert_eq!(answer.finish(), Ok(missing));
        let mut answer = Answer::to(&Message::GetHeaders(crate::wire::GetHeaders {
            locator: vec![Hash32::ZERO],
            max: 1,
        }))
        .unwrap();
        assert_eq!(
            answer.push(&proof(&[1])),
            Err(WireError::OutOfPlace(MessageId::DaProof))
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let bytes = Bytes::from(bytes);
            let _ = DaGet::decode(&bytes);
            let _ = DaProof::decode(&bytes);
        }
    }
}
