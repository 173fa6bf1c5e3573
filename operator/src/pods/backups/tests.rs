use std::sync::Mutex;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kube::{core::DeserializeGuard, runtime::watcher::Event};
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::fixtures::{ScriptedServer, context, meeting_object, pod_object, status};

const OBJECT: &str = "/apis/convene.dev/v1alpha1/namespaces/crew/meetingbackups/regatta";

/// A media pod that answers as scripted, and records requests with their bodies.
struct FakePod {
    pod: MediaPod,
    heard: Arc<Mutex<Vec<(String, Value)>>>,
    _server: AbortOnDropHandle<()>,
}

#[derive(Clone)]
struct Desk {
    backup: Value,
    restored: StatusCode,
    heard: Arc<Mutex<Vec<(String, Value)>>>,
}

async fn answer(State(desk): State<Desk>, request: Request) -> Response {
    let asked = format!("{} {}", request.method(), request.uri().path().rsplit('/').next().unwrap_or_default());
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let is_backup = asked == "GET backup";
    desk.heard.lock().unwrap().push((asked, serde_json::from_slice(&body).unwrap_or_default()));
    if is_backup { Json(desk.backup).into_response() } else { desk.restored.into_response() }
}

impl FakePod {
    async fn start(backup: Value, restored: u16) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<_>>> = Arc::default();
        let restored = StatusCode::from_u16(restored).unwrap();
        let app = Router::new().fallback(answer).with_state(Desk { backup, restored, heard: Arc::clone(&heard) });
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let pod = MediaPod::from_pod(&pod_object(json!({})));
        let pod = MediaPod { ip: Some(address.ip().to_string()), http_port: address.port(), ..pod };
        Self { pod, heard, _server: AbortOnDropHandle::new(server) }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().iter().map(|(asked, _)| asked.clone()).collect()
    }
}

/// What a pod stores after a moderator has locked the meeting.
fn backup() -> Value {
    json!({"version": 9, "snapshot": {"v": 1, "meeting": {"title": "old"}, "room": {"moderation": {"locked": true}}}})
}

fn object() -> Value {
    json!({
        "apiVersion": "convene.dev/v1alpha1", "kind": "MeetingBackup",
        "metadata": {"name": "regatta", "namespace": "crew", "ownerReferences": [
            {"apiVersion": "convene.dev/v1alpha1", "kind": "Meeting", "name": "regatta", "uid": "meeting-uid"},
        ]},
        "spec": {"snapshot": backup()["snapshot"]},
    })
}

/// The meeting is on the pod; its status says whether there is a backup.
fn context_with(client: &kube::Client, has_backup: bool) -> crate::context::Context {
    let pod = json!({"name": "media-lagoon-41000", "uid": "pod-uid"});
    context_of(client, json!({"pod": pod, "backup": has_backup}))
}

/// The meeting has this status.
fn context_of(client: &kube::Client, status: Value) -> crate::context::Context {
    let (cache, mut ends) = ClusterCache::new(client.clone(), "harbor".into(), crate::fixtures::defaults());
    let meeting = meeting_object(json!({"title": "new"}), status);
    let event = Event::Apply(DeserializeGuard(Ok(meeting)));
    ends.meetings.apply_watcher_event(&event);
    cache.on_meeting_event(&event);
    cache.on_pod_event(&Event::Apply(pod_object(json!({}))));
    while let Some(key) = cache.meeting_queue.take() {
        cache.meeting_queue.begin(&key);
    }
    crate::context::Context { cache, ..context(client) }
}

fn list(rooms: Vec<RoomReport>) -> RoomList {
    RoomList { version: 1, process: 7, rooms, draining: false, ending: false, link: None }
}

fn room(backup: u64, awaits_backup: bool) -> RoomReport {
    RoomReport {
        namespace: "crew".into(),
        name: "regatta".into(),
        uid: "meeting-uid".into(),
        backup: Some(backup),
        awaits_backup,
        ..RoomReport::default()
    }
}

fn keeper(context: &crate::context::Context) -> BackupKeeper<'_> {
    BackupKeeper { cache: &context.cache, link: &context.link, metrics: &context.metrics }
}

