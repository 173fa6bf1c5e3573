//! A connection that holds a place for as long as it lives, whatever it is upgraded to, and that fails when its other side
//! takes nothing for too long.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::slots::Slot;

pub(super) struct Held<S> {
    stream: S,
    patience: Duration,
    /// Runs while something waits to be sent.
    stalled: Option<Pin<Box<Sleep>>>,
    _slot: Slot,
}

impl<S> Held<S> {
    /// The other side may take nothing of what is sent to it for as long as `patience`.
    pub(super) fn new(stream: S, patience: Duration, slot: Slot) -> Self {
        Self { stream, patience, stalled: None, _slot: slot }
    }

    /// Passes on what came of sending; as an error when nothing has been coming of it for too long.
    fn judge<T>(&mut self, sent: Poll<Result<T>>, context: &mut Context<'_>) -> Poll<Result<T>> {
        if sent.is_ready() {
            self.stalled = None;
            return sent;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the other side does not read")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Held<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Held<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(context, buffer);
        self.judge(sent, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.judge(sent, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let sent = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(sent, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let sent = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge(sent, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Semaphore;

    async fn slot() -> Slot {
        Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap()
    }

    #[tokio::test]
    async fn a_side_that_reads_nothing_is_given_up() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut held = Held::new(ours, Duration::from_millis(50), slot().await);
        assert_eq!(held.write_all(&[0; 64]).await.map_err(|error| error.kind()), Err(ErrorKind::TimedOut));
    }

    #[tokio::test]
    async fn a_side_that_reads_slowly_is_not() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut held = Held::new(ours, Duration::from_secs(5), slot().await);
        let read = async {
            for _ in 0..4 {
                sleep(Duration::from_millis(20)).await;
                theirs.read_exact(&mut [0; 16]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(held.write_all(&[0; 64]), read);
        assert!(written.is_ok());
    }
}
