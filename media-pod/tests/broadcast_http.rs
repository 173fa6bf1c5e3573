//! Broadcasters by HTTP: what the scripts of the mediasoup demo call, in both variants, and what everybody else may not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use convene_protocol::admission::{Admission, KeySet, MediaGrant, MeetingGrant, Signer};
use serde_json::{Value, json};
use support::process::{Answer, Process, http};
use support::{Client, Pod};
use tokio::net::{TcpStream, UdpSocket};

const PEM: &str = include_str!("../protocol/tests/data/admission-test-key.pem");
const JWKS: &str = include_str!("../protocol/tests/data/admission-test-jwks.json");

/// Calls as one script after the other makes them, with its headers.
struct Script {
    port: u16,
    headers: String,
}

impl Script {
    /// Older scripts say nothing of where they come from.
    fn older(pod: &Process) -> Self {
        Self { port: pod.port("//localhost:"), headers: String::new() }
    }

    fn newer(pod: &Process) -> Self {
        let port = pod.port("//localhost:");
        Self { port, headers: format!("\r\nOrigin: http://localhost:{port}") }
    }

    async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        let Self { port, headers } = self;
        let stream = TcpStream::connect(("127.0.0.1", *port)).await.unwrap();
        http(stream, &format!("{method} {path} HTTP/1.1\r\nHost: localhost:{port}{headers}"), body).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, &body.to_string()).await
    }

    /// The JSON of a call that is done.
    async fn done(&self, path: &str, body: Value, status: u16) -> Value {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        answer.json()
    }
}

fn audio() -> Value {
    json!({
        "codecs": [{
            "mimeType": "audio/opus", "payloadType": 100, "clockRate": 48000, "channels": 2,
            "parameters": { "sprop-stereo": 1 },
        }],
        "encodings": [{ "ssrc": 1111 }],
    })
}

fn opus() -> Value {
    json!({ "codecs": [{
        "kind": "audio", "mimeType": "audio/opus", "preferredPayloadType": 100, "clockRate": 48000, "channels": 2,
        "parameters": { "useinbandfec": 1 },
    }] })
}

/// An RTP packet of that Opus stream.
fn rtp(number: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 100];
    packet.extend(number.to_be_bytes());
    packet.extend((u32::from(number) * 960).to_be_bytes());
    packet.extend(1111_u32.to_be_bytes());
    packet.extend([0xf8, 0xff, 0xfe, 0, 1, 2, 3]);
    packet
}

