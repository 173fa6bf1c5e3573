use std::{collections::BTreeMap, sync::Arc};

use convene_crds::{Meeting, MeetingStatus};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    fixtures::{media_pod, meeting_object, pool},
    meeting::{
        plan::{MeetingPlan, ObservedPool, Placement, plan_meeting},
        validate::validate_meeting,
    },
    model::{
        ledger::{Holders, Ledger},
        media_pod::{MediaPod, PodState},
    },
};

#[test]
fn a_namespace_gets_places_up_to_its_limits() {
    let limits = json!({"namespaceLimits": {"meetings": 3, "dedicated": 2}});
    let none = json!({"namespaceLimits": {"dedicated": 0}});
    let usage = |meetings, dedicated| Usage { meetings, dedicated };
    let cases = [
        ("first", &limits, false, true, usage(0, 0), None),
        ("last", &limits, false, true, usage(2, 0), None),
        ("one too many", &limits, false, true, usage(3, 0), Some("NamespaceShareUsed")),
        ("more than the limit, which was lowered", &limits, false, true, usage(9, 0), Some("NamespaceShareUsed")),
        ("last dedicated", &limits, true, true, usage(2, 1), None),
        ("one dedicated too many", &limits, true, true, usage(2, 2), Some("NamespaceShareUsed")),
        ("dedicated count as meetings", &limits, true, true, usage(3, 0), Some("NamespaceShareUsed")),
        ("shared beside all dedicated", &limits, false, true, usage(2, 2), None),
        ("dedicated for others", &limits, true, false, usage(0, 0), Some("DedicatedNotAllowed")),
        ("shared where dedicated is for others", &limits, false, false, usage(0, 0), None),
        ("dedicated for no namespace", &none, true, true, usage(0, 0), Some("DedicatedNotAllowed")),
        ("shared where no namespace has dedicated", &none, false, true, usage(0, 0), None),
    ];
    for (case, spec, is_dedicated, may_be_dedicated, others, wanted) in cases {
        let bar = check_quota(&pool(spec.clone()), "crew", is_dedicated, may_be_dedicated, others);
        assert_eq!(bar.map(|reason| reason.code), wanted, "{case}");
    }
}

#[test]
fn unless_the_pool_says_otherwise_one_namespace_may_have_half_of_it() {
    let limit = |spec: Value| pool(spec).namespace_limits;
    assert_eq!(limit(json!({})), Usage { meetings: 5_000, dedicated: 1 });
    assert_eq!(limit(json!({"max": 3, "capacity": {"meetings": 1}})).meetings, 2);
    assert_eq!(limit(json!({"max": 1, "capacity": {"meetings": 1}})).meetings, 1);
    assert_eq!(limit(json!({"max": 1000, "capacity": {"meetings": 10_000}})).meetings, 5_000_000);
    assert_eq!(limit(json!({"namespaceLimits": {"meetings": 7, "dedicated": 3}})), Usage { meetings: 7, dedicated: 3 });
}

#[test]
fn messages_have_the_numbers_and_a_remedy() {
    let lagoon = pool(json!({"namespaceLimits": {"meetings": 3, "dedicated": 2}}));
    let reported = |is_dedicated, may_be_dedicated, others| {
        check_quota(&lagoon, "crew", is_dedicated, may_be_dedicated, others).unwrap().message
    };
    let usage = Usage { meetings: 3, dedicated: 2 };
    for (message, parts) in [
        (
            reported(true, true, usage),
            ["\"crew\" has 2 of at most 2 Dedicated meetings in MediaPool \"lagoon\"", "namespaceLimits.dedicated"],
        ),
        (
            reported(false, true, usage),
            ["\"crew\" has 3 of at most 3 meetings in MediaPool \"lagoon\"", "namespaceLimits.meetings"],
        ),
        (
            reported(true, false, usage),
            ["has 2 of at most 0 Dedicated meetings in MediaPool \"lagoon\"", "dedicatedNamespaces"],
        ),
    ] {
        for part in parts {
            assert!(message.contains(part), "{message}");
        }
    }
}

/// Meetings, the pods of a pool, and the decisions about them, without a cluster.
struct Stage {
    pool: Arc<ValidPool>,
    pods: Vec<Arc<MediaPod>>,
    ledger: Ledger,
    meetings: BTreeMap<String, Meeting>,
}

impl Stage {
    fn new(spec: Value) -> Self {
        let pool = Arc::new(pool(spec));
        Self { pool, pods: Vec::new(), ledger: Ledger::default(), meetings: BTreeMap::new() }
    }

