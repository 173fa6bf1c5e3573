//! VP8 simulcast without a picture: one packet per frame and layer, numbered, with key frames at the start and when one is requested.

use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::media::MediaKind;
use str0m::rtp::{RtpWrite, Ssrc};

/// Payload type of VP8 on both sides of the tests' routers.
pub(crate) const VP8: u8 = 101;
/// One media section per layer: str0m sends only one stream of a section at a time.
const MIDS: [&str; 3] = ["1", "2", "3"];

/// A film on its way to the pod.
pub(crate) struct Film {
    ssrcs: [u32; 3],
    frame: u16,
    is_key_due: bool,
    last_request: Option<Instant>,
}

/// Browsers ignore a request that follows the previous one so soon (libwebrtc: `kDefaultMinKeyframeSendIntervalMs`).
const IGNORED_FOR: Duration = Duration::from_millis(300);

impl Film {
    /// Declares one stream per layer, the lowest first.
    pub(crate) fn declare(rtc: &mut Rtc, ssrcs: [u32; 3]) -> Self {
        let mut direct = rtc.direct_api();
        for (ssrc, mid) in ssrcs.iter().zip(MIDS) {
            direct.declare_media(mid.into(), MediaKind::Video);
            direct.declare_stream_tx(Ssrc::from(*ssrc), None, mid.into(), None);
        }
        Self { ssrcs, frame: 0, is_key_due: true, last_request: None }
    }

    /// The next frame is a key frame, unless the previous request was very recent.
    pub(crate) fn request_key(&mut self) {
        if self.last_request.is_none_or(|last| last.elapsed() > IGNORED_FOR) {
            self.is_key_due = true;
            self.last_request = Some(Instant::now());
        }
    }

    /// Sends the next frame in all layers.
    pub(crate) fn send(&mut self, rtc: &mut Rtc, now: Instant) {
        let payload = payload(self.frame, std::mem::take(&mut self.is_key_due));
        for ssrc in &self.ssrcs {
            let mut direct = rtc.direct_api();
            let stream = direct.stream_tx(&Ssrc::from(*ssrc)).unwrap();
            let time = u32::from(self.frame) * 1800;
            let packet = RtpWrite::new(VP8.into(), u64::from(self.frame).into(), time, now, payload.as_slice());
            stream.write_rtp(packet.marker(true));
        }
        self.frame += 1;
    }
}

/// The first bytes are VP8's payload descriptor and the first byte of its frame header, in which a zero bit means a key frame.
fn payload(frame: u16, is_key: bool) -> Vec<u8> {
    let [high, low] = frame.to_be_bytes();
    let mut payload = vec![0x10, u8::from(!is_key), high, low];
    payload.resize(600, 0);
    payload
}

/// Number of a frame that arrived, and whether it is a key frame. None: not a packet of a film.
pub(crate) fn frame(payload: &[u8]) -> Option<(u16, bool)> {
    match payload {
        [0x10, header, high, low, ..] => Some((u16::from_be_bytes([*high, *low]), header & 1 == 0)),
        _ => None,
    }
}
