//! Transports for a peer's datagrams: UDP, or TCP with length prefixes (RFC 4571).

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

pub(crate) enum Link {
    Udp(UdpSocket),
    Tcp { stream: TcpStream, heard: Vec<u8>, is_open: bool },
}

impl Link {
    pub(crate) fn udp(socket: UdpSocket) -> Self {
        Self::Udp(socket)
    }

    pub(crate) fn tcp(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self::Tcp { stream, heard: Vec::new(), is_open: true }
    }

    pub(crate) fn local(&self) -> SocketAddr {
        match self {
            Self::Udp(socket) => socket.local_addr().unwrap(),
            Self::Tcp { stream, .. } => stream.local_addr().unwrap(),
        }
    }

    pub(crate) fn protocol(&self) -> &'static str {
        match self {
            Self::Udp(_) => "udp",
            Self::Tcp { .. } => "tcp",
        }
    }

    pub(crate) fn send(&mut self, datagram: &[u8], to: SocketAddr) {
        match self {
            Self::Udp(socket) => drop(socket.send_to(datagram, to)),
            Self::Tcp { stream, is_open, .. } => {
                let length = u16::try_from(datagram.len()).unwrap().to_be_bytes();
                *is_open &= stream.write_all(&[&length[..], datagram].concat()).is_ok();
            }
        }
    }

    /// The next datagram and its source, if it arrives in time.
    pub(crate) fn receive(&mut self, buffer: &mut [u8], wait: Duration) -> Option<(usize, SocketAddr)> {
        match self {
            Self::Udp(socket) => {
                socket.set_read_timeout(Some(wait)).unwrap();
                socket.recv_from(buffer).ok()
            }
            Self::Tcp { stream, heard, is_open } => {
                if let Some(length) = next(heard, buffer) {
                    return Some((length, stream.peer_addr().ok()?));
                }
                read_more(stream, heard, is_open, wait);
                Some((next(heard, buffer)?, stream.peer_addr().ok()?))
            }
        }
    }
}

fn read_more(stream: &mut TcpStream, heard: &mut Vec<u8>, is_open: &mut bool, wait: Duration) {
    if !*is_open {
        std::thread::sleep(wait);
        return;
    }
    let mut chunk = [0; 16 * 1024];
    stream.set_read_timeout(Some(wait)).unwrap();
    match stream.read(&mut chunk) {
        Ok(0) => *is_open = false,
        Ok(count) => heard.extend(&chunk[..count]),
        Err(error) => *is_open = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

/// Removes and returns the first complete datagram.
fn next(heard: &mut Vec<u8>, buffer: &mut [u8]) -> Option<usize> {
    let length = usize::from(u16::from_be_bytes([*heard.first()?, *heard.get(1)?]));
    buffer[..length].copy_from_slice(heard.get(2..2 + length)?);
    heard.drain(..2 + length);
    Some(length)
}
