use super::*;
use convene_protocol::message::{MediaKind, Source};
use serde_json::json;

fn call(method: &Method, path: &str, has_origin: bool, body: Value) -> Result<Call, Refused> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let Value::Object(body) = body else { panic!("bodies are objects") };
    parse(CallRequest { method, path: &path, producer_id: query.strip_prefix("producerId="), has_origin, body })
}

fn post(path: &str, body: Value) -> Result<Call, Refused> {
    call(&Method::POST, path, false, body)
}

/// The request of a call by the broadcaster `b`, and its status on success.
fn done(path: &str, body: Value) -> (BroadcasterRequest, u16) {
    let call = post(path, body).unwrap_or_else(|refused| panic!("{path}: {refused:?}"));
    assert_eq!((call.peer, call.room), (PeerId::from("b"), RoomRequirement::Open), "{path}");
    (call.request, call.success.status.as_u16())
}

#[test]
fn capabilities_are_returned_without_opening_the_room() {
    for (has_origin, needed) in [(true, RoomRequirement::Open), (false, RoomRequirement::Optional)] {
        let call = call(&Method::GET, "", has_origin, json!({})).unwrap();
        assert_eq!((call.request, call.room), (BroadcasterRequest::RouterRtpCapabilities, needed));
        assert_eq!(call.success, Success::json(StatusCode::OK));
    }
}

#[test]
fn an_older_script_joins_at_once_and_opens_the_room() {
    let body =
        json!({ "id": "b", "displayName": "Broadcaster", "device": { "name": "FFmpeg" }, "rtpCapabilities": {} });
    let with_origin = call(&Method::POST, "broadcasters", true, body.clone()).unwrap();
    assert_eq!(with_origin.room, RoomRequirement::Open, "older scripts say no origin");
    let call = post("broadcasters", body).unwrap();
    let BroadcasterRequest::Enter(entry) = call.request else { panic!("{:?}", call.request) };
    assert!(entry.joins_at_once && !entry.replaces && call.room == RoomRequirement::Create);
    assert_eq!((entry.display_name.as_str(), entry.rtp_capabilities), ("Broadcaster", Some(json!({}))));
    assert_eq!((entry.device.flag.as_deref(), entry.device.name.as_deref()), (Some("broadcaster"), Some("FFmpeg")));
    assert_eq!(call.success, Success::json(StatusCode::OK));
}

#[test]
fn a_newer_script_says_when_it_joins_and_takes_the_place_of_its_predecessor() {
    let device = json!({ "name": "FFmpeg", "flag": "ffmpeg" });
    let call = post("broadcasters", json!({ "peerId": "b", "displayName": "FFmpeg", "device": device })).unwrap();
    let BroadcasterRequest::Enter(entry) = call.request else { panic!("{:?}", call.request) };
    assert!(!entry.joins_at_once && entry.replaces && call.room == RoomRequirement::Open);
    assert_eq!(entry.device.flag.as_deref(), Some("ffmpeg"));
    assert_eq!((call.success.status, call.success.location), (StatusCode::CREATED, Some(("", "peerId"))));
}

#[test]
fn both_variants_create_plain_transports() {
    let plain =
        |direction, comedia, rtcp_mux| BroadcasterRequest::CreatePlainTransport { direction, comedia, rtcp_mux };
    let (sends, receives) = (Some(Direction::Producer), Some(Direction::Consumer));
    let cases = [
        (json!({ "type": "plain", "comedia": true, "rtcpMux": false }), plain(None, true, false), 200),
        (json!({ "type": "plain" }), plain(None, true, false), 200),
        (json!({ "type": "plain", "comedia": false, "rtcpMux": true }), plain(None, false, true), 200),
        (json!({ "type": "plain", "sctpCapabilities": {} }), plain(None, true, false), 200),
        (json!({ "type": "webrtc" }), BroadcasterRequest::CreateWebRtcTransport, 200),
        (json!({ "direction": "producer", "comedia": true, "rtcpMux": false }), plain(sends, true, false), 201),
        (json!({ "direction": "consumer", "comedia": false, "rtcpMux": false }), plain(receives, false, false), 201),
        (json!({ "direction": "consumer" }), plain(receives, false, true), 201),
        (json!({ "direction": "consumer", "comedia": null }), plain(receives, false, true), 201),
    ];
    for (body, request, status) in cases {
        assert_eq!(done("broadcasters/b/transports", body.clone()), (request, status), "{body}");
    }
}

