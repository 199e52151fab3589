//! Which frames may answer a request, and their sum as one message.

use super::{
    Frame, WireError,
    blocks::{Blocks, GetBlocks},
    compact::TxRoom,
    headers::{GetHeaders, Headers},
    inventory::{DataRoom, ItemKind},
    message::Message,
    samples::DaGet,
    sketch::SketchRoom,
    tx::Txs,
};
use crate::{ids::Hash32, registry::MessageId};

/// The answer to one request while its frames arrive.
///
/// `GET_HEADERS` is answered by one `HEADERS`; `GET_BLOCKS` by any number of `BLOCKS` and then at
/// most one `NOTFOUND`; `GETDATA` likewise by `TX` or `SHARE` frames, folded into
/// [`Data`](super::Data); `GET_TX` by any number of `TX`, or one `TX_NOTFOUND`; `GET_COMPACT` by one
/// `BLOCK_ANNOUNCE` or `TX_NOTFOUND`; `GET_SKETCH` by one `SKETCH`; `DA_GET` by one
/// `DA_PROOF` or `NOTFOUND`; `GET_PEERS` by one `PEERS`; `PING` by one `PONG`;
/// `TRUSTED_PEERS_REQUEST` by one `TRUSTED_PEERS_RESPONSE`; each by a single `BUSY` or `ERROR`
/// instead. An `ACK` may stand anywhere and is the caller's to notice: it is in no sum but that of
/// `INV`, `DISCONNECT` and `TRUST_UPDATE`, whose answer it is.
#[derive(Debug)]
pub struct Answer {
    allowed: Allowed,
    state: State,
}

/// What the request leaves room for.
#[derive(Debug)]
enum Allowed {
    Headers {
        left: usize,
    },
    Blocks {
        count: usize,
        bytes: usize,
        first: bool,
    },
    Data(Box<DataRoom>),
    /// A receipt, once it is there.
    Receipt(Option<u32>),
    Sketch(SketchRoom),
    Txs {
        block: Hash32,
        room: TxRoom,
    },
    Compact {
        block: Hash32,
    },
    Samples(DaGet),
    Peers {
        left: usize,
    },
    /// One frame with this id, which carries one document.
    Document(MessageId),
}

#[derive(Debug)]
enum State {
    Empty,
    Open(Blocks),
    /// Objects of a `GETDATA`, kept by its room.
    OpenData,
    OpenTxs(Txs),
    Complete(Message),
}

impl Answer {
    /// The answer to `request`.
    ///
    /// # Errors
    /// `request` is not a request.
    pub fn to(request: &Message) -> Result<Self, WireError> {
        let allowed = match request {
            Message::GetHeaders(GetHeaders { max, .. }) => Allowed::Headers {
                left: *max as usize,
            },
            Message::GetBlocks(GetBlocks { hashes, max_bytes }) => Allowed::Blocks {
                count: hashes.len(),
                bytes: *max_bytes as usize,
                first: true,
            },
            Message::GetData(request) => Allowed::Data(Box::new(DataRoom::of(request))),
            Message::Inv(_) | Message::Disconnect(_) | Message::TrustUpdate(_) => {
                Allowed::Receipt(None)
            }
            Message::GetPeers(request) => Allowed::Peers {
                left: request.max as usize,
            },
            Message::Ping(_) => Allowed::Document(MessageId::Pong),
            Message::TrustedPeersRequest(_) => Allowed::Document(MessageId::TrustedPeersResponse),
            Message::GetSketch(request) => Allowed::Sketch(request.room()),
            Message::GetTx(request) => Allowed::Txs {
                block: request.block,
                room: TxRoom::of(request),
            },
            Message::GetCompact(request) => Allowed::Compact {
                block: request.block,
            },
            Message::DaGet(request) => Allowed::Samples(request.clone()),
            other => return Err(WireError::OutOfPlace(other.id())),
        };
        Ok(Self {
            allowed,
            state: State::Empty,
        })
    }

