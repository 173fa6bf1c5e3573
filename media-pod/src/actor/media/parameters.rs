//! Fills in fields that mediasoup's JavaScript API allows clients to omit and its Rust types require. Pure: JSON in, JSON out.
//!
//! Scripts for ffmpeg send only codecs and encodings; clients in C++ and Python omit fields that have defaults. Invalid values are left as
//! they are, and refused when they are parsed.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use mediasoup::prelude::{RtpCodecCapability, RtpHeaderExtensionUri};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Completes a sender's `RtpParameters`.
pub(super) fn rtp_parameters(mut parameters: Value) -> Value {
    let Some(fields) = parameters.as_object_mut() else { return parameters };
    set(fields, "headerExtensions", json!([]));
    set(fields, "encodings", json!([]));
    set(fields, "rtcp", json!({}));
    for codec in objects(fields, "codecs") {
        set_channels(codec);
    }
    for extension in objects(fields, "headerExtensions") {
        set(extension, "encrypt", json!(false));
    }
    // Extensions unknown to mediasoup are not forwarded, but are no reason to refuse the others.
    keep(fields, "headerExtensions", is_known_extension);
    if let Some(rtcp) = fields.get_mut("rtcp").and_then(Value::as_object_mut) {
        set(rtcp, "reducedSize", json!(true));
    }
    parameters
}

/// Completes a receiver's `RtpCapabilities`, and removes what mediasoup does not know and never sends.
pub(super) fn rtp_capabilities(mut capabilities: Value) -> Value {
    let Some(fields) = capabilities.as_object_mut() else { return capabilities };
    set(fields, "codecs", json!([]));
    set(fields, "headerExtensions", json!([]));
    for codec in objects(fields, "codecs") {
        let kind = codec.get("mimeType").and_then(Value::as_str).and_then(|mime| mime.split_once('/'));
        if let Some(kind) = kind.map(|(kind, _)| kind.to_ascii_lowercase()) {
            codec.insert("kind".to_owned(), Value::from(kind));
        }
        set_channels(codec);
    }
    for extension in objects(fields, "headerExtensions") {
        set(extension, "preferredEncrypt", json!(false));
        set(extension, "direction", json!("sendrecv"));
    }
    keep(fields, "codecs", |codec| RtpCodecCapability::deserialize(codec).is_ok());
    keep(fields, "headerExtensions", is_known_extension);
    capabilities
}

/// Removes the header extensions for bandwidth estimation. Receivers of plain RTP (ffmpeg, `GStreamer`) send no feedback for an estimate,
/// so the estimate would never rise and they would always get the smallest layer. Without the extensions mediasoup omits `goog-remb` and
/// `transport-cc` too.
pub(super) fn without_estimation(mut capabilities: Value) -> Value {
    let Some(fields) = capabilities.as_object_mut() else { return capabilities };
    keep(fields, "headerExtensions", |extension| {
        let uri = extension.get("uri").and_then(|uri| RtpHeaderExtensionUri::deserialize(uri).ok());
        !matches!(uri, Some(RtpHeaderExtensionUri::AbsSendTime | RtpHeaderExtensionUri::TransportWideCcDraft01))
    });
    capabilities
}

/// Completes `DtlsParameters`.
pub(super) fn dtls_parameters(mut parameters: Value) -> Value {
    if let Some(fields) = parameters.as_object_mut() {
        set(fields, "role", json!("auto"));
    }
    parameters
}

/// Sets a field that is absent or null.
fn set(fields: &mut Map<String, Value>, key: &str, default: Value) {
    let field = fields.entry(key).or_insert(Value::Null);
    if field.is_null() {
        *field = default;
    }
}

fn set_channels(codec: &mut Map<String, Value>) {
    let mime = codec.get("mimeType").and_then(Value::as_str).unwrap_or_default();
    if mime.to_ascii_lowercase().starts_with("audio/") {
        set(codec, "channels", json!(1));
    }
    for key in ["parameters", "rtcpFeedback"] {
        if codec.get(key).is_some_and(Value::is_null) {
            codec.remove(key);
        }
    }
}

fn objects<'a>(fields: &'a mut Map<String, Value>, key: &str) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let items = fields.get_mut(key).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut)
}

fn is_known_extension(extension: &Value) -> bool {
    extension.get("uri").is_some_and(|uri| RtpHeaderExtensionUri::deserialize(uri).is_ok())
}

