use convene_crds::reason;
use serde_json::{Value, json};

use super::*;
use crate::{
    fixtures::{ScriptedServer, context, pool, pool_object, status},
    model::ports::PortRange,
    pool::plan::{Announcement, PodDeletion},
};

const PODS: &str = "/api/v1/namespaces/harbor/pods";

fn plan() -> PoolPlan {
    let deletion =
        PodDeletion { name: "old".into(), uid: "old-uid".into(), why: Reason::new(reason::POD_REPLACED, "ended") };
    PoolPlan {
        create: vec![NewPod { name: "new".into(), block: PortRange::new(41000, 41000).unwrap() }],
        delete: vec![deletion],
        announce: vec![Announcement {
            name: "announced".into(),
            uid: "announced-uid".into(),
            addresses: vec!["203.0.113.7".into()],
            ports: String::new(),
        }],
        ..PoolPlan::default()
    }
}

fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}})
}

async fn carry_out(script: Vec<(&str, u16, Value)>) -> (Applied, Option<Error>) {
    let (server, client) = ScriptedServer::start(script);
    let result = apply_plan(&context(&client), &pool(json!({})), plan()).await;
    server.assert_finished();
    result
}

#[tokio::test]
async fn a_plan_is_carried_out_in_order_with_nothing_more() {
    let (reported, old) = (format!("PATCH {PODS}/announced"), format!("DELETE {PODS}/old"));
    let script = vec![
        (reported.as_str(), 200, pod("announced")),
        (old.as_str(), 200, pod("old")),
        ("POST /api/v1/namespaces/harbor/pods", 201, pod("new")),
    ];
    let (applied, failure) = carry_out(script).await;
    assert!(failure.is_none(), "{failure:?}");
    assert_eq!((applied.created.len(), applied.deleted.len(), applied.refused), (1, 1, None));
}

#[tokio::test]
async fn one_failure_does_not_stop_the_others() {
    let (reported, old) = (format!("PATCH {PODS}/announced"), format!("DELETE {PODS}/old"));
    let down = status(500, "InternalError", "etcd is away");
    let quota = status(403, "Forbidden", "exceeded quota: crew");
    let script = vec![
        (reported.as_str(), 500, down),
        (old.as_str(), 404, status(404, "NotFound", "")),
        ("POST /api/v1/namespaces/harbor/pods", 403, quota),
    ];
    let (applied, failure) = carry_out(script).await;
    assert_eq!(failure.unwrap().reason(), "AddressNotAnnounced");
    assert_eq!(applied.deleted.len(), 1);
    let refused = applied.refused.unwrap();
    assert_eq!(refused.code, "PodRefused");
    assert!(refused.message.contains("exceeded quota"), "{}", refused.message);
}

/// Its block may be in use: found by the simulation, where such a pod vanished with its pool before it was ever listed.
#[tokio::test]
async fn a_pod_whose_answer_was_lost_has_its_block_and_one_that_was_refused_has_none() {
    for (code, given) in [(500, 1), (504, 1), (429, 0), (403, 0)] {
        let (reported, old) = (format!("PATCH {PODS}/announced"), format!("DELETE {PODS}/old"));
        let script = vec![
            (reported.as_str(), 200, pod("announced")),
            (old.as_str(), 200, pod("old")),
            ("POST /api/v1/namespaces/harbor/pods", code, status(code, "Trouble", "")),
        ];
        let (applied, _) = carry_out(script).await;
        assert_eq!((applied.created.len(), applied.given().count()), (0, given), "{code}");
    }
}

#[tokio::test]
async fn a_status_that_says_nothing_new_is_not_sent() {
    let (server, client) = ScriptedServer::start(vec![]);
    let mut object = pool_object(json!({}));
    object.status = Some(MediaPoolStatus::default());
    let outcome = apply_status(&context(&client), &object, &MediaPoolStatus::default(), &[]).await.unwrap();
    assert_eq!(outcome, Outcome::Skipped);
    server.assert_finished();
}
