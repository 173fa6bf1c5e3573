use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request as Received, State},
    response::{IntoResponse, Response},
};
use convene_protocol::{
    admin::{ProbeTarget, RoomReport, RoomSettings},
    admission::{AdmissionError, KeySet},
};
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::{
    fixtures::{media_pod, pool},
    model::media_pod::PodState,
};
use convene_admission_keys::{KeyPair, build_jwks, build_key_pair};

/// A scripted response.
#[derive(Clone)]
enum Answer {
    With(u16, Vec<u8>),
    Never,
}

struct Heard {
    request: String,
    body: Value,
    token: String,
}

/// A pod with scripted responses, which records its requests.
struct FakePod {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    _server: AbortOnDropHandle<()>,
}

#[derive(Clone)]
struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl FakePod {
    async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::default();
        let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        let app = Router::new().fallback(answer).with_state(Script { answers, heard: Arc::clone(&heard) });
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, heard, _server: AbortOnDropHandle::new(server) }
    }

    fn pod(&self) -> MediaPod {
        let pod = media_pod(&pool(json!({})), 0, PodState::Ready);
        MediaPod { ip: Some(self.address.ip().to_string()), http_port: self.address.port(), ..pod }
    }

    fn requests(&self) -> Vec<String> {
        self.heard.lock().unwrap().iter().map(|heard| heard.request.clone()).collect()
    }
}

async fn answer(State(script): State<Script>, request: Received) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 16).await.unwrap();
    let header = parts.headers[AUTHORIZATION].to_str().unwrap();
    script.heard.lock().unwrap().push(Heard {
        request: format!("{} {}", parts.method, parts.uri),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        token: header.strip_prefix("Bearer ").unwrap().to_owned(),
    });
    let next = script.answers.lock().unwrap().pop_front().expect("one answer for each question");
    match next {
        Answer::With(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Answer::Never => std::future::pending().await,
    }
}

fn key(seed: u8) -> KeyPair {
    build_key_pair([seed; 32]).unwrap()
}

fn signer(seed: u8) -> Signer {
    let pair = key(seed);
    Signer::from_pem(&pair.private_pem, &pair.kid).unwrap()
}

fn json_answer(value: &impl serde::Serialize) -> Answer {
    Answer::With(200, serde_json::to_vec(value).unwrap())
}

fn status(code: u16) -> Answer {
    Answer::With(code, Vec::new())
}

fn update() -> RoomUpdate {
    let settings =
        RoomSettings { title: "Régate".into(), max_participants: 4, empty_timeout_seconds: 60, locked: true };
    RoomUpdate { uid: "m-1".into(), settings, returning: None }
}

#[tokio::test]
async fn every_question_is_asked_as_the_contract_says() {
    let list = RoomList {
        version: 8,
        process: 1,
        rooms: vec![RoomReport::default()],
        draining: true,
        ending: false,
        link: None,
    };
    let targets = ProbeTargets { seconds: 10, targets: vec![ProbeTarget::default()] };
    let answers = [json_answer(&list), json_answer(&list), status(204), status(204), status(204)];
    let fake = FakePod::start(answers.into_iter().chain([status(204), json_answer(&targets)])).await;
    let (link, pod) = (PodLink::new(signer(1)), fake.pod());

    assert_eq!(link.list_rooms(&pod).await.unwrap(), list);
    assert_eq!(link.await_rooms(&pod, 7).await.unwrap(), list);
    assert!(link.update_room(&pod, "crew", "re.gatta", &update()).await.unwrap());
    assert!(link.set_draining(&pod, true).await.unwrap());
    assert!(link.set_draining(&pod, false).await.unwrap());
    link.end_room(&pod, "crew", "regatta", "../m?b=ü", EndReason::Moved).await.unwrap();
    assert_eq!(link.open_probe(&pod).await.unwrap(), targets);

    let wanted = [
        "GET /admin/v1/rooms",
        "GET /admin/v1/rooms?after=7&wait=25",
        "PATCH /admin/v1/rooms/crew/re%2Egatta",
        "PUT /admin/v1/drain",
        "DELETE /admin/v1/drain",
        "DELETE /admin/v1/rooms/crew/regatta?uid=%2E%2E%2Fm%3Fb%3D%C3%BC&reason=moved",
        "POST /admin/v1/probe",
    ];
    assert_eq!(fake.requests(), wanted);
    assert_eq!(fake.heard.lock().unwrap()[2].body, serde_json::to_value(update()).unwrap());
}

