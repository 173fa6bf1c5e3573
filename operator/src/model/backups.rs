//! What is known about the backups of rooms: which state of which room is stored, and what has to be done next.
//!
//! Pure: the time is an argument. It holds no content of a backup: that is in the cluster, where the next leader finds it.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::{HashMap, HashSet};

use convene_protocol::admin::{RoomList, RoomReport};
use jiff::{SignedDuration, Timestamp};

use super::ledger::MeetingKey;

/// How long a room may be missing in the list of its pod before its backup is deleted: longer than the time in which clients of a room that
/// was interrupted return.
const MISSING_TIME: SignedDuration = SignedDuration::from_mins(1);
/// Interval in which a backup is written again because only participants have come or gone.
const PEOPLE_INTERVAL: SignedDuration = SignedDuration::from_secs(5);

/// A process of a media pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodProcess {
    /// UID of the pod.
    pub(crate) pod_uid: String,
    /// As the pod reports it ([`RoomList::process`]).
    pub(crate) process: u64,
}

impl PodProcess {
    pub(crate) fn new(pod_uid: &str, list: &RoomList) -> Self {
        Self { pod_uid: pod_uid.to_owned(), process: list.process }
    }
}

/// The next step for a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BackupStep {
    /// Nothing.
    Keep,
    /// Its state is new: it is stored.
    Store,
    /// The room is given the stored state.
    Restore,
}

/// The state of a room that was handled last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Handled {
    key: MeetingKey,
    at: PodProcess,
    /// As the pod reports it ([`RoomReport::backup`]).
    version: u64,
    /// Whether an object with it exists.
    is_stored: bool,
    /// Identifies the decisions in it.
    decisions: u64,
    written_at: Option<Timestamp>,
    /// Start of the time in which the pod no longer lists the room, although its process runs.
    missing_since: Option<Timestamp>,
}

/// The backups of all rooms.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backups {
    /// By UID of the Meeting.
    handled: HashMap<String, Handled>,
    /// UIDs of the Meetings whose rooms were handled last on this pod, by its UID.
    by_pod: HashMap<String, HashSet<String>>,
}

impl Backups {
    /// The step for a room that is where its meeting is. `says_backup`: whether the Meeting's status says that there is a backup.
    pub(crate) fn plan(&self, at: &PodProcess, room: &RoomReport, says_backup: bool) -> BackupStep {
        let handled = self.handled.get(&room.uid);
        let is_here = handled.is_some_and(|handled| handled.at == *at);
        match (room.awaits_backup, room.backup) {
            (true, _) => BackupStep::Restore,
            // What came with a move is newer than the backup. All others opened before routers knew of the backup.
            (false, Some(0)) if self.may_exist(&room.uid, says_backup) && !is_here => {
                if room.restored.is_some() {
                    BackupStep::Store
                } else {
                    BackupStep::Restore
                }
            }
            (false, None | Some(0)) => BackupStep::Keep,
            (false, Some(version)) if handled.is_some_and(|handled| is_here && handled.version == version) => {
                BackupStep::Keep
            }
            (false, Some(_)) => BackupStep::Store,
        }
    }

    /// The step for a room whose meeting has lost its place while its call goes on: what is decided now is known to that room only.
    pub(crate) fn plan_without_place(&self, at: &PodProcess, room: &RoomReport) -> BackupStep {
        let step = self.plan(at, room, false);
        if step == BackupStep::Store && room.participants > 0 { step } else { BackupStep::Keep }
    }

    /// The rooms that the pod reported earlier and reports no longer, if its process has restarted: they did not end by themselves, and are
    /// restored. All others count as missing from now on. A process that shuts down ends rooms whose meetings go on.
    pub(crate) fn note_missing(
        &mut self,
        at: &PodProcess,
        list: &RoomList,
        now: Timestamp,
    ) -> Vec<(MeetingKey, String)> {
        let listed: HashSet<_> = list.rooms.iter().map(|room| room.uid.as_str()).collect();
        let mut cut_off = Vec::new();
        for uid in self.by_pod.get(&at.pod_uid).into_iter().flatten() {
            let Some(handled) = self.handled.get_mut(uid).filter(|handled| handled.is_stored) else { continue };
            if listed.contains(uid.as_str()) {
                handled.missing_since = None;
            } else if handled.at != *at {
                cut_off.push((handled.key.clone(), uid.clone()));
            } else if !list.ending {
                handled.missing_since.get_or_insert(now);
            }
        }
        cut_off
    }

    /// The meetings whose rooms have been missing so long that they have ended, with the UIDs of their pods.
    pub(crate) fn ended(&self, now: Timestamp) -> Vec<(MeetingKey, String, String)> {
        let is_over = |since: Timestamp| now.duration_since(since) >= MISSING_TIME;
        let ended =
            self.handled.iter().filter(|(_, handled)| handled.is_stored && handled.missing_since.is_some_and(is_over));
        ended.map(|(uid, handled)| (handled.key.clone(), uid.clone(), handled.at.pod_uid.clone())).collect()
    }

    /// Whether a meeting has a backup, if that is known.
    pub(crate) fn exists(&self, uid: &str) -> Option<bool> {
        self.handled.get(uid).map(|handled| handled.is_stored)
    }

