#![allow(clippy::type_complexity, reason = "tables of cases read best as tuples")]

use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::{census::MAX_CREATIONS, *};
use crate::{
    fixtures::{media_pod, pool, starting},
    model::{
        ledger::{Need, PodLoad},
        media_pod::Draining,
        ports::PortRange,
        views::NodeView,
    },
    pool::expose::ServiceEndpoints,
};

fn small_pool() -> ValidPool {
    pool(json!({"workersPerPod": 4, "warm": 1, "max": 4, "capacity": {"participants": 100, "meetings": 10}}))
}

fn observed(pool: &ValidPool, states: Vec<PodState>, busy: &[usize], waiting: u32) -> ObservedPods {
    let pods: Vec<_> =
        states.into_iter().zip(0..).map(|(state, number)| Arc::new(media_pod(pool, number, state))).collect();
    let load = PodLoad { meetings: 1, participants: 1, dedicated: 0, active: 1, ..PodLoad::default() };
    ObservedPods {
        taken: pods.iter().filter_map(|pod| pod.block).collect(),
        loads: busy.iter().map(|index| (pods[*index].uid.clone(), load)).collect(),
        waiting: Need { shared: waiting, dedicated: 0 },
        has_budget: true,
        participants: pods.iter().map(|pod| (pod.uid.clone(), 0)).collect(),
        pods,
        ..ObservedPods::default()
    }
}

fn edit(observed: &mut ObservedPods, index: usize, change: impl FnOnce(&mut MediaPod)) {
    change(Arc::make_mut(&mut observed.pods[index]));
}

fn names(deletions: &[PodDeletion]) -> Vec<&str> {
    deletions.iter().map(|pod| pod.name.as_str()).collect()
}

fn silent() -> PodState {
    PodState::Silent(Reason::new(reason::POD_SILENT, "does not respond"))
}

fn dead() -> PodState {
    PodState::Dead(Reason::new(reason::POD_FAILED, "ended"))
}

#[test]
fn pods_are_made_and_deleted_as_needed() {
    use PodState::{Ready, Terminating};
    // (case, pods, busy ones, waiting meetings, created, deleted)
    let cases: Vec<(&str, Vec<PodState>, Vec<usize>, u32, usize, usize)> = vec![
        ("an empty pool gets its spare pod", vec![], vec![], 0, 1, 0),
        ("one spare pod is enough", vec![Ready], vec![], 0, 0, 0),
        ("a silent pod is no spare one", vec![silent()], vec![], 0, 1, 0),
        ("a silent pod is not deleted", vec![Ready, silent()], vec![], 0, 0, 0),
        ("a pod that starts counts", vec![starting()], vec![], 1, 0, 0),
        ("a busy pod is replaced as spare", vec![Ready], vec![0], 0, 1, 0),
        ("more wait than one pod takes", vec![], vec![], 25, 3, 0),
        ("never more than max", vec![Ready, Ready, Ready, Ready], vec![0, 1, 2, 3], 50, 0, 0),
        ("never more than max, from nothing", vec![], vec![], 500, 4, 0),
        ("a dead pod is replaced", vec![dead()], vec![], 0, 1, 1),
        ("a dead pod is replaced although meetings are bound to it", vec![dead()], vec![0], 0, 1, 1),
        ("a pod that goes away does not count", vec![Terminating], vec![0], 0, 1, 0),
        ("surplus spare pods go", vec![Ready, Ready, Ready], vec![], 0, 0, 2),
        ("busy pods stay", vec![Ready, Ready, Ready], vec![0, 1, 2], 0, 1, 0),
    ];
    for (case, states, busy, waiting, created, deleted) in cases {
        let pool = small_pool();
        let plan = plan_pool(&pool, &observed(&pool, states, &busy, waiting));
        assert_eq!((plan.create.len(), plan.delete.len()), (created, deleted), "{case}: {plan:?}");
    }
}

