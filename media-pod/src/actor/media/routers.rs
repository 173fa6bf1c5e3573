//! The routers of one room: none while it has no transports, then one, or several on different workers when the room is too large for one
//! worker.
//!
//! It chooses the router of a new transport. It holds no transport itself; streams for another router are piped by [`super::pipes`].

use std::sync::Arc;

use convene_protocol::message::Direction;
use event_listener_primitives::HandlerId;
use mediasoup::prelude::{Router, RtpCodecCapability, WebRtcServer};
use tokio::sync::mpsc;

use super::convert::report;
use super::settings::Layout;
use crate::room::MediaEvent;
use crate::sfu::error::WorkersError;
use crate::sfu::load::LoadGuard;
use crate::sfu::spread::{Choice, choose};
use crate::sfu::tcp::credentials::Credentials;
use crate::sfu::workers::{Placement, Workers};

/// Index of a router of the room.
pub(super) type RouterId = usize;

/// The room's first router, which has the observers of audio levels.
pub(super) const HOME: RouterId = 0;

/// The routers of one room.
#[derive(Debug)]
pub(super) struct Routers {
    open: Vec<RoomRouter>,
    workers: Arc<Workers>,
    layout: Layout,
    /// Consumers from which on a worker counts as full.
    full: usize,
    /// All routers of a room offer the same.
    codecs: Arc<[RtpCodecCapability]>,
    events: mpsc::UnboundedSender<Box<MediaEvent>>,
}

#[derive(Debug)]
struct RoomRouter {
    placement: Placement,
    /// Unregisters the callback: the worker outlives the room.
    _on_end: HandlerId,
}

impl Routers {
    /// No router.
    pub(super) fn new(
        workers: Arc<Workers>,
        layout: Layout,
        full: usize,
        codecs: Arc<[RtpCodecCapability]>,
        events: mpsc::UnboundedSender<Box<MediaEvent>>,
    ) -> Self {
        Self { open: Vec::new(), workers, layout, full, codecs, events }
    }

    /// Opens the first router, or the first two for [`Layout::Piped`].
    pub(super) async fn open(&mut self) -> Result<(), WorkersError> {
        self.grow().await?;
        if self.layout == Layout::Piped {
            self.grow().await?;
        }
        Ok(())
    }

    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Closes all routers. Everything on them must have been dropped.
    pub(super) fn close(&mut self) {
        self.open.clear();
    }

    async fn grow(&mut self) -> Result<RouterId, WorkersError> {
        let placement = self.workers.place(&self.used_workers(), &self.codecs).await?;
        let events = self.events.clone();
        let on_end = placement.on_end(move || report(&events, MediaEvent::WorkerDied));
        self.open.push(RoomRouter { placement, _on_end: on_end });
        Ok(self.open.len() - 1)
    }

    fn used_workers(&self) -> Vec<usize> {
        self.open.iter().map(|router| router.placement.index).collect()
    }

    /// The router for a new transport; opens one on another worker when those in use are full. The first must be open.
    pub(super) async fn for_transport(&mut self, direction: Option<Direction>) -> RouterId {
        if self.layout == Layout::Piped {
            return usize::from(direction == Some(Direction::Consumer));
        }
        let here: Vec<usize> = self.open.iter().map(|router| router.placement.consumers.count()).collect();
        // Pipes to another worker need ports.
        let elsewhere = self.workers.plain_ports().and_then(|_| self.workers.lightest(&self.used_workers()));
        match choose(&here, elsewhere, self.full) {
            Choice::At(router) => router,
            Choice::New => self.grow().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "could not extend a room to another worker");
                self.open.len() - 1
            }),
        }
    }

    pub(super) fn router(&self, router: RouterId) -> &Router {
        &self.open[router].placement.router
    }

    pub(super) fn server(&self, router: RouterId) -> WebRtcServer {
        self.open[router].placement.server.clone()
    }

    /// The port at which clients reach the transports of a router.
    pub(super) fn port(&self, router: RouterId) -> u16 {
        self.open[router].placement.port
    }

    /// The credentials that the TCP guard of that port accepts.
    pub(super) fn credentials(&self, router: RouterId) -> &Credentials {
        &self.open[router].placement.credentials
    }

    pub(super) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Counts a consumer on the worker of a router.
    pub(super) fn add_consumer(&self, router: RouterId) -> LoadGuard {
        self.open[router].placement.consumers.add()
    }
}
