#![allow(
    clippy::type_complexity,
    clippy::needless_pass_by_value,
    reason = "tables of cases read best as tuples, and lists of pods as values"
)]

use serde_json::json;

use super::*;
use crate::{
    fixtures::{media_pod, pool, starting},
    model::ledger::Sites,
};

fn meeting(bound_to: Option<&MediaPod>) -> ValidMeeting {
    ValidMeeting {
        max_participants: 20,
        max_pods: 1,
        quota_pods: 1,
        sites: Sites::default(),
        is_dedicated: false,
        bound_to: bound_to.map(MediaPod::to_assigned),
        participants: 0,
        is_reported: true,
        relief: None,
        is_released: false,
        is_arriving: false,
        denial: None,
        moment: Moment::During,
        now: Timestamp::UNIX_EPOCH,
    }
}

fn observed(pods: Vec<MediaPod>, loads: &[(usize, u32, u32)]) -> ObservedPool {
    let pool = pool(json!({"capacity": {"participants": 100, "meetings": 10}, "max": 3}));
    let load = |(index, meetings, participants): &(usize, u32, u32)| {
        (pods[*index].uid.clone(), PodLoad { meetings: *meetings, participants: *participants, ..PodLoad::default() })
    };
    let pods = pods.iter().cloned().map(Arc::new).collect();
    let loads = loads.iter().map(load).collect();
    ObservedPool { loads, trouble: None, holders: Holders::default(), pool: Arc::new(pool), pods }
}

fn pods(states: Vec<PodState>) -> Vec<MediaPod> {
    let pool = pool(json!({"capacity": {"participants": 100, "meetings": 10}, "max": 3}));
    states.into_iter().zip(0..).map(|(state, number)| media_pod(&pool, number, state)).collect()
}

fn placed_on(plan: &MeetingPlan) -> Option<&str> {
    match &plan.placement {
        Placement::New(pod) | Placement::Kept(pod) => Some(&pod.name),
        Placement::Nowhere => None,
    }
}

#[test]
fn in_a_pool_that_is_being_deleted_only_those_who_are_in_may_stay() {
    use PodState::{Ready, Terminating};
    // (case, state of its pod, participants, whether the pod has reported, kept)
    let cases = [
        ("it has participants", Some(Ready), 3, true, true),
        ("it has participants, and their pod is not ready", Some(starting()), 3, true, true),
        ("it is empty", Some(Ready), 0, true, false),
        ("empty by its status, and its pod has not reported yet", Some(Ready), 0, false, true),
        ("its pod is going", Some(Terminating), 3, true, false),
        ("its pod is terminating and has not reported yet", Some(Terminating), 0, false, false),
        ("it waited", None, 0, false, false),
    ];
    for (case, state, participants, is_reported, is_kept) in cases {
        let there = pods(vec![state.clone().unwrap_or(Ready), Ready]);
        let bound = state.is_some().then(|| &there[0]);
        let mut observed = observed(there.clone(), &[]);
        let pool = Arc::make_mut(&mut observed.pool);
        pool.deleted_at = Timestamp::from_second(60).ok();
        let plan = plan_meeting(&ValidMeeting { participants, is_reported, ..meeting(bound) }, &observed);
        let placed = is_kept.then_some("media-lagoon-41000");
        assert_eq!(placed_on(&plan), placed, "{case}");
        assert_eq!(plan.accepted.reason().code, "PoolDeleting", "{case}");
        assert!(!plan.accepted.is_true() && !plan.wants_pod, "{case}");
        assert_eq!(plan.is_draining, is_kept, "{case}");
        assert!(is_kept || !plan.ready.is_true(), "{case}");
        assert_eq!(plan.left.is_some(), !is_kept && bound.is_some(), "{case}");
        let is_reported = plan.accepted.reason().message.contains("until 1970-01-01T00:06:00Z");
        assert_eq!(is_reported, is_kept, "{case}: {:?}", plan.accepted);
    }
}

