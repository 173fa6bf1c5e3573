//! One WebRTC connection: feeds str0m, sends what a publisher has due, counts what a subscriber receives. Does no I/O.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::media::{MediaKind, Mid, Rid};
use str0m::net::{DatagramSend, Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite, Ssrc};
use str0m::{Event, IceConnectionState, Input, Output, Rtc};
use tokio::sync::mpsc::UnboundedSender;

use super::received::{Arrival, Received};
use super::source::{Frame, Packet, RIDS, Source, StreamKind};
use super::vp8::starts_key_frame;
use crate::stats::sequence::Packets;
use crate::stats::stamp::{self, Stamp};
use crate::stats::times::Times;

/// Events of a connection. Each is sent at most once, except `Closed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerEvent {
    /// ICE and DTLS are connected.
    Connected(Instant),
    /// The first packet of another participant.
    FirstPacket(Instant),
    /// The first key frame.
    FirstKeyFrame(Instant),
    /// As many streams have begun as are expected.
    AllStreams,
    /// The connection ended, or its ICE was disconnected.
    Closed,
}

/// Counts of all connections together, since the count began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) packets: Packets,
    /// Payload bytes delivered.
    pub(crate) bytes: u64,
    pub(crate) key_frames: u64,
    /// From sending to the receiving kernel.
    pub(crate) delay: Times,
    /// From the start of a publisher's join to its first key frame at each subscriber that was connected before.
    pub(crate) newcomer: Times,
    /// How late frames were sent, those included that were skipped.
    pub(crate) lag: Times,
    pub(crate) sent: u64,
    /// Packets that arrive if every receiver of a publisher gets all that it sends.
    pub(crate) expected: u64,
}

/// A publisher's streams.
pub(crate) struct Publishing {
    pub(crate) source: Source,
    /// When the publisher began to join, since 1970.
    pub(crate) began: Duration,
    /// Payload type and SSRC of each stream.
    pub(crate) streams: Vec<(StreamKind, u8, u32)>,
    /// Subscribers of the meeting.
    pub(crate) receivers: u32,
}

/// A stream that the server is going to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    pub(crate) kind: MediaKind,
    /// Its media section.
    pub(crate) mid: Mid,
    pub(crate) ssrc: u32,
    /// Of retransmissions.
    pub(crate) rtx: Option<u32>,
}

/// A connection, of a publisher or a subscriber.
pub(super) struct Peer {
    rtc: Rtc,
    local: SocketAddr,
    publishing: Option<Publishing>,
    received: Received,
    events: UnboundedSender<PeerEvent>,
    is_connected: bool,
    /// When it was connected, since 1970.
    connected: Duration,
    has_packet: bool,
    has_key_frame: bool,
    /// Streams that have not begun.
    missing: usize,
    timeout: Instant,
}

/// The media section of a kind.
pub(crate) fn mid(kind: MediaKind) -> Mid {
    if kind == MediaKind::Audio { "0".into() } else { "1".into() }
}

/// Name of a layer of simulcast.
pub(crate) fn rid(stream: StreamKind) -> Option<Rid> {
    let StreamKind::Video(Some(layer)) = stream else { return None };
    RIDS.get(layer).map(|rid| (*rid).into())
}

impl Peer {
    /// `expected` is the number of streams that it should receive.
    pub(super) fn new(
        rtc: Rtc,
        local: SocketAddr,
        publishing: Option<Publishing>,
        expected: usize,
        events: UnboundedSender<PeerEvent>,
        now: Instant,
    ) -> Self {
        let received = Received::default();
        let (is_connected, has_packet, has_key_frame) = (false, false, false);
        let (connected, missing, timeout) = (Duration::MAX, expected, now);
        Self {
            rtc,
            local,
            publishing,
            received,
            events,
            is_connected,
            connected,
            has_packet,
            has_key_frame,
            missing,
            timeout,
        }
    }

    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn is_alive(&self) -> bool {
        self.rtc.is_alive()
    }

