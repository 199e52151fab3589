//! One message on a substream: `u32be length || bytes`, the length checked before anything is
//! allocated.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Why no message was read.
#[derive(Debug, thiserror::Error)]
pub(super) enum PrefixedError {
    /// The announced length is over the limit: the peer's fault.
    #[error("a message of {len} bytes, more than {max}")]
    TooLong {
        /// The length announced.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// The substream failed or ended: nobody's fault.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads one message of at most `max` bytes.
pub(super) async fn read<T>(io: &mut T, max: usize) -> Result<Vec<u8>, PrefixedError>
where
    T: AsyncRead + Unpin + Send,
{
    let mut len = [0; 4];
    io.read_exact(&mut len).await?;
    let len = usize::try_from(u32::from_be_bytes(len)).unwrap_or(usize::MAX);
    if len > max {
        return Err(PrefixedError::TooLong { len, max });
    }
    let mut bytes = vec![0; len];
    io.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// Writes one message. The caller has bounded it.
pub(super) async fn write<T>(io: &mut T, message: &[u8]) -> io::Result<()>
where
    T: AsyncWrite + Unpin + Send,
{
    let len = u32::try_from(message.len()).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(4 + message.len());
    bytes.extend(len.to_be_bytes());
    bytes.extend(message);
    io.write_all(&bytes).await?;
    io.flush().await
}
