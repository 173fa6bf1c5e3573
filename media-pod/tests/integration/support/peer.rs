//! A WebRTC peer of another implementation (str0m) on its own thread, with real ICE, DTLS and SRTP.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use str0m::channel::{ChannelConfig, ChannelId};
use str0m::format::{Codec, FormatParams};
use str0m::ice::IceCreds;
use str0m::media::{Frequency, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use super::film::{Film, VP8};
use super::link::Link;

/// Payload type of Opus on both sides of the tests' routers.
pub(crate) const OPUS: u8 = 100;
const PACKET_INTERVAL: Duration = Duration::from_millis(20);

/// What a peer does once connected.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// Sends Opus packets with this SSRC.
    Send(u32),
    /// Receives.
    Receive,
}

/// A handle to a running peer.
pub(crate) struct Peer {
    /// For `connectWebRtcTransport`.
    pub(crate) dtls_parameters: Value,
    /// Payloads as they arrive.
    pub(crate) received: Receiver<Vec<u8>>,
    /// Texts as they arrive on data channels.
    pub(crate) heard: Receiver<String>,
    /// Data channels as they open.
    opened: Receiver<()>,
    commands: Sender<Command>,
}

enum Command {
    Expect(u32),
    Film([u32; 3]),
    Open(u16),
    Say(u16, String),
}

impl Peer {
    /// Connects to a transport of the pod, given the response to `createWebRtcTransport`.
    pub(crate) fn start(transport: &Value, role: Role) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        Self::start_on(Link::udp(socket), transport, role)
    }

    /// Connects over TCP only.
    pub(crate) fn start_tcp(transport: &Value, role: Role) -> Self {
        let stream = TcpStream::connect(remote(transport, "tcp")).unwrap();
        Self::start_on(Link::tcp(stream), transport, role)
    }

    fn start_on(link: Link, transport: &Value, role: Role) -> Self {
        let (local, protocol) = (link.local(), link.protocol());
        let mut config = RtcConfig::new().set_rtp_mode(true).clear_codecs();
        let format = FormatParams { use_inband_fec: Some(true), ..FormatParams::default() };
        config.codec_config().add_config(OPUS.into(), None, Codec::Opus, Frequency::FORTY_EIGHT_KHZ, Some(2), format);
        config.codec_config().add_config(
            VP8.into(),
            None,
            Codec::Vp8,
            Frequency::NINETY_KHZ,
            None,
            FormatParams::default(),
        );
        let mut rtc = config.build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, protocol).unwrap());
        rtc.add_remote_candidate(Candidate::host(remote(transport, protocol), protocol).unwrap());
        let fingerprint = configure(&mut rtc, transport);
        declare(&mut rtc, role);
        let (commands, to_do) = channel();
        let (arrived, received) = channel();
        let (said, heard) = channel();
        let (open, opened) = channel();
        std::thread::spawn(move || {
            let (channels, to_say, film) = (HashMap::new(), Vec::new(), None);
            Loop { rtc, link, local, role, to_do, arrived, said, open, channels, to_say, film }.run();
        });
        let dtls_parameters = json!({ "role": "client", "fingerprints": [fingerprint] });
        Self { dtls_parameters, received, heard, opened, commands }
    }

    /// Opens a data channel with this stream id, negotiated by signaling.
    pub(crate) fn open(&self, stream: u16) {
        self.commands.send(Command::Open(stream)).unwrap();
    }

    /// Sends text on a data channel once it is open.
    pub(crate) fn say(&self, stream: u16, text: &str) {
        self.commands.send(Command::Say(stream, text.to_owned())).unwrap();
    }

    /// Waits until an opened channel is usable: earlier messages to it would be lost.
    pub(crate) fn until_open(&self) {
        self.opened.recv_timeout(Duration::from_secs(15)).expect("the channel opens");
    }

    /// Sends VP8 in one layer per SSRC, the lowest first, from now on.
    pub(crate) fn film(&self, ssrcs: [u32; 3]) {
        self.commands.send(Command::Film(ssrcs)).unwrap();
    }

    /// Receives this SSRC from now on.
    pub(crate) fn expect(&self, ssrc: u32) {
        self.commands.send(Command::Expect(ssrc)).unwrap();
    }
}

/// The transport's first candidate of a protocol.
pub(crate) fn remote(transport: &Value, protocol: &str) -> SocketAddr {
    let candidates = transport["iceCandidates"].as_array().unwrap();
    let found = candidates.iter().find(|candidate| candidate["protocol"] == protocol).expect("a candidate");
    format!("{}:{}", found["address"].as_str().unwrap(), found["port"]).parse().unwrap()
}

