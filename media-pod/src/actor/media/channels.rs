//! Operations that create the room's data producers and data consumers. [`super::data`] handles the messages sent on them.

use mediasoup::prelude::{DataConsumerOptions, DataProducerOptions, SctpStreamParameters};
use serde_json::{Value, json};

use super::convert::{MediaResult, read, refused};
use super::data::NewChannel;
use super::handles::Owned;
use super::plane::MediaPlane;
use crate::room::{CreatedDataConsumer, DataConsumerId, DataProducerId, MediaError, Outcome, TransportId};

impl MediaPlane {
    pub(super) async fn produce_data(&mut self, on: &TransportId, wanted: NewChannel) -> MediaResult {
        let parameters = usable_parameters(wanted.sctp_stream_parameters)?;
        let mut options = DataProducerOptions::new_sctp(parameters);
        options.label = wanted.label;
        options.protocol = wanted.protocol;
        let transport = self.transport(on)?;
        let router = transport.router;
        let handle = transport.as_transport().produce_data(options).await.map_err(refused)?;
        self.data.listen(&self.routers, router, &handle, wanted.channel, &self.events).await?;
        let id = DataProducerId(handle.id().to_string());
        let owned =
            Owned { handle, transport: on.clone(), router, _counted: self.counted("producer", "data"), _load: None };
        self.data.producers.insert(id.clone(), owned);
        Ok(Outcome::DataProducer(id))
    }

    pub(super) async fn consume_data(&mut self, on: &TransportId, producer: Option<&DataProducerId>) -> MediaResult {
        let (source, from) = self.data.source(producer)?;
        let router = self.transport(on)?.router;
        self.pipes.pipe_data(&self.routers, &source, from, router).await?;
        let options = DataConsumerOptions::new_sctp(source.id());
        let handle = self.transport(on)?.as_transport().consume_data(options).await.map_err(refused)?;
        let id = DataConsumerId(handle.id().to_string());
        let created = CreatedDataConsumer {
            id: id.clone(),
            producer: DataProducerId(source.id().to_string()),
            sctp_stream_parameters: json!(handle.sctp_stream_parameters()),
            label: handle.label().clone(),
            protocol: handle.protocol().clone(),
        };
        let owned =
            Owned { handle, transport: on.clone(), router, _counted: self.counted("consumer", "data"), _load: None };
        self.data.consumers.insert(id, owned);
        Ok(Outcome::DataConsumer(Box::new(created)))
    }
}

/// Fills in defaults, which clients may leave out.
fn usable_parameters(mut parameters: Value) -> Result<SctpStreamParameters, MediaError> {
    if let Some(fields) = parameters.as_object_mut() {
        let is_unreliable = fields.contains_key("maxPacketLifeTime") || fields.contains_key("maxRetransmits");
        fields.entry("ordered").or_insert(json!(!is_unreliable));
    }
    read(parameters, "sctpStreamParameters")
}
