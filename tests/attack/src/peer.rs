//! A WebRTC peer of an independent implementation (str0m) on its own thread, with real ICE, DTLS, SRTP and SCTP.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use str0m::channel::{ChannelConfig, ChannelId};
use str0m::format::{Codec, FormatParams};
use str0m::ice::IceCreds;
use str0m::media::{Frequency, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use crate::count::Stream;
use crate::failure::{Outcome, wrong};

/// Payload types of Opus and VP8 in the mediasoup routers.
pub(crate) const OPUS: u8 = 100;
pub(crate) const VP8: u8 = 101;
/// Receive buffer of the socket, for packets that arrive while this process is not scheduled.
const SOCKET_BYTES: usize = 4 << 20;
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// A stream to send.
pub(crate) struct Sending {
    pub(crate) kind: MediaKind,
    pub(crate) ssrc: u32,
    pub(crate) interval: Duration,
    pub(crate) stream: Arc<Stream>,
}

/// Handle of a running peer; dropping it ends the peer.
pub(crate) struct Peer {
    /// The `dtlsParameters` of `connectWebRtcTransport`.
    pub(crate) dtls_parameters: Value,
    /// Whether ICE and DTLS are connected.
    pub(crate) is_connected: Arc<AtomicBool>,
    commands: Sender<Command>,
}

enum Command {
    Expect(MediaKind, u32, Arc<Stream>),
    Open(u16),
    Flood { stream: u16, interval: Duration, text: String },
    Corrupt,
}

impl Peer {
    /// Connects to a transport of the pod, given the response to `createWebRtcTransport`.
    pub(crate) fn start(transport: &Value, sending: Vec<Sending>) -> Outcome<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        // Needs root; otherwise the default size is used.
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, SOCKET_BYTES);
        let local = socket.local_addr()?;
        let mut rtc = rtc(local, transport).ok_or_else(|| wrong("could not use the parameters of the transport"))?;
        let fingerprint =
            configure(&mut rtc, transport).ok_or_else(|| wrong("the transport has no DTLS parameters"))?;
        for sending in &sending {
            rtc.direct_api().declare_stream_tx(Ssrc::from(sending.ssrc), None, mid(sending.kind), None);
        }
        let (commands, received) = channel();
        let is_connected = Arc::<AtomicBool>::default();
        let sending = sending.into_iter().map(|sending| (sending, Instant::now())).collect();
        let (expected, channels) = (HashMap::new(), HashMap::new());
        let connected = Arc::clone(&is_connected);
        let run =
            Loop { rtc, socket, local, sending, expected, channels, flood: None, corrupts: false, received, connected };
        std::thread::spawn(move || run.run());
        let dtls_parameters = json!({ "role": "client", "fingerprints": [fingerprint] });
        Ok(Self { dtls_parameters, is_connected, commands })
    }

    /// Receives this SSRC from now on.
    pub(crate) fn expect(&self, kind: MediaKind, ssrc: u32, stream: Arc<Stream>) {
        let _ = self.commands.send(Command::Expect(kind, ssrc, stream));
    }

    /// Opens a data channel with this stream id, as negotiated by signaling.
    pub(crate) fn open(&self, stream: u16) {
        let _ = self.commands.send(Command::Open(stream));
    }

    /// Sends the same text repeatedly.
    pub(crate) fn flood(&self, stream: u16, interval: Duration, text: &str) {
        let _ = self.commands.send(Command::Flood { stream, interval, text: text.to_owned() });
    }

    /// From now on, follows every packet with a copy that has one byte changed and with a truncated copy.
    pub(crate) fn corrupt(&self) {
        let _ = self.commands.send(Command::Corrupt);
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed)
    }
}

