//! Operations that a room requests from the media plane. Plain data, which is also sent to other media pods: names of variants and fields
//! stay as they are.

use std::net::IpAddr;
use std::sync::Arc;

use convene_protocol::message::{Channel, Direction, MediaKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::{ConsumerId, DataConsumerId, DataProducerId, ProducerId, TransportId};
use super::pipe::PipeOperation;

/// An operation of the media plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Operation {
    /// Create a WebRTC transport.
    CreateTransport {
        /// Direction of media, seen from the client; `None`: either direction.
        direction: Option<Direction>,
        /// Offer TCP candidates only.
        force_tcp: bool,
    },
    /// Create a transport for RTP without ICE and DTLS.
    CreatePlainTransport {
        /// Direction of media, seen from the other side; `None`: either direction.
        direction: Option<Direction>,
        /// Learn the other side's address from its first packet.
        comedia: bool,
        /// RTP and RTCP on one port.
        rtcp_mux: bool,
    },
    /// Set the address to which a plain transport sends.
    ConnectPlainTransport {
        /// The transport.
        transport: TransportId,
        /// The other side.
        ip: IpAddr,
        /// Its RTP port.
        port: u16,
        /// Its RTCP port.
        rtcp_port: Option<u16>,
    },
    /// Give a transport the client's DTLS parameters.
    ConnectTransport(TransportId, Value),
    /// New ICE credentials.
    RestartIce(TransportId),
    /// Drop a transport and everything on it.
    CloseTransport(TransportId),
    /// Receive from a client.
    Produce {
        /// The client's sending transport.
        transport: TransportId,
        /// Audio or video.
        kind: MediaKind,
        /// mediasoup's `RtpParameters`.
        rtp_parameters: Value,
        /// Create it paused.
        paused: bool,
    },
    /// Send to a client.
    Consume {
        /// The client's receiving transport.
        transport: TransportId,
        /// The producer to send.
        producer: ProducerId,
        /// mediasoup's `RtpCapabilities` of the client.
        #[serde(with = "shared")]
        rtp_capabilities: Arc<Value>,
        /// Create it paused.
        paused: bool,
    },
    /// Receive messages from a client.
    ProduceData {
        /// The client's sending transport.
        transport: TransportId,
        /// Chat or bot.
        channel: Channel,
        /// mediasoup's `SctpStreamParameters`.
        sctp_stream_parameters: Value,
        /// As the client named it.
        label: String,
        /// As the client named it.
        protocol: String,
    },
    /// Send messages to a client.
    ConsumeData {
        /// The client's receiving transport.
        transport: TransportId,
        /// The sender's data producer; `None` for the bot's.
        producer: Option<DataProducerId>,
    },
    /// Send a message of the bot to all participants.
    BotSay(String),
    /// Create a data producer with which the room speaks for a participant without data channels.
    CreateVoice,
    /// Send a message with such a voice.
    VoiceSay(DataProducerId, String),
    /// Pause a data producer.
    PauseDataProducer(DataProducerId),
    /// Resume a data producer.
    ResumeDataProducer(DataProducerId),
    /// Drop a data producer.
    CloseDataProducer(DataProducerId),
    /// Drop a data consumer.
    CloseDataConsumer(DataConsumerId),
    /// Statistics of a data producer.
    DataProducerStats(DataProducerId),
    /// Statistics of a data consumer.
    DataConsumerStats(DataConsumerId),
    /// Pause a producer.
    PauseProducer(ProducerId),
    /// Resume a producer.
    ResumeProducer(ProducerId),
    /// Drop a producer.
    CloseProducer(ProducerId),
    /// Pause a consumer.
    PauseConsumer(ConsumerId),
    /// Resume a consumer.
    ResumeConsumer(ConsumerId),
    /// Request a key frame from the producer's client.
    RequestKeyFrame(ConsumerId),
    /// Set the highest layers to send.
    SetPreferredLayers(ConsumerId, u8, Option<u8>),
    /// Set the priority of a consumer when bandwidth is short.
    SetPriority(ConsumerId, u8),
    /// Drop a consumer.
    CloseConsumer(ConsumerId),
    /// Statistics of a transport.
    TransportStats(TransportId),
    /// Statistics of a producer.
    ProducerStats(ProducerId),
    /// Statistics of a consumer.
    ConsumerStats(ConsumerId),
    /// An operation on streams between sites, which no room requests.
    Pipe(PipeOperation),
}

/// A value that is shared in this process.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    pub(super) fn serialize<S: Serializer>(value: &Arc<Value>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Value>, D::Error> {
        Value::deserialize(deserializer).map(Arc::new)
    }
}
