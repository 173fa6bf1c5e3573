#![allow(clippy::type_complexity, reason = "tables of cases read best as tuples")]

use convene_crds::reason;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    fixtures::{media_pod, pool, starting},
    meeting::validate::Moment,
    model::{
        ledger::{Holders, Sites},
        media_pod::{Draining, PodState, Reached},
        reason::Reason,
        valid_pool::ValidPool,
    },
};

/// A pod takes 100 participants.
fn lagoon() -> ValidPool {
    pool(json!({"capacity": {"participants": 100, "meetings": 4}, "pipePorts": 8}))
}

fn uid(number: u16) -> String {
    format!("media-lagoon-{}-uid", 41000 + number * 4)
}

/// A meeting on pod 0, with pods that serve it now and its participants on each of them.
struct Case {
    max_pods: u32,
    quota_pods: u32,
    /// On pod 0.
    here: u32,
    sites: Vec<(u16, u32)>,
    pods: Vec<MediaPod>,
    /// Participants of other meetings, by pod.
    others: Vec<u32>,
    lenders: Vec<u16>,
    is_reported: bool,
    is_released: bool,
    wants_pod: bool,
    /// Seconds ago.
    spare_since: Option<i64>,
    /// Seconds ago, for each of its sites.
    lost_since: Option<i64>,
    losses: u32,
    avoided: Vec<u16>,
    deleted_at: Option<i64>,
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_second(1000 - seconds).unwrap()
}

impl Case {
    /// As many pods as there are counts, and all of them can serve other pods' meetings.
    fn new(max_pods: u32, here: u32, sites: &[(u16, u32)], others: &[u32]) -> Self {
        let count = u16::try_from(others.len()).unwrap();
        let pods = (0..count).map(|number| media_pod(&lagoon(), number, PodState::Ready)).collect();
        Self {
            max_pods,
            quota_pods: 99,
            here,
            sites: sites.to_vec(),
            pods,
            others: others.to_vec(),
            lenders: (0..count).collect(),
            is_reported: true,
            is_released: false,
            wants_pod: false,
            spare_since: None,
            lost_since: None,
            losses: 1,
            avoided: Vec::new(),
            deleted_at: None,
        }
    }

    fn meeting(&self) -> ValidMeeting {
        let (lost_since, losses) = (self.lost_since.map(ago), self.losses);
        let reported: BTreeMap<Arc<str>, OnSite> = self
            .sites
            .iter()
            .map(|(number, participants)| {
                (uid(*number).into(), OnSite { participants: *participants, lost_since, losses })
            })
            .collect();
        let sites = Sites {
            wanted: self.sites.iter().map(|(number, _)| uid(*number).into()).collect(),
            reported: self.is_reported.then_some(reported),
            spare_since: self.spare_since.map(ago),
            avoided: self.avoided.iter().map(|number| uid(*number).into()).collect(),
            wants_pod: self.wants_pod,
        };
        ValidMeeting {
            max_participants: 60,
            max_pods: self.max_pods,
            quota_pods: self.quota_pods,
            participants: self.here + self.sites.iter().map(|(_, count)| count).sum::<u32>(),
            sites,
            is_dedicated: false,
            bound_to: Some(self.pods[0].to_assigned()),
            is_reported: self.is_reported,
            relief: None,
            is_released: self.is_released,
            is_arriving: false,
            denial: None,
            moment: Moment::During,
            now: ago(0),
        }
    }

    fn observed(&self) -> ObservedPool {
        let own = |number: u16| {
            let site = self.sites.iter().find(|(site, _)| *site == number).map_or(0, |(_, count)| *count);
            if number == 0 { self.here } else { site }
        };
        let load = |(number, others): (u16, &u32)| {
            (uid(number), PodLoad { participants: others + own(number), ..PodLoad::default() })
        };
        ObservedPool {
            pool: Arc::new(ValidPool { deleted_at: self.deleted_at.map(ago), ..lagoon() }),
            trouble: None,
            pods: self.pods.iter().cloned().map(Arc::new).collect(),
            loads: (0..).zip(&self.others).map(load).collect(),
            holders: Holders::default(),
        }
    }

