//! One typed value per message id.

use bytes::Bytes;

use super::{
    WireError,
    blocks::{Blocks, GetBlocks, NotFound},
    compact::{GetCompact, GetTx, TxNotFound, decode_announce},
    control::{
        Busy, Credits, ErrorCode, decode_document, decode_number, encode_document, encode_number,
    },
    headers::{GetHeaders, Headers},
    inventory::{Data, GetData, Inv, ItemKind, Shares},
    peers::{Disconnect, GetPeers, Peers, TrustedPeersRequest},
    samples::{DaGet, DaProof},
    sketch::{GetSketch, Sketch},
    tx::Txs,
};
use crate::registry::{MAX_SIGNED_PING_BYTES, MAX_TRUST_BYTES, MessageId};

/// A message of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// Asks for headers after a locator.
    GetHeaders(GetHeaders),
    /// Answers with a run of headers.
    Headers(Headers),
    /// Asks for blocks by hash.
    GetBlocks(GetBlocks),
    /// Answers with blocks.
    Blocks(Blocks),
    /// Asks about a set.
    GetSketch(GetSketch),
    /// Answers with a part of a set.
    Sketch(Sketch),
    /// Answers that some are not here.
    NotFound(NotFound),
    /// Says what is here.
    Inv(Inv),
    /// Asks for transactions or shares.
    GetData(GetData),
    /// Answers with transactions.
    Tx(Txs),
    /// Answers with shares.
    Share(Shares),
    /// The folded answer to a `GETDATA`, made by [`super::Answer`] alone.
    Data(Data),
    /// Asks for the announce of a block.
    GetCompact(GetCompact),
    /// Answers with it: the encoding of a `gossip::compact::Announce`.
    BlockAnnounce(Bytes),
    /// Asks for items of a block.
    GetTx(GetTx),
    /// Answers that the block is not here.
    TxNotFound(TxNotFound),
    /// Asks for leaves of a blob.
    DaGet(DaGet),
    /// Answers with leaves of a blob and their proofs.
    DaProof(DaProof),
    /// Asks for node records.
    GetPeers(GetPeers),
    /// Answers with node records.
    Peers(Peers),
    /// Says goodbye.
    Disconnect(Disconnect),
    /// Asks for a signed pong: a document of `peers::signed_ping`.
    Ping(Bytes),
    /// Answers with one.
    Pong(Bytes),
    /// Tells how far the sender trusts some peers: an envelope with a `peers::Statement`.
    TrustUpdate(Bytes),
    /// Asks whom the reader trusts.
    TrustedPeersRequest(TrustedPeersRequest),
    /// Answers with such an envelope.
    TrustedPeersResponse(Bytes),
    /// Answers: not now.
    Busy(Busy),
    /// Receipt of the frame with this sequence number.
    Ack {
        /// The number of the frame that asked for it.
        seq: u32,
    },
    /// Answers that the request cannot be answered.
    Error {
        /// Why.
        code: ErrorCode,
    },
}

impl Message {
    /// The id that opens its frame.
    #[must_use]
    pub fn id(&self) -> MessageId {
        match self {
            Self::GetHeaders(_) => MessageId::GetHeaders,
            Self::Headers(_) => MessageId::Headers,
            Self::GetBlocks(_) => MessageId::GetBlocks,
            Self::Blocks(_) => MessageId::Blocks,
            Self::GetSketch(_) => MessageId::GetSketch,
            Self::Sketch(_) => MessageId::Sketch,
            Self::NotFound(_) => MessageId::NotFound,
            Self::Inv(_) => MessageId::Inv,
            Self::GetData(_) => MessageId::GetData,
            Self::Data(m) if m.kind == ItemKind::Share => MessageId::Share,
            Self::Tx(_) | Self::Data(_) => MessageId::Tx,
            Self::Share(_) => MessageId::Share,
            Self::GetCompact(_) => MessageId::GetCompact,
            Self::BlockAnnounce(_) => MessageId::BlockAnnounce,
            Self::GetTx(_) => MessageId::GetTx,
            Self::TxNotFound(_) => MessageId::TxNotFound,
            Self::DaGet(_) => MessageId::DaGet,
            Self::DaProof(_) => MessageId::DaProof,
            Self::GetPeers(_) => MessageId::GetPeers,
            Self::Peers(_) => MessageId::Peers,
            Self::Disconnect(_) => MessageId::Disconnect,
            Self::Ping(_) => MessageId::Ping,
            Self::Pong(_) => MessageId::Pong,
            Self::TrustUpdate(_) => MessageId::TrustUpdate,
            Self::TrustedPeersRequest(_) => MessageId::TrustedPeersRequest,
            Self::TrustedPeersResponse(_) => MessageId::TrustedPeersResponse,
            Self::Busy(_) => MessageId::Busy,
            Self::Ack { .. } => MessageId::Ack,
            Self::Error { .. } => MessageId::Error,
        }
    }

