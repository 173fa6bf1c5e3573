//! What happens to a room: the inputs of [`super::Room::handle`]. Plain data, no handles.

use convene_protocol::admin::RoomSettings;
use convene_protocol::admission::ParticipantGrant;
use convene_protocol::message::{
    Channel, ClientRequest, ConsumerScore, Direction, DownlinkBwe, Layers, MediaKind, Source,
};
use serde_json::Value;

use super::broadcaster::BroadcasterRequest;
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
        /// What it may do, and as whom.
        grant: ParticipantGrant,
        /// Further copies that it wants of every consumer.
        replicas: usize,
        /// Whether it may come in only if it is or was just in: the pod takes nobody new.
        comes_back_only: bool,
        /// The connection whose secret it knows, if it does.
        proves: Option<ConnectionId>,
    },
    /// A client that was pinged has sent something, or one that was cut off is back.
    SignOfLife {
        /// On which connection.
        connection: ConnectionId,
    },
    /// The WebSocket of a client is cut; the client may come back to its session.
    CutOff {
        /// Which connection.
        connection: ConnectionId,
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
    /// A broadcaster's script calls over HTTP.
    Broadcaster {
        /// The call; answered once.
        call: ConnectionId,
        /// The broadcaster.
        peer: PeerId,
        /// What the caller may do, and as whom.
        grant: ParticipantGrant,
        /// What.
        request: BroadcasterRequest,
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
    /// Go by these settings from now on.
    Update {
        /// All of them.
        settings: RoomSettings,
        /// Who was in the meeting before it moved here, if that is known now.
        returning: Option<Vec<String>>,
    },
    /// Take somebody out for good.
    Remove(PeerId),
    /// End the room.
    End(End),
}

/// Who waits for an answer, and on whose behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The participant's own connection, which tells it from an earlier one of the same name.
    pub peer: ConnectionId,
    /// Where the answer goes: the same, or the HTTP call of a broadcaster.
    pub reply: ConnectionId,
    /// Id for the response.
    pub id: u64,
}

impl Asker {
    /// A client that asks on its WebSocket.
    pub(super) fn client(connection: ConnectionId, id: u64) -> Self {
        Self { peer: connection, reply: connection, id }
    }
}

/// What an operation was for; comes back with its outcome.
#[derive(Clone, Debug, PartialEq)]
pub enum Context {
    /// Nobody waits.
    None,
    /// Answer this request with an empty payload, or the error.
    Request(Asker),
    /// Note the transport, then answer.
    CreateTransport {
        /// Who waits.
        asker: Asker,
        /// Which way media flows, seen from the client; `None`: either.
        direction: Option<Direction>,
    },
    /// Note the producer, answer, and let the others consume it.
    Produce {
        /// Who waits.
        asker: Asker,
        /// Audio or video.
        kind: MediaKind,
        /// Where it comes from.
        source: Source,
    },
    /// Note the data producer, answer, and let the others consume it.
    ProduceData {
        /// Who waits.
        asker: Asker,
        /// What it is for.
        channel: Channel,
    },
    /// Note the data producer by which the room speaks for a participant that has no data channel.
    Voice {
        /// For whom.
        connection: ConnectionId,
    },
    /// The offers of a voice have been made.
    VoiceOffered,
    /// Note the data consumer and offer it to the client.
    ConsumeData {
        /// The receiver's connection.
        connection: ConnectionId,
        /// The receiver's transport.
        transport: TransportId,
        /// Whose messages; `None` for the bot's.
        producer: Option<DataProducerId>,
    },
    /// Note whether what a participant sends still comes.
    Flow {
        /// The sender's connection.
        connection: ConnectionId,
        /// What it sends.
        producer: ProducerId,
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
    /// Note the consumer and answer the broadcaster that asked for it.
    ConsumeFor {
        /// Who waits.
        asker: Asker,
        /// The broadcaster's transport.
        transport: TransportId,
        /// What is consumed.
        producer: ProducerId,
    },
    /// Note the data consumer and answer the broadcaster that asked for it.
    ConsumeDataFor {
        /// Who waits.
        asker: Asker,
        /// Whose messages.
        producer: DataProducerId,
    },
}

/// What an operation gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is done; there is nothing to say.
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

/// A transport for RTP without ICE as the media plane made it.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// A producer as the media plane made it.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatedProducer {
    /// Its id.
    pub id: ProducerId,
    /// Codecs as receivers get them, those of retransmission left out; mediasoup's JSON.
    pub consumable_codecs: Value,
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
    /// A participant sent something to the bot.
    BotHeard(Heard),
    /// A participant sent something to everybody.
    ChatHeard(Heard),
    /// What a client's way can carry, as estimated now.
    DownlinkBwe(TransportId, DownlinkBwe),
    /// Whose speech dominates.
    DominantSpeaker(ProducerId),
    /// The worker is gone, and with it every handle of the room.
    WorkerDied,
}

/// A message on a data channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// On which.
    pub producer: DataProducerId,
    /// Its length.
    pub bytes: usize,
    /// Its text, if it is one that is not too long.
    pub text: Option<String>,
}

/// How a room ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// For good: clients stay away.
    Over,
    /// To go on elsewhere: clients come back to the same URL.
    Moved,
}
