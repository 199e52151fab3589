//! What travels by gossip: announces, shares, blobs, filters, sketches, application messages.

use std::sync::Arc;

use animica_p2p::{
    bloom::{BloomFilter, ScalableBloomFilter},
    chain::{BlobCommitment, HashShare, ProofEnvelope, ProofType},
    gossip::{
        app::Unsigned,
        compact::{Announce, ExtraPool, Known, Rebuild},
        direct::{
            Decoder as Frames, Frame, Refusal, encode_ack, encode_chunk_head, encode_message_head,
            encode_stream, is_kind,
        },
        reconcile::{Decoder, Progress},
    },
    ids::Hash32,
    registry::{
        MAX_BLOB_ANNOUNCE_BYTES, MAX_BLOB_BYTES, MAX_BLOCK_BYTES, MAX_DIRECT_PAYLOAD,
        MAX_ENVELOPE_TTL_MS, MAX_HASH_SHARE_BYTES, MAX_PREFILLED, MAX_PREFILLED_BYTES,
    },
    wire::{Salt, Symbol},
};
use bytes::Bytes;

use super::chain::DEVNET;

/// Most bytes of bits that a filter may have here.
const MAX_FILTER_BYTES: usize = 16 * 1024;

/// Bytes of a symbol.
const SYMBOL: usize = 14;

/// The salt of every session.
pub(super) const SALT: Salt = Salt([7; 16]);

/// A node that has nothing.
struct Nothing;

impl Known for Nothing {
    fn visit(&self, _: &mut dyn FnMut(&Hash32, &Bytes)) {}
}

/// An announce is the bytes it was read from, and asks for no more than the block it announces.
pub(super) fn announce(data: &[u8]) -> bool {
    let bytes = Bytes::copy_from_slice(data);
    let Ok(announce) = Announce::decode(&bytes, DEVNET.params()) else {
        return false;
    };
    assert!(data.len() <= Announce::max_bytes(DEVNET.params()));
    assert_eq!(announce.encode(), data);
    assert_eq!(announce.header().encode(), announce.header_bytes()[..]);
    assert!(announce.block_bytes() <= MAX_BLOCK_BYTES);
    let prefilled: Vec<u32> = announce.prefilled().collect();
    assert!(prefilled.len() <= MAX_PREFILLED && prefilled.is_sorted_by(|a, b| a < b));
    let (items, block_bytes) = (announce.items(), announce.block_bytes());
    assert!(prefilled.iter().all(|number| (*number as usize) < items));
    assert!(data.len() <= 6 * items + MAX_PREFILLED_BYTES + 2048 + 11 * prefilled.len());
    let nothing = ExtraPool::new(0);
    match Rebuild::start(Arc::new(announce), data.len(), &Nothing, &nothing) {
        Rebuild::Missing(missing) => {
            let request = missing.request();
            assert!(request.max_bytes as usize <= block_bytes);
            assert_eq!(request.indexes.len(), items - prefilled.len());
        }
        Rebuild::Complete(rebuilt) => assert_eq!(rebuilt.bytes.len(), block_bytes),
        Rebuild::Full(_) => {}
    }
    true
}

/// A number of items here, 0 to 255, and symbols of a peer: whatever they are, what comes out is a
/// difference that fits both sides, or none.
pub(super) fn symbols(data: &[u8]) -> bool {
    let Some((here, rest)) = data.split_first() else {
        return false;
    };
    let items = (0..*here).map(item);
    let mut decoder = Decoder::new(SALT, items);
    let symbols: Vec<Symbol> = rest.chunks_exact(SYMBOL).map(symbol).collect();
    let mut done = false;
    for part in symbols.chunks(16) {
        match decoder.push(part) {
            Progress::More => {
                // Whatever it comes to: a session bounds what it asks for.
                let _ = decoder.estimate();
            }
            Progress::Done {
                only_here,
                only_there,
            } => {
                assert!(
                    only_here
                        .iter()
                        .all(|id| (0..*here).any(|n| item(n) == *id))
                );
                assert!(only_there.is_sorted_by(|a, b| a < b));
                let there = |key| decoder.local().id(key).is_some();
                assert!(!only_there.iter().any(|key| there(*key)));
                assert!(only_here.len() + only_there.len() <= decoder.symbols());
                done = true;
            }
            Progress::Failed(error) => {
                assert!(!error.to_string().is_empty());
                return false;
            }
        }
    }
    done
}

/// The item with a number.
pub(super) fn item(number: u8) -> Hash32 {
    Hash32([number; 32])
}

fn symbol(bytes: &[u8]) -> Symbol {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |n, byte| (n << 8) | u64::from(*byte));
    Symbol {
        keys: number(&bytes[..8]),
        checks: u32::try_from(number(&bytes[8..12])).expect("four bytes"),
        count: u16::try_from(number(&bytes[12..])).expect("two bytes"),
    }
}

