//! Operations on streams between sites, that is between media pods that serve one room. Plain data, which is sent between pods.

use std::fmt;
use std::net::IpAddr;

use convene_protocol::message::MediaKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::{DataProducerId, PipeId, ProducerId, TransportId};

/// An operation on streams between sites.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PipeOperation {
    /// Create this site's end of a pipe. The result is [`PipeOutcome::Open`].
    Open(PipeId),
    /// Connect this site's end to the other one; once only.
    Connect(PipeId, PipeEnd),
    /// Drop this site's end, and what is sent and received through it.
    Close(PipeId),
    /// Send a producer of this site through a pipe, paused at first. The result is [`PipeOutcome::Sending`].
    Send(PipeId, ProducerId),
    /// Go on sending; requests a key frame.
    Resume(PipeId, ProducerId),
    /// Send nothing until [`PipeOperation::Resume`].
    Pause(PipeId, ProducerId),
    /// Undo [`PipeOperation::Send`].
    StopSending(PipeId, ProducerId),
    /// Receive a producer of the other site. Here it has the same id, and is closed, paused and resumed as any other.
    Receive(PipeId, ProducerId, PipedStream),
    /// Describe a data producer of this site. The result is [`PipeOutcome::Channel`].
    Describe(DataProducerId),
    /// Create a data producer of this process, for the messages of one of another site. The result is
    /// [`Outcome::DataProducer`](super::outcome::Outcome::DataProducer) with an id of its own.
    Mirror {
        /// As the sender named it.
        label: String,
        /// As the sender named it.
        protocol: String,
    },
}

/// The result of an operation on streams between sites.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PipeOutcome {
    /// Where to send, and the key of what this end sends.
    Open(PipeEnd),
    /// What the other site has to know of the stream.
    Sending(PipedStream),
    /// What the other site has to know of the data producer.
    Channel(PipedChannel),
}

/// One end of a pipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PipeEnd {
    /// Address for UDP.
    pub ip: IpAddr,
    /// Port for UDP.
    pub port: u16,
    /// Key of what this end sends.
    pub key: PipeKey,
}

/// mediasoup's `SrtpParameters`. Never shown.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PipeKey(pub Value);

impl fmt::Debug for PipeKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PipeKey(..)")
    }
}

/// A stream as it goes through a pipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PipedStream {
    /// Audio or video.
    pub kind: MediaKind,
    /// mediasoup's `RtpParameters`.
    pub rtp_parameters: Value,
    /// Whether its producer is paused.
    pub paused: bool,
    /// The transport of its producer, with which it ends.
    pub transport: TransportId,
}

/// A data producer, for one of another site that sends its messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PipedChannel {
    /// As the sender named it.
    pub label: String,
    /// As the sender named it.
    pub protocol: String,
    /// The transport of the data producer, with which it ends; `None` if it is one of the process.
    pub transport: Option<TransportId>,
}
