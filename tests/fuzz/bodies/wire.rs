//! Frames and messages of the sync and data protocols.

use animica_p2p::{
    ids::Hash32,
    registry::{
        MAX_BLOCKS, MAX_DATA_BYTES, MAX_GET_TX, MAX_GETDATA_ITEMS, MAX_GOODBYE_RETRY_MS,
        MAX_HEADERS, MAX_INV_ITEMS, MAX_LOCATOR, MAX_PEERS_BYTES, MAX_PEERS_RECORDS,
        MAX_RECORD_BYTES, MAX_SAMPLES, MAX_SIGNED_PING_BYTES, MAX_SKETCH_SET, MAX_TRUST_BYTES,
        MAX_TRUST_ENTRIES, MessageId,
    },
    wire::{
        Answer, Flags, Frame, GetBlocks, GetHeaders, HEADER_LEN, Message, WireError, max_payload,
    },
};
use bytes::Bytes;

/// A frame is the bytes it was read from, within the cap of its id.
pub(super) fn frame(data: &[u8]) -> bool {
    let bytes = Bytes::copy_from_slice(data);
    match Frame::decode(&bytes) {
        Ok((frame, used)) => {
            assert_eq!(frame.encode(), &data[..used]);
            let cap = max_payload(frame.id).expect("an id that is spoken");
            assert!(frame.payload.len() <= cap);
            assert_eq!(used, HEADER_LEN + frame.payload.len());
            message(frame.id, &frame.payload)
        }
        // A cut link looks the same, so nobody is to blame.
        Err(WireError::Truncated) => false,
        Err(error) => {
            assert!(error.offence().is_some(), "{error}");
            false
        }
    }
}

pub(super) fn get_headers(data: &[u8]) -> bool {
    message(MessageId::GetHeaders, data)
}

pub(super) fn headers(data: &[u8]) -> bool {
    message(MessageId::Headers, data)
}

pub(super) fn get_blocks(data: &[u8]) -> bool {
    message(MessageId::GetBlocks, data)
}

pub(super) fn blocks(data: &[u8]) -> bool {
    message(MessageId::Blocks, data)
}

pub(super) fn not_found(data: &[u8]) -> bool {
    message(MessageId::NotFound, data)
}

pub(super) fn busy(data: &[u8]) -> bool {
    message(MessageId::Busy, data)
}

pub(super) fn ack(data: &[u8]) -> bool {
    message(MessageId::Ack, data)
}

pub(super) fn error(data: &[u8]) -> bool {
    message(MessageId::Error, data)
}

pub(super) fn inv(data: &[u8]) -> bool {
    message(MessageId::Inv, data)
}

pub(super) fn get_data(data: &[u8]) -> bool {
    message(MessageId::GetData, data)
}

pub(super) fn tx(data: &[u8]) -> bool {
    message(MessageId::Tx, data)
}

pub(super) fn share(data: &[u8]) -> bool {
    message(MessageId::Share, data)
}

pub(super) fn get_compact(data: &[u8]) -> bool {
    message(MessageId::GetCompact, data)
}

pub(super) fn get_tx(data: &[u8]) -> bool {
    message(MessageId::GetTx, data)
}

pub(super) fn tx_not_found(data: &[u8]) -> bool {
    message(MessageId::TxNotFound, data)
}

pub(super) fn get_sketch(data: &[u8]) -> bool {
    message(MessageId::GetSketch, data)
}

pub(super) fn sketch(data: &[u8]) -> bool {
    message(MessageId::Sketch, data)
}

pub(super) fn da_get(data: &[u8]) -> bool {
    message(MessageId::DaGet, data)
}

pub(super) fn da_proof(data: &[u8]) -> bool {
    message(MessageId::DaProof, data)
}

pub(super) fn get_peers(data: &[u8]) -> bool {
    message(MessageId::GetPeers, data)
}

pub(super) fn peers(data: &[u8]) -> bool {
    message(MessageId::Peers, data)
}

pub(super) fn disconnect(data: &[u8]) -> bool {
    message(MessageId::Disconnect, data)
}

pub(super) fn ping(data: &[u8]) -> bool {
    message(MessageId::Ping, data)
}

pub(super) fn pong(data: &[u8]) -> bool {
    message(MessageId::Pong, data)
}

pub(super) fn trust_update(data: &[u8]) -> bool {
    message(MessageId::TrustUpdate, data)
}

pub(super) fn trusted_peers_request(data: &[u8]) -> bool {
    message(MessageId::TrustedPeersRequest, data)
}

pub(super) fn trusted_peers_response(data: &[u8]) -> bool {
    message(MessageId::TrustedPeersResponse, data)
}

