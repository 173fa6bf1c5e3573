//! Where the answer to a request goes, and what an operation of the media plane was for. Plain data.

use convene_protocol::message::{Channel, Direction, MediaKind, Source};

use super::ids::{ConnectionId, DataProducerId, ProducerId, TransportId};

/// The client that waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requester {
    /// The peer's connection, which distinguishes it from an earlier one with the same peerId.
    pub peer: ConnectionId,
    /// Where the answer goes: the same, or the HTTP call of a broadcaster.
    pub reply: ConnectionId,
    /// Id for the response.
    pub id: u64,
}

impl Requester {
    /// A client that sent the request on its WebSocket.
    pub(crate) fn client(connection: ConnectionId, id: u64) -> Self {
        Self { peer: connection, reply: connection, id }
    }
}

/// What an operation was for; comes back with its outcome.
#[derive(Clone, Debug, PartialEq)]
pub enum Context {
    /// No client waits.
    None,
    /// Answer this request with an empty payload, or the error.
    Request(Requester),
    /// Note the transport, then answer.
    CreateTransport {
        /// The client that waits.
        requester: Requester,
        /// Which way media flows, seen from the client; `None`: either.
        direction: Option<Direction>,
    },
    /// Note the producer, answer, and let the others consume it.
    Produce {
        /// The client that waits.
        requester: Requester,
        /// Audio or video.
        kind: MediaKind,
        /// Microphone, camera or screen.
        source: Source,
    },
    /// Note the data producer, answer, and let the others consume it.
    ProduceData {
        /// The client that waits.
        requester: Requester,
        /// Chat or bot.
        channel: Channel,
    },
    /// Note the data producer with which the room speaks for a participant without data channels.
    Voice {
        /// The participant's connection.
        connection: ConnectionId,
    },
    /// A voice was offered to all receivers.
    VoiceOffered,
    /// Note the data consumer and offer it to the client.
    ConsumeData {
        /// The receiver's connection.
        connection: ConnectionId,
        /// The receiver's transport.
        transport: TransportId,
        /// The sender's data producer; `None` for the bot's.
        producer: Option<DataProducerId>,
    },
    /// Note whether packets of a producer still arrive.
    Flow {
        /// The sender's connection.
        connection: ConnectionId,
        /// The producer.
        producer: ProducerId,
    },
    /// Note the consumer and offer it to the client.
    Consume {
        /// The receiver's connection.
        connection: ConnectionId,
        /// The receiver's transport.
        transport: TransportId,
        /// The producer.
        producer: ProducerId,
    },
    /// Note the consumer and answer the broadcaster that requested it.
    ConsumeFor {
        /// The client that waits.
        requester: Requester,
        /// The broadcaster's transport.
        transport: TransportId,
        /// The producer.
        producer: ProducerId,
    },
    /// Note the data consumer and answer the broadcaster that requested it.
    ConsumeDataFor {
        /// The client that waits.
        requester: Requester,
        /// The sender's data producer.
        producer: DataProducerId,
    },
}
