//! Moves of meetings between pods: finds or opens the room that a request of the operator is for. The room decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use convene_protocol::admission::MeetingGrant;
use convene_protocol::handover::{RoomSnapshot, SNAPSHOT_VERSION};
use thiserror::Error;

use crate::actor::handle::RoomHandle;
use crate::actor::media::settings::Layout;
use crate::room::{Handover, MoveAnswer, MoveCommand, MoveRefusal, Snapshot};

use super::Rooms;
use super::error::EnterError;
use super::key::RoomKey;

/// A request of a move was not carried out.
#[derive(Debug, Error)]
pub(crate) enum MoveError {
    /// No room of the meeting is open here.
    #[error("there is no such room")]
    NoRoom,
    /// The room refuses.
    #[error(transparent)]
    Refused(#[from] MoveRefusal),
    /// The room for a restored meeting could not be opened.
    #[error(transparent)]
    Enter(#[from] EnterError),
}

impl MoveError {
    /// A short constant for metric labels and logs.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NoRoom => "RoomNotFound",
            Self::Refused(refusal) => refusal.reason(),
            Self::Enter(error) => error.reason(),
        }
    }
}

impl Rooms {
    /// Starts a move of a room from this pod, and returns its snapshot.
    pub(crate) async fn freeze(
        &self,
        key: &RoomKey,
        uid: &str,
        id: String,
        hold: Duration,
    ) -> Result<RoomSnapshot, MoveError> {
        let (room, meeting) = self.moving_room(key, uid).await?;
        let MoveAnswer::Handover(handover) = ask(&room, MoveCommand::Handover { id, hold }).await? else {
            return Err(MoveError::NoRoom);
        };
        let Handover { clients, memory } = *handover;
        let meeting = current_grant(&room, meeting);
        Ok(RoomSnapshot { v: SNAPSHOT_VERSION, meeting, clients, room: memory })
    }

    /// The state of a room that must survive a crash of this pod.
    pub(crate) async fn backup(&self, key: &RoomKey, uid: &str) -> Result<(u64, RoomSnapshot), MoveError> {
        let (room, meeting) = self.moving_room(key, uid).await?;
        // Read before the state, which may be newer.
        let version = room.backup_version();
        let MoveAnswer::Backup(memory) = ask(&room, MoveCommand::Backup).await? else {
            return Err(MoveError::NoRoom);
        };
        let meeting = current_grant(&room, meeting);
        Ok((version, RoomSnapshot { v: SNAPSHOT_VERSION, meeting, clients: Vec::new(), room: *memory }))
    }

    /// Ends a move that no client knows of.
    pub(crate) async fn cancel_move(&self, key: &RoomKey, uid: &str, id: String) -> Result<(), MoveError> {
        let (room, _) = self.moving_room(key, uid).await?;
        ask(&room, MoveCommand::Cancel { id }).await.map(drop)
    }

    /// Makes the clients of a room move.
    pub(crate) async fn leave(
        &self,
        key: &RoomKey,
        uid: &str,
        id: String,
        tickets: BTreeMap<String, String>,
        time: Duration,
    ) -> Result<(), MoveError> {
        let (room, _) = self.moving_room(key, uid).await?;
        ask(&room, MoveCommand::Leave { id, tickets, time }).await.map(drop)
    }

    /// Opens the room of a meeting that moves to this pod, or fills the empty one that is open.
    pub(crate) async fn restore(
        self: &Arc<Self>,
        id: String,
        snapshot: RoomSnapshot,
        returning: Duration,
    ) -> Result<(), MoveError> {
        let RoomSnapshot { meeting, room: memory, .. } = snapshot;
        let key = RoomKey { namespace: meeting.namespace.clone(), name: meeting.name.clone() };
        let mut open = self.settled(&key, &meeting.uid).await;
        if let Some(room) = open.get(&key).filter(|room| room.uid == meeting.uid) {
            let handle = room.handle.clone();
            drop(open);
            let memory = Box::new(memory);
            return ask(&handle, MoveCommand::Restore { id, memory, returning }).await.map(drop);
        }
        let snapshot = Snapshot::arrived(id, memory, returning);
        self.open_room(&mut open, key, &meeting, Layout::Growing, Some(snapshot)).await?;
        self.metrics.moves.steps.with_label_values(&["Restored"]).inc();
        Ok(())
    }

    async fn moving_room(&self, key: &RoomKey, uid: &str) -> Result<(RoomHandle, MeetingGrant), MoveError> {
        let open = self.open.lock().await;
        let room = open.get(key).filter(|room| room.uid == uid && !room.handle.is_over()).ok_or(MoveError::NoRoom)?;
        Ok((room.handle.clone(), MeetingGrant::clone(&room.meeting)))
    }
}

async fn ask(room: &RoomHandle, command: MoveCommand) -> Result<MoveAnswer, MoveError> {
    Ok(room.moves(command).await.ok_or(MoveError::NoRoom)??)
}

/// The settings as they apply now, not as when the room opened.
fn current_grant(room: &RoomHandle, meeting: MeetingGrant) -> MeetingGrant {
    MeetingGrant { settings: room.settings(), returning_until: None, has_backup: false, ..meeting }
}
