//! The destination of the answer to a request, and the purpose of an operation of the media plane. Plain data.

use convene_protocol::message::{Channel, Direction, MediaKind, Source};

use super::ids::{ConnectionId, DataProducerId, ProducerId, TransportId};

/// The client that waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requester {
    /// The peer's connection, which distinguishes it from an earlier one with the same peerId.
    pub peer: ConnectionId,
    /// The destination of the answer: the same connection, or the HTTP call of a broadcaster.
    pub reply: ConnectionId,
    /// Id for the response.
    pub id: u64,
}

impl Requester {
    /// A client that sent the request on its WebSocket.
    pub(crate) fn client(connection: ConnectionId, id: u64) -> Self {
        Self { peer: connection, reply: connection, id }
    }

    /// Whether a broadcaster's script has called, which waits for the answer even if the broadcaster has left meanwhile.
    pub(crate) fn is_call(self) -> bool {
        self.reply != self.peer
    }
}

/// The purpose of an operation; returned with its outcome.
#[derive(Clone, Debug, PartialEq)]
pub enum Context {
    /// No client waits.
    None,
    /// Answer this request with an empty payload, or with the error.
    Request(Requester),
    /// Record the transport, then answer.
    CreateTransport {
        /// The client that waits.
        requester: Requester,
        /// Direction of media, seen from the client; `None`: either direction.
        direction: Option<Direction>,
    },
    /// Record the producer, answer, and let the others consume it.
    Produce {
        /// The client that waits.
        requester: Requester,
        /// Distinguishes it from others that are on their way.
        number: u64,
        /// Audio or video.
        kind: MediaKind,
        /// Microphone, camera or screen.
        source: Source,
    },
    /// Record the data producer, answer, and let the others consume it.
    ProduceData {
        /// The client that waits.
        requester: Requester,
        /// Chat or bot.
        channel: Channel,
    },
    /// Record the data producer with which the room speaks for a participant without data channels.
    Voice {
        /// The participant's connection.
        connection: ConnectionId,
    },
    /// Record the data consumer and offer it to the client.
    ConsumeData {
        /// The receiver's connection.
        connection: ConnectionId,
        /// The receiver's transport.
        transport: TransportId,
        /// The sender's data producer; `None` for the bot's.
        producer: Option<DataProducerId>,
    },
    /// Record whether packets of a producer still arrive.
    Flow {
        /// The sender's connection.
        connection: ConnectionId,
        /// The producer.
        producer: ProducerId,
    },
    /// Record the consumer and offer it to the client.
    Consume {
        /// The receiver's connection.
        connection: ConnectionId,
        /// The receiver's transport.
        transport: TransportId,
        /// The producer.
        producer: ProducerId,
    },
    /// Record the consumer and answer the broadcaster that requested it.
    ConsumeFor {
        /// The client that waits.
        requester: Requester,
        /// The broadcaster's transport.
        transport: TransportId,
        /// The producer.
        producer: ProducerId,
    },
    /// Record the data consumer and answer the broadcaster that requested it.
    ConsumeDataFor {
        /// The client that waits.
        requester: Requester,
        /// The sender's data producer.
        producer: DataProducerId,
    },
}