/// A message is what it encodes to, fits its own cap, and keeps its lists within their limits.
fn message(id: MessageId, payload: &[u8]) -> bool {
    let cap = max_payload(id).expect("an id that is spoken");
    if payload.len() > cap {
        return false;
    }
    let message = match Message::decode(id, Bytes::copy_from_slice(payload)) {
        Ok(message) => message,
        Err(error) => {
            assert!(error.offence().is_some(), "{error}");
            return false;
        }
    };
    assert_eq!(message.id(), id);
    let encoded = message.encode();
    // Keys of later versions are dropped, so a message may come out shorter, but never otherwise
    // different. An error code of a later version reads as one that is known.
    if encoded.len() == payload.len() && id != MessageId::Error {
        assert_eq!(encoded, payload);
    }
    assert!(encoded.len() <= payload.len() || id == MessageId::Error);
    let framed = Frame::new(&message, 0, Flags::default()).expect("it fits its cap");
    assert_eq!(framed.message().as_ref(), Ok(&message));
    match &message {
        Message::GetHeaders(m) => {
            assert!((1..=MAX_LOCATOR).contains(&m.locator.len()));
            assert!(m.max as usize <= MAX_HEADERS);
        }
        Message::Headers(m) => assert!(m.headers.len() <= MAX_HEADERS),
        Message::GetBlocks(m) => assert!((1..=MAX_BLOCKS).contains(&m.hashes.len())),
        Message::Blocks(m) => assert!(m.blocks.len() <= MAX_BLOCKS),
        Message::NotFound(m) => assert!((1..=MAX_BLOCKS).contains(&m.hashes.len())),
        Message::Inv(m) => assert!((1..=MAX_INV_ITEMS).contains(&m.items.len())),
        Message::GetData(m) => {
            assert!((1..=MAX_GETDATA_ITEMS).contains(&m.ids.len()));
            assert!(m.max_bytes as usize <= MAX_DATA_BYTES);
            assert!(m.kind.max_object().is_some());
        }
        Message::Tx(m) => assert!(m.txs.len() <= MAX_GET_TX),
        Message::Share(m) => assert!(m.shares.len() <= MAX_GETDATA_ITEMS),
        Message::GetTx(m) => {
            assert!((1..=MAX_GET_TX).contains(&m.indexes.len()));
            assert!(m.indexes.is_sorted_by(|a, b| a < b));
        }
        Message::GetSketch(m) => assert!(m.size as usize <= MAX_SKETCH_SET),
        Message::Sketch(m) => assert!(m.size as usize <= MAX_SKETCH_SET),
        Message::DaGet(m) => {
            assert!((1..=MAX_SAMPLES).contains(&m.indexes.len()));
            assert!(m.indexes.iter().all(|index| *index < m.blob.leaves()));
        }
        Message::GetPeers(m) => assert!((1..=MAX_PEERS_RECORDS).contains(&(m.max as usize))),
        Message::Peers(m) => {
            assert!(m.records.len() <= MAX_PEERS_RECORDS);
            assert!(m.records.iter().all(|r| r.len() <= MAX_RECORD_BYTES));
            assert!(m.records.iter().map(Bytes::len).sum::<usize>() <= MAX_PEERS_BYTES);
        }
        Message::Disconnect(m) => assert!(m.retry_after_ms <= MAX_GOODBYE_RETRY_MS),
        Message::Ping(m) | Message::Pong(m) => {
            assert!((1..=MAX_SIGNED_PING_BYTES).contains(&m.len()));
        }
        Message::TrustUpdate(m) | Message::TrustedPeersResponse(m) => {
            assert!((1..=MAX_TRUST_BYTES).contains(&m.len()));
        }
        Message::TrustedPeersRequest(m) => {
            assert!((1..=MAX_TRUST_ENTRIES).contains(&(m.max as usize)));
        }
        Message::DaProof(m) => assert!((1..=MAX_SAMPLES).contains(&m.samples.len())),
        _ => {}
    }
    true
}

/// The first byte chooses a request, frames that may answer it follow. However they are put
/// together, the sum holds no more than was asked for.
pub(super) fn answer(data: &[u8]) -> bool {
    let Some((choice, rest)) = data.split_first() else {
        return false;
    };
    let max = u32::from(choice >> 1) % 8;
    let request = if choice % 2 == 0 {
        Message::GetHeaders(GetHeaders {
            locator: vec![Hash32::ZERO],
            max,
        })
    } else {
        Message::GetBlocks(GetBlocks {
            hashes: vec![Hash32::ZERO; max as usize + 1],
            max_bytes: max * 256,
        })
    };
    let mut answer = Answer::to(&request).expect("a request");
    let mut left = Bytes::copy_from_slice(rest);
    while let Ok((frame, used)) = Frame::decode(&left) {
        left = left.slice(used..);
        if let Err(error) = answer.push(&frame) {
            assert!(error.offence().is_some(), "{error}");
            return false;
        }
    }
    match (answer.finish(), request) {
        (Err(error), _) => {
            assert_eq!(error, WireError::Empty);
            return false;
        }
        (Ok(Message::Headers(sum)), Message::GetHeaders(asked)) => {
            assert!(sum.headers.len() <= asked.max as usize);
        }
        (Ok(Message::Blocks(sum)), Message::GetBlocks(asked)) => {
            assert!(sum.blocks.len() <= asked.hashes.len());
            assert!(sum.missing.len() <= asked.hashes.len());
            // The first block may be larger than everything asked for; then it stands alone.
            let first = sum.blocks.first().map_or(0, Bytes::len);
            let bytes: usize = sum.blocks.iter().map(Bytes::len).sum();
            assert!(bytes <= first.max(asked.max_bytes as usize));
        }
        (Ok(Message::Busy(_) | Message::Error { .. }), _) => {}
        (Ok(other), asked) => panic!("{asked:?} was answered with {other:?}"),
    }
    true
}
