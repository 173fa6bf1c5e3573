//! Notifies the room that a client's connection has ended, however the task that serves it ends.

use crate::actor::handle::RoomHandle;
use crate::room::{Command, ConnectionId};

/// A connection known to the room. It is disconnected when this is dropped, as by a panic.
#[derive(Debug)]
pub(super) struct DisconnectGuard {
    room: Option<RoomHandle>,
    connection: ConnectionId,
}

impl DisconnectGuard {
    pub(super) fn new(room: RoomHandle, connection: ConnectionId) -> Self {
        Self { room: Some(room), connection }
    }

    /// Notifies the room, and returns when the room's queue has accepted it.
    pub(super) async fn disconnect(mut self) {
        if let Some(room) = self.room.take() {
            room.command(Command::Disconnected { connection: self.connection }).await;
        }
    }
}

impl Drop for DisconnectGuard {
    fn drop(&mut self) {
        let Some(room) = self.room.take() else { return };
        let connection = self.connection;
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { room.command(Command::Disconnected { connection }).await });
        }
    }
}
