//! HTTP listeners, plain or with TLS, with limits on connections and timeouts, and a graceful end.
//!
//! They know no program, and no route except `/healthz`, which they answer themselves when there are too many connections. A handler that
//! panics does not end its connection, and a listener without free file descriptors goes on when there are some again.

mod connection;
mod noise;
mod rejection;
mod stream;

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::http::limiter::{ConnectionLimiter, ConnectionPermit, LimitReached};
#[cfg(feature = "tls")]
use crate::http::tls::Certificate;

use connection::{Connection, Transport};
use noise::{AcceptErrors, LogPeriod};
use rejection::reject;
use stream::LimitedStream;

/// Connections that the kernel queues until they are accepted.
const BACKLOG: u32 = 4096;
/// Time limit for a peer that does not read what is sent to it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections over the limit that are answered at the same time; others are closed without a response.
const REJECTIONS: usize = 256;
/// Pause after `accept` has failed, such as without free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Decides which connections a listener accepts.
pub trait Gate: Debug + Send + Sync {
    /// Takes a permit for a connection of this address, an IPv4 address never as part of an IPv6 address.
    fn admit(&self, peer: IpAddr) -> Result<ConnectionPermit, LimitReached>;
}

/// A limit in total.
impl Gate for ConnectionLimiter {
    fn admit(&self, _: IpAddr) -> Result<ConnectionPermit, LimitReached> {
        self.acquire(None)
    }
}

/// Versions of HTTP that a listener serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// HTTP/1.1, with upgrades.
    #[default]
    Http1,
    /// HTTP/2 too.
    #[cfg(feature = "http2")]
    Http1And2,
}

#[cfg(feature = "tls")]
impl Versions {
    /// Their names in TLS (ALPN), preferred ones first.
    fn protocols(self) -> &'static [&'static [u8]] {
        match self {
            Self::Http1 => &[b"http/1.1"],
            #[cfg(feature = "http2")]
            Self::Http1And2 => &[b"h2", b"http/1.1"],
        }
    }
}

/// Settings of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Time limit for the TLS handshake, and then for the head of the first request.
    pub first_request: Duration,
    /// How long a connection may be idle between requests, and the time limit for the head of a later request.
    pub idle: Duration,
    /// Largest request line and headers together, in bytes; at least 8 KiB.
    pub max_head_bytes: usize,
    /// Versions of HTTP.
    pub versions: Versions,
}

impl Default for Settings {
    /// Load balancers have shorter idle timeouts, so that they close first.
    fn default() -> Self {
        Self {
            first_request: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            max_head_bytes: 64 * 1024,
            versions: Versions::Http1,
        }
    }
}

/// A set of listeners and their connections; clones share them.
#[derive(Clone, Debug)]
pub struct Server {
    gate: Arc<dyn Gate>,
    settings: Settings,
    rejections: ConnectionLimiter,
    refused: Arc<LogPeriod>,
    stopping: CancellationToken,
    /// Tasks, and connections with what they were upgraded to.
    tasks: TaskTracker,
}

/// Binds an address, so that a port in use is reported before anything else starts. Must be called in a Tokio runtime.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Server {
    /// A server without listeners. All its listeners share the limits of `gate`.
    pub fn new(gate: Arc<dyn Gate>, settings: Settings) -> Self {
        Self {
            gate,
            settings,
            rejections: ConnectionLimiter::in_total(REJECTIONS),
            refused: Arc::default(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Serves a listener until [`shut_down`](Self::shut_down). Handlers find the address of the client as [`ConnectInfo`].
    ///
    /// [`ConnectInfo`]: axum::extract::ConnectInfo
    pub fn serve(&self, listener: TcpListener, app: Router) {
        self.tasks.spawn(self.clone().accept(listener, Transport::Plain, app));
    }

    /// Serves a listener with TLS.
    #[cfg(feature = "tls")]
    pub fn serve_tls(&self, listener: TcpListener, certificate: &Certificate, app: Router) {
        let transport = Transport::Tls(certificate.acceptor(self.settings.versions.protocols()));
        self.tasks.spawn(self.clone().accept(listener, transport, app));
    }

    /// Accepts no further connections once the guard is dropped, and ends the open ones like [`shut_down`](Self::shut_down). For futures that
    /// serve, which may be dropped before they are complete.
    pub fn stop_on_drop(&self) -> DropGuard {
        self.stopping.clone().drop_guard()
    }

    /// Accepts no further connections, and waits up to `at_most` for the open ones to end: requests get their response, and upgraded
    /// sockets, which their handlers close, their close frame.
    pub async fn shut_down(&self, at_most: Duration) {
        self.stopping.cancel();
        self.tasks.close();
        if timeout(at_most, self.tasks.wait()).await.is_err() {
            tracing::debug!(connections = self.tasks.len(), "some connections did not end in time");
        }
    }

    async fn accept(self, listener: TcpListener, transport: Transport, app: Router) {
        let mut errors = AcceptErrors::default();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stopping.cancelled() => return,
            };
            match accepted {
                Ok((stream, address)) => {
                    errors.end();
                    self.admit(stream, address, &transport, &app);
                }
                Err(error) => {
                    errors.add(&error, Instant::now());
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, address: SocketAddr, transport: &Transport, app: &Router) {
        let permit = match self.gate.admit(address.ip().to_canonical()) {
            Ok(permit) => permit,
            Err(limit) => return self.refuse(stream, limit, transport),
        };
        // Signaling messages are small and must not wait to be combined.
        let _ = stream.set_nodelay(true);
        let stream = LimitedStream::new(stream, WRITE_TIMEOUT, (permit, self.tasks.token()));
        let connection = Connection { address, app: app.clone(), server: self.clone() };
        self.tasks.spawn(connection.serve(stream, transport.clone()));
    }

    /// A TLS handshake would cost more than the response is worth.
    fn refuse(&self, stream: TcpStream, limit: LimitReached, transport: &Transport) {
        if self.refused.begins(Instant::now()) {
            tracing::warn!(reason = limit.reason(), "connection limit reached: further connections are refused");
        }
        if let (Transport::Plain, Ok(permit)) = (transport, self.rejections.acquire(None)) {
            self.tasks.spawn(reject(stream, permit));
        }
    }
}

#[cfg(test)]
mod tests;
