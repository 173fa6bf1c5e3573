//! The packets of a publisher and their times: Opus every 20 ms, a VP8 frame at a constant rate in one or three layers. Pure.
#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::time::{Duration, Instant};

use super::vp8::{Frames, frame_bytes};
use crate::stats::stamp::{self, Stamp};

const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
/// An Opus frame of 32 kbit/s.
const AUDIO_BYTES: usize = 80;
/// Samples of an Opus frame at 48 kHz.
const AUDIO_STEP: u32 = 960;
const VIDEO_CLOCK: u32 = 90_000;
/// Shortest time between two key frames of a layer, as in Chromium: a server that requests them all the time gets no more.
const KEY_INTERVAL: Duration = Duration::from_millis(300);
/// Packets that are due for longer are not sent later.
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// More skipped frames than this are not recorded one by one.
const MAX_SKIPPED: u32 = 100_000;

/// Names of the layers of simulcast, from the smallest. LiveKit knows these only.
pub(crate) const RIDS: [&str; 3] = ["q", "h", "f"];
/// Their bitrates, in parts of the largest.
const LAYER_PARTS: [u32; 3] = [16, 4, 1];

/// A stream of a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamKind {
    /// Opus.
    Audio,
    /// VP8; the layer of simulcast, if there are several.
    Video(Option<usize>),
}

/// Settings of the media of a publisher.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SourceSettings {
    pub(crate) has_audio: bool,
    /// Bitrate of the largest layer (bit/s); no video if none.
    pub(crate) video_bitrate: Option<u32>,
    pub(crate) frames_per_second: u32,
    pub(crate) is_simulcast: bool,
}

/// A packet to send.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) stream: StreamKind,
    pub(crate) number: u64,
    pub(crate) time: u32,
    pub(crate) is_last_of_frame: bool,
    pub(crate) payload: Vec<u8>,
}

/// The packets of an audio or video frame, without their stamps.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) packets: Vec<Packet>,
    pub(crate) lateness: Lateness,
}

/// How late a frame is, and those after it that are skipped because of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lateness {
    late: Duration,
    interval: Duration,
    skipped: u32,
}

impl Lateness {
    /// From this frame to the next that is sent.
    fn until_next(self) -> Duration {
        self.interval * (1 + self.skipped)
    }

    /// One value for each frame: a stop of the program makes all frames late that were due during it.
    pub(crate) fn values(self) -> impl Iterator<Item = Duration> {
        (0..=self.skipped.min(MAX_SKIPPED)).map(move |frame| self.late.saturating_sub(self.interval * frame))
    }
}

/// The schedule of one publisher.
#[derive(Debug)]
pub(crate) struct Source {
    audio: Option<Audio>,
    video: Option<Video>,
}

#[derive(Debug)]
struct Audio {
    next: Instant,
    number: u64,
}

#[derive(Debug)]
struct Video {
    next: Instant,
    interval: Duration,
    frame: u64,
    frames_per_second: u32,
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    stream: StreamKind,
    bytes: u32,
    frames: Frames,
    number: u64,
    needs_key: bool,
    last_key: Option<Instant>,
}

impl SourceSettings {
    /// The streams, in the order in which they are declared.
    pub(crate) fn streams(self) -> Vec<StreamKind> {
        let audio = self.has_audio.then_some(StreamKind::Audio);
        audio.into_iter().chain(self.layers().into_iter().map(|(layer, _)| StreamKind::Video(layer))).collect()
    }

    /// Each video layer and its bitrate.
    pub(crate) fn layers(self) -> Vec<(Option<usize>, u32)> {
        let Some(bitrate) = self.video_bitrate else { return Vec::new() };
        if !self.is_simulcast {
            return vec![(None, bitrate)];
        }
        LAYER_PARTS.iter().enumerate().map(|(index, parts)| (Some(index), bitrate / parts)).collect()
    }
}

impl Source {
    /// Starts at `start`; publishers that start at different times do not send at the same instants.
    pub(crate) fn new(settings: SourceSettings, start: Instant) -> Self {
        let frames_per_second = settings.frames_per_second.max(1);
        let layer = |(layer, bitrate)| Layer {
            stream: StreamKind::Video(layer),
            bytes: frame_bytes(bitrate, frames_per_second),
            frames: Frames::default(),
            number: 1,
            needs_key: true,
            last_key: None,
        };
        let layers: Vec<Layer> = settings.layers().into_iter().map(layer).collect();
        let interval = Duration::from_secs(1) / frames_per_second;
        let video = Video { next: start, interval, frame: 0, frames_per_second, layers };
        Self {
            audio: settings.has_audio.then_some(Audio { next: start, number: 1 }),
            video: (!video.layers.is_empty()).then_some(video),
        }
    }

