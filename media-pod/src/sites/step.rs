//! What the sites of a room have to do next, and what an operation was for. Plain data.

use crate::room::{
    ConnectionId, ConsumerId, Context, DataProducerId, MediaError, Operation, Outcome, PipeId, ProducerId, TransportId,
};

/// The result of an operation.
pub(crate) type MediaResult = Result<Outcome, MediaError>;

/// A media pod that serves a room, as the room's home numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SiteId(pub(crate) u32);

/// The pod that has the room.
pub(crate) const HOME: SiteId = SiteId(0);

/// What is next.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Run an operation at a site, and pass its outcome on with the ticket.
    Run(SiteId, Operation, Ticket),
    /// The outcome of an operation of the room.
    Done(Context, MediaResult),
}

impl Step {
    /// An operation whose outcome changes nothing.
    pub(super) fn quiet(site: SiteId, operation: Operation) -> Self {
        Self::Run(site, operation, Ticket::Quiet)
    }
}

/// What an operation was for.
#[derive(Debug, PartialEq)]
pub(crate) enum Ticket {
    /// An operation of the room, and what to record if it succeeds.
    Room(Context, Note),
    /// An end of a pipe is created.
    Open(PipeId),
    /// An end of a pipe is connected to the other one.
    Connect(PipeId),
    /// A stream is sent into a pipe.
    Send(Attempt<StreamKey>),
    /// A stream is received from a pipe.
    Receive(Attempt<StreamKey>),
    /// A data producer of another site is described.
    Describe(Attempt<ChannelKey>),
    /// A data producer is created for one of another site.
    Mirror(Attempt<ChannelKey>),
    /// The outcome changes nothing.
    Quiet,
}

impl Ticket {
    /// Whether it is for a stream from one site to another.
    pub(crate) fn is_of_pipe(&self) -> bool {
        matches!(self, Self::Open(_) | Self::Connect(_) | Self::Send(_) | Self::Receive(_))
    }
}

/// What is recorded when an operation of the room succeeds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Note {
    /// Nothing.
    Nothing,
    /// The client of a new transport, if the room has several sites.
    Transport(ConnectionId),
    /// The transport of a new producer. Microphones are also received at the home, which compares their volumes.
    Producer {
        /// Its transport.
        transport: TransportId,
        /// Whether it is a microphone.
        is_audio: bool,
    },
    /// The transport of a new consumer, and its producer.
    Consumer {
        /// Its transport.
        transport: TransportId,
        /// What it receives.
        producer: ProducerId,
        /// Whether it receives at once.
        is_active: bool,
    },
    /// A consumer has been resumed.
    Resumed(ConsumerId),
    /// The transport of a new data producer.
    DataProducer(TransportId),
    /// The transport of a new data consumer; and what it receives, if that is another data producer than it seems.
    DataConsumer(TransportId, Option<DataProducerId>),
}

/// A stream that is received at another site.
pub(crate) type StreamKey = (ProducerId, SiteId);

/// A data channel that is received at another site.
pub(crate) type ChannelKey = (DataProducerId, SiteId);

/// One attempt to receive something at another site: its outcomes do not count for a later one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt<K> {
    pub(super) key: K,
    pub(super) number: u64,
}

/// An operation of the room that waits until a stream or data channel is received at its site.
#[derive(Debug, PartialEq)]
pub(crate) struct Waiting {
    pub(super) operation: Operation,
    pub(super) context: Context,
    pub(super) note: Note,
    pub(super) transport: TransportId,
}