    /// Adds the next frame. After `Ok(true)` the answer is complete and any further frame but an
    /// `ACK` is an error.
    ///
    /// # Errors
    /// A frame that does not belong here, is malformed, or holds more than was asked for.
    pub fn push(&mut self, frame: &Frame) -> Result<bool, WireError> {
        let message = frame.message()?;
        let state = std::mem::replace(&mut self.state, State::Empty);
        self.state = match (state, message) {
            (state, Message::Ack { seq }) => {
                if let Allowed::Receipt(receipt) = &mut self.allowed {
                    *receipt = Some(seq);
                }
                state
            }
            (State::Empty, message @ (Message::Busy(_) | Message::Error { .. })) => {
                State::Complete(message)
            }
            (State::Empty | State::OpenData, message) if self.takes_data(&message) => {
                self.admit_data(message)?
            }
            (State::Empty, Message::Headers(headers)) => {
                self.admit_headers(&headers)?;
                State::Complete(Message::Headers(headers))
            }
            (State::Empty, Message::Sketch(sketch)) => {
                let Allowed::Sketch(room) = self.allowed else {
                    return Err(WireError::OutOfPlace(frame.id));
                };
                room.admit(&sketch)?;
                State::Complete(Message::Sketch(sketch))
            }
            (State::Empty, Message::Blocks(blocks)) => {
                self.admit_blocks(&blocks)?;
                State::Open(blocks)
            }
            (State::Open(mut sum), Message::Blocks(blocks)) => {
                self.admit_blocks(&blocks)?;
                sum.credits = blocks.credits;
                sum.blocks.extend(blocks.blocks);
                State::Open(sum)
            }
            (State::Empty, Message::DaProof(proof)) => {
                let Allowed::Samples(request) = &self.allowed else {
                    return Err(WireError::OutOfPlace(frame.id));
                };
                request.admit(&proof)?;
                State::Complete(Message::DaProof(proof))
            }
            (State::Empty, Message::Peers(peers)) => {
                let Allowed::Peers { left } = self.allowed else {
                    return Err(WireError::OutOfPlace(frame.id));
                };
                if peers.records.len() > left {
                    return Err(WireError::TooMuch);
                }
                State::Complete(Message::Peers(peers))
            }
            (State::Empty, document @ (Message::Pong(_) | Message::TrustedPeersResponse(_)))
                if matches!(self.allowed, Allowed::Document(id) if id == frame.id) =>
            {
                State::Complete(document)
            }
            (State::Empty, missing @ Message::NotFound(_))
                if matches!(self.allowed, Allowed::Samples(_)) =>
            {
                State::Complete(missing)
            }
            (state @ (State::Empty | State::Open(_)), Message::NotFound(missing)) => {
                let Allowed::Blocks { count, .. } = self.allowed else {
                    return Err(WireError::OutOfPlace(frame.id));
                };
                if missing.hashes.len() > count {
                    return Err(WireError::TooMuch);
                }
                let blocks = match state {
                    State::Open(sum) => sum.blocks,
                    _ => Vec::new(),
                };
                State::Complete(Message::Blocks(Blocks {
                    credits: missing.credits,
                    blocks,
                    missing: missing.hashes,
                }))
            }
            (state @ (State::Empty | State::OpenTxs(_)), Message::Tx(txs)) => {
                self.admit_txs(&txs)?;
                State::OpenTxs(match state {
                    State::OpenTxs(mut sum) => {
                        sum.txs.extend(txs.txs);
                        sum
                    }
                    _ => txs,
                })
            }
            (State::Empty, Message::TxNotFound(missing)) if self.is_about(&missing.block) => {
                State::Complete(Message::TxNotFound(missing))
            }
            (State::Empty, Message::BlockAnnounce(bytes))
                if matches!(self.allowed, Allowed::Compact { .. }) =>
            {
                State::Complete(Message::BlockAnnounce(bytes))
            }
            (State::Complete(_), _) => return Err(WireError::TooMuch),
            (_, message) => return Err(WireError::OutOfPlace(message.id())),
        };
        Ok(matches!(self.state, State::Complete(_)))
    }

    /// The sum, once the responder has closed its half of the stream.
    ///
    /// # Errors
    /// Nothing had arrived.
    pub fn finish(self) -> Result<Message, WireError> {
        match (self.state, self.allowed) {
            (State::Complete(message), _) => Ok(message),
            (State::Open(blocks), _) => Ok(Message::Blocks(blocks)),
            (State::OpenTxs(txs), _) => Ok(Message::Tx(txs)),
            (State::OpenData, Allowed::Data(mut room)) => Ok(Message::Data(room.sum())),
            (State::Empty, Allowed::Receipt(Some(seq))) => Ok(Message::Ack { seq }),
            (State::Empty | State::OpenData, _) => Err(WireError::Empty),
        }
    }

    /// Whether `message` may be part of an answer to this `GETDATA`.
    fn takes_data(&self, message: &Message) -> bool {
        match (&self.allowed, message) {
            (Allowed::Data(room), Message::Tx(_)) => {
                room.is_of(ItemKind::Tx) || room.is_of(ItemKind::Message)
            }
            (Allowed::Data(room), Message::Share(_)) => room.is_of(ItemKind::Share),
            (Allowed::Data(_), Message::NotFound(_)) => true,
            _ => false,
        }
    }

    fn admit_data(&mut self, message: Message) -> Result<State, WireError> {
        let id = message.id();
        let Allowed::Data(room) = &mut self.allowed else {
            return Err(WireError::OutOfPlace(id));
        };
        match message {
            Message::Tx(m) => room.admit(m.txs)?,
            Message::Share(m) => room.admit(m.shares)?,
            Message::NotFound(m) => {
                return Ok(State::Complete(Message::Data(room.lack(m.hashes)?)));
            }
            _ => return Err(WireError::OutOfPlace(id)),
        }
        Ok(State::OpenData)
    }

    fn admit_txs(&mut self, txs: &Txs) -> Result<(), WireError> {
        match &mut self.allowed {
            Allowed::Txs { room, .. } => room.admit(txs).ok_or(WireError::TooMuch),
            _ => Err(WireError::OutOfPlace(MessageId::Tx)),
        }
    }

    /// Whether the request was about items or the announce of `asked`.
    fn is_about(&self, asked: &Hash32) -> bool {
        matches!(&self.allowed, Allowed::Txs { block, .. } | Allowed::Compact { block } if block == asked)
    }

    fn admit_headers(&self, headers: &Headers) -> Result<(), WireError> {
        match &self.allowed {
            Allowed::Headers { left } if headers.headers.len() <= *left => Ok(()),
            Allowed::Headers { .. } => Err(WireError::TooMuch),
            _ => Err(WireError::OutOfPlace(MessageId::Headers)),
        }
    }

    fn admit_blocks(&mut self, blocks: &Blocks) -> Result<(), WireError> {
        let Allowed::Blocks {
            count,
            bytes,
            first,
        } = &mut self.allowed
        else {
            return Err(WireError::OutOfPlace(MessageId::Blocks));
        };
        for block in &blocks.blocks {
            *count = count.checked_sub(1).ok_or(WireError::TooMuch)?;
            // The first block is sent whatever its size; then nothing else fits.
            *bytes = match bytes.checked_sub(block.len()) {
                Some(left) => left,
                None if *first => 0,
                None => return Err(WireError::TooMuch),
            };
            *first = false;
        }
        Ok(())
    }
}
