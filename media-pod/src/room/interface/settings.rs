//! The meeting settings that apply to its room, apart from the limits. Plain data.

use std::time::Duration;

/// The settings of a meeting.
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeetingSettings {
    /// Title that participants see.
    pub title: String,
    /// Whether the meeting is locked for new participants.
    pub is_locked: bool,
    /// Whether the chat is on.
    pub has_chat: bool,
    /// Whether participants may share their screen.
    pub has_screen_share: bool,
    /// The time since the opening of the room until which participants who were in the meeting before it moved here may rejoin
    /// although it is locked.
    pub returning: Option<Duration>,
    /// Whether there is a backup of the meeting's earlier room. A room that opens without any earlier state waits for it.
    pub has_backup: bool,
}

impl Default for MeetingSettings {
    fn default() -> Self {
        Self {
            title: String::new(),
            is_locked: false,
            has_chat: true,
            has_screen_share: true,
            returning: None,
            has_backup: false,
        }
    }
}
