//! Moderation and permissions end to end: signed admissions, real WebSockets, a real worker.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{Client, Pod};
use convene_protocol::admin::RoomSettings;
use convene_protocol::admission::{Admission, KeySet, MeetingGrant, ParticipantGrant, PublishGrant, Signer};
use serde_json::{Value, json};

const PEM: &str = include_str!("../../../crates/protocol/tests/data/admission-test-key.pem");
const JWKS: &str = include_str!("../../../crates/protocol/tests/data/admission-test-jwks.json");

async fn pod() -> Pod {
    Pod::start_with(Some(KeySet::from_jwks(JWKS).unwrap()), 1).await
}

fn meeting() -> MeetingGrant {
    MeetingGrant {
        namespace: "team".into(),
        name: "standup".into(),
        uid: "uid-1".into(),
        settings: RoomSettings {
            title: "Stand-up".into(),
            max_participants: 10,
            empty_timeout_seconds: 300,
            ..RoomSettings::default()
        },
        ..MeetingGrant::default()
    }
}

/// A new token each time, as the router signs them.
fn token(participant: ParticipantGrant) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let jti = format!("admission-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let admission = Admission { meeting: meeting(), participant, jti };
    Signer::from_pem(PEM, "test").unwrap().admission(&admission, now).unwrap()
}

fn moderator() -> ParticipantGrant {
    ParticipantGrant { moderator: true, identity: Some("user-host".into()), ..ParticipantGrant::default() }
}

fn waits() -> ParticipantGrant {
    ParticipantGrant { lobby: true, ..ParticipantGrant::default() }
}

async fn connect(pod: &Pod, peer: &str, participant: ParticipantGrant) -> Client {
    Client::try_connect(pod, "team/standup", peer, Some(&token(participant))).await.ok().unwrap()
}

async fn joined(pod: &Pod, peer: &str, participant: ParticipantGrant) -> Client {
    let mut client = connect(pod, peer, participant).await;
    client.transport("consumer").await;
    client.join(peer).await;
    client
}

async fn produce(client: &mut Client, kind: &str, source: &str) -> Result<Value, (u64, String)> {
    let transport = client.transport("producer").await;
    let (mime_type, payload, channels) =
        if kind == "audio" { ("audio/opus", 100, json!(2)) } else { ("video/VP8", 101, Value::Null) };
    let mut codec = json!({
        "mimeType": mime_type, "payloadType": payload, "clockRate": if kind == "audio" { 48000 } else { 90000 },
        "parameters": {}, "rtcpFeedback": [],
    });
    if !channels.is_null() {
        codec["channels"] = channels;
    }
    let parameters = json!({
        "mid": "0", "codecs": [codec], "headerExtensions": [],
        "encodings": [{ "ssrc": 4242 }], "rtcp": { "cname": "x", "reducedSize": true },
    });
    let data = json!({
        "transportId": transport["transportId"], "kind": kind, "rtpParameters": parameters,
        "appData": { "source": source },
    });
    client.ask("produce", data).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_admits_or_rejects_waiting_participants() {
    let pod = pod().await;
    let mut host = joined(&pod, "host", moderator()).await;
    let mut kim = connect(&pod, "kim", waits()).await;
    assert_eq!(kim.hear("lobby").await["data"]["state"], "waiting");
    let refused = kim.ask("join", json!({ "displayName": "Kim" })).await;
    assert_eq!(refused, Err((403, "a moderator has to let you in first".into())));
    kim.ask("knock", json!({ "displayName": "Kim" })).await.unwrap();
    let named = host.until(|message| message["data"]["peers"][0]["displayName"] == "Kim").await;
    assert_eq!((&named["method"], &named["data"]["peers"][0]["peerId"]), (&json!("lobbyPeers"), &json!("kim")));
    pod.until_stats("one waiting participant", |stats| stats["waiting"] == 1 && stats["participants"] == 1).await;
    host.ask("admitPeer", json!({ "peerId": "kim" })).await.unwrap();
    assert_eq!(kim.hear("lobby").await["data"]["state"], "admitted");
    assert_eq!(kim.hear("permissions").await["data"]["moderator"], false);
    kim.join("Kim").await;
    assert_eq!(host.hear("newPeer").await["data"]["peer"]["guest"], true);

    let mut eve = connect(&pod, "eve", waits()).await;
    eve.hear("lobby").await;
    host.ask("refusePeer", json!({ "peerId": "eve" })).await.unwrap();
    assert_eq!(eve.closed().await, (4000, "refused by a moderator".into()));
    pod.until_stats("no waiting participants", |stats| stats["waiting"] == 0 && stats["participants"] == 2).await;
    let (_, metrics) = pod.get("/metrics").await;
    assert!(metrics.contains("convene_media_moderation_total{action=\"admitPeer\"} 1"), "{metrics}");
    // An admitted participant loses the socket and reconnects.
    drop(kim);
    host.hear("peerClosed").await;
    let mut kim = connect(&pod, "kim", waits()).await;
    kim.hear("permissions").await;
    kim.join("Kim").await;
}

/// The demo's client requests the capabilities first and does nothing before the response.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_demo_waits_for_its_first_response_and_continues() {
    let pod = pod().await;
    let mut host = joined(&pod, "host", moderator()).await;
    let mut old = connect(&pod, "old", waits()).await;
    old.send(json!({ "request": true, "id": 1, "method": "getRouterRtpCapabilities", "data": {} }).to_string()).await;
    host.until(|message| message["data"]["peers"][0]["peerId"] == "old").await;
    host.ask("admitAll", json!({})).await.unwrap();
    let first = old.until(|message| message["response"] == true || message["data"]["state"] == "admitted").await;
    assert_eq!(first["method"], "lobby", "no answer before");
    let answer = old.until(|message| message["response"] == true).await;
    assert_eq!((&answer["id"], &answer["ok"]), (&json!(1), &json!(true)));
    let data = json!({ "displayName": "Old", "device": {}, "rtpCapabilities": answer["data"] });
    old.send(json!({ "request": true, "id": 2, "method": "join", "data": data }).to_string()).await;
    old.until(|message| message["response"] == true && message["id"] == 2).await;
    assert_eq!(host.hear("newPeer").await["data"]["id"], "old");
}

