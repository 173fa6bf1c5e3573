//! What rooms that are over have left to the rooms that follow them: bounded in number and time. It knows no room and reads no clock.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::room::Snapshot;
use crate::rooms::RoomKey;

/// How long a meeting's decisions outlive its room: a lock must not keep tomorrow's participants out.
const TIME: Duration = Duration::from_mins(15);
/// Meetings of which something is kept; of more, the oldest is forgotten.
const MOST: usize = 1000;

/// All of the pod.
#[derive(Debug, Default)]
pub(crate) struct KeptRooms(HashMap<RoomKey, Kept>);

#[derive(Debug)]
struct Kept {
    uid: String,
    keepsake: Snapshot,
    since: Instant,
}

impl KeptRooms {
    /// Keeps what a room has left. A meeting of the same name that is another one is forgotten.
    pub(crate) fn keep(&mut self, key: RoomKey, uid: String, keepsake: Snapshot, now: Instant) {
        self.0.retain(|_, kept| now.saturating_duration_since(kept.since) < TIME);
        if self.0.len() >= MOST {
            let oldest = self.0.iter().min_by_key(|(_, kept)| kept.since).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| self.0.remove(&oldest));
        }
        self.0.insert(key, Kept { uid, keepsake, since: now });
    }

    /// What an earlier room of this very meeting has left, if that is not too long ago.
    pub(crate) fn take(&mut self, key: &RoomKey, uid: &str, now: Instant) -> Option<Snapshot> {
        let kept = self.0.remove(key)?;
        let is_fresh = kept.uid == uid && now.saturating_duration_since(kept.since) < TIME;
        is_fresh.then_some(kept.keepsake)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::room::{Limits, MeetingSettings, Room};

    fn keepsake() -> Snapshot {
        let room = Room::new(Limits::default(), MeetingSettings::default(), json!({}), String::new(), 0, None);
        room.snapshot(true).expect("an interrupted room leaves something")
    }

    fn key(name: &str) -> RoomKey {
        RoomKey { namespace: "team".into(), name: name.into() }
    }

    #[test]
    fn only_the_same_meeting_gets_it_once_and_in_time() {
        let (mut kept, now) = (KeptRooms::default(), Instant::now());
        kept.keep(key("a"), "u-1".into(), keepsake(), now);
        kept.keep(key("b"), "u-2".into(), keepsake(), now);
        kept.keep(key("c"), "u-3".into(), keepsake(), now);
        assert!(kept.take(&key("a"), "u-1", now + TIME / 2).is_some());
        assert!(kept.take(&key("a"), "u-1", now).is_none(), "once");
        assert!(kept.take(&key("b"), "another", now).is_none());
        assert!(kept.take(&key("c"), "u-3", now + TIME).is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let (mut kept, now) = (KeptRooms::default(), Instant::now());
        for number in 0..=MOST {
            let later = now + Duration::from_millis(number.try_into().unwrap());
            kept.keep(key(&number.to_string()), "u".into(), keepsake(), later);
        }
        assert_eq!(kept.0.len(), MOST);
        assert!(kept.take(&key("0"), "u", now).is_none(), "the oldest is forgotten");
        kept.keep(key("later"), "u".into(), keepsake(), now + 2 * TIME);
        assert_eq!(kept.0.len(), 1);
    }
}
