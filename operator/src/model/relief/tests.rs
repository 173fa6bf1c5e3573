#![allow(clippy::type_complexity, reason = "tables of cases read best as tuples")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    fixtures::{media_pod, pool, starting},
    model::{
        media_pod::{Draining, PodState, Reached},
        reason::Reason,
    },
};
use convene_crds::reason;

/// A pod takes 100 participants and 4 meetings.
fn lagoon() -> ValidPool {
    pool(json!({"capacity": {"participants": 100, "meetings": 4}}))
}

fn reached(is_reachable: Option<bool>) -> Reached {
    Reached { is_reachable, reason: Reason::new(reason::MEDIA_REACHABLE, "") }
}

fn pod(pool: &ValidPool, number: u16) -> MediaPod {
    MediaPod { reached: Some(reached(Some(true))), ..media_pod(pool, number, PodState::Ready) }
}

/// `a`, `b`, `c` and so on, with so many participants.
fn meetings(counts: &[u32]) -> Vec<HostedMeeting> {
    let meeting = |(letter, participants): (char, &u32)| HostedMeeting {
        uid: letter.to_string().into(),
        key: Arc::default(),
        participants: *participants,
        max_participants: *participants,
        is_dedicated: false,
        has_sites: false,
        is_arriving: false,
        moved_at: None,
    };
    ('a'..='z').zip(counts).map(meeting).collect()
}

fn load(meetings: u32, participants: u32) -> PodLoad {
    PodLoad { meetings, participants, ..PodLoad::default() }
}

/// The first pod has these meetings, and the others these loads of one meeting each.
struct Case {
    pool: ValidPool,
    pod: MediaPod,
    is_resting: bool,
    meetings: Vec<HostedMeeting>,
    /// Participants of meetings of other pods.
    guests: u32,
    others: Vec<(MediaPod, PodLoad)>,
}

