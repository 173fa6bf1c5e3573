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
use crate::room::MediaError;
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
    /// Creates the room's objects on a worker, unless they exist. What a failure leaves is dropped by [`MediaPlane::rest`].
    pub(super) async fn wake(&mut self) -> Result<(), MediaError> {
        if self.routers.is_open() {
            return Ok(());
        }
        self.set_up().await.map_err(|error| {
            tracing::warn!(reason = error.reason(), %error, "could not create a room's objects on a worker");
            MediaError { code: 503, message: "no media worker is available: try again".into() }
        })
    }

    async fn set_up(&mut self) -> Result<(), WakeError> {
        self.routers.open().await?;
        let home = self.routers.router(HOME);
        self.data.open(home).await?;
        if self.observes {
            self.observers = Some(Observers::create(home, &self.events).await?);
        }
        Ok(())
    }

    /// Drops the room's objects on workers if no client uses them.
    pub(super) fn rest(&mut self) {
        let is_used = !self.transports.is_empty() || !self.pipe_ends.is_empty() || self.data.has_voices();
        if self.routers.is_open() && !is_used {
            self.observers = None;
            // Those of the bot are left, and would keep a router.
            self.pipes = Pipes::default();
            self.data.close();
            self.routers.close();
        }
    }

    pub(super) async fn create_voice(&mut self) -> MediaResult {
        self.wake().await?;
        self.data.create_voice().await
    }
}
