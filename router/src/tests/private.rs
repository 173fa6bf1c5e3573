//! What clients without a credential learn about a meeting: no more than a guest may know, and nothing about the cluster.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use convene_crds::{AccessPolicy, MeetingPhase};
use convene_protocol::admission::{JoinTicket, ParticipantGrant};
use futures_util::StreamExt;
use http_body_util::{BodyExt, BodyStream};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::http::ask;
use super::peer::{Running, refused};
use crate::fixtures::{Fixture, join_token, settings};
use crate::index::record::WaitReason;
use crate::run::routes;
use crate::state::SignalSettings;

const MEETING: &str = "/api/v1/meetings/team-a/stand-up";
const TECHNICAL: &str = "pod media-7 cannot be placed: node-3 has no free ports (0/2 nodes are available)";

fn troubled(policy: AccessPolicy) -> Fixture {
    let mut fixture = Fixture::new(settings());
    fixture.change(|record| {
        record.policy = policy;
        record.phase = MeetingPhase::Starting;
        record.starts_at = Some(jiff::Timestamp::UNIX_EPOCH);
        record.waiting = WaitReason::new("PortsTaken", TECHNICAL);
    });
    fixture
}

fn request(path: &str, token: Option<&str>) -> Request<Body> {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(Body::empty()).unwrap()
}

/// The meeting as returned by the API, after a check that the first event is the same.
async fn told(fixture: &Fixture, token: Option<&str>) -> Value {
    let once = ask(fixture, request(MEETING, token)).await;
    assert_eq!(once.status, StatusCode::OK);
    let events =
        routes::public(fixture.app.clone()).oneshot(request(&format!("{MEETING}/events"), token)).await.unwrap();
    let frame = BodyStream::new(events.into_body()).next().await.unwrap().unwrap();
    let text = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
    let data = text.lines().find_map(|line| line.strip_prefix("data:")).unwrap_or_else(|| panic!("{text}"));
    assert_eq!(serde_json::from_str::<Value>(data).unwrap(), once.json());
    once.json()
}

fn ticket(fixture: &Fixture, identity: Option<&str>) -> String {
    let participant = ParticipantGrant { identity: identity.map(Into::into), ..ParticipantGrant::default() };
    let (namespace, name) = ("team-a".to_owned(), "stand-up".to_owned());
    let ticket = JoinTicket { namespace, name, uid: "uid-stand-up".into(), participant, vouched: None };
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
    fixture.app.signer.get().unwrap().ticket(&ticket, now).unwrap()
}

#[tokio::test]
async fn without_a_token_a_private_meeting_tells_how_to_get_in_and_nothing_else() {
    let fixture = troubled(AccessPolicy::Token);
    let closed = json!({
        "namespace": "team-a", "name": "stand-up", "phase": "Pending", "ready": false, "access": "Token", "tokenRequired": true
    });
    let elsewhere = join_token(&json!({"meeting": "team-a/board"}));
    let guest = ticket(&fixture, None);
    for token in [None, Some("garbage"), Some(elsewhere.as_str()), Some(guest.as_str())] {
        assert_eq!(told(&fixture, token).await, closed, "{token:?}");
    }
    for token in [join_token(&json!({})), ticket(&fixture, Some("ada"))] {
        let shown = told(&fixture, Some(&token)).await;
        assert_eq!((&shown["title"], &shown["participants"]), (&json!("Stand-up"), &json!(2)));
        assert_eq!((&shown["startsAt"], &shown["phase"]), (&json!("1970-01-01T00:00:00Z"), &json!("Starting")));
        assert!(shown["joinUrl"].is_string() && shown["locked"] == json!(false));
    }
}

#[tokio::test]
async fn the_count_of_participants_is_for_open_meetings_and_for_those_with_a_token() {
    let (open, lobby) = (troubled(AccessPolicy::Open), troubled(AccessPolicy::Lobby));
    assert_eq!(told(&open, None).await["participants"], json!(2));
    let guest = told(&lobby, None).await;
    assert_eq!((guest.get("participants"), &guest["title"]), (None, &json!("Stand-up")));
    assert_eq!(told(&lobby, Some(&join_token(&json!({})))).await["participants"], json!(2));
}

