//! What a meeting says about its room beside limits, and how that changes while people are in it.

use std::time::Duration;

use convene_protocol::admin::RoomSettings;

use super::{Effects, Room};

/// What the meeting says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Title that people see.
    pub title: String,
    /// Whether nobody new is let in.
    pub is_locked: bool,
    /// Whether people may write to each other.
    pub has_chat: bool,
    /// Whether people may show their screen.
    pub has_screen_share: bool,
    /// Until when, after the room has opened, those who were in the meeting before it moved here may come back into it although it is
    /// locked.
    pub returning: Option<Duration>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { title: String::new(), is_locked: false, has_chat: true, has_screen_share: true, returning: None }
    }
}

impl Room {
    /// What of its meeting the room goes by.
    pub fn settings(&self) -> RoomSettings {
        RoomSettings {
            title: self.terms.title.clone(),
            max_participants: u32::try_from(self.limits.peers).unwrap_or(u32::MAX),
            empty_timeout_seconds: self.limits.empty_timeout.as_secs(),
            locked: self.terms.is_locked,
        }
    }

    /// Those who are in stay, whatever the settings say.
    pub(super) fn update(&mut self, settings: RoomSettings, effects: &mut Effects) {
        let before = self.state();
        let RoomSettings { title, max_participants, empty_timeout_seconds, locked } = settings;
        self.terms.title = title;
        self.terms.is_locked = locked;
        self.limits = self.limits.clone().for_people(max_participants as usize);
        self.limits.empty_timeout = Duration::from_secs(empty_timeout_seconds);
        let now = self.state();
        if now != before {
            self.tell_joined(&now, None, effects);
        }
    }
}
