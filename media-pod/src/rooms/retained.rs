//! State that ended rooms pass to their successors: bounded in number and time. It knows no open rooms and reads no clock.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::room::Snapshot;

use super::key::RoomKey;

/// How long the state outlives its room: a lock must not exclude the participants of the next day.
const TIME: Duration = Duration::from_mins(15);
/// Meetings whose state is retained; beyond that the oldest is dropped.
const CAPACITY: usize = 1000;

/// The retained state of the pod's ended rooms.
#[derive(Debug, Default)]
pub(super) struct RetainedRooms(HashMap<RoomKey, Retained>);

#[derive(Debug)]
struct Retained {
    uid: String,
    snapshot: Snapshot,
    since: Instant,
}

impl RetainedRooms {
    /// Retains the state of an ended room, in place of that of an older meeting with the same name.
    pub(super) fn keep(&mut self, key: RoomKey, uid: String, snapshot: Snapshot, now: Instant) {
        self.0.retain(|_, retained| now.saturating_duration_since(retained.since) < TIME);
        if self.0.len() >= CAPACITY {
            let oldest = self.0.iter().min_by_key(|(_, retained)| retained.since).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| self.0.remove(&oldest));
        }
        self.0.insert(key, Retained { uid, snapshot, since: now });
    }

    /// Takes the state of an earlier room of the same meeting, if it has not expired.
    pub(super) fn take(&mut self, key: &RoomKey, uid: &str, now: Instant) -> Option<Snapshot> {
        let retained = self.0.remove(key)?;
        let is_fresh = retained.uid == uid && now.saturating_duration_since(retained.since) < TIME;
        is_fresh.then_some(retained.snapshot)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::room::{Limits, MeetingSettings, Room};

    fn snapshot() -> Snapshot {
        let room = Room::new(Limits::default(), MeetingSettings::default(), json!({}), String::new(), 0, None);
        room.snapshot(true).expect("an interrupted room passes on its state")
    }

    fn key(name: &str) -> RoomKey {
        RoomKey { namespace: "team".into(), name: name.into() }
    }

    #[test]
    fn only_the_same_meeting_gets_it_once_and_in_time() {
        let (mut retained, now) = (RetainedRooms::default(), Instant::now());
        retained.keep(key("a"), "u-1".into(), snapshot(), now);
        retained.keep(key("b"), "u-2".into(), snapshot(), now);
        retained.keep(key("c"), "u-3".into(), snapshot(), now);
        assert!(retained.take(&key("a"), "u-1", now + TIME / 2).is_some());
        assert!(retained.take(&key("a"), "u-1", now).is_none(), "once");
        assert!(retained.take(&key("b"), "another", now).is_none());
        assert!(retained.take(&key("c"), "u-3", now + TIME).is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let (mut retained, now) = (RetainedRooms::default(), Instant::now());
        for number in 0..=CAPACITY {
            let later = now + Duration::from_millis(number.try_into().unwrap());
            retained.keep(key(&number.to_string()), "u".into(), snapshot(), later);
        }
        assert_eq!(retained.0.len(), CAPACITY);
        assert!(retained.take(&key("0"), "u", now).is_none(), "the oldest is dropped");
        retained.keep(key("later"), "u".into(), snapshot(), now + 2 * TIME);
        assert_eq!(retained.0.len(), 1);
    }
}