impl Case {
    fn new(counts: &[u32], others: &[u32]) -> Self {
        let pool = lagoon();
        let others = others.iter().zip(1..).map(|(count, number)| (pod(&pool, number), load(1, *count))).collect();
        Self { pod: pod(&pool, 0), pool, is_resting: false, meetings: meetings(counts), guests: 0, others }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The meeting that moves, and the number of its new pod among the others.
    fn plan(&self) -> Option<(String, usize)> {
        let others: Vec<_> = self.others.iter().map(|(pod, load)| (Arc::new(pod.clone()), *load)).collect();
        let (pool, pod, is_resting, meetings) = (&self.pool, &self.pod, self.is_resting, self.meetings.clone());
        let now = Timestamp::UNIX_EPOCH + REST;
        let relief = plan_relief(&ReliefView { pool, pod, is_resting, meetings, guests: self.guests, others, now })?;
        let to = self.others.iter().position(|(pod, _)| pod.uid == relief.to.uid)?;
        Some((relief.uid.to_string(), to))
    }
}

#[test]
fn the_smallest_meeting_that_is_enough_moves_or_else_the_largest() {
    // (case, participants of the meetings, of the other pods, which meeting moves to which of these)
    let cases: [(&str, &[u32], &[u32], Option<(&str, usize)>); 13] = [
        ("it is full and not more", &[50, 50], &[0], None),
        ("one above its capacity", &[60, 41], &[0], Some(("b", 0))),
        ("the smallest that is enough", &[40, 11, 10, 9, 40], &[0], Some(("c", 0))),
        ("none is enough: the largest", &[40, 45, 35, 40], &[0], Some(("b", 0))),
        ("the one that is enough fits nowhere", &[85, 30, 20], &[0], Some(("b", 0))),
        ("none fits", &[55, 25, 24], &[60], None),
        ("only one that is not enough fits", &[60, 60, 15], &[60], Some(("c", 0))),
        ("of equal ones the first", &[40, 40, 40], &[0], Some(("a", 0))),
        ("it is alone", &[120], &[0], None),
        ("the others are empty", &[120, 0, 0], &[0], None),
        ("the fullest pod that takes it", &[60, 41], &[0, 38, 39, 10], Some(("b", 1))),
        ("no pod remains cool", &[60, 41], &[39, 50], None),
        ("there is no other pod", &[60, 41], &[], None),
    ];
    for (case, counts, others, wanted) in cases {
        let wanted = wanted.map(|(uid, to)| (uid.to_owned(), to));
        assert_eq!(Case::new(counts, others).plan(), wanted, "{case}: {counts:?} {others:?}");
    }
}

#[test]
fn participants_of_other_pods_meetings_count_and_meetings_on_several_pods_stay() {
    let with_guests = |guests| Case::new(&[60, 30], &[0]).with(|case| case.guests = guests).plan();
    assert_eq!((with_guests(10), with_guests(11)), (None, Some(("b".into(), 0))));
    let spread = Case::new(&[60, 30], &[0]).with(|case| (case.guests, case.meetings[1].has_sites) = (11, true));
    assert_eq!(spread.plan(), Some(("a".into(), 0)));
}

#[test]
fn a_pod_keeps_its_meetings_unless_it_is_in_order_and_its_numbers_are_certain() {
    let draining = || Some(Draining { since: Timestamp::UNIX_EPOCH, reason: reason::CORDONED });
    let cases: [(&str, fn(&mut Case)); 4] = [
        ("it is not ready", |case| case.pod.state = starting()),
        ("it does not respond", |case| case.pod = case.pod.to_silent()),
        ("a meeting moves, or has failed to", |case| case.is_resting = true),
        ("participants are on their way", |case| case.meetings[0].is_arriving = true),
    ];
    for (name, change) in cases {
        assert_eq!(Case::new(&[60, 41], &[0]).with(change).plan(), None, "{name}");
    }
    assert_eq!(Case::new(&[60, 41], &[0]).with(|case| case.pod.draining = draining()).plan(), None, "it is draining");
}

#[test]
fn a_meeting_that_has_moved_rests_and_a_dedicated_one_stays() {
    let a = Some(("a".to_owned(), 0));
    let cases: [(&str, fn(&mut Case), _); 4] = [
        ("moved a moment ago", |case| case.meetings[1].moved_at = Some(Timestamp::UNIX_EPOCH + REST), a.clone()),
        ("has almost rested", |case| case.meetings[1].moved_at = Timestamp::from_second(1).ok(), a.clone()),
        ("has rested", |case| case.meetings[1].moved_at = Some(Timestamp::UNIX_EPOCH), Some(("b".to_owned(), 0))),
        ("is Dedicated", |case| case.meetings[1].is_dedicated = true, a),
    ];
    for (name, change, wanted) in cases {
        assert_eq!(Case::new(&[60, 41], &[0]).with(change).plan(), wanted, "{name}");
    }
}

#[test]
fn a_pod_takes_a_meeting_only_if_it_can_keep_it() {
    let refused: [(&str, fn(&mut Case)); 10] = [
        ("starts", |case| case.others[0].0.state = starting()),
        ("does not respond", |case| case.others[0].0 = case.others[0].0.to_silent()),
        ("drains", |case| {
            case.others[0].0.draining = Some(Draining { since: Timestamp::UNIX_EPOCH, reason: reason::CORDONED });
        }),
        ("is outdated", |case| case.others[0].0.revision = "older".into()),
        ("has ports outside of the range", |case| case.others[0].0.block = "50000-50003".parse().ok()),
        ("is not reached", |case| case.others[0].0.reached = Some(reached(Some(false)))),
        ("could not be probed", |case| case.others[0].0.reached = Some(reached(None))),
        ("has not been probed", |case| case.others[0].0.reached = None),
        ("has a Dedicated meeting", |case| case.others[0].1.dedicated = 1),
        ("has no room for a meeting", |case| case.others[0].1.meetings = 4),
    ];
    let alone = || Case::new(&[60, 41], &[0]);
    for (name, change) in refused {
        assert_eq!(alone().with(change).plan(), None, "{name}");
    }
    let unprobed = alone().with(|case| (case.pool.probes_media, case.others[0].0.reached) = (false, None));
    assert!(unprobed.plan().is_some(), "no pod of this pool is probed");
    let growing = Case::new(&[60, 41], &[30]).with(|case| case.meetings[1].max_participants = 71);
    assert_eq!(growing.plan(), None, "it may grow beyond what the pod takes");
}

proptest! {
    /// Whatever the fleet, reliefs come to an end: a meeting moves at most once, to a pod that it does not overfill, even without any rest.
    #[test]
    fn reliefs_end_and_overfill_no_pod(
        sizes in proptest::collection::vec(proptest::collection::vec((0..70_u32, 1..=70_u32), 0..6), 1..6),
    ) {
        let pool = lagoon();
        let pods: Vec<_> = (0..).take(sizes.len()).map(|number| Arc::new(pod(&pool, number))).collect();
        let mut fleet: Vec<Vec<HostedMeeting>> = sizes.iter().zip(0..).map(|(sizes, pod)| host(sizes, pod)).collect();
        let mut moved = BTreeSet::new();
        while let Some((from, relief)) = (0..fleet.len()).find_map(|index| Some((index, relieve(&pool, &pods, &fleet, index)?))) {
            prop_assert!(moved.insert(relief.uid.clone()), "{:?} moves twice", relief.uid);
            prop_assert!(count(&fleet[from]) > 100);
            let at = fleet[from].iter().position(|meeting| meeting.uid == relief.uid).unwrap();
            let meeting = fleet[from].remove(at);
            let to = pods.iter().position(|pod| pod.uid == relief.to.uid).unwrap();
            fleet[to].push(meeting);
            prop_assert!(from != to && count(&fleet[to]) < 80 && fleet[to].len() <= 4);
        }
    }
}

fn host(sizes: &[(u32, u32)], pod: u32) -> Vec<HostedMeeting> {
    let counts: Vec<_> = sizes.iter().map(|(count, _)| *count).collect();
    let named = |(meeting, (_, max_participants)): (HostedMeeting, &(u32, u32))| HostedMeeting {
        uid: format!("{}{pod}", meeting.uid).into(),
        max_participants: *max_participants,
        ..meeting
    };
    meetings(&counts).into_iter().zip(sizes).map(named).collect()
}

fn count(meetings: &[HostedMeeting]) -> u32 {
    meetings.iter().map(|meeting| meeting.participants).sum()
}

fn relieve(pool: &ValidPool, pods: &[Arc<MediaPod>], fleet: &[Vec<HostedMeeting>], index: usize) -> Option<Relief> {
    let load = |meetings: &Vec<HostedMeeting>| load(u32::try_from(meetings.len()).unwrap(), count(meetings));
    let others = pods.iter().zip(fleet).map(|(pod, meetings)| (Arc::clone(pod), load(meetings)));
    let others = others.filter(|(pod, _)| pod.uid != pods[index].uid).collect();
    let (pod, meetings, now) = (&pods[index], fleet[index].clone(), Timestamp::UNIX_EPOCH);
    plan_relief(&ReliefView { pool, pod, is_resting: false, meetings, guests: 0, others, now })
}