/// Returns whether something is left to do.
async fn settle(context: &crate::context::Context, pod: &FakePod, rooms: Vec<RoomReport>) -> bool {
    keeper(context).settle(&pod.pod, &list(rooms)).await
}

fn exists(context: &crate::context::Context) -> Option<bool> {
    context.cache.state().backups.exists("meeting-uid")
}

#[tokio::test]
async fn a_decision_is_stored_once_and_deleted_with_the_room() {
    let patch = format!("PATCH {OBJECT}");
    let delete = format!("DELETE {OBJECT}");
    let (server, client) = ScriptedServer::start(vec![(&patch, 200, object()), (&delete, 200, status(200, "", ""))]);
    let (context, pod) = (context_with(&client, false), FakePod::start(backup(), 204).await);
    settle(&context, &pod, vec![room(0, false)]).await;
    assert_eq!((exists(&context), pod.heard().len()), (None, 0));
    for _ in 0..2 {
        settle(&context, &pod, vec![room(9, false)]).await;
    }
    assert_eq!((exists(&context), pod.heard()), (Some(true), vec!["GET backup".to_owned()]));
    assert!(context.cache.meeting_queue.take().is_some(), "the status follows");
    settle(&context, &pod, vec![]).await;
    keeper(&context).forget().await;
    assert_eq!(exists(&context), Some(true), "its participants may be about to return");
    let meeting = context.cache.meeting("crew", "regatta").unwrap();
    keeper(&context).end(meeting.0.as_ref().unwrap()).await;
    keeper(&context).end(meeting.0.as_ref().unwrap()).await;
    assert_eq!(exists(&context), Some(false));
    server.assert_finished();
}

#[tokio::test]
async fn a_room_that_waits_gets_the_stored_state_with_the_settings_of_now() {
    let get = format!("GET {OBJECT}");
    let (server, client) = ScriptedServer::start(vec![(&get, 200, object())]);
    let (context, pod) = (context_with(&client, true), FakePod::start(backup(), 204).await);
    settle(&context, &pod, vec![room(0, true)]).await;
    assert_eq!(pod.heard(), ["PUT restore"]);
    let restored = pod.heard.lock().unwrap()[0].1.clone();
    assert_eq!(restored["room"], backup()["snapshot"]["room"]);
    assert_eq!(
        (restored["meeting"]["title"].as_str(), restored["meeting"]["hasBackup"].as_bool()),
        (Some("new"), None)
    );
    server.assert_finished();
}

#[tokio::test]
async fn a_room_that_waits_for_nothing_is_told_so() {
    let get = format!("GET {OBJECT}");
    let mut foreign = object();
    foreign["metadata"]["ownerReferences"][0]["uid"] = json!("an-earlier-meeting");
    let missing = status(404, "NotFound", "not found");
    for (code, found) in [(404, missing), (200, foreign)] {
        let (server, client) = ScriptedServer::start(vec![(&get, code, found)]);
        let (context, pod) = (context_with(&client, true), FakePod::start(backup(), 204).await);
        settle(&context, &pod, vec![room(0, true)]).await;
        let restored = pod.heard.lock().unwrap()[0].1.clone();
        assert_eq!((&restored["v"], &restored["room"]["moderation"]["locked"]), (&json!(1), &json!(false)));
        assert_eq!(exists(&context), Some(false));
        server.assert_finished();
    }
}

#[tokio::test]
async fn a_failure_is_repeated_and_the_state_of_a_room_in_use_is_stored() {
    let (get, patch) = (format!("GET {OBJECT}"), format!("PATCH {OBJECT}"));
    let script = vec![(&*get, 200, object()), (&get, 200, object()), (&patch, 200, object())];
    let (server, client) = ScriptedServer::start(script);
    let (context, pod) = (context_with(&client, true), FakePod::start(backup(), 503).await);
    assert!(settle(&context, &pod, vec![room(0, true)]).await, "it is left to do");
    assert_eq!(exists(&context), None);
    let pod = FakePod::start(backup(), 409).await;
    assert!(!settle(&context, &pod, vec![room(0, false)]).await);
    assert_eq!((exists(&context), pod.heard()), (Some(true), vec!["PUT restore".into(), "GET backup".into()]));
    server.assert_finished();
}

