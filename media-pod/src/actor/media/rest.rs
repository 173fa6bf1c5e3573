//! A room has objects on workers only while it has transports: they are created before the first one, and dropped after the last one.
//! So a room without clients costs no more than its state in this process.
//!
//! It decides nothing about the end of a room.

use mediasoup::worker::RequestError;
use thiserror::Error;

use super::convert::MediaResult;
use super::observers::Observers;
use super::pipes::Pipes;
use super::plane::MediaPlane;
use super::routers::HOME;
use crate::room::{DataProducerId, MediaError, Outcome, TransportId};
use crate::sfu::error::WorkersError;

/// Reasons a room could not create its objects on a worker.
#[derive(Debug, Error)]
enum WakeError {
    /// No worker has capacity for it.
    #[error(transparent)]
    Placement(#[from] WorkersError),
    /// The worker could not create the room's objects.
    #[error("could not set up the room on its worker")]
    SetUp(#[from] RequestError),
}

impl WakeError {
    /// A short constant for logs.
    fn reason(&self) -> &'static str {
        match self {
            Self::Placement(source) => source.reason(),
            Self::SetUp(_) => "RoomSetUpFailed",
        }
    }
}

impl MediaPlane {
    /// Creates the room's objects on a worker, unless they exist.
    pub(super) async fn wake(&mut self) -> Result<(), MediaError> {
        if self.routers.is_open() {
            return Ok(());
        }
        self.set_up().await.map_err(|error| {
            tracing::warn!(reason = error.reason(), %error, "could not create a room's objects on a worker");
            self.put_down();
            MediaError { code: 503, message: "no media worker is available: try again".into() }
        })
    }

    async fn set_up(&mut self) -> Result<(), WakeError> {
        self.routers.open().await?;
        let home = self.routers.router(HOME);
        self.data.open(home).await?;
        self.observers = Some(Observers::create(home, &self.events).await?);
        Ok(())
    }

    /// Drops the room's objects on workers if no client uses them.
    fn rest(&mut self) {
        if self.transports.is_empty() && !self.data.has_voices() {
            self.put_down();
        }
    }

    fn put_down(&mut self) {
        self.observers = None;
        // Those of the bot are left, and would keep a router.
        self.pipes = Pipes::default();
        self.data.close();
        self.routers.close();
    }

    /// An operation that woke the room may have failed.
    pub(super) fn rest_unless_done(&mut self, result: MediaResult) -> MediaResult {
        result.inspect_err(|_| self.rest())
    }

    pub(super) async fn create_voice(&mut self) -> MediaResult {
        self.wake().await?;
        self.data.create_voice().await
    }

    /// Drops a transport with everything on it.
    pub(super) fn end_transport(&mut self, id: &TransportId) -> Outcome {
        let closed = self.close_transport(id);
        self.rest();
        closed
    }

    /// Drops a channel or a voice.
    pub(super) fn end_data_producer(&mut self, id: &DataProducerId) -> Outcome {
        let closed = self.data.close_producer(id, &mut self.pipes);
        self.rest();
        closed
    }
}
