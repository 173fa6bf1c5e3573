//! The routers of one room: one, or several on different workers when the room is larger than a worker.
//!
//! Says where a new transport goes. It holds no transport itself; what has to reach another router is piped by [`super::pipes`].

use std::sync::Arc;

use convene_protocol::message::Direction;
use event_listener_primitives::HandlerId;
use mediasoup::prelude::{Router, RtpCodecCapability, WebRtcServer};
use tokio::sync::mpsc;

use super::convert::report;
use super::settings::Layout;
use crate::room::MediaEvent;
use crate::sfu::spread::{Choice, choose};
use crate::sfu::tcp::credentials::Credentials;
use crate::sfu::workers::{Carried, Place, Workers, WorkersError};

/// A router of the room, by its number: 0 is where the room began.
pub(super) type SiteId = usize;

/// Where the room began; it is observed there.
pub(super) const HOME: SiteId = 0;

/// The routers of one room.
#[derive(Debug)]
pub(super) struct Sites {
    opened: Vec<Site>,
    workers: Arc<Workers>,
    layout: Layout,
    full: usize,
    /// Every router of the room offers the same.
    codecs: Vec<RtpCodecCapability>,
    events: mpsc::UnboundedSender<MediaEvent>,
}

#[derive(Debug)]
struct Site {
    place: Place,
    /// The worker outlives the room; what it tells the room must not.
    _on_end: HandlerId,
}

impl Sites {
    /// The first router, or the first two.
    pub(super) async fn open(
        workers: Arc<Workers>,
        layout: Layout,
        full: usize,
        codecs: Vec<RtpCodecCapability>,
        events: mpsc::UnboundedSender<MediaEvent>,
    ) -> Result<Self, WorkersError> {
        let mut sites = Self { opened: Vec::new(), workers, layout, full, codecs, events };
        sites.grow().await?;
        if layout == Layout::Piped {
            sites.grow().await?;
        }
        Ok(sites)
    }

    async fn grow(&mut self) -> Result<SiteId, WorkersError> {
        let place = self.workers.place(&self.taken(), &self.codecs).await?;
        let events = self.events.clone();
        let on_end = place.on_end(move || report(&events, MediaEvent::WorkerDied));
        self.opened.push(Site { place, _on_end: on_end });
        Ok(self.opened.len() - 1)
    }

    fn taken(&self) -> Vec<usize> {
        self.opened.iter().map(|site| site.place.index).collect()
    }

    /// Where a new transport goes; opens a router on a further worker when those in use are full.
    pub(super) async fn for_transport(&mut self, direction: Option<Direction>) -> SiteId {
        if self.layout == Layout::Piped {
            return usize::from(direction == Some(Direction::Consumer));
        }
        let here: Vec<usize> = self.opened.iter().map(|site| site.place.consumers.count()).collect();
        // Pipes need ports.
        let elsewhere = self.workers.plain_ports().and_then(|_| self.workers.lightest(&self.taken()));
        match choose(&here, elsewhere, self.full) {
            Choice::At(site) => site,
            Choice::Beside => self.grow().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "cannot spread a room over a further worker");
                self.opened.len() - 1
            }),
        }
    }

    pub(super) fn router(&self, site: SiteId) -> &Router {
        &self.opened[site].place.router
    }

    pub(super) fn server(&self, site: SiteId) -> WebRtcServer {
        self.opened[site].place.server.clone()
    }

    /// The port on which the transports of a router are reached.
    pub(super) fn port(&self, site: SiteId) -> u16 {
        self.opened[site].place.port
    }

    /// What the guard of that port has to know.
    pub(super) fn credentials(&self, site: SiteId) -> &Credentials {
        &self.opened[site].place.credentials
    }

    pub(super) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Counts a consumer on the worker of a router.
    pub(super) fn carry(&self, site: SiteId) -> Carried {
        self.opened[site].place.consumers.add()
    }
}
