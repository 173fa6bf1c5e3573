//! The codecs that a room's routers offer: the defaults, or those of its meeting. Pure; nothing is negotiated here.

use mediasoup::prelude::RtpCodecCapability;
use serde_json::{Value, json};

/// Always offered: every browser has it, and audio depends on it.
const ALWAYS: &str = "opus";

/// Offered by default. Not AV1: clients send it with spatial layers, as they do VP9, and those cannot be forwarded.
pub(crate) const DEFAULT_CODECS: &str = "opus,PCMU,PCMA,VP8,VP9,H264";

/// Parses the name of a codec, in any case.
pub(crate) fn known_name(text: &str) -> Result<String, String> {
    const NAMES: [&str; 7] = ["opus", "PCMU", "PCMA", "VP8", "VP9", "H264", "AV1"];
    let known = NAMES.into_iter().find(|name| name.eq_ignore_ascii_case(text));
    known.map(str::to_owned).ok_or_else(|| format!("{text:?} is not one of {}", NAMES.join(", ")))
}

/// Every codec, in order of preference. Opus with NACK; AV1 for temporal layers only.
pub fn media_codecs() -> Vec<RtpCodecCapability> {
    let all = vec![
        audio(
            "audio/opus",
            48_000,
            2,
            &json!([{ "type": "nack", "parameter": "" }, { "type": "transport-cc", "parameter": "" }]),
        ),
        audio("audio/PCMU", 8_000, 1, &json!([])),
        audio("audio/PCMA", 8_000, 1, &json!([])),
        video("video/VP8", &json!({})),
        video("video/VP9", &json!({ "profile-id": 0 })),
        video("video/VP9", &json!({ "profile-id": 2 })),
        video("video/H264", &h264("42e01f")),
        video("video/H264", &h264("4d0032")),
        video("video/AV1", &json!({})),
    ];
    all.into_iter().map(|codec| serde_json::from_value(codec).expect("the codecs above are well formed")).collect()
}

/// The codecs with these names, which are the subtypes of their media types. Unknown names are ignored, and Opus is always included.
pub(crate) fn codecs_of(names: &[String]) -> Vec<RtpCodecCapability> {
    let is_wanted = |codec: &RtpCodecCapability| {
        let mime_type = json!(codec)["mimeType"].as_str().unwrap_or_default().to_owned();
        let subtype = mime_type.rsplit('/').next().unwrap_or_default();
        subtype.eq_ignore_ascii_case(ALWAYS) || names.iter().any(|name| name.eq_ignore_ascii_case(subtype))
    };
    media_codecs().into_iter().filter(is_wanted).collect()
}

fn audio(mime_type: &str, clock_rate: u32, channels: u8, feedback: &Value) -> Value {
    json!({
        "kind": "audio", "mimeType": mime_type, "clockRate": clock_rate, "channels": channels,
        "parameters": {}, "rtcpFeedback": feedback,
    })
}

fn video(mime_type: &str, parameters: &Value) -> Value {
    let mut parameters = parameters.clone();
    parameters["x-google-start-bitrate"] = json!(1000);
    json!({
        "kind": "video", "mimeType": mime_type, "clockRate": 90_000, "parameters": parameters,
        "rtcpFeedback": [
            { "type": "nack", "parameter": "" },
            { "type": "nack", "parameter": "pli" },
            { "type": "ccm", "parameter": "fir" },
            { "type": "goog-remb", "parameter": "" },
            { "type": "transport-cc", "parameter": "" },
        ],
    })
}

fn h264(profile_level_id: &str) -> Value {
    json!({ "packetization-mode": 1, "profile-level-id": profile_level_id, "level-asymmetry-allowed": 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_is_readable_and_offered_once() {
        let codecs = media_codecs();
        assert_eq!(codecs.len(), 9);
        let opus = serde_json::to_value(&codecs[0]).unwrap();
        assert_eq!((&opus["mimeType"], &opus["channels"]), (&json!("audio/opus"), &json!(2)));
    }

    #[test]
    fn names_are_known_in_any_case() {
        assert_eq!(known_name("av1").as_deref(), Ok("AV1"));
        assert!(DEFAULT_CODECS.split(',').all(|name| known_name(name).as_deref() == Ok(name)));
        assert_eq!(known_name("H265").unwrap_err(), "\"H265\" is not one of opus, PCMU, PCMA, VP8, VP9, H264, AV1");
    }

    #[test]
    fn a_meeting_gets_the_codecs_it_names_and_opus() {
        let cases = [
            (&[][..], 1),
            (&DEFAULT_CODECS.split(',').collect::<Vec<_>>(), 8),
            (&["opus"], 1),
            (&["VP8"], 2),
            (&["vp8", "H264"], 4),
            (&["VP9", "AV1", "PCMU"], 5),
            (&["H265", "", "video/VP8"], 1),
        ];
        for (names, expected) in cases {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let codecs = codecs_of(&names);
            assert_eq!(codecs.len(), expected, "{names:?}");
            assert_eq!(json!(codecs[0])["mimeType"], "audio/opus", "{names:?}");
        }
    }
}