fn configure(rtc: &mut Rtc, transport: &Value) -> Value {
    let ice = &transport["iceParameters"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let fingerprints = transport["dtlsParameters"]["fingerprints"].as_array().unwrap();
    let sha256 = fingerprints.iter().find(|fingerprint| fingerprint["algorithm"] == "sha-256").unwrap();
    let mut direct = rtc.direct_api();
    direct.set_ice_controlling(true);
    direct.set_remote_ice_credentials(IceCreds { ufrag: text(&ice["usernameFragment"]), pass: text(&ice["password"]) });
    direct.set_remote_fingerprint(format!("sha-256 {}", text(&sha256["value"])).parse().unwrap());
    direct.start_dtls(true).unwrap();
    direct.start_sctp(true);
    let own = direct.local_dtls_fingerprint().to_string();
    let (_, value) = own.split_once(' ').unwrap();
    json!({ "algorithm": "sha-256", "value": value })
}

fn mid() -> Mid {
    "0".into()
}

fn declare(rtc: &mut Rtc, role: Role) {
    let mut direct = rtc.direct_api();
    direct.declare_media(mid(), MediaKind::Audio);
    if let Role::Send(ssrc) = role {
        direct.declare_stream_tx(Ssrc::from(ssrc), None, mid(), None);
    }
}

struct Loop {
    rtc: Rtc,
    link: Link,
    local: SocketAddr,
    role: Role,
    to_do: Receiver<Command>,
    arrived: Sender<Vec<u8>>,
    said: Sender<String>,
    open: Sender<()>,
    channels: HashMap<u16, ChannelId>,
    to_say: Vec<(u16, String)>,
    film: Option<Film>,
}

impl Loop {
    /// Runs until the test drops its handle.
    fn run(mut self) {
        let mut buffer = vec![0; 2000];
        let mut sequence = 0u16;
        let mut next_packet = Instant::now();
        while self.take_commands() && self.rtc.is_alive() {
            let now = Instant::now();
            if let (Role::Send(ssrc), true) = (self.role, self.rtc.is_connected() && now >= next_packet) {
                self.send(ssrc, sequence, now);
                if let Some(film) = &mut self.film {
                    film.send(&mut self.rtc, now);
                }
                sequence += 1;
                next_packet = now + PACKET_INTERVAL;
            }
            self.say_what_can_be_said();
            let Some(timeout) = self.poll() else { return };
            self.receive(&mut buffer, timeout.min(next_packet.max(now)));
        }
    }

    fn take_commands(&mut self) -> bool {
        loop {
            match self.to_do.try_recv() {
                Ok(Command::Expect(ssrc)) => {
                    self.rtc.direct_api().expect_stream_rx(Ssrc::from(ssrc), None, mid(), None);
                }
                Ok(Command::Film(ssrcs)) => self.film = Some(Film::declare(&mut self.rtc, ssrcs)),
                Ok(Command::Open(stream)) => {
                    let config = ChannelConfig { negotiated: Some(stream), ..ChannelConfig::default() };
                    let id = self.rtc.direct_api().create_data_channel(config);
                    self.channels.insert(stream, id);
                }
                Ok(Command::Say(stream, text)) => self.to_say.push((stream, text)),
                Err(std::sync::mpsc::TryRecvError::Empty) => return true,
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn say_what_can_be_said(&mut self) {
        let Self { rtc, channels, to_say, .. } = self;
        to_say.retain(|(stream, text)| {
            let channel = channels.get(stream).and_then(|id| rtc.channel(*id));
            !channel.is_some_and(|mut channel| channel.write(false, text.as_bytes()).unwrap_or(false))
        });
    }

    fn send(&mut self, ssrc: u32, sequence: u16, now: Instant) {
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_tx(&Ssrc::from(ssrc)).unwrap();
        let payload = format!("packet {sequence}");
        let time = u32::from(sequence) * 960;
        stream.write_rtp(RtpWrite::new(OPUS.into(), u64::from(sequence).into(), time, now, payload.as_bytes()));
    }

    fn poll(&mut self) -> Option<Instant> {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(timeout) => return Some(timeout),
                Output::Transmit(transmit) => {
                    self.link.send(&transmit.contents, transmit.destination);
                }
                Output::Event(Event::RtpPacket(packet)) => self.arrived.send(packet.payload.to_vec()).ok()?,
                Output::Event(Event::ChannelData(message)) => {
                    self.said.send(String::from_utf8(message.data).unwrap()).ok()?;
                }
                Output::Event(Event::KeyframeRequest(_)) => {
                    if let Some(film) = &mut self.film {
                        film.request_key();
                    }
                }
                Output::Event(Event::ChannelOpen(..)) => self.open.send(()).ok()?,
                Output::Event(_) => {}
            }
        }
    }

    fn receive(&mut self, buffer: &mut [u8], until: Instant) {
        let wait = until.saturating_duration_since(Instant::now()).clamp(Duration::from_millis(1), PACKET_INTERVAL);
        if let Some((length, source)) = self.link.receive(buffer, wait) {
            let Ok(contents) = buffer[..length].try_into() else { return };
            let proto = if self.link.protocol() == "tcp" { Protocol::Tcp } else { Protocol::Udp };
            let receive = Receive { proto, source, destination: self.local, contents };
            self.rtc.handle_input(Input::Receive(Instant::now(), receive)).unwrap();
            return;
        }
        self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
    }
}