#[test]
fn with_no_spare_pods_a_waiting_meeting_gets_one() {
    let pool = pool(json!({"warm": 0}));
    assert!(plan_pool(&pool, &observed(&pool, vec![], &[], 0)).create.is_empty());
    assert_eq!(plan_pool(&pool, &observed(&pool, vec![], &[], 1)).create.len(), 1);
}

#[test]
fn the_spare_pod_that_is_ready_is_kept() {
    let pool = small_pool();
    let plan = plan_pool(&pool, &observed(&pool, vec![starting(), PodState::Ready], &[], 0));
    assert_eq!(plan.delete.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>(), ["media-lagoon-41000"]);
}

#[test]
fn a_pod_of_an_older_template_goes_when_its_successor_is_ready() {
    let pool = small_pool();
    let mut observed = observed(&pool, vec![PodState::Ready], &[], 0);
    edit(&mut observed, 0, |pod| pod.revision = "older".into());
    let plan = plan_pool(&pool, &observed);
    assert_eq!((plan.create.len(), plan.delete.len()), (1, 0));
    observed.pods.push(Arc::new(media_pod(&pool, 1, PodState::Ready)));
    let plan = plan_pool(&pool, &observed);
    assert_eq!((plan.create.len(), plan.delete.len()), (0, 1));
    assert_eq!(plan.delete[0].name, "media-lagoon-41000");
}

#[test]
fn ports_that_run_out_are_named() {
    let pool = pool(json!({"workersPerPod": 4, "rtcPorts": {"min": 41000, "max": 41003}, "warm": 2}));
    let plan = plan_pool(&pool, &observed(&pool, vec![PodState::Ready], &[], 0));
    let trouble = plan.trouble.unwrap();
    assert_eq!(trouble.code, "PortsExhausted");
    assert!(
        trouble.message.contains("41000-41003") && trouble.message.contains("4 consecutive free ports"),
        "{}",
        trouble.message
    );
}

#[test]
fn a_resting_block_is_waited_for() {
    let pool = pool(json!({"workersPerPod": 4, "rtcPorts": {"min": 41000, "max": 41003}}));
    let resting = ObservedPods { resting: std::iter::once(pool.ports).collect(), ..ObservedPods::default() };
    let plan = plan_pool(&pool, &resting);
    assert!(plan.create.is_empty());
    assert_eq!(plan.trouble.unwrap().code, "PortsResting");
}

#[test]
fn a_pod_learns_its_address_once_its_node_is_known() {
    let pool = small_pool();
    let mut observed = observed(&pool, vec![starting()], &[], 0);
    edit(&mut observed, 0, |pod| pod.addresses.clear());
    assert!(plan_pool(&pool, &observed).announce.is_empty());
    observed.nodes.insert("pier-1".into(), NodeView { is_cordoned: false, addresses: vec!["198.51.100.1".into()] });
    let plan = plan_pool(&pool, &observed);
    assert_eq!(plan.announce[0].addresses, ["198.51.100.1"]);
    observed.nodes.insert("pier-1".into(), NodeView::default());
    let plan = plan_pool(&pool, &observed);
    assert!(plan.announce.is_empty());
    assert_eq!(plan.trouble.unwrap().code, "NoNodeAddress");
}

#[test]
fn without_node_ports_a_pod_announces_itself() {
    let pool = pool(json!({"exposure": "PodIP"}));
    let mut observed = observed(&pool, vec![starting()], &[], 0);
    edit(&mut observed, 0, |pod| pod.addresses.clear());
    assert_eq!(plan_pool(&pool, &observed).announce[0].addresses, ["10.9.8.7"]);
}

fn any_state() -> impl Strategy<Value = PodState> {
    prop_oneof![Just(PodState::Ready), Just(starting()), Just(PodState::Terminating), Just(dead())]
}