    /// When [`Self::advance`] has something to do.
    pub(super) fn next_due(&self) -> Instant {
        let publishing = self.publishing.as_ref().filter(|_| self.is_connected);
        publishing.and_then(|publishing| publishing.source.next_due()).map_or(self.timeout, |due| due.min(self.timeout))
    }

    /// Counts from now on.
    pub(super) fn restart_count(&mut self) {
        self.received.restart();
    }

    pub(super) fn packets(&self) -> Packets {
        self.received.packets()
    }

    /// The server announced a stream.
    pub(super) fn announce(&mut self, Announced { kind, mid, ssrc, rtx }: Announced) {
        if self.rtc.media(mid).is_none() {
            return;
        }
        self.received.announce(ssrc);
        let mut direct = self.rtc.direct_api();
        let stream = direct.expect_stream_rx(ssrc.into(), rtx.map(Ssrc::from), mid, None);
        // As browsers: retransmission of video only.
        stream.suppress_nack(kind == MediaKind::Audio);
    }

    /// Changes the connection itself.
    #[cfg(feature = "livekit")]
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Rtc)) {
        change(&mut self.rtc);
    }

    /// Lets time pass: timers of the connection, and packets that are due. `clock` is the time since 1970.
    pub(super) fn advance(&mut self, now: Instant, clock: Duration, totals: &mut Totals) {
        if self.timeout <= now {
            self.handle(Input::Timeout(now));
        }
        let Some(publishing) = self.publishing.as_mut().filter(|_| self.is_connected) else { return };
        while let Some(Frame { packets, lateness }) = publishing.source.take_due(now) {
            lateness.values().for_each(|late| totals.lag.record(late));
            totals.sent += packets.len() as u64;
            totals.expected += packets.len() as u64 * u64::from(publishing.receivers);
            for mut packet in packets {
                packet.stamp(Stamp { sent: clock, began: publishing.began });
                write(&mut self.rtc, &publishing.streams, packet, now);
            }
        }
    }

    /// A datagram arrived.
    pub(super) fn receive(&mut self, now: Instant, source: SocketAddr, contents: &[u8]) {
        let Ok(contents) = contents.try_into() else { return };
        self.handle(Input::Receive(now, Receive { proto: Protocol::Udp, source, destination: self.local, contents }));
    }

    fn handle(&mut self, input: Input<'_>) {
        // An error of str0m closes the connection, which is seen when it is polled.
        if self.rtc.handle_input(input).is_err() {
            self.rtc.disconnect();
        }
    }

    /// Takes all that the connection has to say; `send` gets the datagrams. `received` is when the kernel received the last datagram.
    pub(super) fn poll(
        &mut self,
        received: Duration,
        totals: &mut Totals,
        mut send: impl FnMut(SocketAddr, SocketAddr, &DatagramSend),
    ) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(timeout)) => {
                    self.timeout = timeout;
                    break;
                }
                Ok(Output::Transmit(transmit)) => send(transmit.source, transmit.destination, &transmit.contents),
                Ok(Output::Event(event)) => self.take_event(event, received, totals),
                Err(_) => self.rtc.disconnect(),
            }
        }
        if !self.rtc.is_alive() {
            self.say(PeerEvent::Closed);
        }
    }

    fn take_event(&mut self, event: Event, received: Duration, totals: &mut Totals) {
        match event {
            Event::Connected if !self.is_connected => {
                (self.is_connected, self.connected) = (true, received);
                self.say(PeerEvent::Connected(Instant::now()));
            }
            // What was connected before: until then, the time limit of the join applies.
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) if self.is_connected => {
                self.rtc.disconnect();
            }
            Event::RtpPacket(packet) => self.count(&packet, received, totals),
            Event::KeyframeRequest(request) => {
                if let Some(publishing) = &mut self.publishing {
                    publishing.source.request_key_frame(request.rid.as_deref());
                }
            }
            _ => {}
        }
    }

    fn count(&mut self, packet: &RtpPacket, received: Duration, totals: &mut Totals) {
        let ssrc = *packet.header.ssrc;
        if !self.received.is_announced(ssrc) && !self.received.tolerate(ssrc) {
            self.rtc.disconnect();
        }
        // Probes for bandwidth estimation carry no media.
        let Some(Stamp { sent, began }) = stamp::read(&packet.payload) else { return };
        let Some(Arrival { is_first, is_counted }) = self.received.arrive(ssrc, *packet.seq_no) else { return };
        let is_key = starts_key_frame(&packet.payload);
        if is_counted {
            totals.bytes += packet.payload.len() as u64;
            totals.key_frames += u64::from(is_key);
            totals.delay.record(received.saturating_sub(sent));
        }
        if !std::mem::replace(&mut self.has_packet, true) {
            self.say(PeerEvent::FirstPacket(Instant::now()));
        }
        if is_first {
            self.begin_stream();
        }
        if is_key && self.received.begin_pictures(ssrc) && self.connected < began {
            totals.newcomer.record(received.saturating_sub(began));
        }
        if is_key && !std::mem::replace(&mut self.has_key_frame, true) {
            self.say(PeerEvent::FirstKeyFrame(Instant::now()));
        }
    }

    fn begin_stream(&mut self) {
        let was_missing = self.missing;
        self.missing = was_missing.saturating_sub(1);
        if was_missing == 1 {
            self.say(PeerEvent::AllStreams);
        }
    }

    fn say(&self, event: PeerEvent) {
        // The client may have given up.
        let _ = self.events.send(event);
    }
}