/// A hash share in its envelope: both are the bytes they were read from, and the share is one.
pub(super) fn hash_share(data: &[u8]) -> bool {
    let Ok(envelope) = ProofEnvelope::decode(data) else {
        return false;
    };
    assert_eq!(envelope.encode(), data);
    if envelope.kind != ProofType::Hash {
        return false;
    }
    assert!(data.len() <= MAX_HASH_SHARE_BYTES);
    match HashShare::decode(envelope.body) {
        Ok(share) => {
            assert_eq!(share.encode(), envelope.body);
            assert_eq!(share.draw(), share.header().draw());
            if share.nullifier() == envelope.nullifier {
                assert_eq!(share.envelope(), data);
            }
            true
        }
        Err(error) => {
            assert!(error.offence().is_some(), "{error}");
            false
        }
    }
}

/// The announcement of a blob is the bytes it was read from, and its leaves hold its size.
pub(super) fn blob(data: &[u8]) -> bool {
    let Ok(blob) = BlobCommitment::decode(data) else {
        return false;
    };
    assert!(data.len() <= MAX_BLOB_ANNOUNCE_BYTES);
    assert_eq!(blob.encode(), data);
    assert!((1..=MAX_BLOB_BYTES as u64).contains(&blob.size));
    let lens = (1..blob.leaves()).map(|index| blob.leaf_len(index).expect("a leaf"));
    assert_eq!(lens.sum::<usize>() as u64, blob.size);
    assert_eq!(blob.leaf_len(blob.leaves()), None);
    true
}

/// A filter is the bytes it was read from, within the cap, and answers and grows like any other.
pub(super) fn bloom(data: &[u8]) -> bool {
    if let Ok(mut filter) = BloomFilter::from_bytes(data, MAX_FILTER_BYTES) {
        assert_eq!(filter.to_bytes(), data);
        assert!(filter.memory_bytes() <= MAX_FILTER_BYTES);
        filter.add(b"key");
        assert!(filter.contains(b"key"));
        return true;
    }
    let Ok(mut filter) = ScalableBloomFilter::from_bytes(data, MAX_FILTER_BYTES) else {
        return false;
    };
    assert_eq!(filter.to_bytes(), data);
    assert!(filter.memory_bytes() <= MAX_FILTER_BYTES);
    if filter.add(b"key").is_ok() {
        assert!(filter.contains(b"key"));
    }
    assert!(filter.memory_bytes() <= filter.max_bytes());
    true
}

/// An unsigned message is the bytes it was read from, and can be written again from its parts.
pub(super) fn unsigned(data: &[u8]) -> bool {
    let Ok(message) = Unsigned::decode(Bytes::copy_from_slice(data)) else {
        return false;
    };
    assert!(data.len() <= Unsigned::MAX_BYTES);
    assert_eq!(message.as_bytes(), data);
    let (created, expires) = (message.created_ms(), message.expires_ms());
    // A life beyond the end of time is cut.
    if created < u64::MAX - MAX_ENVELOPE_TTL_MS {
        let ttl = expires - created;
        assert!((1..=MAX_ENVELOPE_TTL_MS).contains(&ttl));
        let again = Unsigned::new(message.topic(), message.payload(), created, ttl);
        assert_eq!(again.expect("it was read").as_bytes(), data);
    }
    true
}

/// Frames of direct messages. However the bytes arrive, the same frames come out, each of which is
/// the bytes it was read from. The first byte says in what pieces they come.
pub(super) fn direct(data: &[u8]) -> bool {
    let Some((piece, stream)) = data.split_first() else {
        return false;
    };
    let (mut whole, mut read) = (Frames::default(), Vec::new());
    whole.feed(stream);
    let mut frames = 0;
    let refused = loop {
        match whole.next_frame() {
            Ok(Some(frame)) => {
                let at = read.len();
                let exact = write(&frame, &mut read);
                assert!(!exact || read[at..] == stream[at..read.len()]);
                frames += 1;
            }
            Ok(None) => break None,
            Err(error) => {
                assert!(!error.offence().name().is_empty());
                break Some(error);
            }
        }
    };
    let (mut pieces, mut again, mut wrong) = (Frames::default(), Vec::new(), None);
    'all: for part in stream.chunks(usize::from(*piece) + 1) {
        pieces.feed(part);
        loop {
            match pieces.next_frame() {
                Ok(Some(frame)) => drop(write(&frame, &mut again)),
                Ok(None) => break,
                Err(error) => {
                    wrong = Some(error);
                    break 'all;
                }
            }
        }
    }
    assert_eq!((again, wrong), (read, refused));
    refused.is_none() && frames > 0 && whole.pending() == 0
}

/// Writes a frame; false if it need not be as it was, for want of a reason that is known here.
fn write(frame: &Frame<'_>, out: &mut Vec<u8>) -> bool {
    match frame {
        Frame::Message { seq, kind, payload } => {
            assert!(is_kind(kind) && payload.len() <= MAX_DIRECT_PAYLOAD);
            encode_message_head(out, *seq, kind, payload.len());
            out.extend_from_slice(payload);
        }
        Frame::Ack(ack) => {
            encode_ack(out, ack);
            return !ack.refused.iter().any(|(_, why)| *why == Refusal::Other);
        }
        Frame::Stream { kind, len } => encode_stream(out, kind, *len),
        Frame::Chunk(content) => {
            out.extend_from_slice(&encode_chunk_head(content.len()));
            out.extend_from_slice(content);
        }
    }
    true
}
