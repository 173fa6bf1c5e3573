//! Limits the number of open connections, in total and per address, before anything is read from them.
//!
//! A connection beyond the limit is closed immediately. For trusted proxies only the total applies, since they serve many clients.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::edge::client::rate_limit_key;
use crate::edge::connection_limiter::{ConnectionLimiter, ConnectionPermit, LimitReached};
use crate::edge::policy::Edge;

/// Acquires a permit for a connection, then accepts it with `inner`.
#[derive(Clone)]
pub(crate) struct LimitedAcceptor<A> {
    inner: A,
    edge: Arc<Edge>,
    limiter: ConnectionLimiter,
}

impl<A> LimitedAcceptor<A> {
    /// An acceptor with the limiter of the public listeners.
    pub(crate) fn new(inner: A, edge: &Arc<Edge>) -> Self {
        Self::with_limiter(inner, edge, edge.connections.clone())
    }

    /// An acceptor with its own limiter: clients of the public listeners cannot exhaust it.
    pub(crate) fn with_limiter(inner: A, edge: &Arc<Edge>, limiter: ConnectionLimiter) -> Self {
        Self { inner, edge: Arc::clone(edge), limiter }
    }

    fn acquire(&self, stream: &TcpStream) -> io::Result<ConnectionPermit> {
        let peer: IpAddr = stream.peer_addr()?.ip().to_canonical();
        let counted = (!self.edge.proxies.contains(peer)).then(|| rate_limit_key(peer));
        self.limiter.acquire(counted).map_err(|full| {
            let reason = match full {
                LimitReached::Total => "TooManyConnections",
                LimitReached::Address => "TooManyConnectionsOfAddress",
            };
            self.edge.metrics.edge.count_refused(reason);
            io::Error::other(reason)
        })
    }
}

impl<A, S> Accept<TcpStream, S> for LimitedAcceptor<A>
where
    A: Accept<TcpStream, S>,
    A::Future: Send + 'static,
{
    type Stream = LimitedStream<A::Stream>;
    type Service = A::Service;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let permit = match self.acquire(&stream) {
            Ok(permit) => permit,
            Err(error) => return Box::pin(async { Err(error) }),
        };
        let accepted = self.inner.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepted.await?;
            Ok((LimitedStream { stream, _permit: permit }, service))
        })
    }
}

/// A connection and its permit.
#[derive(Debug)]
pub(crate) struct LimitedStream<S> {
    stream: S,
    _permit: ConnectionPermit,
}

impl<S: AsyncRead + Unpin> AsyncRead for LimitedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for LimitedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
