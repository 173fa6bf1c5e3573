//! RTP parameters on the wire: what of the router's capabilities a client uses, what a publisher sends, what a consumer receives. Pure.
#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use serde::Deserialize;
use serde_json::{Value, json};
use str0m::media::MediaKind;
use str0m::rtp::Extension;

use crate::error::JoinError;
use crate::media::peer::{Announced, mid};
use crate::media::source::{RIDS, SourceSettings, StreamKind};

const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
const ABS_SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
const TRANSPORT_CC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// The codecs and header extensions that clients use, under the router's own numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Formats {
    pub(super) opus: u8,
    pub(super) vp8: u8,
    /// Retransmission of VP8.
    pub(super) rtx: Option<u8>,
    extensions: Vec<(u8, &'static str)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Capabilities {
    codecs: Vec<Codec>,
    #[serde(default)]
    header_extensions: Vec<HeaderExtension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Codec {
    mime_type: String,
    preferred_payload_type: u8,
    #[serde(default)]
    parameters: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeaderExtension {
    uri: String,
    preferred_id: u8,
}

impl Formats {
    /// Reads the response to `getRouterRtpCapabilities`.
    pub(super) fn read(answer: &Value) -> Result<Self, JoinError> {
        let problem = JoinError::Malformed("router capabilities without Opus and VP8");
        let Ok(Capabilities { codecs, header_extensions }) = Capabilities::deserialize(answer) else {
            return Err(problem);
        };
        let of = |mime: &str| codecs.iter().find(|codec| codec.mime_type.eq_ignore_ascii_case(mime));
        let (Some(opus), Some(vp8)) = (of("audio/opus"), of("video/vp8")) else { return Err(problem) };
        let repairs = |codec: &&Codec| {
            codec.mime_type.eq_ignore_ascii_case("video/rtx") && codec.parameters["apt"] == vp8.preferred_payload_type
        };
        let mut extensions: Vec<_> = header_extensions.iter().filter_map(used).collect();
        extensions.sort_unstable();
        extensions.dedup();
        Ok(Self {
            opus: opus.preferred_payload_type,
            vp8: vp8.preferred_payload_type,
            rtx: codecs.iter().find(repairs).map(|codec| codec.preferred_payload_type),
            extensions,
        })
    }

    /// The header extensions, for str0m.
    pub(super) fn extensions(&self) -> impl Iterator<Item = (u8, Extension)> {
        self.extensions.iter().map(|(id, uri)| {
            let extension = match *uri {
                MID => Extension::RtpMid,
                RID => Extension::RtpStreamId,
                REPAIRED_RID => Extension::RepairedRtpStreamId,
                ABS_SEND_TIME => Extension::AbsoluteSendTime,
                _ => Extension::TransportSequenceNumber,
            };
            (*id, extension)
        })
    }

    /// `rtpParameters` of the audio or the video of a publisher. Layers of simulcast are announced by name, a single stream by SSRC.
    pub(super) fn produce(&self, kind: MediaKind, settings: SourceSettings, ssrcs: &[(StreamKind, u32, u32)]) -> Value {
        let is_audio = kind == MediaKind::Audio;
        let (codecs, encodings) = if is_audio {
            let ssrc = ssrcs.iter().find(|(stream, ..)| *stream == StreamKind::Audio).map(|(_, ssrc, _)| ssrc);
            (self.audio_codecs(), json!([{ "ssrc": ssrc }]))
        } else {
            (self.video_codecs(), self.video_encodings(settings, ssrcs))
        };
        let extensions =
            self.extensions.iter().filter(|(_, uri)| !is_audio || matches!(*uri, MID | ABS_SEND_TIME | TRANSPORT_CC));
        let extensions: Vec<_> =
            extensions.map(|(id, uri)| json!({ "uri": uri, "id": id, "encrypt": false, "parameters": {} })).collect();
        json!({
            "mid": if is_audio { "0" } else { "1" }, "codecs": codecs, "headerExtensions": extensions,
            "encodings": encodings, "rtcp": { "cname": "convene-bench", "reducedSize": true },
        })
    }

    fn audio_codecs(&self) -> Value {
        json!([{
            "mimeType": "audio/opus", "payloadType": self.opus, "clockRate": 48000, "channels": 2,
            "parameters": { "useinbandfec": 1 }, "rtcpFeedback": [{ "type": "transport-cc", "parameter": "" }],
        }])
    }

    fn video_codecs(&self) -> Value {
        let feedback = [("nack", ""), ("nack", "pli"), ("ccm", "fir"), ("transport-cc", "")];
        let feedback = feedback.map(|(kind, parameter)| json!({ "type": kind, "parameter": parameter }));
        let vp8 = json!({ "mimeType": "video/VP8", "payloadType": self.vp8, "clockRate": 90000, "parameters": {}, "rtcpFeedback": feedback });
        let rtx = self.rtx.map(|rtx| {
            json!({ "mimeType": "video/rtx", "payloadType": rtx, "clockRate": 90000, "parameters": { "apt": self.vp8 }, "rtcpFeedback": [] })
        });
        std::iter::once(vp8).chain(rtx).collect()
    }

    fn video_encodings(&self, settings: SourceSettings, ssrcs: &[(StreamKind, u32, u32)]) -> Value {
        let encoding = |(layer, bitrate): (Option<usize>, u32)| {
            if let Some(layer) = layer {
                return json!({ "rid": RIDS.get(layer), "maxBitrate": bitrate, "scalabilityMode": "L1T1" });
            }
            let of = ssrcs.iter().find(|(stream, ..)| *stream == StreamKind::Video(None));
            let rtx = self.rtx.and(of).map(|(.., rtx)| json!({ "ssrc": rtx }));
            json!({ "ssrc": of.map(|(_, ssrc, _)| ssrc), "rtx": rtx, "maxBitrate": bitrate })
        };
        settings.layers().into_iter().map(encoding).collect()
    }
}

fn used(extension: &HeaderExtension) -> Option<(u8, &'static str)> {
    let known = [MID, RID, REPAIRED_RID, ABS_SEND_TIME, TRANSPORT_CC];
    let uri = known.into_iter().find(|known| *known == extension.uri)?;
    // The ids of one-byte header extensions (RFC 8285).
    (1..=14).contains(&extension.preferred_id).then_some((extension.preferred_id, uri))
}

/// Reads the data of `newConsumer`.
pub(super) fn offered(data: &Value) -> Result<Announced, JoinError> {
    let ssrc =
        |value: &Value| value["ssrc"].as_u64().and_then(|ssrc| u32::try_from(ssrc).ok()).filter(|ssrc| *ssrc > 0);
    let encoding = &data["rtpParameters"]["encodings"][0];
    let kind = match data["kind"].as_str() {
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        _ => return Err(JoinError::Malformed("a consumer without a kind")),
    };
    let ssrc_of_media = ssrc(encoding).ok_or(JoinError::Malformed("a consumer without an SSRC"))?;
    let rtx = ssrc(&encoding["rtx"]).filter(|rtx| *rtx != ssrc_of_media);
    Ok(Announced { kind, mid: mid(kind), ssrc: ssrc_of_media, rtx })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capabilities() -> Value {
        json!({
            "codecs": [
                { "kind": "audio", "mimeType": "audio/opus", "preferredPayloadType": 100, "clockRate": 48000, "channels": 2 },
                { "kind": "video", "mimeType": "video/VP8", "preferredPayloadType": 101, "clockRate": 90000, "parameters": {} },
                { "kind": "video", "mimeType": "video/rtx", "preferredPayloadType": 102, "clockRate": 90000, "parameters": { "apt": 101 } },
                { "kind": "video", "mimeType": "video/rtx", "preferredPayloadType": 104, "clockRate": 90000, "parameters": { "apt": 103 } },
            ],
            "headerExtensions": [
                { "kind": "audio", "uri": MID, "preferredId": 1 }, { "kind": "video", "uri": MID, "preferredId": 1 },
                { "kind": "video", "uri": TRANSPORT_CC, "preferredId": 5 },
                { "kind": "video", "uri": "urn:3gpp:video-orientation", "preferredId": 8 },
                { "kind": "video", "uri": RID, "preferredId": 200 },
            ],
        })
    }

    #[test]
    fn the_numbers_of_the_router_are_used() {
        let formats = Formats::read(&capabilities()).unwrap();
        assert_eq!((formats.opus, formats.vp8, formats.rtx), (100, 101, Some(102)));
        assert_eq!(formats.extensions, [(1, MID), (5, TRANSPORT_CC)]);
        for bad in [
            json!(null),
            json!({}),
            json!({ "codecs": [] }),
            json!({ "codecs": 7 }),
            json!({ "codecs": [{ "mimeType": "video/VP8", "preferredPayloadType": 1000 }] }),
        ] {
            assert!(matches!(Formats::read(&bad), Err(JoinError::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn layers_have_names_and_a_single_stream_has_an_ssrc() {
        let formats = Formats::read(&capabilities()).unwrap();
        let settings = |is_simulcast| SourceSettings {
            has_audio: true,
            video_bitrate: Some(600_000),
            frames_per_second: 30,
            is_simulcast,
        };
        let ssrcs = [(StreamKind::Audio, 7, 8), (StreamKind::Video(None), 9, 10)];
        let single = formats.produce(MediaKind::Video, settings(false), &ssrcs);
        assert_eq!(single["encodings"], json!([{ "ssrc": 9, "rtx": { "ssrc": 10 }, "maxBitrate": 600_000 }]));
        assert_eq!(single["codecs"].as_array().unwrap().len(), 2);
        let layers = formats.produce(MediaKind::Video, settings(true), &ssrcs);
        let rids: Vec<_> =
            layers["encodings"].as_array().unwrap().iter().map(|encoding| encoding["rid"].clone()).collect();
        assert_eq!(rids, RIDS);
        let audio = formats.produce(MediaKind::Audio, settings(true), &ssrcs);
        assert_eq!(audio["encodings"], json!([{ "ssrc": 7 }]));
    }

    #[test]
    fn an_offer_needs_a_kind_and_an_ssrc() {
        let offer = |kind: &str, encodings: Value| {
            offered(&json!({ "kind": kind, "rtpParameters": { "encodings": encodings } }))
        };
        let good = offer("video", json!([{ "ssrc": 1234, "rtx": { "ssrc": 5678 } }])).unwrap();
        assert_eq!(good, Announced { kind: MediaKind::Video, mid: mid(MediaKind::Video), ssrc: 1234, rtx: Some(5678) });
        for (kind, encodings) in [
            ("data", json!([{ "ssrc": 1 }])),
            ("audio", json!([])),
            ("audio", json!([{ "ssrc": 0 }])),
            ("audio", json!([{ "ssrc": -1 }])),
            ("audio", json!([{ "ssrc": 1_u64 << 40 }])),
            ("audio", json!(null)),
        ] {
            assert!(offer(kind, encodings.clone()).is_err(), "{kind} {encodings}");
        }
    }
}