#[test]
fn the_fullest_pod_that_fits_is_taken() {
    use PodState::{Ready, Terminating};
    let three = || vec![Ready, Ready, Ready];
    let cases: Vec<(&str, Vec<PodState>, Vec<(usize, u32, u32)>, Option<&str>)> = vec![
        ("all empty: the first by name", three(), vec![], Some("media-lagoon-41000")),
        ("most participants", three(), vec![(0, 2, 10), (1, 1, 30)], Some("media-lagoon-41004")),
        ("most meetings", three(), vec![(0, 2, 0), (2, 3, 0)], Some("media-lagoon-41008")),
        ("capacity for the participants", three(), vec![(0, 1, 81), (1, 1, 80)], Some("media-lagoon-41004")),
        ("capacity for the meeting", three(), vec![(0, 10, 50), (1, 9, 0)], Some("media-lagoon-41004")),
        ("only ready ones", vec![starting(), Terminating, Ready], vec![(0, 5, 50)], Some("media-lagoon-41008")),
        ("none fits", three(), vec![(0, 1, 81), (1, 1, 90), (2, 10, 0)], None),
        ("none there", vec![], vec![], None),
    ];
    for (case, states, loads, wanted) in cases {
        let plan = plan_meeting(&meeting(None), &observed(pods(states), &loads));
        assert_eq!(placed_on(&plan), wanted, "{case}");
    }
}

#[test]
fn an_older_template_is_the_second_choice() {
    let mut both = pods(vec![PodState::Ready, PodState::Ready]);
    both[0].revision = "older".into();
    let plan = plan_meeting(&meeting(None), &observed(both, &[(0, 5, 50)]));
    assert_eq!(placed_on(&plan), Some("media-lagoon-41004"));
}

#[test]
fn a_meeting_stays_where_it_is_even_if_another_pod_is_fuller() {
    let both = pods(vec![PodState::Ready, PodState::Ready]);
    let plan = plan_meeting(&meeting(Some(&both[1])), &observed(both.clone(), &[(0, 5, 50), (1, 1, 0)]));
    assert_eq!(plan.placement, Placement::Kept(both[1].to_assigned()));
    assert!(plan.ready.is_true() && plan.left.is_none());
}

#[test]
fn a_meeting_waits_for_its_own_pod_to_be_ready_again() {
    let both = pods(vec![starting(), PodState::Ready]);
    let plan = plan_meeting(&meeting(Some(&both[0])), &observed(both.clone(), &[]));
    assert_eq!(placed_on(&plan), Some("media-lagoon-41000"));
    assert_eq!(plan.ready, ConditionValue::no("PodNotReady", "its container is being created"));
    assert!(plan.assigned.is_true());
}

#[test]
fn a_meeting_leaves_a_pod_that_is_gone() {
    let reason = || Reason::new(reason::POD_FAILED, "ended");
    for state in [PodState::Terminating, PodState::Dead(reason()), PodState::Crashing(reason())] {
        let both = pods(vec![state.clone(), PodState::Ready]);
        let plan = plan_meeting(&meeting(Some(&both[0])), &observed(both.clone(), &[]));
        let lost = Some(both[0].uid.clone());
        let wanted = AssignedPod { instead_of: lost, ..both[1].to_assigned() };
        assert_eq!(plan.placement, Placement::New(wanted), "{state:?}");
        assert!(plan.left.is_some() && plan.ready.is_true());
    }
}

#[test]
fn the_pod_that_was_lost_stays_named_until_the_meeting_moves_again() {
    let three = pods(vec![PodState::Ready, PodState::Ready, PodState::Ready]);
    let lost = |pod: &MediaPod| Some(pod.uid.clone());
    let instead_of =
        |meeting: &ValidMeeting, pods: Vec<MediaPod>| match plan_meeting(meeting, &observed(pods, &[])).placement {
            Placement::New(pod) | Placement::Kept(pod) => pod.instead_of,
            Placement::Nowhere => None,
        };
    let with = |change: &dyn Fn(&mut MediaPod)| {
        let mut changed = three.clone();
        change(&mut changed[1]);
        changed
    };
    let bound_to = Some(AssignedPod { instead_of: lost(&three[0]), ..three[1].to_assigned() });
    let there = ValidMeeting { bound_to, is_released: true, participants: 2, ..meeting(None) };
    let silent = with(&|pod| *pod = pod.to_silent());
    let drained = with(&|pod| pod.draining = Some(draining()));
    assert_eq!(instead_of(&there, three.clone()), lost(&three[0]), "it stays");
    assert_eq!(instead_of(&there, silent), lost(&three[1]), "lost again");
    assert_eq!(instead_of(&there, drained), None, "after a handover");
    assert_eq!(instead_of(&meeting(None), three.clone()), None, "the first pod");
}

