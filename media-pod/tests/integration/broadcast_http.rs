//! Broadcasters over HTTP: the calls of the mediasoup demo's scripts, in both variants, and what other callers may not do.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::support::process::{Answer, Process, http};
use crate::support::{Client, Pod};
use convene_media_pod::rooms::defaults::RoomDefaults;
use convene_protocol::admin::RoomSettings;
use convene_protocol::admission::{Admission, KeySet, MeetingGrant, ParticipantGrant, Signer};
use serde_json::{Value, json};
use tokio::net::{TcpStream, UdpSocket};

const PEM: &str = include_str!("../../../crates/protocol/tests/data/admission-test-key.pem");
const JWKS: &str = include_str!("../../../crates/protocol/tests/data/admission-test-jwks.json");

/// Makes calls like one of the demo's scripts, with its headers.
struct Script {
    port: u16,
    headers: String,
}

impl Script {
    /// Older scripts send no Origin header.
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

    /// Opens a room like an older script: by entering it.
    async fn open(&self, room: &str) {
        let body = json!({ "id": "opener", "displayName": "Opener", "device": { "name": "FFmpeg" } });
        self.done(&format!("/rooms/{room}/broadcasters"), body, 200).await;
    }

    /// The JSON of a successful call.
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
    assert_eq!(pod.rooms().await, 0, "asking opens nothing");
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
    let before = older.call("GET", "/rooms/cast", "").await.json();
    older.open("cast").await;
    assert_eq!(older.call("GET", "/rooms/cast", "").await.json(), before, "the same with the room as without");
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
    let infos = infos["peerProducersInfos"].as_array().unwrap();
    let info = infos.iter().find(|info| info["peerId"] == "s1").unwrap();
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

/// Sends RTP to a port until some arrives at the other end.
async fn arrives(ear: &UdpSocket, port: u16) -> bool {
    let mouth = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for number in 0..500 {
        mouth.send_to(&rtp(number), ("127.0.0.1", port)).await.unwrap();
        let mut packet = [0; 1500];
        let heard = tokio::time::timeout(Duration::from_millis(20), ear.recv(&mut packet)).await;
        // Version 2 and our payload type; other packets are RTCP.
        if matches!(heard, Ok(Ok(count @ 12..)) if packet[..count][1] & 0x7f == 100) {
            return true;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_newer_scripts_had_other_paths() {
    let pod = Process::start(&[]);
    // They send no Origin header, and are distinguished from the older ones by their fields.
    let script = Script::older(&pod);
    script.open("cast").await;
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
async fn errors_are_plain_text() {
    let pod = Process::start(&[]);
    let (older, newer) = (Script::older(&pod), Script::newer(&pod));
    older.open("cast").await;
    let stranger = Script { headers: "\r\nOrigin: https://evil.example.org".into(), ..Script::older(&pod) };
    let long = format!(r#"{{"peerId":"{}"}}"#, "x".repeat(70_000));
    let cases = [
        (&stranger, "GET", "/rooms/cast", "", 403, "the Origin header names another host"),
        (&newer, "GET", "/rooms/nowhere", "", 404, "there is no such room"),
        (&older, "GET", "/rooms/nowhere/broadcasters/b/peerProducersInfos", "", 404, "there is no such room"),
        (&newer, "POST", "/rooms/nowhere/broadcasters/b/join", "", 404, "there is no such room"),
        (&newer, "POST", "/rooms/cast/broadcasters/unknown/join", "", 404, "there is no such broadcaster"),
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
async fn a_broadcaster_is_notified_when_the_producers_change() {
    let pod = Process::start(&[]);
    let script = Script::older(&pod);
    script.open("cast").await;
    let sender = json!({ "id": "s1", "displayName": "Sender", "device": { "name": "FFmpeg" } });
    script.done("/rooms/cast/broadcasters", sender, 200).await;
    let infos = "/rooms/cast/broadcasters/opener/peerProducersInfos";
    let known = script.call("GET", infos, "").await.json();
    let version = known["version"].as_u64().unwrap();
    let since = std::time::Instant::now();
    let changed = async { script.call("GET", &format!("{infos}?after={version}&wait=600"), "").await.json() };
    let change = async {
        let transport = "/rooms/cast/broadcasters/s1/transports";
        let id = script.done(transport, json!({ "type": "plain" }), 200).await["id"].as_str().unwrap().to_owned();
        let produce = json!({ "kind": "audio", "rtpParameters": audio() });
        script.done(&format!("{transport}/{id}/producers"), produce, 200).await
    };
    let (changed, producer) = tokio::join!(changed, change);
    let sent = &changed["peerProducersInfos"].as_array().unwrap()[0]["producers"][0];
    assert_eq!((&sent["producerId"], &sent["paused"]), (&producer["id"], &json!(false)));
    assert!(changed["version"].as_u64().unwrap() > version);
    assert!(since.elapsed() < Duration::from_secs(5), "it was notified before the wait expired");
    let at_once = script.call("GET", &format!("{infos}?after={version}&wait=600"), "").await.json();
    assert_eq!(at_once["version"], changed["version"]);
    pod.end();
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

/// A pod that requires admissions, and the signer of their tokens.
struct Admitting {
    pod: Pod,
    signer: Signer,
}

impl Admitting {
    async fn start() -> Self {
        let pod = Pod::start_as(Some(KeySet::from_jwks(JWKS).unwrap()), 1, 8, RoomDefaults::default()).await;
        Self { pod, signer: Signer::from_pem(PEM, "test").unwrap() }
    }

    /// An admission for a participant in the meeting `team/cast`; a new token each time, as the router signs them.
    fn token(&self, participant: ParticipantGrant) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let grant = MeetingGrant {
            namespace: "team".into(),
            name: "cast".into(),
            uid: "u1".into(),
            settings: RoomSettings {
                title: "Cast".into(),
                max_participants: 10,
                empty_timeout_seconds: 300,
                ..RoomSettings::default()
            },
            ..MeetingGrant::default()
        };
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let jti = format!("cast-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.signer.admission(&Admission { participant, jti, ..Admission::guest(grant) }, now).unwrap()
    }

    fn guest(&self) -> String {
        self.token(ParticipantGrant::default())
    }

    async fn call(&self, token: &str, method: &str, path: &str, body: Value) -> Answer {
        let stream = TcpStream::connect(self.pod.address).await.unwrap();
        let shown = if token.is_empty() { String::new() } else { format!("\r\nAuthorization: Bearer {token}") };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        http(stream, &format!("{method} {path} HTTP/1.1\r\nHost: pod{shown}"), &body).await
    }

    async fn status(&self, token: &str, method: &str, path: &str, body: Value) -> u16 {
        self.call(token, method, path, body).await.status
    }
}

fn older(id: &str) -> Value {
    json!({ "id": id, "displayName": "Broadcaster", "device": { "name": "FFmpeg" } })
}

#[tokio::test(flavor = "multi_thread")]
async fn with_admissions_every_call_needs_one() {
    let cast = Admitting::start().await;
    let get = async |token: &str, path: &str| cast.status(token, "GET", path, Value::Null).await;
    assert_eq!(get("", "/broadcast/team/cast").await, 401);
    assert_eq!(get("nonsense", "/broadcast/team/cast").await, 401);
    assert_eq!(get(&cast.guest(), "/broadcast/team/another").await, 403);
    assert_eq!(get(&cast.guest(), "/broadcast/team/cast").await, 200);
    assert_eq!(get(&cast.guest(), "/broadcast/team/cast/broadcasters/b/peerProducersInfos").await, 404);
    assert_eq!(get(&cast.guest(), "/rooms/cast").await, 404, "the open form is for standalone pods");
    assert!(cast.pod.state.rooms.list().await.rooms.is_empty(), "and none of them has opened a room");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admission_is_for_one_broadcaster_or_for_one_socket() {
    let cast = Admitting::start().await;
    let (token, broadcasters) = (cast.guest(), "/broadcast/team/cast/broadcasters");
    assert_eq!(cast.status(&token, "GET", "/broadcast/team/cast", Value::Null).await, 200, "it binds nothing");
    assert_eq!(cast.status(&token, "POST", broadcasters, older("b1")).await, 200);
    let transports = format!("{broadcasters}/b1/transports");
    assert_eq!(cast.status(&token, "POST", &transports, json!({ "type": "plain" })).await, 200, "its further calls");
    assert_eq!(cast.status(&token, "POST", broadcasters, older("b2")).await, 401);
    assert_eq!(cast.status(&token, "DELETE", &format!("{broadcasters}/b2"), Value::Null).await, 401);
    let path = "/signal/team/cast?peerId=ada";
    assert_eq!(Client::try_open(&cast.pod, path, Some(&token)).await.err(), Some(401), "and no socket");

    let token = cast.guest();
    let _ada = Client::try_open(&cast.pod, path, Some(&token)).await.unwrap();
    for (method, path) in [("GET", "/broadcast/team/cast"), ("DELETE", "/broadcast/team/cast/broadcasters/b1")] {
        assert_eq!(cast.status(&token, method, path, Value::Null).await, 401, "it has been used: {method}");
    }
    let rooms = cast.pod.state.rooms.handles().await;
    assert_eq!(rooms[0].1.stats().broadcasters, 1, "b1 is there still");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcasters_id_is_not_a_credential() {
    let cast = Admitting::start().await;
    let at = |address: &str| ParticipantGrant { address: Some(address.into()), ..ParticipantGrant::default() };
    let broadcasters = "/broadcast/team/cast/broadcasters";
    let entered = cast.status(&cast.token(at("192.0.2.1")), "POST", broadcasters, older("b1")).await;
    assert_eq!(entered, 200);
    let newer = json!({ "peerId": "b1", "displayName": "Mallory", "device": { "name": "FFmpeg" } });
    let calls = [
        ("POST", broadcasters.to_owned(), newer),
        ("POST", format!("{broadcasters}/b1/transports"), json!({ "type": "plain" })),
        ("DELETE", format!("{broadcasters}/b1"), Value::Null),
    ];
    for (method, path, body) in &calls {
        let stranger = cast.status(&cast.token(at("192.0.2.2")), method, path, body.clone()).await;
        assert_eq!(stranger, 403, "{method} {path}");
    }
    assert_eq!(cast.status(&cast.token(at("192.0.2.1")), "DELETE", &calls[2].1, Value::Null).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_rtp_needs_a_grant_and_is_not_sent_to_internal_addresses() {
    let cast = Admitting::start().await;
    let granted = ParticipantGrant { receive_plain: true, ..ParticipantGrant::default() };
    let cases = [
        ("without", ParticipantGrant::default(), "1.1.1.1", 403),
        ("inside", granted.clone(), "10.0.0.1", 403),
        ("itself", granted.clone(), "127.0.0.1", 403),
        ("metadata", granted.clone(), "169.254.169.254", 403),
        ("outside", granted, "1.1.1.1", 200),
    ];
    for (id, grant, ip, status) in cases {
        let token = cast.token(grant);
        let broadcasters = "/broadcast/team/cast/broadcasters";
        assert_eq!(cast.status(&token, "POST", broadcasters, older(id)).await, 200);
        let body = json!({ "type": "plain", "comedia": false, "rtcpMux": true });
        let transport = cast.call(&token, "POST", &format!("{broadcasters}/{id}/transports"), body).await.json();
        let connect = format!("{broadcasters}/{id}/transports/{}/connect", transport["id"].as_str().unwrap());
        let answer = cast.status(&token, "POST", &connect, json!({ "ip": ip, "port": 9 })).await;
        assert_eq!(answer, status, "{id}");
        cast.status(&token, "DELETE", &format!("{broadcasters}/{id}"), Value::Null).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn get_requests_from_a_page_open_no_room() {
    let pod = Process::start(&[]);
    let script = Script::older(&pod);
    for number in 0..200 {
        assert_eq!(script.call("GET", &format!("/rooms/picture-{number}"), "").await.status, 200);
    }
    assert_eq!(pod.rooms().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn participants_see_a_broadcaster_join_and_leave() {
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