#[tokio::test]
async fn a_pod_that_cannot_read_the_backup_locks_the_room() {
    let get = format!("GET {OBJECT}");
    let (server, client) = ScriptedServer::start(vec![(&get, 200, object())]);
    let (context, pod) = (context_with(&client, true), FakePod::start(backup(), 422).await);
    settle(&context, &pod, vec![room(0, true)]).await;
    let heard = pod.heard.lock().unwrap();
    let sent = heard.iter().map(|(_, body)| &body["room"]["moderation"]);
    let expected = json!(SnapshotModeration { locked: true, ..SnapshotModeration::default() });
    assert_eq!(sent.collect::<Vec<_>>(), [&backup()["snapshot"]["room"]["moderation"], &expected]);
    server.assert_finished();
}

#[tokio::test]
async fn people_alone_are_written_later() {
    let patch = format!("PATCH {OBJECT}");
    let (server, client) = ScriptedServer::start(vec![(&patch, 200, object())]);
    let (context, pod) = (context_with(&client, false), FakePod::start(backup(), 204).await);
    assert!(!settle(&context, &pod, vec![room(9, false)]).await);
    assert!(settle(&context, &pod, vec![room(10, false)]).await, "not due yet");
    server.assert_finished();
}

#[tokio::test]
async fn what_is_decided_while_a_meeting_is_on_no_pod_is_stored_as_long_as_its_call_goes_on() {
    let patch = format!("PATCH {OBJECT}");
    let in_use = |backup, awaits_backup| RoomReport { participants: 2, ..room(backup, awaits_backup) };
    let elsewhere = json!({"pod": {"name": "other", "uid": "other"}});
    let cases = [
        ("its call goes on", json!({}), in_use(9, false), true),
        ("it has a backup", json!({"backup": true}), in_use(9, false), true),
        ("nothing was decided", json!({"backup": true}), in_use(0, false), false),
        ("no one is in its room", json!({}), room(9, false), false),
        ("its room waits for a backup", json!({"backup": true}), in_use(0, true), false),
        ("it has ended", json!({"phase": "Ended"}), in_use(9, false), false),
        ("it is on another pod", elsewhere, in_use(9, false), false),
    ];
    for (case, status, room, is_stored) in cases {
        let script = is_stored.then(|| (&*patch, 200, object())).into_iter().collect();
        let (server, client) = ScriptedServer::start(script);
        let (context, pod) = (context_of(&client, status), FakePod::start(backup(), 204).await);
        settle(&context, &pod, vec![room]).await;
        assert_eq!(pod.heard().len(), usize::from(is_stored), "{case}: {:?}", pod.heard());
        server.assert_finished();
    }
}

#[tokio::test]
async fn the_next_pod_is_filled_before_clients_are_sent_there() {
    let get = format!("GET {OBJECT}");
    let (server, client) = ScriptedServer::start(vec![(&get, 500, status(500, "InternalError", "busy"))]);
    for (has_backup, requests) in [(false, 0), (true, 1)] {
        let context = context_with(&client, has_backup);
        let meeting = context.cache.meeting("crew", "regatta").unwrap();
        // A failure delays nothing.
        keeper(&context).prepare(meeting.0.as_ref().unwrap(), "pod-uid").await;
        let failures = context.metrics.steps.with_label_values(&["backup", "BackupNotRead"]).get();
        assert_eq!(failures, requests);
    }
    server.assert_finished();
}

#[tokio::test]
async fn a_cluster_with_older_definitions_is_not_asked_for_ever() {
    let patch = format!("PATCH {OBJECT}");
    let (server, client) = ScriptedServer::start(vec![(&patch, 404, status(404, "NotFound", "no such kind"))]);
    let (context, pod) = (context_with(&client, false), FakePod::start(backup(), 204).await);
    for _ in 0..2 {
        settle(&context, &pod, vec![room(9, false)]).await;
    }
    assert_eq!(exists(&context), Some(false));
    server.assert_finished();
}
