//! Tests of bounds: a refusal names its field, and messages of browsers pass.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn problem(checked: Checked) -> String {
    checked.map_or_else(|wrong| wrong.to_string(), |()| "fine".to_owned())
}

fn produced(change: impl FnOnce(&mut Value)) -> Value {
    let mut parameters = json!({
        "mid": "0",
        "codecs": [{
            "mimeType": "video/VP8", "payloadType": 101, "clockRate": 90000, "parameters": { "x": 1 },
            "rtcpFeedback": [{ "type": "nack", "parameter": "pli" }],
        }],
        "headerExtensions": [{ "uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 4 }],
        "encodings": [{ "rid": "a", "ssrc": 1, "rtx": { "ssrc": 2 }, "scalabilityMode": "L1T3", "maxBitrate": 1 }],
        "rtcp": { "cname": "", "reducedSize": true },
    });
    change(&mut parameters);
    parameters
}

#[test]
fn what_is_refused_names_its_field() {
    let long = "x".repeat(MAX_TEXT + 1);
    let cases: Vec<(Value, &str)> = vec![
        (
            produced(|p| p["encodings"] = (0..100).map(|ssrc| json!({ "ssrc": ssrc })).collect()),
            "rtpParameters.encodings must have at most 8 entries",
        ),
        (
            produced(|p| p["codecs"] = (0..17).map(|_| json!({})).collect()),
            "rtpParameters.codecs must have at most 16 entries",
        ),
        (
            produced(|p| p["codecs"][0]["parameters"] = json!({ "x": long })),
            "rtpParameters.codecs.parameters.x must have at most 512 bytes",
        ),
        (
            produced(|p| {
                p["codecs"][0]["parameters"] =
                    (0..33).map(|at| (at.to_string(), json!(1))).collect::<Map<_, _>>().into();
            }),
            "rtpParameters.codecs[0].parameters must have at most 32 fields",
        ),
        (
            produced(|p| p["codecs"][0]["payloadType"] = json!(128)),
            "rtpParameters.codecs[0].payloadType must be a whole number from 0 to 127",
        ),
        (
            produced(|p| p["codecs"][0]["clockRate"] = json!(-1)),
            "rtpParameters.codecs[0].clockRate must be a whole number from 1 to 1000000",
        ),
        (
            produced(|p| p["codecs"][0]["channels"] = json!(1.5)),
            "rtpParameters.codecs[0].channels must be a whole number from 1 to 8",
        ),
        (
            produced(|p| p["encodings"][0]["scalabilityMode"] = json!("L99T1")),
            "rtpParameters.encodings[0].scalabilityMode must have at most 4 layers",
        ),
        (
            produced(|p| p["encodings"][0]["scalabilityMode"] = json!("L1T1000")),
            "rtpParameters.encodings[0].scalabilityMode must have at most 4 layers",
        ),
        (
            produced(|p| p["encodings"][0]["rtx"]["ssrc"] = json!(4_294_967_296_u64)),
            "rtpParameters.encodings[0].rtx.ssrc must be a whole number from 0 to 4294967295",
        ),
        (
            produced(|p| p["encodings"][0]["rid"] = json!("a\u{0}")),
            "rtpParameters.encodings[0].rid must have no control characters",
        ),
        (
            produced(|p| p["rtcp"]["cname"] = json!("c".repeat(257))),
            "rtpParameters.rtcp.cname must have at most 256 bytes",
        ),
        (produced(|p| p["mid"] = json!("m".repeat(33))), "rtpParameters.mid must have at most 32 bytes"),
        (
            produced(|p| p["headerExtensions"][0]["id"] = json!(0)),
            "rtpParameters.headerExtensions[0].id must be a whole number from 1 to 255",
        ),
        (
            produced(|p| p["x"] = (0..9).fold(json!(1), |inner, _| json!([inner]))),
            "rtpParameters.x is nested too deeply",
        ),
        (produced(|p| p["x"] = (0..129).collect()), "rtpParameters.x must have at most 128 entries"),
        (produced(|p| p[&"n".repeat(65)] = json!(1)), "rtpParameters must have names of at most 64 bytes"),
        (
            produced(|p| p["x"] = (0..100).map(|_| json!((0..100).collect::<Vec<_>>())).collect()),
            "rtpParameters.x must have at most 4096 values",
        ),
    ];
    for (parameters, expected) in cases {
        assert_eq!(problem(check_rtp_parameters(&parameters)), expected);
    }
    assert_eq!(problem(check_rtp_parameters(&produced(|_| ()))), "fine");
}

#[test]
fn other_parameters_are_bounded_too() {
    let fingerprints = |count: usize| json!({ "role": "auto", "fingerprints": vec![json!({ "algorithm": "sha-256", "value": "AB" }); count] });
    assert_eq!(problem(check_dtls_parameters(&fingerprints(1))), "fine");
    assert_eq!(
        problem(check_dtls_parameters(&fingerprints(0))),
        "dtlsParameters.fingerprints must have at least 1 entry"
    );
    assert_eq!(
        problem(check_dtls_parameters(&fingerprints(9))),
        "dtlsParameters.fingerprints must have at most 8 entries"
    );
    let long = json!({ "fingerprints": [{ "algorithm": "sha-256", "value": "A".repeat(193) }] });
    assert_eq!(
        problem(check_dtls_parameters(&long)),
        "dtlsParameters.fingerprints[0].value must have at most 192 bytes"
    );
    assert_eq!(problem(check_sctp_stream_parameters(&json!({ "streamId": 65_535, "ordered": true }))), "fine");
    assert_eq!(
        problem(check_sctp_stream_parameters(&json!({ "streamId": 65_536 }))),
        "sctpStreamParameters.streamId must be a whole number from 0 to 65535"
    );
    assert_eq!(problem(check_app_data(&json!({ "x": "y".repeat(513) }))), "appData.x must have at most 512 bytes");
    let capabilities = json!({ "codecs": (0..97).map(|_| json!({})).collect::<Vec<_>>() });
    assert_eq!(problem(check_rtp_capabilities(&capabilities)), "rtpCapabilities.codecs must have at most 96 entries");
}

#[test]
fn what_mediasoup_does_not_read_is_not_kept() {
    let mut capabilities = json!({
        "junk": "x",
        "codecs": [
            { "mimeType": "audio/opus", "junk": [1, 2], "parameters": { "apt": 96, "deep": { "a": {} } } },
            { "mimeType": { "a": {} }, "parameters": [{ "a": 1 }], "rtcpFeedback": [{ "type": "nack", "a": {} }, [], 1] },
            7,
        ],
        "headerExtensions": [{ "uri": "u", "preferredId": 1, "junk": {}, "direction": [1] }],
    });
    prune_rtp_capabilities(&mut capabilities);
    let expected = json!({
        "codecs": [
            { "mimeType": "audio/opus", "parameters": { "apt": 96 } },
            { "rtcpFeedback": [{ "type": "nack" }] },
        ],
        "headerExtensions": [{ "uri": "u", "preferredId": 1 }],
    });
    assert_eq!(capabilities, expected);
    let mut not_lists = json!({ "codecs": { "a": {} }, "headerExtensions": 1 });
    prune_rtp_capabilities(&mut not_lists);
    assert_eq!(not_lists, json!({}));
}

#[test]
fn capabilities_have_a_limited_number_of_objects() {
    let feedback: Vec<_> = (0..16).map(|_| json!({ "type": "nack" })).collect();
    let with = |codecs: usize| {
        let codecs: Vec<_> =
            (0..codecs).map(|_| json!({ "mimeType": "video/VP8", "rtcpFeedback": feedback })).collect();
        problem(check_rtp_capabilities(&json!({ "codecs": codecs })))
    };
    assert_eq!(with(45), "fine");
    assert_eq!(with(46), "rtpCapabilities must have at most 768 objects");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    let names = prop_oneof![
        Just("codecs"),
        Just("encodings"),
        Just("headerExtensions"),
        Just("rtcp"),
        Just("scalabilityMode"),
        Just("parameters"),
        Just("fingerprints"),
        Just("rtcpFeedback"),
        Just("x"),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..8).prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<Map<_, _>>()
                .into()),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_makes_the_checks_panic(value in any_json()) {
        let _ = check_rtp_parameters(&value);
        let _ = check_rtp_capabilities(&value);
        let _ = check_dtls_parameters(&value);
        let _ = check_sctp_stream_parameters(&value);
        let mut pruned = value;
        prune_rtp_capabilities(&mut pruned);
    }

    #[test]
    fn no_scalability_mode_panics(mode in ".{0,12}") {
        layers_of(&mode);
    }
}
