use serde_json::json;

use super::*;
use crate::{
    fixtures::{media_pod, pool, pool_object, starting},
    model::ledger::PodLoad,
    pool::plan::NewPod,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn observed(states: Vec<PodState>) -> (ValidPool, ObservedPods) {
    let pool = pool(json!({"workersPerPod": 4, "max": 2}));
    let pods: Vec<_> =
        states.into_iter().zip(0..).map(|(state, number)| Arc::new(media_pod(&pool, number, state))).collect();
    let taken = pods.iter().filter_map(|pod| pod.block).collect();
    (pool, ObservedPods { pods, taken, ..ObservedPods::default() })
}

#[test]
fn the_status_counts_pods_ports_and_meetings() {
    let (pool, mut observed) = observed(vec![PodState::Ready, PodState::Ready, starting(), PodState::Terminating]);
    observed
        .loads
        .insert("media-lagoon-41000-uid".into(), PodLoad { meetings: 7, participants: 3, ..PodLoad::default() });
    let values = compute_values(&pool, &observed, &Applied::default());
    let status = compute_status(&pool_object(json!({})), Some((&pool, &observed)), &values, vec![], at(60));
    assert_eq!(status.pods, PodCounts { ready: 2, starting: 1, warm: 1, draining: 0, outdated: 0, total: 4 });
    assert_eq!(status.ports, PortCounts { total: 40, used: 16, resting: 0, free: 24 });
    assert_eq!((status.meetings, status.observed_generation), (7, Some(3)));
    let mut written = pool_object(json!({}));
    written.status = Some(status);
    let later = compute_status(&written, Some((&pool, &observed)), &values, vec![], at(99));
    assert!(is_same(written.status.as_ref(), &later));
    assert!(compute_notes(&written, Some(&Applied::default()), &values).is_empty());
}

#[test]
fn the_most_specific_trouble_is_reported() {
    let stuck = PodState::Starting(Reason::new(reason::IMAGE_PULL_FAILED, "image"));
    let silent = PodState::Silent(Reason::new(reason::POD_SILENT, "does not respond"));
    let refused = Applied { refused: Some(Reason::new(reason::POD_REFUSED, "quota")), ..Applied::default() };
    let ports = Applied { trouble: Some(Reason::new(reason::PORTS_EXHAUSTED, "ports")), ..Applied::default() };
    let cases = [
        (vec![PodState::Ready], Applied::default(), "PodReady", "PodsAvailable"),
        (vec![PodState::Ready, silent.clone()], Applied::default(), "PodReady", "PodSilent"),
        (vec![silent], Applied::default(), "PodSilent", "PodSilent"),
        (vec![starting()], Applied::default(), "NoPodReady", "PodsAvailable"),
        (vec![stuck.clone()], ports.clone(), "ImagePullFailed", "ImagePullFailed"),
        (vec![], refused, "PodRefused", "PodRefused"),
        (vec![PodState::Ready], ports, "PodReady", "PortsExhausted"),
        (vec![PodState::Ready, stuck], Applied::default(), "PodReady", "ImagePullFailed"),
    ];
    for (states, applied, ready, available) in cases {
        let (pool, observed) = observed(states);
        let values = compute_values(&pool, &observed, &applied);
        assert_eq!((values.ready.reason().code, values.available.reason().code), (ready, available), "{observed:?}");
    }
}

#[test]
fn a_pool_without_reserve_is_ready_while_no_meeting_needs_a_pod() {
    let ready = |warm: u32, waiting: u32, states: Vec<PodState>| {
        let (_, mut observed) = observed(states);
        observed.waiting.shared = waiting;
        let values = compute_values(&pool(json!({"warm": warm})), &observed, &Applied::default());
        (values.ready.is_true(), values.ready.reason().code)
    };
    assert_eq!(ready(0, 0, vec![]), (true, "NoPodNeeded"));
    assert_eq!(ready(1, 0, vec![]), (false, "NoPodReady"));
    assert_eq!(ready(0, 1, vec![]), (false, "NoPodReady"));
    assert_eq!(ready(0, 0, vec![starting()]), (false, "NoPodReady"));
    assert_eq!(ready(0, 0, vec![PodState::Ready]), (true, "PodReady"));
}

#[test]
fn ports_that_kubernetes_gives_to_services_are_reported() {
    for (exposure, ports, reason) in [
        ("HostPort", (30_000, 30_099), "NodePortRange"),
        ("HostNetwork", (29_000, 30_000), "NodePortRange"),
        ("HostPort", (32_768, 33_000), "PortsExclusive"),
        ("PodIP", (30_000, 30_099), "PortsExclusive"),
    ] {
        let pool = pool(json!({"exposure": exposure, "rtcPorts": {"min": ports.0, "max": ports.1}}));
        let values = compute_values(&pool, &ObservedPods::default(), &Applied::default());
        assert_eq!(values.exclusive.reason().code, reason, "{exposure} {ports:?}");
    }
}

#[test]
fn a_full_pool_says_so_while_meetings_wait() {
    let (pool, mut observed) = observed(vec![PodState::Ready, PodState::Ready]);
    observed.waiting.shared = 3;
    let values = compute_values(&pool, &observed, &Applied::default());
    assert_eq!(values.available.reason().code, "PoolFull");
    assert!(values.available.reason().message.contains("raise its max"), "{values:?}");
}

#[test]
fn what_was_done_is_reported() {
    let (pool, observed) = observed(vec![]);
    let new = NewPod { name: "media-lagoon-41000".into(), block: pool.ports };
    let applied = Applied { created: vec![new], ..Applied::default() };
    let values = compute_values(&pool, &observed, &applied);
    let notes = compute_notes(&pool_object(json!({})), Some(&applied), &values);
    let created = Note::normal("PodCreated", "created media pod \"media-lagoon-41000\" with ports 41000-41039");
    assert_eq!(notes[0], created.about("media-lagoon-41000"));
    assert_eq!(notes[1].reason, "NoPodReady");
}

#[test]
fn blocks_on_record_are_those_of_pods_made_or_about_to_be_and_those_that_rest() {
    let (pool, observed) = observed(vec![PodState::Ready]);
    let block = |text: &str| text.parse::<PortRange>().unwrap();
    let new = [NewPod { name: "n".into(), block: block("41004-41007") }];
    let mut quarantine = Quarantine::default();
    quarantine.recall(block("41008-41011"), Some(at(90)));
    quarantine.recall(block("50000-50003"), Some(at(90)));
    let texts = |blocks: Vec<PortBlock>| {
        let text =
            |block: &PortBlock| format!("{}{}", block.ports, if block.resting_until.is_some() { " rests" } else { "" });
        blocks.iter().map(text).collect::<Vec<_>>()
    };
    let recorded = texts(compute_blocks(&pool, &observed, new.iter().map(|pod| pod.block), &quarantine));
    assert_eq!(recorded, ["41000-41003", "41004-41007", "41008-41011 rests"]);
}

#[test]
fn pools_with_the_same_ports_are_reported_and_pods_of_older_templates_counted() {
    let (pool, mut observed) = observed(vec![PodState::Ready, PodState::Ready]);
    observed.overlaps = Some("pond".into());
    Arc::make_mut(&mut observed.pods[0]).revision = "older".into();
    let values = compute_values(&pool, &observed, &Applied::default());
    assert_eq!(values.exclusive.reason().code, "PortsOverlap");
    assert!(values.exclusive.reason().message.contains("pond"));
    assert_eq!(values.updated.reason().code, "Updating");
    assert_eq!(
        compute_status(&pool_object(json!({})), Some((&pool, &observed)), &values, vec![], at(1)).pods.outdated,
        1
    );
}
