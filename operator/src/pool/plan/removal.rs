//! Decides what happens to the pods of a pool that is being deleted, and when the pool itself may be removed.
//!
//! Pure. No more pods are created. An empty pod is deleted immediately, a pod with participants once they have left or the pool's
//! drain deadline, counted from the deletion, has passed. This needs no valid spec: an invalid pool has to be removed too.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use jiff::Timestamp;

use super::{
    drain,
    types::{DrainChange, ObservedPods, PodDeletion, Protection, compute_deletion},
};
use crate::model::{
    media_pod::{Draining, MediaPod, PodState},
    reason::Reason,
    removal::Removal,
};
use convene_crds::reason;

/// The remaining objects of a pool that is being deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    /// Pods that are not terminating.
    pub(crate) pods: u32,
    /// Those with participants among them.
    pub(crate) busy: u32,
    /// Participants on them.
    pub(crate) participants: u32,
    /// Meetings that still have a pod, by their status.
    pub(crate) meetings: u32,
}

/// Everything that one reconciliation does to a pool that is being deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RemovalPlan {
    /// Pods that start draining.
    pub(crate) drain: Vec<DrainChange>,
    /// Pods whose protection from eviction changes.
    pub(crate) protect: Vec<Protection>,
    /// Pods to delete. Where the reason is [`reason::DRAIN_DEADLINE`], their participants are notified first.
    pub(crate) delete: Vec<PodDeletion>,
    /// Whether pods are deleted after the deadline although their rooms could not be ended.
    pub(crate) is_overdue: bool,
    /// The remaining objects before the plan is executed.
    pub(crate) left: Left,
    /// Whether the finalizer can be removed.
    pub(crate) is_done: bool,
    /// The time of the next due step that no watch reports.
    pub(crate) again: Option<Timestamp>,
}

/// Plans one reconciliation of a pool that is being deleted. `meetings` is the number of its meetings that still have a pod.
pub(crate) fn plan_removal(removal: &Removal, observed: &ObservedPods, meetings: u32) -> RemovalPlan {
    let left = count_left(observed, meetings);
    let is_settled = left.meetings == 0 || observed.now >= removal.settled_at();
    let deletions =
        staying(observed).filter_map(|pod| Some(compute_deletion(pod, find_cause(removal, observed, pod)?)));
    let delete: Vec<_> = deletions.collect();
    let is_deleted = |pod: &&MediaPod| delete.iter().any(|deletion| deletion.uid == pod.uid);
    let undrained = staying(observed).filter(|pod| !is_deleted(pod) && !is_drained(removal, pod));
    RemovalPlan {
        drain: undrained.map(|pod| begin(removal, pod)).collect(),
        protect: drain::plan_protection(observed),
        is_overdue: removal.is_overdue(observed.now),
        is_done: left.pods == 0 && is_settled,
        again: Some(if left.pods > 0 { removal.deadline } else { removal.settled_at() })
            .filter(|time| *time > observed.now),
        delete,
        left,
    }
}

/// The reason the pool still exists, for users.
pub(crate) fn explain_removal(removal: &Removal, left: &Left) -> Reason {
    let Left { pods, busy, participants, meetings } = *left;
    let message = match (busy, pods) {
        (0, 0) if meetings > 0 => {
            format!("being deleted: its pods are gone, waiting for the status of {meetings} meetings")
        }
        (0, 0) => "being deleted: its pods are gone".to_owned(),
        (0, _) => format!("being deleted: removing {} without participants", count(pods, "media pod")),
        _ => format!(
            "being deleted: {} on {} can stay until {}, then their calls end",
            if participants == 1 { "1 participant".to_owned() } else { format!("{participants} participants") },
            count(busy, "media pod"),
            removal.deadline
        ),
    };
    Reason::new(reason::DELETING, message)
}

