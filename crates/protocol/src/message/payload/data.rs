//! Data channels: messages into the room and out of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use super::absent::null_is_default;

/// The purpose of a data channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub enum Channel {
    /// Messages to all participants.
    Chat,
    /// Messages to the room's bot, which answers to all participants.
    Bot,
}

/// Payload of `produceData`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ProduceData {
    /// A transport of the direction `producer`.
    pub transport_id: String,
    /// mediasoup's `SctpStreamParameters`.
    #[ts(type = "import('mediasoup-client').types.SctpStreamParameters")]
    pub sctp_stream_parameters: Value,
    /// Older dialect: `bot` for the bot, anything else for the chat.
    #[serde(default, deserialize_with = "null_is_default")]
    pub label: String,
    /// Free.
    #[serde(default, deserialize_with = "null_is_default")]
    pub protocol: String,
    /// `{ channel }` in the newer dialect, free in the older one.
    #[serde(default)]
    #[ts(type = "{ channel: Channel }")]
    pub app_data: Value,
}

impl ProduceData {
    /// The channel in either spelling.
    pub fn channel(&self) -> Channel {
        let named = self.app_data.get("channel").and_then(|channel| Channel::deserialize(channel).ok());
        named.unwrap_or(if self.label == "bot" { Channel::Bot } else { Channel::Chat })
    }
}

/// Answer to `produceData`. `id` is the older spelling of `dataProducerId`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct ProduceDataAnswer {
    /// The new data producer.
    pub data_producer_id: String,
    /// Same as `dataProducerId`.
    pub id: String,
}

/// Names a data producer of the sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct DataProducerRef {
    /// The data producer.
    pub data_producer_id: String,
}

/// Names a data consumer of the receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct DataConsumerRef {
    /// The data consumer.
    pub data_consumer_id: String,
}

/// Payload of `newDataConsumer`. `id` is the older spelling of `dataConsumerId`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts")]
pub struct NewDataConsumer {
    /// The sender; null for the bot.
    pub peer_id: Option<String>,
    /// The receiver's transport.
    pub transport_id: String,
    /// The new data consumer.
    pub data_consumer_id: String,
    /// Same as `dataConsumerId`.
    pub id: String,
    /// The sender's data producer.
    pub data_producer_id: String,
    /// mediasoup's `SctpStreamParameters`.
    #[ts(type = "import('mediasoup-client').types.SctpStreamParameters")]
    pub sctp_stream_parameters: Value,
    /// As the sender named it.
    pub label: String,
    /// As the sender named it.
    pub protocol: String,
    /// Sender and channel.
    pub app_data: DataConsumerAppData,
}

/// `appData` of a data consumer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct DataConsumerAppData {
    /// The sender; absent for the bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_id: Option<String>,
    /// The purpose.
    pub channel: Channel,
}