/// Keeps known items, and items that are not objects, which are refused later.
fn keep(fields: &mut Map<String, Value>, key: &str, is_known: impl Fn(&Value) -> bool) {
    if let Some(items) = fields.get_mut(key).and_then(Value::as_array_mut) {
        items.retain(|item| !item.is_object() || is_known(item));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mediasoup::prelude::{DtlsParameters, RtpCapabilities, RtpParameters};

    #[test]
    fn the_parameters_of_the_demos_scripts_are_completed() {
        let audio = json!({
            "codecs": [{
                "mimeType": "audio/opus", "payloadType": 100, "clockRate": 48000, "channels": 2,
                "parameters": { "sprop-stereo": 1 },
            }],
            "encodings": [{ "ssrc": 1111 }],
        });
        let video = json!({
            "codecs": [{ "mimeType": "video/vp8", "payloadType": 101, "clockRate": 90000 }],
            "encodings": [{ "ssrc": 2222 }],
        });
        let telephone = json!({
            "codecs": [{ "mimeType": "audio/PCMU", "payloadType": 0, "clockRate": 8000, "parameters": null }],
            "encodings": [{ "ssrc": 3333 }], "rtcp": { "cname": "me" }, "mid": null,
        });
        for parameters in [audio, video, telephone] {
            let complete: RtpParameters = serde_json::from_value(rtp_parameters(parameters)).unwrap();
            assert!(complete.rtcp.reduced_size && complete.header_extensions.is_empty());
        }
    }

    #[test]
    fn receivers_may_know_more_than_mediasoup() {
        let capabilities = json!({
            "codecs": [
                { "mimeType": "video/VP8", "clockRate": 90000, "preferredPayloadType": 101 },
                { "kind": "audio", "mimeType": "audio/PCMA", "clockRate": 8000 },
                { "kind": "video", "mimeType": "video/H265", "clockRate": 90000 },
            ],
            "headerExtensions": [
                { "kind": "audio", "uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "preferredId": 1 },
                { "kind": "video", "uri": "urn:example:of-tomorrow", "preferredId": 2 },
            ],
        });
        let read: RtpCapabilities = serde_json::from_value(rtp_capabilities(capabilities)).unwrap();
        assert_eq!((read.codecs.len(), read.header_extensions.len()), (2, 1));
        let empty: RtpCapabilities = serde_json::from_value(rtp_capabilities(json!({}))).unwrap();
        assert_eq!((empty.codecs.len(), empty.header_extensions.len()), (0, 0));
    }

    #[test]
    fn receivers_of_plain_rtp_get_no_extensions_for_estimates() {
        let uris = [
            "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
            "urn:3gpp:video-orientation",
        ];
        let extensions = uris.map(|uri| json!({ "kind": "video", "uri": uri, "preferredId": 4 }));
        let kept = without_estimation(json!({ "codecs": [], "headerExtensions": extensions }));
        assert_eq!(kept["headerExtensions"], json!([{ "kind": "video", "uri": uris[2], "preferredId": 4 }]));
        assert_eq!(without_estimation(json!(7)), json!(7), "to be refused");
    }

    #[test]
    fn invalid_values_are_left_unchanged() {
        let wrong = [
            json!(7),
            json!([]),
            json!({}),
            json!({ "codecs": 7 }),
            json!({ "codecs": [7] }),
            json!({ "codecs": [{ "mimeType": "audio/opus" }] }),
            json!({ "codecs": [], "rtcp": 7 }),
            json!({ "codecs": [], "headerExtensions": [7] }),
        ];
        for parameters in wrong {
            let read = serde_json::from_value::<RtpParameters>(rtp_parameters(parameters.clone()));
            assert!(read.is_err(), "{parameters}");
        }
        for capabilities in [json!(7), json!({ "codecs": [7] }), json!({ "headerExtensions": {} })] {
            let read = serde_json::from_value::<RtpCapabilities>(rtp_capabilities(capabilities.clone()));
            assert!(read.is_err(), "{capabilities}");
        }
    }

    #[test]
    fn the_role_of_dtls_is_found_out() {
        let fingerprint = json!({ "algorithm": "sha-256", "value": (["AB"; 32].join(":")) });
        let read = |parameters| serde_json::from_value::<DtlsParameters>(dtls_parameters(parameters));
        assert!(read(json!({ "fingerprints": [fingerprint] })).is_ok());
        assert!(read(json!("client")).is_err());
    }

    #[test]
    fn given_values_are_left_unchanged() {
        let complete = json!({
            "mid": "0",
            "codecs": [{
                "mimeType": "audio/opus", "payloadType": 111, "clockRate": 48000, "channels": 2,
                "parameters": { "useinbandfec": 1 }, "rtcpFeedback": [{ "type": "nack", "parameter": "" }],
            }],
            "headerExtensions": [{ "uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 4, "encrypt": true }],
            "encodings": [{ "ssrc": 1, "dtx": true }],
            "rtcp": { "cname": "c", "reducedSize": false },
        });
        assert_eq!(rtp_parameters(complete.clone()), complete);
    }
}
