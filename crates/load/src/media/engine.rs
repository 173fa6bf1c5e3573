//! The thread that carries all media: a few sockets, all WebRTC connections, their timers and counts.
//!
//! It knows no signaling. Clients add connections through an [`Engine`] and receive their events.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use str0m::Rtc;
use tokio::sync::{mpsc as events, oneshot};

use super::peer::{Announced, Peer, PeerEvent, Publishing, Totals};
use super::port::{Buffers, Port};
use super::wake::{Waker, Woken, wake_pair};

/// Reads of one socket before timers and commands have their turn.
const MAX_READS: usize = 8;
/// Clients on loopback have the addresses 127.1.0.1 to 127.254.255.255.
const LOOPBACK_ADDRESSES: u32 = 254 * 65_536 - 1;

/// Handle of the media thread; the thread ends with the last handle.
#[derive(Clone)]
pub(crate) struct Engine {
    commands: mpsc::Sender<Command>,
    waker: Arc<Waker>,
    shared_port: u16,
    next_address: Arc<AtomicU32>,
    next_id: Arc<AtomicUsize>,
}

/// The local end of a connection that has not been added yet.
pub(crate) struct Local {
    pub(crate) address: SocketAddr,
    socket: Option<UdpSocket>,
}

/// Handle of a connection, which ends when it is dropped.
pub(crate) struct Connection {
    id: usize,
    engine: Engine,
}

/// A change of a connection, made by the media thread.
#[cfg(feature = "livekit")]
type Change = Box<dyn FnOnce(&mut Rtc) + Send>;

enum Command {
    Add(usize, Box<Peer>, Option<UdpSocket>),
    Announce(usize, Announced),
    #[cfg(feature = "livekit")]
    Change(usize, Change),
    Remove(usize),
    RestartCount,
    Totals(oneshot::Sender<Totals>),
}

impl Engine {
    /// Starts the thread.
    pub(crate) fn start() -> io::Result<Self> {
        let shared = Port::on_all_addresses()?;
        let (waker, woken) = wake_pair()?;
        let (commands, received) = mpsc::channel();
        let shared_port = shared.number();
        let media = Media::new(shared, woken, received);
        std::thread::Builder::new().name("media".into()).spawn(move || media.run())?;
        let (next_address, next_id) = (Arc::new(AtomicU32::new(0)), Arc::default());
        Ok(Self { commands, waker: Arc::new(waker), shared_port, next_address, next_id })
    }

    /// A loopback address that no other client uses, for signaling and media.
    pub(crate) fn loopback_address(&self) -> Ipv4Addr {
        let number = self.next_address.fetch_add(1, Ordering::Relaxed) % LOOPBACK_ADDRESSES + 1;
        Ipv4Addr::from_bits((127 << 24) + (1 << 16) + number)
    }

    /// The local end towards a remote address. `own` is the client's loopback address.
    pub(crate) fn local(&self, own: Ipv4Addr, remote: SocketAddr) -> io::Result<Local> {
        if matches!(remote.ip(), IpAddr::V4(ip) if ip.is_loopback()) {
            return Ok(Local { address: (own, self.shared_port).into(), socket: None });
        }
        let any = if remote.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        // Connecting a UDP socket sends nothing; it tells which address the system would use.
        let probe = UdpSocket::bind(any)?;
        probe.connect(remote)?;
        let ip = probe.local_addr()?.ip();
        let socket = UdpSocket::bind((ip, 0))?;
        Ok(Local { address: socket.local_addr()?, socket: Some(socket) })
    }

    /// Adds a connection that should receive this many streams.
    pub(crate) fn add(
        &self,
        rtc: Rtc,
        local: Local,
        publishing: Option<Publishing>,
        expected: usize,
    ) -> (Connection, events::UnboundedReceiver<PeerEvent>) {
        let (sender, receiver) = events::unbounded_channel();
        let peer = Peer::new(rtc, local.address, publishing, expected, sender, Instant::now());
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.command(Command::Add(id, Box::new(peer), local.socket));
        (Connection { id, engine: self.clone() }, receiver)
    }

