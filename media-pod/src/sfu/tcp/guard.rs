//! Accepts TCP connections on the media ports and forwards those that belong to a transport of the worker.
//!
//! It sends nothing itself: a refused connection is closed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use convene_service::metrics::GaugeGuard;
use convene_service::prefix::client_prefix;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::credentials::{ConnectionPermit, Credentials, PermitError};
use super::limiter::{OpenLimiter, PendingLimiter};
use super::limits::TcpLimits;
use super::splice::{Timeouts, splice};
use super::stun::{FrameError, MAX_FRAME_BYTES, read_first_frame};
use crate::metrics::Metrics;

/// Timeout for the first frame.
const FIRST_FRAME: Duration = Duration::from_secs(5);
/// Timeout for connecting to the worker, which is on this machine.
const CONNECT: Duration = Duration::from_secs(2);
/// Timeouts of a forwarded connection.
const TIMEOUTS: Timeouts = Timeouts { idle: Duration::from_mins(1), write: Duration::from_secs(10) };
/// Backoff after `accept` has failed, such as without free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Minimum time between log lines for such failures.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Connections that the kernel queues until they are accepted.
const BACKLOG: u32 = 1024;
/// Kernel buffer to a client that reads slowly: more data would only arrive late.
const SEND_BUFFER: u32 = 256 * 1024;
/// Kernel buffer from a worker, before the worker has to wait.
const RECEIVE_BUFFER: u32 = 128 * 1024;
/// Displaced connections whose descriptors are about to be closed.
const CLOSING: usize = 32;

/// Reasons a connection is not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// The first frame is not a binding request with ICE credentials.
    Frame(FrameError),
    /// The worker has no transport with these credentials, or the transport has too many connections.
    Permit(PermitError),
    /// The client closed the connection.
    Left,
    /// The first frame did not arrive in time.
    TooSlow,
    /// A newer connection took its place.
    Displaced,
    /// Too many are open.
    TooMany,
    /// There is currently no worker, or it accepts no connections.
    NoWorker,
}

impl Refusal {
    /// A short constant for metric labels and logs.
    fn reason(self) -> &'static str {
        match self {
            Self::Frame(FrameError::NoCredentials) => "NoCredentials",
            Self::Frame(_) => "NotStun",
            Self::Permit(PermitError::Unknown) => "UnknownTransport",
            Self::Permit(PermitError::Signature) => "WrongSignature",
            Self::Permit(PermitError::Full) => "TooManyOfTransport",
            Self::Left => "Left",
            Self::TooSlow => "TooSlow",
            Self::Displaced => "Displaced",
            Self::TooMany => "TooMany",
            Self::NoWorker => "NoWorker",
        }
    }
}

/// Limits the connections of the pod, to all workers together.
#[derive(Debug)]
pub(crate) struct TcpGuard {
    pending: Mutex<PendingLimiter<CancellationToken>>,
    open: Mutex<OpenLimiter>,
    /// Limits the descriptors of connections that are not forwarded, including those just displaced.
    descriptors: Arc<Semaphore>,
    metrics: Metrics,
}

impl TcpGuard {
    pub(crate) fn new(limits: TcpLimits, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self {
            pending: Mutex::new(PendingLimiter::new(limits.pending, limits.pending_per_address)),
            open: Mutex::new(OpenLimiter::new(limits.open, limits.open_per_address)),
            descriptors: Arc::new(Semaphore::new(limits.pending + CLOSING)),
            metrics,
        })
    }

    fn admit_pending(self: &Arc<Self>, address: IpAddr) -> PendingSlot {
        let displaced = CancellationToken::new();
        let (number, other) = lock(&self.pending).add(address, displaced.clone());
        if let Some(other) = other {
            other.cancel();
        }
        PendingSlot { guard: Arc::clone(self), address, number, displaced }
    }

    fn admit_open(self: &Arc<Self>, address: IpAddr) -> Option<OpenSlot> {
        let is_admitted = lock(&self.open).add(address);
        let counted = || GaugeGuard::new(&self.metrics.tcp_open);
        is_admitted.then(|| OpenSlot { guard: Arc::clone(self), address, _counted: counted() })
    }
}

/// The slot of a connection that has not authenticated yet.
struct PendingSlot {
    guard: Arc<TcpGuard>,
    address: IpAddr,
    number: u64,
    displaced: CancellationToken,
}

impl Drop for PendingSlot {
    fn drop(&mut self) {
        lock(&self.guard.pending).remove(self.address, self.number);
    }
}

/// The slot of a forwarded connection.
struct OpenSlot {
    guard: Arc<TcpGuard>,
    address: IpAddr,
    _counted: GaugeGuard,
}

impl Drop for OpenSlot {
    fn drop(&mut self) {
        lock(&self.guard.open).remove(self.address);
    }
}

/// The worker behind a port.
#[derive(Clone, Debug)]
struct Target {
    /// The worker's addresses, one for each listener of the port.
    workers: Vec<SocketAddr>,
    credentials: Credentials,
}

/// The TCP side of one media port. Its listeners remain when the worker behind them ends; all connections end when it is dropped.
#[derive(Debug)]
pub(crate) struct TcpPort {
    target: Arc<Mutex<Option<Target>>>,
    _stop: DropGuard,
}

impl TcpPort {
    /// Listens on a port of these addresses. Nothing is forwarded before there is a worker.
    pub(crate) fn open(guard: &Arc<TcpGuard>, ips: &[IpAddr], port: u16) -> std::io::Result<Self> {
        let listeners = ips.iter().map(|ip| bind(*ip, port)).collect::<Result<Vec<_>, _>>()?;
        let (target, stop) = (Arc::default(), CancellationToken::new());
        for (number, listener) in listeners.into_iter().enumerate() {
            let (guard, target) = (Arc::clone(guard), Arc::clone(&target));
            let acceptor = Acceptor { guard, target, number, stop: stop.clone() };
            tokio::spawn(acceptor.run(listener));
        }
        Ok(Self { target, _stop: stop.drop_guard() })
    }

