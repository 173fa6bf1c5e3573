//! Moving a meeting between pods: the requests of the operator to a room, and their answers. Plain data.

use std::collections::BTreeMap;
use std::time::Duration;

use convene_protocol::handover::{RoomMemory, SnapshotClient};
use thiserror::Error;

/// A request of the operator. Each is answered once, with [`Effect::MoveAnswer`](crate::room::Effect::MoveAnswer). `id` names the move.
#[derive(Clone, Debug, PartialEq)]
pub enum MoveCommand {
    /// Refuse changes from now on, and return what the room knows of people.
    Handover {
        /// The move.
        id: String,
        /// How long to wait for `Leave` before changes are accepted again.
        hold: Duration,
    },
    /// Accept changes again.
    Cancel {
        /// The move.
        id: String,
    },
    /// Make the clients move, and end.
    Leave {
        /// The move.
        id: String,
        /// Tickets by peerId.
        tickets: BTreeMap<String, String>,
        /// How long clients have.
        time: Duration,
    },
    /// Return the state that must survive a crash of the pod. It changes nothing.
    Backup,
    /// Take over the state of the room on the other pod, or of an earlier one.
    Restore {
        /// The move.
        id: String,
        /// The state.
        memory: Box<RoomMemory>,
        /// How long its people may return, in addition to the time for all who leave.
        returning: Duration,
    },
}

/// The answer to a [`MoveCommand`].
#[derive(Clone, Debug, PartialEq)]
pub enum MoveAnswer {
    /// To `Handover`.
    Handover(Box<Handover>),
    /// To `Backup`.
    Backup(Box<RoomMemory>),
    /// To the others. Also if it had been done before.
    Done,
}

/// The state that a room passes to the next one.
#[derive(Clone, Debug, PartialEq)]
pub struct Handover {
    /// The clients that a ticket can reach.
    pub clients: Vec<SnapshotClient>,
    /// Its state that concerns people.
    pub memory: RoomMemory,
}

/// The reason a room refuses a [`MoveCommand`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum MoveRefusal {
    /// It is not frozen: there was no handover, or the time to wait for `Leave` is over.
    #[error("the room is not moving: there was no handover, or it has waited too long")]
    NotMoving,
    /// It is in another move.
    #[error("the room is in another move")]
    OtherMove,
    /// Its clients have been notified already.
    #[error("the clients of the room are moving already")]
    Leaving,
    /// It knows nothing yet: the backup of the meeting's earlier room has not come.
    #[error("the room waits for its backup")]
    AwaitsBackup,
    /// Clients are in it, or in its lobby.
    #[error("clients are in the room already")]
    HasPeople,
}

impl MoveRefusal {
    /// A short constant for metric labels and logs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotMoving => "NotMoving",
            Self::OtherMove => "OtherMove",
            Self::Leaving => "AlreadyLeaving",
            Self::AwaitsBackup => "AwaitsBackup",
            Self::HasPeople => "RoomHasPeople",
        }
    }
}
