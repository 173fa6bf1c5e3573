//! The state that a room passes on: to the next room of its meeting on the same pod as it is, to another pod in the form of the wire. It
//! holds no connections and no media.

use std::collections::BTreeMap;
use std::time::Duration;

use convene_protocol::handover::{RoomMemory, SnapshotPerson, SnapshotWaiting};

use super::chat::History;
use super::interface::ids::PeerId;
use super::moderation::Moderation;
use super::people::departed::Trace;

/// The state that a room passes to the next room of the same meeting. Plain data without handles or connections.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(super) moderation: Moderation,
    pub(super) interrupted: Option<Interrupted>,
    pub(super) arrived: Option<Arrived>,
}

/// The part that is passed on only after an interruption.
#[derive(Clone, Debug)]
pub(super) struct Interrupted {
    pub(super) history: History,
    /// The participants who were in the room or had just left it.
    pub(super) participants: BTreeMap<PeerId, Trace>,
}

/// The part that only another pod passes on.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    /// The move.
    pub(super) id: String,
    /// How long its people may return, in addition to the time for all who leave.
    pub(super) returning: Duration,
    /// The clients that were in the lobby.
    pub(super) lobby: Vec<SnapshotWaiting>,
    /// The last dominant speaker first.
    pub(super) speakers: Vec<PeerId>,
}

impl Snapshot {
    /// The state of a room on another pod, which has come with the move `id`.
    pub(crate) fn arrived(id: String, memory: RoomMemory, returning: Duration) -> Self {
        let RoomMemory { people, lobby, moderation, chat, speakers } = memory;
        let speakers = speakers.into_iter().map(PeerId).collect();
        Self {
            moderation: Moderation::remembered(moderation),
            interrupted: Some(Interrupted {
                history: History::remembered(chat),
                participants: people.into_iter().map(trace_of).collect(),
            }),
            arrived: Some(Arrived { id, returning, lobby, speakers }),
        }
    }
}

fn trace_of(person: SnapshotPerson) -> (PeerId, Trace) {
    let SnapshotPerson { peer_id, person, address, hand_raised } = person;
    (PeerId(peer_id), Trace { person, address, hand_raised })
}

/// The other way.
pub(super) fn person_of((id, trace): (PeerId, Trace)) -> SnapshotPerson {
    let Trace { person, address, hand_raised } = trace;
    SnapshotPerson { peer_id: id.0, person, address, hand_raised }
}
