//! Decides what happens to a room, given the Meeting with its name.
//!
//! Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_crds::{Meeting, MeetingMovePhase, MeetingPhase, facts::MeetingFacts};
use convene_protocol::admin::{EndReason, MovePhase, RoomReport, RoomSettings};
use kube::ResourceExt;

use super::returning::Whereabouts;

/// The Meeting that a room depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MeetingHome {
    /// UID of the Meeting.
    pub(crate) uid: String,
    /// UID of the meeting's pod, if it has one.
    pub(crate) pod_uid: Option<String>,
    /// UID of another pod with a room of the meeting, if the meeting moves between the two.
    pub(crate) other_pod_uid: Option<String>,
    /// Whether the meeting has ended.
    pub(crate) is_over: bool,
    /// Settings of the room; `None` if the Meeting cannot be parsed.
    pub(crate) settings: Option<RoomSettings>,
}

impl MeetingHome {
    /// The place of the locked meeting with `uid` relative to the pod with `pod_uid`.
    pub(crate) fn whereabouts(&self, uid: &str, pod_uid: &str) -> Whereabouts {
        let is_locked = self.settings.as_ref().is_none_or(|settings| settings.locked);
        match &self.pod_uid {
            _ if self.uid != uid || self.is_over || !is_locked => Whereabouts::Nowhere,
            None => Whereabouts::Between,
            Some(home) if home == pod_uid => Whereabouts::Here,
            Some(_) => Whereabouts::Elsewhere,
        }
    }
}

/// The change to a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RoomStep {
    /// Nothing.
    Keep,
    End(EndReason),
    /// Its settings are updated.
    Update {
        settings: RoomSettings,
        /// Whether it waits for the list of participants who may rejoin.
        awaits_returning: bool,
    },
}

/// The step that `meeting` requires for its room.
pub(crate) fn compute_home(meeting: &Meeting, pod_uid: Option<String>) -> MeetingHome {
    MeetingHome {
        uid: meeting.uid().unwrap_or_default(),
        pod_uid,
        other_pod_uid: compute_other_pod(meeting),
        is_over: meeting.status.as_ref().and_then(|status| status.phase) == Some(MeetingPhase::Ended),
        settings: Some(MeetingFacts::from_meeting(meeting).settings),
    }
}

/// The operator ends each move within a limited time.
fn compute_other_pod(meeting: &Meeting) -> Option<String> {
    let record = meeting.status.as_ref()?.last_move.as_ref()?;
    match record.phase {
        MeetingMovePhase::Copying => Some(record.to.uid.clone()),
        MeetingMovePhase::Moving => Some(record.from.uid.clone()),
        MeetingMovePhase::Done | MeetingMovePhase::Fallback => None,
    }
}

/// The step for `room` on the pod with `pod_uid`. `home` is the Meeting that has the room's name now.
///
/// `is_leaving` tells whether the meeting leaves this pod with its participants.
pub(crate) fn plan_room(pod_uid: &str, room: &RoomReport, home: Option<&MeetingHome>, is_leaving: bool) -> RoomStep {
    let Some(home) = home.filter(|home| home.uid == room.uid && !home.is_over) else {
        return RoomStep::End(EndReason::Ended);
    };
    if home.pod_uid.as_ref().is_some_and(|other| other != pod_uid) {
        // The pod ends the room itself once its clients have moved. A frozen room that no move is about only loses time.
        let moves = room.moving.as_ref().is_some_and(|moving| moving.phase != MovePhase::Frozen);
        let is_on_both = home.other_pod_uid.as_deref() == Some(pod_uid);
        return if is_leaving || moves || is_on_both { RoomStep::Keep } else { RoomStep::End(EndReason::Moved) };
    }
    let awaits_returning = room.awaits_returning;
    match (&room.settings, &home.settings) {
        (Some(found), Some(wanted)) if found != wanted || awaits_returning => {
            RoomStep::Update { settings: wanted.clone(), awaits_returning }
        }
        // A Meeting that cannot be parsed changes no settings, and participants may rejoin.
        (Some(found), None) if awaits_returning => RoomStep::Update { settings: found.clone(), awaits_returning },
        _ => RoomStep::Keep,
    }
}

