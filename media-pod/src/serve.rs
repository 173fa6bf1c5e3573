//! Accepting connections: plain and TLS listeners, limits on what strangers may hold open, an orderly end.
//!
//! HTTP/1.1 with upgrades only, which is all that signaling and its pages need. Of routes it knows just the one that tells
//! whether the process lives.

mod certificate;
mod held;
mod slots;

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

pub use certificate::{Certificate, CertificateError, keep};
pub use slots::{connections_for, raise_open_files};

use held::Held;
use slots::{Slot, Slots};

/// Connections that wait to be accepted while this process is busy.
const BACKLOG: u32 = 4096;
/// Between requests a connection may rest this long; above what load balancers allow themselves, so that they close first.
const IDLE: Duration = Duration::from_secs(75);
/// How long the other side may take nothing of what is sent to it.
const STALLED: Duration = Duration::from_secs(30);
/// Request line and headers together.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// What a connection over the limit is told, where it can be told anything.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 5\r\n\
    Connection: close\r\nContent-Length: 26\r\n\r\ntoo many open connections\n";
/// What a connection over the limit may ask all the same: whoever watches over this process must not take it for dead.
const VITAL: &[u8] = b"GET /healthz ";
const ALIVE: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 3\r\n\r\nok\n";
/// Connections over the limit that are told so at the same time; the rest are just closed.
const GOODBYES: u32 = 256;
/// How long it may take to hear and tell them.
const GOODBYE: Duration = Duration::from_secs(1);
/// Pause after a failure of accepting itself, such as no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What connections are allowed.
#[derive(Clone, Copy, Debug)]
pub struct ServeLimits {
    /// Open at the same time.
    pub connections: u32,
    /// Time for the TLS handshake, and then for the head of the first request.
    pub head: Duration,
}

/// All listeners of the process and their connections; clones share them.
#[derive(Clone, Debug)]
pub struct Server {
    slots: Arc<Slots>,
    goodbyes: Arc<Slots>,
    head: Duration,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

/// Binds an address, so that a taken port is known before anything else starts.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Server {
    /// No listeners yet.
    pub fn new(limits: ServeLimits) -> Self {
        Self {
            slots: Slots::new("connections", limits.connections),
            goodbyes: Slots::new("refused connections that are told why", GOODBYES),
            head: limits.head,
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Serves a listener, by TLS if there is a certificate, until the end.
    pub fn serve(&self, listener: TcpListener, certificate: Option<&Certificate>, router: Router) {
        let tls = certificate.map(Certificate::acceptor);
        self.tasks.spawn(self.clone().accept(listener, tls, router));
    }

    /// Accepts no further connections, and waits up to `at_most` for the open ones to end: requests get their answer, upgraded
    /// sockets, which their rooms close, their close frame.
    pub async fn end(&self, at_most: Duration) {
        self.stopping.cancel();
        self.tasks.close();
        let all_ended = async {
            self.tasks.wait().await;
            self.slots.all_free().await;
        };
        if timeout(at_most, all_ended).await.is_err() {
            tracing::debug!(connections = self.slots.taken(), "some connections did not end in time");
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
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, address: SocketAddr, tls: Option<&TlsAcceptor>, router: &Router) {
        let Some(slot) = self.slots.take() else {
            if let (None, Some(slot)) = (tls, self.goodbyes.take()) {
                self.tasks.spawn(say_goodbye(stream, slot));
            }
            return;
        };
        // Signaling is small messages that somebody waits for.
        let _ = stream.set_nodelay(true);
        let stream = Held::new(stream, STALLED, slot);
        let connection = Connection { address, router: router.clone(), server: self.clone() };
        self.tasks.spawn(connection.serve(stream, tls.cloned()));
    }
}

/// Closed with something unread, the connection would be reset and the answer lost.
async fn say_goodbye(mut stream: TcpStream, _slot: Slot) {
    let goodbye = async {
        let mut heard = [0; 1024];
        let count = stream.read(&mut heard).await?;
        stream.write_all(if heard[..count].starts_with(VITAL) { ALIVE } else { BUSY }).await?;
        stream.shutdown().await?;
        while stream.read(&mut heard).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _ = timeout(GOODBYE, goodbye).await;
}

struct Connection {
    address: SocketAddr,
    router: Router,
    server: Server,
}

impl Connection {
    async fn serve(self, stream: Held<TcpStream>, tls: Option<TlsAcceptor>) {
        let Some(tls) = tls else { return self.http(stream).await };
        let address = self.address;
        match timeout(self.server.head, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.http(stream).await,
            Ok(Err(error)) => tracing::debug!(%address, %error, "no TLS"),
            Err(_) => tracing::debug!(%address, "no TLS in time"),
        }
    }

    async fn http<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(self, stream: S) {
        let Self { address, router, server } = self;
        let is_heard = Arc::<AtomicBool>::default();
        let service = {
            let is_heard = Arc::clone(&is_heard);
            service_fn(move |request| {
                is_heard.store(true, Ordering::Relaxed);
                answer(router.clone(), address, request)
            })
        };
        let connection = http().serve_connection(TokioIo::new(stream), service).with_upgrades();
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = too_quiet(server.head, &is_heard) => return,
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

/// Returns when nothing has been heard in time, and else never.
async fn too_quiet(patience: Duration, is_heard: &AtomicBool) {
    sleep(patience).await;
    if is_heard.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
