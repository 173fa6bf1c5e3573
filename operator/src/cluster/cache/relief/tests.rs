use std::collections::HashMap;

use convene_crds::{Meeting, MeetingMove, MeetingMovePhase, MovePod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{core::DeserializeGuard, runtime::watcher::Event};
use serde_json::json;

use super::*;
use crate::{
    cluster::cache::ClusterCache,
    fixtures::{ScriptedServer, defaults, meeting_object, pod_object, pool, pool_object},
    model::ledger::Occupancy,
};

fn spec() -> serde_json::Value {
    json!({"capacity": {"participants": 10, "meetings": 10}, "probeMedia": false})
}

/// A pool with the pods `a` and `b`. The statuses of the meetings on `a` say that they have 6 participants each.
fn new_cache() -> Arc<ClusterCache> {
    let (_, client) = ScriptedServer::start(vec![]);
    let cache = ClusterCache::new(client, "harbor".into(), defaults()).0;
    cache.on_pool_event(&Event::Apply(DeserializeGuard(Ok(pool_object(spec())))));
    for name in ["a", "b"] {
        let labels = json!({"convene.dev/revision": pool(spec()).revision});
        let metadata = json!({"name": name, "uid": name, "labels": labels});
        cache.on_pod_event(&Event::Apply(pod_object(json!({ "metadata": metadata }))));
    }
    for uid in ["m1", "m2"] {
        cache.on_meeting_event(&Event::Apply(DeserializeGuard(Ok(meeting(uid, "a", None)))));
    }
    cache
}

fn meeting(uid: &str, pod: &str, record: Option<&MeetingMove>) -> Meeting {
    let status = json!({"pod": {"name": pod, "uid": pod}, "participants": 6, "move": record});
    let mut meeting = meeting_object(json!({"pool": "lagoon", "maxParticipants": 8}), status);
    (meeting.metadata.name, meeting.metadata.uid) = (Some(uid.into()), Some(uid.into()));
    meeting
}

fn report(cache: &ClusterCache, pod: &str, rooms: &[(&str, u32)]) {
    let room = |(uid, participants): &(&str, u32)| {
        ((*uid).to_owned(), Occupancy { participants: *participants, is_recorded: false })
    };
    let rooms: HashMap<_, _> = rooms.iter().map(room).collect();
    let view = cache.state().views.pods().find(|view| view.uid == pod).cloned().unwrap();
    cache.on_room_report(&view, &rooms);
}

fn relief(cache: &ClusterCache) -> Option<(String, String)> {
    relief_at(cache, Timestamp::now())
}

fn relief_at(cache: &ClusterCache, now: Timestamp) -> Option<(String, String)> {
    let relief = cache.state().find_relief(&pool(spec()), "a", now)?;
    Some((relief.uid.to_string(), relief.to.uid.clone()))
}

fn to_b(uid: &str) -> (String, String) {
    (uid.to_owned(), "b".to_owned())
}

#[tokio::test]
async fn a_pod_is_relieved_once_both_pods_have_reported() {
    let cache = new_cache();
    report(&cache, "b", &[]);
    assert_eq!(relief(&cache), None, "what the statuses say may be old");
    report(&cache, "a", &[("m1", 6), ("m2", 4)]);
    assert_eq!(relief(&cache), None, "it is not overfull");
    report(&cache, "a", &[("m1", 6), ("m2", 5)]);
    assert_eq!(relief(&cache), Some(to_b("m2")));

    let cache = new_cache();
    report(&cache, "a", &[("m1", 6), ("m2", 5)]);
    assert_eq!(relief(&cache), None, "the other pod has not reported");
}

#[tokio::test]
async fn participants_that_are_still_on_a_pod_count_there_and_a_pod_that_is_to_be_deleted_takes_none() {
    let cache = new_cache();
    report(&cache, "a", &[("m1", 6), ("m2", 5)]);
    report(&cache, "b", &[("m3", 3)]);
    assert_eq!(relief(&cache), None, "a meeting that has left");
    report(&cache, "b", &[("m3", 2)]);
    assert_eq!(relief(&cache), Some(to_b("m2")));
    cache.state().ledger.mark_for_deletion("b");
    assert_eq!(relief(&cache), None);
}

fn record(from: &str, to: &str, phase: MeetingMovePhase, since: Timestamp) -> MeetingMove {
    let pod = |uid: &str| MovePod { name: uid.into(), uid: uid.into() };
    let (reason, message) = ("Relief".to_owned(), String::new());
    MeetingMove { from: pod(from), to: pod(to), since: Time(since), phase, reason, message }
}

/// What another operator has written counts like what this one has.
#[tokio::test]
async fn a_pod_has_one_move_at_a_time_and_rests_after_one_that_failed() {
    use MeetingMovePhase::{Done, Fallback, Moving};
    let now = Timestamp::now();
    let ago = |minutes: i64| now - jiff::SignedDuration::from_mins(minutes);
    let cases = [
        ("to the pod", "b", "a", Moving, ago(0), "a", None),
        ("from the pod", "a", "b", Moving, ago(0), "b", None),
        ("failed", "a", "b", Fallback, ago(4), "a", None),
        ("failed, and the meeting has left", "a", "b", Fallback, ago(4), "b", None),
        ("failed long ago", "a", "b", Fallback, ago(6), "a", Some(to_b("m3"))),
        ("failed from another pod", "b", "a", Fallback, ago(4), "a", Some(to_b("m1"))),
        ("a meeting has just come", "b", "a", Done, ago(4), "a", Some(to_b("m1"))),
    ];
    for (case, from, to, phase, since, pod, wanted) in cases {
        let cache = new_cache();
        let last = meeting("m3", pod, Some(&record(from, to, phase, since)));
        cache.on_meeting_event(&Event::Apply(DeserializeGuard(Ok(last))));
        report(&cache, "a", &[("m1", 6), ("m2", 5), ("m3", 7)]);
        report(&cache, "b", &[]);
        assert_eq!(relief_at(&cache, now), wanted, "{case}");
    }
}