#[cfg(test)]
mod tests {
    use convene_protocol::admin::MoveReport;
    use serde_json::json;

    use super::*;
    use crate::fixtures::meeting_object;

    fn room(uid: &str) -> RoomReport {
        RoomReport {
            namespace: "team".into(),
            name: "standup".into(),
            uid: uid.into(),
            participants: 2,
            ..RoomReport::default()
        }
    }

    fn home(uid: &str, pod_uid: Option<&str>) -> MeetingHome {
        MeetingHome { uid: uid.into(), pod_uid: pod_uid.map(Into::into), ..MeetingHome::default() }
    }

    #[test]
    fn a_room_ends_with_its_meeting_and_moves_with_it() {
        let over = MeetingHome { is_over: true, ..home("m1", None) };
        let cases = [
            ("in its place", Some(home("m1", Some("p1"))), RoomStep::Keep),
            ("between two pods", Some(home("m1", None)), RoomStep::Keep),
            ("on another pod", Some(home("m1", Some("p2"))), RoomStep::End(EndReason::Moved)),
            ("over", Some(over), RoomStep::End(EndReason::Ended)),
            ("deleted", None, RoomStep::End(EndReason::Ended)),
            ("deleted and created again", Some(home("m2", Some("p1"))), RoomStep::End(EndReason::Ended)),
        ];
        for (case, home, wanted) in cases {
            assert_eq!(plan_room("p1", &room("m1"), home.as_ref(), false), wanted, "{case}");
        }
    }

    #[test]
    fn a_room_whose_clients_move_is_not_ended() {
        let moving = MoveReport { id: "p2".into(), phase: MovePhase::Leaving, left: 2 };
        let frozen = MoveReport { phase: MovePhase::Frozen, ..moving.clone() };
        let reported = RoomReport { moving: Some(moving), ..room("m1") };
        let stuck = RoomReport { moving: Some(frozen), ..room("m1") };
        let elsewhere = home("m1", Some("p2"));
        let recorded = MeetingHome { other_pod_uid: Some("p1".into()), ..elsewhere.clone() };
        let over = MeetingHome { is_over: true, ..recorded.clone() };
        let cases = [
            ("reported by the pod", &reported, &elsewhere, false, RoomStep::Keep),
            ("not reported yet", &room("m1"), &elsewhere, true, RoomStep::Keep),
            ("frozen by this operator", &stuck, &elsewhere, true, RoomStep::Keep),
            ("frozen by an earlier one", &stuck, &elsewhere, false, RoomStep::End(EndReason::Moved)),
            ("frozen, and the status says that it moves", &stuck, &recorded, false, RoomStep::Keep),
            ("not reported, and the status says that it moves", &room("m1"), &recorded, false, RoomStep::Keep),
            ("not continued", &room("m1"), &elsewhere, false, RoomStep::End(EndReason::Moved)),
            ("over meanwhile", &reported, &over, true, RoomStep::End(EndReason::Ended)),
        ];
        for (case, room, home, is_leaving, wanted) in cases {
            assert_eq!(plan_room("p1", room, Some(home), is_leaving), wanted, "{case}");
        }
    }

    #[test]
    fn while_a_meeting_moves_it_has_a_room_on_both_pods() {
        let moving = |phase: &str| {
            let pod = |uid: &str| json!({"name": uid, "uid": uid});
            let record = json!({"from": pod("p1"), "to": pod("p2"), "since": "2030-01-01T10:00:00Z", "phase": phase, "reason": "PodDraining"});
            compute_home(&meeting_object(json!({}), json!({"move": record})), None).other_pod_uid
        };
        let found = ["Copying", "Moving", "Done", "Fallback"].map(moving);
        assert_eq!(found.each_ref().map(Option::as_deref), [Some("p2"), Some("p1"), None, None]);
    }