fn count(number: u32, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Pods that have not been deleted yet; failed ones are among them.
fn staying(observed: &ObservedPods) -> impl Iterator<Item = &MediaPod> {
    observed.pods.iter().map(AsRef::as_ref).filter(|pod| pod.state != PodState::Terminating)
}

fn count_left(observed: &ObservedPods, meetings: u32) -> Left {
    let mut left = Left { meetings, ..Left::default() };
    for pod in staying(observed) {
        let load = observed.load_of(pod);
        // Those of meetings that are on several pods are in the report of one of these.
        let reported = observed.participants.get(&pod.uid).copied().filter(|_| load.meetings == 0).unwrap_or_default();
        left.pods += 1;
        left.busy += u32::from(observed.has_participants(pod));
        left.participants += reported.max(load.participants);
    }
    left
}

/// A pod that is briefly not ready may still have participants: a pod with meetings counts as empty only if it has reported so.
fn is_empty(observed: &ObservedPods, pod: &MediaPod) -> bool {
    let has_told = observed.participants.contains_key(&pod.uid);
    observed.is_known_empty(pod) && (has_told || observed.load_of(pod).meetings == 0)
}

fn find_cause(removal: &Removal, observed: &ObservedPods, pod: &MediaPod) -> Option<Reason> {
    let name = &pod.name;
    let is_over = observed.now >= removal.deadline;
    // At the deadline pods become unready and meetings lose their assignment: the next leader must not mistake such a pod for an empty one.
    let may_be_busy = is_over && !observed.participants.contains_key(&pod.uid);
    if matches!(pod.state, PodState::Dead(_)) || (is_empty(observed, pod) && !may_be_busy) {
        return Some(Reason::new(
            reason::POD_DELETED,
            format!("media pod {name:?} has no participants, and its pool is being deleted"),
        ));
    }
    is_over.then(|| {
        let message =
            format!("media pod {name:?} was not empty at {}, and its pool is being deleted", removal.deadline);
        Reason::new(reason::DRAIN_DEADLINE, message)
    })
}

/// Whether a pod is draining because of this removal. A pod that was draining for another reason gets the pool's deadline.
fn is_drained(removal: &Removal, pod: &MediaPod) -> bool {
    pod.draining.as_ref() == Some(&compute_draining(removal))
}

fn begin(removal: &Removal, pod: &MediaPod) -> DrainChange {
    let (name, uid) = (pod.name.clone(), pod.uid.clone());
    let message = format!("draining media pod {name:?}: its pool is being deleted");
    DrainChange { name, uid, draining: Some(compute_draining(removal)), message }
}

fn compute_draining(removal: &Removal) -> Draining {
    let since = Timestamp::from_second(removal.since.as_second()).unwrap_or(removal.since);
    Draining { since, reason: reason::POOL_DELETING }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        fixtures::{media_pod, pool, starting},
        model::ledger::PodLoad,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn removal() -> Removal {
        Removal::new(at(1_000), 300)
    }

    /// Pods with the number of participants they reported; `None` is a pod that has not reported yet.
    fn observed(pods: &[(PodState, Option<u32>)], now: i64) -> ObservedPods {
        let pool = pool(json!({}));
        let mut observed = ObservedPods { now: at(now), ..ObservedPods::default() };
        for ((state, participants), number) in pods.iter().zip(0..) {
            let pod = media_pod(&pool, number, state.clone());
            observed.participants.extend(participants.map(|participants| (pod.uid.clone(), participants)));
            observed.pods.push(Arc::new(pod));
        }
        observed
    }

    fn dead() -> PodState {
        PodState::Dead(Reason::new(reason::POD_FAILED, "ended"))
    }

    #[test]
    fn pods_go_when_they_are_empty_or_their_time_is_over() {
        use PodState::{Ready, Terminating};
        // (case, pod, participants, second, reason of its deletion, drained)
        let cases = [
            ("it is empty", Ready, Some(0), 1_000, Some(reason::POD_DELETED), false),
            ("it starts", starting(), None, 1_000, Some(reason::POD_DELETED), false),
            ("it has failed", dead(), Some(3), 1_000, Some(reason::POD_DELETED), false),
            ("it has participants", Ready, Some(3), 1_000, None, true),
            ("a moment before the deadline", Ready, Some(3), 1_299, None, true),
            ("at the deadline", Ready, Some(3), 1_300, Some(reason::DRAIN_DEADLINE), false),
            ("it has not reported yet", Ready, None, 1_000, None, true),
            ("it never reported", Ready, None, 1_300, Some(reason::DRAIN_DEADLINE), false),
            // At the deadline pods become unready, and another replica may become the leader before their rooms have ended.
            ("it is not ready and has not reported", starting(), None, 1_300, Some(reason::DRAIN_DEADLINE), false),
            ("it is terminating", Terminating, Some(3), 1_300, None, false),
        ];
        for (case, state, participants, second, why, is_drained) in cases {
            let plan = plan_removal(&removal(), &observed(&[(state, participants)], second), 1);
            let found: Vec<_> = plan.delete.iter().map(|deletion| deletion.why.code).collect();
            assert_eq!(found, why.into_iter().collect::<Vec<_>>(), "{case}");
            assert_eq!(!plan.drain.is_empty(), is_drained, "{case}");
            assert!(!plan.is_done, "{case}");
        }
    }

    #[test]
    fn a_pod_that_does_not_answer_is_given_some_seconds_more() {
        for (second, is_overdue) in [(1_300, false), (1_314, false), (1_315, true)] {
            let plan = plan_removal(&removal(), &observed(&[(PodState::Ready, Some(3))], second), 1);
            assert_eq!((plan.delete.len(), plan.is_overdue), (1, is_overdue), "{second}");
        }
    }

    #[test]
    fn a_pod_with_meetings_that_is_not_ready_for_a_moment_is_no_empty_one() {
        let mut observed = observed(&[(starting(), None)], 1_000);
        let uid = observed.pods[0].uid.clone();
        observed.loads.insert(uid.clone(), PodLoad { meetings: 1, ..PodLoad::default() });
        assert!(plan_removal(&removal(), &observed, 1).delete.is_empty());
        observed.participants.insert(uid, 0);
        assert_eq!(plan_removal(&removal(), &observed, 1).delete.len(), 1);
    }

    #[test]
    fn the_pool_goes_when_no_pod_is_left_and_the_meetings_say_so_or_cannot() {
        let gone = [(PodState::Terminating, Some(3))];
        let cases = [
            ("a pod is left", &[(PodState::Ready, Some(0))][..], 0, 1_000, false),
            ("all are gone", &[], 0, 1_000, true),
            ("one is on its way out", &gone, 0, 1_000, true),
            ("a meeting says that it has a pod", &gone, 1, 1_000, false),
            ("its status cannot be written", &gone, 1, 1_335, true),
        ];
        for (case, pods, meetings, second, is_done) in cases {
            let plan = plan_removal(&removal(), &observed(pods, second), meetings);
            assert_eq!(plan.is_done, is_done, "{case}");
            assert!(plan.is_done || plan.again.is_some() || !plan.delete.is_empty(), "{case}: nothing would happen");
        }
    }

    #[test]
    fn a_pod_that_was_drained_for_something_else_gets_the_time_of_the_pool() {
        let drained = |draining: &Draining| {
            let mut observed = observed(&[(PodState::Ready, Some(1))], 1_200);
            Arc::make_mut(&mut observed.pods[0]).draining = Some(draining.clone());
            plan_removal(&removal(), &observed, 1)
        };
        let plan = drained(&Draining { since: at(800), reason: reason::OUTDATED });
        let wanted = Draining { since: at(1_000), reason: reason::POOL_DELETING };
        assert_eq!((plan.drain.len(), plan.delete.len()), (1, 0));
        assert_eq!(plan.drain[0].draining, Some(wanted.clone()));
        assert!(drained(&wanted).drain.is_empty());
        assert_eq!(Draining::parse(&wanted.to_annotation()), wanted);
    }

    #[test]
    fn the_status_says_who_is_still_there_and_until_when() {
        let explain = |busy, participants, pods, meetings| {
            explain_removal(&removal(), &Left { pods, busy, participants, meetings }).message
        };
        assert_eq!(
            explain(2, 7, 3, 2),
            "being deleted: 7 participants on 2 media pods can stay until 1970-01-01T00:21:40Z, then their calls end"
        );
        assert!(explain(1, 1, 1, 1).contains("1 participant on 1 media pod can stay"));
        assert_eq!(explain(0, 0, 2, 0), "being deleted: removing 2 media pods without participants");
        assert_eq!(explain(0, 0, 0, 0), "being deleted: its pods are gone");
    }

    /// Participants of a meeting according to its status, on a pod that has not reported to this process yet.
    #[test]
    fn participants_in_a_status_count() {
        let mut observed = observed(&[(starting(), None)], 1_000);
        let load = PodLoad { meetings: 1, participants: 4, dedicated: 0, active: 1, ..PodLoad::default() };
        observed.loads.insert(observed.pods[0].uid.clone(), load);
        let plan = plan_removal(&removal(), &observed, 1);
        assert!(plan.delete.is_empty());
        assert_eq!((plan.left.busy, plan.left.participants), (1, 4));
    }

    fn any_pod() -> impl Strategy<Value = (PodState, Option<u32>)> {
        let state = prop_oneof![Just(PodState::Ready), Just(starting()), Just(PodState::Terminating)];
        (state, prop_oneof![Just(None), (0..3_u32).prop_map(Some)])
    }

    proptest! {
        /// Whatever the pods report: no call is ended early, and half a minute after the deadline nothing keeps the pool.
        #[test]
        fn no_call_ends_early_and_the_pool_is_removed_in_the_end(
            pods in prop::collection::vec(any_pod(), 0..6), second in 1_000..1_400_i64, meetings in 0..3_u32,
        ) {
            let observed = observed(&pods, second);
            let plan = plan_removal(&removal(), &observed, meetings);
            for deletion in &plan.delete {
                let participants = observed.participants.get(&deletion.uid).copied().unwrap_or_default();
                prop_assert!(participants == 0 || second >= 1_300, "{deletion:?}");
            }
            let staying = observed.pods.iter().filter(|pod| pod.state != PodState::Terminating).count();
            prop_assert!(second < 1_300 || plan.delete.len() == staying);
            prop_assert!(!plan.is_done || staying == 0);
            prop_assert!(second < 1_335 || staying > 0 || plan.is_done);
        }
    }
}