    /// Whether a meeting may have a backup. `says_backup`: whether its status says so.
    pub(crate) fn may_exist(&self, uid: &str, says_backup: bool) -> bool {
        self.exists(uid).unwrap_or(says_backup)
    }

    /// Whether a state with these decisions has to be written now, rather than with the next change.
    pub(crate) fn is_due(&self, uid: &str, at: &PodProcess, decisions: u64, now: Timestamp) -> bool {
        let handled = self.handled.get(uid).filter(|handled| handled.is_stored && handled.at == *at);
        let is_same = |handled: &&Handled| handled.decisions == decisions;
        let written_at = handled.filter(is_same).and_then(|handled| handled.written_at);
        written_at.is_none_or(|written_at| now.duration_since(written_at) >= PEOPLE_INTERVAL)
    }

    /// The state was stored; or it cannot be, which is not tried again before it changes. Returns whether [`Self::exists`] has changed.
    pub(crate) fn on_stored(
        &mut self,
        key: &MeetingKey,
        uid: &str,
        at: &PodProcess,
        (version, decisions): (u64, u64),
        outcome: Result<Timestamp, Unsupported>,
    ) -> bool {
        let (key, at, is_stored) = (key.clone(), at.clone(), outcome.is_ok());
        let written_at = outcome.ok();
        self.put(uid, Handled { key, at, version, is_stored, decisions, written_at, missing_since: None })
    }

    /// The room on this pod was given the stored state. `is_stored`: whether there was one.
    pub(crate) fn on_restored(&mut self, key: &MeetingKey, uid: &str, at: &PodProcess, is_stored: bool) -> bool {
        let (key, at) = (key.clone(), at.clone());
        let (version, decisions, written_at, missing_since) = (0, 0, None, None);
        self.put(uid, Handled { key, at, version, is_stored, decisions, written_at, missing_since })
    }

    /// The stored state was deleted. What its room knows is not stored again unless it changes.
    pub(crate) fn on_deleted(&mut self, key: &MeetingKey, uid: &str) -> bool {
        let at = PodProcess { pod_uid: String::new(), process: 0 };
        let known = self.handled.get(uid).map_or((at, 0), |handled| (handled.at.clone(), handled.version));
        let (decisions, written_at, missing_since) = (0, None, None);
        let (key, (at, version)) = (key.clone(), known);
        self.put(uid, Handled { key, at, version, is_stored: false, decisions, written_at, missing_since })
    }

    /// The Meeting is gone, and with it, its backup.
    pub(crate) fn forget(&mut self, uid: &str) {
        self.take(uid);
    }

    fn put(&mut self, uid: &str, handled: Handled) -> bool {
        let before = self.take(uid).map(|before| before.is_stored);
        let is_news = before != Some(handled.is_stored);
        self.by_pod.entry(handled.at.pod_uid.clone()).or_default().insert(uid.to_owned());
        self.handled.insert(uid.to_owned(), handled);
        is_news
    }

    fn take(&mut self, uid: &str) -> Option<Handled> {
        let handled = self.handled.remove(uid)?;
        if let Some(there) = self.by_pod.get_mut(&handled.at.pod_uid) {
            there.remove(uid);
            if there.is_empty() {
                self.by_pod.remove(&handled.at.pod_uid);
            }
        }
        Some(handled)
    }
}