#[test]
fn a_meeting_on_a_silent_pod_is_not_ready_unless_it_moves() {
    let both = pods(vec![PodState::Ready, PodState::Ready]);
    let silent = both[0].to_silent();
    let there = ValidMeeting { participants: 2, ..meeting(Some(&silent)) };
    let plan = plan_meeting(&there, &observed(vec![silent.clone()], &[]));
    assert_eq!((placed_on(&plan), plan.wants_pod, plan.ready.is_true()), (Some(&*silent.name), true, false));
    assert_eq!(plan.ready.reason().code, "PodSilent");
    let plan = plan_meeting(&there, &observed(vec![silent, both[1].clone()], &[]));
    assert_eq!((placed_on(&plan), plan.ready.is_true()), (Some(&*both[1].name), true));
    assert_eq!(plan.left.map(|why| why.code), Some("PodSilent"));
}

#[test]
fn a_pod_of_the_same_name_is_another_pod() {
    let mut one = pods(vec![PodState::Ready]);
    let bound = one[0].clone();
    one[0].uid = "later-uid".into();
    let plan = plan_meeting(&meeting(Some(&bound)), &observed(one.clone(), &[]));
    assert_eq!(
        plan.placement,
        Placement::New(AssignedPod { instead_of: Some(bound.uid.clone()), ..one[0].to_assigned() })
    );
    assert_eq!(plan.left.unwrap().code, "PodGone");
}

#[test]
fn a_crashing_pod_is_better_than_none_and_a_lost_one_is_not() {
    let crashing = pods(vec![PodState::Crashing(Reason::new(reason::POD_CRASHING, "exit code 1"))]);
    let plan = plan_meeting(&meeting(Some(&crashing[0])), &observed(crashing.clone(), &[]));
    assert_eq!(placed_on(&plan), Some("media-lagoon-41000"));
    assert_eq!(plan.ready.reason().code, "PodCrashing");
    let going = pods(vec![PodState::Terminating]);
    let plan = plan_meeting(&meeting(Some(&going[0])), &observed(going.clone(), &[]));
    assert_eq!(plan.placement, Placement::Nowhere);
    assert_eq!(plan.ready.reason().code, "NoPodReady");
}

#[test]
fn waiting_says_what_for() {
    let image = || PodState::Starting(Reason::new(reason::IMAGE_PULL_FAILED, "cannot get image \"x\""));
    let trouble = Reason::new(reason::POD_REFUSED, "exceeded quota");
    let full = vec![(0, 10, 0), (1, 10, 0), (2, 10, 0)];
    let three = || vec![PodState::Ready, PodState::Ready, PodState::Ready];
    let cases: Vec<(&str, Vec<PodState>, Vec<(usize, u32, u32)>, Option<Reason>, &str)> = vec![
        ("nothing there", vec![], vec![], None, "NoPodReady"),
        ("nothing can be made", vec![], vec![], Some(trouble.clone()), "PodRefused"),
        ("starting", vec![starting()], vec![], None, "NoPodReady"),
        ("image missing", vec![starting(), image()], vec![], Some(trouble), "ImagePullFailed"),
        ("full at max", three(), full, None, "PoolFull"),
        ("full below max", vec![PodState::Ready], vec![(0, 10, 0)], None, "NoPodReady"),
    ];
    for (case, states, loads, trouble, wanted) in cases {
        let observed = ObservedPool { trouble, ..observed(pods(states), &loads) };
        let plan = plan_meeting(&meeting(None), &observed);
        assert_eq!(plan.ready.reason().code, wanted, "{case}");
        assert_eq!(plan.assigned, plan.ready, "{case}");
        assert!(plan.accepted.is_true(), "{case}");
    }
}

fn busy(bound_to: &MediaPod, participants: u32) -> ValidMeeting {
    ValidMeeting { participants, ..meeting(Some(bound_to)) }
}

fn draining() -> crate::model::media_pod::Draining {
    crate::model::media_pod::Draining { since: Timestamp::UNIX_EPOCH, reason: reason::CORDONED }
}

#[test]
fn a_draining_pod_gets_no_new_meeting() {
    let mut both = pods(vec![PodState::Ready, PodState::Ready]);
    both[0].draining = Some(draining());
    let plan = plan_meeting(&meeting(None), &observed(both.clone(), &[(0, 5, 50)]));
    assert_eq!(placed_on(&plan), Some("media-lagoon-41004"));
}