    /// Forwards connections to a worker that listens at these addresses, one for each listener in order.
    pub(crate) fn forward_to(&self, workers: Vec<SocketAddr>, credentials: Credentials) {
        self.replace(Some(Target { workers, credentials }));
    }

    /// Ends all connections and refuses new ones: the worker has ended.
    pub(crate) fn close(&self) {
        self.replace(None);
    }

    fn replace(&self, target: Option<Target>) {
        let old = std::mem::replace(&mut *lock(&self.target), target);
        if let Some(old) = old {
            old.credentials.clear();
        }
    }
}

/// The loopback address of a worker for a listener of this family, so that clients see addresses of their own family in responses.
pub(crate) fn loopback(ip: IpAddr) -> IpAddr {
    if ip.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() }
}

/// Binds a listener of one address family only: the other has a separate socket on the same port.
fn bind(ip: IpAddr, port: u16) -> std::io::Result<TcpListener> {
    let socket = if ip.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if ip.is_ipv6() {
        rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
    }
    socket.set_reuseaddr(true)?;
    // Accepted sockets inherit it.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(SocketAddr::new(ip, port))?;
    socket.listen(BACKLOG)
}

/// Accepts the connections of one listener.
#[derive(Clone)]
struct Acceptor {
    guard: Arc<TcpGuard>,
    target: Arc<Mutex<Option<Target>>>,
    number: usize,
    stop: CancellationToken,
}

impl Acceptor {
    async fn run(self, listener: TcpListener) {
        let mut logged: Option<Instant> = None;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, address)) => self.admit(stream, address).await,
                Err(error) => {
                    if logged.is_none_or(|last| last.elapsed() >= LOG_INTERVAL) {
                        tracing::warn!(%error, "could not accept TCP connections for media");
                        logged = Some(Instant::now());
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Serves a connection. Waits while displaced connections still hold descriptors.
    async fn admit(&self, stream: TcpStream, address: SocketAddr) {
        let slot = self.guard.admit_pending(client_prefix(address.ip()));
        let Ok(descriptor) = Arc::clone(&self.guard.descriptors).acquire_owned().await else { return };
        let (acceptor, stop) = (self.clone(), self.stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = acceptor.serve(descriptor, slot, stream) => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// Parameters are dropped from last to first, so a slot becomes free after its descriptor.
    async fn serve(self, descriptor: OwnedSemaphorePermit, slot: PendingSlot, mut stream: TcpStream) {
        let accepted = tokio::select! {
            accepted = self.authenticate(&mut stream, slot.address) => accepted,
            () = slot.displaced.cancelled() => Err(Refusal::Displaced),
        };
        let outcome = accepted.as_ref().map_or_else(|refusal| refusal.reason(), |_| "Accepted");
        self.guard.metrics.tcp_connections.with_label_values(&[outcome]).inc();
        let Ok(Accepted { worker, permit, open }) = accepted else { return };
        drop((slot, descriptor));
        tokio::select! {
            ended = splice(stream, worker, TIMEOUTS) => {
                tracing::debug!(?ended, "a TCP connection for media ended");
            }
            () = permit.ended.cancelled() => {}
        }
        drop(open);
    }

    /// Reads the first frame and connects to the worker.
    async fn authenticate(&self, stream: &mut TcpStream, address: IpAddr) -> Result<Accepted, Refusal> {
        let mut received = Vec::with_capacity(MAX_FRAME_BYTES);
        let (permit, worker) =
            timeout(FIRST_FRAME, self.first_frame(stream, &mut received)).await.unwrap_or(Err(Refusal::TooSlow))?;
        let open = self.guard.admit_open(address).ok_or(Refusal::TooMany)?;
        let worker = connect(worker, &received).await.ok_or(Refusal::NoWorker)?;
        // Packets must not wait to be combined.
        let _ = stream.set_nodelay(true);
        Ok(Accepted { worker, permit, open })
    }

    async fn first_frame(
        &self,
        stream: &mut TcpStream,
        received: &mut Vec<u8>,
    ) -> Result<(ConnectionPermit, SocketAddr), Refusal> {
        loop {
            // Reads at most the vector's free capacity, which fits the longest frame.
            let count = stream.read_buf(received).await.map_err(|_| Refusal::Left)?;
            if count == 0 {
                return Err(Refusal::Left);
            }
            if let Some(request) = read_first_frame(received).map_err(Refusal::Frame)? {
                let target = lock(&self.target).clone().ok_or(Refusal::NoWorker)?;
                let permit = target.credentials.permit(&request).map_err(Refusal::Permit)?;
                let worker = target.workers.get(self.number).copied().ok_or(Refusal::NoWorker)?;
                return Ok((permit, worker));
            }
        }
    }
}

/// A connection that may be forwarded.
struct Accepted {
    worker: TcpStream,
    permit: ConnectionPermit,
    open: OpenSlot,
}

/// Connects to the worker and forwards what the client has sent so far.
async fn connect(address: SocketAddr, received: &[u8]) -> Option<TcpStream> {
    let connecting = async {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        let mut worker = socket.connect(address).await?;
        worker.set_nodelay(true)?;
        worker.write_all(received).await?;
        std::io::Result::Ok(worker)
    };
    timeout(CONNECT, connecting).await.ok()?.ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
