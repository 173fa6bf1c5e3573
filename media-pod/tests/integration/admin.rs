//! The admin API: its token, changes of the room list, live settings, draining, removing participants, probes, and key rotation.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::process::Folder;
use crate::support::{Client, Pod};
use convene_media_pod::access::keys::TrustedKeys;
use convene_media_pod::network::endpoints::Announcement;
use convene_protocol::admin::RoomSettings;
use convene_protocol::admission::{Admission, KeySet, MeetingGrant, ParticipantGrant, Signer};
use serde_json::{Value, json};
use str0m::ice::{StunMessage, TransId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PEM: &str = include_str!("../../../crates/protocol/tests/data/admission-test-key.pem");
const JWKS: &str = include_str!("../../../crates/protocol/tests/data/admission-test-jwks.json");
/// Timeout for every wait.
const TIMEOUT: Duration = Duration::from_secs(30);

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn signer(kid: &str) -> Signer {
    Signer::from_pem(PEM, kid).unwrap()
}

fn grant(name: &str) -> MeetingGrant {
    MeetingGrant {
        namespace: "team".into(),
        name: name.into(),
        uid: "uid-1".into(),
        settings: RoomSettings {
            title: "Stand-up".into(),
            max_participants: 5,
            empty_timeout_seconds: 300,
            ..RoomSettings::default()
        },
        ..MeetingGrant::default()
    }
}

async fn pod() -> Pod {
    Pod::start_with(Some(KeySet::from_jwks(JWKS).unwrap()), 1).await
}

async fn enter(pod: &Pod, grant: &MeetingGrant, peer: &str) -> Client {
    let participant = ParticipantGrant { guest: Some(peer.to_owned()), ..ParticipantGrant::default() };
    let admission = Admission { participant, ..Admission::guest(grant.clone()) };
    let token = signer("test").admission(&admission, now()).unwrap();
    Client::try_connect(pod, &format!("team/{}", grant.name), peer, Some(&token)).await.ok().unwrap()
}

/// Status and JSON of the response, null if it has none.
async fn ask(pod: &Pod, method: &str, path: &str, body: &str) -> (u16, Value) {
    let token = format!("Authorization: Bearer {}\r\n", signer("test").admin(now()).unwrap());
    let (status, body) = pod.http_with(method, &format!("/admin/v1/{path}"), &token, body).await;
    (status, serde_json::from_str(&body).unwrap_or_default())
}

fn settings(title: &str, most: u32, is_locked: bool) -> Value {
    json!({ "title": title, "maxParticipants": most, "emptyTimeoutSeconds": 60, "locked": is_locked })
}

fn update(uid: &str, settings: &Value) -> String {
    json!({ "uid": uid, "settings": settings }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_admin_route_requires_an_admin_token() {
    let pod = pod().await;
    let admission = signer("test").admission(&Admission::guest(grant("standup")), now()).unwrap();
    let expired = signer("test").admin(now() - 1000).unwrap();
    let stranger = signer("other").admin(now()).unwrap();
    let routes = [
        ("GET", "rooms"),
        ("GET", "rooms?after=1&wait=30"),
        ("PATCH", "rooms/team/standup"),
        ("DELETE", "rooms/team/standup?reason=ended"),
        ("DELETE", "rooms/team/standup/participants/ada"),
        ("PUT", "drain"),
        ("DELETE", "drain"),
        ("POST", "probe"),
    ];
    for (method, path) in routes {
        for token in ["", &admission, &expired, &stranger] {
            let header = format!("Authorization: Bearer {token}\r\n");
            let header = if token.is_empty() { "" } else { &header };
            let (status, body) = pod.http(method, &format!("/admin/v1/{path}"), header).await;
            assert_eq!(status, 401, "{method} {path} {token:.10}: {body}");
        }
    }
    assert_eq!(pod.get("/readyz").await.0, 200, "nothing was drained");
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_require_an_admin_token_and_metrics_are_not_on_the_client_port() {
    let pod = pod().await;
    let admission = signer("test").admission(&Admission::guest(grant("standup")), now()).unwrap();
    for token in ["", &admission] {
        let header = format!("Authorization: Bearer {token}\r\n");
        assert_eq!(pod.http("GET", "/stats", &header).await.0, 401, "{token:.10}");
    }
    let header = crate::support::admin_token();
    assert_eq!(pod.http("GET", "/stats", &header).await.0, 200);
    assert_eq!(pod.http("GET", "/metrics", &header).await.0, 404);
    let (status, metrics) = pod.get("/metrics").await;
    assert!(status == 200 && metrics.contains("convene_media_workers 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_the_pods_own_machine_administers_and_pages_of_other_sites_do_not() {
    let pod = Pod::start().await;
    for path in ["/stats", "/metrics", "/admin/v1/rooms"] {
        assert_eq!(pod.http("GET", path, "").await.0, 200, "{path}");
        let rebound = format!("GET {path} HTTP/1.1\r\nHost: rebound.evil.example");
        let stream = tokio::net::TcpStream::connect(pod.address).await.unwrap();
        assert_eq!(crate::support::process::http(stream, &rebound, "").await.status, 403, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_room_list_is_held_until_it_changes() {
    let pod = Arc::new(pod().await);
    let (_, empty) = ask(&pod, "GET", "rooms", "").await;
    let version = empty["version"].as_u64().unwrap();
    let process = empty["process"].as_u64().unwrap();
    assert_eq!(empty, json!({ "version": version, "process": process, "rooms": [], "draining": false }));
    assert!(version > 0);
    let held = async |version: u64| ask(&pod, "GET", &format!("rooms?after={version}&wait=1"), "").await.1;
    assert_eq!(held(version).await, empty, "nothing has happened");
    assert_eq!(held(version - 1).await, empty, "another version is known: at once");

    let waiting = tokio::spawn({
        let pod = Arc::clone(&pod);
        async move { ask(&pod, "GET", &format!("rooms?after={version}&wait=3000"), "").await.1 }
    });
    let mut ada = enter(&pod, &grant("standup"), "ada").await;
    let mut news = waiting.await.unwrap();
    assert!(news["version"].as_u64().unwrap() > version, "{news}");
    ada.join("Ada").await;
    let start = Instant::now();
    while news["rooms"][0]["participants"] != 1 {
        assert!(start.elapsed() < TIMEOUT, "ada is not in {news}");
        news = held(news["version"].as_u64().unwrap()).await;
    }
    drop(ada);
    while news["rooms"][0]["participants"] != 0 {
        assert!(start.elapsed() < TIMEOUT, "ada is still in {news}");
        news = held(news["version"].as_u64().unwrap()).await;
    }
    ask(&pod, "DELETE", "rooms/team/standup?reason=ended", "").await;
    while news["rooms"] != json!([]) {
        assert!(start.elapsed() < TIMEOUT, "the room is still in {news}");
        news = held(news["version"].as_u64().unwrap()).await;
    }
    assert_eq!(ask(&pod, "GET", "rooms?after=x&wait=1", "").await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_shuts_down_answers_waiting_callers() {
    let pod = Arc::new(pod().await);
    let version = ask(&pod, "GET", "rooms", "").await.1["version"].clone();
    let waiting = tokio::spawn({
        let pod = Arc::clone(&pod);
        async move { ask(&pod, "GET", &format!("rooms?after={version}&wait=30"), "").await.1 }
    });
    pod.state.rooms.drain(TIMEOUT).await;
    let news = waiting.await.unwrap();
    assert_eq!(news["draining"], true);
    let path = format!("rooms?after={}&wait=30", news["version"]);
    let answered = tokio::time::timeout(Duration::from_secs(20), ask(&pod, "GET", &path, "")).await;
    assert_eq!(answered.expect("it is not held"), (200, news));
    assert_eq!(ask(&pod, "DELETE", "drain", "").await.0, 204);
    assert_eq!(pod.get("/readyz").await, (503, "not ready: shutting down\n".into()), "an end is not taken back");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_room_applies_new_settings_at_once() {
    let pod = pod().await;
    let mut ada = enter(&pod, &grant("standup"), "ada").await;
    ada.join("Ada").await;
    let shown = async || ask(&pod, "GET", "rooms", "").await.1["rooms"][0]["settings"].clone();
    let of_grant = json!({ "title": "Stand-up", "maxParticipants": 5, "emptyTimeoutSeconds": 300, "locked": false });
    assert_eq!(shown().await, of_grant);
    let path = "rooms/team/standup";
    let full = settings("Daily", 1, false);
    assert_eq!(ask(&pod, "PATCH", path, &update("uid-1", &full)).await, (204, Value::Null));
    assert_eq!(shown().await, full);
    let mut bob = enter(&pod, &grant("standup"), "bob").await;
    assert_eq!(bob.closed().await, (4000, "the meeting is full".into()));

    let locked = settings("Daily", 5, true);
    assert_eq!(ask(&pod, "PATCH", path, &update("uid-1", &locked)).await.0, 204);
    let mut bob = enter(&pod, &grant("standup"), "bob").await;
    assert_eq!(bob.closed().await, (4000, "the meeting is locked".into()));
    let mut again = enter(&pod, &grant("standup"), "ada").await;
    assert_eq!(ada.closed().await.0, 4000, "replaced");
    again.join("Ada").await;

    for (path, uid) in [(path, "uid-2"), ("rooms/team/other", "uid-1"), ("rooms/other/standup", "uid-1")] {
        let (status, problem) = ask(&pod, "PATCH", path, &update(uid, &full)).await;
        assert_eq!((status, &problem["detail"]), (404, &json!("there is no such room")), "{path} {uid}");
    }
    let wrong = [
        (update("uid-1", &settings(&"x".repeat(201), 5, true)), 400),
        (update("uid-1", &settings("x", 0, true)), 400),
        (update("uid-1", &settings("x", 10_001, true)), 400),
        ("{".to_owned(), 400),
        (update("uid-1", &settings(&"x".repeat(97 * 1024), 5, true)), 413),
    ];
    for (body, expected) in wrong {
        assert_eq!(ask(&pod, "PATCH", path, &body).await.0, expected, "{body:.80}");
    }
    assert_eq!(shown().await, locked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_opens_with_its_codecs_its_lock_and_its_chat() {
    let pod = pod().await;
    let quiet = MeetingGrant { codecs: vec!["vp8".into(), "H265".into()], chat: false, ..grant("quiet") };
    let mut ada = enter(&pod, &quiet, "ada").await;
    let answer = ada.ask("getRouterRtpCapabilities", json!({})).await.unwrap();
    let codecs = answer["routerRtpCapabilities"]["codecs"].as_array().unwrap();
    let mut offered: Vec<_> = codecs.iter().map(|codec| codec["mimeType"].as_str().unwrap()).collect();
    offered.sort_unstable();
    assert_eq!(offered, ["audio/opus", "video/VP8", "video/rtx"]);
    ada.join("Ada").await;
    let refused = Err((403, "the chat is off in this meeting".to_owned()));
    assert_eq!(ada.ask("sendChatMessage", json!({ "text": "hi" })).await, refused);
    let open = grant("closed");
    let closed = MeetingGrant { settings: RoomSettings { locked: true, ..open.settings.clone() }, ..open };
    let mut early = enter(&pod, &closed, "ada").await;
    assert_eq!(early.closed().await, (4000, "the meeting is locked".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_pod_accepts_no_new_participants_and_keeps_the_others() {
    let pod = pod().await;
    let mut ada = enter(&pod, &grant("standup"), "ada").await;
    ada.join("Ada").await;
    for _ in 0..2 {
        assert_eq!(ask(&pod, "PUT", "drain", "").await.0, 204);
    }
    assert_eq!(pod.get("/readyz").await, (503, "not ready: draining\n".into()));
    assert_eq!(ask(&pod, "GET", "rooms", "").await.1["draining"], true);
    for name in ["standup", "another"] {
        let mut bob = enter(&pod, &grant(name), "bob").await;
        assert_eq!(bob.closed().await.0, 1012, "{name}");
    }
    let script = signer("test").admission(&Admission::guest(grant("standup")), now()).unwrap();
    let entry = json!({ "id": "film", "displayName": "Film", "device": {} }).to_string();
    let token = format!("Authorization: Bearer {script}\r\n");
    assert_eq!(pod.http_with("POST", "/broadcast/team/standup/broadcasters", &token, &entry).await.0, 503);
    ada.ask("changeDisplayName", json!({ "displayName": "Still Ada" })).await.unwrap();
    let mut again = enter(&pod, &grant("standup"), "ada").await;
    again.join("Ada").await;

    assert_eq!(ask(&pod, "DELETE", "drain", "").await.0, 204);
    assert_eq!(pod.get("/readyz").await.0, 200);
    assert_eq!(ask(&pod, "GET", "rooms", "").await.1["draining"], false);
    let mut bob = enter(&pod, &grant("standup"), "bob").await;
    assert_eq!(bob.join("Bob").await["peers"][0]["id"], "ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_participant_is_closed_for_good_and_the_others_are_notified() {
    let pod = pod().await;
    let (mut ada, mut bob) =
        (enter(&pod, &grant("standup"), "ada").await, enter(&pod, &grant("standup"), "bob:1@x").await);
    ada.join("Ada").await;
    bob.join("Bob").await;
    let path = |uid: &str, id: &str| format!("rooms/team/standup/participants/{id}?uid={uid}");
    for (uid, id) in [("uid-2", "bob:1@x"), ("uid-1", "stranger"), ("uid-1", "%00")] {
        assert_eq!(ask(&pod, "DELETE", &path(uid, id), "").await.0, 404, "{uid} {id}");
    }
    assert_eq!(ask(&pod, "DELETE", "rooms/team/other/participants/ada", "").await.0, 404);
    assert_eq!(ask(&pod, "DELETE", &path("uid-1", "bob:1@x"), "").await.0, 204);
    assert_eq!(bob.closed().await, (4000, "removed from the meeting".into()));
    assert_eq!(ada.hear("peerClosed").await["data"]["peerId"], "bob:1@x");
    assert_eq!(ask(&pod, "DELETE", "rooms/team/standup/participants/bob:1@x", "").await.0, 404, "gone already");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_trusted_while_the_file_has_them() {
    let folder = Folder::new();
    let file = folder.file("jwks.json", JWKS);
    let mut pod = pod().await;
    let keys = TrustedKeys::from_file(file.as_ref()).unwrap();
    tokio::spawn(keys.clone().follow(file.clone().into()));
    pod.state.keys = Some(keys);
    let pod = Pod::with_state(pod.state.clone());
    let status = async |kid: &str| {
        let token = signer(kid).admin(now()).unwrap();
        pod.http("GET", "/admin/v1/rooms", &format!("Authorization: Bearer {token}\r\n")).await.0
    };
    assert_eq!((status("test").await, status("newer").await), (200, 401));
    std::fs::write(&file, JWKS.replace("\"test\"", "\"newer\"")).unwrap();
    let start = Instant::now();
    while status("newer").await != 200 {
        assert!(start.elapsed() < TIMEOUT, "the new key is not trusted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(status("test").await, 401, "a key that is gone");
    let admission = signer("newer").admission(&Admission::guest(grant("standup")), now()).unwrap();
    assert!(Client::try_connect(&pod, "team/standup", "ada", Some(&admission)).await.is_ok());
    let old = signer("test").admission(&Admission::guest(grant("standup")), now()).unwrap();
    assert_eq!(Client::try_connect(&pod, "team/standup", "ada", Some(&old)).await.err(), Some(401));
}

/// A binding request as a probe client sends it.
fn binding_request(target: &Value) -> Vec<u8> {
    let username = format!("{}:probe", target["usernameFragment"].as_str().unwrap());
    let request = StunMessage::binding_request(&username, TransId::new(), true, 1, 1, false);
    let mut bytes = vec![0; 512];
    let length = request.to_bytes(Some(password(target)), &mut bytes, sha1_hmac).unwrap();
    bytes.truncate(length);
    bytes
}

fn password(target: &Value) -> &[u8] {
    target["password"].as_str().unwrap().as_bytes()
}

fn sha1_hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    str0m::crypto::from_feature_flags().sha1_hmac_provider.sha1_hmac(key, parts)
}

fn check_answer(answer: &[u8], target: &Value) {
    let message = StunMessage::parse(answer).unwrap();
    assert!(message.is_successful_binding_response(), "{message:?}");
    assert!(message.verify(password(target), sha1_hmac));
}

/// Sends a request over the candidate's protocol to its listener, and checks that the response is a success.
async fn probe(target: &Value, protocol: &str, to: SocketAddr) {
    let request = binding_request(target);
    if protocol == "udp" {
        let socket = UdpSocket::bind((to.ip(), 0)).unwrap();
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        socket.send_to(&request, to).unwrap();
        let mut answer = [0; 512];
        let (length, from) = socket.recv_from(&mut answer).unwrap();
        assert_eq!(from, to);
        check_answer(&answer[..length], target);
    } else {
        let mut stream = TcpStream::connect(to).await.unwrap();
        let length = u16::try_from(request.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length[..], &request].concat()).await.unwrap();
        let length = tokio::time::timeout(TIMEOUT, stream.read_u16()).await.unwrap().unwrap();
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await.unwrap();
        check_answer(&answer, target);
    }
}

fn places(target: &Value) -> Vec<(String, SocketAddr)> {
    let place = |candidate: &Value| {
        let ip = candidate["address"].as_str().unwrap().parse().unwrap();
        let port = u16::try_from(candidate["port"].as_u64().unwrap()).unwrap();
        (candidate["protocol"].as_str().unwrap().to_owned(), SocketAddr::new(ip, port))
    };
    target["candidates"].as_array().unwrap().iter().map(place).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_are_answered_by_udp_and_tcp_on_every_worker() {
    let pod = Pod::start_with(Some(KeySet::from_jwks(JWKS).unwrap()), 2).await;
    let (status, opened) = ask(&pod, "POST", "probe", "").await;
    assert_eq!((status, &opened["seconds"]), (200, &json!(20)));
    let targets = opened["targets"].as_array().unwrap();
    assert_eq!(targets.len(), 2);
    for target in targets {
        let places = places(target);
        assert_eq!(places.iter().map(|(protocol, _)| protocol.as_str()).collect::<Vec<_>>(), ["udp", "tcp"]);
        for (protocol, to) in places {
            probe(target, &protocol, to).await;
        }
    }
    assert_eq!(ask(&pod, "POST", "probe", "").await.0, 200);
    let (status, refused) = ask(&pod, "POST", "probe", "").await;
    assert_eq!((status, &refused["detail"]), (429, &json!("2 probes are already open: try again in 20 seconds")));
    let there_is = pod.stats().await;
    assert_eq!((&there_is["rooms"], &there_is["transports"]), (&json!(0), &json!(0)), "probes are in no room");
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_close_when_their_time_is_up() {
    let pod = pod().await;
    let fresh = pod.state.workers.dumps().await[0].router_ids.len();
    let open = convene_media_pod::sfu::probe::Probe::open(&pod.state.workers).await.unwrap();
    assert_eq!(pod.state.workers.dumps().await[0].router_ids.len(), fresh + 1);
    drop(open);
    let start = Instant::now();
    while pod.state.workers.dumps().await[0].router_ids.len() != fresh {
        assert!(start.elapsed() < TIMEOUT, "the probe's router is still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn media_is_announced_at_other_ports_and_received_in_both_families() {
    if std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default().trim().is_empty() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    let pod = Pod::start_announcing(|block| {
        let port = block.worker_ports(1).unwrap().next().unwrap();
        let plain = block.plain_ports(1).unwrap();
        let of_plain: Vec<_> = plain.map(|port| format!("{port}/udp={}", port - 1000)).collect();
        let ports = format!("{port}/udp=31001,{port}/tcp=31002,{}", of_plain.join(",")).parse().unwrap();
        Announcement { addresses: vec!["127.0.0.1".into(), "::1".into()], ports }
    })
    .await;
    let listening = u16::try_from(pod.stats().await["workerList"][0]["port"].as_u64().unwrap()).unwrap();
    let (_, body) = pod.http("POST", "/admin/v1/probe", "").await;
    let target = serde_json::from_str::<Value>(&body).unwrap()["targets"][0].clone();
    let places = places(&target);
    let shown: Vec<_> = places.iter().map(|(protocol, place)| format!("{protocol} {place}")).collect();
    assert_eq!(shown, ["udp 127.0.0.1:31001", "tcp 127.0.0.1:31002", "udp [::1]:31001", "tcp [::1]:31002"]);
    for (protocol, announced) in places {
        probe(&target, &protocol, SocketAddr::new(announced.ip(), listening)).await;
    }

    let mut ada = Client::connect(&pod, "room", "ada").await;
    let candidates = ada.transport("producer").await["iceCandidates"].clone();
    let ports: Vec<_> = candidates.as_array().unwrap().iter().map(|candidate| candidate["port"].clone()).collect();
    assert_eq!(ports, [31_001, 31_002, 31_001, 31_002]);
    let entry = json!({ "id": "film", "displayName": "Film", "device": {} }).to_string();
    pod.http_with("POST", "/rooms/room/broadcasters", "", &entry).await;
    let plain = json!({ "type": "plain", "comedia": true, "rtcpMux": false }).to_string();
    let (_, made) = pod.http_with("POST", "/rooms/room/broadcasters/film/transports", "", &plain).await;
    let made: Value = serde_json::from_str(&made).unwrap();
    let range = u64::from(listening) + 1 - 1000..=u64::from(listening) + 4 - 1000;
    assert_eq!(made["ip"], "127.0.0.1");
    for port in ["port", "rtcpPort"] {
        assert!(range.contains(&made[port].as_u64().unwrap()), "{port} in {made}, of {range:?}");
    }
}