/// The cluster does not know the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unsupported;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(pod_uid: &str, process: u64) -> PodProcess {
        PodProcess { pod_uid: pod_uid.into(), process }
    }

    fn key() -> MeetingKey {
        MeetingKey { namespace: "crew".into(), name: "regatta".into() }
    }

    fn room(backup: Option<u64>) -> RoomReport {
        RoomReport { uid: "m1".into(), backup, ..RoomReport::default() }
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn stored(pod_uid: &str, process: u64, version: u64) -> Backups {
        let mut backups = Backups::default();
        assert!(backups.on_stored(&key(), "m1", &at(pod_uid, process), (version, 7), Ok(second(0))));
        backups
    }

    #[test]
    fn what_is_new_is_stored_and_what_is_missing_restored() {
        use BackupStep::{Keep, Restore, Store};
        let waiting = RoomReport { awaits_backup: true, ..room(Some(0)) };
        let (none, known) = (Backups::default(), stored("p1", 1, 5));
        let cases = [
            ("an older pod", &none, at("p1", 1), room(None), false, Keep),
            ("nothing to keep", &none, at("p1", 1), room(Some(0)), false, Keep),
            ("the first decision", &none, at("p1", 1), room(Some(5)), false, Store),
            ("no news", &known, at("p1", 1), room(Some(5)), true, Keep),
            ("news", &known, at("p1", 1), room(Some(6)), true, Store),
            ("the same number of another room", &known, at("p2", 1), room(Some(5)), true, Store),
            ("the number of another process", &known, at("p1", 2), room(Some(5)), true, Store),
            ("it waits", &known, at("p2", 1), waiting.clone(), true, Restore),
            ("it waits, and nothing is known", &none, at("p2", 1), waiting, false, Restore),
            ("it does not know of the backup", &known, at("p2", 1), room(Some(0)), false, Restore),
            ("the status knows of one", &none, at("p2", 1), room(Some(0)), true, Restore),
        ];
        for (case, backups, at, room, says_backup, wanted) in cases {
            assert_eq!(backups.plan(&at, &room, says_backup), wanted, "{case}");
        }
    }

    #[test]
    fn a_room_is_given_the_stored_state_once() {
        let mut backups = stored("p1", 1, 5);
        assert!(!backups.on_restored(&key(), "m1", &at("p2", 1), true));
        assert_eq!(backups.plan(&at("p2", 1), &room(Some(0)), true), BackupStep::Keep);
        assert_eq!(backups.plan(&at("p2", 1), &room(Some(9)), true), BackupStep::Store);
        assert!(backups.on_restored(&key(), "m1", &at("p2", 1), false), "there was none");
        assert_eq!(backups.exists("m1"), Some(false));
    }

    #[test]
    fn a_backup_ends_some_time_after_its_room_and_survives_its_process() {
        let mut backups = stored("p1", 1, 5);
        let empty = RoomList { process: 1, ..RoomList::default() };
        let listed = RoomList { rooms: vec![room(Some(5))], ..empty.clone() };
        let ending = RoomList { ending: true, ..empty.clone() };
        let ended = || vec![(key(), "m1".to_owned(), "p1".to_owned())];
        let note = |backups: &mut Backups, pod_uid: &str, list: &RoomList, at: i64| {
            backups.note_missing(&PodProcess::new(pod_uid, list), list, second(at))
        };
        for (pod_uid, list) in [("p1", &listed), ("p2", &empty), ("p1", &ending)] {
            assert_eq!(note(&mut backups, pod_uid, list, 0), []);
            assert_eq!(backups.ended(second(1000)), [], "{pod_uid} {list:?}");
        }
        assert_eq!(note(&mut backups, "p1", &empty, 10), []);
        assert_eq!(note(&mut backups, "p1", &empty, 60), []);
        assert_eq!((backups.ended(second(69)), backups.ended(second(70))), (vec![], ended()));
        assert_eq!(note(&mut backups, "p1", &listed, 71), []);
        assert_eq!(backups.ended(second(1000)), [], "the next room has continued with the state of the last one");
        let restarted = RoomList { process: 2, ..RoomList::default() };
        assert_eq!(note(&mut backups, "p1", &restarted, 72), [(key(), "m1".to_owned())]);
        assert!(backups.on_deleted(&key(), "m1"));
        assert!(!backups.on_deleted(&key(), "m1"));
        assert_eq!((note(&mut backups, "p1", &empty, 80), backups.ended(second(1000))), (vec![], vec![]));
        assert_eq!(backups.plan(&at("p1", 1), &room(Some(0)), true), BackupStep::Keep, "the next room of the meeting");
        backups.forget("m1");
        assert_eq!(backups.exists("m1"), None);
    }

    #[test]
    fn the_index_of_pods_follows_the_rooms() {
        let mut backups = stored("p1", 1, 5);
        backups.on_stored(&key(), "m2", &at("p1", 1), (5, 7), Ok(second(0)));
        backups.on_restored(&key(), "m1", &at("p2", 1), true);
        let there = |backups: &Backups, pod: &str| {
            let there = backups.by_pod.get(pod).into_iter().flatten();
            there.cloned().collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(["p1", "p2"].map(|pod| there(&backups, pod)), [["m2".to_owned()].into(), ["m1".to_owned()].into()]);
        for uid in ["m1", "m2", "m3"] {
            backups.on_deleted(&key(), uid);
            backups.forget(uid);
        }
        assert!(backups.handled.is_empty() && backups.by_pod.is_empty());
    }

    #[test]
    fn the_state_that_came_with_a_move_is_newer_than_the_backup() {
        let moved = RoomReport { restored: Some("m-1".into()), ..room(Some(0)) };
        assert_eq!(stored("p1", 1, 5).plan(&at("p2", 1), &moved, true), BackupStep::Store);
    }

    #[test]
    fn decisions_are_written_at_once_and_people_every_few_seconds() {
        let (backups, here) = (stored("p1", 1, 5), at("p1", 1));
        assert!(backups.is_due("m1", &here, 8, second(0)), "another decision");
        assert!(!backups.is_due("m1", &here, 7, second(4)));
        assert!(backups.is_due("m1", &here, 7, second(5)));
        assert!(backups.is_due("m1", &at("p2", 1), 7, second(0)), "another room");
        assert!(backups.is_due("m2", &here, 7, second(0)));
    }

    #[test]
    fn a_cluster_without_the_kind_is_not_asked_again_for_the_same_state() {
        let mut backups = Backups::default();
        assert!(backups.on_stored(&key(), "m1", &at("p1", 1), (5, 7), Err(Unsupported)));
        assert_eq!(backups.plan(&at("p1", 1), &room(Some(5)), false), BackupStep::Keep);
        assert_eq!(backups.plan(&at("p1", 1), &room(Some(6)), false), BackupStep::Store);
    }
}