fn write(rtc: &mut Rtc, streams: &[(StreamKind, u8, u32)], packet: Packet, now: Instant) {
    let Some((_, payload_type, ssrc)) = streams.iter().find(|(stream, ..)| *stream == packet.stream) else { return };
    let mut direct = rtc.direct_api();
    let Some(stream) = direct.stream_tx(&Ssrc::from(*ssrc)) else { return };
    let is_video = packet.stream != StreamKind::Audio;
    let write = RtpWrite::new((*payload_type).into(), packet.number.into(), packet.time, now, packet.payload);
    stream.write_rtp(write.marker(packet.is_last_of_frame).nackable(is_video));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::unbounded_channel;

    #[test]
    fn a_connection_whose_ice_is_disconnected_has_ended() {
        let (events, mut received) = unbounded_channel();
        let (address, now, mut totals) = ("127.1.0.1:9".parse().unwrap(), Instant::now(), Totals::default());
        let mut peer = Peer::new(Rtc::new(now), address, None, 1, events, now);
        let disconnected = || Event::IceConnectionStateChange(IceConnectionState::Disconnected);
        peer.take_event(disconnected(), Duration::ZERO, &mut totals);
        assert!(peer.is_alive(), "it has not been connected yet");
        peer.take_event(Event::Connected, Duration::ZERO, &mut totals);
        peer.take_event(disconnected(), Duration::ZERO, &mut totals);
        peer.poll(Duration::ZERO, &mut totals, |_, _, _| ());
        assert!(matches!(received.try_recv(), Ok(PeerEvent::Connected(_))));
        assert!(matches!(received.try_recv(), Ok(PeerEvent::Closed)) && !peer.is_alive());
    }

    #[test]
    fn all_streams_are_said_once() {
        let (events, mut received) = unbounded_channel();
        let (address, now) = ("127.1.0.1:9".parse().unwrap(), Instant::now());
        let mut peer = Peer::new(Rtc::new(now), address, None, 2, events, now);
        peer.begin_stream();
        assert!(received.try_recv().is_err());
        (0..3).for_each(|_| peer.begin_stream());
        assert_eq!((received.try_recv(), received.try_recv().is_err()), (Ok(PeerEvent::AllStreams), true));
    }
}
