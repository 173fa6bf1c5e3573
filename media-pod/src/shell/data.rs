//! The room's handles of data channels, and its bot: a direct transport in this process on which it hears and speaks.

use std::borrow::Cow;
use std::collections::HashMap;

use convene_protocol::message::Channel;
use mediasoup::prelude::{
    DataConsumer, DataConsumerOptions, DataProducer, DataProducerOptions, DirectTransport, DirectTransportOptions,
    Router, SctpStreamParameters, Transport, WebRtcMessage, WebRtcTransport,
};
use mediasoup::worker::RequestError;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::media::{Done, gone, read, refused, report, stats};
use crate::metrics::{Counted, Metrics};
use crate::room::{CreatedDataConsumer, DataConsumerId, DataProducerId, MediaError, MediaEvent, Outcome, TransportId};

/// Longest message that the bot listens to, in bytes.
const BOT_ATTENTION: usize = 512;

/// Every data channel of one room.
#[derive(Debug)]
pub(super) struct DataPlane {
    // Dropped in this order: children before parents.
    consumers: HashMap<DataConsumerId, Owned<DataConsumer>>,
    /// The bot's ears, by what they listen to.
    ears: HashMap<DataProducerId, DataConsumer>,
    producers: HashMap<DataProducerId, Owned<DataProducer>>,
    bot: DataProducer,
    bot_transport: DirectTransport,
}

#[derive(Debug)]
struct Owned<T> {
    handle: T,
    transport: TransportId,
    _counted: Counted,
}

/// A data channel that a client wants to send on.
pub(super) struct NewChannel {
    pub(super) channel: Channel,
    pub(super) sctp_stream_parameters: Value,
    pub(super) label: String,
    pub(super) protocol: String,
}

impl DataPlane {
    /// The bot alone.
    pub(super) async fn new(router: &Router) -> Result<Self, RequestError> {
        let bot_transport = router.create_direct_transport(DirectTransportOptions::default()).await?;
        let mut options = DataProducerOptions::new_direct();
        "bot".clone_into(&mut options.label);
        let bot = bot_transport.produce_data(options).await.map_err(|_| RequestError::ChannelClosed)?;
        Ok(Self { consumers: HashMap::new(), ears: HashMap::new(), producers: HashMap::new(), bot, bot_transport })
    }

    pub(super) async fn produce(
        &mut self,
        transport: (&TransportId, &WebRtcTransport),
        wanted: NewChannel,
        events: &mpsc::UnboundedSender<MediaEvent>,
        metrics: &Metrics,
    ) -> Done {
        let parameters = usable_parameters(wanted.sctp_stream_parameters)?;
        let mut options = DataProducerOptions::new_sctp(parameters);
        options.label = wanted.label;
        options.protocol = wanted.protocol;
        let handle = transport.1.produce_data(options).await.map_err(refused)?;
        let id = DataProducerId(handle.id().to_string());
        if wanted.channel == Channel::Bot {
            self.listen(&id, &handle, events).await?;
        }
        let counted = Counted::new(metrics.objects.with_label_values(&["producer", "data"]));
        self.producers.insert(id.clone(), Owned { handle, transport: transport.0.clone(), _counted: counted });
        Ok(Outcome::DataProducer(id))
    }

    /// The bot hears what is sent on a channel for it.
    async fn listen(
        &mut self,
        id: &DataProducerId,
        producer: &DataProducer,
        events: &mpsc::UnboundedSender<MediaEvent>,
    ) -> Result<(), MediaError> {
        let options = DataConsumerOptions::new_direct(producer.id(), None);
        let ear = self.bot_transport.consume_data(options).await.map_err(refused)?;
        let (events, of) = (events.clone(), id.clone());
        let on_message = ear.on_message(move |message| {
            if let Some(text) = heard(message) {
                report(&events, MediaEvent::BotHeard(of.clone(), text));
            }
        });
        on_message.detach();
        self.ears.insert(id.clone(), ear);
        Ok(())
    }

    pub(super) async fn consume(
        &mut self,
        transport: (&TransportId, &WebRtcTransport),
        producer: Option<&DataProducerId>,
        metrics: &Metrics,
    ) -> Done {
        let source = match producer {
            Some(id) => &self.producers.get(id).ok_or_else(|| gone("data producer"))?.handle,
            None => &self.bot,
        };
        let handle = transport.1.consume_data(DataConsumerOptions::new_sctp(source.id())).await.map_err(refused)?;
        let id = DataConsumerId(handle.id().to_string());
        let created = CreatedDataConsumer {
            id: id.clone(),
            producer: DataProducerId(source.id().to_string()),
            sctp_stream_parameters: json!(handle.sctp_stream_parameters()),
            label: handle.label().clone(),
            protocol: handle.protocol().clone(),
        };
        let counted = Counted::new(metrics.objects.with_label_values(&["consumer", "data"]));
        self.consumers.insert(id, Owned { handle, transport: transport.0.clone(), _counted: counted });
        Ok(Outcome::DataConsumer(Box::new(created)))
    }

    pub(super) fn say(&self, text: String) -> Done {
        let DataProducer::Direct(bot) = &self.bot else { return Err(gone("bot")) };
        let sent = bot.send(WebRtcMessage::String(Cow::Owned(text.into_bytes())), None, None, None);
        sent.map(|()| Outcome::Done).map_err(refused)
    }

    pub(super) fn close_consumer(&mut self, id: &DataConsumerId) {
        self.consumers.remove(id);
    }

    /// Drops everything on a transport that is about to be dropped itself.
    pub(super) fn close_transport(&mut self, transport: &TransportId) {
        self.consumers.retain(|_, consumer| consumer.transport != *transport);
        for (id, _) in self.producers.extract_if(|_, producer| producer.transport == *transport) {
            self.ears.remove(&id);
        }
    }

    pub(super) async fn producer_stats(&self, id: &DataProducerId) -> Done {
        stats(self.producers.get(id).ok_or_else(|| gone("data producer"))?.handle.get_stats().await)
    }

    pub(super) async fn consumer_stats(&self, id: &DataConsumerId) -> Done {
        stats(self.consumers.get(id).ok_or_else(|| gone("data consumer"))?.handle.get_stats().await)
    }
}

/// Only short text, as the demo's bot has it.
fn heard(message: &WebRtcMessage<'_>) -> Option<String> {
    match message {
        WebRtcMessage::String(text) if text.len() <= BOT_ATTENTION => String::from_utf8(text.to_vec()).ok(),
        _ => None,
    }
}

/// Clients leave out what has a default.
fn usable_parameters(mut parameters: Value) -> Result<SctpStreamParameters, MediaError> {
    if let Some(fields) = parameters.as_object_mut() {
        let is_unreliable = fields.contains_key("maxPacketLifeTime") || fields.contains_key("maxRetransmits");
        fields.entry("ordered").or_insert(json!(!is_unreliable));
    }
    read(parameters, "sctpStreamParameters")
}
