//! Which frames may answer a request, and their sum as one message.

use super::{
    Frame, WireError,
    blocks::{Blocks, GetBlocks},
    headers::{GetHeaders, Headers},
    message::Message,
    samples::DaGet,
};
use crate::registry::MessageId;

/// The answer to one request while its frames arrive.
///
/// `GET_HEADERS` is answered by one `HEADERS`; `GET_BLOCKS` by any number of `BLOCKS` and then at
/// most one `NOTFOUND`; `DA_GET` by one `DA_PROOF` or `NOTFOUND`; all by a single `BUSY` or `ERROR` instead. An `ACK` may stand anywhere and
/// is the caller's to notice: it never reaches [`Answer::push`]'s sum.
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
    Samples(DaGet),
}

#[derive(Debug)]
enum State {
    Empty,
    Open(Blocks),
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
            (state, Message::Ack { .. }) => state,
            (State::Empty, message @ (Message::Busy(_) | Message::Error { .. })) => {
                State::Complete(message)
            }
            (State::Empty, Message::Headers(headers)) => {
                self.admit_headers(&headers)?;
                State::Complete(Message::Headers(headers))
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
        match self.state {
            State::Empty => Err(WireError::Empty),
            State::Open(blocks) => Ok(Message::Blocks(blocks)),
            State::Complete(message) => Ok(message),
        }
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