    #[test]
    fn a_room_goes_by_what_its_meeting_says_now() {
        let meeting = meeting_object(json!({"title": " ", "maxParticipants": 7, "locked": true}), json!({}));
        let home = compute_home(&meeting, Some("p1".into()));
        let wanted = home.settings.clone().unwrap();
        assert_eq!((wanted.title.as_str(), wanted.max_participants, wanted.locked), ("regatta", 7, true));
        let with = |settings: Option<RoomSettings>| RoomReport { settings, ..room("meeting-uid") };
        let older = RoomSettings { locked: false, ..wanted.clone() };
        let update = RoomStep::Update { settings: wanted.clone(), awaits_returning: false };
        assert_eq!(plan_room("p1", &with(Some(older)), Some(&home), false), update);
        assert_eq!(plan_room("p1", &with(Some(wanted)), Some(&home), false), RoomStep::Keep);
        assert_eq!(plan_room("p1", &with(None), Some(&home), false), RoomStep::Keep);
    }

    #[test]
    fn a_locked_meeting_stays_locked_when_it_moves() {
        let pod = json!({"name": "a", "uid": "p1", "movedAt": "2030-01-01T10:00:00Z"});
        let meeting = meeting_object(json!({"locked": true}), json!({"pod": pod}));
        assert!(compute_home(&meeting, None).settings.unwrap().locked);
    }

    #[test]
    fn participants_are_remembered_for_locked_meetings_only() {
        let locked = |locked: bool| Some(RoomSettings { locked, ..RoomSettings::default() });
        let at = |pod_uid: Option<&str>| MeetingHome { settings: locked(true), ..home("m1", pod_uid) };
        let cases = [
            (at(Some("p1")), Whereabouts::Here),
            (at(Some("p2")), Whereabouts::Elsewhere),
            (at(None), Whereabouts::Between),
            (MeetingHome { uid: "m2".into(), ..at(Some("p1")) }, Whereabouts::Nowhere),
            (MeetingHome { is_over: true, ..at(None) }, Whereabouts::Nowhere),
            (MeetingHome { settings: locked(false), ..at(Some("p2")) }, Whereabouts::Nowhere),
        ];
        for (home, wanted) in cases {
            assert_eq!(home.whereabouts("m1", "p1"), wanted, "{home:?}");
        }
    }

    #[test]
    fn a_room_that_waits_for_returning_participants_gets_an_update() {
        let settings = RoomSettings { title: "regatta".into(), locked: true, ..RoomSettings::default() };
        let waiting = RoomReport { awaits_returning: true, settings: Some(settings.clone()), ..room("m1") };
        let home_with = |settings: Option<RoomSettings>| MeetingHome { settings, ..home("m1", Some("p1")) };
        let reported =
            |settings: &RoomSettings| RoomStep::Update { settings: settings.clone(), awaits_returning: true };
        let other = RoomSettings { title: "other".into(), ..settings.clone() };
        let cases = [
            ("nothing else is new", home_with(Some(settings.clone())), reported(&settings)),
            ("other settings", home_with(Some(other.clone())), reported(&other)),
            ("unreadable meeting", home_with(None), reported(&settings)),
            (
                "between two pods",
                MeetingHome { pod_uid: None, ..home_with(Some(settings.clone())) },
                reported(&settings),
            ),
            ("on another pod", home("m1", Some("p2")), RoomStep::End(EndReason::Moved)),
            (
                "over",
                MeetingHome { is_over: true, ..home_with(Some(settings.clone())) },
                RoomStep::End(EndReason::Ended),
            ),
        ];
        for (case, home, wanted) in cases {
            assert_eq!(plan_room("p1", &waiting, Some(&home), false), wanted, "{case}");
        }
    }
}