proptest! {
    /// In every state: no busy live pod is deleted, at most `max` are live, no port is used twice, and executing the plan settles.
    #[test]
    fn plans_are_safe_and_settle(states in prop::collection::vec(any_state(), 0..9), busy in prop::collection::vec(any::<bool>(), 9), waiting in 0_u32..60, warm in 0_u32..4, max in 1_u32..7) {
        let pool = pool(json!({"workersPerPod": 4, "warm": warm.min(max), "max": max, "capacity": {"participants": 100, "meetings": 10}}));
        let busy: Vec<usize> = (0..states.len()).filter(|index| busy[*index]).collect();
        let mut observed = observed(&pool, states, &busy, waiting);
        for _ in 0..20 {
            let plan = plan_pool(&pool, &observed);
            let live_before = observed.pods.iter().filter(|pod| pod.is_live()).count();
            prop_assert!(plan.create.len() <= MAX_CREATIONS);
            prop_assert!(plan.create.is_empty() || live_before + plan.create.len() <= (max + pool.max_surge) as usize);
            for deletion in &plan.delete {
                let pod = observed.pods.iter().find(|pod| pod.uid == deletion.uid).unwrap();
                let is_busy = observed.loads.contains_key(&pod.uid);
                prop_assert!(!(pod.is_live() && is_busy), "busy pod {} would be deleted", pod.name);
            }
            for (index, new) in plan.create.iter().enumerate() {
                prop_assert!(observed.taken.iter().all(|block| !block.overlaps(new.block)));
                prop_assert!(plan.create[..index].iter().all(|other| !other.block.overlaps(new.block) && other.name != new.name));
                prop_assert!(new.block.first() >= pool.ports.first() && new.block.last() <= pool.ports.last());
            }
            if plan.create.is_empty() && plan.delete.is_empty() && plan.drain.is_empty() {
                return Ok(());
            }
            observed.pods.retain(|pod| plan.delete.iter().all(|deletion| deletion.uid != pod.uid));
            for new in plan.create {
                let mut pod = media_pod(&pool, 0, PodState::Ready);
                (pod.name, pod.uid) = (new.name.clone(), format!("{}-new", new.name));
                (pod.block, pod.rtc_ports) = (Some(new.block), Some(new.block));
                observed.participants.insert(pod.uid.clone(), 0);
                observed.pods.push(Arc::new(pod));
            }
            observed.taken = observed.pods.iter().filter_map(|pod| pod.block).collect();
        }
        prop_assert!(false, "did not settle: {:?}", plan_pool(&pool, &observed));
    }
}

fn cordon(observed: &mut ObservedPods) {
    observed.nodes.insert("pier-1".into(), NodeView { is_cordoned: true, addresses: vec![] });
}

#[test]
fn pods_of_a_cordoned_node_are_drained_and_no_longer_when_it_is_back() {
    let pool = small_pool();
    let mut observed = observed(&pool, vec![PodState::Ready], &[0], 0);
    cordon(&mut observed);
    let plan = plan_pool(&pool, &observed);
    let draining = plan.drain[0].draining.clone().unwrap();
    assert_eq!(draining.reason, "Cordoned");
    assert!(plan.delete.is_empty());
    edit(&mut observed, 0, |pod| pod.draining = Some(draining));
    let plan = plan_pool(&pool, &observed);
    assert!(plan.drain.is_empty() && plan.delete.is_empty());
    assert_eq!(plan.move_off, ["media-lagoon-41000-uid"]);
    assert_eq!(plan.create.len(), 1, "its meetings need another pod");
    observed.nodes.clear();
    assert_eq!(plan_pool(&pool, &observed).drain[0].draining, None);
}

