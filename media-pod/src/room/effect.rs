//! What a room wants done: the outputs of [`super::Room::handle`]. The shell runs them in order.

use std::net::IpAddr;
use std::time::Duration;

use convene_protocol::message::{Channel, Direction, MediaKind, ServerNotification, ServerRequest};
use serde_json::Value;

use super::command::Context;
use super::ids::{ConnectionId, ConsumerId, DataConsumerId, DataProducerId, ProducerId, TransportId};

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send a message to a client.
    Send(ConnectionId, Outgoing),
    /// Ask a client for a sign of life, to be told as [`super::Command::SignOfLife`].
    Ping(ConnectionId),
    /// Close a client's WebSocket.
    Close {
        /// Which one.
        connection: ConnectionId,
        /// 4000 is final; 1012 means "come back to the same URL".
        code: u16,
        /// For people; at most 123 bytes.
        reason: &'static str,
    },
    /// Do something to the media plane; its outcome comes back with the context before anything else does.
    Media(Operation, Context),
    /// Something worth counting has happened.
    Note(Fact),
    /// The room is over: nothing is left in it.
    Shut,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Somebody joined, so long after the connection.
    Joined(Duration),
    /// Somebody's media found its way for the first time, so long after the connection.
    MediaConnected(Duration),
    /// A limit kept something from being made.
    LimitReached(&'static str),
    /// A moderator did something.
    Moderated(&'static str),
}

/// A message to a client.
#[derive(Clone, Debug, PartialEq)]
pub enum Outgoing {
    /// What was asked is done.
    Success(u64, Value),
    /// What was asked is not done.
    Failure {
        /// Id of the request.
        id: u64,
        /// With HTTP's meaning.
        code: u16,
        /// For people.
        reason: String,
    },
    /// The room asks.
    Request(u64, ServerRequest),
    /// The room tells.
    Notification(ServerNotification),
}

/// Something to do to the media plane.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Make a WebRTC transport.
    CreateTransport {
        /// Which way media flows, seen from the client; `None`: either.
        direction: Option<Direction>,
        /// Offer TCP candidates only.
        force_tcp: bool,
    },
    /// Make a transport for RTP without ICE and DTLS.
    CreatePlainTransport {
        /// Which way media flows, seen from the other side; `None`: either.
        direction: Option<Direction>,
        /// Learn the other side's address from its first packet.
        comedia: bool,
        /// RTP and RTCP on one port.
        rtcp_mux: bool,
    },
    /// Tell a plain transport where to send.
    ConnectPlainTransport {
        /// Which one.
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
    },
    /// Send to a client.
    Consume {
        /// The client's receiving transport.
        transport: TransportId,
        /// What to send.
        producer: ProducerId,
        /// mediasoup's `RtpCapabilities` of the client.
        rtp_capabilities: Value,
        /// Wait to be resumed.
        paused: bool,
    },
    /// Receive messages from a client.
    ProduceData {
        /// The client's sending transport.
        transport: TransportId,
        /// What they are for.
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
        /// Whose messages; `None` for the bot's.
        producer: Option<DataProducerId>,
    },
    /// The bot says something to everybody.
    BotSay(String),
    /// A data producer of the room's own, to speak for a participant without data channels.
    CreateVoice,
    /// Nothing: its outcome comes back after those of the operations before it.
    Settle,
    /// Say something with such a voice.
    VoiceSay(DataProducerId, String),
    /// Forward nothing of a data producer for a while.
    PauseDataProducer(DataProducerId),
    /// Forward it again.
    ResumeDataProducer(DataProducerId),
    /// Drop a data producer.
    CloseDataProducer(DataProducerId),
    /// Drop a data consumer.
    CloseDataConsumer(DataConsumerId),
    /// Statistics of a data producer.
    DataProducerStats(DataProducerId),
    /// Statistics of a data consumer.
    DataConsumerStats(DataConsumerId),
    /// Pause receiving.
    PauseProducer(ProducerId),
    /// Receive again.
    ResumeProducer(ProducerId),
    /// Drop a producer.
    CloseProducer(ProducerId),
    /// Pause sending.
    PauseConsumer(ConsumerId),
    /// Send (again).
    ResumeConsumer(ConsumerId),
    /// Ask the producer's client for a key frame.
    RequestKeyFrame(ConsumerId),
    /// Layers to send at most.
    SetPreferredLayers(ConsumerId, u8, Option<u8>),
    /// Share of short bandwidth.
    SetPriority(ConsumerId, u8),
    /// Drop a consumer.
    CloseConsumer(ConsumerId),
    /// Statistics of a transport.
    TransportStats(TransportId),
    /// Statistics of a producer.
    ProducerStats(ProducerId),
    /// Statistics of a consumer.
    ConsumerStats(ConsumerId),
}
