//! Remembers the participants of locked meetings, so that they can rejoin when the meeting moves to another pod.
//!
//! Pure and bounded: participants are forgotten a few minutes after their meeting has moved, and immediately when the meeting ends or is
//! unlocked. The memory belongs to this process and is not stored: after a restart of the operator during a move, a lock refuses
//! participants who were in the meeting before; it never admits others.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::{BTreeSet, HashMap, HashSet};

use convene_protocol::admin::{RoomList, RoomReport};
use jiff::{SignedDuration, Timestamp};

use crate::model::ledger::MeetingKey;

/// Maximum number of participants remembered per meeting.
const MOST_PEOPLE: usize = 2_000;
/// How long they are remembered after the room has left its pod or the meeting was assigned to another one.
const MEMORY: SignedDuration = SignedDuration::from_mins(5);

/// The place of a meeting relative to a pod that it was on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// On that pod.
    Here,
    /// On no pod, or unknown.
    Between,
    /// On another one.
    Elsewhere,
    /// Ended, deleted or not locked: there is no lock to bypass.
    Nowhere,
}

/// The participants of one meeting.
#[derive(Clone, Debug)]
struct Remembered {
    key: MeetingKey,
    pod_uid: String,
    people: Vec<String>,
    /// When the room left the pod, or the meeting was assigned to another one.
    since: Option<Timestamp>,
}

/// The participants of all locked meetings, by UID of the meeting.
#[derive(Clone, Debug, Default)]
pub(crate) struct Returning {
    by_meeting: HashMap<String, Remembered>,
}

impl Returning {
    /// Records the rooms that the pod with this UID reports.
    pub(crate) fn observe(&mut self, pod_uid: &str, list: &RoomList, now: Timestamp) {
        for room in list.rooms.iter().filter(|room| !room.awaits_returning) {
            self.observe_room(pod_uid, room, list.draining);
        }
        let listed: HashSet<_> = list.rooms.iter().map(|room| room.uid.as_str()).collect();
        let of_pod = self.by_meeting.iter_mut().filter(|(_, remembered)| remembered.pod_uid == pod_uid);
        for (_, remembered) in of_pod.filter(|(uid, _)| !listed.contains(uid.as_str())) {
            remembered.since.get_or_insert(now);
        }
    }

    fn observe_room(&mut self, pod_uid: &str, room: &RoomReport, is_draining: bool) {
        let known = self.by_meeting.get(&room.uid).filter(|known| known.pod_uid == pod_uid);
        // During the shutdown of a pod, participants leave one by one, and all of them may rejoin.
        let kept = known.filter(|_| is_draining).map(|known| known.people.as_slice()).unwrap_or_default();
        let people = join_participants(kept, &room.people);
        if people.is_empty() {
            if known.is_some() {
                self.by_meeting.remove(&room.uid);
            }
            return;
        }
        let key = MeetingKey { namespace: room.namespace.clone(), name: room.name.clone() };
        let remembered = Remembered { key, pod_uid: pod_uid.to_owned(), people, since: None };
        self.by_meeting.insert(room.uid.clone(), remembered);
    }

    /// The participants who may rejoin the meeting with this UID.
    pub(crate) fn participants_of(&self, uid: &str) -> Vec<String> {
        self.by_meeting.get(uid).map(|remembered| remembered.people.clone()).unwrap_or_default()
    }

    /// Forgets participants who can no longer use it. `find` returns the place of a meeting (name and UID) relative to a pod (UID).
    pub(crate) fn forget(&mut self, now: Timestamp, find: impl Fn(&MeetingKey, &str, &str) -> Whereabouts) {
        self.by_meeting.retain(|uid, remembered| {
            match find(&remembered.key, uid, &remembered.pod_uid) {
                Whereabouts::Nowhere => return false,
                Whereabouts::Between => remembered.since = None,
                Whereabouts::Elsewhere => {
                    remembered.since.get_or_insert(now);
                }
                Whereabouts::Here => {}
            }
            remembered.since.is_none_or(|since| now.duration_since(since) < MEMORY)
        });
    }
}

