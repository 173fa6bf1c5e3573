//! Counts packets by their headers, and reports arrival times as browsers do. It decrypts nothing.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use super::feedback::{Arrival, transport_feedback};
use super::srtcp::Sealer;

const FEEDBACK: Duration = Duration::from_millis(100);

pub(crate) struct Receiver {
    socket: UdpSocket,
    sealer: Sealer,
    extension: u8,
    start: Instant,
    next: Instant,
    arrivals: Vec<Arrival>,
    reports: u8,
    /// RTP packets that arrived.
    pub(crate) packets: u64,
}

impl Receiver {
    pub(crate) fn new(socket: UdpSocket, sealer: Sealer, extension: u8) -> Self {
        socket.set_nonblocking(true).unwrap();
        let now = Instant::now();
        Self { socket, sealer, extension, start: now, next: now, arrivals: Vec::new(), reports: 0, packets: 0 }
    }

    /// Reads what has arrived, and reports it when it is time.
    pub(crate) fn read(&mut self) {
        let mut buffer = [0; 1500];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            self.note(&buffer[..length]);
        }
        if self.next <= Instant::now() && !self.arrivals.is_empty() {
            let packet = transport_feedback(&std::mem::take(&mut self.arrivals), self.reports);
            self.reports = self.reports.wrapping_add(1);
            let _ = self.socket.send(&self.sealer.seal(packet));
            self.next = Instant::now() + FEEDBACK;
        }
    }

    fn note(&mut self, packet: &[u8]) {
        // RTCP on the same port (RFC 5761).
        if packet.len() < 12 || (192..224).contains(&packet[1]) {
            return;
        }
        self.packets += 1;
        if let Some(number) = transport_number(packet, self.extension) {
            let at = u64::try_from(self.start.elapsed().as_micros()).unwrap() / 250;
            self.arrivals.push(Arrival { number, at });
        }
    }
}

/// The sequence number in a one-byte header extension (RFC 8285), which SRTP does not encrypt.
pub(crate) fn transport_number(packet: &[u8], id: u8) -> Option<u16> {
    let extensions = packet.get(12..)?;
    if packet[0] & 0x10 == 0 || extensions.get(..2)? != [0xBE, 0xDE] {
        return None;
    }
    let words = usize::from(u16::from_be_bytes([extensions[2], extensions[3]]));
    let mut rest = extensions.get(4..4 + 4 * words)?;
    while let [head, tail @ ..] = rest {
        let length = if *head == 0 { 0 } else { usize::from(head & 15) + 1 };
        if head >> 4 == id {
            return Some(u16::from_be_bytes([*tail.first()?, *tail.get(1)?]));
        }
        rest = tail.get(length..)?;
    }
    None
}