#[tokio::test]
async fn tokens_verify_with_the_public_key_and_a_new_signer_serves_the_clones_too() {
    let empty = RoomList::default();
    let fake = FakePod::start([json_answer(&empty), json_answer(&empty)]).await;
    let link = PodLink::new(signer(1));
    let clone = link.clone();
    clone.list_rooms(&fake.pod()).await.unwrap();
    link.use_signer(signer(2));
    clone.list_rooms(&fake.pod()).await.unwrap();

    let now = u64::try_from(Timestamp::now().as_second()).unwrap();
    let [first, second] = [1, 2].map(|seed| KeySet::from_jwks(&build_jwks(&key(seed)).unwrap()).unwrap());
    let heard = fake.heard.lock().unwrap();
    assert_eq!(first.verify_admin(&heard[0].token, now), Ok(()));
    assert_eq!(second.verify_admin(&heard[0].token, now), Err(AdmissionError::UnknownKey));
    assert_eq!(second.verify_admin(&heard[1].token, now), Ok(()));
}

#[tokio::test]
async fn what_an_older_pod_does_not_know_is_no_error() {
    for code in [404, 405] {
        let fake = FakePod::start([status(code), status(code), status(code), status(code)]).await;
        let (link, pod) = (PodLink::new(signer(1)), fake.pod());
        assert!(!link.update_room(&pod, "crew", "regatta", &update()).await.unwrap());
        assert!(!link.set_draining(&pod, true).await.unwrap());
        link.end_room(&pod, "crew", "regatta", "m-1", EndReason::Ended).await.unwrap();
        assert!(link.open_probe(&pod).await.unwrap_err().is_unknown_to_pod());
    }
}

#[tokio::test]
async fn a_refusal_is_an_error_that_names_pod_and_status() {
    for code in [401, 409, 500, 503] {
        let fake = FakePod::start([status(code), status(code), status(code), status(code)]).await;
        let (link, pod) = (PodLink::new(signer(1)), fake.pod());
        let errors = [
            link.list_rooms(&pod).await.unwrap_err(),
            link.update_room(&pod, "crew", "regatta", &update()).await.unwrap_err(),
            link.set_draining(&pod, false).await.unwrap_err(),
            link.open_probe(&pod).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.reason(), "Refused");
            assert!(!error.is_unknown_to_pod());
            let text = error.to_string();
            assert!(text.contains(&pod.name) && text.contains(&code.to_string()), "{text}");
        }
    }
}

#[tokio::test]
async fn a_hanging_pod_blocks_nothing() {
    let fake = FakePod::start([Answer::Never, Answer::Never]).await;
    let limits = TimeLimits { answer: Duration::from_millis(20), long_poll: Duration::from_millis(30) };
    let (link, pod) = (PodLink::with_limits(signer(1), limits), fake.pod());
    for error in [link.list_rooms(&pod).await.unwrap_err(), link.await_rooms(&pod, 1).await.unwrap_err()] {
        assert_eq!(error.reason(), "Timeout", "{error}");
    }
    assert!(TIME_LIMITS.long_poll > Duration::from_secs(WAIT_SECONDS), "a pod without changes responds in time");
}

#[tokio::test]
async fn answers_that_are_too_long_or_make_no_sense_are_refused() {
    let long = |length| Answer::With(200, vec![b' '; length]);
    let garbage = Answer::With(200, b"{\"rooms\":".to_vec());
    let fake = FakePod::start([long(LARGEST_LIST + 1), garbage.clone(), long(LARGEST_ANSWER + 1), garbage]).await;
    let (link, pod) = (PodLink::new(signer(1)), fake.pod());
    let errors = [
        link.list_rooms(&pod).await.unwrap_err(),
        link.list_rooms(&pod).await.unwrap_err(),
        link.open_probe(&pod).await.unwrap_err(),
        link.open_probe(&pod).await.unwrap_err(),
    ];
    let are_bodies: Vec<_> = errors.iter().map(|error| matches!(error, PodLinkError::Body { .. })).collect();
    assert_eq!(are_bodies, [true, false, true, false]);
    assert!(errors.iter().all(|error| error.reason() == "AnswerInvalid"));
}

#[tokio::test]
async fn a_missing_pod_is_distinguished_from_one_without_an_address() {
    let link = PodLink::new(signer(1));
    let nowhere = MediaPod { ip: None, ..media_pod(&pool(json!({})), 0, PodState::Ready) };
    assert_eq!(link.list_rooms(&nowhere).await.unwrap_err().reason(), "NoAddress");
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let gone = MediaPod { ip: Some("127.0.0.1".into()), http_port: closed.port(), ..nowhere };
    assert_eq!(link.list_rooms(&gone).await.unwrap_err().reason(), "Unreachable");
}

#[test]
fn the_signer_is_shown_without_its_key() {
    let text = format!("{:?}", PodLink::new(signer(1)));
    assert!(text.contains(&key(1).kid) && !text.contains("PRIVATE"), "{text}");
}
