//! Tells the room that a client's connection has ended, whatever ends the task that serves it.

use crate::room::{Command, ConnectionId};
use crate::shell::RoomHandle;

/// A connection that the room knows of. Dropped without [`Departure::leave`], as by a panic, it leaves all the same.
#[derive(Debug)]
pub(super) struct Departure {
    room: Option<RoomHandle>,
    connection: ConnectionId,
}

impl Departure {
    pub(super) fn new(room: RoomHandle, connection: ConnectionId) -> Self {
        Self { room: Some(room), connection }
    }

    /// The connection has ended.
    pub(super) async fn leave(mut self) {
        if let Some(room) = self.room.take() {
            room.command(Command::Disconnected { connection: self.connection }).await;
        }
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        let Some(room) = self.room.take() else { return };
        let connection = self.connection;
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { room.command(Command::Disconnected { connection }).await });
        }
    }
}
