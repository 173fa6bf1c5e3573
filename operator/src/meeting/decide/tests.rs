use convene_crds::names::ANNOTATION_DRAINING;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{core::DeserializeGuard, runtime::watcher::Event};
use serde_json::json;

use super::*;
use crate::fixtures::{ScriptedServer, context, meeting_object, pod_object, pool_object};

/// A context with a pool and the pod `a`, which is draining.
fn scene() -> Context {
    let (_, client) = ScriptedServer::start(vec![]);
    let context = context(&client);
    let pool = pool_object(json!({"capacity": {"participants": 40, "meetings": 10}}));
    context.cache.on_pool_event(&Event::Apply(DeserializeGuard(Ok(pool))));
    let draining = json!({(ANNOTATION_DRAINING): format!("2030-01-01T00:00:00Z {}", reason::CORDONED)});
    add_pod(&context, &json!({"name": "a", "uid": "a", "annotations": draining}));
    context
}

fn add_pod(context: &Context, metadata: &serde_json::Value) {
    context.cache.on_pod_event(&Event::Apply(pod_object(json!({ "metadata": metadata }))));
}

/// A meeting with participants on the pod `a`.
fn add_meeting(context: &Context, uid: &str, participants: u32) -> Meeting {
    let status = json!({"pod": {"name": "a", "uid": "a"}, "participants": participants});
    let mut meeting = meeting_object(json!({"pool": "lagoon", "maxParticipants": 20}), status);
    (meeting.metadata.name, meeting.metadata.uid) = (Some(uid.into()), Some(uid.into()));
    context.cache.on_meeting_event(&Event::Apply(DeserializeGuard(Ok(meeting.clone()))));
    meeting
}

/// Whether the meeting moves; `None` if nothing was decided.
fn moves(context: &Context, meeting: &Meeting) -> Option<bool> {
    let decision = decide(meeting, context, Timestamp::UNIX_EPOCH)?;
    assert_eq!(matches!(decision.step, MoveStep::Carry { .. }), is_paced(&decision.plan));
    Some(is_paced(&decision.plan))
}

fn is_open(context: &Context) -> bool {
    context.cache.state().pace.is_open("lagoon", context.moment())
}

#[tokio::test(start_paused = true)]
async fn the_pace_of_a_drain_is_taken_by_meetings_that_move_and_not_by_those_that_have_no_place() {
    let context = scene();
    let both = ["m1", "m2"].map(|uid| add_meeting(&context, uid, 15));
    assert_eq!(moves(&context, &both[0]), Some(false), "the pace is not known yet");
    context.cache.state().pace.set_rate("lagoon", 5);
    assert_eq!(both.each_ref().map(|meeting| moves(&context, meeting)), [Some(false); 2]);
    assert!(is_open(&context), "none had a place");
    add_pod(&context, &json!({"name": "b", "uid": "b"}));
    assert_eq!(both.each_ref().map(|meeting| moves(&context, meeting)), [Some(true), Some(false)]);
    assert!(!is_open(&context));
    tokio::time::advance(std::time::Duration::from_secs(3)).await;
    assert_eq!(moves(&context, &both[1]), Some(true));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_decided_while_others_wait_for_the_pods() {
    let context = scene();
    add_pod(&context, &json!({"name": "b", "uid": "b"}));
    context.cache.state().pace.set_rate("lagoon", 5);
    let meeting = add_meeting(&context, "m1", 15);
    let held = [context.slots.take(&["b"]), context.slots.take(&["b"])];
    assert_eq!(moves(&context, &meeting), None);
    assert_eq!(context.cache.state().ledger.pod_of(&meeting).map(|pod| pod.uid.clone()), Some("a".into()));
    assert!(is_open(&context));
    drop(held);
    assert_eq!(moves(&context, &meeting), Some(true));
}

#[tokio::test(start_paused = true)]
async fn participants_who_are_on_their_way_take_their_place_on_the_new_pod() {
    let context = scene();
    add_pod(&context, &json!({"name": "b", "uid": "b"}));
    context.cache.state().pace.set_rate("lagoon", 1_000);
    let meetings = ["m1", "m2", "m3"].map(|uid| add_meeting(&context, uid, 15));
    let moved = meetings.each_ref().map(|meeting| moves(&context, meeting));
    assert_eq!(moved, [Some(true), Some(true), Some(false)], "30 and 20 more would be too many for 40");
}

#[tokio::test(start_paused = true)]
async fn a_meeting_leaves_an_overfull_pod_at_the_pace_of_a_drain_if_its_status_says_that_it_is_there() {
    let (_, client) = ScriptedServer::start(vec![]);
    let context = context(&client);
    let spec = json!({"capacity": {"participants": 40, "meetings": 10}, "probeMedia": false});
    context.cache.on_pool_event(&Event::Apply(DeserializeGuard(Ok(pool_object(spec.clone())))));
    for name in ["a", "b"] {
        let labels = json!({"convene.dev/revision": crate::fixtures::pool(spec.clone()).revision});
        add_pod(&context, &json!({"name": name, "uid": name, "labels": labels}));
    }
    let meetings = ["m1", "m2", "m3"].map(|uid| add_meeting(&context, uid, 12));
    report(&context, "a", &[("m1", 13), ("m2", 16), ("m3", 18)]);
    report(&context, "b", &[]);
    let planned = || meetings.each_ref().map(|meeting| moves(&context, meeting));
    assert_eq!(planned(), [Some(false); 3], "the pace is not known yet");
    context.cache.state().pace.set_rate("lagoon", 5);
    let mut unknown = meetings[0].clone();
    unknown.status.as_mut().unwrap().participants = Some(0);
    assert_eq!(moves(&context, &unknown), Some(false), "its participants would not move with it");
    let relief = decide(&meetings[0], &context, Timestamp::UNIX_EPOCH).unwrap().step;
    let MoveStep::Carry { record, replaced: None } = &relief else { panic!("{relief:?}") };
    assert_eq!((&*record.from.uid, &*record.to.uid, &*record.reason), ("a", "b", "Relief"));
    assert!(!is_open(&context));
    tokio::time::advance(std::time::Duration::from_mins(1)).await;
    assert_eq!(
        [1, 2].map(|index| moves(&context, &meetings[index])),
        [Some(false); 2],
        "the pod is no longer overfull"
    );
}

#[tokio::test(start_paused = true)]
async fn a_place_that_was_decided_is_given_up_when_the_meeting_gets_none() {
    let context = scene();
    add_pod(&context, &json!({"name": "b", "uid": "b"}));
    let mut meeting = add_meeting(&context, "m1", 0);
    // It is uncertain whether this was written.
    let place = convene_crds::AssignedPod { uid: "b".into(), ..convene_crds::AssignedPod::default() };
    context.cache.state().ledger.assign("m1", &place);
    meeting.spec.ends_at = Some(Time(Timestamp::UNIX_EPOCH));
    assert_eq!(moves(&context, &meeting), Some(false));
    let meetings = ["a", "b"].map(|pod| context.cache.state().ledger.load_of(pod).meetings);
    assert_eq!(meetings, [1, 0], "the cache does not show the end yet");
}

fn report(context: &Context, pod: &str, rooms: &[(&str, u32)]) {
    let room = |(uid, participants): &(&str, u32)| {
        ((*uid).to_owned(), crate::model::ledger::Occupancy { participants: *participants, is_recorded: false })
    };
    let view = context.cache.state().views.pods().find(|view| view.uid == pod).cloned().unwrap();
    context.cache.on_room_report(&view, &rooms.iter().map(room).collect());
}
