//! A participant with a microphone and a camera in two sizes, each with three frame rates, as browsers send them (VP8, `L1T3`). No picture, no sound:
//! packets of the right sizes at the right times.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use super::rtcp::{requested_key_frames, sender_report};

pub(crate) const AUDIO: u8 = 100;
pub(crate) const VIDEO: u8 = 101;
/// Bits per second of the sizes, the smallest first.
pub(crate) const SIZES: [u32; 2] = [150_000, 500_000];

const FRAMES_PER_SECOND: u32 = 16;
/// The frame rates of four frames in a row, and the share of the bits that each of these frames gets.
const FRAMES: [(u8, f64); 4] = [(0, 0.4), (2, 0.2), (1, 0.2), (2, 0.2)];
/// A key frame has this many times the bytes of other frames.
const KEY_FRAME: f64 = 4.0;
const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(300);
const REPORTS: Duration = Duration::from_millis(500);
const PAYLOAD: usize = 1100;
/// Of 20 ms at 32 kbit/s.
const SOUND: usize = 80;

#[derive(Debug)]
struct Size {
    ssrc: u32,
    bitrate: u32,
    sequence: u16,
    key_index: u8,
    is_key_due: bool,
    last_key: Option<Instant>,
}

#[derive(Debug)]
pub(crate) struct Sender {
    socket: UdpSocket,
    audio: Option<u32>,
    sizes: Vec<Size>,
    start: Instant,
    sounds: u32,
    frames: u32,
    reported: Option<Instant>,
}

/// The place of a frame in its stream.
#[derive(Clone, Copy, Debug)]
struct Frame {
    number: u32,
    rate: u8,
    is_key: bool,
}

impl Sender {
    /// A silent participant sends no sound.
    pub(crate) fn new(socket: UdpSocket, audio: Option<u32>, video: [u32; 2]) -> Self {
        socket.set_nonblocking(true).unwrap();
        let size = |(ssrc, bitrate): (u32, u32)| Size {
            ssrc,
            bitrate,
            sequence: 0,
            key_index: 0,
            is_key_due: true,
            last_key: None,
        };
        let sizes = video.into_iter().zip(SIZES).map(size).collect();
        Self { socket, audio, sizes, start: Instant::now(), sounds: 0, frames: 0, reported: None }
    }

    /// Sends what is due.
    pub(crate) fn run(&mut self, now: Instant) {
        self.read(now);
        let elapsed = (now - self.start).as_secs_f64();
        while f64::from(self.sounds) < elapsed * 50.0 {
            self.send_sound();
        }
        while f64::from(self.frames) < elapsed * f64::from(FRAMES_PER_SECOND) {
            self.send_frame(now);
        }
        if self.reported.is_none_or(|last| now - last > REPORTS) {
            self.reported = Some(now);
            for size in &self.sizes {
                let _ = self.socket.send(&sender_report(size.ssrc, rtp_time(elapsed)));
            }
        }
    }

    fn read(&mut self, now: Instant) {
        let mut buffer = [0; 1500];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            for ssrc in requested_key_frames(&buffer[..length]) {
                let of_request = |size: &&mut Size| size.ssrc == ssrc;
                if let Some(size) = self.sizes.iter_mut().find(of_request) {
                    size.is_key_due |= size.last_key.is_none_or(|last| now - last > KEY_FRAME_INTERVAL);
                }
            }
        }
    }

    fn send_sound(&mut self) {
        if let Some(ssrc) = self.audio {
            let mut packet = header(AUDIO, true, self.sounds, self.sounds * 960, ssrc);
            packet.resize(packet.len() + SOUND, 7);
            let _ = self.socket.send(&packet);
        }
        self.sounds += 1;
    }

    fn send_frame(&mut self, now: Instant) {
        let (rate, share) = FRAMES[self.frames as usize % FRAMES.len()];
        let time = rtp_time(f64::from(self.frames) / f64::from(FRAMES_PER_SECOND));
        for (place, size) in self.sizes.iter_mut().enumerate() {
            let is_key = std::mem::take(&mut size.is_key_due);
            if is_key {
                size.last_key = Some(now);
            }
            let frame = Frame { number: self.frames, rate: if is_key { 0 } else { rate }, is_key };
            let bytes = f64::from(size.bitrate / 8) / f64::from(FRAMES_PER_SECOND / 4) * share;
            size.send(&self.socket, u8::try_from(place).unwrap(), frame, time, bytes);
        }
        self.frames += 1;
    }
}

impl Size {
    fn send(&mut self, socket: &UdpSocket, place: u8, frame: Frame, time: u32, bytes: f64) {
        let mut left = (bytes * if frame.is_key { KEY_FRAME } else { 1.0 }) as usize;
        let mut is_first = true;
        if frame.rate == 0 {
            self.key_index = self.key_index.wrapping_add(1);
        }
        while left > 0 {
            let part = left.min(PAYLOAD);
            left -= part;
            let mut packet = header(VIDEO, left == 0, u32::from(self.sequence), time, self.ssrc);
            packet.extend_from_slice(&self.descriptor(frame, is_first));
            packet.extend_from_slice(&[u8::from(!frame.is_key), place, frame.rate]);
            packet.resize(packet.len() + part, 7);
            let _ = socket.send(&packet);
            self.sequence = self.sequence.wrapping_add(1);
            is_first = false;
        }
    }

    /// VP8 payload descriptor (RFC 7741) with picture number, number of the last frame of the lowest rate, and frame rate.
    fn descriptor(&self, frame: Frame, is_first: bool) -> [u8; 6] {
        let [high, low] = u16::try_from(frame.number & 0x7FFF).unwrap().to_be_bytes();
        // A frame that is not one of the lowest rate depends on one of these only.
        let rate = (frame.rate << 6) | if frame.rate > 0 { 0x20 } else { 0 };
        [0x80 | if is_first { 0x10 } else { 0 }, 0xE0, 0x80 | high, low, self.key_index, rate]
    }
}

fn header(payload_type: u8, is_last: bool, number: u32, time: u32, ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type | if is_last { 0x80 } else { 0 }];
    packet.extend_from_slice(&number.to_be_bytes()[2..]);
    packet.extend_from_slice(&time.to_be_bytes());
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet
}

fn rtp_time(seconds: f64) -> u32 {
    (seconds * 90_000.0) as u32
}
