//! HTTP listeners, plain or with TLS, with limits on connections and timeouts, and a graceful shutdown.
//!
//! HTTP/1.1 with upgrades only, which is all that signaling and its pages need. It knows nothing of the pod, and no route except `/healthz`,
//! which it answers itself when there are too many connections.

mod certificate;
mod connections;
mod stream;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

pub use certificate::CertificateError;
pub(crate) use certificate::{Certificate, TlsFiles, follow};
pub(crate) use connections::connections_for;
pub use connections::raise_open_files;

use connections::{ConnectionLimiter, ConnectionSlot};
use stream::LimitedStream;

/// Connections that the kernel queues until they are accepted.
const BACKLOG: u32 = 4096;
/// Idle timeout between requests; longer than that of load balancers, so that they close first.
const IDLE: Duration = Duration::from_secs(75);
/// Timeout for a peer that does not read what is sent to it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest request line and headers together.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Response to a connection over the limit.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 5\r\n\
    Connection: close\r\nContent-Length: 26\r\n\r\ntoo many open connections\n";
/// Start of the request that is answered over the limit too, so that a liveness probe does not fail.
const LIVENESS: &[u8] = b"GET /healthz ";
const ALIVE: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 3\r\n\r\nok\n";
/// Connections over the limit that are answered at the same time; others are closed without a response.
const REJECTIONS: u32 = 256;
/// Timeout for answering them.
const REJECTION_TIMEOUT: Duration = Duration::from_secs(1);
/// Backoff after `accept` has failed, such as without free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Limits of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServeLimits {
    /// Connections open at the same time.
    pub(crate) connections: u32,
    /// Timeout for the TLS handshake, and then for the head of the first request.
    pub(crate) head: Duration,
}

/// A set of listeners and their connections; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    connections: Arc<ConnectionLimiter>,
    rejections: Arc<ConnectionLimiter>,
    head: Duration,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

/// Binds an address, so that a port in use is reported before anything else starts.
pub(crate) fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Server {
    /// A server without listeners.
    pub(crate) fn new(limits: ServeLimits) -> Self {
        Self {
            connections: ConnectionLimiter::new("connections", limits.connections),
            rejections: ConnectionLimiter::new("rejected connections", REJECTIONS),
            head: limits.head,
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Serves a listener, with TLS if there is a certificate, until [`Server::shut_down`].
    pub(crate) fn serve(&self, listener: TcpListener, certificate: Option<&Certificate>, router: Router) {
        let tls = certificate.map(Certificate::acceptor);
        self.tasks.spawn(self.clone().accept(listener, tls, router));
    }

    /// Accepts no further connections, and waits up to `at_most` for the open ones to end: requests get their response, and upgraded
    /// sockets, which their rooms close, their close frame.
    pub(crate) async fn shut_down(&self, at_most: Duration) {
        self.stopping.cancel();
        self.tasks.close();
        let all_ended = async {
            self.tasks.wait().await;
            self.connections.all_free().await;
        };
        if timeout(at_most, all_ended).await.is_err() {
            tracing::debug!(connections = self.connections.used(), "some connections did not end in time");
        }
    }

    async fn accept(self, listener: TcpListener, tls: Option<TlsAcceptor>, router: Router) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stopping.cancelled() => return,
            };
            match accepted {
                Ok((stream, address)) => self.admit(stream, address, tls.as_ref(), &router),
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, address: SocketAddr, tls: Option<&TlsAcceptor>, router: &Router) {
        let Some(slot) = self.connections.acquire() else {
            if let (None, Some(slot)) = (tls, self.rejections.acquire()) {
                self.tasks.spawn(reject(stream, slot));
            }
            return;
        };
        // Signaling messages are small and must not wait to be combined.
        let _ = stream.set_nodelay(true);
        let stream = LimitedStream::new(stream, WRITE_TIMEOUT, slot);
        let connection = Connection { address, router: router.clone(), server: self.clone() };
        self.tasks.spawn(connection.serve(stream, tls.cloned()));
    }
}

/// Answers a connection over the limit. It reads to the end: closed with unread data, the connection would be reset and the response
/// lost.
async fn reject(mut stream: TcpStream, _slot: ConnectionSlot) {
    let rejection = async {
        let mut received = [0; 1024];
        let count = stream.read(&mut received).await?;
        stream.write_all(if received[..count].starts_with(LIVENESS) { ALIVE } else { BUSY }).await?;
        stream.shutdown().await?;
        while stream.read(&mut received).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _ = timeout(REJECTION_TIMEOUT, rejection).await;
}

struct Connection {
    address: SocketAddr,
    router: Router,
    server: Server,
}

impl Connection {
    async fn serve(self, stream: LimitedStream<TcpStream>, tls: Option<TlsAcceptor>) {
        let Some(tls) = tls else { return self.http(stream).await };
        let address = self.address;
        match timeout(self.server.head, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.http(stream).await,
            Ok(Err(error)) => tracing::debug!(%address, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(%address, "TLS handshake timed out"),
        }
    }

    async fn http<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(self, stream: S) {
        let Self { address, router, server } = self;
        let has_request = Arc::<AtomicBool>::default();
        let service = {
            let has_request = Arc::clone(&has_request);
            service_fn(move |request| {
                has_request.store(true, Ordering::Relaxed);
                answer(router.clone(), address, request)
            })
        };
        let connection = http().serve_connection(TokioIo::new(stream), service).with_upgrades();
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = no_request(server.head, &has_request) => return,
            () = server.stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%address, %error, "a connection failed");
        }
    }
}

fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(MAX_HEAD_BYTES);
    http
}

async fn answer(mut router: Router, address: SocketAddr, request: Request<Incoming>) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(address));
    router.call(request).await
}

/// Returns if there has been no request in time, otherwise never.
async fn no_request(at_most: Duration, has_request: &AtomicBool) {
    sleep(at_most).await;
    if has_request.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
