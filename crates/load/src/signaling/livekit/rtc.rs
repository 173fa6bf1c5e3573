//! The str0m connection of a client of LiveKit: offers what a publisher sends, answers what the server sends.

use std::net::SocketAddr;
use std::time::Instant;

use livekit_protocol::{AddTrackRequest, TrackSource, TrackType, VideoLayer, VideoQuality};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, Simulcast, SimulcastLayer};
use str0m::{Candidate, Rtc, RtcConfig};

use super::sdp::without_foreign_candidates;
use crate::error::JoinError;
use crate::media::peer::rid;
use crate::media::source::{RIDS, SourceSettings, StreamKind};

/// The size in the frames of the synthetic video.
const SIZE: (u32, u32) = (640, 360);

/// An offer that has not been answered.
pub(super) struct Offer {
    pub(super) sdp: String,
    settings: SourceSettings,
    pending: SdpPendingOffer,
    mids: Vec<(MediaKind, Mid)>,
}

pub(super) fn rtc(local: SocketAddr) -> Result<Rtc, JoinError> {
    let config = RtcConfig::new().set_rtp_mode(true).clear_codecs().enable_opus(true, false).enable_vp8(true);
    let mut rtc = config.build(Instant::now());
    rtc.add_local_candidate(Candidate::host(local, "udp").map_err(|_| JoinError::NoCandidate)?);
    Ok(rtc)
}

/// Accepts an offer. Returns the answer.
pub(super) fn accept(rtc: &mut Rtc, sdp: &str) -> Result<String, JoinError> {
    let offer = SdpOffer::from_sdp_string(&without_foreign_candidates(sdp));
    let offer = offer.map_err(|_| JoinError::Malformed("an SDP offer that is not valid"))?;
    let answer = rtc.sdp_api().accept_offer(offer);
    Ok(answer.map_err(|_| JoinError::Malformed("an SDP offer that has no answer"))?.to_sdp_string())
}

impl Offer {
    pub(super) fn new(rtc: &mut Rtc, settings: SourceSettings) -> Result<Self, JoinError> {
        let kinds = [(MediaKind::Audio, settings.has_audio), (MediaKind::Video, settings.video_bitrate.is_some())];
        let mut changes = rtc.sdp_api();
        let add = |(kind, _)| {
            let (stream, track) = (Some("bench".into()), Some(cid(kind).into()));
            let layers = (settings.is_simulcast && kind == MediaKind::Video).then(layers);
            (kind, changes.add_media(kind, Direction::SendOnly, stream, track, layers))
        };
        let mids = kinds.into_iter().filter(|(_, is_sent)| *is_sent).map(add).collect();
        let (offer, pending) = changes.apply().ok_or(JoinError::Malformed("nothing to publish"))?;
        Ok(Self { sdp: offer.to_sdp_string(), settings, pending, mids })
    }

    /// The announcements of the tracks.
    pub(super) fn tracks(&self) -> impl Iterator<Item = AddTrackRequest> {
        self.mids.iter().map(|(kind, _)| track(*kind, self.settings))
    }

    /// Accepts the answer. Returns payload type and SSRC of each stream.
    pub(super) fn accept(self, rtc: &mut Rtc, answer: &str) -> Result<Vec<(StreamKind, u8, u32)>, JoinError> {
        let answer = SdpAnswer::from_sdp_string(&without_foreign_candidates(answer));
        let answer = answer.map_err(|_| JoinError::Malformed("an SDP answer that is not valid"))?;
        let accepted = rtc.sdp_api().accept_answer(self.pending, answer);
        accepted.map_err(|_| JoinError::Malformed("an SDP answer that does not fit the offer"))?;
        let stream = |stream: StreamKind| {
            let kind = if stream == StreamKind::Audio { MediaKind::Audio } else { MediaKind::Video };
            let (_, mid) = self.mids.iter().find(|(known, _)| *known == kind)?;
            let payload_type = *rtc.media(*mid)?.remote_pts().first()?;
            let ssrc = rtc.direct_api().stream_tx_by_mid(*mid, rid(stream))?.ssrc();
            Some((stream, *payload_type, *ssrc))
        };
        let streams: Option<Vec<_>> = self.settings.streams().into_iter().map(stream).collect();
        streams.ok_or(JoinError::Malformed("an SDP answer without the offered media"))
    }
}

/// The id under which the server finds the track in the SDP.
fn cid(kind: MediaKind) -> &'static str {
    if kind == MediaKind::Audio { "bench-audio" } else { "bench-video" }
}

fn layers() -> Simulcast {
    let mut layers = Simulcast::new();
    for rid in RIDS {
        layers.add_send_layer(SimulcastLayer::new(rid));
    }
    layers
}

fn track(kind: MediaKind, settings: SourceSettings) -> AddTrackRequest {
    let request = AddTrackRequest { cid: cid(kind).into(), name: cid(kind).into(), ..AddTrackRequest::default() };
    if kind == MediaKind::Audio {
        return AddTrackRequest { r#type: TrackType::Audio.into(), source: TrackSource::Microphone.into(), ..request };
    }
    AddTrackRequest {
        r#type: TrackType::Video.into(),
        source: TrackSource::Camera.into(),
        width: SIZE.0,
        height: SIZE.1,
        layers: video_layers(settings),
        ..request
    }
}

/// The quality of each layer; a single one has the highest.
fn video_layers(settings: SourceSettings) -> Vec<VideoLayer> {
    let qualities = [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High];
    let layer = |(layer, bitrate): (Option<usize>, u32)| {
        let index = layer.unwrap_or(qualities.len() - 1);
        let scale = 1 << (qualities.len() - 1 - index);
        let (width, height) = (SIZE.0 / scale, SIZE.1 / scale);
        VideoLayer { quality: qualities[index].into(), width, height, bitrate, ..VideoLayer::default() }
    };
    settings.layers().into_iter().map(layer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn settings(is_simulcast: bool) -> SourceSettings {
        SourceSettings { has_audio: true, video_bitrate: Some(600_000), frames_per_second: 30, is_simulcast }
    }

    fn connection() -> Rtc {
        rtc("127.1.0.1:9".parse().unwrap()).unwrap()
    }

    #[test]
    fn what_is_offered_is_sent_once_it_is_answered() {
        for (is_simulcast, count, layers) in [(false, 2, 1), (true, 4, 3)] {
            let mut publisher = connection();
            let offer = Offer::new(&mut publisher, settings(is_simulcast)).unwrap();
            let tracks: Vec<_> = offer.tracks().collect();
            assert_eq!((tracks.len(), tracks[1].layers.len()), (2, layers));
            assert!(tracks.iter().all(|track| offer.sdp.contains(&track.cid)), "{}", offer.sdp);
            let answer = accept(&mut connection(), &offer.sdp).unwrap();
            let streams = offer.accept(&mut publisher, &answer).unwrap();
            let ssrcs: HashSet<u32> = streams.iter().map(|(_, _, ssrc)| *ssrc).collect();
            assert_eq!((streams.len(), ssrcs.len()), (count, count));
        }
    }

    #[test]
    fn what_is_no_sdp_is_refused() {
        assert!(matches!(accept(&mut connection(), "v=0\r\nm=?"), Err(JoinError::Malformed(_))));
        let mut publisher = connection();
        let offer = Offer::new(&mut publisher, settings(false)).unwrap();
        assert!(matches!(offer.accept(&mut publisher, "nonsense"), Err(JoinError::Malformed(_))));
    }
}
