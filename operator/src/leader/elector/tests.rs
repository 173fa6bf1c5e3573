use futures_util::stream;
use prometheus::Registry;
use serde_json::{Value, json};

use super::*;
use crate::fixtures::{ScriptedServer, status};

const GET: &str = "GET /apis/coordination.k8s.io/v1/namespaces/harbor/leases/jetty";
const PUT: &str = "PUT /apis/coordination.k8s.io/v1/namespaces/harbor/leases/jetty";
const POST: &str = "POST /apis/coordination.k8s.io/v1/namespaces/harbor/leases";
/// Short enough for fast tests, with a deadline that no busy machine reaches.
const QUICK: Timing = Timing {
    lease: Duration::from_mins(2),
    renew_deadline: Duration::from_mins(1),
    retry: Duration::from_millis(4),
    request: Duration::from_secs(30),
};
/// Without a renewal during the test.
const PATIENT: Timing = Timing { retry: Duration::from_secs(30), ..QUICK };

/// A request that is expected, and the response to it.
type Exchange = (&'static str, u16, Value);

fn elector(client: Client, timing: Timing) -> LeaderElector {
    let config = LeaseConfig { name: "jetty".into(), identity: "heron".into() };
    LeaderElector::new(client, "harbor", config, timing, LeaseMetrics::register(&Registry::new()).unwrap())
}

fn lease(version: &str, holder: &str) -> Value {
    let spec = json!({"holderIdentity": holder, "leaseDurationSeconds": 10});
    json!({"metadata": {"name": "jetty", "resourceVersion": version}, "spec": spec})
}

fn missing() -> Value {
    status(404, "NotFound", "there is none")
}

async fn win(elector: &mut LeaderElector) -> bool {
    let readiness = Readiness::default();
    elector.win(stream::pending(), &readiness, std::future::pending()).await.unwrap()
}

fn conflict() -> Value {
    status(409, "Conflict", "it changed")
}

/// A leader that took a free lease, and its server, which continues with `script`.
async fn lead(timing: Timing, script: Vec<Exchange>) -> (ScriptedServer, LeaderElector) {
    let start = [(GET, 200, lease("5", "")), (PUT, 200, lease("6", "heron"))];
    let (server, client) = ScriptedServer::start(start.into_iter().chain(script).collect());
    let mut elector = elector(client, timing);
    assert!(win(&mut elector).await);
    (server, elector)
}

/// Keeps the lease until the work has ended, which it has.
async fn keep_to_the_end(elector: LeaderElector) {
    let (ended, work_ended) = oneshot::channel();
    ended.send(()).unwrap();
    elector.keep(work_ended).await.unwrap();
}

/// Keeps the lease until it is lost.
async fn lose(elector: LeaderElector) -> LeaseError {
    let (_ended, work_ended) = oneshot::channel();
    elector.keep(work_ended).await.unwrap_err()
}

#[tokio::test]
async fn the_first_makes_the_lease_and_renews_it() {
    let script = vec![(GET, 404, missing()), (POST, 201, lease("1", "heron")), (PUT, 200, lease("2", "heron"))];
    let (server, client) = ScriptedServer::start(script);
    let mut elector = elector(client, QUICK);
    assert!(win(&mut elector).await);
    assert_eq!(elector.metrics.leading.get(), 1);
    while elector.lease.as_ref().unwrap().metadata.resource_version.as_deref() != Some("2") {
        let pause = elector.step().await.unwrap();
        tokio::time::sleep(pause).await;
    }
    server.assert_finished();
}

#[tokio::test]
async fn a_lease_is_given_back_when_the_work_has_ended() {
    let script = vec![
        (PUT, 409, status(409, "Conflict", "another client added a label")),
        (GET, 200, lease("7", "heron")),
        (PUT, 200, lease("8", "")),
    ];
    let (server, elector) = lead(PATIENT, script).await;
    let leading = elector.metrics.leading.clone();
    keep_to_the_end(elector).await;
    assert_eq!(leading.get(), 0);
    server.assert_finished();
}

#[tokio::test]
async fn a_lease_that_is_not_ours_any_more_is_not_given_back() {
    let (server, elector) = lead(PATIENT, vec![(PUT, 409, conflict()), (GET, 200, lease("9", "egret"))]).await;
    keep_to_the_end(elector).await;
    server.assert_finished();
}

#[tokio::test]
async fn a_lease_that_was_given_back_is_taken_at_once() {
    let (server, _) = lead(QUICK, vec![]).await;
    server.assert_finished();
}

#[tokio::test]
async fn a_rejected_candidate_reads_again_and_stands_by() {
    let (server, client) = ScriptedServer::start(vec![
        (GET, 200, lease("5", "")),
        (PUT, 409, conflict()),
        (GET, 200, lease("6", "egret")),
        (GET, 200, lease("7", "")),
        (PUT, 200, lease("8", "heron")),
    ]);
    assert!(win(&mut elector(client, QUICK)).await);
    server.assert_finished();
}

#[tokio::test]
async fn two_that_make_the_lease_at_once_do_not_both_lead() {
    let (server, client) = ScriptedServer::start(vec![
        (GET, 404, missing()),
        (POST, 409, status(409, "AlreadyExists", "it is there")),
        (GET, 200, lease("6", "egret")),
        (GET, 200, lease("7", "")),
        (PUT, 200, lease("8", "heron")),
    ]);
    assert!(win(&mut elector(client, QUICK)).await);
    server.assert_finished();
}

#[tokio::test]
async fn a_write_without_a_response_is_verified_before_it_counts() {
    let (server, client) = ScriptedServer::start(vec![
        (GET, 200, lease("5", "")),
        (PUT, 504, status(504, "Timeout", "who knows")),
        (GET, 200, lease("6", "heron")),
        (PUT, 200, lease("7", "heron")),
    ]);
    assert!(win(&mut elector(client, QUICK)).await, "it was carried out, but only the answered renewal counts");
    server.assert_finished();
}

#[tokio::test]
async fn a_holder_that_finds_another_in_its_place_ends() {
    let (server, elector) = lead(QUICK, vec![(PUT, 409, conflict()), (GET, 200, lease("9", "egret"))]).await;
    let leading = elector.metrics.leading.clone();
    let error = lose(elector).await;
    assert!(matches!(&error, LeaseError::Taken { holder, .. } if holder == "egret"), "{error}");
    assert_eq!(leading.get(), 0);
    server.assert_finished();
}

#[tokio::test]
async fn a_lease_that_is_deleted_ends_its_holder() {
    let (server, elector) = lead(QUICK, vec![(PUT, 404, missing()), (GET, 404, missing())]).await;
    let error = lose(elector).await;
    assert!(matches!(error, LeaseError::Deleted { .. }), "{error}");
    server.assert_finished();
}

/// A client that gets only the first `answers`.
fn client_that_falls_silent(answers: Vec<Value>) -> Client {
    let answers = std::sync::Arc::new(std::sync::Mutex::new(std::collections::VecDeque::from(answers)));
    let service = tower::service_fn(move |_: axum::http::Request<kube::client::Body>| {
        let next = answers.lock().unwrap().pop_front();
        async move {
            let Some(answer) = next else { return std::future::pending().await };
            let body = kube::client::Body::from(serde_json::to_vec(&answer).unwrap());
            axum::http::Response::builder().status(200).body(body)
        }
    });
    Client::new(service, "harbor")
}

#[tokio::test]
async fn a_holder_that_is_not_answered_ends_in_the_middle_of_a_request() {
    let client = client_that_falls_silent(vec![lease("5", ""), lease("6", "heron")]);
    // Long requests: only the deadline can end this.
    let timing = Timing { renew_deadline: Duration::from_secs(1), request: Duration::from_mins(10), ..QUICK };
    let mut elector = elector(client, timing);
    assert!(win(&mut elector).await);
    let error = lose(elector).await;
    assert!(matches!(error, LeaseError::Late { .. }), "{error}");
}

#[tokio::test]
async fn a_request_without_an_answer_ends() {
    let client = client_that_falls_silent(vec![]);
    let elector = &mut elector(client, Timing { request: Duration::from_millis(1), ..QUICK });
    let error = elector.read().await.unwrap_err();
    assert!(matches!(error, LeaseError::NoAnswer { .. }), "{error}");
    assert_eq!(elector.step().await.unwrap(), QUICK.retry / 4, "and is tried again after a pause");
}

#[tokio::test]
async fn a_standby_is_ready_and_ends_when_asked_to() {
    let (server, client) = ScriptedServer::start(vec![(GET, 200, lease("5", "egret"))]);
    let readiness = Readiness::default();
    let mut elector = elector(client, Timing { retry: Duration::from_mins(1), ..QUICK });
    let stop = async {
        while !readiness.is_standby() {
            tokio::task::yield_now().await;
        }
    };
    assert!(!elector.win(stream::pending(), &readiness, stop).await.unwrap());
    assert_eq!(elector.metrics.leading.get(), 0);
    server.assert_finished();
}

#[tokio::test]
async fn whose_work_ended_badly_does_not_give_the_lease_back() {
    let (server, elector) = lead(PATIENT, vec![]).await;
    let (ended, work_ended) = oneshot::channel();
    drop(ended);
    elector.keep(work_ended).await.unwrap();
    server.assert_finished();
}

#[tokio::test]
async fn a_change_seen_by_the_watch_is_read_at_once() {
    let (server, client) = ScriptedServer::start(vec![
        (GET, 200, lease("5", "egret")),
        (GET, 200, lease("6", "")),
        (PUT, 200, lease("7", "heron")),
    ]);
    let mut elector = elector(client, Timing { retry: Duration::from_mins(1), ..QUICK });
    let changes = stream::iter([()]).chain(stream::pending());
    assert!(elector.win(changes, &Readiness::default(), std::future::pending()).await.unwrap());
    server.assert_finished();
}