#[test]
fn overfull_pods_are_relieved_unless_a_move_gains_nothing_or_they_are_emptied_anyway() {
    let load = |meetings, participants| PodLoad {
        meetings,
        participants,
        dedicated: 0,
        active: meetings,
        ..PodLoad::default()
    };
    let draining = || Some(Draining { since: Timestamp::UNIX_EPOCH, reason: reason::CORDONED });
    let cases: [(&str, PodLoad, PodState, _, bool); 6] = [
        ("overfull", load(2, 101), PodState::Ready, None, true),
        ("full", load(2, 100), PodState::Ready, None, false),
        ("one meeting", load(1, 101), PodState::Ready, None, false),
        ("draining", load(2, 101), PodState::Ready, draining(), false),
        ("silent", load(2, 101), silent(), None, false),
        ("not ready", load(2, 101), starting(), None, false),
    ];
    for (case, load, state, draining, is_relieved) in cases {
        let pool = small_pool();
        let mut observed = observed(&pool, vec![state, PodState::Ready], &[], 0);
        let uid = observed.pods[0].uid.clone();
        observed.loads.insert(uid.clone(), load);
        edit(&mut observed, 0, |pod| pod.draining = draining);
        let wanted: Vec<_> = is_relieved.then_some(uid).into_iter().collect();
        assert_eq!(plan_pool(&pool, &observed).relieve, wanted, "{case}");
    }
}

#[test]
fn a_drained_pod_goes_when_it_is_empty_or_its_time_is_over() {
    let pool = small_pool();
    let mut observed = observed(&pool, vec![PodState::Ready], &[0], 0);
    cordon(&mut observed);
    edit(&mut observed, 0, |pod| {
        pod.draining = Some(Draining { since: Timestamp::UNIX_EPOCH, reason: reason::CORDONED });
    });
    assert_eq!(plan_pool(&pool, &observed).again, Some("1970-01-01T00:05:00Z".parse().unwrap()));
    observed.now = "1970-01-01T00:04:59Z".parse().unwrap();
    assert!(plan_pool(&pool, &observed).delete.is_empty());
    observed.now = "1970-01-01T00:05:00Z".parse().unwrap();
    assert_eq!(plan_pool(&pool, &observed).delete[0].why.code, "DrainDeadline");
    observed.now = Timestamp::UNIX_EPOCH;
    observed.loads.clear();
    observed.participants.insert("media-lagoon-41000-uid".into(), 2);
    assert!(plan_pool(&pool, &observed).delete.is_empty(), "a room that moves still has a participant");
    observed.participants.clear();
    assert!(plan_pool(&pool, &observed).delete.is_empty(), "it is not known to be empty");
    observed.participants.insert("media-lagoon-41000-uid".into(), 0);
    assert_eq!(plan_pool(&pool, &observed).delete[0].why.code, "PodDeleted");
}

#[test]
fn a_rollout_drains_one_pod_at_a_time_once_there_is_a_successor() {
    let pool = small_pool();
    let mut observed = observed(&pool, vec![PodState::Ready, PodState::Ready], &[0, 1], 0);
    for index in 0..2 {
        edit(&mut observed, index, |pod| pod.revision = "older".into());
    }
    let plan = plan_pool(&pool, &observed);
    assert_eq!((plan.create.len(), plan.drain.len()), (1, 0));
    observed.pods.push(Arc::new(media_pod(&pool, 2, PodState::Ready)));
    let plan = plan_pool(&pool, &observed);
    assert_eq!(plan.drain.len(), 1);
    assert_eq!(plan.drain[0].draining.as_ref().unwrap().reason, "Outdated");
    edit(&mut observed, 0, |pod| pod.draining.clone_from(&plan.drain[0].draining));
    assert!(plan_pool(&pool, &observed).drain.is_empty(), "one at a time");
}

#[test]
fn a_silent_pod_does_not_hold_up_a_rollout() {
    let pool = small_pool();
    let states = vec![PodState::Ready, PodState::Ready, PodState::Ready];
    let mut observed = observed(&pool, states, &[0, 1], 0);
    for index in 0..2 {
        edit(&mut observed, index, |pod| pod.revision = "older".into());
    }
    for is_draining in [true, false] {
        edit(&mut observed, 0, |pod| {
            pod.state = silent();
            pod.draining = is_draining.then_some(Draining { since: Timestamp::UNIX_EPOCH, reason: reason::OUTDATED });
        });
        let plan = plan_pool(&pool, &ObservedPods { now: Timestamp::UNIX_EPOCH, ..observed.clone() });
        let drained: Vec<_> = plan.drain.iter().map(|change| change.name.as_str()).collect();
        assert_eq!(drained, ["media-lagoon-41004"], "draining: {is_draining}");
    }
}