fn port_of(transport: &Value, field: &str) -> u16 {
    transport[field].as_u64().unwrap().try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_script_opens_the_room_and_sends_into_it() {
    let pod = Process::start(&[]);
    let script = Script::older(&pod);
    let room = script.call("GET", "/rooms/cast", "").await;
    assert_eq!(room.status, 200);
    assert!(room.json()["codecs"].as_array().is_some_and(|codecs| !codecs.is_empty()));
    let body = json!({ "id": "b1", "displayName": "Broadcaster", "device": { "name": "FFmpeg" } });
    let entered = script.done("/rooms/cast/broadcasters", body.clone(), 200).await;
    assert_eq!(entered["peers"], json!([]));
    assert_eq!(script.post("/rooms/cast/broadcasters", body).await.status, 409, "the id is in use");
    let path = "/rooms/cast/broadcasters/b1/transports";
    let transport = script.done(path, json!({ "type": "plain", "comedia": true, "rtcpMux": false }), 200).await;
    assert_eq!(transport["ip"], "127.0.0.1");
    assert_ne!(port_of(&transport, "port"), port_of(&transport, "rtcpPort"));
    let path = format!("{path}/{}/producers", transport["id"].as_str().unwrap());
    let producer = script.done(&path, json!({ "kind": "audio", "rtpParameters": audio() }), 200).await;
    assert!(producer["id"].is_string());

    let deleted = script.call("DELETE", "/rooms/cast/broadcasters/b1", "").await;
    assert_eq!(deleted.status, 200);
    assert_eq!(script.call("DELETE", "/rooms/cast/broadcasters/b1", "").await.status, 404, "once is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_script_may_use_webrtc() {
    let pod = Process::start(&[]);
    let script = Script::older(&pod);
    let body = json!({ "id": "b1", "displayName": "Broadcaster", "device": { "name": "aiortc" } });
    script.done("/rooms/cast/broadcasters", body, 200).await;
    let path = "/rooms/cast/broadcasters/b1/transports";
    let transport = script.done(path, json!({ "type": "webrtc" }), 200).await;
    for part in ["iceParameters", "iceCandidates", "dtlsParameters", "sctpParameters"] {
        assert!(!transport[part].is_null(), "{part}");
    }
    let path = format!("{path}/{}", transport["id"].as_str().unwrap());
    let fingerprint = json!({ "algorithm": "sha-256", "value": (["AB"; 32].join(":")) });
    let dtls = json!({ "dtlsParameters": { "role": "client", "fingerprints": [fingerprint] } });
    assert_eq!(script.post(&format!("{path}/connect"), dtls).await.status, 200);
    let wrong = json!({ "ip": "127.0.0.1", "port": 10_000 });
    assert_eq!(script.post(&format!("{path}/connect"), wrong).await.status, 400, "not a plain transport");
    let data = json!({ "label": "chat", "protocol": "", "sctpStreamParameters": { "streamId": 1, "ordered": true } });
    assert!(script.done(&format!("{path}/produce/data"), data, 200).await["id"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_script_sends_and_another_receives() {
    let pod = Process::start(&[]);
    let (newer, older) = (Script::newer(&pod), Script::older(&pod));
    assert_eq!(newer.call("GET", "/rooms/cast", "").await.status, 404, "newer scripts do not open rooms");
    older.call("GET", "/rooms/cast", "").await;
    let capabilities = newer.call("GET", "/rooms/cast", "").await.json();
    assert!(capabilities["routerRtpCapabilities"]["codecs"].is_array());

    let sender =
        |id: &str| json!({ "peerId": id, "displayName": "FFmpeg", "device": { "name": "FFmpeg", "flag": "ffmpeg" } });
    let created = newer.post("/rooms/cast/broadcasters", sender("s1")).await;
    assert_eq!((created.status, created.header("location")), (201, "/rooms/cast/broadcasters/s1"));
    let sends = "/rooms/cast/broadcasters/s1";
    let body = json!({ "direction": "producer", "comedia": true, "rtcpMux": false });
    let created = newer.post(&format!("{sends}/transports"), body).await;
    let transport = created.json();
    let (id, mouth) = (transport["transportId"].as_str().unwrap(), port_of(&transport, "port"));
    assert_eq!((created.status, created.header("location")), (201, &*format!("{sends}/transports/{id}")));
    let producer = json!({
        "transportId": id, "kind": "audio", "rtpParameters": audio(), "appData": { "source": "audio" },
    });
    assert_eq!(newer.post(&format!("{sends}/producers"), producer.clone()).await.status, 409, "it has not joined");
    assert_eq!(newer.post(&format!("{sends}/join"), json!({})).await.status, 200);
    assert_eq!(newer.call("POST", &format!("{sends}/join"), "").await.status, 409, "once is enough");
    let producer = newer.done(&format!("{sends}/producers"), producer, 201).await["producerId"].clone();

    newer.post("/rooms/cast/broadcasters", sender("r1")).await;
    let receives = "/rooms/cast/broadcasters/r1";
    let body = json!({ "direction": "consumer", "comedia": false, "rtcpMux": true });
    let transport = newer.done(&format!("{receives}/transports"), body, 201).await;
    let ear = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let connect = format!("{receives}/transports/{}/connect", transport["transportId"].as_str().unwrap());
    let here = json!({ "ip": "127.0.0.1", "port": ear.local_addr().unwrap().port() });
    assert_eq!(newer.post(&connect, here).await.status, 200);
    newer.post(&format!("{receives}/join"), json!({})).await;
    let infos = newer.call("GET", &format!("{receives}/peerProducersInfos"), "").await.json();
    let info = &infos["peerProducersInfos"][0];
    assert_eq!((&info["peerId"], &info["producers"][0]["producerId"]), (&json!("s1"), &producer));
    let consume = json!({
        "transportId": transport["transportId"], "producerId": producer, "paused": true, "rtpCapabilities": opus(),
    });
    let consumer = newer.done(&format!("{receives}/consumers"), consume, 201).await;
    let resume = format!("{receives}/consumers/{}/resume", consumer["consumerId"].as_str().unwrap());
    assert_eq!(newer.call("POST", &resume, "").await.status, 200);

    assert!(arrives(&ear, mouth).await, "what is sent comes out at the other end");
    assert_eq!(newer.call("DELETE", sends, "").await.status, 204);
    pod.end();
}

/// Sends RTP to a port until some comes out at the other end.
async fn arrives(ear: &UdpSocket, port: u16) -> bool {
    let mouth = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for number in 0..500 {
        mouth.send_to(&rtp(number), ("127.0.0.1", port)).await.unwrap();
        let mut packet = [0; 1500];
        let heard = tokio::time::timeout(Duration::from_millis(20), ear.recv(&mut packet)).await;
        // Version 2 and our payload type; the other things that come are RTCP.
        if matches!(heard, Ok(Ok(count @ 12..)) if packet[..count][1] & 0x7f == 100) {
            return true;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_newer_scripts_had_other_paths() {
    let pod = Process::start(&[]);
    // They say no origin, and what they send tells them from the older ones.
    let script = Script::older(&pod);
    script.call("GET", "/rooms/cast", "").await;
    let sender = json!({ "peerId": "s1", "displayName": "FFmpeg", "device": { "name": "FFmpeg", "flag": "ffmpeg" } });
    assert_eq!(script.post("/rooms/cast/broadcasters", sender).await.status, 201);
    let path = "/rooms/cast/broadcasters/s1";
    let body = json!({ "direction": "producer", "comedia": true, "rtcpMux": false });
    let sends = script.done(&format!("{path}/transports"), body, 201).await["transportId"].clone();
    let body = json!({ "direction": "consumer", "comedia": true, "rtcpMux": true });
    let receives = script.done(&format!("{path}/transports"), body, 201).await["transportId"].clone();
    script.post(&format!("{path}/join"), json!({})).await;
    let body = json!({ "kind": "audio", "rtpParameters": audio(), "appData": { "source": "audio" } });
    let sends = format!("{path}/transports/{}", sends.as_str().unwrap());
    let producer = script.done(&format!("{sends}/producers"), body, 200).await["producerId"].clone();
    let receives = format!("{path}/transports/{}", receives.as_str().unwrap());
    let body = json!({ "producerId": producer, "paused": true, "rtpCapabilities": opus() });
    let consumer = script.done(&format!("{receives}/consume"), body, 201).await["consumerId"].clone();
    let resumed = script.post(&format!("{receives}/resume"), json!({ "consumerId": consumer })).await;
    assert_eq!(resumed.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_in_plain_text() {
    let pod = Process::start(&[]);
    let (older, newer) = (Script::older(&pod), Script::newer(&pod));
    older.call("GET", "/rooms/cast", "").await;
    let stranger = Script { headers: "\r\nOrigin: https://evil.example.org".into(), ..Script::older(&pod) };
    let long = format!(r#"{{"peerId":"{}"}}"#, "x".repeat(70_000));
    let cases = [
        (&stranger, "GET", "/rooms/cast", "", 403, "the Origin header names another host"),
        (&newer, "GET", "/rooms/nowhere", "", 404, "there is no such room"),
        (&newer, "POST", "/rooms/nowhere/broadcasters/b/join", "", 404, "there is no such room"),
        (&newer, "POST", "/rooms/cast/broadcasters/nobody/join", "", 404, "there is no such broadcaster"),
        (&newer, "PATCH", "/rooms/cast", "", 404, "there is no call PATCH"),
        (&older, "POST", "/rooms/cast/broadcasters", "{broken", 400, "the body is not JSON"),
        (&older, "POST", "/rooms/cast/broadcasters", "[]", 400, "the body is not a JSON object"),
        (&older, "POST", "/rooms/cast/broadcasters", "{}", 400, "peerId (or id) is missing"),
        (&older, "POST", "/rooms/cast/broadcasters", &long, 413, "longer than 65536 bytes"),
    ];
    for (script, method, path, body, status, said) in cases {
        let answer = script.call(method, path, body).await;
        assert!(answer.status == status && answer.body.contains(said), "{method} {path}: {answer:?}");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8", "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broadcasters_have_limits() {
    let pod = Process::start(&["--max-broadcasters", "1", "--max-transports", "2"]);
    let script = Script::older(&pod);
    let body = |id: &str| json!({ "id": id, "displayName": "Broadcaster", "device": { "name": "FFmpeg" } });
    script.done("/rooms/cast/broadcasters", body("b1"), 200).await;
    assert_eq!(script.post("/rooms/cast/broadcasters", body("b2")).await.status, 429);
    let path = "/rooms/cast/broadcasters/b1/transports";
    for _ in 0..2 {
        script.done(path, json!({ "type": "plain" }), 200).await;
    }
    assert_eq!(script.post(path, json!({ "type": "plain" })).await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_people_are_admitted_every_call_shows_its_admission() {
    let pod = Pod::start_with(Some(KeySet::from_jwks(JWKS).unwrap()), 1).await;
    let grant = MeetingGrant {
        namespace: "team".into(),
        name: "cast".into(),
        uid: "u1".into(),
        title: "Cast".into(),
        max_participants: 10,
        empty_timeout_seconds: 300,
        media: MediaGrant::default(),
        locked: false,
        codecs: Vec::new(),
        chat: true,
        screen_share: true,
        returning_until: None,
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let token = Signer::from_pem(PEM, "test").unwrap().admission(&Admission::guest(grant), now).unwrap();
    let call = |headers: String, path: &'static str| {
        let address = pod.address;
        async move {
            let stream = TcpStream::connect(address).await.unwrap();
            http(stream, &format!("GET {path} HTTP/1.1\r\nHost: pod{headers}"), "").await.status
        }
    };
    let shown = format!("\r\nAuthorization: Bearer {token}");
    assert_eq!(call(String::new(), "/broadcast/team/cast").await, 401);
    assert_eq!(call("\r\nAuthorization: Bearer nonsense".into(), "/broadcast/team/cast").await, 401);
    assert_eq!(call(shown.clone(), "/broadcast/team/another").await, 403);
    assert_eq!(call(shown.clone(), "/broadcast/team/cast").await, 200);
    assert_eq!(call(shown.clone(), "/broadcast/team/cast/broadcasters/b/peerProducersInfos").await, 404);
    assert_eq!(call(shown, "/rooms/cast").await, 404, "the open form is for pods that stand alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_a_broadcaster_come_and_go() {
    let pod = Pod::start().await;
    let mut ada = Client::connect(&pod, "cast", "ada").await;
    ada.join("Ada").await;
    let call = |method: &'static str, path: &'static str, body: Value| {
        let address = pod.address;
        async move {
            let stream = TcpStream::connect(address).await.unwrap();
            let head = format!("{method} {path} HTTP/1.1\r\nHost: pod");
            http(stream, &head, &body.to_string()).await
        }
    };
    let body = json!({ "id": "b1", "displayName": "Film", "device": { "name": "FFmpeg" }, "rtpCapabilities": opus() });
    let entered = call("POST", "/rooms/cast/broadcasters", body).await.json();
    assert_eq!(entered["peers"][0]["displayName"], "Ada");
    let seen = ada.hear("newPeer").await;
    assert_eq!((&seen["data"]["id"], &seen["data"]["peer"]["displayName"]), (&json!("b1"), &json!("Film")));
    assert_eq!(call("DELETE", "/rooms/cast/broadcasters/b1", json!({})).await.status, 200);
    assert_eq!(ada.hear("peerClosed").await["data"]["peerId"], "b1");
}
