//! The state of a room as seen from outside its actor: metrics, and the state that the operator queries.
//!
//! It never changes the room. The metrics of a room end with it, for whatever reason it ends.

use convene_protocol::admin::{MoveReport, RoomSettings, SiteReport};
use tokio::sync::watch;

use super::list_version::ListVersion;
use crate::metrics::Metrics;
use crate::room::{Essence, Fact, Room, RoomStats};

/// Collects what rooms report.
#[derive(Clone, Debug)]
pub(crate) struct Reports {
    /// The pod's metrics.
    pub(crate) metrics: Metrics,
    /// Wakes callers that wait for a change of the room list.
    pub(crate) version: ListVersion,
}

/// How the meeting moves between pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MoveState {
    /// Its move to another pod.
    pub(crate) moving: Option<MoveReport>,
    /// The move with which it has come to this pod.
    pub(crate) restored: Option<String>,
}

impl MoveState {
    fn of(room: &Room) -> Self {
        Self { moving: room.move_report(), restored: room.restored().map(str::to_owned) }
    }
}

/// The receiving side of a [`Publisher`].
pub(super) struct Observed {
    pub(super) stats: watch::Receiver<RoomStats>,
    pub(super) settings: watch::Receiver<RoomSettings>,
    pub(super) people: watch::Receiver<Vec<String>>,
    pub(super) moves: watch::Receiver<MoveState>,
    pub(super) streams: watch::Receiver<u64>,
    pub(super) backup: watch::Receiver<u64>,
    pub(super) sites: watch::Receiver<Vec<SiteReport>>,
}

/// Numbers the states of a room that must survive its pod.
#[derive(Debug)]
struct BackupVersion {
    first: u64,
    current: u64,
    essence: Essence,
}

impl BackupVersion {
    /// `first` is never the same for two rooms.
    fn new(first: u64) -> Self {
        Self { first, current: first, essence: Essence::default() }
    }

    /// The version of this state; 0 if there has been nothing that must survive.
    fn of(&mut self, essence: Essence) -> u64 {
        if self.essence != essence {
            (self.essence, self.current) = (essence, self.current + 1);
        }
        if self.current == self.first { 0 } else { self.current }
    }
}

/// Publishes a room's state; its share of the metrics is subtracted when this is dropped.
#[derive(Debug)]
pub(super) struct Publisher {
    stats: watch::Sender<RoomStats>,
    settings: watch::Sender<RoomSettings>,
    people: watch::Sender<Vec<String>>,
    moves: watch::Sender<MoveState>,
    streams: watch::Sender<u64>,
    backup: watch::Sender<u64>,
    sites: watch::Sender<Vec<SiteReport>>,
    backup_version: BackupVersion,
    reports: Reports,
}

impl Publisher {
    /// Counts the room itself.
    pub(super) fn new(room: &Room, reports: Reports) -> (Self, Observed) {
        reports.metrics.rooms.inc();
        let (stats, observed_stats) = watch::channel(RoomStats::default());
        let (settings, observed_settings) = watch::channel(room.settings());
        let (people, observed_people) = watch::channel(Vec::new());
        let (moves, observed_moves) = watch::channel(MoveState::of(room));
        let (streams, observed_streams) = watch::channel(room.streams_version());
        let mut backup_version = BackupVersion::new(room.streams_version());
        let (backup, observed_backup) = watch::channel(backup_version.of(room.essence()));
        let (sites, observed_sites) = watch::channel(Vec::new());
        let observed = Observed {
            stats: observed_stats,
            settings: observed_settings,
            people: observed_people,
            moves: observed_moves,
            streams: observed_streams,
            backup: observed_backup,
            sites: observed_sites,
        };
        (Self { stats, settings, people, moves, streams, backup, sites, backup_version, reports }, observed)
    }

    /// Publishes what has changed.
    pub(super) fn publish(&mut self, room: &Room, sites: Vec<SiteReport>) {
        update(&self.streams, room.streams_version());
        let now = room.stats();
        let before = self.stats.send_replace(now);
        self.reports.metrics.participants.add(signed(now.participants) - signed(before.participants));
        self.reports.metrics.waiting.add(signed(now.waiting) - signed(before.waiting));
        self.reports.metrics.prepared.add(signed(now.prepared) - signed(before.prepared));
        let awaits_again = now.awaits_returning && !before.awaits_returning
            || now.awaits_backup != before.awaits_backup
            || now.awaits_backup && now.pending != before.pending;
        let recording_changed = (now.recorders > 0) != (before.recorders > 0);
        let is_changed = update(&self.settings, room.settings())
            | update(&self.people, room.people_of_a_locked_meeting())
            | update(&self.moves, MoveState::of(room))
            | update(&self.backup, self.backup_version.of(room.essence()))
            | update(&self.sites, sites);
        if is_changed || awaits_again || recording_changed || now.participants != before.participants {
            self.reports.version.bump();
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let last = *self.stats.borrow();
        self.reports.metrics.participants.sub(signed(last.participants));
        self.reports.metrics.waiting.sub(signed(last.waiting));
        self.reports.metrics.prepared.sub(signed(last.prepared));
        self.reports.metrics.rooms.dec();
    }
}

/// Adds an observation of a room to the metrics.
pub(super) fn record(metrics: &Metrics, fact: Fact) {
    match fact {
        Fact::Joined(after) => metrics.join_seconds.with_label_values(&["joined"]).observe(after.as_secs_f64()),
        Fact::MediaConnected(after) => metrics.join_seconds.with_label_values(&["media"]).observe(after.as_secs_f64()),
        Fact::Moderated(action) => metrics.moderation.with_label_values(&[action]).inc(),
        Fact::Move(outcome) => metrics.moves.steps.with_label_values(&[outcome]).inc(),
        Fact::ClientMove(outcome) => metrics.moves.clients.with_label_values(&[outcome]).inc(),
        Fact::LimitReached(limit) => metrics.limits_reached.with_label_values(&[limit]).inc(),
    }
}

/// Replaces the value if it differs; returns whether it did.
fn update<T: PartialEq>(published: &watch::Sender<T>, now: T) -> bool {
    published.send_if_modified(|published| {
        let is_different = *published != now;
        *published = now;
        is_different
    })
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