#[test]
fn without_surge_a_rollout_waits_for_a_silent_pod() {
    let pool = pool(json!({"workersPerPod": 4, "warm": 0, "max": 3, "rollout": {"maxSurge": 0}}));
    let draining = || Some(Draining { since: Timestamp::UNIX_EPOCH, reason: reason::OUTDATED });
    let cases = [(PodState::Ready, None, 1), (silent(), draining(), 0), (silent(), None, 0)];
    for (state, draining, wanted) in cases {
        let states = vec![state.clone(), PodState::Ready, PodState::Ready];
        let mut observed = observed(&pool, states, &[0, 1, 2], 0);
        for index in 0..3 {
            edit(&mut observed, index, |pod| pod.revision = "older".into());
        }
        edit(&mut observed, 0, |pod| pod.draining = draining);
        assert_eq!(plan_pool(&pool, &observed).drain.len(), wanted, "{state:?}");
    }
}

#[test]
fn a_full_pool_surges_over_max_for_a_rollout() {
    let pool = pool(json!({"workersPerPod": 4, "warm": 0, "max": 1}));
    let mut observed = observed(&pool, vec![PodState::Ready], &[0], 0);
    assert!(plan_pool(&pool, &observed).create.is_empty());
    edit(&mut observed, 0, |pod| pod.revision = "older".into());
    assert_eq!(plan_pool(&pool, &observed).create.len(), 1);
}

#[test]
fn a_pod_outside_a_changed_range_is_outdated() {
    let pool = pool(json!({"workersPerPod": 4, "rtcPorts": {"min": 41004, "max": 41039}}));
    let narrow = media_pod(&pool, 0, PodState::Ready);
    let mut outside = narrow.clone();
    let block = PortRange::new(41000, 41003).unwrap();
    (outside.block, outside.name, outside.uid) = (Some(block), "old".into(), "old-uid".into());
    let participants = [("old-uid".to_owned(), 0)].into();
    let observed =
        ObservedPods { pods: vec![Arc::new(narrow), Arc::new(outside)], participants, ..ObservedPods::default() };
    assert_eq!(names(&plan_pool(&pool, &observed).delete), ["old"]);
}

#[test]
fn idle_meetings_are_brought_together() {
    let pool = small_pool();
    let mut observed = observed(&pool, vec![PodState::Ready, PodState::Ready, PodState::Ready], &[], 0);
    for (index, meetings) in [(0, 3), (1, 2)] {
        let load = PodLoad { meetings, ..PodLoad::default() };
        observed.loads.insert(observed.pods[index].uid.clone(), load);
    }
    let plan = plan_pool(&pool, &observed);
    assert_eq!(plan.drain.len(), 1);
    assert_eq!(
        (plan.drain[0].name.as_str(), plan.drain[0].draining.as_ref().unwrap().reason),
        ("media-lagoon-41004", "NotNeeded")
    );
    observed.loads.get_mut("media-lagoon-41000-uid").unwrap().meetings = 9;
    assert!(plan_pool(&pool, &observed).drain.is_empty(), "they do not fit into one");
}

#[test]
fn pods_are_protected_until_they_are_known_to_be_empty() {
    let pool = small_pool();
    let mut observed = observed(&pool, vec![PodState::Ready], &[], 0);
    observed.participants.clear();
    assert!(plan_pool(&pool, &observed).protect.is_empty());
    observed.participants.insert("media-lagoon-41000-uid".into(), 0);
    assert!(plan_pool(&pool, &observed).protect[0].is_evictable);
    edit(&mut observed, 0, |pod| pod.is_evictable = true);
    assert!(plan_pool(&pool, &observed).protect.is_empty());
    observed.participants.insert("media-lagoon-41000-uid".into(), 1);
    assert!(!plan_pool(&pool, &observed).protect[0].is_evictable);
    observed.participants.clear();
    assert!(plan_pool(&pool, &observed).protect.is_empty(), "nothing is written while nothing is known");
}

