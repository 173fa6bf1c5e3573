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
