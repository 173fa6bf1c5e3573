use convene_crds::AssignedPod;
use serde_json::{Value, json};

use super::*;
use crate::{
    fixtures::{media_pod, meeting_object, pool},
    meeting::plan::plan_refused,
    model::media_pod::PodState,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn ready_plan() -> MeetingPlan {
    let pod = media_pod(&pool(json!({})), 0, PodState::Ready).to_assigned();
    MeetingPlan {
        accepted: ConditionValue::yes(reason::ACCEPTED, "a"),
        assigned: ConditionValue::yes(reason::ASSIGNED, "b"),
        reachable: ConditionValue::yes(reason::MEDIA_REACHABLE, "d"),
        ready: ConditionValue::yes(reason::POD_READY, "c"),
        placement: Placement::New(pod),
        sites: Vec::new(),
        unlinked: Vec::new(),
        has_spare_site: false,
        left: None,
        wants_pod: false,
        is_draining: false,
        ended_at: None,
    }
}

fn participants(participants: u32) -> Occupancy {
    Occupancy { participants, ..Occupancy::default() }
}

fn reasons(notes: &[Note]) -> Vec<&str> {
    notes.iter().map(|note| note.reason).collect()
}

#[test]
fn a_ready_meeting_reports_everything() {
    let meeting = meeting_object(json!({}), Value::Null);
    let status = compute_status(&meeting, &ready_plan(), "https://meet.test/", participants(4), at(60));
    assert_eq!(
        serde_json::to_value(&status).unwrap(),
        json!({
            "phase": "Ready",
            "joinUrl": "https://meet.test/m/crew/regatta",
            "participants": 4,
            "observedGeneration": 2,
            "pod": {
                "name": "media-lagoon-41000", "uid": "media-lagoon-41000-uid", "node": "pier-1", "ip": "10.9.8.7", "port": 8080,
                "addresses": ["203.0.113.7"], "rtcPorts": "41000-41003",
            },
            "conditions": [
                {"type": "Accepted", "status": "True", "reason": "Accepted", "message": "a", "observedGeneration": 2, "lastTransitionTime": "1970-01-01T00:01:00Z"},
                {"type": "Assigned", "status": "True", "reason": "Assigned", "message": "b", "observedGeneration": 2, "lastTransitionTime": "1970-01-01T00:01:00Z"},
                {"type": "MediaReachable", "status": "True", "reason": "MediaReachable", "message": "d", "observedGeneration": 2, "lastTransitionTime": "1970-01-01T00:01:00Z"},
                {"type": "Ready", "status": "True", "reason": "PodReady", "message": "c", "observedGeneration": 2, "lastTransitionTime": "1970-01-01T00:01:00Z"},
            ],
        })
    );
}

#[test]
fn nothing_new_is_not_written_however_late_it_is() {
    let meeting = meeting_object(json!({}), Value::Null);
    let status = compute_status(&meeting, &ready_plan(), "https://meet.test", participants(4), at(60));
    assert!(!is_same(None, &status));
    let written = meeting_object(json!({}), serde_json::to_value(&status).unwrap());
    let later = compute_status(&written, &ready_plan(), "https://meet.test", participants(4), at(99));
    assert!(is_same(written.status.as_ref(), &later));
    assert!(reasons(&compute_notes(&written, &ready_plan(), &later)).is_empty());
    let more = compute_status(&written, &ready_plan(), "https://meet.test", participants(5), at(99));
    assert!(!is_same(written.status.as_ref(), &more));
}

#[test]
fn phases_follow_the_conditions() {
    let because = |code| Reason::new(code, "");
    let ready = ready_plan();
    let starting = MeetingPlan { ready: ConditionValue::no(reason::POD_NOT_READY, ""), ..ready_plan() };
    let nowhere = MeetingPlan { placement: Placement::Nowhere, ..starting.clone() };
    let denial = |reason| MeetingPlan { accepted: ready_plan().accepted, ..plan_refused(&because(reason)) };
    let cases = [
        (ready, MeetingPhase::Ready),
        (starting, MeetingPhase::Starting),
        (nowhere, MeetingPhase::Pending),
        (plan_refused(&because(reason::POOL_NOT_FOUND)), MeetingPhase::Pending),
        (plan_refused(&because(reason::MEETING_TOO_LARGE)), MeetingPhase::Failed),
        (plan_refused(&because(reason::NAMESPACE_NOT_ALLOWED)), MeetingPhase::Failed),
        (denial(reason::NAMESPACE_SHARE_USED), MeetingPhase::Pending),
        (denial(reason::DEDICATED_NOT_ALLOWED), MeetingPhase::Pending),
        (MeetingPlan { is_draining: true, ..ready_plan() }, MeetingPhase::Draining),
        (MeetingPlan { ended_at: Some(at(1)), ..plan_refused(&because(reason::ENDED)) }, MeetingPhase::Ended),
        (MeetingPlan { ready: ConditionValue::no(reason::SCHEDULED, ""), ..ready_plan() }, MeetingPhase::Pending),
    ];
    for (plan, phase) in cases {
        assert_eq!(compute_phase(&plan, 3), phase, "{plan:?}");
    }
}

#[test]
fn each_cause_is_reported_once() {
    let new = meeting_object(json!({}), Value::Null);
    assert_eq!(reasons(&compute_notes(&new, &ready_plan(), &MeetingStatus::default())), ["Assigned"]);
    let refused = plan_refused(&Reason::new(reason::POOL_NOT_FOUND, "no pool"));
    let notes = compute_notes(&new, &refused, &MeetingStatus::default());
    assert_eq!(reasons(&notes), ["PoolNotFound"]);
    assert!(notes[0].is_warning);
}

#[test]
fn a_move_is_reported_as_a_move() {
    let meeting = meeting_object(json!({}), Value::Null);
    let status = compute_status(&meeting, &ready_plan(), "https://meet.test", participants(0), at(60));
    let written = meeting_object(json!({}), serde_json::to_value(&status).unwrap());
    let moved = MeetingPlan { left: Some(Reason::new(reason::POD_GONE, "pod \"x\" was deleted")), ..ready_plan() };
    let notes = compute_notes(&written, &moved, &status);
    assert_eq!(reasons(&notes), ["Reassigned"]);
    assert_eq!(notes[0].message, "moved to media pod \"media-lagoon-41000\": pod \"x\" was deleted");
}

#[test]
fn recording_is_reported_at_once_and_by_an_event() {
    let pod = media_pod(&pool(json!({})), 0, PodState::Ready).to_assigned();
    let kept = MeetingPlan { placement: Placement::Kept(pod), ..ready_plan() };
    let recorded = Occupancy { participants: 4, is_recorded: true };
    let status_of = |meeting: &Meeting, plan: &MeetingPlan, occupancy| {
        compute_status(meeting, plan, "https://meet.test", occupancy, at(60))
    };
    let plain = status_of(&meeting_object(json!({}), Value::Null), &kept, participants(4));
    assert_eq!(serde_json::to_value(&plain).unwrap().get("recording"), None);

    let before = meeting_object(json!({}), serde_json::to_value(&plain).unwrap());
    let now = status_of(&before, &kept, recorded);
    assert!(now.recording && !is_same(before.status.as_ref(), &now));
    assert!(!differs_in_participants_only(before.status.as_ref(), &now), "it does not wait for its turn");
    assert_eq!(reasons(&compute_notes(&before, &kept, &now)), ["RecordingStarted"]);

    let after = meeting_object(json!({}), serde_json::to_value(&now).unwrap());
    assert!(reasons(&compute_notes(&after, &kept, &now)).is_empty());
    let crashed = MeetingPlan { ready: ConditionValue::no(reason::POD_CRASHING, ""), ..kept.clone() };
    let gone = MeetingPlan { placement: Placement::Nowhere, ..kept.clone() };
    let cases = [
        ("recording stopped", &kept, participants(4)),
        ("its pod's process has ended", &crashed, recorded),
        ("it has moved", &ready_plan(), recorded),
        ("it no longer has a pod", &gone, recorded),
    ];
    for (name, plan, occupancy) in cases {
        let status = status_of(&after, plan, occupancy);
        assert!(!status.recording && !differs_in_participants_only(after.status.as_ref(), &status), "{name}");
        assert!(reasons(&compute_notes(&after, plan, &status)).contains(&"RecordingStopped"), "{name}");
    }
}

fn record(phase: &str) -> Value {
    let pod = |name: &str| json!({"name": name, "uid": format!("{name}-uid")});
    let since = "2030-01-01T10:00:00Z";
    json!({"from": pod("media-lagoon-41004"), "to": pod("media-lagoon-41000"), "since": since, "phase": phase,
        "reason": "PodDraining", "message": "media pod \"media-lagoon-41004\" is being drained"})
}

/// Notes of a write in which the move goes from one phase to another. `place`: the pod in the status.
fn notes_of_move(before: Option<&str>, after: Value, plan: &MeetingPlan, place: &str) -> Vec<Note> {
    let written = compute_status(&meeting_object(json!({}), Value::Null), plan, "", participants(3), at(60));
    let status = |record: Option<Value>| {
        let last_move = record.map(|record| serde_json::from_value(record).unwrap());
        let mut status = MeetingStatus { last_move, ..written.clone() };
        if let Some(pod) = &mut status.pod {
            pod.uid = place.into();
        }
        status
    };
    let old = serde_json::to_value(status(before.map(record))).unwrap();
    compute_notes(&meeting_object(json!({}), old), plan, &status(Some(after)))
}

#[test]
fn a_move_with_participants_has_an_event_for_its_begin_and_one_for_its_end() {
    let (old, new) = ("media-lagoon-41004-uid", "media-lagoon-41000-uid");
    let left = Some(Reason::new(reason::POD_DRAINING, "it drains"));
    let moved = MeetingPlan { left, ..ready_plan() };
    let kept = MeetingPlan { placement: Placement::Kept(AssignedPod::default()), ..ready_plan() };
    let cases: [(_, _, _, _, &[(&str, bool)]); 7] = [
        (None, "Copying", &kept, old, &[("Moving", false)]),
        (Some("Copying"), "Copying", &kept, old, &[]),
        (Some("Copying"), "Moving", &moved, new, &[]),
        (Some("Moving"), "Moving", &kept, new, &[]),
        (Some("Moving"), "Done", &kept, new, &[("Moved", false)]),
        (Some("Done"), "Done", &kept, new, &[]),
        (Some("Copying"), "Fallback", &moved, new, &[("MoveFellBack", true)]),
    ];
    for (before, after, plan, place, wanted) in cases {
        let notes = notes_of_move(before, record(after), plan, place);
        let found: Vec<_> = notes.iter().map(|note| (note.reason, note.is_warning)).collect();
        assert_eq!(found, wanted, "{before:?} to {after}");
    }
}

#[test]
fn a_move_that_was_cancelled_needs_no_attention() {
    let kept = MeetingPlan { placement: Placement::Kept(AssignedPod::default()), ..ready_plan() };
    let (old, new) = ("media-lagoon-41004-uid", "media-lagoon-41000-uid");
    let mut empty = record("Fallback");
    empty["reason"] = json!("MoveCancelled");
    for (after, place) in [(record("Fallback"), old), (empty, new)] {
        let note = notes_of_move(Some("Copying"), after, &kept, place).remove(0);
        assert!(!note.is_warning && note.message.contains("was cancelled"), "{note:?}");
    }
    let failed = notes_of_move(Some("Moving"), record("Fallback"), &kept, new).remove(0);
    assert_eq!(
        failed.message,
        "the move from media pod \"media-lagoon-41004\" to \"media-lagoon-41000\" failed, so participants have to reconnect: \
         media pod \"media-lagoon-41004\" is being drained"
    );
}

#[test]
fn the_last_move_stays_on_record_and_a_meeting_without_a_pod_does_not_move() {
    let phase_of = |before: &str, plan: &MeetingPlan| {
        let meeting = meeting_object(json!({}), json!({"move": record(before)}));
        let status = compute_status(&meeting, plan, "", participants(0), at(60));
        let last = status.last_move.clone().unwrap();
        (
            last.phase,
            last.reason.clone(),
            is_same(
                meeting.status.as_ref(),
                &MeetingStatus { last_move: Some(last.clone()), ..meeting.status.clone().unwrap() },
            ),
        )
    };
    let refused = plan_refused(&Reason::new(reason::POOL_NOT_FOUND, "no pool"));
    assert_eq!(phase_of("Done", &refused), (MeetingMovePhase::Done, "PodDraining".into(), true));
    assert_eq!(phase_of("Moving", &ready_plan()), (MeetingMovePhase::Moving, "PodDraining".into(), true));
    assert_eq!(phase_of("Moving", &refused), (MeetingMovePhase::Fallback, "PoolNotFound".into(), false));
}

#[test]
fn pods_that_serve_the_meeting_are_in_the_status_and_in_events() {
    let site = |name: &str| json!({"name": name, "uid": format!("{name}-uid"), "node": "pier-2"});
    let read = |sites: &[&str]| -> Vec<convene_crds::MeetingSite> {
        sites.iter().map(|name| serde_json::from_value(site(name)).unwrap()).collect()
    };
    let cases: [(&[&str], &[&str], Option<&str>); 5] = [
        (&[], &[], None),
        (&["b"], &["b"], None),
        (&[], &["b"], Some("the meeting uses 2 media pods: \"media-lagoon-41000\", \"b\"")),
        (&["b"], &["b", "c"], Some("the meeting uses 3 media pods: \"media-lagoon-41000\", \"b\", \"c\"")),
        (&["b"], &[], Some("the meeting uses media pod \"media-lagoon-41000\" alone")),
    ];
    for (before, after, wanted) in cases {
        let MeetingPlan { placement, .. } = ready_plan();
        let Placement::New(pod) = placement else { panic!("a new place") };
        let plan = MeetingPlan { placement: Placement::Kept(pod), sites: read(after), ..ready_plan() };
        let first = compute_status(&meeting_object(json!({}), Value::Null), &plan, "", participants(4), at(60));
        let old = convene_crds::MeetingStatus { sites: read(before), ..first };
        let meeting = meeting_object(json!({}), serde_json::to_value(old).unwrap());
        let status = compute_status(&meeting, &plan, "", participants(4), at(60));
        assert_eq!(is_same(meeting.status.as_ref(), &status), before == after);
        let notes = compute_notes(&meeting, &plan, &status);
        let found: Vec<_> = notes.iter().filter(|note| note.reason == reason::SPREAD).collect();
        assert_eq!(found.first().map(|note| note.message.as_str()), wanted);
    }
}
