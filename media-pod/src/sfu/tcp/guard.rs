//! Accepts TCP connections on the media ports and passes those on to a worker that belong to one of its transports.
//!
//! It speaks no protocol and answers nothing: what is refused is closed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::credentials::{Claim, Credentials, Unclaimed};
use super::limits::{TcpLimits, bucket};
use super::places::{Open, Pending};
use super::splice::{Patience, splice};
use super::stun::{FrameError, MAX_FRAME_BYTES, read_first_frame};
use crate::metrics::{Counted, Metrics};

/// Time for the first frame.
const FIRST_FRAME: Duration = Duration::from_secs(5);
/// Time for the worker, on this machine, to take a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// How long either side may keep the other waiting.
const PATIENCE: Patience = Patience { silence: Duration::from_mins(1), stalled: Duration::from_secs(10) };
/// Pause after a failure of accepting itself, such as no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often such failures are logged.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(10);
/// Connections that the kernel keeps until they are accepted.
const BACKLOG: u32 = 1024;
/// What the kernel keeps for a client that reads slowly: more would only be late.
const SEND_BUFFER: u32 = 256 * 1024;
/// What the kernel keeps of a worker's bytes before the worker has to wait.
const RECEIVE_BUFFER: u32 = 128 * 1024;
/// Connections that have lost their places and whose descriptors are about to be closed.
const LEAVING: usize = 32;

/// Why a connection is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// The first frame is something else.
    Frame(FrameError),
    /// The first frame names no live transport of the worker.
    Unclaimed(Unclaimed),
    /// The client closed it before.
    Left,
    /// The first frame did not come in time.
    TooSlow,
    /// It lost its place to a newer connection.
    Displaced,
    /// Too many are open.
    TooMany,
    /// There is no worker at this moment, or it takes no connection.
    NoWorker,
}

impl Refusal {
    /// A short constant for metric labels and logs.
    fn reason(self) -> &'static str {
        match self {
            Self::Frame(FrameError::NoCredentials) => "NoCredentials",
            Self::Frame(_) => "NotStun",
            Self::Unclaimed(Unclaimed::Unknown) => "UnknownTransport",
            Self::Unclaimed(Unclaimed::Signature) => "WrongSignature",
            Self::Unclaimed(Unclaimed::Full) => "TooManyOfTransport",
            Self::Left => "Left",
            Self::TooSlow => "TooSlow",
            Self::Displaced => "Displaced",
            Self::TooMany => "TooMany",
            Self::NoWorker => "NoWorker",
        }
    }
}

/// Counts all connections of the pod, whichever worker they are for.
#[derive(Debug)]
pub(crate) struct TcpGuard {
    pending: Mutex<Pending<CancellationToken>>,
    open: Mutex<Open>,
    /// Bounds the descriptors of connections that are not passed on, those that have just lost their places too.
    descriptors: Arc<Semaphore>,
    metrics: Metrics,
}

impl TcpGuard {
    pub(crate) fn new(limits: TcpLimits, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self {
            pending: Mutex::new(Pending::new(limits.pending, limits.pending_per_address)),
            open: Mutex::new(Open::new(limits.open, limits.open_per_address)),
            descriptors: Arc::new(Semaphore::new(limits.pending + LEAVING)),
            metrics,
        })
    }

    fn wait(self: &Arc<Self>, address: IpAddr) -> PendingPlace {
        let displaced = CancellationToken::new();
        let (number, other) = lock(&self.pending).add(address, displaced.clone());
        if let Some(other) = other {
            other.cancel();
        }
        PendingPlace { guard: Arc::clone(self), address, number, displaced }
    }

    fn open(self: &Arc<Self>, address: IpAddr) -> Option<OpenPlace> {
        let has_place = lock(&self.open).add(address);
        let counted = || Counted::new(self.metrics.tcp_open.clone());
        has_place.then(|| OpenPlace { guard: Arc::clone(self), address, _counted: counted() })
    }
}

/// The place of a connection that has shown nothing yet.
struct PendingPlace {
    guard: Arc<TcpGuard>,
    address: IpAddr,
    number: u64,
    displaced: CancellationToken,
}

impl Drop for PendingPlace {
    fn drop(&mut self) {
        lock(&self.guard.pending).remove(self.address, self.number);
    }
}

/// The place of a connection that is passed on.
struct OpenPlace {
    guard: Arc<TcpGuard>,
    address: IpAddr,
    _counted: Counted,
}

impl Drop for OpenPlace {
    fn drop(&mut self) {
        lock(&self.guard.open).remove(self.address);
    }
}

/// The worker behind a port.
#[derive(Clone, Debug)]
struct Target {
    /// Where the worker listens, for each listener of the port.
    workers: Vec<SocketAddr>,
    credentials: Credentials,
}

/// The TCP side of one media port. Its listeners stay when the worker behind them ends; when it is dropped, all connections end.
#[derive(Debug)]
pub(crate) struct TcpDoor {
    target: Arc<Mutex<Option<Target>>>,
    _stop: DropGuard,
}