fn rtc(local: SocketAddr, transport: &Value) -> Option<Rtc> {
    let mut config = RtcConfig::new().set_rtp_mode(true).clear_codecs();
    let (codecs, format) = (config.codec_config(), FormatParams::default());
    codecs.add_config(OPUS.into(), None, Codec::Opus, Frequency::FORTY_EIGHT_KHZ, Some(2), format);
    codecs.add_config(VP8.into(), None, Codec::Vp8, Frequency::NINETY_KHZ, None, format);
    let mut rtc = config.build(Instant::now());
    rtc.add_local_candidate(Candidate::host(local, "udp").ok()?);
    rtc.add_remote_candidate(Candidate::host(remote(transport)?, "udp").ok()?);
    for kind in [MediaKind::Audio, MediaKind::Video] {
        rtc.direct_api().declare_media(mid(kind), kind);
    }
    Some(rtc)
}

fn remote(transport: &Value) -> Option<SocketAddr> {
    let candidates = transport["iceCandidates"].as_array()?;
    let udp = candidates.iter().find(|candidate| candidate["protocol"] == "udp")?;
    format!("{}:{}", udp["address"].as_str()?, udp["port"]).parse().ok()
}

fn configure(rtc: &mut Rtc, transport: &Value) -> Option<Value> {
    let ice = &transport["iceParameters"];
    let (ufrag, pass) = (ice["usernameFragment"].as_str()?.to_owned(), ice["password"].as_str()?.to_owned());
    let fingerprints = transport["dtlsParameters"]["fingerprints"].as_array()?;
    let sha256 = fingerprints.iter().find(|fingerprint| fingerprint["algorithm"] == "sha-256")?;
    let mut direct = rtc.direct_api();
    direct.set_ice_controlling(true);
    direct.set_remote_ice_credentials(IceCreds { ufrag, pass });
    direct.set_remote_fingerprint(format!("sha-256 {}", sha256["value"].as_str()?).parse().ok()?);
    direct.start_dtls(true).ok()?;
    direct.start_sctp(true);
    let own = direct.local_dtls_fingerprint().to_string();
    let (_, value) = own.split_once(' ')?;
    Some(json!({ "algorithm": "sha-256", "value": value }))
}

fn mid(kind: MediaKind) -> Mid {
    if kind == MediaKind::Audio { "0".into() } else { "1".into() }
}

/// An Opus frame or a VP8 key frame of one packet, with the number of the packet and padding to a usual size.
fn payload(kind: MediaKind, number: u32) -> Vec<u8> {
    let (head, length): (&[u8], usize) = if kind == MediaKind::Audio { (&[], 80) } else { (&[0x10, 0], 900) };
    let mut payload = [head, &number.to_be_bytes()].concat();
    payload.resize(length, 0);
    payload
}

fn number(kind: MediaKind, payload: &[u8]) -> Option<u32> {
    let at = if kind == MediaKind::Audio { 0 } else { 2 };
    Some(u32::from_be_bytes(payload.get(at..at + 4)?.try_into().ok()?))
}

struct Flood {
    stream: u16,
    interval: Duration,
    text: String,
    next: Instant,
}

struct Loop {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    sending: Vec<(Sending, Instant)>,
    expected: HashMap<u32, (MediaKind, Arc<Stream>)>,
    channels: HashMap<u16, ChannelId>,
    flood: Option<Flood>,
    corrupts: bool,
    received: Receiver<Command>,
    connected: Arc<AtomicBool>,
}

impl Loop {
    /// Runs until the owner drops the peer.
    fn run(mut self) {
        let mut buffer = vec![0; 2000];
        while self.take_commands() && self.rtc.is_alive() {
            let now = Instant::now();
            if self.rtc.is_connected() {
                self.connected.store(true, Ordering::Relaxed);
                self.send_due_packets(now);
                self.send_due_messages(now);
            }
            let Some(timeout) = self.poll() else { return };
            self.receive(&mut buffer, timeout);
        }
    }

