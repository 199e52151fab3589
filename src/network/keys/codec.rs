//! The two messages: canonical CBOR behind a length.

use std::io;

use futures::{AsyncRead, AsyncWrite};
use libp2p::{StreamProtocol, request_response};

use crate::{
    cbor::{CborError, Reader, Writer},
    identity::PublicIdentity,
    ids::Hash32,
    network::prefixed::{self, PrefixedError},
    offence::Offence,
};

/// Most keys in one exchange.
pub const MAX_KEYS: usize = 16;

/// Longest request: the digests with their heads.
pub(super) const MAX_REQUEST_BYTES: usize = 2 + MAX_KEYS * 34;

/// Longest answer: the keys with their heads.
pub(super) const MAX_ANSWER_BYTES: usize = 2 + MAX_KEYS * (8 + PublicIdentity::MAX_BYTES);

/// What is asked, or why what came is no request.
pub(super) type Wanted = Result<Vec<Hash32>, Refused>;

/// Keys, none of them twice.
pub(super) type Keys = Vec<PublicIdentity>;

/// What is answered, or why what came is no answer.
pub(super) type Reply = Result<Keys, Refused>;

/// Why a message was refused.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct Refused {
    /// What the sender did wrong.
    pub(super) offence: Offence,
    /// What exactly.
    pub(super) detail: String,
}

impl From<CborError> for Refused {
    fn from(error: CborError) -> Self {
        let offence = match error.is_non_canonical() {
            true => Offence::NonCanonicalCbor,
            false => Offence::MalformedMessage,
        };
        Self {
            offence,
            detail: error.to_string(),
        }
    }
}

/// Reads and writes the messages.
#[derive(Debug, Clone, Copy)]
pub struct Codec;

impl request_response::Codec for Codec {
    type Protocol = StreamProtocol;
    type Request = Wanted;
    type Response = Reply;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Wanted>
    where
        T: AsyncRead + Unpin + Send,
    {
        let message = message(io, MAX_REQUEST_BYTES).await?;
        Ok(message.and_then(|bytes| decode_request(&bytes)))
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Reply>
    where
        T: AsyncRead + Unpin + Send,
    {
        let message = message(io, MAX_ANSWER_BYTES).await?;
        Ok(message.and_then(|bytes| decode_answer(&bytes)))
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        wanted: Wanted,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let wanted = wanted.map_err(io::Error::other)?;
        prefixed::write(io, &encode_request(&wanted)).await
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
        let keys = reply.map_err(io::Error::other)?;
        prefixed::write(io, &encode_answer(&keys)).await
    }
}

async fn message<T>(io: &mut T, max: usize) -> io::Result<Result<Vec<u8>, Refused>>
where
    T: AsyncRead + Unpin + Send,
{
    match prefixed::read(io, max).await {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(PrefixedError::Io(e)) => Err(e),
        Err(e @ PrefixedError::TooLong { .. }) => Ok(Err(Refused {
            offence: Offence::OversizedMessage,
            detail: e.to_string(),
        })),
    }
}

/// The request for the keys with these digests, at most [`MAX_KEYS`].
#[must_use]
pub fn encode_request(wanted: &[Hash32]) -> Vec<u8> {
    let mut out = Writer::new();
    out.array(wanted.len());
    for digest in wanted {
        out.bytes(digest.as_bytes());
    }
    out.finish()
}

/// Reads a request.
///
/// # Errors
/// Not canonical CBOR, or not of this form.
pub fn decode_request(bytes: &[u8]) -> Result<Vec<Hash32>, Refused> {
    let mut reader = Reader::new(bytes);
    let n = reader.array(MAX_KEYS)?;
    let mut wanted = Vec::with_capacity(n);
    for _ in 0..n {
        wanted.push(Hash32(reader.fixed()?));
    }
    reader.finish()?;
    Ok(wanted)
}

/// The answer with these keys, at most [`MAX_KEYS`].
#[must_use]
pub fn encode_answer(keys: &[PublicIdentity]) -> Vec<u8> {
    let mut out = Writer::new();
    out.array(keys.len());
    for key in keys {
        out.array(2).uint(key.alg().id().into());
        out.bytes(key.as_bytes());
    }
    out.finish()
}

/// Reads an answer, whose keys may be any.
///
/// # Errors
/// Not canonical CBOR, not of this form, or an unusable key.
pub fn decode_answer(bytes: &[u8]) -> Result<Vec<PublicIdentity>, Refused> {
    let mut reader = Reader::new(bytes);
    let n = reader.array(MAX_KEYS)?;
    let mut keys = Vec::with_capacity(n);
    for _ in 0..n {
        reader.array_of(2)?;
        let alg = u16::try_from(reader.uint()?).map_err(|_| CborError::OutOfRange)?;
        let key = reader.bytes_max(PublicIdentity::MAX_BYTES)?;
        let key = PublicIdentity::decode(alg, key).map_err(|e| Refused {
            offence: Offence::MalformedMessage,
            detail: e.to_string(),
        })?;
        keys.push(key);
    }
    reader.finish()?;
    Ok(keys)
}