    /// Whether it asks for something.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(
            self,
            Self::GetHeaders(_)
                | Self::GetBlocks(_)
                | Self::Inv(_)
                | Self::GetData(_)
                | Self::GetCompact(_)
                | Self::GetTx(_)
                | Self::GetSketch(_)
                | Self::DaGet(_)
                | Self::GetPeers(_)
                | Self::Disconnect(_)
                | Self::Ping(_)
                | Self::TrustUpdate(_)
                | Self::TrustedPeersRequest(_)
        )
    }

    /// Whether it is a request whose answer is the receipt of its frame, which therefore carries
    /// the flag that asks for one.
    #[must_use]
    pub fn wants_receipt(&self) -> bool {
        matches!(
            self,
            Self::Inv(_) | Self::Disconnect(_) | Self::TrustUpdate(_)
        )
    }

    /// The credits it carries, if it is an answer that has some.
    #[must_use]
    pub fn credits(&self) -> Option<Credits> {
        match self {
            Self::Headers(m) => Some(m.credits),
            Self::Blocks(m) => Some(m.credits),
            Self::NotFound(m) => Some(m.credits),
            Self::Busy(m) => Some(m.credits),
            _ => None,
        }
    }

    /// Its payload as canonical CBOR.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::GetHeaders(m) => m.encode(),
            Self::Headers(m) => m.encode(),
            Self::GetBlocks(m) => m.encode(),
            Self::Blocks(m) => m.encode(),
            Self::GetSketch(m) => m.encode(),
            Self::Sketch(m) => m.encode(),
            Self::NotFound(m) => m.encode(),
            Self::Inv(m) => m.encode(),
            Self::GetData(m) => m.encode(),
            Self::Tx(m) => m.encode(),
            Self::Share(m) => m.encode(),
            Self::Data(m) => m.encode(),
            Self::GetCompact(m) => m.encode(),
            Self::BlockAnnounce(bytes) => bytes.to_vec(),
            Self::GetTx(m) => m.encode(),
            Self::TxNotFound(m) => m.encode(),
            Self::DaGet(m) => m.encode(),
            Self::DaProof(m) => m.encode(),
            Self::GetPeers(m) => m.encode(),
            Self::Peers(m) => m.encode(),
            Self::Disconnect(m) => m.encode(),
            Self::TrustedPeersRequest(m) => m.encode(),
            Self::Ping(document)
            | Self::Pong(document)
            | Self::TrustUpdate(document)
            | Self::TrustedPeersResponse(document) => encode_document(document),
            Self::Busy(m) => m.encode(),
            Self::Ack { seq } => encode_number(*seq),
            Self::Error { code } => encode_number(code.to_u32()),
        }
    }

    /// Reads the payload of a frame with this id. Headers and blocks are slices of `payload`; no
    /// byte of them is copied.
    ///
    /// # Errors
    /// The id is not spoken here, or the payload is not canonical CBOR or not this message.
    pub fn decode(id: MessageId, payload: Bytes) -> Result<Self, WireError> {
        match id {
            MessageId::GetHeaders => GetHeaders::decode(&payload).map(Self::GetHeaders),
            MessageId::Headers => Headers::decode(&payload).map(Self::Headers),
            MessageId::GetBlocks => GetBlocks::decode(&payload).map(Self::GetBlocks),
            MessageId::Blocks => Blocks::decode(&payload).map(Self::Blocks),
            MessageId::GetSketch => GetSketch::decode(&payload).map(Self::GetSketch),
            MessageId::Sketch => Sketch::decode(&payload).map(Self::Sketch),
            MessageId::NotFound => NotFound::decode(&payload).map(Self::NotFound),
            MessageId::Inv => Inv::decode(&payload).map(Self::Inv),
            MessageId::GetData => GetData::decode(&payload).map(Self::GetData),
            MessageId::Tx => Txs::decode(&payload).map(Self::Tx),
            MessageId::Share => Shares::decode(&payload).map(Self::Share),
            MessageId::GetCompact => GetCompact::decode(&payload).map(Self::GetCompact),
            MessageId::BlockAnnounce => decode_announce(payload).map(Self::BlockAnnounce),
            MessageId::GetTx => GetTx::decode(&payload).map(Self::GetTx),
            MessageId::TxNotFound => TxNotFound::decode(&payload).map(Self::TxNotFound),
            MessageId::DaGet => DaGet::decode(&payload).map(Self::DaGet),
            MessageId::DaProof => DaProof::decode(&payload).map(Self::DaProof),
            MessageId::GetPeers => GetPeers::decode(&payload).map(Self::GetPeers),
            MessageId::Peers => Peers::decode(&payload).map(Self::Peers),
            MessageId::Disconnect => Disconnect::decode(&payload).map(Self::Disconnect),
            MessageId::Ping => decode_document(&payload, MAX_SIGNED_PING_BYTES).map(Self::Ping),
            MessageId::Pong => decode_document(&payload, MAX_SIGNED_PING_BYTES).map(Self::Pong),
            MessageId::TrustUpdate => {
                decode_document(&payload, MAX_TRUST_BYTES).map(Self::TrustUpdate)
            }
            MessageId::TrustedPeersRequest => {
                TrustedPeersRequest::decode(&payload).map(Self::TrustedPeersRequest)
            }
            MessageId::TrustedPeersResponse => {
                decode_document(&payload, MAX_TRUST_BYTES).map(Self::TrustedPeersResponse)
            }
            MessageId::Busy => Busy::decode(&payload).map(Self::Busy),
            MessageId::Ack => decode_number(&payload).map(|seq| Self::Ack { seq }),
            MessageId::Error => decode_number(&payload).map(|code| Self::Error {
                code: ErrorCode::from_u32(code),
            }),
            _ => return Err(WireError::OutOfPlace(id)),
        }
        .map_err(|error| WireError::Payload { id, error })
    }
}