    fn take_commands(&mut self) -> bool {
        loop {
            match self.received.try_recv() {
                Ok(Command::Expect(kind, ssrc, stream)) => {
                    self.expected.insert(ssrc, (kind, stream));
                    self.rtc.direct_api().expect_stream_rx(Ssrc::from(ssrc), None, mid(kind), None);
                }
                Ok(Command::Open(stream)) => {
                    let config = ChannelConfig { negotiated: Some(stream), ..ChannelConfig::default() };
                    let id = self.rtc.direct_api().create_data_channel(config);
                    self.channels.insert(stream, id);
                }
                Ok(Command::Flood { stream, interval, text }) => {
                    self.flood = Some(Flood { stream, interval, text, next: Instant::now() });
                }
                Ok(Command::Corrupt) => self.corrupts = true,
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn send_due_packets(&mut self, now: Instant) {
        for (sending, next) in &mut self.sending {
            if now < *next {
                continue;
            }
            // Missed packets are not sent later, except one.
            *next = if now > *next + 2 * sending.interval { now } else { *next + sending.interval };
            let number = sending.stream.send();
            let (payload_type, rate) = if sending.kind == MediaKind::Audio { (OPUS, 48) } else { (VP8, 90) };
            let time = number.wrapping_mul(u32::try_from(sending.interval.as_millis()).unwrap_or(1) * rate);
            let payload = payload(sending.kind, number);
            let mut direct = self.rtc.direct_api();
            let Some(stream) = direct.stream_tx(&Ssrc::from(sending.ssrc)) else { continue };
            stream.write_rtp(RtpWrite::new(payload_type.into(), u64::from(number).into(), time, now, payload));
        }
    }

    fn send_due_messages(&mut self, now: Instant) {
        let Some(flood) = &mut self.flood else { return };
        let Some(id) = self.channels.get(&flood.stream) else { return };
        while flood.next <= now {
            flood.next += flood.interval;
            if let Some(mut channel) = self.rtc.channel(*id) {
                let _ = channel.write(false, flood.text.as_bytes());
            }
        }
    }

    fn poll(&mut self) -> Option<Instant> {
        loop {
            match self.rtc.poll_output().ok()? {
                Output::Timeout(timeout) => return Some(timeout),
                Output::Transmit(transmit) => {
                    let _ = self.socket.send_to(&transmit.contents, transmit.destination);
                    if self.corrupts {
                        self.send_corrupted(&transmit.contents, transmit.destination);
                    }
                }
                Output::Event(Event::RtpPacket(packet)) => self.count(*packet.header.ssrc, &packet.payload),
                Output::Event(_) => {}
            }
        }
    }

    fn send_corrupted(&self, packet: &[u8], to: SocketAddr) {
        let mut changed = packet.to_vec();
        if let Some(byte) = changed.last_mut() {
            *byte ^= 1;
        }
        let _ = self.socket.send_to(&changed, to);
        let _ = self.socket.send_to(&packet[..packet.len() / 2], to);
    }

    fn count(&self, ssrc: u32, payload: &[u8]) {
        let Some((kind, stream)) = self.expected.get(&ssrc) else { return };
        if let Some(number) = number(*kind, payload) {
            stream.arrive(number);
        }
    }

    fn next_due(&self, timeout: Instant) -> Instant {
        let streams = self.sending.iter().map(|(_, next)| *next);
        streams.chain(self.flood.iter().map(|flood| flood.next)).fold(timeout, Instant::min)
    }

    fn receive(&mut self, buffer: &mut [u8], timeout: Instant) {
        let wait = self.next_due(timeout).saturating_duration_since(Instant::now());
        let _ = self.socket.set_read_timeout(Some(wait.clamp(Duration::from_millis(1), LONGEST_WAIT)));
        let input = match self.socket.recv_from(buffer) {
            Ok((length, source)) => {
                let Ok(contents) = buffer[..length].try_into() else { return };
                let receive = Receive { proto: Protocol::Udp, source, destination: self.local, contents };
                Input::Receive(Instant::now(), receive)
            }
            Err(_) => Input::Timeout(Instant::now()),
        };
        let _ = self.rtc.handle_input(input);
    }
}