    fn choose(&self) -> ChosenSites {
        let lenders: Vec<_> = self.lenders.iter().map(|number| uid(*number)).collect();
        choose_sites(&self.meeting(), &self.observed(), &uid(0), &lenders.iter().map(String::as_str).collect())
    }

    /// Numbers of the chosen pods, and whether another one is needed.
    fn numbers(&self) -> (Vec<u16>, bool) {
        let chosen = self.choose();
        let number = |pod: &Arc<MediaPod>| (0..40).find(|number| uid(*number) == pod.uid).unwrap();
        (chosen.sites.iter().map(number).collect(), chosen.wants_pod)
    }
}

#[test]
fn pods_are_added_before_the_others_are_full_and_released_when_they_are_not_needed() {
    let spare = |case: Case| Case { spare_since: Some(60), ..case };
    let cases: [(&str, Case, (Vec<u16>, bool)); 23] = [
        ("no participants", Case::new(3, 0, &[], &[0, 0]), (vec![], false)),
        ("few", Case::new(3, 69, &[], &[0, 0]), (vec![], false)),
        ("many", Case::new(3, 70, &[], &[0, 0]), (vec![1], false)),
        ("many, and it may have one pod only", Case::new(1, 99, &[], &[0, 0]), (vec![], false)),
        ("more than two pods take", Case::new(3, 150, &[], &[0, 0, 0]), (vec![1, 2], false)),
        ("others are on its pod", Case::new(3, 30, &[], &[60, 0]), (vec![1], false)),
        ("no other pod", Case::new(3, 70, &[], &[0]), (vec![], true)),
        ("as before, and one has left", Case::new(3, 69, &[], &[0]), (vec![], false)),
        ("while a pod is being created", Case { wants_pod: true, ..Case::new(3, 69, &[], &[0]) }, (vec![], true)),
        ("while one is, and ten have left", Case { wants_pod: true, ..Case::new(3, 59, &[], &[0]) }, (vec![], false)),
        ("one could not be linked before", Case { avoided: vec![1], ..Case::new(3, 70, &[], &[0, 0]) }, (vec![], true)),
        ("the other pod has too many of others", Case::new(3, 70, &[], &[0, 41]), (vec![], true)),
        ("the one with fewer", Case::new(3, 70, &[], &[0, 20, 10]), (vec![2], false)),
        ("more than its namespace may have", Case { quota_pods: 1, ..Case::new(3, 70, &[], &[0, 0]) }, (vec![], false)),
        ("it had them before", Case { quota_pods: 1, ..Case::new(3, 90, &[(1, 90)], &[0, 0, 0]) }, (vec![1], false)),
        ("a second one, half used", Case::new(3, 60, &[(1, 10)], &[0, 0, 0]), (vec![1], false)),
        ("nearly all of both", Case::new(3, 80, &[(1, 65)], &[0, 0, 0]), (vec![1, 2], false)),
        ("most have just left", Case::new(3, 20, &[(1, 0)], &[0, 0]), (vec![1], false)),
        ("most have left", spare(Case::new(3, 20, &[(1, 0)], &[0, 0])), (vec![], false)),
        ("half have left", spare(Case::new(3, 50, &[(1, 0)], &[0, 0])), (vec![1], false)),
        ("one of them is not empty", spare(Case::new(3, 5, &[(1, 0), (2, 1)], &[0, 0, 0])), (vec![2], false)),
        ("its pods have ports for fewer meetings", Case::new(3, 150, &[], &[0, 0]), (vec![1], true)),
        ("it may have fewer now", Case::new(2, 5, &[(1, 3), (2, 9)], &[0, 0, 0]), (vec![2], false)),
    ];
    for (case, view, wanted) in cases {
        assert_eq!(view.numbers(), wanted, "{case}");
    }
}

