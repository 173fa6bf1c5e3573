//! Results of operations of the media plane. Plain data, which also comes from other media pods.

use convene_protocol::message::ConsumerScore;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::{ConsumerId, DataConsumerId, DataProducerId, ProducerId, TransportId};
use super::pipe::PipeOutcome;

/// The result of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Done, without a result.
    Done,
    /// A transport was created.
    Transport(Box<CreatedTransport>),
    /// A transport for RTP without ICE was created.
    PlainTransport(CreatedPlainTransport),
    /// ICE was restarted; the new parameters.
    IceParameters(Value),
    /// A producer was created.
    Producer(CreatedProducer),
    /// A consumer was created.
    Consumer(Box<CreatedConsumer>),
    /// A data producer was created.
    DataProducer(DataProducerId),
    /// A data consumer was created.
    DataConsumer(Box<CreatedDataConsumer>),
    /// The receiver has no codec for this producer.
    NotConsumable,
    /// Statistics, an array.
    Stats(Value),
    /// The result of an operation on streams between sites.
    Pipe(PipeOutcome),
}

impl Outcome {
    /// The id of the object that was created, if one was.
    pub(crate) fn created(&self) -> Option<&str> {
        match self {
            Self::Transport(created) => Some(&created.id.0),
            Self::PlainTransport(created) => Some(&created.id.0),
            Self::Producer(created) => Some(&created.id.0),
            Self::Consumer(created) => Some(&created.id.0),
            Self::DataProducer(id) => Some(&id.0),
            Self::DataConsumer(created) => Some(&created.id.0),
            Self::Done | Self::IceParameters(_) | Self::NotConsumable | Self::Stats(_) | Self::Pipe(_) => None,
        }
    }
}

/// A transport created by the media plane; parameters are mediasoup's JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedTransport {
    /// Its id.
    pub id: TransportId,
    /// `IceParameters`.
    pub ice_parameters: Value,
    /// `IceCandidate[]`.
    pub ice_candidates: Value,
    /// `DtlsParameters`.
    pub dtls_parameters: Value,
    /// `SctpParameters`.
    pub sctp_parameters: Option<Value>,
}

/// A transport for RTP without ICE, created by the media plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedPlainTransport {
    /// Its id.
    pub id: TransportId,
    /// Where to send, as announced.
    pub ip: String,
    /// Where to send RTP.
    pub port: u16,
    /// Where to send RTCP, when not on one port.
    pub rtcp_port: Option<u16>,
}

/// A producer created by the media plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedProducer {
    /// Its id.
    pub id: ProducerId,
    /// Codecs as receivers get them, without those for retransmission; mediasoup's JSON.
    pub consumable_codecs: Value,
    /// Number of streams of different sizes (simulcast); 1 if there is one only.
    pub layers: u8,
    /// Whether it was created paused.
    pub paused: bool,
}

/// A consumer created by the media plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedConsumer {
    /// Its id.
    pub id: ConsumerId,
    /// `RtpParameters`.
    pub rtp_parameters: Value,
    /// `simple`, `simulcast` or `svc`.
    pub consumer_type: String,
    /// Quality at the start.
    pub score: ConsumerScore,
}

/// A data consumer created by the media plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedDataConsumer {
    /// Its id.
    pub id: DataConsumerId,
    /// The sender's data producer.
    pub producer: DataProducerId,
    /// `SctpStreamParameters`.
    pub sctp_stream_parameters: Value,
    /// As the sender named it.
    pub label: String,
    /// As the sender named it.
    pub protocol: String,
}

/// Errors of operations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaError {
    /// Error code of the answer: 400 for unusable parameters, 500 for other errors.
    pub code: u16,
    /// Readable description.
    pub message: String,
}