#[test]
fn transports_are_connected_by_address_or_by_fingerprint() {
    let (transport, path) = (TransportId::from("t"), "broadcasters/b/transports/t/connect");
    let plain = |rtcp_port| BroadcasterRequest::ConnectPlainTransport {
        transport: transport.clone(),
        ip: "127.0.0.1".parse().unwrap(),
        port: 10_000,
        rtcp_port,
    };
    let address = json!({ "ip": "127.0.0.1", "port": 10_000, "rtcpPort": 10_001 });
    assert_eq!(done(path, address), (plain(Some(10_001)), 200));
    assert_eq!(done(path, json!({ "ip": "127.0.0.1", "port": 10_000, "rtcpPort": null })), (plain(None), 200));
    let fingerprint = json!({ "algorithm": "sha-256", "value": "AB" });
    let dtls_parameters = json!({ "role": "client", "fingerprints": [fingerprint] });
    let request = BroadcasterRequest::ConnectWebRtcTransport {
        transport: transport.clone(),
        dtls_parameters: dtls_parameters.clone(),
    };
    assert_eq!(done(path, json!({ "dtlsParameters": dtls_parameters })), (request, 200));
}

#[test]
fn producers_are_created_below_the_transport_or_beside_it() {
    let request = |kind, source| BroadcasterRequest::Produce {
        transport: TransportId::from("t"),
        kind,
        rtp_parameters: json!({ "codecs": [] }),
        source,
    };
    let body = |more: Value| {
        let mut body = json!({ "kind": "video", "rtpParameters": { "codecs": [] } });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let (older, newer) = ("broadcasters/b/transports/t/producers", "broadcasters/b/producers");
    assert_eq!(done(older, body(json!({}))), (request(MediaKind::Video, Source::Video), 200));
    let audio = json!({ "kind": "audio", "appData": { "source": "audio" } });
    assert_eq!(done(older, body(audio)), (request(MediaKind::Audio, Source::Audio), 200));
    let screen = json!({ "transportId": "t", "appData": { "source": "screensharing" } });
    assert_eq!(done(newer, body(screen)), (request(MediaKind::Video, Source::Screensharing), 201));
}

#[test]
fn consumers_are_created_in_three_ways() {
    let consume = |paused, rtp_capabilities| BroadcasterRequest::Consume {
        transport: TransportId::from("t"),
        producer: ProducerId::from("p"),
        paused,
        rtp_capabilities,
    };
    let capabilities = json!({ "codecs": [], "headerExtensions": [] });
    let cases = [
        ("broadcasters/b/transports/t/consume?producerId=p", json!({}), consume(false, None), 200),
        (
            "broadcasters/b/transports/t/consume",
            json!({ "producerId": "p", "paused": true, "rtpCapabilities": capabilities }),
            consume(true, Some(capabilities.clone())),
            201,
        ),
        (
            "broadcasters/b/consumers",
            json!({ "transportId": "t", "producerId": "p", "rtpCapabilities": capabilities }),
            consume(false, Some(capabilities.clone())),
            201,
        ),
    ];
    for (path, body, request, status) in cases {
        assert_eq!(done(path, body), (request, status), "{path}");
    }
    let resume = BroadcasterRequest::OfConsumer(ConsumerId::from("c"), ConsumerCall::Resume);
    assert_eq!(done("broadcasters/b/consumers/c/resume", json!({})), (resume.clone(), 200));
    assert_eq!(done("broadcasters/b/transports/t/resume", json!({ "consumerId": "c" })), (resume, 200));
}

#[test]
fn consumers_are_paused_and_their_layers_chosen() {
    let cases = [
        ("resume", json!({}), ConsumerCall::Resume),
        ("pause", json!({}), ConsumerCall::Pause),
        ("requestKeyFrame", json!({}), ConsumerCall::RequestKeyFrame),
        ("setPreferredLayers", json!({ "spatialLayer": 2 }), ConsumerCall::SetPreferredLayers(2, None)),
        (
            "setPreferredLayers",
            json!({ "spatialLayer": 1, "temporalLayer": 0 }),
            ConsumerCall::SetPreferredLayers(1, Some(0)),
        ),
    ];
    for (name, body, expected) in cases {
        let request = BroadcasterRequest::OfConsumer(ConsumerId::from("c"), expected);
        assert_eq!(done(&format!("broadcasters/b/consumers/c/{name}"), body), (request, 200), "{name}");
    }
    let wrong = [("close", json!({}), 404), ("setPreferredLayers", json!({ "spatialLayer": 256 }), 400)];
    for (name, body, code) in wrong {
        let path = format!("broadcasters/b/consumers/c/{name}");
        assert_eq!(call(&Method::POST, &path, true, body).map_err(|refused| refused.code), Err(code), "{name}");
    }
}

#[test]
fn data_goes_both_ways_in_the_older_variant() {
    let (transport, sctp) = (TransportId::from("t"), json!({ "streamId": 1 }));
    let body = json!({ "label": "chat", "protocol": "", "sctpStreamParameters": sctp, "appData": { "info": 1 } });
    let request = BroadcasterRequest::ProduceData {
        transport: transport.clone(),
        sctp_stream_parameters: sctp,
        label: "chat".into(),
        protocol: String::new(),
    };
    assert_eq!(done("broadcasters/b/transports/t/produce/data", body), (request, 200));
    let request = BroadcasterRequest::ConsumeData { transport, producer: DataProducerId::from("d") };
    assert_eq!(done("broadcasters/b/transports/t/consume/data", json!({ "dataProducerId": "d" })), (request, 200));
}

#[test]
fn leaving_is_answered_as_each_variant_expects() {
    for (has_origin, status) in [(true, 204), (false, 200)] {
        let call = call(&Method::DELETE, "broadcasters/b", has_origin, json!({})).unwrap();
        assert_eq!((call.request, call.success.status.as_u16()), (BroadcasterRequest::Leave, status));
    }
    assert_eq!(done("broadcasters/b/join", json!({})), (BroadcasterRequest::Join, 200));
    let infos = call(&Method::GET, "broadcasters/b/peerProducersInfos", true, json!({})).unwrap();
    assert_eq!(infos.request, BroadcasterRequest::PeerProducersInfos);
}

#[test]
fn invalid_calls_are_refused_with_a_reason() {
    let cases = [
        ("broadcasters", json!({}), 400, "peerId (or id) is missing"),
        ("broadcasters", json!({ "peerId": 7 }), 400, "invalid type: integer `7`"),
        ("broadcasters", json!({ "peerId": "", "displayName": "x" }), 400, "peerId must be"),
        ("broadcasters", json!({ "id": "a/b", "displayName": "x" }), 400, "peerId must be"),
        ("broadcasters", json!({ "id": "b" }), 400, "missing field `displayName`"),
        ("broadcasters", json!({ "id": "b", "displayName": " " }), 400, "1 to 64 characters"),
        ("broadcasters", json!({ "id": "b", "displayName": "x", "device": "y" }), 400, "expected struct Device"),
        ("broadcasters/b/transports", json!({}), 400, "is missing"),
        ("broadcasters/b/transports", json!({ "type": "pipe" }), 400, "plain or webrtc"),
        ("broadcasters/b/transports", json!({ "direction": "sideways" }), 400, "unknown variant `sideways`"),
        ("broadcasters/b/transports", json!({ "type": "plain", "comedia": "yes" }), 400, "invalid type: string"),
        ("broadcasters/b/transports/t/connect", json!({}), 400, "missing field `ip`"),
        ("broadcasters/b/transports/t/connect", json!({ "ip": "localhost", "port": 1 }), 400, "IP address"),
        ("broadcasters/b/transports/t/connect", json!({ "ip": "::1", "port": 0 }), 400, "1 to 65535"),
        ("broadcasters/b/transports/t/connect", json!({ "ip": "::1", "port": 70_000 }), 400, "70000"),
        ("broadcasters/b/producers", json!({ "kind": "audio", "rtpParameters": {} }), 400, "transportId"),
        ("broadcasters/b/transports/t/producers", json!({ "kind": "smell", "rtpParameters": {} }), 400, "smell"),
        ("broadcasters/b/transports/t/producers", json!({ "kind": "audio" }), 400, "rtpParameters"),
        ("broadcasters/b/consumers", json!({ "producerId": "p" }), 400, "transportId is missing"),
        ("broadcasters/b/transports/t/consume", json!({}), 400, "missing field `producerId`"),
        ("broadcasters/b/transports/t/consume/data", json!({}), 400, "missing field `dataProducerId`"),
        ("broadcasters/b/transports/t/resume", json!({}), 400, "missing field `consumerId`"),
        ("broadcasters/a%20b/join", json!({}), 404, "no such broadcaster"),
        ("broadcasters/b/launch", json!({}), 404, "there is no call POST \"broadcasters/b/launch\""),
        ("anything", json!({}), 404, "there is no call POST \"anything\""),
    ];
    for (path, body, code, reason) in cases {
        let refused = post(path, body.clone()).expect_err(path);
        assert!(refused.code == code && refused.reason.contains(reason), "{path} {body}: {refused:?}");
    }
    let wrong_method = call(&Method::PUT, "broadcasters/b", true, json!({})).unwrap_err();
    assert_eq!(wrong_method.code, 404);
}

#[test]
fn names_for_metrics_are_bounded_and_differ() {
    let requests = [
        BroadcasterRequest::RouterRtpCapabilities,
        BroadcasterRequest::Join,
        BroadcasterRequest::Leave,
        BroadcasterRequest::CreateWebRtcTransport,
        BroadcasterRequest::PeerProducersInfos,
    ];
    let names: std::collections::BTreeSet<_> = requests.iter().map(name).collect();
    assert!(names.len() == requests.len() && names.iter().all(|name| name.starts_with("http:")));
}
