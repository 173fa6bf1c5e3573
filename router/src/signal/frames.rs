//! Tracks the boundaries of `WebSocket` frames in a stream of bytes (RFC 6455, 5.2).
//!
//! The router needs them once per socket: it may send its own close frame only between two frames of the pod. It keeps 24 bytes, copies
//! nothing and never reads a payload. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

const OPCODE: u8 = 0x0f;
const CLOSE: u8 = 0x8;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;

/// Tracks one direction of a `WebSocket`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FrameTracker {
    /// Bytes of the current header.
    header: [u8; 10],
    header_read: u8,
    /// Remaining bytes of the current frame, including the mask, once its header is complete.
    payload: u64,
    has_closed: bool,
}

impl FrameTracker {
    /// Whether the bytes so far end at a frame boundary.
    pub(crate) fn is_between(&self) -> bool {
        self.header_read == 0 && self.payload == 0
    }

    /// Whether a close frame has passed, after which no other frame may follow.
    pub(crate) fn has_closed(&self) -> bool {
        self.has_closed
    }

    /// Advances over `bytes`.
    pub(crate) fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.step(bytes)..];
        }
    }

    /// Number of bytes that complete the current frame; `None` if it is longer than `bytes`.
    pub(crate) fn first_end(mut self, bytes: &[u8]) -> Option<usize> {
        let mut passed = 0;
        while !self.is_between() {
            if passed == bytes.len() {
                return None;
            }
            passed += self.step(&bytes[passed..]);
        }
        Some(passed)
    }

    /// Consumes one byte of a header, or as much of a payload as is available.
    fn step(&mut self, bytes: &[u8]) -> usize {
        if self.payload > 0 {
            let taken = usize::try_from(self.payload).unwrap_or(usize::MAX).min(bytes.len());
            self.payload -= taken as u64;
            return taken;
        }
        self.header[usize::from(self.header_read)] = bytes[0];
        self.header_read += 1;
        self.finish_header();
        1
    }

    fn finish_header(&mut self) {
        if self.header_read < 2 {
            return;
        }
        let (size, length) = match self.header[1] & LENGTH {
            126 => (4, u64::from(u16::from_be_bytes([self.header[2], self.header[3]]))),
            127 => (10, u64::from_be_bytes(self.header[2..].try_into().expect("ten bytes without two are eight"))),
            short => (2, u64::from(short)),
        };
        if self.header_read < size {
            return;
        }
        let mask = if self.header[1] & MASKED == 0 { 0 } else { 4 };
        self.payload = length.saturating_add(mask);
        self.has_closed |= self.header[0] & OPCODE == CLOSE;
        self.header_read = 0;
    }
}

/// An unmasked close frame, as sent by servers.
pub(crate) fn close_frame(code: u16, reason: &'static str) -> Vec<u8> {
    let length = u8::try_from(reason.len() + 2).ok().filter(|length| *length <= 125);
    let mut frame = vec![0x80 | CLOSE, length.expect("reasons are short constants")];
    frame.extend_from_slice(&code.to_be_bytes());
    frame.extend_from_slice(reason.as_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(opcode: u8, length: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { MASKED } else { 0 };
        let mut bytes = vec![0x80 | opcode];
        match length {
            0..126 => bytes.push(mask | u8::try_from(length).unwrap()),
            126..65536 => {
                bytes.push(mask | 0x7E);
                bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                bytes.push(mask | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(std::iter::repeat_n(0x88, length + if masked { 4 } else { 0 }));
        bytes
    }

    #[test]
    fn a_close_frame_is_seen_and_a_payload_that_looks_like_one_is_not() {
        let mut frames = FrameTracker::default();
        frames.pass(&frame(1, 500, false));
        assert!(frames.is_between() && !frames.has_closed());
        frames.pass(&close_frame(1012, "going"));
        assert!(frames.is_between() && frames.has_closed());
        assert_eq!(close_frame(1012, "x"), [0x88, 3, 0x03, 0xf4, b'x']);
    }

    #[test]
    fn a_length_beyond_everything_does_not_overflow() {
        let mut frames = FrameTracker::default();
        frames.pass(&[0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
        assert!(!frames.is_between());
    }

    proptest! {
        #[test]
        fn boundaries_are_found_however_the_bytes_are_cut(
            lengths in prop::collection::vec((prop_oneof![0_usize..300, 65_500_usize..65_600], any::<bool>()), 1..5),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut bytes = Vec::new();
            let mut ends = vec![0];
            for (length, masked) in lengths {
                bytes.extend(frame(2, length, masked));
                ends.push(bytes.len());
            }
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let (mut frames, mut begin) = (FrameTracker::default(), 0);
            for cut in cuts {
                frames.pass(&bytes[begin..cut]);
                begin = cut;
                prop_assert_eq!(frames.is_between(), ends.contains(&cut));
                let next = ends.iter().find(|end| **end >= cut).unwrap();
                prop_assert_eq!(frames.first_end(&bytes[cut..]), Some(next - cut));
                prop_assert_eq!(frames.first_end(&bytes[cut..(*next).max(cut + 1) - 1]).is_none(), *next > cut);
            }
        }
    }
}
