//! The viewers of a room, who are counted and not announced: how many there are, whose hands are raised, and how often they may reach the
//! others. It decides when others are notified; who is a viewer is in the grants.

use std::collections::VecDeque;
use std::time::Duration;

use convene_protocol::message::{ServerNotification, ViewerHand, ViewerHands, Viewers};

use super::effects::Effects;
use super::interface::ids::PeerId;
use super::people::seats::Seats;

/// Raised hands in one notification.
const MAX_HANDS: usize = 50;
/// Reactions of participants on stage in a second that are sent to the others: more are noise, and each costs a message to every participant.
const REACTIONS_PER_SECOND: u32 = 20;
/// The same of viewers.
const VIEWER_REACTIONS_PER_SECOND: u32 = 10;
/// Chat messages of viewers in a second.
const MESSAGES_PER_SECOND: u32 = 5;

/// The viewers.
#[derive(Debug)]
pub(super) struct Audience {
    /// The number of viewers that the participants know.
    known: usize,
    /// Viewers whose hands are raised, the first one first.
    hands: VecDeque<PeerId>,
    /// Whether moderators know an older list.
    is_list_old: bool,
    reactions: Sample,
    viewer_reactions: Sample,
    messages: Sample,
}

/// Lets a number of events pass each second.
#[derive(Debug)]
struct Sample {
    limit: u32,
    second: u64,
    passed: u32,
}

impl Sample {
    fn new(limit: u32) -> Self {
        Self { limit, second: 0, passed: 0 }
    }

    fn passes(&mut self, now: Duration) -> bool {
        if self.second != now.as_secs() {
            (self.second, self.passed) = (now.as_secs(), 0);
        }
        let passes = self.passed < self.limit;
        self.passed += u32::from(passes);
        passes
    }
}

impl Default for Audience {
    fn default() -> Self {
        Self {
            known: 0,
            hands: VecDeque::new(),
            is_list_old: false,
            reactions: Sample::new(REACTIONS_PER_SECOND),
            viewer_reactions: Sample::new(VIEWER_REACTIONS_PER_SECOND),
            messages: Sample::new(MESSAGES_PER_SECOND),
        }
    }
}

impl Audience {
    /// Whether one more reaction is sent to the others.
    pub(super) fn passes_reaction(&mut self, is_viewer: bool, now: Duration) -> bool {
        if is_viewer { self.viewer_reactions.passes(now) } else { self.reactions.passes(now) }
    }

    /// Whether one more chat message of a viewer is accepted.
    pub(super) fn passes_message(&mut self, now: Duration) -> bool {
        self.messages.passes(now)
    }

    /// A viewer raises or lowers a hand, leaves or is no longer a viewer.
    pub(super) fn set_hand(&mut self, id: &PeerId, is_raised: bool) {
        let before = self.hands.len();
        match (self.hands.contains(id), is_raised) {
            (false, true) => self.hands.push_back(id.clone()),
            (true, false) => self.hands.retain(|other| other != id),
            _ => {}
        }
        self.is_list_old |= self.hands.len() != before;
    }

    /// The name of a viewer has changed.
    pub(super) fn note_name(&mut self, id: &PeerId) {
        self.is_list_old |= self.hands.iter().take(MAX_HANDS).any(|other| other == id);
    }

    /// Notifies all participants of the number of viewers, and moderators of raised hands, if these have changed. Called each second.
    pub(super) fn settle(&mut self, seats: &Seats, effects: &mut Effects) {
        let count = seats.viewers();
        if std::mem::replace(&mut self.known, count) != count {
            seats.notify(&self.viewers(), None, effects);
        }
        if std::mem::take(&mut self.is_list_old) {
            seats.notify_moderators(&self.hands(seats), effects);
        }
    }

    /// The number of viewers as the participants know it, for one who has joined.
    pub(super) fn viewers(&self) -> ServerNotification {
        ServerNotification::Viewers(Viewers { count: number(self.known) })
    }

    /// The raised hands, for moderators.
    pub(super) fn hands(&self, seats: &Seats) -> ServerNotification {
        let hand = |id: &PeerId| {
            let display_name = seats.get(id)?.joined.as_ref()?.display_name.clone();
            Some(ViewerHand { peer_id: id.0.clone(), display_name })
        };
        let hands = self.hands.iter().take(MAX_HANDS).filter_map(hand).collect();
        ServerNotification::ViewerHands(ViewerHands { count: number(self.hands.len()), hands })
    }

    /// Whether there is anything for a newcomer to know.
    pub(super) fn is_known(&self) -> bool {
        self.known > 0
    }

    /// Whether any hand is raised.
    pub(super) fn has_hands(&self) -> bool {
        !self.hands.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.hands.clear();
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_lets_so_many_pass_each_second() {
        let mut sample = Sample::new(2);
        let at = |millis| Duration::from_millis(millis);
        let passed: Vec<_> = [0, 10, 20, 999, 1000, 1001, 1002, 5000].map(|now| sample.passes(at(now))).into();
        assert_eq!(passed, [true, true, false, false, true, true, false, true]);
    }
}
