//! A meeting moves from one pod to another: signed tokens, real WebSockets, real workers, and media that never stops.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::audio::{arrived, connect, receive, send_audio};
use crate::support::peer::{Peer, Role};
use crate::support::{Client, Pod};
use convene_media_pod::http::state::{AppState, HandlerOptions};
use convene_protocol::admin::RoomSettings;
use convene_protocol::admission::{Admission, JoinTicket, KeySet, MeetingGrant, ParticipantGrant, Signer};
use serde_json::{Value, json};

const PEM: &str = include_str!("../../../crates/protocol/tests/data/admission-test-key.pem");
const JWKS: &str = include_str!("../../../crates/protocol/tests/data/admission-test-jwks.json");
const ROOM: &str = "rooms/team/standup";

/// A pod with the uid to which the tokens of its moves are bound.
async fn pod(uid: &str) -> Pod {
    let state = Pod::start_with(Some(KeySet::from_jwks(JWKS).unwrap()), 1).await.state;
    let options = HandlerOptions { pod_uid: Some(uid.to_owned()), ..state.options.clone() };
    Pod::with_state(AppState { options, ..state })
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn signer() -> Signer {
    Signer::from_pem(PEM, "test").unwrap()
}

fn meeting() -> MeetingGrant {
    let (title, max_participants, empty_timeout_seconds) = ("Stand-up".into(), 10, 300);
    MeetingGrant {
        namespace: "team".into(),
        name: "standup".into(),
        uid: "uid-1".into(),
        settings: RoomSettings { title, max_participants, empty_timeout_seconds, ..RoomSettings::default() },
        ..MeetingGrant::default()
    }
}

/// Connects with an admission, as the router would.
async fn enter(pod: &Pod, peer: &str, participant: ParticipantGrant, query: &str) -> Client {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let jti = format!("move-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let token = signer().admission(&Admission { meeting: meeting(), participant, jti }, now()).unwrap();
    Client::try_open(pod, &format!("/signal/team/standup?peerId={peer}{query}"), Some(&token)).await.unwrap()
}

/// A client that understands `moving`.
async fn mover(pod: &Pod, peer: &str, participant: ParticipantGrant) -> Client {
    enter(pod, peer, participant, "&session=new&moves=1").await
}

fn guest(name: &str) -> ParticipantGrant {
    ParticipantGrant { guest: Some(name.to_owned()), ..ParticipantGrant::default() }
}

fn host() -> ParticipantGrant {
    ParticipantGrant { identity: Some("user-host".into()), moderator: true, ..ParticipantGrant::default() }
}

/// Status and body of a request with this token.
async fn ask_with(pod: &Pod, token: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    pod.http_with(method, &format!("/admin/v1/{path}"), &format!("Authorization: Bearer {token}\r\n"), body).await
}

/// Status and body of a request of a move, with a token for this pod and room.
async fn step(pod: &Pod, uid: &str, method: &str, what: &str, body: &str) -> (u16, String) {
    let token = signer().handover(uid, "uid-1", now()).unwrap();
    ask_with(pod, &token, method, &format!("{ROOM}/{what}?uid=uid-1&move=m-1"), body).await
}

/// The only room in the list of a pod.
async fn report(pod: &Pod) -> Value {
    // A response is sent just before the list includes what it is about; statistics wait for the rooms.
    pod.stats().await;
    let (_, list) = ask_with(pod, &signer().admin(now()).unwrap(), "GET", "rooms", "").await;
    serde_json::from_str::<Value>(&list).unwrap()["rooms"][0].clone()
}

/// The tickets that the operator signs from the grants of a snapshot.
fn tickets(snapshot: &Value) -> BTreeMap<String, String> {
    let ticket = |client: &Value| {
        let ticket = JoinTicket {
            namespace: "team".into(),
            name: "standup".into(),
            uid: "uid-1".into(),
            participant: serde_json::from_value(client["grant"].clone()).unwrap(),
            vouched: None,
        };
        (client["peerId"].as_str().unwrap().to_owned(), signer().ticket(&ticket, now()).unwrap())
    };
    snapshot["clients"].as_array().unwrap().iter().map(ticket).collect()
}

/// The participant whom the router admits with a ticket.
fn participant_of(ticket: &Value) -> ParticipantGrant {
    KeySet::from_jwks(JWKS).unwrap().verify_ticket(ticket.as_str().unwrap(), now()).unwrap().participant
}

/// Receives what another participant sends.
async fn listen(client: &mut Client, name: &str) -> Peer {
    let transport = client.transport("consumer").await;
    let peer = Peer::start(&transport, Role::Receive);
    connect(client, &transport, &peer).await;
    client.join(name).await;
    peer
}

#[tokio::test(flavor = "multi_thread")]
async fn participants_are_on_both_pods_until_they_hear_the_new_one() {
    let (a, b) = (pod("pod-a").await, pod("pod-b").await);
    let mut ada = mover(&a, "ada", host()).await;
    ada.join("Ada").await;
    let (_sender, _) = send_audio(&mut ada).await;
    let mut bob = mover(&a, "bob", guest("bob")).await;
    let listener = listen(&mut bob, "Bob").await;
    receive(&mut bob, &listener).await;
    arrived(&listener, 3);
    let mut demo = enter(&a, "demo", guest("demo"), "").await;
    demo.join("Demo").await;
    let mut eve = mover(&a, "eve", guest("eve")).await;
    eve.join("Eve").await;
    bob.ask("sendChatMessage", json!({ "text": "hello" })).await.unwrap();
    bob.ask("raiseHand", json!({ "raised": true })).await.unwrap();
    ada.ask("removeParticipant", json!({ "peerId": "eve" })).await.unwrap();
    ada.ask("setRoomLock", json!({ "locked": true })).await.unwrap();

    let (status, snapshot) = step(&a, "pod-a", "POST", "handover", "").await;
    assert_eq!(status, 200, "{snapshot}");
    assert_eq!(bob.ask("sendChatMessage", json!({ "text": "late" })).await, Err((409, "moving".into())));
    assert_eq!(mover(&a, "new", guest("new")).await.closed().await.0, 1012);
    assert_eq!(step(&b, "pod-b", "PUT", "restore", &snapshot).await.0, 204);
    assert_eq!(mover(&b, "new", guest("new")).await.closed().await, (4000, "the meeting is locked".into()));
    assert_eq!(mover(&b, "eve", guest("eve")).await.closed().await, (4000, "removed by a moderator".into()));

    let snapshot: Value = serde_json::from_str(&snapshot).unwrap();
    let leave = json!({ "tickets": tickets(&snapshot), "deadlineSeconds": 30 }).to_string();
    assert_eq!(step(&a, "pod-a", "POST", "leave", &leave).await.0, 204);
    assert_eq!(demo.closed().await.0, 1012);
    let mut demo = enter(&b, "demo", guest("demo"), "").await;
    demo.join("Demo").await;

    let (for_ada, for_bob) = (ada.hear("moving").await, bob.hear("moving").await);
    assert!(for_bob["data"]["deadlineSeconds"].as_u64().is_some_and(|seconds| (25..=30).contains(&seconds)));
    let mut new_ada = mover(&b, "ada", participant_of(&for_ada["data"]["ticket"])).await;
    new_ada.join("Ada").await;
    let (_second_sender, _) = send_audio(&mut new_ada).await;
    let mut new_bob = mover(&b, "bob", participant_of(&for_bob["data"]["ticket"])).await;
    let second_listener = listen(&mut new_bob, "Bob").await;
    receive(&mut new_bob, &second_listener).await;
    arrived(&second_listener, 3);
    while listener.received.try_recv().is_ok() {}
    arrived(&listener, 3);

    ada.ask("moved", json!({})).await.unwrap();
    ada.leave().await;
    bob.tell("moved", json!({})).await;
    bob.hear("over").await;
    assert!(!bob.unexpected().contains(&"peerClosed") || bob.hear("peerClosed").await["data"]["peerId"] == "eve");
    assert_eq!(
        (report(&b).await["restored"].clone(), report(&b).await["participants"].clone()),
        (json!("m-1"), json!(3))
    );
    bob.leave().await;
    a.until_stats("the end of the room", |stats| stats["rooms"] == 0 && stats["transports"] == 0).await;

    let page = new_bob.ask("getChatHistory", json!({})).await.unwrap();
    assert_eq!((&page["messages"][0]["id"], &page["messages"][0]["text"]), (&json!(1), &json!("hello")));
    assert_eq!(new_bob.ask("sendChatMessage", json!({ "text": "late" })).await.unwrap()["id"], 2);
    new_ada.ask("setRoomLock", json!({ "locked": false })).await.expect("she still moderates");
    let mut late = mover(&b, "late", guest("late")).await;
    let answer = late.join("Late").await;
    let bob = answer["peers"].as_array().unwrap().iter().find(|peer| peer["peerId"] == "bob").unwrap().clone();
    assert_eq!(bob["handRaised"], true);
    arrived(&second_listener, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_do_not_move_are_closed_at_the_deadline_and_return_with_their_tickets() {
    let (a, b) = (pod("pod-a").await, pod("pod-b").await);
    let mut ada = mover(&a, "ada", guest("ada")).await;
    ada.join("Ada").await;
    let (_, snapshot) = step(&a, "pod-a", "POST", "handover", "").await;
    assert_eq!(report(&a).await["moving"], json!({ "id": "m-1", "phase": "frozen", "left": 0 }));
    assert_eq!(step(&b, "pod-b", "PUT", "restore", &snapshot).await.0, 204);
    assert_eq!(step(&b, "pod-b", "PUT", "restore", &snapshot).await.0, 204, "twice is once");
    let snapshot: Value = serde_json::from_str(&snapshot).unwrap();
    let leave = json!({ "tickets": tickets(&snapshot), "deadlineSeconds": 5 }).to_string();
    assert_eq!(step(&a, "pod-a", "POST", "leave", &leave).await.0, 204);
    assert_eq!(step(&a, "pod-a", "POST", "leave", &leave).await.0, 204, "twice is once");
    let moving = ada.hear("moving").await;
    ada.hear("over").await;
    assert_eq!(ada.closed().await.0, 1012);
    a.until_stats("the end of the room", |stats| stats["rooms"] == 0).await;
    let mut ada = mover(&b, "ada", participant_of(&moving["data"]["ticket"])).await;
    ada.join("Ada").await;
    let (_, metrics) = a.get("/metrics").await;
    for line in [
        r#"convene_media_moves_total{outcome="Frozen"} 1"#,
        r#"convene_media_moves_total{outcome="Late"} 1"#,
        r#"convene_media_client_moves_total{outcome="Late"} 1"#,
        r#"convene_media_snapshot_bytes_total{direction="sent"}"#,
    ] {
        assert!(metrics.contains(line), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_in_a_move_and_requests_out_of_order_are_refused() {
    let a = pod("pod-a").await;
    assert_eq!(step(&a, "pod-a", "POST", "handover", "").await.0, 404, "there is no room yet");
    let mut ada = mover(&a, "ada", guest("ada")).await;
    ada.join("Ada").await;
    let leave = r#"{"deadlineSeconds":10}"#;
    let reason = |(status, body): (u16, String)| {
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        (
            status,
            body["type"].as_str().unwrap_or_default().rsplit([':', '#', '/']).next().unwrap_or_default().to_owned(),
        )
    };
    assert_eq!(reason(step(&a, "pod-a", "POST", "leave", leave).await), (409, "not-moving".into()));
    let (_, snapshot) = step(&a, "pod-a", "POST", "handover", "").await;
    let token = signer().handover("pod-a", "uid-1", now()).unwrap();
    let other = |what: &str| format!("{ROOM}/{what}?uid=uid-1&move=other");
    for (method, what, body) in
        [("POST", "handover", ""), ("DELETE", "handover", ""), ("POST", "leave", leave), ("PUT", "restore", &*snapshot)]
    {
        let answer = ask_with(&a, &token, method, &other(what), body).await;
        assert_eq!(reason(answer), (409, "other-move".into()), "{method} {what}");
    }
    assert_eq!(step(&a, "pod-a", "DELETE", "handover", "").await.0, 204);
    ada.ask("raiseHand", json!({ "raised": true })).await.expect("the move was canceled");
    assert_eq!(reason(step(&a, "pod-a", "PUT", "restore", &snapshot).await), (409, "room-has-people".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_snapshots_are_named_and_open_no_room() {
    let (a, b) = (pod("pod-a").await, pod("pod-b").await);
    mover(&a, "ada", guest("ada")).await.join("Ada").await;
    let (_, snapshot) = step(&a, "pod-a", "POST", "handover", "").await;
    let with = |pointer: &str, value: Value| {
        let mut changed: Value = serde_json::from_str(&snapshot).unwrap();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed.to_string()
    };
    let cases = [
        ("garbage".to_owned(), "snapshot-malformed"),
        (snapshot[..snapshot.len() / 2].to_owned(), "snapshot-malformed"),
        (with("/v", json!(2)), "snapshot-version-unknown"),
        (with("/meeting/uid", json!("uid-2")), "snapshot-of-another-meeting"),
        (with("/meeting/maxParticipants", json!(0)), "snapshot-out-of-bounds"),
    ];
    for (body, reason) in cases {
        let (status, answer) = step(&b, "pod-b", "PUT", "restore", &body).await;
        assert!(status == 422 && answer.contains(reason), "{reason}: {status} {answer}");
    }
    assert_eq!(report(&b).await, Value::Null);
    let drain = ask_with(&b, &signer().admin(now()).unwrap(), "PUT", "drain", "").await;
    assert_eq!(drain.0, 204);
    assert_eq!(step(&b, "pod-b", "PUT", "restore", &snapshot).await.0, 503, "a draining pod opens no rooms");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_of_a_move_needs_a_token_for_this_pod_and_this_room() {
    let a = pod("pod-a").await;
    mover(&a, "ada", guest("ada")).await.join("Ada").await;
    let tokens = [
        signer().admin(now()).unwrap(),
        signer().handover("pod-b", "uid-1", now()).unwrap(),
        signer().handover("pod-a", "uid-2", now()).unwrap(),
        signer().handover("pod-a", "uid-1", now() - 1000).unwrap(),
        Signer::from_pem(PEM, "other").unwrap().handover("pod-a", "uid-1", now()).unwrap(),
        String::new(),
    ];
    let requests = [("POST", "handover"), ("DELETE", "handover"), ("PUT", "restore"), ("POST", "leave")];
    for (method, what) in requests {
        for token in &tokens {
            let path = format!("{ROOM}/{what}?uid=uid-1&move=m-1");
            assert_eq!(ask_with(&a, token, method, &path, "{}").await.0, 401, "{method} {what} {token:.10}");
        }
    }
    let good = signer().handover("pod-a", "uid-1", now()).unwrap();
    assert_eq!(ask_with(&a, &good, "GET", "rooms", "").await.0, 401, "it opens nothing else");
    for query in ["", "uid=uid-1", "uid=uid-1&move=", "uid=uid-1&move=a%2Fb", "uid=uid-1&move=m&seconds=601"] {
        assert_eq!(ask_with(&a, &good, "POST", &format!("{ROOM}/handover?{query}"), "").await.0, 400, "{query}");
    }
    let nameless = Pod::start_with(Some(KeySet::from_jwks(JWKS).unwrap()), 1).await;
    assert_eq!(step(&nameless, "", "POST", "handover", "").await.0, 403, "it does not know its uid");
    assert_eq!(report(&a).await["moving"], Value::Null, "none of them did anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moderators_decided_survives_a_crash_by_way_of_a_backup() {
    let (a, b) = (pod("pod-a").await, pod("pod-b").await);
    let mut ada = mover(&a, "ada", host()).await;
    ada.join("Ada").await;
    let mut eve = mover(&a, "eve", guest("eve")).await;
    eve.join("Eve").await;
    assert_eq!(report(&a).await["backup"], json!(0), "nothing was decided");
    ada.ask("removeParticipant", json!({ "peerId": "eve" })).await.unwrap();
    ada.ask("setRoomLock", json!({ "locked": true })).await.unwrap();
    ada.ask("sendChatMessage", json!({ "text": "a secret" })).await.unwrap();
    let version = report(&a).await["backup"].clone();
    let (status, backup) = step(&a, "pod-a", "GET", "backup", "").await;
    assert_eq!(status, 200, "{backup}");
    assert!(!backup.contains("a secret"));
    let backup: Value = serde_json::from_str(&backup).unwrap();
    assert!(version.as_u64().is_some_and(|version| version > 0 && backup["version"] == version), "{version}");
    assert_eq!(step(&a, "pod-b", "GET", "backup", "").await.0, 401, "a token for another pod");

    // The router knows that there is a backup; the client is faster than the operator.
    let grant = MeetingGrant { has_backup: true, ..meeting() };
    let admission = |participant, jti: &str| Admission { meeting: grant.clone(), participant, jti: jti.into() };
    let open = async |peer: &str, participant: ParticipantGrant| {
        let token = signer().admission(&admission(participant, &format!("crash-{peer}")), now()).unwrap();
        Client::try_open(&b, &format!("/signal/team/standup?peerId={peer}"), Some(&token)).await.unwrap()
    };
    let mut ada = open("ada", host()).await;
    let mut eve = open("eve", guest("eve")).await;
    let mut tom = open("tom", guest("tom")).await;
    assert_eq!(
        (report(&b).await["awaitsBackup"].clone(), report(&b).await["participants"].clone()),
        (json!(true), json!(0))
    );
    let restored = step(&b, "pod-b", "PUT", "restore", &backup["snapshot"].to_string()).await;
    assert_eq!(restored.0, 204, "{}", restored.1);
    assert_eq!(eve.closed().await, (4000, "removed by a moderator".into()));
    assert_eq!(tom.closed().await, (4000, "the meeting is locked".into()));
    ada.join("Ada").await;
    assert_eq!(report(&b).await["awaitsBackup"], Value::Null);
}
