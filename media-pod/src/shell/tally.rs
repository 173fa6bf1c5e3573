//! What others see of a room: counts for the metrics, and what the operator asks for. Whatever ends the room, its counts end with it.

use convene_protocol::admin::RoomSettings;
use tokio::sync::watch;

use super::Reports;
use crate::room::{Room, RoomStats};

/// Where the rest of the pod sees it.
pub(super) struct Seen {
    pub(super) census: watch::Receiver<RoomStats>,
    pub(super) settings: watch::Receiver<RoomSettings>,
    pub(super) people: watch::Receiver<Vec<String>>,
    pub(super) streams: watch::Receiver<u64>,
}

/// Tells what a room is now, and takes it back when dropped.
#[derive(Debug)]
pub(super) struct Tally {
    census: watch::Sender<RoomStats>,
    settings: watch::Sender<RoomSettings>,
    people: watch::Sender<Vec<String>>,
    streams: watch::Sender<u64>,
    reports: Reports,
}

impl Tally {
    /// Counts the room itself.
    pub(super) fn new(room: &Room, reports: Reports) -> (Self, Seen) {
        reports.metrics.rooms.inc();
        let (census, seen) = watch::channel(RoomStats::default());
        let (settings, seen_settings) = watch::channel(room.settings());
        let (people, seen_people) = watch::channel(Vec::new());
        let (streams, seen_streams) = watch::channel(room.streams_version());
        let seen = Seen { census: seen, settings: seen_settings, people: seen_people, streams: seen_streams };
        (Self { census, settings, people, streams, reports }, seen)
    }

    /// Tells what has changed.
    pub(super) fn note(&self, room: &Room) {
        update(&self.streams, room.streams_version());
        let now = room.stats();
        let before = self.census.send_replace(now);
        self.reports.metrics.participants.add(signed(now.participants) - signed(before.participants));
        self.reports.metrics.waiting.add(signed(now.waiting) - signed(before.waiting));
        let is_new = now.awaits_returning && !before.awaits_returning;
        let is_recorded_otherwise = (now.recorders > 0) != (before.recorders > 0);
        let is_changed =
            update(&self.settings, room.settings()) | update(&self.people, room.people_of_a_locked_meeting());
        if is_changed || is_new || is_recorded_otherwise || now.participants != before.participants {
            self.reports.news.tell();
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let last = *self.census.borrow();
        self.reports.metrics.participants.sub(signed(last.participants));
        self.reports.metrics.waiting.sub(signed(last.waiting));
        self.reports.metrics.rooms.dec();
    }
}

/// Whether it is another one.
fn update<T: PartialEq>(seen: &watch::Sender<T>, now: T) -> bool {
    seen.send_if_modified(|seen| {
        let is_other = *seen != now;
        *seen = now;
        is_other
    })
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
