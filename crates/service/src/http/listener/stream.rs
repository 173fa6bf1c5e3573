//! A connection that holds a guard, such as its permit, while it is open, whatever it is upgraded to, and that fails if the peer does not
//! read. It changes no bytes.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream with a write timeout.
pub(super) struct LimitedStream<S, G> {
    stream: S,
    write_timeout: Duration,
    /// Runs while data waits to be written.
    stalled: Option<Pin<Box<Sleep>>>,
    _guard: G,
}

impl<S, G> LimitedStream<S, G> {
    /// Writes fail once the peer has accepted no data for `write_timeout`.
    pub(super) fn new(stream: S, write_timeout: Duration, guard: G) -> Self {
        Self { stream, write_timeout, stalled: None, _guard: guard }
    }

    /// The result of a write, or an error if it has been pending too long.
    fn with_timeout<T>(&mut self, sent: Poll<Result<T>>, context: &mut Context<'_>) -> Poll<Result<T>> {
        if sent.is_ready() {
            self.stalled = None;
            return sent;
        }
        let write_timeout = self.write_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(write_timeout)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the other side does not read")))
    }
}

impl<S: AsyncRead + Unpin, G: Unpin> AsyncRead for LimitedStream<S, G> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin, G: Unpin> AsyncWrite for LimitedStream<S, G> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(context, buffer);
        self.with_timeout(sent, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.with_timeout(sent, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let sent = Pin::new(&mut self.stream).poll_flush(context);
        self.with_timeout(sent, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let sent = Pin::new(&mut self.stream).poll_shutdown(context);
        self.with_timeout(sent, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_write_fails_if_the_peer_does_not_read() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut stream = LimitedStream::new(ours, Duration::from_millis(50), ());
        assert_eq!(stream.write_all(&[0; 64]).await.map_err(|error| error.kind()), Err(ErrorKind::TimedOut));
    }

    #[tokio::test]
    async fn a_peer_that_reads_slowly_is_not_cut_off() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut stream = LimitedStream::new(ours, Duration::from_secs(5), ());
        let read = async {
            for _ in 0..4 {
                sleep(Duration::from_millis(20)).await;
                theirs.read_exact(&mut [0; 16]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(stream.write_all(&[0; 64]), read);
        assert!(written.is_ok());
    }
}