#[test]
fn a_pod_with_a_service_gets_the_ports_of_the_service() {
    let pool = pool(json!({"exposure": "NodePort"}));
    let mut observed = observed(&pool, vec![starting()], &[], 0);
    edit(&mut observed, 0, |pod| pod.addresses.clear());
    observed.nodes.insert("pier-1".into(), NodeView { is_cordoned: false, addresses: vec!["198.51.100.1".into()] });
    let plan = plan_pool(&pool, &observed);
    assert_eq!((plan.open.len(), plan.announce.len()), (1, 0));
    observed.services.insert("media-lagoon-41000".into(), None);
    assert!(plan_pool(&pool, &observed).announce.is_empty());
    let endpoints = ServiceEndpoints { addresses: vec![], ports: "41000/udp=31000".into() };
    observed.services.insert("media-lagoon-41000".into(), Some(endpoints));
    let plan = plan_pool(&pool, &observed);
    assert_eq!((plan.open.len(), plan.announce[0].ports.as_str()), (0, "41000/udp=31000"));
}

#[test]
fn a_load_balancer_without_an_address_is_named() {
    let pool = pool(json!({"exposure": "LoadBalancer"}));
    let mut observed = observed(&pool, vec![starting()], &[], 0);
    edit(&mut observed, 0, |pod| pod.addresses.clear());
    observed.services.insert("media-lagoon-41000".into(), None);
    assert_eq!(plan_pool(&pool, &observed).trouble.unwrap().code, "NoLoadBalancerAddress");
    let endpoints = ServiceEndpoints { addresses: vec!["203.0.113.9".into()], ports: String::new() };
    observed.services.insert("media-lagoon-41000".into(), Some(endpoints));
    assert_eq!(plan_pool(&pool, &observed).announce[0].addresses, ["203.0.113.9"]);
}

#[test]
fn a_pod_whose_ports_a_stranger_holds_is_given_up_for_other_ports_if_there_are_any() {
    let taken = || PodState::Starting(Reason::new(reason::PORTS_TAKEN, "didn't have free ports"));
    let wide = small_pool();
    let mut observed = observed(&wide, vec![taken()], &[], 0);
    assert!(plan_pool(&wide, &observed).delete.is_empty());
    observed.now = Timestamp::from_second(61).unwrap();
    assert_eq!(plan_pool(&wide, &observed).delete[0].why.code, "PodReplaced");
    let narrow = pool(json!({"workersPerPod": 4, "rtcPorts": {"min": 41000, "max": 41003}}));
    assert!(plan_pool(&narrow, &observed).delete.is_empty());
}

#[test]
fn where_no_pod_may_be_made_none_is_given_up_for_another() {
    let deletion = |reason| PodDeletion { name: "old".into(), uid: "uid".into(), why: Reason::new(reason, "why") };
    let block = PortRange::new(41000, 41003).unwrap();
    let plan = PoolPlan {
        write_budget: true,
        create: vec![NewPod { name: "new".into(), block }],
        delete: [reason::POD_DELETED, reason::POD_REPLACED, reason::DRAIN_DEADLINE].map(deletion).into(),
        ..PoolPlan::default()
    };
    let why = Reason::new(reason::FINALIZERS_NOT_WRITTEN, "forbidden");
    let wanted = PoolPlan {
        write_budget: true,
        delete: [reason::POD_REPLACED, reason::DRAIN_DEADLINE].map(deletion).into(),
        trouble: Some(why.clone()),
        ..PoolPlan::default()
    };
    assert_eq!(withhold_pods(plan, why), wanted);
}
