use serde_json::json;

use super::*;
use crate::{
    fixtures::{media_pod, pool, starting},
    model::ledger::MeetingKey,
};

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

/// Three pods, which respond.
fn pods() -> Vec<MediaPod> {
    let pool = pool(json!({}));
    (0..3).map(|number| media_pod(&pool, number, PodState::Ready)).collect()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn record(from: usize, to: usize, phase: MeetingMovePhase) -> MeetingMove {
    let pod = |index: usize| MovePod { name: pods()[index].name.clone(), uid: pods()[index].uid.clone() };
    let (reason, message) = ("PodDraining".to_owned(), "it drains".to_owned());
    MeetingMove { from: pod(from), to: pod(to), since: Time(at(100)), phase, reason, message }
}

fn copying() -> MeetingMove {
    record(A, B, MeetingMovePhase::Copying)
}

fn moving() -> MeetingMove {
    record(A, B, MeetingMovePhase::Moving)
}

/// A situation; in the plain one a meeting with participants stays on its pod.
struct Case {
    written: Option<MeetingMove>,
    known: Option<(MeetingMove, Progress, Option<OldRoom>)>,
    home: usize,
    target: Option<usize>,
    participants: u32,
    pods: Vec<MediaPod>,
    now: i64,
}

impl Case {
    fn new(target: Option<usize>) -> Self {
        Self { written: None, known: None, home: A, target, participants: 3, pods: pods(), now: 100 }
    }

    /// A move that is begun, and that this process knows like this.
    fn known(record: MeetingMove, progress: Progress, seen: Option<OldRoom>) -> Self {
        let home = if record.phase == MeetingMovePhase::Copying { A } else { B };
        Self { known: Some((record, progress, seen)), home, ..Self::new(Some(B)) }
    }

    fn with_state(mut self, index: usize, state: PodState) -> Self {
        self.pods[index].is_serving = state == PodState::Ready;
        self.pods[index].state = state;
        self
    }

    fn plan(&self) -> MoveStep {
        let state = self.known.clone().map(|(record, progress, seen)| MoveState {
            key: Arc::new(MeetingKey::default()),
            record,
            progress,
            seen,
            until: at(120),
            seconds: 10,
        });
        let assigned = |index: usize| pods()[index].to_assigned();
        plan_move(&MoveView {
            written: self.written.as_ref(),
            state: state.as_ref(),
            home: Some(&assigned(self.home)),
            target: self.target.map(assigned).as_ref(),
            why: &Reason::new("PodDraining", "it drains"),
            participants: self.participants,
            find: &|uid| self.pods.iter().find(|pod| pod.uid == uid).cloned().map(Arc::new),
            now: at(self.now),
        })
    }
}

fn ended(case: &Case) -> (MeetingMovePhase, String) {
    match case.plan() {
        MoveStep::Finish { record, .. } => (record.phase, record.reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_meeting_with_participants_moves_between_pods_that_respond() {
    assert_eq!(Case::new(Some(B)).plan(), MoveStep::Carry { record: copying(), replaced: None });
    let done = record(C, A, MeetingMovePhase::Done);
    let again = Case { written: Some(done.clone()), ..Case::new(Some(B)) };
    assert_eq!(again.plan(), MoveStep::Carry { record: copying(), replaced: None });
    let others = [
        ("stays", Case::new(Some(A))),
        ("has no pod", Case::new(None)),
        ("is empty", Case { participants: 0, ..Case::new(Some(B)) }),
        ("leaves a pod that does not respond", Case::new(Some(B)).with_state(A, starting())),
        ("comes to one", Case::new(Some(B)).with_state(B, starting())),
    ];
    for (name, case) in others {
        assert_eq!(case.plan(), MoveStep::Rest(None), "{name}");
        assert_eq!(Case { written: Some(done.clone()), ..case }.plan(), MoveStep::Rest(Some(done.clone())), "{name}");
    }
}

#[test]
fn a_move_that_has_begun_is_continued_by_any_process() {
    for progress in [Progress::Adopted, Progress::Carrying] {
        let case = Case { now: 105, ..Case::known(copying(), progress, None) };
        assert_eq!(case.plan(), MoveStep::Carry { record: copying(), replaced: None }, "with the same name");
    }
}

#[test]
fn before_its_clients_know_a_move_can_be_replaced_or_cancelled() {
    let begun = || Case::known(copying(), Progress::Carrying, None);
    let elsewhere = Case { target: Some(C), now: 110, ..begun() };
    let new = MeetingMove { since: Time(at(110)), ..record(A, C, MeetingMovePhase::Copying) };
    assert_eq!(elsewhere.plan(), MoveStep::Carry { record: new, replaced: Some(copying()) });
    let cases = [
        ("stays after all", Case { target: Some(A), ..begun() }, "MoveCancelled", Undo::BothRooms),
        ("is empty now", Case { participants: 0, ..begun() }, "MoveCancelled", Undo::OldRoom),
        ("is over", Case { target: None, ..begun() }, "PodDraining", Undo::BothRooms),
        ("old pod lost", begun().with_state(A, starting()), "PodGone", Undo::OldRoom),
        (
            "new pod lost",
            Case { target: Some(A), ..begun() }.with_state(B, PodState::Terminating),
            "PodGone",
            Undo::BothRooms,
        ),
    ];
    for (name, case, reason, undone) in cases {
        let MoveStep::Finish { record, undo } = case.plan() else { panic!("{name}: {:?}", case.plan()) };
        assert_eq!((record.phase, record.reason.as_str()), (MeetingMovePhase::Fallback, reason), "{name}");
        assert_eq!(undo, undone, "{name}");
    }
}

#[test]
fn clients_are_notified_until_it_is_known_that_they_were() {
    use OldRoom::{Apart, Frozen, Leaving};
    let cases = [
        ("this process wrote the new pod", Progress::Written, None, true),
        ("a report from before", Progress::Written, Some(Apart), true),
        ("an earlier process did, and the old pod waits", Progress::Adopted, Some(Frozen), true),
        ("the old pod has not reported yet", Progress::Adopted, None, false),
        ("the earlier process notified them", Progress::Adopted, Some(Leaving), false),
        ("this process notified them", Progress::Left, Some(Frozen), false),
    ];
    for (name, progress, seen, wanted) in cases {
        let step = Case::known(moving(), progress, seen).plan();
        let expected = if wanted { MoveStep::Leave(moving()) } else { MoveStep::Rest(Some(moving())) };
        assert_eq!(step, expected, "{name}");
    }
}

#[test]
fn a_move_is_done_when_the_old_room_has_ended() {
    for progress in [Progress::Adopted, Progress::Written, Progress::Left, Progress::Failed(Reason::new("Refused", ""))]
    {
        let case = Case::known(moving(), progress, Some(OldRoom::Ended)).with_state(A, PodState::Terminating);
        assert_eq!(ended(&case), (MeetingMovePhase::Done, "PodDraining".to_owned()));
    }
}

#[test]
fn a_move_whose_old_room_will_not_end_by_itself_falls_back() {
    use OldRoom::{Apart, Frozen, Leaving};
    let dead = || PodState::Dead(Reason::new("PodFailed", ""));
    let crashing = || PodState::Crashing(Reason::new("PodCrashing", ""));
    let known = |progress, seen| Case::known(moving(), progress, seen);
    let refused = Progress::Failed(Reason::new("Refused", "it refused"));
    let cases = [
        ("old pod failed", known(Progress::Left, Some(Leaving)).with_state(A, dead()), "PodGone"),
        ("its process ended", known(Progress::Adopted, None).with_state(A, crashing()), "PodGone"),
        ("refused", known(refused.clone(), Some(Frozen)), "Refused"),
        ("operator was away for too long", known(Progress::Adopted, Some(Apart)), "MoveExpired"),
        ("no report", Case { now: 120, ..known(Progress::Left, Some(Frozen)) }, "MoveNotConfirmed"),
        ("never reachable", Case { now: 120, ..known(Progress::Written, None) }, "MoveNotConfirmed"),
        ("no report since the restart", Case { now: 120, ..known(Progress::Adopted, None) }, "MoveNotConfirmed"),
        (
            "new pod lost, meeting on a third",
            Case { target: Some(C), ..known(Progress::Left, Some(Leaving)) },
            "PodDraining",
        ),
        ("meeting over", Case { target: None, ..known(Progress::Left, Some(Leaving)) }, "PodDraining"),
    ];
    for (name, case, reason) in cases {
        assert_eq!(ended(&case), (MeetingMovePhase::Fallback, reason.to_owned()), "{name}");
    }
    let busy = [Case { now: 119, ..known(Progress::Left, Some(Leaving)) }, known(refused, Some(Leaving))];
    for case in busy {
        assert_eq!(case.plan(), MoveStep::Rest(Some(moving())), "its clients move as long as the pod says so");
    }
    for progress in [Progress::Left, Progress::Adopted] {
        let stuck = Case { now: 120, ..known(progress, Some(Leaving)) };
        assert_eq!(ended(&stuck), (MeetingMovePhase::Fallback, "MoveNotConfirmed".to_owned()), "but not forever");
    }
    let unready = known(Progress::Left, Some(Frozen)).with_state(A, starting());
    assert_eq!(unready.plan(), MoveStep::Rest(Some(moving())), "its room may exist");
}

#[test]
fn a_pod_that_is_being_deleted_hands_over_as_long_as_its_process_runs() {
    let deleted = |case: Case, is_serving: bool| {
        let mut case = case.with_state(A, PodState::Terminating);
        case.pods[A].is_serving = is_serving;
        case
    };
    let begins = deleted(Case::new(Some(B)), true);
    assert_eq!(begins.plan(), MoveStep::Carry { record: copying(), replaced: None });
    assert_eq!(deleted(Case::new(Some(B)), false).plan(), MoveStep::Rest(None));
    let begun = deleted(Case::known(copying(), Progress::Carrying, None), true);
    assert_eq!(begun.plan(), MoveStep::Carry { record: copying(), replaced: None });
    let leaving = || Case::known(moving(), Progress::Left, Some(OldRoom::Leaving));
    assert_eq!(deleted(leaving(), true).plan(), MoveStep::Rest(Some(moving())));
    assert_eq!(ended(&deleted(leaving(), false)), (MeetingMovePhase::Fallback, "PodGone".to_owned()));
}

#[test]
fn a_step_names_the_pods_that_it_sends_requests_to() {
    let uids = |indexes: &[usize]| indexes.iter().map(|index| pods()[*index].uid.clone()).collect::<Vec<_>>();
    let finish = |undo| MoveStep::Finish { record: copying(), undo };
    let replaced = MoveStep::Carry { record: record(A, C, MeetingMovePhase::Copying), replaced: Some(copying()) };
    let cases = [
        (MoveStep::Rest(Some(moving())), uids(&[])),
        (MoveStep::Carry { record: copying(), replaced: None }, uids(&[A, B])),
        (replaced, uids(&[A, B, C])),
        (MoveStep::Leave(moving()), uids(&[A])),
        (finish(Undo::Nothing), uids(&[])),
        (finish(Undo::OldRoom), uids(&[A])),
        (finish(Undo::BothRooms), uids(&[A, B])),
    ];
    for (step, wanted) in cases {
        assert_eq!(step.pods(), wanted, "{step:?}");
    }
}

#[test]
fn nothing_begins_before_the_end_of_the_last_move_is_in_the_cache() {
    let done = record(A, B, MeetingMovePhase::Done);
    let case = Case { home: A, ..Case::known(done.clone(), Progress::Over, Some(OldRoom::Ended)) };
    assert_eq!(case.plan(), MoveStep::Rest(Some(done)), "although the cached status still has the old pod");
}

#[test]
fn routers_close_the_connections_to_the_old_pod_only_when_a_move_has_failed() {
    let status = |home: usize, last_move: Option<MeetingMove>, instead_of: Option<usize>| {
        let uid = |index: usize| pods()[index].uid.clone();
        let pod = AssignedPod { instead_of: instead_of.map(uid), ..pods()[home].to_assigned() };
        MeetingStatus { pod: Some(pod), last_move, ..MeetingStatus::default() }
    };
    let fallback = || Some(record(A, B, MeetingMovePhase::Fallback));
    // The status before, the new one, and the index of the pod that is lost in the end.
    let cases = [
        (status(A, Some(copying()), None), status(B, Some(moving()), Some(A)), None),
        (status(A, Some(copying()), None), status(B, Some(moving()), None), None),
        (status(B, Some(moving()), None), status(B, fallback(), None), Some(A)),
        (status(A, Some(copying()), None), status(B, fallback(), None), Some(A)),
        (status(A, Some(copying()), None), status(A, fallback(), None), None),
        (status(B, fallback(), Some(A)), status(B, fallback(), Some(A)), Some(A)),
        (status(B, fallback(), None), status(B, fallback(), None), None),
        (status(A, None, None), status(C, fallback(), Some(A)), Some(A)),
    ];
    for (index, (old, new, lost)) in cases.into_iter().enumerate() {
        let settled = settle_lost_pod(Some(&old), new);
        assert_eq!(settled.pod.unwrap().instead_of, lost.map(|lost| pods()[lost].uid.clone()), "case {index}");
    }
}