    fn create(&mut self, namespace: &str, name: &str, placement: &str) -> String {
        let uid = format!("{namespace}/{name}");
        if self.meetings.contains_key(&uid) {
            return uid;
        }
        let mut meeting = meeting_object(json!({"pool": "lagoon", "placement": placement}), Value::Null);
        meeting.metadata.namespace = Some(namespace.into());
        meeting.metadata.name = Some(name.into());
        meeting.metadata.uid = Some(uid.clone());
        self.ledger.observe(&meeting);
        self.meetings.insert(uid.clone(), meeting);
        uid
    }

    /// One reconciliation of a meeting whose status is written and observed immediately.
    fn reconcile(&mut self, uid: &str) -> Option<MeetingPlan> {
        let meeting = self.meetings.get_mut(uid)?;
        let (home, labels, now) = ("harbor", BTreeMap::new(), Timestamp::UNIX_EPOCH);
        let valid = validate_meeting(meeting, Some(&Ok(self.pool.as_ref())), home, &labels, &self.ledger, now).unwrap();
        let loads = self.pods.iter().map(|pod| (pod.uid.clone(), self.ledger.load_of(&pod.uid))).collect();
        let (pool, pods) = (Arc::clone(&self.pool), self.pods.clone());
        let plan =
            plan_meeting(&valid, &ObservedPool { pool, pods, loads, trouble: None, holders: Holders::default() });
        if let Placement::New(pod) = &plan.placement {
            self.ledger.assign(uid, pod);
        }
        self.ledger.set_over_quota(uid, plan.assigned.reason().code == reason::NAMESPACE_SHARE_USED);
        self.ledger.want(uid, plan.wants_pod);
        let pod = match &plan.placement {
            Placement::Kept(pod) | Placement::New(pod) => Some(pod.clone()),
            Placement::Nowhere => None,
        };
        meeting.status = Some(MeetingStatus { pod, ..MeetingStatus::default() });
        self.ledger.observe(meeting);
        Some(plan)
    }

    /// The pool creates the pods that its waiting meetings need, and the meetings are reconciled.
    fn grow(&mut self) {
        let busy = self.pods.iter().filter(|pod| self.ledger.load_of(&pod.uid).meetings > 0).count();
        let need = self.ledger.need_of("lagoon").pods(self.pool.capacity.meetings) as usize;
        let wanted = (busy + need).min(self.pool.max as usize);
        for number in self.pods.len()..wanted {
            let number = u16::try_from(number).unwrap();
            self.pods.push(Arc::new(media_pod(&self.pool, number, PodState::Ready)));
        }
        self.reconcile_waiting();
    }

    fn reconcile_waiting(&mut self) {
        let waiting: Vec<_> = self.ledger.meetings_waiting("lagoon").into_iter().cloned().collect();
        for key in waiting {
            self.reconcile(&format!("{}/{}", key.namespace, key.name));
        }
    }

    fn delete(&mut self, uid: &str) {
        self.meetings.remove(uid);
        self.ledger.remove(uid);
    }

    /// Usage by a namespace according to the statuses of its meetings.
    fn held(&self, namespace: &str) -> Usage {
        let of_namespace = |meeting: &&Meeting| meeting.metadata.namespace.as_deref() == Some(namespace);
        let has_pod = |meeting: &&Meeting| meeting.status.as_ref().is_some_and(|status| status.pod.is_some());
        let placed: Vec<_> = self.meetings.values().filter(of_namespace).filter(has_pod).collect();
        let is_dedicated = |meeting: &&&Meeting| meeting.spec.placement == convene_crds::MeetingPlacement::Dedicated;
        let count = |count: usize| u32::try_from(count).unwrap();
        Usage { meetings: count(placed.len()), dedicated: count(placed.iter().filter(is_dedicated).count()) }
    }

    fn is_placed(&self, uid: &str) -> bool {
        self.meetings[uid].status.as_ref().is_some_and(|status| status.pod.is_some())
    }
}