#[tokio::test]
async fn clients_learn_before_joining_that_the_meeting_is_recorded() {
    for policy in [AccessPolicy::Open, AccessPolicy::Lobby, AccessPolicy::Token] {
        let mut fixture = troubled(policy);
        fixture.change(|record| record.is_recorded = true);
        assert_eq!(told(&fixture, Some(&join_token(&json!({})))).await["recording"], json!(true), "{policy:?}");
        let guest = told(&fixture, None).await.get("recording").cloned();
        assert_eq!(guest, (policy != AccessPolicy::Token).then_some(json!(true)), "{policy:?}: guests who may come in");
    }
}

#[tokio::test]
async fn a_stream_tells_at_once_that_recording_begins_and_ends() {
    let mut fixture = troubled(AccessPolicy::Lobby);
    let events =
        routes::public(fixture.app.clone()).oneshot(request(&format!("{MEETING}/events"), None)).await.unwrap();
    let mut body = BodyStream::new(events.into_body());
    let mut next =
        async || String::from_utf8(body.next().await.unwrap().unwrap().into_data().unwrap().to_vec()).unwrap();
    assert!(next().await.contains("\"recording\":false"));
    for is_recorded in [true, false] {
        fixture.change(|record| record.is_recorded = is_recorded);
        let told = next().await;
        assert!(told.contains(&format!("\"recording\":{is_recorded}")), "{told}");
    }
}

#[tokio::test]
async fn no_answer_holds_the_words_of_a_condition() {
    let all_taken = "we are at capacity; you will join as soon as a spot opens";
    for policy in [AccessPolicy::Open, AccessPolicy::Lobby, AccessPolicy::Token] {
        let fixture = troubled(policy);
        let token = join_token(&json!({}));
        let shown = told(&fixture, Some(&token)).await;
        assert_eq!(shown["waitingFor"], json!({"reason": "PortsTaken", "message": all_taken}));
        let direct = Request::post(format!("{MEETING}/join"))
            .header("host", "x")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::from(r#"{"direct": true}"#))
            .unwrap();
        let problem = ask(&fixture, direct).await.json();
        assert_eq!(problem["detail"], format!("the meeting is not ready yet: {all_taken}"));
    }
    let mut router = Running::with(SignalSettings { hold_timeout: std::time::Duration::from_millis(50), ..settings() });
    router.fixture.change(|record| record.waiting = WaitReason::new("PortsTaken", TECHNICAL));
    let (status, problem) = refused(router.join("/signal/team-a/stand-up?peerId=abc").await);
    assert_eq!((status, &problem["reason"]), (503, &json!("PortsTaken")));
    assert_eq!(problem["detail"], format!("the meeting is not ready yet: {all_taken} (waited 0 s)"));
}

#[tokio::test]
async fn a_stream_tells_less_once_the_meeting_is_private() {
    let mut fixture = troubled(AccessPolicy::Open);
    let events =
        routes::public(fixture.app.clone()).oneshot(request(&format!("{MEETING}/events"), None)).await.unwrap();
    let mut body = BodyStream::new(events.into_body());
    let mut next =
        async || String::from_utf8(body.next().await.unwrap().unwrap().into_data().unwrap().to_vec()).unwrap();
    assert!(next().await.contains("Stand-up"));
    fixture.change(|record| record.policy = AccessPolicy::Token);
    let told = next().await;
    assert!(told.contains("tokenRequired\":true") && !told.contains("Stand-up"), "{told}");
}

#[tokio::test]
async fn clients_get_no_metrics_from_a_public_listener() {
    let router = Running::start();
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http::<Body>();
    for (address, status) in [(router.address, StatusCode::NOT_FOUND), (router.metrics, StatusCode::OK)] {
        let answer = client.get(format!("http://{address}/metrics").parse().unwrap()).await.unwrap();
        assert_eq!(answer.status(), status, "{address}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(String::from_utf8_lossy(&body).contains("convene_router_"), status == StatusCode::OK);
    }
}
