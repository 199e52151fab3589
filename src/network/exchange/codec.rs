//! Frames on a substream.

use std::{io, sync::Arc, time::Duration};

use futures::{AsyncRead, AsyncWrite, StreamExt};
use libp2p::{StreamProtocol, request_response};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    Answer, Config, Lane,
    frames::{self, Read},
    sequence::{Counters, Link},
};
use crate::{
    registry::{MAX_BLOCKS, MessageId},
    wire::{self, Flags, Frame, Message, WireError},
};

/// Most frames of one answer: one per block and a few beside them. Bounds an answer of endless
/// empty frames, which would pass every limit on bytes.
const MAX_FRAMES: usize = MAX_BLOCKS + 4;

/// A request on its way out or in.
#[derive(Debug)]
pub struct Request {
    /// What is asked, or why what came is none.
    pub(super) message: Result<Message, WireError>,
    /// How it is to be treated.
    pub(super) flags: Flags,
    /// Ends the wait for an answer.
    pub(super) cancel: CancellationToken,
}

/// An answer on its way out or in.
#[derive(Debug)]
pub enum Reply {
    /// What we answer.
    Send(Answer),
    /// What came, or why what came is none.
    Received(Result<Message, WireError>),
}

/// Reads and writes the frames of one substream.
///
/// # Correctness
/// libp2p clones the codec it was given once per connection, and that clone once per substream. The
/// one it was given has no [`Link`]; its clones get a new one each, and clones of those share it.
/// So frame numbers are per connection without the behaviour knowing which one libp2p picks.
#[derive(Debug)]
pub struct Codec {
    lane: Lane,
    counters: Arc<Counters>,
    link: Option<Arc<Link>>,
    read_timeout: Duration,
    stall_timeout: Duration,
    turn: Turn,
}

/// What the first half of an exchange leaves for its second half.
#[derive(Debug, Default)]
enum Turn {
    #[default]
    Open,
    Asked {
        seq: u32,
        answer: Result<wire::Answer, WireError>,
        cancel: CancellationToken,
    },
    Acknowledge(u32),
}

impl Clone for Codec {
    fn clone(&self) -> Self {
        let link = match &self.link {
            Some(link) => Arc::clone(link),
            None => Arc::new(Link::new(Arc::clone(&self.counters))),
        };
        Self {
            lane: self.lane,
            counters: Arc::clone(&self.counters),
            link: Some(link),
            read_timeout: self.read_timeout,
            stall_timeout: self.stall_timeout,
            turn: Turn::Open,
        }
    }
}

impl Codec {
    /// The codec to give to libp2p.
    pub(super) fn new(lane: Lane, counters: Arc<Counters>, config: &Config) -> Self {
        Self {
            lane,
            counters,
            link: None,
            read_timeout: config.read_timeout,
            stall_timeout: config.stall_timeout,
            turn: Turn::Open,
        }
    }

    async fn read<T>(
        &self,
        io: &mut T,
        takes: impl Fn(MessageId) -> bool + Send,
    ) -> io::Result<Read>
    where
        T: AsyncRead + Unpin + Send,
    {
        let read = frames::read(io, takes).await?;
        if let (Read::Frame(frame), Some(link)) = (&read, &self.link) {
            link.note(frame.seq);
            self.counters.count(frame.id, true, frame.payload.len());
        }
        Ok(read)
    }

    async fn write<T>(&self, io: &mut T, message: &Message, flags: Flags) -> io::Result<u32>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let seq = self.link.as_ref().map_or(0, |link| link.assign());
        let frame = Frame::new(message, seq, flags).map_err(io::Error::other)?;
        frames::write(io, &frame, self.stall_timeout).await?;
        self.counters.count(frame.id, false, frame.payload.len());
        Ok(seq)
    }

    /// Reads frames until the answer ends.
    async fn collect<T>(
        &self,
        io: &mut T,
        seq: u32,
        mut answer: wire::Answer,
    ) -> io::Result<Result<Message, WireError>>
    where
        T: AsyncRead + Unpin + Send,
    {
        for _ in 0..MAX_FRAMES {
            let frame = match self.read(io, |id| !self.lane.takes(id)).await? {
                Read::Frame(frame) => frame,
                Read::End => return Ok(answer.finish()),
                Read::Refused(e) => return Ok(Err(e)),
            };
            if frame.id == MessageId::Ack
                && let Ok(Message::Ack { seq: other }) = frame.message()
                && other != seq
            {
                return Ok(Err(WireError::OutOfPlace(MessageId::Ack)));
            }
            if let Err(e) = answer.push(&frame) {
                return Ok(Err(e));
            }
        }
        Ok(Err(WireError::TooMuch))
    }
}

impl request_response::Codec for Codec {
    type Protocol = StreamProtocol;
    type Request = Request;
    type Response = Reply;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Request>
    where
        T: AsyncRead + Unpin + Send,
    {
        let read = timeout(self.read_timeout, self.read(io, |id| self.lane.takes(id))).await??;
        let (message, flags) = match read {
            Read::Frame(frame) => {
                if frame.flags.ack {
                    self.turn = Turn::Acknowledge(frame.seq);
                }
                (frame.message(), frame.flags)
            }
            Read::End => (Err(WireError::Empty), Flags::default()),
            Read::Refused(e) => (Err(e), Flags::default()),
        };
        Ok(Request {
            message,
            flags,
            cancel: CancellationToken::new(),
        })
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Reply>
    where
        T: AsyncRead + Unpin + Send,
    {
        let turn = std::mem::take(&mut self.turn);
        let Turn::Asked {
            seq,
            answer,
            cancel,
        } = turn
        else {
            return Err(io::Error::other("an answer without a request"));
        };
        let answer = answer.map_err(io::Error::other)?;
        tokio::select! {
            received = self.collect(io, seq, answer) => Ok(Reply::Received(received?)),
            () = cancel.cancelled() => Err(io::Error::other("cancelled")),
        }
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        request: Request,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let message = request.message.map_err(io::Error::other)?;
        let seq = self.write(io, &message, request.flags).await?;
        self.turn = Turn::Asked {
            seq,
            answer: wire::Answer::to(&message),
            cancel: request.cancel,
        };
        Ok(())
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        reply: Reply,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        if let Turn::Acknowledge(seq) = std::mem::take(&mut self.turn) {
            let ack = Message::Ack { seq };
            self.write(io, &ack, Flags::default()).await?;
        }
        match reply {
            Reply::Send(Answer::One(message)) => {
                self.write(io, &message, Flags::default()).await?;
            }
            Reply::Send(Answer::Stream(mut messages)) => {
                while let Some(message) = messages.next().await {
                    self.write(io, &message, Flags::default()).await?;
                }
            }
            Reply::Received(_) => return Err(io::Error::other("an answer of somebody else")),
        }
        Ok(())
    }
}
