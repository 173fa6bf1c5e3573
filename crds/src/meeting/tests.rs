#![allow(clippy::needless_pass_by_value, reason = "json! literals read best as values")]

use serde_json::json;

use super::*;

fn meeting(spec: serde_json::Value) -> Meeting {
    Meeting::new("standup", serde_json::from_value(spec).unwrap())
}

#[test]
fn an_empty_spec_is_a_complete_meeting() {
    let spec = meeting(json!({})).spec;
    assert_eq!((spec.pool.as_str(), spec.max_participants, spec.empty_timeout), ("default", 50, 300));
    assert_eq!(spec.title, None);
}

#[test]
fn a_good_meeting_passes() {
    meeting(json!({"title": "Stand-up", "pool": "large-2"})).validate_cel().unwrap();
}

#[test]
fn a_title_is_one_line_of_what_can_be_seen() {
    for title in ["Weekly planning", "Größe: é, 名前", "👩\u{200d}💻 Team", "علی\u{200c}رضا", ""] {
        meeting(json!({ "title": title })).validate_cel().unwrap();
    }
    for title in ["a\nb", "a\u{0}", "a\u{2028}b", "\u{202e}gnp.exe", "a\u{2066}", "a\u{200b}b", "\u{feff}a", "a\u{ad}b"]
    {
        let refusal = meeting(json!({ "title": title })).validate_cel().unwrap_err().to_string();
        assert!(refusal.contains("title must be a single line"), "{title:?}: {refusal}");
    }
}

#[test]
fn a_pool_that_cannot_be_a_name_is_refused_with_the_rule() {
    for pool in ["Large", "-a", "a-", "a.b", "a/b"] {
        let refusal = meeting(json!({"pool": pool})).validate_cel().unwrap_err().to_string();
        assert!(refusal.contains("pool must be the name of a MediaPool"), "{pool}: {refusal}");
    }
}

#[test]
fn the_pool_cannot_be_changed() {
    let old = meeting(json!({}));
    meeting(json!({"title": "renamed"})).validate_cel_update(&old).unwrap();
    let refusal = meeting(json!({"pool": "large"})).validate_cel_update(&old).unwrap_err().to_string();
    assert!(refusal.contains("delete the meeting and create it again"), "{refusal}");
}

#[test]
fn whatever_is_left_out_has_its_default() {
    let spec = meeting(json!({})).spec;
    assert_eq!((spec.placement, spec.locked), (MeetingPlacement::Shared, false));
    assert_eq!((spec.starts_at, spec.ends_at, spec.ttl_after_ended), (None, None, None));
    assert_eq!(spec.features, Features { chat: true, screen_share: true, recording: false, demo_clients: false });
    assert_eq!(spec.access.policy, AccessPolicy::Open);
}

#[test]
fn the_placement_cannot_be_changed_and_the_rest_can() {
    let old = meeting(json!({"placement": "Dedicated"}));
    let refusal = meeting(json!({})).validate_cel_update(&old).unwrap_err().to_string();
    assert!(refusal.contains("placement is immutable"), "{refusal}");
    let changed = json!({"placement": "Dedicated", "locked": true, "maxParticipants": 7, "ttlAfterEnded": 60});
    meeting(changed).validate_cel_update(&old).unwrap();
}

/// That it must be after the start is tested with a real API server: the library that evaluates rules here already has a field of the
/// format date-time as a timestamp, which `timestamp()` does not accept.
#[test]
fn a_meeting_may_have_a_start_or_an_end_alone() {
    meeting(json!({"startsAt": "2026-12-01T09:00:00Z"})).validate_cel().unwrap();
    meeting(json!({"endsAt": "2026-12-01T09:00:00Z", "ttlAfterEnded": 0})).validate_cel().unwrap();
}

#[test]
fn kubectl_get_shows_the_address_and_on_request_the_reason() {
    let definition = serde_json::to_value(<Meeting as kube::CustomResourceExt>::crd()).unwrap();
    let columns = definition.pointer("/spec/versions/0/additionalPrinterColumns").unwrap().as_array().unwrap();
    let named = |wide: bool| -> Vec<&str> {
        let shown = columns.iter().filter(|column| column["priority"].as_i64().is_some_and(|at| at > 0) == wide);
        shown.filter_map(|column| column["name"].as_str()).collect()
    };
    assert_eq!(named(false), ["Phase", "Participants", "Join URL", "Age"]);
    assert_eq!(named(true), ["Reason", "Pod", "Node", "Recording"]);
}
