use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::*;
use crate::fixtures::{meeting_object, pool};

fn meeting(patch: serde_json::Value) -> Meeting {
    meeting_object(patch, json!({}))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_meeting_goes_through_its_moments() {
    let meeting =
        meeting(json!({"startsAt": "2030-01-01T10:00:00Z", "endsAt": "2030-01-01T11:00:00Z", "ttlAfterEnded": 600}));
    let (start, end) = (at("2030-01-01T10:00:00Z"), at("2030-01-01T11:00:00Z"));
    let cases = [
        ("2030-01-01T09:57:59Z", Moment::Before { starts_at: start }, Some("2030-01-01T09:58:00Z")),
        ("2030-01-01T09:58:00Z", Moment::Shortly { starts_at: start }, Some("2030-01-01T10:00:00Z")),
        ("2030-01-01T10:00:00Z", Moment::During, Some("2030-01-01T11:00:00Z")),
        ("2030-01-01T11:00:00Z", Moment::After { ended_at: end }, Some("2030-01-01T11:10:00Z")),
        ("2030-01-01T11:10:00Z", Moment::After { ended_at: end }, None),
    ];
    for (now, moment, next) in cases {
        assert_eq!(compute_moment(&meeting.spec, at(now)), moment, "{now}");
        assert_eq!(compute_next_moment(&meeting, at(now)), next.map(at), "{now}");
    }
    assert_eq!(compute_expiry(&meeting), Some(at("2030-01-01T11:10:00Z")));
}

#[test]
fn a_meeting_that_is_over_before_it_is_created_is_found_for_a_while() {
    let cases = [
        ("2030-01-01T10:59:59Z", "2030-01-01T11:00:10Z"),
        ("2030-01-01T11:00:00Z", "2030-01-01T11:05:00Z"),
        ("2030-01-02T10:00:00Z", "2030-01-02T10:05:00Z"),
    ];
    for (created, expiry) in cases {
        let mut meeting = meeting(json!({"endsAt": "2030-01-01T11:00:00Z", "ttlAfterEnded": 10}));
        meeting.metadata.creation_timestamp = Some(Time(at(created)));
        assert_eq!(compute_expiry(&meeting), Some(at(expiry)), "{created}");
    }
}

#[test]
fn a_meeting_without_times_is_always_on() {
    let meeting = meeting(json!({"ttlAfterEnded": 5}));
    assert_eq!(compute_moment(&meeting.spec, at("2030-01-01T10:00:00Z")), Moment::During);
    assert_eq!(compute_next_moment(&meeting, at("2030-01-01T10:00:00Z")), None);
    assert_eq!(compute_expiry(&meeting), None);
}

#[test]
fn times_at_the_edge_of_time_do_no_harm() {
    let meeting = meeting(
        json!({"startsAt": "-009999-01-02T01:59:59Z", "endsAt": "9999-12-30T22:00:00Z", "ttlAfterEnded": 31_536_000}),
    );
    assert_eq!(compute_moment(&meeting.spec, at("2030-01-01T10:00:00Z")), Moment::During);
    assert_eq!(compute_expiry(&meeting), None);
}

#[test]
fn namespaces_are_admitted_by_their_labels() {
    let labels = BTreeMap::from([("team".to_owned(), "sailing".to_owned())]);
    let selector = |selector: serde_json::Value| json!({"from": "Selector", "selector": selector});
    let expression = |operator: &str, values: serde_json::Value| {
        selector(json!({"matchExpressions": [{"key": "team", "operator": operator, "values": values}]}))
    };
    let cases = [
        (json!({}), true),
        (json!({"from": "Same"}), false),
        (selector(json!({})), true),
        (selector(json!({"matchLabels": {"team": "sailing"}})), true),
        (selector(json!({"matchLabels": {"team": "rowing"}})), false),
        (expression("In", json!(["sailing", "rowing"])), true),
        (expression("NotIn", json!(["sailing"])), false),
        (expression("Exists", json!([])), true),
        (expression("DoesNotExist", json!([])), false),
        (expression("Resembles", json!(["sailing"])), false),
    ];
    for (allowed, admitted) in cases {
        let pool = pool(json!({"allowedNamespaces": allowed}));
        assert_eq!(is_admitted(&pool.allowed_namespaces, "crew", "harbor", &labels), admitted, "{allowed}");
        assert!(is_admitted(&pool.allowed_namespaces, "harbor", "harbor", &labels) || allowed["from"] == "Selector");
    }
}

#[test]
fn a_dedicated_meeting_needs_a_namespace_that_may_have_one() {
    let selector = json!({"from": "Selector", "selector": {"matchLabels": {"team": "sailing"}}});
    let pool = pool(json!({"dedicatedNamespaces": selector}));
    let labels = BTreeMap::from([("team".to_owned(), "sailing".to_owned())]);
    let denial = |placement: &str, labels: &BTreeMap<String, String>| {
        let meeting = meeting_object(json!({"pool": "lagoon", "placement": placement}), json!({}));
        let now = at("2030-01-01T10:00:00Z");
        let valid = validate_meeting(&meeting, Some(&Ok(&pool)), "harbor", labels, &Ledger::default(), now);
        valid.unwrap().denial.map(|why| why.code)
    };
    assert_eq!(denial("Dedicated", &labels), None);
    assert_eq!(denial("Dedicated", &BTreeMap::new()), Some(reason::DEDICATED_NOT_ALLOWED));
    assert_eq!(denial("Shared", &BTreeMap::new()), None);
}

#[test]
fn a_meeting_of_a_namespace_that_is_not_allowed_is_refused() {
    let pool = pool(json!({"allowedNamespaces": {"from": "Same"}}));
    let meeting = meeting_object(json!({"pool": "lagoon"}), json!({}));
    let now = at("2030-01-01T10:00:00Z");
    let refused = validate_meeting(&meeting, Some(&Ok(&pool)), "harbor", &BTreeMap::new(), &Ledger::default(), now);
    let why = refused.unwrap_err();
    assert_eq!(why.code, reason::NAMESPACE_NOT_ALLOWED);
    assert!(why.message.contains("\"crew\""), "{}", why.message);
}

#[test]
fn participants_in_the_status_are_old_until_the_pod_has_reported() {
    let pool = pool(json!({}));
    let meeting =
        meeting_object(json!({"pool": "lagoon"}), json!({"pod": {"name": "media-lagoon-41000", "uid": "p1"}}));
    let mut ledger = Ledger::default();
    ledger.observe(&meeting);
    let is_reported = |ledger: &Ledger| {
        let now = at("2030-01-01T10:00:00Z");
        validate_meeting(&meeting, Some(&Ok(&pool)), "harbor", &BTreeMap::new(), ledger, now).unwrap().is_reported
    };
    assert!(!is_reported(&ledger));
    ledger.report("p2", &std::collections::HashMap::new());
    assert!(!is_reported(&ledger), "another pod");
    ledger.report("p1", &std::collections::HashMap::new());
    assert!(is_reported(&ledger));
}

#[test]
fn a_meeting_may_be_as_large_as_the_pods_that_may_serve_it() {
    // (case, spec of the pool, spec of the meeting, pods and participants on each, or what the refusal says)
    type Case<'a> = (&'a str, serde_json::Value, serde_json::Value, Result<(u32, u32), &'a str>);
    let cases: [Case<'_>; 7] = [
        ("one pod", json!({}), json!({"maxParticipants": 100}), Ok((1, 100))),
        ("more than one pod takes", json!({}), json!({"maxParticipants": 101}), Err("a media pod of")),
        ("three pods", json!({"pipePorts": 8}), spread(300, 3), Ok((3, 100))),
        ("fewer than they take", json!({"pipePorts": 8}), spread(100, 3), Ok((3, 34))),
        ("more than they take", json!({"pipePorts": 8}), spread(301, 3), Err("raise spec.spread.maxPods")),
        ("its pods have no ports for each other", json!({}), spread(300, 3), Err("set pipePorts of the pool")),
        ("and it does not need them", json!({}), spread(100, 3), Ok((1, 100))),
    ];
    for (case, mut spec, meeting_spec, wanted) in cases {
        spec["capacity"] = json!({"participants": 100});
        let pool = pool(spec);
        let ledger = Ledger::default();
        let valid = validate_meeting(
            &meeting(meeting_spec),
            Some(&Ok(&pool)),
            "crew",
            &BTreeMap::new(),
            &ledger,
            at("2030-01-01T10:00:00Z"),
        );
        match (valid, wanted) {
            (Ok(valid), Ok(wanted)) => assert_eq!((valid.max_pods, valid.max_participants), wanted, "{case}"),
            (Err(why), Err(wanted)) => assert!(why.message.contains(wanted), "{case}: {}", why.message),
            (found, _) => panic!("{case}: {found:?}"),
        }
    }
}

fn spread(participants: u32, pods: u32) -> serde_json::Value {
    json!({"maxParticipants": participants, "spread": {"maxPods": pods}})
}