#[test]
fn a_meeting_leaves_a_draining_pod_at_once_if_it_is_empty_and_otherwise_in_turn() {
    let mut both = pods(vec![PodState::Ready, PodState::Ready]);
    both[0].draining = Some(draining());
    let observed = observed(both.clone(), &[(0, 2, 8)]);
    let idle = plan_meeting(&meeting(Some(&both[0])), &observed);
    assert_eq!(idle.placement, Placement::New(both[1].to_assigned()));
    let active = plan_meeting(&busy(&both[0], 8), &observed);
    assert_eq!(active.placement, Placement::Kept(both[0].to_assigned()));
    assert!(active.is_draining && !active.wants_pod && active.ready.is_true());
    let released = plan_meeting(&ValidMeeting { is_released: true, ..busy(&both[0], 8) }, &observed);
    let Placement::New(pod) = &released.placement else { panic!("{released:?}") };
    assert_eq!((pod.uid.as_str(), pod.moved_at.is_some()), (both[1].uid.as_str(), true));
    assert_eq!(released.left.unwrap().code, "PodDraining");
    for participants in [0, 8] {
        let arriving = ValidMeeting { is_released: true, is_arriving: true, ..busy(&both[0], participants) };
        let waits = plan_meeting(&arriving, &observed);
        assert_eq!(placed_on(&waits), Some("media-lagoon-41000"), "one move ends before the next begins");
    }
}

#[test]
fn with_nowhere_to_go_a_meeting_stays_on_its_draining_pod_and_asks_for_one() {
    let mut one = pods(vec![PodState::Ready]);
    one[0].draining = Some(draining());
    for participants in [0, 8] {
        let plan = plan_meeting(&busy(&one[0], participants), &observed(one.clone(), &[]));
        assert_eq!(placed_on(&plan), Some("media-lagoon-41000"));
        assert!(plan.wants_pod && plan.ready.is_true());
    }
}

#[test]
fn a_dedicated_meeting_takes_an_empty_pod_and_does_not_share_it() {
    let dedicated = |bound_to: Option<&MediaPod>| ValidMeeting { is_dedicated: true, ..meeting(bound_to) };
    let both = pods(vec![PodState::Ready, PodState::Ready]);
    let plan = plan_meeting(&dedicated(None), &observed(both.clone(), &[(0, 1, 0)]));
    assert_eq!(placed_on(&plan), Some("media-lagoon-41004"));
    let plan = plan_meeting(&dedicated(None), &observed(both.clone(), &[(0, 1, 0), (1, 1, 0)]));
    assert!(plan.wants_pod && placed_on(&plan).is_none());
    let mut alone = observed(both.clone(), &[(0, 1, 0)]);
    alone.loads.get_mut(&both[0].uid).unwrap().dedicated = 1;
    assert_eq!(placed_on(&plan_meeting(&meeting(None), &alone)), Some("media-lagoon-41004"));
}

#[test]
fn a_meeting_over_a_limit_gets_no_new_place_and_keeps_an_old_one() {
    let denial = |meeting: ValidMeeting| {
        let why = Reason::new(reason::NAMESPACE_SHARE_USED, "has all it may have");
        ValidMeeting { denial: Some(why), ..meeting }
    };
    let mut both = pods(vec![PodState::Ready, PodState::Ready]);
    let nowhere = plan_meeting(&denial(meeting(None)), &observed(both.clone(), &[]));
    assert_eq!((placed_on(&nowhere), nowhere.assigned.reason().code), (None, "NamespaceShareUsed"));
    assert!(nowhere.accepted.is_true() && !nowhere.wants_pod);
    let kept = plan_meeting(&denial(busy(&both[0], 3)), &observed(both.clone(), &[]));
    assert_eq!(kept.placement, Placement::Kept(both[0].to_assigned()));
    both[0].draining = Some(draining());
    let moved = plan_meeting(&denial(meeting(Some(&both[0]))), &observed(both.clone(), &[]));
    assert_eq!(placed_on(&moved), Some("media-lagoon-41004"));
    let lost = plan_meeting(&denial(meeting(Some(&both[0]))), &observed(vec![both[1].clone()], &[]));
    assert_eq!((placed_on(&lost), lost.left.as_ref().unwrap().code), (None, "PodGone"));
}

#[test]
fn a_full_pool_says_who_holds_it() {
    let full =
        observed(pods(vec![PodState::Ready, PodState::Ready, PodState::Ready]), &[(0, 10, 0), (1, 10, 0), (2, 10, 0)]);
    let largest = vec![("bay".to_owned(), crate::model::ledger::Usage { meetings: 30, dedicated: 0 })];
    let plan = plan_meeting(&meeting(None), &ObservedPool { holders: Holders { largest, others: 0 }, ..full });
    assert_eq!(plan.ready.reason().code, "PoolFull");
    assert!(plan.ready.reason().message.contains("held by bay (30 meetings)"), "{:?}", plan.ready);
}

