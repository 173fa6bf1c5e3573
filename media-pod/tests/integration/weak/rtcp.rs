//! The few RTCP packets of this test: reports, requests for packets and key frames, REMB.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Of the receiver.
const OWN: u32 = 1;

fn packet(count: u8, kind: u8, words: &[u32]) -> Vec<u8> {
    let length = u16::try_from(words.len()).unwrap();
    let mut packet = vec![0x80 | count, kind];
    packet.extend_from_slice(&length.to_be_bytes());
    packet.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    packet
}

/// Tells that the stream has this RTP time now.
pub(crate) fn sender_report(ssrc: u32, rtp_time: u32) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_hours(613_608);
    let fraction = (u64::from(now.subsec_nanos()) << 32) / 1_000_000_000;
    let seconds = u32::try_from(now.as_secs() & 0xFFFF_FFFF).unwrap();
    packet(0, 200, &[ssrc, seconds, u32::try_from(fraction).unwrap(), rtp_time, 0, 0])
}

/// A receiver report on one stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reception {
    pub(crate) ssrc: u32,
    /// Of the packets since the last report, in parts of 256.
    pub(crate) lost: u32,
    pub(crate) lost_in_total: u32,
    pub(crate) highest: u32,
}

pub(crate) fn receiver_report(streams: &[Reception]) -> Vec<u8> {
    let blocks = streams.iter().flat_map(|stream| {
        let losses = (stream.lost.min(255) << 24) | (stream.lost_in_total & 0x7F_FFFF);
        [stream.ssrc, losses, stream.highest, 0, 0, 0]
    });
    let words: Vec<u32> = std::iter::once(OWN).chain(blocks).collect();
    packet(u8::try_from(streams.len()).unwrap(), 201, &words)
}

pub(crate) fn nack(ssrc: u32, numbers: &[u16]) -> Vec<u8> {
    let items = numbers.iter().map(|number| u32::from(*number) << 16);
    packet(1, 205, &[OWN, ssrc].into_iter().chain(items).collect::<Vec<_>>())
}

pub(crate) fn key_frame_request(ssrc: u32) -> Vec<u8> {
    packet(1, 206, &[OWN, ssrc])
}

/// The receiver's own estimate in bits per second.
pub(crate) fn remb(bitrate: u32, ssrcs: &[u32]) -> Vec<u8> {
    let exponent = 32_u32.saturating_sub(18 + bitrate.leading_zeros());
    let word = (u32::try_from(ssrcs.len()).unwrap() << 24) | (exponent << 18) | (bitrate >> exponent);
    let words: Vec<u32> =
        [OWN, 0, u32::from_be_bytes(*b"REMB"), word].into_iter().chain(ssrcs.iter().copied()).collect();
    packet(15, 206, &words)
}

/// The streams of which a compound packet requests key frames.
pub(crate) fn requested_key_frames(mut compound: &[u8]) -> Vec<u32> {
    let mut streams = Vec::new();
    while compound.len() >= 12 {
        let length = (4 * (usize::from(u16::from_be_bytes([compound[2], compound[3]])) + 1)).min(compound.len());
        let word = |at: usize| compound.get(at..at + 4).map(|bytes| u32::from_be_bytes(bytes.try_into().unwrap()));
        match (compound[1], compound[0] & 31) {
            (206, 1) => streams.extend(word(8)),
            (206, 4) => streams.extend(word(12)),
            _ => {}
        }
        compound = &compound[length..];
    }
    streams
}