impl TcpDoor {
    /// Listens on a port of these addresses. Nothing is passed on before there is a worker.
    pub(crate) fn open(guard: &Arc<TcpGuard>, ips: &[IpAddr], port: u16) -> std::io::Result<Self> {
        let listeners = ips.iter().map(|ip| bind(*ip, port)).collect::<Result<Vec<_>, _>>()?;
        let (target, stop) = (Arc::default(), CancellationToken::new());
        for (number, listener) in listeners.into_iter().enumerate() {
            let (guard, target) = (Arc::clone(guard), Arc::clone(&target));
            let side = Side { guard, target, number, stop: stop.clone() };
            tokio::spawn(side.accept(listener));
        }
        Ok(Self { target, _stop: stop.drop_guard() })
    }

    /// Passes connections on to a worker that listens at these addresses, one for each listener in their order.
    pub(crate) fn lead_to(&self, workers: Vec<SocketAddr>, credentials: Credentials) {
        self.replace(Some(Target { workers, credentials }));
    }

    /// Ends all connections and refuses new ones: the worker has ended.
    pub(crate) fn shut(&self) {
        self.replace(None);
    }

    fn replace(&self, target: Option<Target>) {
        let old = std::mem::replace(&mut *lock(&self.target), target);
        if let Some(old) = old {
            old.credentials.clear();
        }
    }
}

/// The loopback address by which a worker is reached for a listener of this family, so that clients of one see addresses of theirs in
/// answers.
pub(crate) fn loopback(ip: IpAddr) -> IpAddr {
    if ip.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() }
}

/// Binds a listener of one family alone: the other has a socket of its own on the same port.
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

/// One listener.
#[derive(Clone)]
struct Side {
    guard: Arc<TcpGuard>,
    target: Arc<Mutex<Option<Target>>>,
    number: usize,
    stop: CancellationToken,
}

impl Side {
    async fn accept(self, listener: TcpListener) {
        let mut complained: Option<Instant> = None;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, address)) => self.admit(stream, address).await,
                Err(error) => {
                    if complained.is_none_or(|last| last.elapsed() >= COMPLAINT_INTERVAL) {
                        tracing::warn!(%error, "cannot accept TCP connections for media");
                        complained = Some(Instant::now());
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Serves a connection. Waits while connections that have lost their places still have descriptors.
    async fn admit(&self, stream: TcpStream, address: SocketAddr) {
        let place = self.guard.wait(bucket(address.ip()));
        let Ok(descriptor) = Arc::clone(&self.guard.descriptors).acquire_owned().await else { return };
        let (side, stop) = (self.clone(), self.stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = side.serve(descriptor, place, stream) => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// Parameters are dropped from the last to the first: a place is free when its descriptor is.
    async fn serve(self, descriptor: OwnedSemaphorePermit, place: PendingPlace, mut stream: TcpStream) {
        let passed = tokio::select! {
            passed = self.judge(&mut stream, place.address) => passed,
            () = place.displaced.cancelled() => Err(Refusal::Displaced),
        };
        let outcome = passed.as_ref().map_or_else(|refusal| refusal.reason(), |_| "Accepted");
        self.guard.metrics.tcp_connections.with_label_values(&[outcome]).inc();
        let Ok(Passed { worker, claim, open }) = passed else { return };
        drop((place, descriptor));
        tokio::select! {
            ended = splice(stream, worker, PATIENCE) => {
                tracing::debug!(?ended, "a TCP connection of media ended");
            }
            () = claim.ended.cancelled() => {}
        }
        drop(open);
    }

    /// Reads the first frame and opens the connection to the worker that it is for.
    async fn judge(&self, stream: &mut TcpStream, address: IpAddr) -> Result<Passed, Refusal> {
        let mut heard = Vec::with_capacity(MAX_FRAME_BYTES);
        let (claim, worker) =
            timeout(FIRST_FRAME, self.first_frame(stream, &mut heard)).await.unwrap_or(Err(Refusal::TooSlow))?;
        let open = self.guard.open(address).ok_or(Refusal::TooMany)?;
        let worker = connect(worker, &heard).await.ok_or(Refusal::NoWorker)?;
        // Packets are sent at once.
        let _ = stream.set_nodelay(true);
        Ok(Passed { worker, claim, open })
    }

    async fn first_frame(&self, stream: &mut TcpStream, heard: &mut Vec<u8>) -> Result<(Claim, SocketAddr), Refusal> {
        loop {
            // It takes at most what the vector has room for, which is the longest frame.
            let count = stream.read_buf(heard).await.map_err(|_| Refusal::Left)?;
            if count == 0 {
                return Err(Refusal::Left);
            }
            if let Some(request) = read_first_frame(heard).map_err(Refusal::Frame)? {
                let target = lock(&self.target).clone().ok_or(Refusal::NoWorker)?;
                let claim = target.credentials.claim(&request).map_err(Refusal::Unclaimed)?;
                let worker = target.workers.get(self.number).copied().ok_or(Refusal::NoWorker)?;
                return Ok((claim, worker));
            }
        }
    }
}

/// A connection that is passed on.
struct Passed {
    worker: TcpStream,
    claim: Claim,
    open: OpenPlace,
}

/// A connection to the worker that has been sent what the client has sent so far.
async fn connect(address: SocketAddr, heard: &[u8]) -> Option<TcpStream> {
    let connecting = async {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        let mut worker = socket.connect(address).await?;
        worker.set_nodelay(true)?;
        worker.write_all(heard).await?;
        std::io::Result::Ok(worker)
    };
    timeout(CONNECT, connecting).await.ok()?.ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
