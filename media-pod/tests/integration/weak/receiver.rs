//! A participant behind a slow link, who reports what arrives as browsers do: loss, arrival times or an estimate, and requests for what is missing.

use std::collections::VecDeque;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use super::link::{Capacity, Link};
use super::rtcp::{key_frame_request, nack, receiver_report, remb};
use super::stream::{Arrived, Stream};
use crate::cost::feedback::{Arrival, transport_feedback};
use crate::cost::receiver::transport_number;

const FEEDBACK: Duration = Duration::from_millis(100);
const REPORTS: Duration = Duration::from_secs(1);

/// The feedback of a receiver, in addition to loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reports {
    /// When each packet arrived.
    TransportCc,
    /// Its own estimate. Here it knows the link, and reports 90 % of it.
    Remb,
    None,
}

pub(crate) struct Receiver {
    socket: UdpSocket,
    pub(crate) link: Link,
    reports: Reports,
    extension: Option<u8>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) start: Instant,
    on_the_way: VecDeque<(Instant, Vec<u8>)>,
    sent: VecDeque<(Instant, Vec<u8>)>,
    arrivals: Vec<Arrival>,
    count: u8,
    next_feedback: Instant,
    next_report: Instant,
}

impl Receiver {
    pub(crate) fn new(
        socket: UdpSocket,
        capacity: Capacity,
        reports: Reports,
        extension: Option<u8>,
        streams: Vec<Stream>,
    ) -> Self {
        socket.set_nonblocking(true).unwrap();
        let now = Instant::now();
        let link = Link::new(capacity);
        Self {
            socket,
            link,
            reports,
            extension,
            streams,
            start: now,
            on_the_way: VecDeque::new(),
            sent: VecDeque::new(),
            arrivals: Vec::new(),
            count: 0,
            next_feedback: now,
            next_report: now + REPORTS,
        }
    }

    pub(crate) fn run(&mut self, now: Instant) {
        let mut buffer = [0; 1500];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            if let Some(at) = self.link.carry(length, now) {
                self.on_the_way.push_back((at, buffer[..length].to_vec()));
            }
        }
        while let Some((at, packet)) = self.on_the_way.pop_front_if(|(at, _)| *at <= now) {
            self.note(&packet, at);
        }
        self.report(now);
        while let Some((_, packet)) = self.sent.pop_front_if(|(at, _)| *at <= now) {
            let _ = self.socket.send(&packet);
        }
    }

    fn note(&mut self, packet: &[u8], at: Instant) {
        // RTCP on the same port (RFC 5761).
        if packet.len() < 12 || (192..224).contains(&packet[1]) {
            return;
        }
        if let Some(number) = self.extension.and_then(|id| transport_number(packet, id)) {
            let at = u64::try_from((at - self.start).as_micros()).unwrap() / 250;
            self.arrivals.push(Arrival { number, at });
        }
        let word = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
        let (ssrc, start) = (word(8), self.start);
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == ssrc || stream.rtx == ssrc) else {
            return;
        };
        let (mut number, mut payload) = (u16::from_be_bytes([packet[2], packet[3]]), &packet[header_of(packet)..]);
        if packet[0] & 0x20 != 0 {
            let padding = usize::from(*packet.last().unwrap()).min(payload.len());
            payload = &payload[..payload.len() - padding];
        }
        if stream.rtx == ssrc {
            let Some((original, rest)) = payload.split_first_chunk() else { return };
            (number, payload) = (u16::from_be_bytes(*original), rest);
        }
        // A probe has no payload.
        if payload.is_empty() {
            return;
        }
        let arrived = Arrived { number, time: word(4), is_last_of_frame: packet[1] & 0x80 != 0, payload };
        stream.note(arrived, start, at);
    }

    fn report(&mut self, now: Instant) {
        let round_trip = self.link.capacity.round_trip;
        let leaves = now + round_trip / 2;
        let mut packets = Vec::new();
        for stream in &mut self.streams {
            let due = stream.due(now, round_trip);
            if !due.is_empty() {
                packets.push(nack(stream.ssrc, &due));
            }
            if std::mem::take(&mut stream.gave_up) && !stream.is_audio {
                packets.push(key_frame_request(stream.ssrc));
            }
        }
        if self.next_feedback <= now && !self.arrivals.is_empty() {
            self.next_feedback = now + FEEDBACK;
            packets.push(transport_feedback(&std::mem::take(&mut self.arrivals), self.count));
            self.count = self.count.wrapping_add(1);
        }
        if self.next_report <= now {
            self.next_report = now + REPORTS;
            let receptions: Vec<_> = self.streams.iter_mut().filter_map(Stream::reception).collect();
            let mut compound = receiver_report(&receptions);
            if self.reports == Reports::Remb {
                let ssrcs: Vec<_> = self.streams.iter().map(|stream| stream.ssrc).collect();
                compound.extend(remb(self.link.capacity.bitrate / 10 * 9, &ssrcs));
            }
            packets.push(compound);
        }
        self.sent.extend(packets.into_iter().map(|packet| (leaves, packet)));
    }
}

/// The length of the header with its extensions.
fn header_of(packet: &[u8]) -> usize {
    let fixed = 12 + 4 * usize::from(packet[0] & 15);
    if packet[0] & 0x10 == 0 {
        return fixed;
    }
    fixed + 4 + 4 * usize::from(u16::from_be_bytes([packet[fixed + 2], packet[fixed + 3]]))
}
