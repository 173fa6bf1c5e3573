//! Signaling end to end: invalid messages, close frames, admissions, and the HTTP endpoints.

use std::time::{Duration, Instant};

use crate::support::{Client, Pod};
use convene_media_pod::http::state::AppState;
use convene_media_pod::network::endpoints::Announcement;
use convene_media_pod::network::port_block::PortBlock;
use convene_media_pod::signaling::limits::ClientLimits;
use convene_protocol::admin::RoomSettings;
use convene_protocol::admission::{Admission, KeySet, MeetingGrant, Signer};
use convene_protocol::frame::MAX_MESSAGE_BYTES;
use convene_service::rate::Rate;
use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const PEM: &str = include_str!("../../../crates/protocol/tests/data/admission-test-key.pem");
const JWKS: &str = include_str!("../../../crates/protocol/tests/data/admission-test-jwks.json");

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn signer() -> Signer {
    Signer::from_pem(PEM, "test").unwrap()
}

fn grant(name: &str, uid: &str, max_participants: u32) -> MeetingGrant {
    MeetingGrant {
        namespace: "team".into(),
        name: name.into(),
        uid: uid.into(),
        settings: RoomSettings {
            title: name.into(),
            max_participants,
            empty_timeout_seconds: 300,
            ..RoomSettings::default()
        },
        ..MeetingGrant::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_messages_are_answered_and_the_call_continues() {
    let pod = Pod::start().await;
    let (mut eve, mut bob) = (Client::connect(&pod, "room", "eve").await, Client::connect(&pod, "room", "bob").await);
    bob.join("Bob").await;
    let too_long = format!(r#"{{"request":true,"id":1,"method":"join","data":"{}"}}"#, "x".repeat(MAX_MESSAGE_BYTES));
    let cases = [
        ("{broken".to_owned(), -1, 400),
        ("[]".to_owned(), -1, 400),
        ("\u{0}\u{1}".to_owned(), -1, 400),
        (r#"{"request":true,"id":77}"#.to_owned(), 77, 400),
        (r#"{"request":true,"id":78,"method":"launchRockets"}"#.to_owned(), 78, 500),
        (r#"{"request":true,"id":79,"method":"join","data":{"displayName":7}}"#.to_owned(), 79, 400),
        (r#"{"request":true,"id":80,"method":"produce","data":{"transportId":"x","kind":"audio","rtpParameters":{}}}"#.into(), 80, 409),
        (r#"{"request":true,"id":81,"method":"restartIce","data":{"transportId":"not-mine"}}"#.into(), 81, 404),
        (too_long, -1, 413),
    ];
    for (text, id, code) in cases {
        let sent = Instant::now();
        let shown: String = text.chars().take(60).collect();
        eve.send(text).await;
        let answer = eve.until(|message| message["response"] == true).await;
        assert_eq!((&answer["id"], &answer["errorCode"]), (&json!(id), &json!(code)), "{shown}");
        assert!(sent.elapsed() < Duration::from_secs(5), "{shown} took {:?}", sent.elapsed());
    }
    eve.tell("closeProducer", json!({ "producerId": "not-mine" })).await;
    eve.join("Eve").await;
    assert_eq!(eve.ask("join", json!({ "displayName": "Eve" })).await.unwrap_err().0, 409);
    assert_eq!(bob.hear("newPeer").await["data"]["peer"]["displayName"], "Eve");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_socket_is_closed_with_a_reason() {
    let pod = Pod::start().await;
    let mut bob = Client::connect(&pod, "room", "bob").await;
    let mut eve = Client::connect(&pod, "room", "eve").await;
    // A frame header that announces 1 GiB: refused without waiting for the payload.
    eve.send_raw(&[0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]).await;
    assert_eq!(eve.closed().await, (1009, "the message is far too large".into()));
    let mut eve = Client::connect(&pod, "room", "eve").await;
    eve.send_raw(&[0xff, 0x80, 1, 2, 3, 4]).await;
    assert_eq!(eve.closed().await, (1002, "this is not WebSocket".into()));
    bob.join("Bob").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handshake_requires_a_peer_id_and_protoo() {
    let pod = Pod::start().await;
    let status = |path: &'static str, headers: &'static str| {
        let upgrade =
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let pod = &pod;
        async move { pod.http("GET", path, &format!("{upgrade}{headers}")).await.0 }
    };
    // The helper's `Connection: close` prevents an upgrade.
    assert_eq!(status("/signal/room?peerId=a", "Sec-WebSocket-Protocol: protoo\r\n").await, 400);
    for (query, expected) in [("", 400), ("a%20b", 400), (&"x".repeat(65), 400)] {
        assert_eq!(Client::try_connect(&pod, "room", query, None).await.err(), Some(expected), "{query:?}");
    }
    let plain = tokio_tungstenite::connect_async(format!("ws://{}/signal/room?peerId=a", pod.address)).await;
    assert!(plain.is_err_and(|error| error.to_string().contains("403")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_url_form_of_the_mediasoup_demo_leads_to_the_same_room() {
    let pod = Pod::start().await;
    let mut ada = Client::connect(&pod, "room", "ada").await;
    ada.join("Ada").await;
    let query = "/?roomId=room&peerId=bob&consumerReplicas=undefined";
    let mut bob = Client::try_open(&pod, query, None).await.ok().unwrap();
    assert_eq!(bob.join("Bob").await["peers"][0]["id"], "ada");
    let mut grace = Client::connect(&pod, "room", "grace").await;
    grace.join("Grace").await;
    ada.ask("raiseHand", json!({ "raised": true })).await.unwrap();
    ada.ask("sendReaction", json!({ "reaction": "like" })).await.unwrap();
    ada.ask("changeDisplayName", json!({ "displayName": "Ada L." })).await.unwrap();
    grace.hear("peerDisplayNameChanged").await;
    bob.hear("peerDisplayNameChanged").await;
    assert_eq!(bob.unexpected(), ["mediasoup-version", "newPeer"], "the demo's older app knows nothing else");
    for (keys, names) in [
        ("&usePipeTransports=false", &["mediasoupVersion"][..]),
        ("&consumerReplicas=2&usePipeTransports=false", &["mediasoupVersion"]),
        ("", &["mediasoupVersion", "mediasoup-version"]),
    ] {
        let mut other = Client::try_open(&pod, &format!("/?roomId=other&peerId=eve{keys}"), None).await.ok().unwrap();
        other.join("Eve").await;
        assert_eq!(other.unexpected(), names, "{keys}");
    }
    assert!(!grace.unexpected().contains(&"mediasoup-version"), "Convene's own form of address");
    for own in ["permissions", "roomState", "handRaised", "reaction"] {
        assert!(grace.unexpected().contains(&own), "{own}");
    }
    for incomplete in ["/?roomId=room", "/?peerId=bob", "/"] {
        assert_eq!(Client::try_open(&pod, incomplete, None).await.err(), Some(400), "{incomplete}");
    }
    assert_eq!(pod.get("/").await.0, 200, "browsers get the front page");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_id_is_not_a_credential_and_a_dead_connection_loses_its_seat() {
    let pod = Pod::start().await;
    let mut old = Client::connect(&pod, "room", "ada").await;
    old.join("Ada").await;
    let mut eve = Client::connect(&pod, "room", "ada").await;
    let alive = tokio::spawn(async move {
        // Reading answers pings.
        old.until(|message| message["method"] == "nothing").await;
    });
    assert_eq!(eve.closed().await, (4000, "this peerId is in use".into()));
    alive.abort();
    assert!(alive.await.unwrap_err().is_cancelled());
    // Its socket closes with the task; an idle one is pinged first.
    let silent = Client::connect(&pod, "room", "silent").await;
    let mut new = Client::connect(&pod, "room", "silent").await;
    new.join("Silent").await;
    drop(silent);
    pod.until_stats("one connection", |stats| stats["connections"] == 1 && stats["participants"] == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admission_is_required_and_valid_for_its_meeting_only() {
    let pod = Pod::start_with(Some(KeySet::from_jwks(JWKS).unwrap()), 1).await;
    let good = signer().admission(&Admission::guest(grant("standup", "uid-1", 1)), now()).unwrap();
    let expired = signer().admission(&Admission::guest(grant("standup", "uid-1", 1)), now() - 1000).unwrap();
    let admin = signer().admin(now()).unwrap();
    let cases = [(None, 401), (Some(expired.as_str()), 401), (Some(admin.as_str()), 401), (Some("x.y.z"), 401)];
    for (token, status) in cases {
        assert_eq!(Client::try_connect(&pod, "team/standup", "ada", token).await.err(), Some(status));
    }
    assert_eq!(Client::try_connect(&pod, "team/board", "ada", Some(&good)).await.err(), Some(403));
    let mut ada = Client::try_connect(&pod, "team/standup", "ada", Some(&good)).await.ok().unwrap();
    ada.join("Ada").await;
    let mut late = Client::try_connect(&pod, "team/standup", "bob", Some(&good)).await.ok().unwrap();
    assert_eq!(late.closed().await, (4000, "the meeting is full".into()));
    assert_eq!(pod.get("/m/hello").await.0, 404, "no web app outside --dev");
    assert_eq!(pod.get("/signal/hello?peerId=a").await.0, 404, "no rooms without namespace outside --dev");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_lists_and_ends_rooms_by_uid() {
    let pod = Pod::start_with(Some(KeySet::from_jwks(JWKS).unwrap()), 1).await;
    let token = signer().admission(&Admission::guest(grant("standup", "uid-1", 5)), now()).unwrap();
    let mut ada = Client::try_connect(&pod, "team/standup", "ada", Some(&token)).await.ok().unwrap();
    ada.join("Ada").await;
    assert_eq!(pod.get("/admin/v1/rooms").await.0, 401);
    let admin = format!("Authorization: Bearer {}\r\n", signer().admin(now()).unwrap());
    // The list includes a participant just after the response; statistics wait for the rooms.
    pod.stats().await;
    let (status, body) = pod.http("GET", "/admin/v1/rooms", &admin).await;
    let list: Value = serde_json::from_str(&body).unwrap();
    let room = &list["rooms"][0];
    let shown = (&room["namespace"], &room["name"], &room["uid"], &room["participants"]);
    assert_eq!(shown, (&json!("team"), &json!("standup"), &json!("uid-1"), &json!(1)));
    assert_eq!((status, &list["draining"]), (200, &json!(false)));
    let end =
        |uid: &'static str, reason: &'static str| format!("/admin/v1/rooms/team/standup?uid={uid}&reason={reason}");
    assert_eq!(pod.http("DELETE", &end("uid-2", "ended"), &admin).await.0, 404, "another meeting of that name");
    assert_eq!(pod.http("DELETE", &end("uid-1", "nonsense"), &admin).await.0, 400);
    assert_eq!(pod.http("DELETE", &end("uid-1", "ended"), "").await.0, 401);
    assert_eq!(pod.http("DELETE", &end("uid-1", "ended"), &admin).await.0, 204);
    assert_eq!(ada.closed().await, (4000, "meeting ended".into()));
    pod.until_stats("no room", |stats| stats["rooms"] == 0 && stats["routers"] == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recreated_meeting_gets_a_new_room() {
    let pod = Pod::start_with(Some(KeySet::from_jwks(JWKS).unwrap()), 1).await;
    let token = |uid| signer().admission(&Admission::guest(grant("standup", uid, 5)), now()).unwrap();
    let mut old = Client::try_connect(&pod, "team/standup", "ada", Some(&token("uid-1"))).await.ok().unwrap();
    old.join("Ada").await;
    let mut new = Client::try_connect(&pod, "team/standup", "bob", Some(&token("uid-2"))).await.ok().unwrap();
    assert_eq!(old.closed().await, (4000, "meeting ended".into()));
    assert_eq!(new.join("Bob").await["peers"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_asks_all_clients_to_reconnect_and_accepts_none() {
    let pod = Pod::start().await;
    let mut ada = Client::connect(&pod, "room", "ada").await;
    ada.join("Ada").await;
    assert_eq!(pod.get("/readyz").await, (200, "ok\n".into()));
    pod.state.rooms.drain(Duration::from_secs(10)).await;
    assert_eq!(ada.closed().await, (1012, "the meeting is moving: please reconnect".into()));
    assert_eq!(pod.get("/readyz").await, (503, "not ready: shutting down\n".into()));
    assert_eq!(pod.get("/healthz").await.0, 200);
    let mut late = Client::connect(&pod, "room", "bob").await;
    assert_eq!(late.closed().await.0, 1012);
    let stats = pod.stats().await;
    assert_eq!((&stats["draining"], &stats["rooms"], &stats["transports"]), (&json!(true), &json!(0), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_spread_over_the_workers() {
    let pod = Pod::start_with(None, 2).await;
    let mut ada = Client::connect(&pod, "one", "ada").await;
    let mut bob = Client::connect(&pod, "two", "bob").await;
    for client in [&mut ada, &mut bob] {
        client.transport("producer").await;
    }
    let stats = pod.stats().await;
    let rooms: Vec<_> = stats["workerList"].as_array().unwrap().iter().map(|worker| worker["rooms"].clone()).collect();
    assert_eq!(rooms, [1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_of_a_name_leads_into_one_room() {
    let pod = Pod::start().await;
    let mut ada = Client::connect(&pod, "caf%C3%A9", "ada").await;
    ada.join("Ada").await;
    for (room, peer) in [("cafe%CC%81", "bob"), ("CAF%C3%89", "cy"), ("%20caf%C3%A9%E2%80%8B", "dee")] {
        let mut other = Client::connect(&pod, room, peer).await;
        let peers = other.join(peer).await["peers"].clone();
        assert!(peers.as_array().unwrap().iter().any(|one| one["peerId"] == "ada"), "{room}: {peers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_http_endpoints_describe_the_pod() {
    let pod = Pod::start().await;
    let (status, metrics) = pod.get("/metrics").await;
    assert_eq!(status, 200);
    assert!(
        metrics.contains("convene_media_workers 1") && metrics.contains("process_resident_memory_bytes"),
        "{metrics}"
    );
    assert_eq!(pod.get("/m/hello").await, (200, "<title>the app</title>".into()));
    assert_eq!(pod.get("/").await, (200, "<title>the app</title>".into()), "the front page");
    for other_spelling in ["/m/hello/", "/m/Hello", "/m/team/HELLO//"] {
        assert_eq!(pod.get(other_spelling).await.0, 308, "{other_spelling}");
    }
    let as_person = |path: &'static str| pod.http("GET", path, "Accept: text/html\r\n");
    assert_eq!(as_person("/nothing").await, (404, "<title>the app</title>".into()));
    assert_eq!(as_person("/m/a/b/c").await, (404, "<title>the app</title>".into()));
    assert!(pod.get("/nothing").await.1.contains("there is nothing here"), "programs get a problem");
    assert_eq!(pod.get("/m/team/hello").await.0, 200);
    let (_, described) = pod.get("/api/v1/meetings/hello").await;
    let described: serde_json::Value = serde_json::from_str(&described).unwrap();
    assert_eq!(
        (&described["name"], &described["ready"], &described["participants"], &described["recording"]),
        (&json!("hello"), &json!(true), &json!(0), &json!(false))
    );
    let (status, body) = pod.get("/nowhere").await;
    assert_eq!(status, 404);
    assert!(body.contains("there is nothing here"), "{body}");
    assert_eq!(pod.get("/../../etc/passwd").await.0, 404);
    assert_eq!(pod.get("/%2e%2e/%2e%2e/etc/passwd").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_shows_whether_media_is_limited_to_this_machine() {
    for (addresses, expected) in [(&["127.0.0.1"][..], true), (&["127.0.0.1", "192.0.2.7"], false)] {
        let announced = addresses.iter().map(|address| (*address).to_owned()).collect::<Vec<_>>();
        let announce = |_: &PortBlock| Announcement { addresses: announced.clone(), ..Announcement::default() };
        let pod = Pod::start_announcing(announce).await;
        let (_, described) = pod.get("/api/v1/meetings/team/hello").await;
        let described: Value = serde_json::from_str(&described).unwrap();
        assert_eq!(described["loopbackOnly"], expected, "{addresses:?}: {described}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_is_dropped_without_affecting_others() {
    let state = Pod::start().await.state;
    let client_limits = ClientLimits { rate: Rate { per_second: 10_000, burst: 100_000 }, ..ClientLimits::default() };
    let pod = Pod::with_state(AppState { client_limits, ..state });
    let mut bob = Client::connect(&pod, "room", "bob").await;
    bob.join("Bob").await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(pod.address).await.unwrap();
    let mut request = format!("ws://{}/signal/room?peerId=eve", pod.address).into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", "protoo".parse().unwrap());
    let (mut eve, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    // Each response has about ten kilobytes: together more than the kernel buffers for a socket that is not read.
    for id in 0..490 {
        let ask = json!({ "request": true, "id": id, "method": "getRouterRtpCapabilities" }).to_string();
        eve.send(Message::text(ask)).await.unwrap();
    }
    pod.until_stats("eve beside bob", |stats| stats["connections"] == 2).await;
    bob.ask("changeDisplayName", json!({ "displayName": "Bob the patient" })).await.unwrap();
    pod.until_stats("bob alone", |stats| stats["connections"] == 1).await;
    bob.ask("changeDisplayName", json!({ "displayName": "Bob" })).await.unwrap();
    drop(eve);
}
