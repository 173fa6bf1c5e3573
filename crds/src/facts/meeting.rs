//! Title, lock, settings and grant of a Meeting.

use convene_protocol::{
    admin::RoomSettings,
    admission::{MediaGrant, MeetingGrant},
    text::clean_line,
};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use crate::{Meeting, MeetingMedia};

/// How long participants may rejoin a locked meeting after it was moved to another pod.
pub const RETURN_TIME: SignedDuration = SignedDuration::from_secs(60);

/// The properties of a Meeting that a media pod needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeetingFacts {
    /// Settings that may change while a room is open.
    pub settings: RoomSettings,
    /// Names of the allowed codecs; all if empty.
    pub codecs: Vec<String>,
    /// Whether participants may use the chat.
    pub chat: bool,
    /// Whether participants may share a screen.
    pub screen_share: bool,
    /// Bitrate limits of each participant.
    pub media: MediaGrant,
    /// Deadline until which participants who were in the meeting before it moved may rejoin despite the lock.
    pub lock_opens_until: Option<Timestamp>,
    /// Whether there is a backup of the meeting's last room.
    pub has_backup: bool,
}

impl MeetingFacts {
    /// The facts of `meeting`.
    pub fn from_meeting(meeting: &Meeting) -> Self {
        let spec = &meeting.spec;
        Self {
            settings: RoomSettings {
                title: title(meeting),
                max_participants: spec.max_participants,
                empty_timeout_seconds: u64::from(spec.empty_timeout),
                locked: spec.locked,
            },
            codecs: spec.media.codecs.iter().map(|codec| codec.as_str().to_owned()).collect(),
            chat: spec.features.chat,
            screen_share: spec.features.screen_share,
            media: media(&spec.media),
            lock_opens_until: lock_opens_until(meeting),
            has_backup: has_backup(meeting),
        }
    }

    /// The facts of a Meeting that could not be read: it is locked and has only its name.
    pub fn unreadable(name: &str) -> Self {
        Self {
            settings: RoomSettings { title: name.to_owned(), locked: true, ..RoomSettings::default() },
            ..Self::default()
        }
    }

    /// The grant with which a media pod opens a room at `now` for the Meeting with this namespace, name and uid.
    pub fn grant(&self, namespace: &str, name: &str, uid: &str, now: Timestamp) -> MeetingGrant {
        MeetingGrant {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
            settings: self.settings.clone(),
            media: self.media,
            codecs: self.codecs.clone(),
            chat: self.chat,
            screen_share: self.screen_share,
            returning_until: self.returning_until(now),
            has_backup: self.has_backup,
        }
    }

    /// Deadline (Unix seconds) until which the new pod of a locked meeting readmits participants from before the move.
    fn returning_until(&self, now: Timestamp) -> Option<u64> {
        let until = self.lock_opens_until.filter(|until| self.settings.locked && *until > now)?;
        u64::try_from(until.as_second()).ok()
    }
}

/// Whether the status of `meeting` says that there is a backup of its last room.
pub fn has_backup(meeting: &Meeting) -> bool {
    meeting.status.as_ref().is_some_and(|status| status.backup)
}

/// The title that participants see: `spec.title`, or the name if that has no visible characters.
fn title(meeting: &Meeting) -> String {
    let title = meeting.spec.title.as_deref().map(clean_line);
    title.filter(|title| !title.is_empty()).unwrap_or_else(|| meeting.name_any())
}

fn lock_opens_until(meeting: &Meeting) -> Option<Timestamp> {
    let moved_at = meeting.status.as_ref()?.pod.as_ref()?.moved_at.as_ref()?.0;
    moved_at.checked_add(RETURN_TIME).ok()
}

fn media(media: &MeetingMedia) -> MediaGrant {
    let bits = |kilobits: Option<u32>| kilobits.map(|kilobits| kilobits.saturating_mul(1000));
    MediaGrant {
        max_incoming_bitrate: bits(media.max_send_kbps),
        max_outgoing_bitrate: bits(media.max_receive_kbps),
        initial_outgoing_bitrate: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facts(spec: &serde_json::Value, status: &serde_json::Value) -> MeetingFacts {
        let meeting = json!({
            "apiVersion": "convene.dev/v1alpha1", "kind": "Meeting",
            "metadata": {"namespace": "team-a", "name": "regatta"}, "spec": spec, "status": status,
        });
        MeetingFacts::from_meeting(&serde_json::from_value(meeting).expect("a Meeting"))
    }

    #[test]
    fn a_title_is_one_line_of_what_is_visible_or_the_name() {
        for (given, title) in [
            (json!("Weekly"), "Weekly"),
            (json!(" Week\u{200b}ly\n planning \u{202e}"), "Weekly planning"),
            (json!("Cafe\u{301}"), "Caf\u{e9}"),
            (json!("\u{3164}\u{202e} "), "regatta"),
            (json!(null), "regatta"),
        ] {
            assert_eq!(facts(&json!({ "title": given }), &json!({})).settings.title, title, "{given:?}");
        }
    }

    #[test]
    fn kilobits_of_the_spec_are_bits_of_the_grant() {
        let media = facts(&json!({"media": {"maxSendKbps": 500, "maxReceiveKbps": 2000}}), &json!({})).media;
        assert_eq!((media.max_incoming_bitrate, media.max_outgoing_bitrate), (Some(500_000), Some(2_000_000)));
    }

    #[test]
    fn a_locked_meeting_that_moved_readmits_for_a_minute() {
        let moved = json!({"pod": {"name": "a", "uid": "p1", "movedAt": "2030-01-01T10:00:00Z"}});
        let facts = facts(&json!({"locked": true}), &moved);
        assert!(facts.settings.locked);
        assert_eq!(facts.lock_opens_until, "2030-01-01T10:01:00Z".parse().ok());
    }

    #[test]
    fn the_grant_tells_the_end_of_that_minute_only_while_it_matters() {
        let until: Timestamp = "2026-01-01T00:01:00.5Z".parse().expect("a time");
        let seconds = u64::try_from(until.as_second()).ok();
        let cases = [
            ("locked and moved", true, Some(until), "2026-01-01T00:00:30Z", seconds),
            ("at the end", true, Some(until), "2026-01-01T00:01:00.5Z", None),
            ("long after", true, Some(until), "2026-01-02T00:00:00Z", None),
            ("never moved", true, None, "2026-01-01T00:00:30Z", None),
            ("open", false, Some(until), "2026-01-01T00:00:30Z", None),
        ];
        for (case, locked, lock_opens_until, now, returning) in cases {
            let settings = RoomSettings { locked, ..RoomSettings::default() };
            let facts = MeetingFacts { settings, lock_opens_until, ..MeetingFacts::default() };
            let grant = facts.grant("team-a", "board", "m-1", now.parse().expect("a time"));
            assert_eq!((grant.settings.locked, grant.returning_until), (locked, returning), "{case}");
        }
    }
}
