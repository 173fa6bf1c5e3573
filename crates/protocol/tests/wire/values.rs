//! Values that mediasoup and its clients put into messages, shortened.

use serde_json::{Value, json};

pub(crate) fn rtp_capabilities() -> Value {
    json!({
        "codecs": [
            {
                "kind": "audio", "mimeType": "audio/opus", "preferredPayloadType": 100, "clockRate": 48000, "channels": 2,
                "parameters": { "useinbandfec": 1, "usedtx": 1 },
                "rtcpFeedback": [{ "type": "nack", "parameter": "" }, { "type": "transport-cc", "parameter": "" }]
            },
            {
                "kind": "video", "mimeType": "video/VP8", "preferredPayloadType": 101, "clockRate": 90000,
                "parameters": { "x-google-start-bitrate": 1000 },
                "rtcpFeedback": [{ "type": "nack", "parameter": "" }, { "type": "nack", "parameter": "pli" }]
            },
            {
                "kind": "video", "mimeType": "video/rtx", "preferredPayloadType": 102, "clockRate": 90000,
                "parameters": { "apt": 101 }, "rtcpFeedback": []
            }
        ],
        "headerExtensions": [
            {
                "kind": "audio", "uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "preferredId": 1,
                "preferredEncrypt": false, "direction": "sendrecv"
            }
        ]
    })
}

/// A camera with three simulcast layers.
pub(crate) fn sent_rtp_parameters() -> Value {
    json!({
        "mid": "1",
        "codecs": [
            { "mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000, "parameters": {}, "rtcpFeedback": [{ "type": "nack", "parameter": "pli" }] },
            { "mimeType": "video/rtx", "payloadType": 97, "clockRate": 90000, "parameters": { "apt": 96 }, "rtcpFeedback": [] }
        ],
        "headerExtensions": [{ "uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 4, "encrypt": false, "parameters": {} }],
        "encodings": [
            { "rid": "r0", "active": true, "scaleResolutionDownBy": 4, "maxBitrate": 500_000, "scalabilityMode": "L1T3", "dtx": false },
            { "rid": "r1", "active": true, "scaleResolutionDownBy": 2, "maxBitrate": 1_000_000, "scalabilityMode": "L1T3", "dtx": false },
            { "rid": "r2", "active": true, "scaleResolutionDownBy": 1, "maxBitrate": 5_000_000, "scalabilityMode": "L1T3", "dtx": false }
        ],
        "rtcp": { "cname": "ada-cname", "reducedSize": true }
    })
}

/// The same as received by a receiver.
pub(crate) fn received_rtp_parameters() -> Value {
    json!({
        "mid": "0",
        "codecs": [
            { "mimeType": "video/VP8", "payloadType": 101, "clockRate": 90000, "parameters": {}, "rtcpFeedback": [{ "type": "nack", "parameter": "pli" }] },
            { "mimeType": "video/rtx", "payloadType": 102, "clockRate": 90000, "parameters": { "apt": 101 }, "rtcpFeedback": [] }
        ],
        "headerExtensions": [{ "uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 1, "encrypt": false, "parameters": {} }],
        "encodings": [{ "ssrc": 111_222_333, "rtx": { "ssrc": 111_222_334 }, "scalabilityMode": "L3T3" }],
        "rtcp": { "cname": "ada-cname", "reducedSize": true }
    })
}

pub(crate) fn ice_parameters() -> Value {
    json!({ "usernameFragment": "k3z9x8c7", "password": "wq8e7r6t5y4u3i2o", "iceLite": true })
}

pub(crate) fn ice_candidates() -> Value {
    json!([
        { "foundation": "udpcandidate", "priority": 1_076_302_079, "address": "192.0.2.1", "ip": "192.0.2.1", "protocol": "udp", "port": 40000, "type": "host" },
        { "foundation": "tcpcandidate", "priority": 1_076_276_479, "address": "192.0.2.1", "ip": "192.0.2.1", "protocol": "tcp", "port": 40000, "type": "host", "tcpType": "passive" }
    ])
}

pub(crate) fn dtls_parameters(role: &str) -> Value {
    json!({ "role": role, "fingerprints": [{ "algorithm": "sha-256", "value": "A1:B2:C3:D4" }] })
}

/// Both generations of names, as mediasoup writes them.
pub(crate) fn sctp_parameters() -> Value {
    json!({
        "port": 5000, "OS": 1024, "MIS": 1024, "maxMessageSize": 262_144,
        "maxSendMessageSize": 262_144, "maxReceiveMessageSize": 262_144
    })
}

pub(crate) fn sctp_capabilities() -> Value {
    json!({ "numStreams": { "OS": 1024, "MIS": 1024 } })
}

pub(crate) fn sctp_stream_parameters() -> Value {
    json!({ "streamId": 0, "ordered": false, "maxRetransmits": 1 })
}

pub(crate) fn stats() -> Value {
    json!([{ "type": "inbound-rtp", "timestamp": 1_800_000_000_000_u64, "kind": "video", "ssrc": 111_222_333, "score": 10, "byteCount": 123_456, "packetCount": 100 }])
}