    /// When the next packet is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let audio = self.audio.as_ref().map(|audio| audio.next);
        audio.into_iter().chain(self.video.as_ref().map(|video| video.next)).min()
    }

    /// The next frame of this layer will be a key frame, or a later one if the last key frame is not long ago.
    pub(crate) fn request_key_frame(&mut self, rid: Option<&str>) {
        let wanted = rid.and_then(|rid| RIDS.iter().position(|known| *known == rid));
        for layer in self.video.iter_mut().flat_map(|video| &mut video.layers) {
            layer.needs_key |= wanted.is_none() || layer.stream == StreamKind::Video(wanted);
        }
    }

    /// One audio or video frame that is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Frame> {
        let due = self.next_due().filter(|due| *due <= now)?;
        let audio = self.audio.as_mut().filter(|audio| audio.next == due);
        audio.map(|audio| audio.take(now)).or_else(|| self.video.as_mut().map(|video| video.take(now)))
    }
}

impl Audio {
    fn take(&mut self, now: Instant) -> Frame {
        let (number, lateness) = (self.number, lateness(self.next, AUDIO_INTERVAL, now));
        self.number += 1;
        self.next += lateness.until_next();
        let mut payload = vec![0xa5; AUDIO_BYTES];
        // TOC: CELT, fullband, 20 ms, mono.
        payload[0] = 0xf8;
        let time = low_bits(number).wrapping_mul(AUDIO_STEP);
        let packet = Packet { stream: StreamKind::Audio, number, time, is_last_of_frame: false, payload };
        Frame { packets: vec![packet], lateness }
    }
}

impl Video {
    fn take(&mut self, now: Instant) -> Frame {
        let time = low_bits(self.frame).wrapping_mul(VIDEO_CLOCK / self.frames_per_second);
        self.frame += 1;
        let lateness = lateness(self.next, self.interval, now);
        self.next += lateness.until_next();
        Frame { packets: self.layers.iter_mut().flat_map(|layer| layer.take(time, now)).collect(), lateness }
    }
}

impl Layer {
    fn take(&mut self, time: u32, now: Instant) -> Vec<Packet> {
        let is_key = self.take_key(now);
        let payloads = self.frames.next(self.bytes, is_key);
        let (first, last) = (self.number, payloads.len() - 1);
        self.number += payloads.len() as u64;
        let packet = |(index, payload)| Packet {
            stream: self.stream,
            number: first + index as u64,
            time,
            is_last_of_frame: index == last,
            payload,
        };
        payloads.into_iter().enumerate().map(packet).collect()
    }
}

impl Layer {
    /// Whether the next frame is a key frame: however many are requested, there is one per interval.
    fn take_key(&mut self, now: Instant) -> bool {
        let is_allowed = self.last_key.is_none_or(|last| now.saturating_duration_since(last) >= KEY_INTERVAL);
        let is_key = self.needs_key && is_allowed;
        if is_key {
            (self.needs_key, self.last_key) = (false, Some(now));
        }
        is_key
    }
}

/// Of a frame that is sent now. After a long delay, the frames after it are too late to be sent.
fn lateness(due: Instant, interval: Duration, now: Instant) -> Lateness {
    let late = now.saturating_duration_since(due);
    let passed = u32::try_from(late.as_nanos() / interval.as_nanos().max(1)).unwrap_or(MAX_SKIPPED);
    Lateness { late, interval, skipped: if late <= LONGEST_DELAY { 0 } else { passed } }
}

#[expect(clippy::cast_possible_truncation, reason = "RTP timestamps wrap")]
fn low_bits(number: u64) -> u32 {
    number as u32
}