    /// Counts from now on.
    pub(crate) fn restart_count(&self) {
        self.command(Command::RestartCount);
    }

    /// The counts so far; empty if the thread has ended.
    pub(crate) async fn totals(&self) -> Totals {
        let (sender, receiver) = oneshot::channel();
        self.command(Command::Totals(sender));
        receiver.await.unwrap_or_default()
    }

    fn command(&self, command: Command) {
        if self.commands.send(command).is_ok() {
            self.waker.wake();
        }
    }
}

impl Connection {
    /// The server announced a stream to it.
    pub(crate) fn announce(&self, stream: Announced) {
        self.engine.command(Command::Announce(self.id, stream));
    }

    /// Changes the connection, before what is announced later.
    #[cfg(feature = "livekit")]
    pub(crate) fn change(&self, change: impl FnOnce(&mut Rtc) + Send + 'static) {
        self.engine.command(Command::Change(self.id, Box::new(change)));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.engine.command(Command::Remove(self.id));
    }
}

struct Media {
    /// By their local address; that of the shared one is unspecified.
    ports: HashMap<SocketAddr, Port>,
    woken: Woken,
    commands: mpsc::Receiver<Command>,
    peers: HashMap<usize, Peer>,
    by_address: HashMap<SocketAddr, usize>,
    /// When each connection is due. Entries that no longer apply are ignored.
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    shared: SocketAddr,
    totals: Totals,
}

