//! A UDP socket that reads many packets per system call, and sends from any local address of its family.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};

/// Longest datagram after the kernel has joined several.
const BUFFER: usize = 65_536;
/// Receive buffer of a socket, for packets that arrive while this process does not run.
const SOCKET_BYTES: usize = 16 << 20;

/// A socket with its capabilities.
pub(super) struct Port {
    socket: UdpSocket,
    state: UdpSocketState,
    number: u16,
}

/// Buffers for one read. Shared by all sockets.
pub(super) struct Buffers {
    bytes: Vec<u8>,
    metas: [RecvMeta; BATCH_SIZE],
}

/// A received datagram.
pub(super) struct Datagram<'a> {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    /// When the kernel received it, since 1970.
    pub(super) received: Option<Duration>,
    pub(super) contents: &'a [u8],
}

impl Default for Buffers {
    fn default() -> Self {
        Self { bytes: vec![0; BUFFER * BATCH_SIZE], metas: [RecvMeta::default(); BATCH_SIZE] }
    }
}

impl Port {
    /// A socket on all IPv4 addresses. On loopback, each client has an address of its own on it.
    pub(super) fn on_all_addresses() -> io::Result<Self> {
        Self::new(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?)
    }

    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        // More than the kernel's limit needs root; otherwise the limit applies.
        if rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, SOCKET_BYTES).is_err() {
            let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BYTES);
        }
        let number = socket.local_addr()?.port();
        Ok(Self { socket, state, number })
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Sends one datagram. One that the kernel does not take is lost, as on a network.
    pub(super) fn send(&self, source: IpAddr, destination: SocketAddr, contents: &[u8]) -> io::Result<()> {
        let transmit = Transmit { destination, ecn: None, contents, segment_size: None, src_ip: Some(source) };
        self.state.try_send((&self.socket).into(), &transmit)
    }

    /// Reads what is there and calls `on` for each datagram. Returns whether there may be more.
    pub(super) fn receive(&self, buffers: &mut Buffers, mut on: impl FnMut(Datagram<'_>)) -> bool {
        let Buffers { bytes, metas } = buffers;
        let mut chunks = bytes.chunks_mut(BUFFER);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let Ok(count) = self.state.recv((&self.socket).into(), &mut slices, metas) else { return false };
        for (meta, slice) in metas.iter().zip(&slices).take(count) {
            let destination = SocketAddr::new(meta.dst_ip.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), self.number);
            for contents in slice[..meta.len].chunks(meta.stride.max(1)) {
                on(Datagram { source: meta.addr, destination, received: meta.timestamp, contents });
            }
        }
        count == BATCH_SIZE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_on_loopback_share_a_socket_and_keep_their_addresses() {
        let port = Port::on_all_addresses().unwrap();
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let own: IpAddr = "127.1.3.9".parse().unwrap();
        port.send(own, server.local_addr().unwrap(), b"ping").unwrap();
        let mut buffer = [0; 10];
        let (length, from) = server.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from), (&b"ping"[..], SocketAddr::new(own, port.number())));
        server.send_to(b"pong", from).unwrap();
        let mut fds = [rustix::event::PollFd::from_borrowed_fd(port.fd(), rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut fds, None).unwrap();
        let mut received = Vec::new();
        port.receive(&mut Buffers::default(), |datagram| {
            assert!(datagram.received.is_some());
            received.push((datagram.contents.to_vec(), datagram.source, datagram.destination));
        });
        assert_eq!(received, [(b"pong".to_vec(), server.local_addr().unwrap(), from)]);
    }
}