#[tokio::test(flavor = "multi_thread")]
async fn muting_pauses_for_others_and_removing_is_for_good() {
    let pod = pod().await;
    let mut host = joined(&pod, "host", moderator()).await;
    let known = || ParticipantGrant { identity: Some("user-bob".into()), ..ParticipantGrant::default() };
    let mut bob = joined(&pod, "bob", known()).await;
    let producer = produce(&mut bob, "audio", "audio").await.unwrap()["producerId"].clone();
    let offer = host.hear("newConsumer").await;
    host.accept(&offer).await;
    host.ask("muteParticipant", json!({ "peerId": "bob", "source": "audio" })).await.unwrap();
    assert_eq!(host.hear("consumerPaused").await["data"]["consumerId"], offer["data"]["consumerId"]);
    assert_eq!(bob.hear("mutedByModerator").await["data"], json!({ "source": "audio", "peerId": "host" }));
    let mut late = joined(&pod, "late", ParticipantGrant::default()).await;
    assert_eq!(late.hear("newConsumer").await["data"]["producerPaused"], true);
    bob.ask("resumeProducer", json!({ "producerId": producer })).await.unwrap();
    host.hear("consumerResumed").await;
    assert_eq!(late.ask("removeParticipant", json!({ "peerId": "bob" })).await.unwrap_err().0, 403);
    host.ask("removeParticipant", json!({ "peerId": "bob" })).await.unwrap();
    assert_eq!(bob.closed().await, (4000, "removed by a moderator".into()));
    assert_eq!(host.hear("peerClosed").await["data"]["peerId"], "bob");
    let mut again = connect(&pod, "robert", known()).await;
    assert_eq!(again.closed().await, (4000, "removed by a moderator".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_token_does_not_grant_is_refused() {
    let pod = pod().await;
    let publish = PublishGrant { audio: true, video: false, share: false };
    let quiet =
        ParticipantGrant { publish, publish_data: false, name: Some("Ada L.".into()), ..ParticipantGrant::default() };
    let mut host = joined(&pod, "host", moderator()).await;
    let mut ada = joined(&pod, "ada", quiet).await;
    let told = ada.hear("permissions").await["data"].clone();
    assert_eq!(
        (&told["publish"]["video"], &told["publishData"], &told["name"]),
        (&json!(false), &json!(false), &json!("Ada L."))
    );
    assert_eq!(host.hear("newPeer").await["data"]["displayName"], "Ada L.");
    produce(&mut ada, "audio", "audio").await.unwrap();
    assert_eq!(produce(&mut ada, "video", "audio").await.unwrap_err(), (403, "you may not send video".into()));
    assert_eq!(ada.ask("sendChatMessage", json!({ "text": "hi" })).await.unwrap_err().0, 403);
    assert_eq!(ada.ask("changeDisplayName", json!({ "displayName": "x" })).await.unwrap_err().0, 403);
    let given = json!({ "peerId": "ada", "publish": { "video": true } });
    host.ask("setPermissions", given).await.unwrap();
    assert_eq!(ada.hear("permissions").await["data"]["publish"]["video"], true);
    produce(&mut ada, "video", "video").await.unwrap();
    let hidden = ParticipantGrant { hidden: true, ..ParticipantGrant::default() };
    let mut ghost = joined(&pod, "ghost", hidden).await;
    assert_eq!(produce(&mut ghost, "audio", "audio").await.unwrap_err().0, 403);
    let mut bob = connect(&pod, "bob", ParticipantGrant::default()).await;
    let peers = bob.join("Bob").await["peers"].clone();
    let ids: Vec<&Value> = peers.as_array().unwrap().iter().map(|peer| &peer["peerId"]).collect();
    assert_eq!(ids, [&json!("ada"), &json!("host")], "a hidden participant is not announced");
    pod.until_stats("three counted participants", |stats| {
        stats["participants"] == 3 && stats["roomList"][0]["hidden"] == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admission_opens_one_socket_and_an_invitation_for_one_lets_one_in() {
    let pod = pod().await;
    let once = || ParticipantGrant { once: Some("invitation-1".into()), ..ParticipantGrant::default() };
    let of = |browser: &str| ParticipantGrant { guest: Some(browser.into()), ..once() };
    let admission = token(of("browser-1"));
    let mut ada = Client::try_connect(&pod, "team/standup", "ada", Some(&admission)).await.ok().unwrap();
    ada.join("Ada").await;
    for peer in ["ada", "eve"] {
        assert_eq!(Client::try_connect(&pod, "team/standup", peer, Some(&admission)).await.err(), Some(401));
    }
    let mut eve = connect(&pod, "eve", of("browser-2")).await;
    assert_eq!(eve.closed().await, (4000, "this invitation was used by another participant".into()));
    let mut again = connect(&pod, "ada", of("browser-1")).await;
    assert_eq!(ada.closed().await, (4000, "replaced by a newer connection of the same peer".into()));
    again.join("Ada").await;
    let (_, metrics) = pod.get("/metrics").await;
    assert!(metrics.contains("outcome=\"AdmissionSpent\"} 2"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_meeting_admits_moderators_and_an_ended_one_can_be_reopened() {
    let pod = pod().await;
    let mut host = joined(&pod, "host", moderator()).await;
    let mut bob = joined(&pod, "bob", ParticipantGrant::default()).await;
    host.ask("setRoomLock", json!({ "locked": true })).await.unwrap();
    let locked = bob.until(|message| message["method"] == "roomState" && message["data"]["locked"] == true).await;
    assert_eq!(locked["data"]["title"], "Stand-up");
    let mut late = connect(&pod, "late", ParticipantGrant::default()).await;
    assert_eq!(late.closed().await, (4000, "the meeting is locked".into()));
    joined(&pod, "second", ParticipantGrant { moderator: true, ..ParticipantGrant::default() }).await;
    host.ask("endMeeting", json!({})).await.unwrap();
    for client in [&mut host, &mut bob] {
        assert_eq!(client.closed().await, (4000, "the meeting was ended by a moderator".into()));
    }
    pod.until_stats("no room", |stats| stats["rooms"] == 0).await;
    joined(&pod, "late", ParticipantGrant::default()).await;
}

/// All requests that a client without permissions can send at once: the others are not affected.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_client_without_permissions_sends_affects_others() {
    let pod = pod().await;
    let mut host = joined(&pod, "host", moderator()).await;
    let mut bob = joined(&pod, "bob", ParticipantGrant::default()).await;
    produce(&mut bob, "audio", "audio").await.unwrap();
    let mut eve = joined(&pod, "eve", ParticipantGrant::default()).await;
    let mut waiting = connect(&pod, "mallory", waits()).await;
    let odd = [
        json!(null),
        json!(""),
        json!("bob"),
        json!({}),
        json!([]),
        json!(true),
        json!(-1),
        json!("é\u{202e}\u{0}".repeat(400)),
    ];
    let methods = [
        "admitPeer",
        "refusePeer",
        "admitAll",
        "setRoomLock",
        "muteParticipant",
        "askToUnmute",
        "removeParticipant",
        "setPermissions",
        "setModerator",
        "lowerHand",
        "endMeeting",
        "knock",
        "raiseHand",
        "sendReaction",
    ];
    for method in methods {
        for value in &odd {
            let data = json!({
                "peerId": value, "locked": value, "source": value, "publish": value, "publishData": value,
                "moderator": value, "displayName": value, "raised": value, "reaction": value,
            });
            for client in [&mut eve, &mut waiting] {
                if let Err((code, reason)) = client.ask(method, data.clone()).await {
                    assert!([400, 403, 404, 409, 429].contains(&code), "{method} {code} {reason}");
                    assert!(reason.len() <= 512, "{method}: {reason}");
                }
            }
        }
    }
    let stats = pod.stats().await;
    assert_eq!((&stats["participants"], &stats["producers"], &stats["waiting"]), (&json!(3), &json!(1), &json!(1)));
    host.ask("admitAll", json!({})).await.unwrap();
    bob.ask("changeDisplayName", json!({ "displayName": "Bob" })).await.unwrap();
    let (_, metrics) = pod.get("/metrics").await;
    assert!(metrics.contains("convene_media_worker_deaths_total 0"));
}
