use serde_json::{Value, json};

use super::*;
use crate::fixtures::{ScriptedServer, meeting_object, pool_object, status};

const POOLS: &str = "/apis/convene.dev/v1alpha1/namespaces/harbor/mediapools";
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/harbor/leases/heron";

fn config(seconds: u64) -> UninstallConfig {
    let timeout = Duration::from_secs(seconds);
    UninstallConfig { namespace: "harbor".into(), lease: "heron".into(), timeout, drains: true }
}

fn list_of(kind: &str, items: &[Value]) -> Value {
    json!({"apiVersion": "convene.dev/v1alpha1", "kind": format!("{kind}List"), "metadata": {}, "items": items})
}

fn pools(items: &[Value]) -> (String, u16, Value) {
    (format!("GET {POOLS}"), 200, list_of("MediaPool", items))
}

fn meetings(items: &[Value]) -> (String, u16, Value) {
    ("GET /apis/convene.dev/v1alpha1/meetings".to_owned(), 200, list_of("Meeting", items))
}

fn pool(is_deleted: bool) -> Value {
    let mut pool = serde_json::to_value(pool_object(json!({"drain": {"deadlineSeconds": 10}}))).unwrap();
    pool["metadata"]["finalizers"] = json!(["convene.dev/drain"]);
    if is_deleted {
        pool["metadata"]["deletionTimestamp"] = json!("2030-01-01T10:00:00Z");
    }
    pool
}

fn ready_meeting() -> Value {
    let pod = json!({"name": "media-lagoon-41000", "uid": "p1"});
    serde_json::to_value(meeting_object(json!({"pool": "lagoon"}), json!({"phase": "Ready", "pod": pod}))).unwrap()
}

fn lease(version: u32) -> (String, u16, Value) {
    let metadata = json!({"name": "heron", "resourceVersion": version.to_string()});
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata});
    (format!("GET {LEASE}"), 200, lease)
}

const QUICK: Pace = Pace { period: Duration::from_millis(1), lease: Duration::from_mins(1) };

async fn play(config: UninstallConfig, pace: Pace, script: Vec<(String, u16, Value)>) -> Result<(), UninstallError> {
    let script = script.iter().map(|(request, code, answer)| (request.as_str(), *code, answer.clone())).collect();
    let (server, client) = ScriptedServer::start(script);
    let result = uninstall_at(client, config, pace).await;
    server.assert_finished();
    result
}

#[tokio::test]
async fn pools_are_deleted_and_waited_for_and_then_meetings_are_marked() {
    let reported = "PATCH /apis/convene.dev/v1alpha1/namespaces/crew/meetings/regatta/status";
    let script = vec![
        pools(&[pool(false)]),
        lease(1),
        (format!("DELETE {POOLS}/lagoon"), 200, pool(true)),
        pools(&[pool(true)]),
        lease(2),
        // The API server is briefly unavailable.
        (format!("GET {POOLS}"), 500, status(500, "InternalError", "etcd is away")),
        pools(&[]),
        meetings(&[ready_meeting()]),
        (reported.to_owned(), 200, ready_meeting()),
        pools(&[]),
        meetings(&[]),
    ];
    play(config(240), QUICK, script).await.unwrap();
}

#[tokio::test]
async fn it_ends_with_an_error_that_says_what_is_left() {
    let script = vec![pools(&[pool(true)]), lease(1)];
    let error = play(config(0), QUICK, script).await.unwrap_err();
    assert_eq!(error.reason(), "Deadline");
    assert!(error.to_string().contains("pool \"lagoon\": being deleted"), "{error}");
}

#[tokio::test]
async fn without_renewals_of_the_lease_pools_are_released() {
    let look = |answer: &dyn Fn(u32) -> (String, u16, Value)| {
        vec![
            pools(&[pool(true)]),
            answer(7),
            (format!("PATCH {POOLS}/lagoon"), 200, pool(true)),
            pools(&[]),
            meetings(&[]),
        ]
    };
    let no_lease = |_| (format!("GET {LEASE}"), 404, status(404, "NotFound", ""));
    for script in [look(&lease), look(&no_lease)] {
        play(config(240), Pace { lease: Duration::ZERO, ..QUICK }, script).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_drain_and_without_definitions_nothing_is_waited_for() {
    let at_once = UninstallConfig { drains: false, ..config(240) };
    let script = vec![
        pools(&[pool(true)]),
        (format!("PATCH {POOLS}/lagoon"), 200, pool(true)),
        (format!("GET {POOLS}"), 404, status(404, "NotFound", "")),
        ("GET /apis/convene.dev/v1alpha1/meetings".to_owned(), 404, status(404, "NotFound", "")),
    ];
    play(at_once, QUICK, script).await.unwrap();
}
