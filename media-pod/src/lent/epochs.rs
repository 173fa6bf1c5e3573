//! Which pod has a meeting: each new one has a higher epoch, and one with a lower epoch gets nothing new. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::{HashMap, VecDeque};

use super::LentError;

/// Links at the same time.
const MAX_LINKS: usize = 10_000;
/// Meetings without a link whose epoch is remembered. Tickets are valid for a minute, so older ones do not matter.
const REMEMBERED: usize = 1_000;

/// The highest epoch of each meeting, and its links.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    meetings: HashMap<String, Meeting>,
    links: usize,
    /// Meetings without links, the oldest first.
    resting: VecDeque<String>,
}

#[derive(Debug, Default)]
struct Meeting {
    epoch: u64,
    links: usize,
}

impl Epochs {
    /// Counts a link, unless another pod has the meeting since.
    pub(super) fn begin(&mut self, room: &str, epoch: u64) -> Result<(), LentError> {
        if self.links >= MAX_LINKS {
            return Err(LentError::TooMany);
        }
        if self.meetings.get(room).is_some_and(|meeting| epoch < meeting.epoch) {
            return Err(LentError::Stale);
        }
        let meeting = self.meetings.entry(room.to_owned()).or_default();
        if meeting.links == 0 {
            self.resting.retain(|resting| resting != room);
        }
        meeting.epoch = epoch;
        meeting.links += 1;
        self.links += 1;
        Ok(())
    }

    pub(super) fn is_current(&self, room: &str, epoch: u64) -> bool {
        self.meetings.get(room).is_none_or(|meeting| epoch >= meeting.epoch)
    }

    /// A link has ended.
    pub(super) fn end(&mut self, room: &str) {
        let Some(meeting) = self.meetings.get_mut(room) else { return };
        meeting.links = meeting.links.saturating_sub(1);
        self.links = self.links.saturating_sub(1);
        if meeting.links == 0 {
            self.resting.push_back(room.to_owned());
            self.forget();
        }
    }

    fn forget(&mut self) {
        while self.resting.len() > REMEMBERED {
            let Some(oldest) = self.resting.pop_front() else { return };
            self.meetings.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_had_the_meeting_earlier_gets_nothing_new() {
        let mut epochs = Epochs::default();
        assert_eq!(epochs.begin("a", 2), Ok(()));
        assert_eq!(epochs.begin("a", 2), Ok(()), "the same pod again");
        assert_eq!(epochs.begin("a", 1), Err(LentError::Stale));
        assert_eq!(epochs.begin("b", 1), Ok(()));
        assert!(epochs.is_current("a", 2));
        assert_eq!(epochs.begin("a", 3), Ok(()));
        assert!(!epochs.is_current("a", 2) && epochs.is_current("a", 3) && epochs.is_current("b", 1));
        for _ in 0..3 {
            epochs.end("a");
        }
        assert_eq!(epochs.begin("a", 2), Err(LentError::Stale), "also without a link");
    }

    #[test]
    fn memory_is_bounded() {
        let mut epochs = Epochs::default();
        for number in 0..3 * REMEMBERED {
            let room = number.to_string();
            epochs.begin(&room, 5).unwrap();
            epochs.end(&room);
        }
        assert_eq!((epochs.meetings.len(), epochs.resting.len(), epochs.links), (REMEMBERED, REMEMBERED, 0));
        for _ in 0..3 * REMEMBERED {
            epochs.begin("flapping", 5).unwrap();
            epochs.end("flapping");
        }
        assert_eq!(epochs.meetings.len(), REMEMBERED, "one that comes and goes takes no place of others");
        for _ in 0..MAX_LINKS {
            epochs.begin("one", 1).unwrap();
        }
        assert_eq!(epochs.begin("other", 1), Err(LentError::TooMany));
    }
}
