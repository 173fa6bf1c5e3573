use std::sync::Mutex;

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use convene_crds::MovePod;
use convene_protocol::admission::ParticipantGrant;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{core::DeserializeGuard, runtime::watcher::Event};
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::{
    cluster::events::Posts,
    fixtures::{ScriptedServer, context_and_posts, meeting_object, pod_object, pool_object, status},
    model::moves::Progress,
};

const STATUS: &str = "PATCH /apis/convene.dev/v1alpha1/namespaces/crew/meetings/regatta/status";

type Answers = Arc<Mutex<BTreeMap<String, u16>>>;
type Requests = Arc<Mutex<Vec<String>>>;

/// Media pods `a`, `b` and `c`. A request is `POD METHOD STEP MOVE`; without an answer for its first three words it succeeds.
struct Pods {
    answers: Answers,
    requests: Requests,
    ports: BTreeMap<&'static str, u16>,
    _servers: Vec<AbortOnDropHandle<()>>,
}

impl Pods {
    async fn start() -> Self {
        let (answers, requests) = (Answers::default(), Requests::default());
        let (mut ports, mut servers) = (BTreeMap::new(), Vec::new());
        for name in ["a", "b", "c"] {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            ports.insert(name, listener.local_addr().unwrap().port());
            let app = Router::new().fallback(answer).with_state((name, Arc::clone(&answers), Arc::clone(&requests)));
            let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
            servers.push(AbortOnDropHandle::new(server));
        }
        Self { answers, requests, ports, _servers: servers }
    }

    fn fail(&self, request: &str, status: u16) {
        self.answers.lock().unwrap().insert(request.to_owned(), status);
    }

    fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    /// A context that knows the pods, and whose API server follows the script.
    fn context(&self, script: Vec<(&str, u16, Value)>) -> (ScriptedServer, Context, Posts) {
        let (server, client) = ScriptedServer::start(script);
        let (context, posts) = context_and_posts(&client);
        context.cache.on_pool_event(&Event::Apply(DeserializeGuard(Ok(pool_object(json!({}))))));
        for (name, port) in &self.ports {
            let http = json!({"name": "http", "containerPort": port});
            let pod = pod_object(json!({
                "metadata": {"name": name, "uid": name}, "spec": {"containers": [{"name": "media-pod", "ports": [http]}]},
                "status": {"podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]},
            }));
            context.cache.on_pod_event(&Event::Apply(pod));
        }
        (server, context, posts)
    }
}

async fn answer(
    State((name, answers, requests)): State<(&'static str, Answers, Requests)>,
    request: Request,
) -> Response {
    let uri = request.uri();
    let step = uri.path().rsplit('/').next().unwrap_or_default();
    let id = uri.query().unwrap_or_default().split('&').find_map(|part| part.strip_prefix("move=")).unwrap_or_default();
    let words = format!("{name} {} {step}", request.method());
    requests.lock().unwrap().push(format!("{words} {id}").trim_end().to_owned());
    if let Some(code) = answers.lock().unwrap().get(&words) {
        return StatusCode::from_u16(*code).unwrap().into_response();
    }
    let clients = json!([{"peerId": "ada", "grant": ParticipantGrant::default()}]);
    axum::Json(json!({"v": 1, "clients": clients})).into_response()
}

fn record(to: &str, phase: MeetingMovePhase) -> MeetingMove {
    let pod = |name: &str| MovePod { name: name.into(), uid: name.into() };
    let (since, reason) = (Time(Timestamp::from_second(7).unwrap()), "PodDraining".to_owned());
    MeetingMove { from: pod("a"), to: pod(to), since, phase, reason, message: String::new() }
}

fn copying(to: &str) -> MeetingMove {
    record(to, MeetingMovePhase::Copying)
}

fn meeting(last_move: Option<&MeetingMove>) -> Meeting {
    let pod = json!({"name": "a", "uid": "a"});
    meeting_object(json!({"pool": "lagoon"}), json!({"pod": pod, "participants": 3, "move": last_move}))
}

fn written() -> (&'static str, u16, Value) {
    (STATUS, 200, serde_json::to_value(meeting(None)).unwrap())
}

fn carry(to: &str) -> MoveStep {
    MoveStep::Carry { record: copying(to), replaced: None }
}

fn progress(context: &Context) -> Option<Progress> {
    context.cache.state().moves.state("meeting-uid").map(|state| state.progress.clone())
}

#[tokio::test]
async fn the_status_has_each_step_before_the_next_one_and_clients_move_last() {
    let pods = Pods::start().await;
    let (server, context, mut posts) = pods.context(vec![written()]);
    let meeting = meeting(None);
    let Ok(performed) = perform(&context, &meeting, carry("b")).await else { panic!("refused") };
    server.assert_finished();
    assert_eq!(posts.take().iter().map(|note| note.reason).collect::<Vec<_>>(), ["Moving"]);
    assert_eq!(pods.take_requests(), ["a POST handover a-7-b", "b PUT restore a-7-b"]);
    assert_eq!(performed.record, Some(record("b", MeetingMovePhase::Moving)));
    assert_eq!(progress(&context), Some(Progress::Carrying));
    performed.finish(&context, &Ok(Outcome::Applied)).await;
    assert_eq!(pods.take_requests(), ["a POST leave a-7-b"]);
    assert_eq!(progress(&context), Some(Progress::Left));
}

#[tokio::test]
async fn a_move_that_the_status_does_not_have_is_not_carried_out() {
    let pods = Pods::start().await;
    let refusals = [(409, None), (500, Some(Progress::Carrying))];
    for (code, known) in refusals {
        let (server, context, mut posts) = pods.context(vec![(STATUS, code, status(code, "Error", ""))]);
        assert!(perform(&context, &meeting(None), carry("b")).await.is_err());
        server.assert_finished();
        assert_eq!((pods.take_requests().len(), posts.take().len()), (0, 0));
        assert_eq!(progress(&context), known, "after {code} it is known whether it was written, or not");
    }
}

#[tokio::test]
async fn a_move_in_the_status_is_repeated_with_its_name_and_without_another_event() {
    let pods = Pods::start().await;
    let (_server, context, mut posts) = pods.context(vec![]);
    let meeting = meeting(Some(&copying("b")));
    let Ok(performed) = perform(&context, &meeting, carry("b")).await else { panic!("refused") };
    assert_eq!(pods.take_requests(), ["a POST handover a-7-b", "b PUT restore a-7-b"]);
    assert!(posts.take().is_empty());
    // It is uncertain whether the new pod is in the status: both rooms stay.
    let source = Box::new(kube::Error::LinesCodecMaxLineLengthExceeded);
    let lost = Error::WriteStatus { namespace: "crew".into(), name: "regatta".into(), source };
    performed.finish(&context, &Err(lost)).await;
    assert!(pods.take_requests().is_empty());
    let Ok(performed) = perform(&context, &meeting, carry("b")).await else { panic!("refused") };
    pods.take_requests();
    // It is certain that it is not.
    performed.finish(&context, &Ok(Outcome::Skipped)).await;
    assert_eq!(pods.take_requests(), ["a DELETE handover a-7-b", "b DELETE regatta"]);
    assert_eq!(progress(&context), None);
}

#[tokio::test]
async fn a_move_that_replaces_another_one_undoes_it_first() {
    let pods = Pods::start().await;
    let (_server, context, _posts) = pods.context(vec![written()]);
    let step = MoveStep::Carry { record: copying("c"), replaced: Some(copying("b")) };
    assert!(perform(&context, &meeting(Some(&copying("b"))), step).await.is_ok());
    let undone = ["a DELETE handover a-7-b", "b DELETE regatta"];
    let done = ["a POST handover a-7-c", "c PUT restore a-7-c"];
    assert_eq!(pods.take_requests(), [undone, done].concat());
}

#[tokio::test]
async fn without_its_memory_a_meeting_moves_with_the_reason_on_record() {
    let cases: [(&str, u16, &[&str]); 4] = [
        ("a POST handover", 404, &["a DELETE handover a-7-b"]),
        ("a POST handover", 409, &["a DELETE handover a-7-b"]),
        ("b PUT restore", 422, &["b PUT restore a-7-b", "a DELETE handover a-7-b", "b DELETE regatta"]),
        ("b PUT restore", 409, &["b PUT restore a-7-b", "a DELETE handover a-7-b"]),
    ];
    for (request, code, wanted) in cases {
        let pods = Pods::start().await;
        let (_server, context, _posts) = pods.context(vec![written()]);
        pods.fail(request, code);
        let Ok(performed) = perform(&context, &meeting(None), carry("b")).await else { panic!("refused") };
        assert_eq!(pods.take_requests()[1..], *wanted, "{request} {code}");
        let record = performed.record.clone().unwrap();
        assert_eq!((record.phase, record.reason.as_str()), (MeetingMovePhase::Fallback, "Refused"));
        assert!(record.message.contains(&format!("responded with status {code}")), "{}", record.message);
        performed.finish(&context, &Ok(Outcome::Applied)).await;
        assert!(pods.take_requests().is_empty());
        assert_eq!(progress(&context), Some(Progress::Over));
    }
}

#[tokio::test]
async fn a_meeting_that_need_not_leave_stays_whatever_fails() {
    let relief = || MeetingMove { reason: convene_crds::reason::RELIEF.into(), ..copying("b") };
    let cases: [(&str, u16, &[&str]); 4] = [
        ("a POST handover", 404, &["a DELETE handover a-7-b"]),
        ("a POST handover", 500, &["a DELETE handover a-7-b"]),
        ("b PUT restore", 422, &["b PUT restore a-7-b", "a DELETE handover a-7-b", "b DELETE regatta"]),
        ("b PUT restore", 409, &["b PUT restore a-7-b", "a DELETE handover a-7-b"]),
    ];
    for (request, code, wanted) in cases {
        let pods = Pods::start().await;
        let (server, context, mut posts) = pods.context(vec![written(), written()]);
        pods.fail(request, code);
        let tried = meeting(Some(&MeetingMove {
            phase: MeetingMovePhase::Fallback,
            since: Time(Timestamp::UNIX_EPOCH),
            ..relief()
        }));
        let step = MoveStep::Carry { record: relief(), replaced: None };
        assert!(matches!(perform(&context, &tried, step).await, Err(Ok(Outcome::Waiting))), "{request} {code}");
        server.assert_finished();
        assert_eq!(pods.take_requests()[1..], *wanted, "{request} {code}");
        assert_eq!(posts.take().iter().map(|note| note.reason).collect::<Vec<_>>(), ["Moving", "MoveFellBack"]);
        assert_eq!(context.cache.state().moves.expected("meeting-uid", Timestamp::now()), 0);
    }
}

#[tokio::test]
async fn a_meeting_that_need_not_leave_stays_if_the_new_pod_is_gone() {
    let pods = Pods::start().await;
    let (server, context, _posts) = pods.context(vec![written()]);
    let record = MeetingMove { reason: convene_crds::reason::RELIEF.into(), ..copying("d") };
    let refused = perform(&context, &meeting(None), MoveStep::Carry { record, replaced: None }).await;
    assert!(matches!(refused, Err(Ok(Outcome::Waiting))));
    server.assert_finished();
    assert!(pods.take_requests().is_empty());
    let known = with_newest_move(&context, &meeting(None)).into_owned().status.unwrap();
    assert_eq!(
        known.last_move.map(|last| (last.phase, last.reason)),
        Some((MeetingMovePhase::Fallback, "PodGone".into()))
    );
}

#[tokio::test]
async fn the_clients_of_a_frozen_room_are_notified_by_the_next_operator() {
    let refused = |code: u16| {
        let name = StatusCode::from_u16(code).unwrap();
        Progress::Failed(Reason::new("Refused", format!("media pod \"a\" responded with status {name}")))
    };
    let both: &[&str] = &["a POST handover a-7-b", "a POST leave a-7-b"];
    let cases = [
        ("", 0, both, Progress::Left),
        // Notified by the one before, whose process ended before it had the response.
        ("a POST handover", 409, &both[..1], Progress::Left),
        // The room has waited too long.
        ("a POST leave", 409, both, refused(409)),
        // They have moved, and their room has ended.
        ("a POST handover", 404, &both[..1], Progress::Left),
        ("a POST handover", 500, &both[..1], refused(500)),
        ("a POST leave", 500, both, refused(500)),
    ];
    for (request, code, requests, wanted) in cases {
        let pods = Pods::start().await;
        let (_server, context, _posts) = pods.context(vec![]);
        pods.fail(request, code);
        let (moving, meeting) = adopt(&context);
        let Ok(performed) = perform(&context, &meeting, MoveStep::Leave(moving.clone())).await else {
            panic!("refused")
        };
        assert_eq!(performed.record, Some(moving));
        assert_eq!(pods.take_requests(), requests, "{request} {code}");
        assert_eq!(progress(&context), Some(wanted), "{request} {code}");
    }
}

/// A meeting whose move an earlier process has written.
fn adopt(context: &Context) -> (MeetingMove, Meeting) {
    let moving = record("b", MeetingMovePhase::Moving);
    let meeting = meeting(Some(&moving));
    context.cache.on_meeting_event(&Event::Apply(DeserializeGuard(Ok(meeting.clone()))));
    (moving, meeting)
}

#[tokio::test]
async fn a_pod_that_does_not_respond_is_asked_again() {
    let mut pods = Pods::start().await;
    pods.ports.insert("a", 9); // nothing listens there
    let (_server, context, _posts) = pods.context(vec![]);
    let (moving, meeting) = adopt(&context);
    assert!(perform(&context, &meeting, MoveStep::Leave(moving)).await.is_ok());
    assert_eq!(progress(&context), Some(Progress::Adopted));
}

#[tokio::test]
async fn a_silent_pod_is_sent_nothing() {
    for (silent, wanted) in [("a", "b DELETE regatta"), ("b", "a DELETE handover a-7-b")] {
        let pods = Pods::start().await;
        let (_server, context, _posts) = pods.context(vec![]);
        context.cache.on_pod_silent(silent).unwrap();
        let step = MoveStep::Finish { record: record("b", MeetingMovePhase::Fallback), undo: Undo::BothRooms };
        assert!(perform(&context, &meeting(Some(&copying("b"))), step).await.is_ok());
        assert_eq!(pods.take_requests(), [wanted]);
    }
}

#[tokio::test]
async fn a_move_whose_pod_is_gone_is_over() {
    let pods = Pods::start().await;
    let (_server, context, _posts) = pods.context(vec![]);
    let begun = meeting(Some(&copying("d")));
    context.cache.on_meeting_event(&Event::Apply(DeserializeGuard(Ok(begun.clone()))));
    let Ok(performed) = perform(&context, &begun, carry("d")).await else { panic!("refused") };
    assert_eq!(
        performed.record.map(|record| (record.phase, record.reason)),
        Some((MeetingMovePhase::Fallback, "PodGone".into()))
    );
    assert_eq!(progress(&context), Some(Progress::Over), "it does not end a second time");
}

#[tokio::test]
async fn what_a_cancelled_move_leaves_behind_is_undone() {
    let pods = Pods::start().await;
    let (_server, context, _posts) = pods.context(vec![]);
    let over = record("b", MeetingMovePhase::Fallback);
    let both: &[&str] = &["a DELETE handover a-7-b", "b DELETE regatta"];
    for (undo, wanted) in [(Undo::Nothing, &both[..0]), (Undo::OldRoom, &both[..1]), (Undo::BothRooms, both)] {
        let step = MoveStep::Finish { record: over.clone(), undo };
        let Ok(performed) = perform(&context, &meeting(Some(&copying("b"))), step).await else { panic!("refused") };
        assert_eq!(performed.record.as_ref(), Some(&over));
        assert_eq!(pods.take_requests(), wanted, "{undo:?}");
    }
}

#[tokio::test]
async fn a_meeting_stays_once_if_the_new_pod_does_not_respond() {
    let mut pods = Pods::start().await;
    pods.ports.insert("b", 9); // nothing listens there
    let (server, context, mut posts) = pods.context(vec![written(), written()]);
    let refused = perform(&context, &meeting(None), carry("b")).await;
    assert!(matches!(refused, Err(Ok(Outcome::Waiting))));
    server.assert_finished();
    assert_eq!(pods.take_requests(), ["a POST handover a-7-b", "a DELETE handover a-7-b"]);
    assert_eq!(posts.take().iter().map(|note| note.reason).collect::<Vec<_>>(), ["Moving", "MoveFellBack"]);
    // The copy of the meeting from before its move is processed once more.
    let known = with_newest_move(&context, &meeting(None)).into_owned();
    let over = known.status.clone().unwrap();
    assert_eq!(over.last_move.as_ref().map(|last| last.phase), Some(MeetingMovePhase::Fallback));
    assert!(compute_move_note(over.last_move.as_ref(), &over).is_none());
    assert!(announce(&context, &meeting(None), over.last_move.as_ref().unwrap()).await.is_ok(), "it is on record");

    let (_server, context, _posts) = pods.context(vec![written()]);
    let tried = meeting(Some(&record("b", MeetingMovePhase::Fallback)));
    let Ok(performed) = perform(&context, &tried, carry("b")).await else { panic!("refused") };
    assert_eq!(performed.record.map(|record| record.phase), Some(MeetingMovePhase::Fallback));
}
