//! A panic ends one room: its clients reconnect to a new one with the moderators' decisions, and other rooms are not affected.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{Client, Pod};
use convene_media_pod::actor::input::Input;
use convene_media_pod::rooms::key::RoomKey;
use convene_protocol::admin::RoomSettings;
use convene_protocol::admission::{Admission, KeySet, MeetingGrant, ParticipantGrant, Signer};
use serde_json::{Value, json};

const PEM: &str = include_str!("../../../crates/protocol/tests/data/admission-test-key.pem");
const JWKS: &str = include_str!("../../../crates/protocol/tests/data/admission-test-jwks.json");

fn meeting(name: &str) -> MeetingGrant {
    MeetingGrant {
        namespace: "team".into(),
        name: name.into(),
        uid: format!("uid-{name}"),
        settings: RoomSettings {
            title: name.into(),
            max_participants: 10,
            empty_timeout_seconds: 300,
            ..RoomSettings::default()
        },
        ..MeetingGrant::default()
    }
}

async fn connect(pod: &Pod, name: &str, peer: &str, grant: ParticipantGrant) -> Client {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let jti = format!("panic-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let admission = Admission { meeting: meeting(name), participant: grant, jti };
    let token = Signer::from_pem(PEM, "test").unwrap().admission(&admission, now).unwrap();
    Client::try_connect(pod, &format!("team/{name}"), peer, Some(&token)).await.ok().unwrap()
}

async fn joined(pod: &Pod, name: &str, peer: &str) -> Client {
    let mut client = connect(pod, name, peer, guest(peer)).await;
    client.transport("consumer").await;
    client.join(peer).await;
    client
}

fn guest(id: &str) -> ParticipantGrant {
    ParticipantGrant { guest: Some(id.into()), moderator: id == "host", ..ParticipantGrant::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_one_room_and_decisions_hold_in_the_next() {
    let pod = Pod::start_with(Some(KeySet::from_jwks(JWKS).unwrap()), 1).await;
    let mut host = joined(&pod, "broken", "host").await;
    let mut ada = joined(&pod, "broken", "ada").await;
    let mut other = joined(&pod, "fine", "bob").await;
    host.ask("setRoomLock", json!({ "locked": true })).await.unwrap();
    let key = RoomKey { namespace: "team".into(), name: "broken".into() };
    let room = pod.state.rooms.find(&key).await.unwrap();
    assert!(room.send(Input::Panic).await);

    for client in [&mut host, &mut ada] {
        assert_eq!(client.closed().await, (1012, "the meeting was interrupted: please reconnect".into()));
    }
    pod.until("metrics", |text| text.contains("convene_media_room_panics_total 1"), "the panic in the metrics").await;
    let stats = pod.until_stats("one room", |stats| stats["rooms"] == 1).await;
    assert_eq!((&stats["participants"], &stats["transports"]), (&json!(1), &json!(1)), "no ghosts");
    other.ask("changeDisplayName", json!({ "displayName": "Bob" })).await.unwrap();

    let mut stranger = connect(&pod, "broken", "eve", guest("eve")).await;
    assert_eq!(stranger.closed().await, (4000, "the meeting is locked".into()));
    let mut thief = connect(&pod, "broken", "ada", guest("eve")).await;
    assert_eq!(thief.closed().await, (4000, "the meeting is locked".into()));
    joined(&pod, "broken", "ada").await;
}

/// A regression: a producer with more streams than the library supports, and a consumer of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_encodings_are_refused_by_name_without_side_effects() {
    let pod = Pod::start_with(Some(KeySet::from_jwks(JWKS).unwrap()), 1).await;
    let (mut ada, mut bob) = (joined(&pod, "m", "ada").await, joined(&pod, "m", "bob").await);
    let transport = ada.transport("producer").await;
    let encodings: Vec<Value> = (1000..1100).map(|ssrc| json!({ "ssrc": ssrc })).collect();
    let data = json!({
        "transportId": transport["transportId"], "kind": "video", "appData": { "source": "video" },
        "rtpParameters": {
            "mid": "0", "headerExtensions": [], "encodings": encodings, "rtcp": { "cname": "x" },
            "codecs": [{ "mimeType": "video/VP8", "payloadType": 101, "clockRate": 90000, "parameters": {}, "rtcpFeedback": [] }],
        },
    });
    let (code, reason) = ada.ask("produce", data).await.unwrap_err();
    assert_eq!(code, 400);
    assert!(reason.contains("rtpParameters.encodings must have at most 8 entries"), "{reason}");
    bob.ask("changeDisplayName", json!({ "displayName": "Bob" })).await.unwrap();
}