#[test]
fn idle_meetings_leave_a_hot_pod_for_a_cool_one() {
    let both = pods(vec![PodState::Ready, PodState::Ready]);
    let plan = plan_meeting(&meeting(Some(&both[0])), &observed(both.clone(), &[(0, 3, 80), (1, 1, 50)]));
    assert_eq!(placed_on(&plan), Some("media-lagoon-41004"));
    assert_eq!(plan.left.unwrap().code, "Relieved");
    let plan = plan_meeting(&meeting(Some(&both[0])), &observed(both.clone(), &[(0, 3, 80), (1, 1, 51)]));
    assert_eq!(placed_on(&plan), Some("media-lagoon-41000"));
    let plan = plan_meeting(&busy(&both[0], 80), &observed(both.clone(), &[(0, 3, 80)]));
    assert_eq!(placed_on(&plan), Some("media-lagoon-41000"));
}

#[test]
fn a_meeting_with_participants_leaves_an_overfull_pod_in_turn() {
    let both = pods(vec![PodState::Ready, PodState::Ready]);
    let observed = observed(both.clone(), &[(0, 2, 101)]);
    let chosen = ValidMeeting { relief: Some(Arc::new(both[1].clone())), ..busy(&both[0], 8) };
    let released = ValidMeeting { is_released: true, ..chosen.clone() };
    let plan = plan_meeting(&released, &observed);
    let Placement::New(pod) = &plan.placement else { panic!("{plan:?}") };
    assert_eq!((&pod.uid, pod.moved_at.is_some(), &pod.instead_of), (&both[1].uid, true, &None));
    assert_eq!((plan.left.unwrap().code, plan.wants_pod, plan.is_draining), ("Relief", false, false));
    let arriving = ValidMeeting { is_arriving: true, ..released.clone() };
    for (case, meeting) in [("not in turn", chosen), ("a move is under way", arriving)] {
        let kept = plan_meeting(&meeting, &observed);
        assert_eq!(kept.placement, Placement::Kept(both[0].to_assigned()), "{case}");
        assert!(kept.left.is_none() && !kept.is_draining, "{case}");
    }
    let mut draining = observed.clone();
    Arc::make_mut(&mut draining.pods[0]).draining = Some(self::draining());
    assert_eq!(plan_meeting(&released, &draining).left.unwrap().code, "PodDraining");
}

#[test]
fn of_equal_pods_the_one_on_the_quieter_node_is_taken() {
    let mut three = pods(vec![PodState::Ready, PodState::Ready, PodState::Ready]);
    three[2].node = Some("pier-2".into());
    let plan = plan_meeting(&meeting(None), &observed(three, &[(0, 0, 90)]));
    assert_eq!(placed_on(&plan), Some("media-lagoon-41008"));
}

#[test]
fn a_meeting_has_its_pod_shortly_before_its_start_and_none_outside_its_time() {
    let one = pods(vec![PodState::Ready]);
    let at = |moment| plan_meeting(&ValidMeeting { moment, ..meeting(None) }, &observed(one.clone(), &[]));
    let time = Timestamp::UNIX_EPOCH;
    let before = at(Moment::Before { starts_at: time });
    assert_eq!((placed_on(&before), before.ready.reason().code, before.wants_pod), (None, "Scheduled", false));
    let shortly = at(Moment::Shortly { starts_at: time });
    assert_eq!((placed_on(&shortly), shortly.ready.reason().code), (Some("media-lagoon-41000"), "Scheduled"));
    assert!(shortly.assigned.is_true());
    let after = at(Moment::After { ended_at: time });
    assert_eq!((placed_on(&after), after.ready.reason().code, after.ended_at), (None, "Ended", Some(time)));
    assert!(after.accepted.is_true());
}

#[test]
fn the_probe_result_is_reported_and_an_unreachable_pod_is_the_second_choice() {
    let reached = |is_reachable: Option<bool>| {
        Some(crate::model::media_pod::Reached {
            is_reachable,
            reason: Reason::new(reason::MEDIA_UNREACHABLE, "open the ports"),
        })
    };
    let mut both = pods(vec![PodState::Ready, PodState::Ready]);
    both[0].reached = reached(Some(false));
    let plan = plan_meeting(&meeting(None), &observed(both.clone(), &[]));
    assert_eq!(placed_on(&plan), Some("media-lagoon-41004"));
    assert_eq!(plan.reachable.reason().code, "NotProbed");
    let plan = plan_meeting(&meeting(Some(&both[0])), &observed(both.clone(), &[]));
    assert_eq!(plan.reachable, ConditionValue::no("MediaUnreachable", "open the ports"));
    assert!(plan.ready.is_true());
}
