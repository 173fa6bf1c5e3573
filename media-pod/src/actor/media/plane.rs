//! All handles of a room, and their events.
//!
//! Children own their parents in mediasoup: a transport closes when its producers and consumers are dropped with it. So every handle is
//! in one of the maps here and nowhere else. Operations on them are in the sibling modules.
//!
//! A room has objects on workers only while clients are connected: see [`super::rest`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use convene_service::metrics::GaugeGuard;
use mediasoup::prelude::{Consumer, Producer, RtpCodecCapability};
use tokio::sync::mpsc;

use super::convert::gone;
use super::data::DataPlane;
use super::handles::{Owned, RoomTransport};
use super::observers::Observers;
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
    pub(super) producers: HashMap<ProducerId, Owned<Producer>>,
    pub(super) data: DataPlane,
    pub(super) transports: HashMap<TransportId, RoomTransport>,
    pub(super) observers: Option<Observers>,
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
            producers: HashMap::new(),
            data: DataPlane::default(),
            transports: HashMap::new(),
            observers: None,
            routers,
            settings,
            events,
            metrics,
            sampler: Sampler::default(),
        };
        (media, received)
    }

    /// How often [`MediaPlane::sample`] should be called.
    pub(crate) fn sample_interval(&self) -> Duration {
        self.settings.sample_interval
    }

    /// Whether there is anything to sample.
    pub(crate) fn has_transports(&self) -> bool {
        !self.transports.is_empty()
    }

    /// Samples statistics of transports and streams for the metrics.
    pub(crate) async fn sample(&mut self) {
        let Self { transports, producers, consumers, metrics, sampler, .. } = self;
        sampler.sample(transports, producers, consumers, &metrics.flow).await;
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