impl Media {
    fn new(shared: Port, woken: Woken, commands: mpsc::Receiver<Command>) -> Self {
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, shared.number()));
        let (peers, by_address, timers) = (HashMap::new(), HashMap::new(), BinaryHeap::new());
        let (ports, totals) = (HashMap::from([(address, shared)]), Totals::default());
        Self { ports, woken, commands, peers, by_address, timers, shared: address, totals }
    }

    fn run(mut self) {
        let mut buffers = Buffers::default();
        while self.take_commands() {
            self.fire_timers();
            if !self.receive(&mut buffers) {
                self.wait();
            }
        }
    }

    /// False when no handle is left.
    fn take_commands(&mut self) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.execute(command),
                Err(mpsc::TryRecvError::Empty) => return true,
                Err(mpsc::TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn execute(&mut self, command: Command) {
        match command {
            Command::Add(id, peer, socket) => self.add(id, *peer, socket),
            Command::Announce(id, stream) => self.with(id, |peer| peer.announce(stream)),
            #[cfg(feature = "livekit")]
            Command::Change(id, change) => self.with(id, |peer| peer.change(change)),
            Command::Remove(id) => self.remove(id),
            Command::RestartCount => {
                self.totals = Totals::default();
                self.peers.values_mut().for_each(Peer::restart_count);
            }
            Command::Totals(reply) => {
                let mut totals = self.totals.clone();
                self.peers.values().for_each(|peer| totals.packets += peer.packets());
                let _ = reply.send(totals);
            }
        }
    }

    fn add(&mut self, id: usize, peer: Peer, socket: Option<UdpSocket>) {
        if let Some(port) = socket.and_then(|socket| Port::new(socket).ok()) {
            self.ports.insert(peer.local(), port);
        }
        self.by_address.insert(peer.local(), id);
        self.peers.insert(id, peer);
        self.poll(id, Duration::ZERO);
    }

    fn with(&mut self, id: usize, change: impl FnOnce(&mut Peer)) {
        if let Some(peer) = self.peers.get_mut(&id) {
            change(peer);
            self.poll(id, Duration::ZERO);
        }
    }

    fn remove(&mut self, id: usize) {
        let Some(peer) = self.peers.remove(&id) else { return };
        self.totals.packets += peer.packets();
        self.by_address.remove(&peer.local());
        if let Some(own) = Some(self.port_of(peer.local())).filter(|port| *port != self.shared) {
            self.ports.remove(&own);
        }
    }

    /// The socket of a client with this address. Those on IPv4 loopback share one.
    fn port_of(&self, local: SocketAddr) -> SocketAddr {
        if matches!(local.ip(), IpAddr::V4(ip) if ip.is_loopback()) { self.shared } else { local }
    }

    fn fire_timers(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((due, id))) = self.timers.peek().copied().filter(|Reverse((due, _))| *due <= now) {
            self.timers.pop();
            let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_alive() && peer.next_due() == due) else {
                continue;
            };
            // The time now, not that of the first one: others may have taken long.
            peer.advance(Instant::now(), clock(), &mut self.totals);
            self.poll(id, Duration::ZERO);
        }
    }

    /// Returns whether there may be more to read.
    fn receive(&mut self, buffers: &mut Buffers) -> bool {
        let addresses: Vec<SocketAddr> = self.ports.keys().copied().collect();
        let mut has_more = false;
        for address in addresses {
            // Taken out so that connections can be reached while it is read.
            let Some(port) = self.ports.remove(&address) else { continue };
            has_more |= (0..MAX_READS).all(|_| self.read(&port, buffers));
            self.ports.insert(address, port);
        }
        has_more
    }

    fn read(&mut self, port: &Port, buffers: &mut Buffers) -> bool {
        port.receive(buffers, |datagram| {
            let Some(id) = self.by_address.get(&datagram.destination) else { return };
            let Some(peer) = self.peers.get_mut(id).filter(|peer| peer.is_alive()) else { return };
            peer.receive(Instant::now(), datagram.source, datagram.contents);
            let received = datagram.received.unwrap_or_else(clock);
            let (before, totals) = (peer.next_due(), &mut self.totals);
            peer.poll(received, totals, |from, to, contents| {
                let _ = port.send(from.ip(), to, contents);
            });
            schedule(&mut self.timers, *id, before, peer);
        })
    }

    fn poll(&mut self, id: usize, received: Duration) {
        let Some(local) = self.peers.get(&id).map(Peer::local) else { return };
        let own = self.port_of(local);
        let (Some(peer), Some(port)) = (self.peers.get_mut(&id), self.ports.get(&own)) else { return };
        peer.poll(received, &mut self.totals, |from, to, contents| {
            let _ = port.send(from.ip(), to, contents);
        });
        if peer.is_alive() {
            self.timers.push(Reverse((peer.next_due(), id)));
        }
    }

    /// Waits for a datagram, a command or the next timer.
    fn wait(&mut self) {
        let timeout = self.timers.peek().map(|Reverse((due, _))| due.saturating_duration_since(Instant::now()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let readable = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let mut fds: Vec<PollFd<'_>> = self.ports.values().map(|port| readable(port.fd())).collect();
        fds.push(readable(self.woken.fd()));
        let _ = poll(&mut fds, timeout.as_ref());
        self.woken.clear();
    }
}

/// Most datagrams leave the timer of a connection as it is.
fn schedule(timers: &mut BinaryHeap<Reverse<(Instant, usize)>>, id: usize, before: Instant, peer: &Peer) {
    let due = peer.next_due();
    if due != before && peer.is_alive() {
        timers.push(Reverse((due, id)));
    }
}

/// The time since 1970, as in the kernel's time stamps of packets.
fn clock() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_with_the_same_port_on_different_addresses_are_distinguished() {
        let (shared, (_waker, woken)) = (Port::on_all_addresses().unwrap(), wake_pair().unwrap());
        let number = shared.number();
        let media = Media::new(shared, woken, mpsc::channel().1);
        let own = |ip: &str| media.port_of(SocketAddr::new(ip.parse().unwrap(), number));
        assert_eq!((own("127.1.0.1"), own("127.254.255.255")), (media.shared, media.shared));
        assert_eq!([own("::1"), own("192.0.2.1")].map(|port| port == media.shared), [false, false]);
    }
}
