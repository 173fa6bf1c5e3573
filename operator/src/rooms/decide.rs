//! What becomes of a room, given the Meeting that has its name.
//!
//! Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_crds::{Meeting, MeetingPhase};
use convene_protocol::admin::{EndReason, RoomReport, RoomSettings};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

/// What a room depends on: its Meeting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeetingHome {
    /// UID of the Meeting.
    pub uid: String,
    /// UID of the pod that carries it, if one does.
    pub pod_uid: Option<String>,
    /// Whether the meeting is over.
    pub is_over: bool,
    /// What the room is to go by; `None` if that cannot be read.
    pub settings: Option<RoomSettings>,
}

/// How long the lock of a meeting is open after it has moved to another pod: that pod cannot know who was in.
const COMING_BACK: SignedDuration = SignedDuration::from_secs(60);

/// Until when the lock of `meeting` is open, if it has moved.
pub fn compute_lock_opens_until(meeting: &Meeting) -> Option<Timestamp> {
    let moved_at = meeting.status.as_ref()?.pod.as_ref()?.moved_at.as_ref()?.0;
    moved_at.checked_add(COMING_BACK).ok()
}

/// What becomes of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomStep {
    /// Nothing.
    Keep,
    /// It ends.
    End(EndReason),
    /// It goes by other settings.
    Update(RoomSettings),
}

/// The home that `meeting` gives to its room.
pub fn compute_home(meeting: &Meeting, pod_uid: Option<String>, now: Timestamp) -> MeetingHome {
    let spec = &meeting.spec;
    let is_lock_open = compute_lock_opens_until(meeting).is_some_and(|until| until > now);
    let title = spec.title.clone().filter(|title| !title.trim().is_empty());
    MeetingHome {
        uid: meeting.uid().unwrap_or_default(),
        pod_uid,
        is_over: meeting.status.as_ref().and_then(|status| status.phase) == Some(MeetingPhase::Ended),
        settings: Some(RoomSettings {
            title: title.unwrap_or_else(|| meeting.name_any()),
            max_participants: spec.max_participants,
            empty_timeout_seconds: u64::from(spec.empty_timeout),
            locked: spec.locked && !is_lock_open,
        }),
    }
}

/// What becomes of `room` on the pod with `pod_uid`. `home` is the Meeting that has the room's name now.
pub fn plan_room(pod_uid: &str, room: &RoomReport, home: Option<&MeetingHome>) -> RoomStep {
    let Some(home) = home.filter(|home| home.uid == room.uid && !home.is_over) else {
        return RoomStep::End(EndReason::Ended);
    };
    if home.pod_uid.as_ref().is_some_and(|other| other != pod_uid) {
        return RoomStep::End(EndReason::Moved);
    }
    match (&room.settings, &home.settings) {
        (Some(found), Some(wanted)) if found != wanted => RoomStep::Update(wanted.clone()),
        _ => RoomStep::Keep,
    }
}

#[cfg(test)]
mod tests {
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
            ("deleted and made anew", Some(home("m2", Some("p1"))), RoomStep::End(EndReason::Ended)),
        ];
        for (case, home, wanted) in cases {
            assert_eq!(plan_room("p1", &room("m1"), home.as_ref()), wanted, "{case}");
        }
    }

    #[test]
    fn a_room_goes_by_what_its_meeting_says_now() {
        let meeting = meeting_object(json!({"title": " ", "maxParticipants": 7, "locked": true}), json!({}));
        let home = compute_home(&meeting, Some("p1".into()), Timestamp::UNIX_EPOCH);
        let wanted = home.settings.clone().unwrap();
        assert_eq!((wanted.title.as_str(), wanted.max_participants, wanted.locked), ("regatta", 7, true));
        let with = |settings: Option<RoomSettings>| RoomReport { settings, ..room("meeting-uid") };
        let older = RoomSettings { locked: false, ..wanted.clone() };
        assert_eq!(plan_room("p1", &with(Some(older)), Some(&home)), RoomStep::Update(wanted.clone()));
        assert_eq!(plan_room("p1", &with(Some(wanted)), Some(&home)), RoomStep::Keep);
        assert_eq!(plan_room("p1", &with(None), Some(&home)), RoomStep::Keep);
    }

    #[test]
    fn after_a_move_people_come_back_into_a_locked_meeting() {
        let pod = json!({"name": "a", "uid": "p1", "movedAt": "2030-01-01T10:00:00Z"});
        let meeting = meeting_object(json!({"locked": true}), json!({"pod": pod}));
        let locked = |now: &str| compute_home(&meeting, None, now.parse().unwrap()).settings.unwrap().locked;
        assert!(!locked("2030-01-01T10:00:59Z"));
        assert!(locked("2030-01-01T10:01:00Z"));
    }
}
