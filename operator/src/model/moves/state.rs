//! One move as this process knows it. Pure; it decides nothing.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::sync::Arc;

use convene_crds::{MeetingMove, MeetingMovePhase, reason};
use convene_protocol::admin::{MovePhase, RoomList};
use jiff::Timestamp;

use crate::model::{ledger::MeetingKey, reason::Reason};

/// How far this process has carried a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// An earlier process began it. Only the old pod knows how far it is.
    Adopted,
    /// The new pod is not in the status yet, or it is uncertain whether it is.
    Carrying,
    /// The new pod is in the status, and the clients have to be notified.
    Written,
    /// The clients are notified.
    Left,
    /// They cannot be.
    Failed(Reason),
    /// It is over, which the cache does not show yet.
    Over,
}

/// The room that the meeting leaves, as its pod last reported it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OldRoom {
    /// It has ended.
    Ended,
    /// It does not take part in this move.
    Apart,
    /// It waits for the operator.
    Frozen,
    /// Its clients are moving.
    Leaving,
}

/// A move.
#[derive(Clone, Debug)]
pub(crate) struct MoveState {
    pub(crate) key: Arc<MeetingKey>,
    /// As it was last written, or is about to be.
    pub(crate) record: MeetingMove,
    pub(crate) progress: Progress,
    /// The last report of the old pod, if there was one since this process learned of the move.
    pub(crate) seen: Option<OldRoom>,
    /// When it must have come further.
    pub(crate) until: Timestamp,
    /// The seconds that its clients may take.
    pub(crate) seconds: u32,
}

impl MoveState {
    pub(super) const fn new(
        key: Arc<MeetingKey>,
        record: MeetingMove,
        progress: Progress,
        until: Timestamp,
        seconds: u32,
    ) -> Self {
        Self { key, record, progress, seen: None, until, seconds }
    }

    /// The status has the new pod: written by this process, although that was uncertain.
    pub(super) fn on_written(&mut self, record: &MeetingMove) {
        if self.progress == Progress::Carrying {
            (self.record, self.progress) = (record.clone(), Progress::Written);
        }
    }

    /// Whether the meeting has left its old pod, and its clients may still be on the way.
    pub(crate) fn has_left(&self) -> bool {
        self.record.phase != MeetingMovePhase::Copying
    }
}

/// Names a move to the pods: the same for an operator that continues it, and different for each move of a meeting.
pub(crate) fn compute_id(record: &MeetingMove) -> String {
    let short = |uid: &str| uid.chars().filter(char::is_ascii_alphanumeric).take(20).collect::<String>();
    format!("{}-{}-{}", short(&record.from.uid), record.since.0.as_second().unsigned_abs(), short(&record.to.uid))
}

/// The record of a move that did not keep participants connected.
pub(crate) fn fall_back(record: &MeetingMove, why: &Reason) -> MeetingMove {
    let (reason, message) = (why.code.to_owned(), why.message.clone());
    MeetingMove { phase: MeetingMovePhase::Fallback, reason, message, ..record.clone() }
}

/// Whether the meeting can as well stay where it is: no one has to leave its pod.
pub(crate) fn is_relief(record: &MeetingMove) -> bool {
    record.reason == reason::RELIEF
}

/// The room of the meeting with this UID, as its old pod reports it in the move `id`.
pub(crate) fn see_room(list: &RoomList, uid: &str, id: &str) -> OldRoom {
    let Some(room) = list.rooms.iter().find(|room| room.uid == uid) else { return OldRoom::Ended };
    match room.moving.as_ref().filter(|moving| moving.id == id).map(|moving| moving.phase) {
        Some(MovePhase::Frozen) => OldRoom::Frozen,
        Some(MovePhase::Leaving | MovePhase::Over) => OldRoom::Leaving,
        None => OldRoom::Apart,
    }
}