impl Packet {
    /// Writes the times into the payload.
    pub(crate) fn stamp(&mut self, stamp: Stamp) {
        stamp::write(&mut self.payload, stamp);
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an instant can only be had from the clock")]
mod tests {
    use super::*;
    use crate::media::vp8::starts_key_frame;

    fn settings(is_simulcast: bool) -> SourceSettings {
        SourceSettings { has_audio: true, video_bitrate: Some(600_000), frames_per_second: 30, is_simulcast }
    }

    fn run(source: &mut Source, until: Instant) -> Vec<Packet> {
        let mut sent = Vec::new();
        while let Some(frame) = source.take_due(until) {
            sent.extend(frame.packets);
        }
        sent
    }

    #[test]
    fn a_second_has_the_bitrate_and_numbers_without_gaps() {
        let start = Instant::now();
        let mut source = Source::new(settings(false), start);
        let sent = run(&mut source, start + Duration::from_millis(999));
        let video: Vec<_> = sent.iter().filter(|packet| packet.stream == StreamKind::Video(None)).collect();
        let audio = sent.len() - video.len();
        assert_eq!((audio, video.iter().filter(|packet| packet.is_last_of_frame).count()), (50, 30));
        let numbers: Vec<u64> = video.iter().map(|packet| packet.number).collect();
        assert_eq!(numbers, (1..=video.len() as u64).collect::<Vec<_>>());
        let bits: usize = video.iter().map(|packet| packet.payload.len() * 8).sum();
        assert!((600_000..700_000).contains(&bits), "{bits}, with one key frame");
        assert_eq!(video.iter().filter(|packet| starts_key_frame(&packet.payload)).count(), 1);
    }

    #[test]
    fn a_key_frame_is_requested_of_one_layer_or_of_all() {
        let start = Instant::now();
        let mut source = Source::new(settings(true), start);
        run(&mut source, start);
        let mut keys_after = |rid, frame: u32| {
            source.request_key_frame(rid);
            let sent = run(&mut source, start + KEY_INTERVAL * frame);
            sent.iter()
                .filter(|packet| starts_key_frame(&packet.payload))
                .map(|packet| packet.stream)
                .collect::<Vec<_>>()
        };
        assert_eq!(keys_after(Some("h"), 1), [StreamKind::Video(Some(1))]);
        assert_eq!(keys_after(None, 2).len(), 3);
        let bitrates: Vec<u32> = settings(true).layers().iter().map(|(_, bitrate)| *bitrate).collect();
        assert_eq!(bitrates, [37_500, 150_000, 600_000]);
        assert_eq!(settings(true).streams().len(), 4);
    }

    #[test]
    fn key_frames_that_are_requested_all_the_time_are_limited() {
        let start = Instant::now();
        let mut source = Source::new(settings(true), start);
        let mut keys = 0;
        for frame in 0..90 {
            source.request_key_frame(None);
            let sent = run(&mut source, start + Duration::from_secs(3) * frame / 90);
            keys += sent.iter().filter(|packet| starts_key_frame(&packet.payload)).count();
        }
        assert_eq!(keys, 3 * 10, "one per layer and 300 ms");
    }

    #[test]
    fn what_is_late_is_sent_later_but_not_after_a_long_stop() {
        let start = Instant::now();
        let mut source = Source::new(settings(false), start);
        let sent = run(&mut source, start + Duration::from_millis(500));
        assert_eq!(sent.iter().filter(|packet| packet.stream == StreamKind::Audio).count(), 26);
        let sent = run(&mut source, start + Duration::from_mins(10));
        assert!(sent.iter().filter(|packet| packet.stream == StreamKind::Audio).count() < 5);
    }

    #[test]
    fn every_frame_that_is_skipped_is_late() {
        let start = Instant::now();
        let mut source = Source::new(SourceSettings { video_bitrate: None, ..settings(false) }, start);
        let stopped = source.take_due(start + Duration::from_secs(10)).unwrap();
        let values: Vec<Duration> = stopped.lateness.values().collect();
        assert_eq!((values.len(), values[0], values[500]), (501, Duration::from_secs(10), Duration::ZERO));
        assert_eq!(source.next_due(), Some(start + Duration::from_millis(10_020)));
        let on_time = source.take_due(start + Duration::from_millis(10_025)).unwrap();
        assert_eq!(on_time.lateness.values().collect::<Vec<_>>(), [Duration::from_millis(5)]);
    }

    #[test]
    fn nothing_to_send_is_never_due() {
        let silent = SourceSettings { has_audio: false, video_bitrate: None, ..settings(false) };
        assert_eq!(Source::new(silent, Instant::now()).next_due(), None);
    }
}
