#![allow(clippy::type_complexity, reason = "tables of cases read best as tuples")]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    fixtures::{media_pod, pool, starting},
    ledger::PodLoad,
};

fn small_pool() -> ValidPool {
    pool(json!({"workersPerPod": 4, "warm": 1, "max": 4, "capacity": {"participants": 100, "meetings": 10}}))
}

fn observed(pool: &ValidPool, states: Vec<PodState>, busy: &[usize], waiting: u32) -> ObservedPods {
    let pods: Vec<_> = states.into_iter().zip(0..).map(|(state, number)| media_pod(pool, number, state)).collect();
    let load = PodLoad { meetings: 1, participants: 0 };
    ObservedPods {
        taken: pods.iter().filter_map(|pod| pod.block).collect(),
        loads: busy.iter().map(|index| (pods[*index].uid.clone(), load)).collect(),
        waiting,
        pods,
        ..ObservedPods::default()
    }
}

fn dead() -> PodState {
    PodState::Dead(Wait::new(reason::POD_FAILED, "ended"))
}

#[test]
fn pods_are_made_and_deleted_as_needed() {
    use PodState::{Ready, Terminating};
    // (case, pods, busy ones, waiting meetings, created, deleted)
    let cases: Vec<(&str, Vec<PodState>, Vec<usize>, u32, usize, usize)> = vec![
        ("an empty pool gets its spare pod", vec![], vec![], 0, 1, 0),
        ("one spare pod is enough", vec![Ready], vec![], 0, 0, 0),
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
    observed.pods[0].revision = "older".into();
    let plan = plan_pool(&pool, &observed);
    assert_eq!((plan.create.len(), plan.delete.len()), (1, 0));
    observed.pods.push(media_pod(&pool, 1, PodState::Ready));
    let plan = plan_pool(&pool, &observed);
    assert_eq!((plan.create.len(), plan.delete.len()), (0, 1));
    assert_eq!(plan.delete[0].name, "media-lagoon-41000");
}

#[test]
fn ports_that_run_out_are_named() {
    let pool = pool(json!({"workersPerPod": 4, "rtcPorts": {"min": 41000, "max": 41003}, "warm": 2}));
    let plan = plan_pool(&pool, &observed(&pool, vec![PodState::Ready], &[], 0));
    let trouble = plan.trouble.unwrap();
    assert_eq!(trouble.reason, "PortsExhausted");
    assert!(trouble.message.contains("41000-41003") && trouble.message.contains("4 free ports"), "{}", trouble.message);
}

#[test]
fn a_resting_block_is_waited_for() {
    let pool = pool(json!({"workersPerPod": 4, "rtcPorts": {"min": 41000, "max": 41003}}));
    let resting = ObservedPods { resting: std::iter::once(pool.ports).collect(), ..ObservedPods::default() };
    let plan = plan_pool(&pool, &resting);
    assert!(plan.create.is_empty());
    assert_eq!(plan.trouble.unwrap().reason, "PortsResting");
}

#[test]
fn a_pod_learns_its_address_once_its_node_is_known() {
    let pool = small_pool();
    let mut observed = observed(&pool, vec![starting()], &[], 0);
    observed.pods[0].addresses.clear();
    assert!(plan_pool(&pool, &observed).announce.is_empty());
    observed.node_addresses.insert("pier-1".into(), vec!["198.51.100.1".into()]);
    let plan = plan_pool(&pool, &observed);
    assert_eq!(plan.announce[0].addresses, ["198.51.100.1"]);
    observed.node_addresses.insert("pier-1".into(), vec![]);
    let plan = plan_pool(&pool, &observed);
    assert!(plan.announce.is_empty());
    assert_eq!(plan.trouble.unwrap().reason, "NoNodeAddress");
}

#[test]
fn without_node_ports_a_pod_announces_itself() {
    let pool = pool(json!({"exposure": "PodIP"}));
    let mut observed = observed(&pool, vec![starting()], &[], 0);
    observed.pods[0].addresses.clear();
    assert_eq!(plan_pool(&pool, &observed).announce[0].addresses, ["10.9.8.7"]);
}

fn any_state() -> impl Strategy<Value = PodState> {
    prop_oneof![Just(PodState::Ready), Just(starting()), Just(PodState::Terminating), Just(dead())]
}

proptest! {
    /// Whatever is there: never a busy live pod deleted, never more than `max` live, no port twice, and a plan that is carried out settles.
    #[test]
    fn plans_are_safe_and_settle(states in prop::collection::vec(any_state(), 0..9), busy in prop::collection::vec(any::<bool>(), 9), waiting in 0_u32..60, warm in 0_u32..4, max in 1_u32..7) {
        let pool = pool(json!({"workersPerPod": 4, "warm": warm.min(max), "max": max, "capacity": {"participants": 100, "meetings": 10}}));
        let busy: Vec<usize> = (0..states.len()).filter(|index| busy[*index]).collect();
        let mut observed = observed(&pool, states, &busy, waiting);
        for _ in 0..20 {
            let plan = plan_pool(&pool, &observed);
            let live_before = observed.pods.iter().filter(|pod| pod.is_live()).count();
            prop_assert!(plan.create.len() <= MAX_CREATIONS);
            prop_assert!(plan.create.is_empty() || live_before + plan.create.len() <= max as usize);
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
            if plan.create.is_empty() && plan.delete.is_empty() {
                return Ok(());
            }
            observed.pods.retain(|pod| plan.delete.iter().all(|deletion| deletion.uid != pod.uid));
            for new in plan.create {
                let mut pod = media_pod(&pool, 0, PodState::Ready);
                (pod.name, pod.uid) = (new.name.clone(), format!("{}-new", new.name));
                (pod.block, pod.rtc_ports) = (Some(new.block), Some(new.block));
                observed.pods.push(pod);
            }
            observed.taken = observed.pods.iter().filter_map(|pod| pod.block).collect();
        }
        prop_assert!(false, "did not settle: {:?}", plan_pool(&pool, &observed));
    }
}