/// Pod 0 has the room, and 70 of 100 participants; pod 1 serves 30 of them, and pod 3 is free.
fn with_pod_1(change: impl Fn(&mut MediaPod)) -> Case {
    let mut case = Case::new(3, 70, &[(1, 30)], &[0, 0, 50, 0]);
    change(&mut case.pods[1]);
    case
}

fn drain(pod: &mut MediaPod) {
    pod.draining = Some(Draining { since: Timestamp::UNIX_EPOCH, reason: reason::CORDONED });
}

#[test]
fn a_pod_that_takes_no_new_participants_is_replaced_and_keeps_those_it_serves() {
    let changes: [(&str, &dyn Fn(&mut MediaPod)); 4] = [
        ("it is not ready", &|pod| pod.state = starting()),
        ("it does not respond", &|pod| *pod = pod.to_silent()),
        ("its process has ended, which the room has not noticed", &|pod| *pod = pod.to_ended()),
        ("it drains, and it is not its turn", &drain),
    ];
    for (case, change) in changes {
        let mut new = Case::new(3, 70, &[], &[0, 0]);
        change(&mut new.pods[1]);
        assert_eq!(new.numbers(), (vec![], true), "{case}");
        assert_eq!(with_pod_1(change).numbers(), (vec![1, 3], false), "{case}");
    }
    for (case, state) in [("it is being deleted", PodState::Terminating), ("it has failed", PodState::Dead(why()))] {
        assert_eq!(with_pod_1(|pod| pod.state = state.clone()).numbers(), (vec![3], false), "{case}");
    }
}

fn why() -> Reason {
    Reason::new(reason::POD_FAILED, "")
}

#[test]
fn participants_leave_a_draining_pod_in_turn_and_only_if_others_can_take_them() {
    let released = |case: Case| Case { is_released: true, ..case };
    let chosen = released(with_pod_1(drain)).choose();
    assert_eq!((chosen.sites.len(), chosen.leaving), (1, 30));
    let full = released(Case { others: vec![0, 0, 50, 50], ..with_pod_1(drain) });
    assert_eq!((full.numbers(), full.choose().leaving), ((vec![1], true), 0), "a pod is created first");
    let ending = released(Case { deleted_at: Some(1), ..with_pod_1(drain) });
    assert_eq!((ending.numbers(), ending.choose().leaving), ((vec![1], false), 0), "their call may continue");
}

#[test]
fn a_pod_that_cannot_be_linked_is_replaced() {
    let lost = |seconds: i64| Case { lost_since: Some(seconds), ..with_pod_1(|_| ()) };
    let chosen = lost(14);
    assert_eq!((chosen.numbers(), chosen.choose().unlinked.len()), ((vec![1, 3], false), 0), "it may come back");
    let chosen = lost(15);
    assert_eq!((chosen.numbers(), chosen.choose().unlinked.len()), ((vec![3], false), 1));
    let limited = Case { max_pods: 2, ..lost(14) };
    assert_eq!(limited.numbers(), (vec![1], false), "no other one before that");
    let other = Case { lost_since: Some(1), ..Case::new(3, 90, &[(1, 0)], &[0, 0]) };
    assert_eq!(other.numbers(), (vec![1], true), "it is not chosen twice");
    let again = Case { losses: 3, ..lost(1) };
    assert_eq!((again.numbers(), again.choose().unlinked.len()), ((vec![3], false), 1), "for the third time");
    let silent = Case { lost_since: Some(15), ..with_pod_1(|pod| *pod = pod.to_silent()) };
    assert_eq!((silent.numbers(), silent.choose().unlinked.len()), ((vec![3], false), 0), "its own state says why");
    let alone = Case { lost_since: Some(15), ..Case::new(3, 90, &[(1, 0)], &[0, 0]) };
    assert_eq!(alone.numbers(), (vec![], true), "not by itself");
}