#[test]
fn ten_dedicated_meetings_of_one_namespace_take_one_pod() {
    let mut stage = Stage::new(json!({}));
    let all: Vec<_> = (0..10).map(|number| stage.create("crew", &format!("m{number}"), "Dedicated")).collect();
    for uid in &all {
        stage.reconcile(uid);
    }
    assert_eq!(stage.ledger.need_of("lagoon").dedicated, 1, "the pool makes a pod for one of them only");
    stage.grow();
    assert_eq!((stage.held("crew").dedicated, stage.pods.len()), (1, 1));
    let plan = stage.reconcile(&all[9]).unwrap();
    assert_eq!(
        (plan.assigned.reason().code, plan.accepted.is_true(), plan.wants_pod),
        ("NamespaceShareUsed", true, false)
    );
    for (namespace, placement) in [("bay", "Shared"), ("dock", "Dedicated")] {
        let other = stage.create(namespace, "m", placement);
        stage.reconcile(&other);
        stage.grow();
        assert!(stage.is_placed(&other), "{namespace}");
    }
}

#[test]
fn a_place_that_is_given_back_goes_to_a_meeting_that_waited_for_it() {
    let mut stage = Stage::new(json!({}));
    let (first, second) = (stage.create("crew", "m0", "Dedicated"), stage.create("crew", "m1", "Dedicated"));
    stage.reconcile(&first);
    stage.reconcile(&second);
    stage.grow();
    assert!(stage.is_placed(&first) && !stage.is_placed(&second));
    stage.ledger.take_unblocked();
    stage.delete(&first);
    let unblocked = stage.ledger.take_unblocked();
    assert_eq!(unblocked.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["m1"]);
    stage.reconcile(&second);
    assert!(stage.is_placed(&second));
    assert!(stage.ledger.take_unblocked().is_empty());
}

#[test]
fn a_lowered_limit_takes_no_place_away_and_a_lost_pod_does() {
    let mut stage = Stage::new(json!({"namespaceLimits": {"dedicated": 2}}));
    let both = ["m0", "m1"].map(|name| stage.create("crew", name, "Dedicated"));
    for uid in &both {
        stage.reconcile(uid);
    }
    stage.grow();
    stage.pool = Arc::new(pool(json!({})));
    for uid in &both {
        stage.reconcile(uid);
        assert!(stage.is_placed(uid));
    }
    stage.pods.pop();
    for uid in &both {
        stage.reconcile(uid);
    }
    assert_eq!(stage.held("crew").dedicated, 1);
}

#[test]
fn the_next_place_goes_to_the_namespace_that_holds_least() {
    let mut stage = Stage::new(json!({"max": 1, "capacity": {"meetings": 3}, "namespaceLimits": {"meetings": 9}}));
    let mine: Vec<_> = (0..6).map(|number| stage.create("bay", &format!("m{number}"), "Shared")).collect();
    for uid in &mine {
        stage.reconcile(uid);
    }
    stage.grow();
    assert_eq!(stage.held("bay").meetings, 3);
    let other = stage.create("crew", "m", "Shared");
    stage.reconcile(&other);
    assert!(!stage.is_placed(&other));
    let gone = mine.iter().find(|uid| stage.is_placed(uid)).unwrap();
    stage.delete(gone);
    stage.reconcile_waiting();
    assert!(stage.is_placed(&other));
}

proptest! {
    /// For any sequence of steps in one namespace: its usage stays within the limits, no pods are created beyond them, and another
    /// namespace gets a place afterwards.
    #[test]
    fn no_namespace_takes_the_whole_pool(
        steps in proptest::collection::vec((0..5_u8, 0..12_u8, any::<bool>()), 1..120),
        max in 3..6_u32,
        meetings in 2..5_u32,
    ) {
        let mut stage = Stage::new(json!({"max": max, "capacity": {"meetings": meetings}}));
        let limits = stage.pool.namespace_limits;
        for (kind, number, is_dedicated) in steps {
            let (placement, name) = if is_dedicated { ("Dedicated", format!("d{number}")) } else { ("Shared", format!("s{number}")) };
            let uid = format!("crew/{name}");
            match kind {
                0 | 1 => drop(stage.create("crew", &name, placement)),
                2 => drop(stage.reconcile(&uid)),
                3 => stage.delete(&uid),
                _ => stage.grow(),
            }
            let (held, need) = (stage.held("crew"), stage.ledger.need_of("lagoon"));
            prop_assert!(held.dedicated + need.dedicated <= limits.dedicated, "{held:?} {need:?}");
            prop_assert!(held.meetings + need.shared + need.dedicated <= limits.meetings, "{held:?} {need:?}");
        }
        let other = stage.create("bay", "m", "Shared");
        stage.reconcile(&other);
        stage.grow();
        prop_assert!(stage.is_placed(&other));
    }
}
