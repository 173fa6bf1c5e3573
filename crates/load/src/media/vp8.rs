//! Synthetic VP8: frames with valid payload descriptors and frame headers around filler, so that a server can tell key frames. Pure.
//!
//! No picture is encoded and none could be decoded.
#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use crate::stats::stamp;

/// Longest payload of a packet, which fits the smallest usual path with all headers.
const MAX_PAYLOAD: usize = 1100;
/// X, I, L and T bits: picture id of 15 bits, TL0PICIDX, TID.
const DESCRIPTOR: usize = 6;
/// Frame tag, start code and size of a key frame.
const KEY_HEADER: [u8; 10] = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];
/// Frame tag of a predicted frame: the lowest bit is set.
const DELTA_HEADER: [u8; 3] = [0x11, 0, 0];
const SHORTEST: usize = DESCRIPTOR + KEY_HEADER.len() + stamp::LENGTH;

/// Key frames are this many times as long as others.
const KEY_FACTOR: u32 = 4;

/// Numbers the frames of one stream.
#[derive(Debug, Default)]
pub(super) struct Frames {
    picture: u16,
}

impl Frames {
    /// The payloads of the next frame, each with room for a stamp at its end.
    pub(super) fn next(&mut self, bytes: u32, is_key: bool) -> Vec<Vec<u8>> {
        let bytes = if is_key { bytes.saturating_mul(KEY_FACTOR) } else { bytes } as usize;
        let count = bytes.div_ceil(MAX_PAYLOAD).max(1);
        let length = (bytes / count).clamp(SHORTEST, MAX_PAYLOAD);
        let payloads = (0..count).map(|index| self.payload(length, index == 0, is_key)).collect();
        self.picture = (self.picture + 1) & 0x7fff;
        payloads
    }

    fn payload(&self, length: usize, is_first: bool, is_key: bool) -> Vec<u8> {
        let mut payload = Vec::with_capacity(length);
        let [high, low] = (self.picture | 0x8000).to_be_bytes();
        // TL0PICIDX counts frames of the base layer: every frame here.
        payload.extend([0x80 | u8::from(is_first) << 4, 0xe0, high, low, low, 0]);
        if is_first {
            payload.extend(if is_key { &KEY_HEADER[..] } else { &DELTA_HEADER });
        }
        payload.resize(length, 0xa5);
        payload
    }
}

/// Bytes of a frame for a bitrate (bit/s).
pub(super) fn frame_bytes(bitrate: u32, frames_per_second: u32) -> u32 {
    bitrate / 8 / frames_per_second.max(1)
}

/// Whether the payload is the first packet of a key frame.
pub(super) fn starts_key_frame(payload: &[u8]) -> bool {
    let Some((first, rest)) = payload.split_first() else { return false };
    let is_start = first & 0x17 == 0x10;
    is_start && descriptor_end(*first, rest).and_then(|end| payload.get(end)).is_some_and(|tag| tag & 1 == 0)
}

/// Length of the payload descriptor (RFC 7741, section 4.2).
fn descriptor_end(first: u8, rest: &[u8]) -> Option<usize> {
    if first & 0x80 == 0 {
        return Some(1);
    }
    let (extension, rest) = rest.split_first()?;
    let picture = match (extension & 0x80 != 0, rest.first()) {
        (false, _) => 0,
        (true, byte) => 1 + usize::from(byte? & 0x80 != 0),
    };
    Some(2 + picture + usize::from(extension & 0x40 != 0) + usize::from(extension & 0x30 != 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_frame_is_recognized_by_its_first_packet_only() {
        let mut frames = Frames::default();
        let bytes = frame_bytes(600_000, 30);
        assert_eq!(bytes, 2500);
        let key = frames.next(bytes, true);
        assert_eq!(key.len(), 10);
        assert!(key.iter().all(|payload| payload.len() == 1000));
        let starts: Vec<bool> = key.iter().map(|payload| starts_key_frame(payload)).collect();
        assert_eq!(starts.iter().filter(|is_start| **is_start).count(), 1);
        assert!(starts[0]);
        let delta = frames.next(bytes, false);
        assert!(delta.len() == 3 && !delta.iter().any(|payload| starts_key_frame(payload)));
        assert_eq!((&key[0][2..4], &delta[0][2..4]), (&[0x80, 0][..], &[0x80, 1][..]), "picture ids");
    }

    #[test]
    fn other_descriptors_are_understood() {
        let cases: [(&[u8], bool); 6] = [
            (&[], false),
            (&[0x10], false),
            (&[0x10, 0x10], true),
            (&[0x10, 0x11], false),
            (&[0x90, 0x80, 0x05, 0x10], true),
            (&[0x90, 0x20, 0x00, 0x10], true),
        ];
        for (payload, is_key) in cases {
            assert_eq!(starts_key_frame(payload), is_key, "{payload:02x?}");
        }
    }

    proptest! {
        #[test]
        fn every_frame_fits_and_any_payload_can_be_read(bytes in 0..2_000_000_u32, noise: Vec<u8>) {
            for payload in Frames::default().next(bytes, false) {
                prop_assert!((SHORTEST..=MAX_PAYLOAD).contains(&payload.len()));
            }
            starts_key_frame(&noise);
        }
    }
}
