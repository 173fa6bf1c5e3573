//! What happens to a room: the inputs of [`super::Room::handle`]. Plain data, no handles.

use convene_protocol::message::{Channel, ClientRequest, ConsumerScore, Direction, Layers, MediaKind, Source};
use serde_json::Value;

use super::ids::{ConnectionId, ConsumerId, DataConsumerId, DataProducerId, PeerId, ProducerId, TransportId};

/// Everything that can happen to a room.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A WebSocket of a peer was accepted.
    Connected {
        /// The new connection.
        connection: ConnectionId,
        /// Chosen by the client.
        peer: PeerId,
    },
    /// A WebSocket ended, for whatever reason.
    Disconnected {
        /// Which one.
        connection: ConnectionId,
    },
    /// A client asks.
    Request {
        /// On which connection.
        connection: ConnectionId,
        /// Id for the response.
        id: u64,
        /// What.
        request: ClientRequest,
    },
    /// A client tells. Same messages, no response.
    Notification {
        /// On which connection.
        connection: ConnectionId,
        /// What.
        request: ClientRequest,
    },
    /// A client answers a request of the room.
    Answered {
        /// On which connection.
        connection: ConnectionId,
        /// Id of the room's request.
        id: u64,
        /// Whether the client accepted.
        is_ok: bool,
    },
    /// An [`super::Operation`] has ended.
    MediaDone {
        /// As given with the operation.
        context: Context,
        /// What came of it.
        outcome: Result<Outcome, MediaError>,
    },
    /// The media plane reports.
    Media(MediaEvent),
    /// Time has passed: look at deadlines.
    Tick,
    /// End the room.
    End(End),
}

/// What an operation was for; comes back with its outcome.
#[derive(Clone, Debug, PartialEq)]
pub enum Context {
    /// Nobody waits.
    None,
    /// Answer this request with an empty payload, or the error.
    Request {
        /// On which connection.
        connection: ConnectionId,
        /// Id for the response.
        id: u64,
    },
    /// Note the transport, then answer.
    CreateTransport {
        /// On which connection.
        connection: ConnectionId,
        /// Id for the response.
        id: u64,
        /// Which way media flows, seen from the client.
        direction: Direction,
    },
    /// Note the producer, answer, and let the others consume it.
    Produce {
        /// On which connection.
        connection: ConnectionId,
        /// Id for the response.
        id: u64,
        /// Audio or video.
        kind: MediaKind,
        /// Where it comes from.
        source: Source,
    },
    /// Note the data producer, answer, and let the others consume it.
    ProduceData {
        /// On which connection.
        connection: ConnectionId,
        /// Id for the response.
        id: u64,
        /// What it is for.
        channel: Channel,
    },
    /// Note the data consumer and offer it to the client.
    ConsumeData {
        /// The receiver's connection.
        connection: ConnectionId,
        /// The receiver's transport.
        transport: TransportId,
        /// Whose messages; `None` for the bot's.
        producer: Option<DataProducerId>,
    },
    /// Note the consumer and offer it to the client.
    Consume {
        /// The receiver's connection.
        connection: ConnectionId,
        /// The receiver's transport.
        transport: TransportId,
        /// What is consumed.
        producer: ProducerId,
    },
}

/// What an operation gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is done; there is nothing to say.
    Done,
    /// A transport was created.
    Transport(Box<CreatedTransport>),
    /// ICE was restarted; the new parameters.
    IceParameters(Value),
    /// A producer was created.
    Producer(ProducerId),
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
}

/// A transport as the media plane made it; parameters are mediasoup's JSON.
#[derive(Clone, Debug, PartialEq)]
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

/// A consumer as the media plane made it.
#[derive(Clone, Debug, PartialEq)]
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

/// A data consumer as the media plane made it.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatedDataConsumer {
    /// Its id.
    pub id: DataConsumerId,
    /// Whose messages.
    pub producer: DataProducerId,
    /// `SctpStreamParameters`.
    pub sctp_stream_parameters: Value,
    /// As the sender named it.
    pub label: String,
    /// As the sender named it.
    pub protocol: String,
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaError {
    /// Error code of the answer: 400 for parameters that cannot be used, 500 for the rest.
    pub code: u16,
    /// For people.
    pub message: String,
}

/// Reports of the media plane.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaEvent {
    /// ICE found (again) a way to the client.
    TransportConnected(TransportId),
    /// ICE lost the way to the client.
    TransportDisconnected(TransportId),
    /// Quality of what a client sends.
    ProducerScore(ProducerId, Value),
    /// Quality of what a client receives.
    ConsumerScore(ConsumerId, ConsumerScore),
    /// Other layers are forwarded now.
    ConsumerLayers(ConsumerId, Option<Layers>),
    /// How loud producers are, in dBvo; empty on silence.
    Volumes(Vec<(ProducerId, i8)>),
    /// Somebody wrote to the bot.
    BotHeard(DataProducerId, String),
    /// Whose speech dominates.
    DominantSpeaker(ProducerId),
    /// The worker is gone, and with it every handle of the room.
    WorkerDied,
}

/// How a room ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// For good: clients stay away.
    Over,
    /// To go on elsewhere: clients come back to the same URL.
    Moved,
}