#[test]
fn pods_that_clients_reach_come_first_and_those_of_dedicated_meetings_never() {
    let mut far = Case::new(3, 70, &[], &[0, 0, 30]);
    far.pods[1].reached =
        Some(Reached { is_reachable: Some(false), reason: Reason::new(reason::MEDIA_UNREACHABLE, "") });
    assert_eq!(far.numbers(), (vec![2], false), "only if there is no other");
    let case = Case::new(3, 70, &[], &[0, 0]);
    let lenders = [uid(0), uid(1)];
    let lenders = lenders.iter().map(String::as_str).collect();
    let busy: [(u16, fn(&mut PodLoad)); 3] =
        [(1, |load| load.dedicated = 1), (1, |load| load.pipes = 8), (0, |load| load.pipes = 8)];
    for (number, change) in busy {
        let mut observed = case.observed();
        change(observed.loads.get_mut(&uid(number)).unwrap());
        assert_eq!(choose_sites(&case.meeting(), &observed, &uid(0), &lenders).sites, []);
    }
}

#[test]
fn pods_on_other_nodes_come_first() {
    let mut view = Case::new(3, 150, &[], &[0, 0, 10, 20]);
    view.pods[2].node = Some("pier-2".into());
    view.pods[3].node = Some("pier-2".into());
    assert_eq!(view.numbers(), (vec![2, 1], false));
}

#[test]
fn what_is_not_known_yet_changes_nothing() {
    let unreported = Case { is_reported: false, ..Case::new(3, 90, &[(1, 0)], &[0, 0, 0]) };
    assert_eq!(unreported.numbers(), (vec![1], false), "its pod has not reported since the operator started");
    let old = Case { lenders: vec![1], ..Case::new(3, 90, &[], &[0, 0]) };
    assert_eq!(old.numbers(), (vec![], false), "its own pod cannot use others");
    let none = Case { lenders: vec![0], ..Case::new(3, 90, &[(1, 4)], &[0, 0, 0]) };
    assert_eq!(none.numbers(), (vec![1], false), "one that serves it stays although it has not reported yet");
}

proptest! {
    /// Whatever the loads: never more pods than allowed, never its own, none twice, and no one who is served has to leave.
    #[test]
    fn chosen_pods_are_bounded_and_keep_whom_they_serve(
        lost_since in proptest::option::of(0..20_i64), max_pods in 1..6_u32, here in 0..200_u32, counts in proptest::collection::vec(0..90_u32, 0..5),
        others in proptest::collection::vec(0..90_u32, 6..9), ready in proptest::collection::vec(any::<bool>(), 9),
    ) {
        let sites: Vec<_> = (1..).zip(counts).collect();
        let mut view = Case::new(max_pods, here, &sites, &others);
        for (pod, is_ready) in view.pods.iter_mut().zip(&ready) {
            if !is_ready {
                pod.state = starting();
            }
        }
        view.lost_since = lost_since;
        let (chosen, _) = view.numbers();
        let distinct: BTreeSet<_> = chosen.iter().collect();
        prop_assert_eq!(distinct.len(), chosen.len());
        if lost_since.is_some() {
            return Ok(());
        }
        let (usable, others): (Vec<u16>, Vec<u16>) = chosen.iter().partition(|number| ready[**number as usize]);
        prop_assert!(usable.len() < max_pods as usize && !chosen.contains(&0));
        prop_assert!(others.iter().all(|number| sites.iter().any(|(site, count)| site == number && *count > 0)));
        if sites.len() < max_pods as usize {
            let left = sites.iter().filter(|(number, count)| *count > 0 && !chosen.contains(number));
            prop_assert_eq!(left.count(), 0);
        }
    }

    /// What was chosen is chosen again: a meeting does not gain and lose the same pod in turn.
    #[test]
    fn a_choice_is_stable(max_pods in 1..6_u32, here in 0..500_u32, others in proptest::collection::vec(0..90_u32, 6)) {
        let first = Case::new(max_pods, here, &[], &others);
        let (chosen, wants_pod) = first.numbers();
        let sites: Vec<_> = chosen.iter().map(|number| (*number, 0)).collect();
        let second = Case::new(max_pods, here, &sites, &others);
        prop_assert_eq!(second.numbers(), (chosen, wants_pod));
    }
}
