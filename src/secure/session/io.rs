//! The session as a byte stream.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::{AsyncRead, AsyncWrite};

use super::{Session, SessionError, reader::Next};
use crate::secure::End;

impl<C: AsyncRead + Unpin> AsyncRead for Session<C> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if out.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            let copied = this.reader.take(out);
            if copied > 0 || this.reader.is_closed() {
                return Poll::Ready(Ok(copied));
            }
            this.check(cx)?;
            if this.next()? != Next::Incomplete {
                continue;
            }
            let space = this.reader.space();
            match Pin::new(&mut this.io).poll_read(cx, space) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(this.fail(SessionError::Truncated))),
                Poll::Ready(Ok(n)) => this.reader.filled(n),
                Poll::Ready(Err(e)) => return Poll::Ready(Err(this.failed_io(e))),
                Poll::Pending => {
                    this.reader.rest();
                    return Poll::Pending;
                }
            }
        }
    }
}

impl<C: AsyncWrite + Unpin> Session<C> {
    /// Writes sealed records to the stream until none is left.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.writer.pending().is_empty() {
            match ready!(Pin::new(&mut self.io).poll_write(cx, self.writer.pending())) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(n) => self.writer.sent(n),
                Err(e) => return Poll::Ready(Err(self.failed_io(e))),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Session<C> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check(cx)?;
        if this.writer.is_closed() {
            return Poll::Ready(Err(SessionError::Closed.into()));
        }
        if this.writer.is_full() {
            ready!(this.poll_drain(cx))?;
        }
        let n = this.writer.push(data);
        this.info.count_out(n);
        this.note_rekeys();
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.writer.seal();
        this.note_rekeys();
        ready!(this.poll_drain(cx))?;
        ready!(Pin::new(&mut this.io).poll_flush(cx))?;
        this.writer.rest();
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.writer.close();
        ready!(Pin::new(&mut *this).poll_flush(cx))?;
        ready!(Pin::new(&mut this.io).poll_close(cx))?;
        if this.end == End::Dropped {
            this.end = End::Closed;
        }
        Poll::Ready(Ok(()))
    }
}