fn join_participants(kept: &[String], reported: &[String]) -> Vec<String> {
    let people: BTreeSet<&String> = reported.iter().take(MOST_PEOPLE).chain(kept).collect();
    people.into_iter().take(MOST_PEOPLE).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn room(people: &[&str]) -> RoomReport {
        let people = people.iter().map(|&person| person.to_owned()).collect();
        RoomReport {
            namespace: "crew".into(),
            name: "regatta".into(),
            uid: "m1".into(),
            people,
            ..RoomReport::default()
        }
    }

    fn list(rooms: Vec<RoomReport>) -> RoomList {
        RoomList { version: 1, process: 1, rooms, draining: false, ending: false, link: None }
    }

    #[test]
    fn the_last_report_of_the_old_pod_counts() {
        let mut returning = Returning::default();
        assert!(returning.participants_of("m1").is_empty());
        returning.observe("p1", &list(vec![room(&["ada", "kim"])]), at(0));
        returning.observe("p1", &list(vec![room(&["kim", "lee"])]), at(1));
        assert_eq!(returning.participants_of("m1"), ["kim", "lee"]);
        returning.observe("p1", &list(vec![]), at(2));
        returning.observe("p2", &list(vec![RoomReport { awaits_returning: true, ..room(&[]) }]), at(3));
        assert_eq!(returning.participants_of("m1"), ["kim", "lee"]);
        returning.observe("p2", &list(vec![room(&["lee"])]), at(4));
        assert_eq!(returning.participants_of("m1"), ["lee"]);
    }

    #[test]
    fn participants_who_have_left_are_forgotten() {
        let mut returning = Returning::default();
        returning.observe("p1", &list(vec![room(&["ada"])]), at(0));
        returning.observe("p2", &list(vec![room(&[])]), at(1));
        assert_eq!(
            returning.participants_of("m1"),
            ["ada"],
            "an empty room of another pod says nothing about the old one"
        );
        returning.observe("p1", &list(vec![room(&[])]), at(2));
        assert!(returning.participants_of("m1").is_empty());
    }

    #[test]
    fn all_participants_of_a_pod_that_shuts_down_are_kept() {
        let mut returning = Returning::default();
        let draining = |people: &[&str]| RoomList { draining: true, ..list(vec![room(people)]) };
        returning.observe("p1", &list(vec![room(&["ada", "kim"])]), at(0));
        for people in [["kim"].as_slice(), &[]] {
            returning.observe("p1", &draining(people), at(1));
            assert_eq!(returning.participants_of("m1"), ["ada", "kim"]);
        }
    }

    #[test]
    fn participants_are_forgotten_some_minutes_after_the_move_or_with_their_meeting() {
        use Whereabouts::{Between, Elsewhere, Here, Nowhere};
        type Case<'a> = (&'a str, &'a [(i64, Whereabouts)], bool);
        let cases: [Case<'_>; 6] = [
            ("stays", &[(1, Here), (9_000, Here)], true),
            ("moved", &[(1, Elsewhere), (300, Elsewhere)], true),
            ("moved long ago", &[(1, Elsewhere), (301, Elsewhere)], false),
            ("over, gone or open", &[(1, Nowhere)], false),
            ("waits for a pod", &[(1, Between), (9_000, Between)], true),
            ("waited, then moved", &[(1, Elsewhere), (200, Between), (400, Elsewhere), (699, Elsewhere)], true),
        ];
        for (case, looks, is_known) in cases {
            let mut returning = Returning::default();
            returning.observe("p1", &list(vec![room(&["ada"])]), at(0));
            for (second, place) in looks {
                returning.forget(at(*second), |key, uid, pod_uid| {
                    assert_eq!((key.name.as_str(), uid, pod_uid), ("regatta", "m1", "p1"));
                    *place
                });
            }
            assert_eq!(!returning.participants_of("m1").is_empty(), is_known, "{case}");
        }
    }

    #[test]
    fn a_room_that_closed_while_its_meeting_stays_is_forgotten_too() {
        let mut returning = Returning::default();
        returning.observe("p1", &list(vec![room(&["ada"])]), at(0));
        returning.observe("p1", &list(vec![]), at(10));
        returning.observe("p1", &list(vec![]), at(200));
        returning.forget(at(309), |_, _, _| Whereabouts::Here);
        assert_eq!(returning.participants_of("m1"), ["ada"]);
        returning.forget(at(310), |_, _, _| Whereabouts::Here);
        assert!(returning.participants_of("m1").is_empty());
    }

    #[test]
    fn at_most_a_few_thousand_participants_of_a_meeting_are_remembered() {
        let mut returning = Returning::default();
        let many: Vec<String> = (0..5_000).map(|number| format!("{number:032}")).collect();
        let crowd = |part: &[String]| RoomReport { people: part.to_vec(), ..room(&[]) };
        returning.observe("p1", &list(vec![crowd(&many[..4_000])]), at(0));
        assert_eq!(returning.participants_of("m1").len(), MOST_PEOPLE);
        returning.observe("p1", &RoomList { draining: true, ..list(vec![crowd(&many[4_000..])]) }, at(1));
        assert_eq!(returning.participants_of("m1").len(), MOST_PEOPLE);
    }
}
