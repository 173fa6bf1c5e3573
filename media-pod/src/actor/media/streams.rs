//! Operations on the room's producers and consumers of audio and video. The room decides who receives what.

use convene_protocol::message::{Layers, MediaKind as WireKind};
use mediasoup::prelude::{
    Consumer, ConsumerLayers, ConsumerOptions, MediaKind, Producer, ProducerOptions, RtpCapabilities,
};
use serde_json::{Value, json};

use super::convert::{
    MediaResult, done, gone, read, refused, report, usable_parameters, wire_producer_score, wire_score,
};
use super::handles::Owned;
use super::parameters::{rtp_capabilities, without_estimation};
use super::plane::MediaPlane;
use super::routers::{HOME, RouterId};
use super::settings::KEY_FRAME_REQUEST_DELAY;
use crate::room::{ConsumerId, CreatedConsumer, CreatedProducer, MediaEvent, Outcome, ProducerId, TransportId};

impl MediaPlane {
    pub(super) async fn produce(
        &mut self,
        transport: TransportId,
        kind: WireKind,
        rtp_parameters: Value,
        paused: bool,
    ) -> MediaResult {
        let rtp_parameters = usable_parameters(rtp_parameters)?;
        let (kind, label) = match kind {
            WireKind::Audio => (MediaKind::Audio, "audio"),
            WireKind::Video => (MediaKind::Video, "video"),
        };
        let on = self.transport(&transport)?;
        let router = on.router;
        let mut options = ProducerOptions::new(kind, rtp_parameters);
        options.key_frame_request_delay = KEY_FRAME_REQUEST_DELAY;
        options.paused = paused;
        let handle = on.as_transport().produce(options).await.map_err(refused)?;
        let id = ProducerId(handle.id().to_string());
        self.listen_to_producer(&id, &handle);
        if let Some(observers) = self.observers.as_ref().filter(|_| kind == MediaKind::Audio) {
            self.pipes.pipe(&self.routers, &handle, router, HOME).await?;
            observers.add(&handle).await;
        }
        let encodings = handle.consumable_rtp_parameters().encodings.len();
        let layers = u8::try_from(encodings).unwrap_or(u8::MAX);
        let consumable_codecs = codecs_without_retransmission(&json!(handle.consumable_rtp_parameters().codecs));
        let owned = Owned { handle, transport, router, _counted: self.counted("producer", label), _load: None };
        self.producers.insert(id.clone(), owned);
        Ok(Outcome::Producer(CreatedProducer { id, consumable_codecs, layers, paused }))
    }

    pub(super) async fn consume(
        &mut self,
        transport: TransportId,
        producer: &ProducerId,
        capabilities: &Value,
        paused: bool,
    ) -> MediaResult {
        let to = self.transport(&transport)?;
        let capabilities = capabilities.clone();
        let capabilities = if to.is_plain() { without_estimation(capabilities) } else { capabilities };
        let capabilities: RtpCapabilities = read(rtp_capabilities(capabilities), "rtpCapabilities")?;
        let to = to.router;
        let source = self.producers.get(producer).ok_or_else(|| gone("producer"))?;
        let producer_id = source.handle.id();
        self.pipes.pipe(&self.routers, &source.handle, source.router, to).await?;
        if !self.routers.router(to).can_consume(&producer_id, &capabilities) {
            return Ok(Outcome::NotConsumable);
        }
        let mut options = ConsumerOptions::new(producer_id, capabilities);
        options.paused = paused;
        options.enable_rtx = Some(true);
        options.ignore_dtx = true;
        let consumed = self.transport(&transport)?.as_transport().consume(options).await;
        let handle = consumed.map_err(refused).inspect_err(|error| {
            tracing::warn!(error = error.message, "could not create a consumer");
        })?;
        Ok(self.keep_consumer(handle, transport, to))
    }

    fn keep_consumer(&mut self, handle: Consumer, transport: TransportId, router: RouterId) -> Outcome {
        let id = ConsumerId(handle.id().to_string());
        self.listen_to_consumer(&id, &handle);
        let created = CreatedConsumer {
            id: id.clone(),
            rtp_parameters: json!(handle.rtp_parameters()),
            consumer_type: json!(handle.r#type()).as_str().unwrap_or("simple").to_owned(),
            score: wire_score(&handle.score()),
        };
        let label = if handle.kind() == MediaKind::Audio { "audio" } else { "video" };
        let (counted, load) = (self.counted("consumer", label), Some(self.routers.add_consumer(router)));
        self.consumers.insert(id, Owned { handle, transport, router, _counted: counted, _load: load });
        Outcome::Consumer(Box::new(created))
    }

    pub(super) fn close_producer(&mut self, id: &ProducerId) -> Outcome {
        self.pipe_ends.drop_producer(id);
        self.pipes.drop_producer(id);
        done(self.producers.remove(id))
    }

    fn listen_to_producer(&self, id: &ProducerId, producer: &Producer) {
        let (events, id) = (self.events.clone(), id.clone());
        let on_score = producer
            .on_score(move |score| report(&events, MediaEvent::ProducerScore(id.clone(), wire_producer_score(score))));
        on_score.detach();
    }

    fn listen_to_consumer(&self, id: &ConsumerId, consumer: &Consumer) {
        let (events, of) = (self.events.clone(), id.clone());
        let on_score =
            consumer.on_score(move |score| report(&events, MediaEvent::ConsumerScore(of.clone(), wire_score(score))));
        on_score.detach();
        let (events, of) = (self.events.clone(), id.clone());
        let on_layers = consumer.on_layers_change(move |layers| {
            let wire = |layers: &ConsumerLayers| Layers {
                spatial_layer: layers.spatial_layer,
                temporal_layer: layers.temporal_layer,
            };
            report(&events, MediaEvent::ConsumerLayers(of.clone(), layers.as_ref().map(wire)));
        });
        on_layers.detach();
    }
}

/// The codecs without those for retransmission, which follow from the others.
fn codecs_without_retransmission(codecs: &Value) -> Value {
    let is_media = |codec: &&Value| {
        let mime_type = codec["mimeType"].as_str().unwrap_or_default();
        !mime_type.to_ascii_lowercase().ends_with("/rtx")
    };
    codecs.as_array().into_iter().flatten().filter(is_media).cloned().collect()
}
