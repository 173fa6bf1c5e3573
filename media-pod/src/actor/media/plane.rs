//! All handles of a room, and their events.
//!
//! Children own their parents in mediasoup: a transport closes when its producers and consumers are dropped with it. So every handle is
//! in one of the maps here and nowhere else. Operations on them are in the sibling modules.
//!
//! A room has objects on workers only while clients are connected: see [`super::rest`].

use std::collections::HashMap;
use std::sync::Arc;

use convene_service::metrics::GaugeGuard;
use mediasoup::prelude::{Consumer, Producer, RtpCodecCapability};
use tokio::sync::mpsc;

use super::convert::gone;
use super::data::DataPlane;
use super::handles::{Owned, RoomTransport};
use super::observers::Observers;
use super::pipe_ends::PipeEnds;
use super::pipes::Pipes;
use super::routers::Routers;
use super::sample::Sampler;
use super::settings::{Layout, MediaSettings};
use crate::metrics::Metrics;
use crate::room::{ConsumerId, MediaError, MediaEvent, ProducerId, TransportId};
use crate::sfu::workers::Workers;

/// All handles of one room.
#[derive(Debug)]
pub(crate) struct MediaPlane {
    // Dropped in this order: children before parents.
    pub(super) consumers: HashMap<ConsumerId, Owned<Consumer>>,
    pub(super) pipes: Pipes,
    pub(super) pipe_ends: PipeEnds,
    pub(super) producers: HashMap<ProducerId, Owned<Producer>>,
    pub(super) data: DataPlane,
    pub(super) transports: HashMap<TransportId, RoomTransport>,
    pub(super) observers: Option<Observers>,
    /// Whether volumes are compared here.
    pub(super) observes: bool,
    pub(super) routers: Routers,
    pub(super) settings: MediaSettings,
    pub(super) events: mpsc::UnboundedSender<Box<MediaEvent>>,
    pub(super) metrics: Metrics,
    pub(super) sampler: Sampler,
}

impl MediaPlane {
    /// A new room without any object on a worker, and the receiver of its events.
    pub(crate) fn new(
        workers: Arc<Workers>,
        layout: Layout,
        codecs: Arc<[RtpCodecCapability]>,
        settings: MediaSettings,
        metrics: Metrics,
    ) -> (Self, mpsc::UnboundedReceiver<Box<MediaEvent>>) {
        let (events, received) = mpsc::unbounded_channel();
        let routers = Routers::new(workers, layout, settings.consumers_per_worker, codecs, events.clone());
        let media = Self {
            consumers: HashMap::new(),
            pipes: Pipes::default(),
            pipe_ends: PipeEnds::default(),
            producers: HashMap::new(),
            data: DataPlane::default(),
            transports: HashMap::new(),
            observers: None,
            observes: true,
            routers,
            settings,
            events,
            metrics,
            sampler: Sampler::default(),
        };
        (media, received)
    }

    /// The same for a room of another pod, which compares the volumes of its microphones itself.
    pub(crate) fn for_other_pod(
        workers: Arc<Workers>,
        codecs: Arc<[RtpCodecCapability]>,
        settings: MediaSettings,
        metrics: Metrics,
    ) -> (Self, mpsc::UnboundedReceiver<Box<MediaEvent>>) {
        let (mut media, events) = Self::new(workers, Layout::Growing, codecs, settings, metrics);
        media.observes = false;
        (media, events)
    }

    pub(super) fn transport(&self, id: &TransportId) -> Result<&RoomTransport, MediaError> {
        self.transports.get(id).ok_or_else(|| gone("transport"))
    }

    pub(super) fn producer(&self, id: &ProducerId) -> Result<&Producer, MediaError> {
        self.producers.get(id).map(|producer| &producer.handle).ok_or_else(|| gone("producer"))
    }

    pub(super) fn consumer(&self, id: &ConsumerId) -> Result<&Consumer, MediaError> {
        self.consumers.get(id).map(|consumer| &consumer.handle).ok_or_else(|| gone("consumer"))
    }

    /// Counts an object in the metrics while the guard lives.
    pub(super) fn counted(&self, object: &str, kind: &str) -> GaugeGuard {
        GaugeGuard::new(&self.metrics.objects.with_label_values(&[object, kind]))
    }
}
