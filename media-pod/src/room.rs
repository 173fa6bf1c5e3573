//! The room: its participants, the streams between them, and the messages to its clients.
//!
//! A pure state machine (sans-IO): [`Room::handle`] takes an input and the time, and returns the effects to execute, in
//! order. It never waits, reads a clock, opens a socket or holds a handle of the media plane: the actor around it does.
//!
//! Each subject has an owner with its own data: `people` (seats, pending connections, lobby), `audience`, `moderation`, `chat`, `tracks`,
//! `data`, `broadcasters` and `moving`. `state` holds them, and `steps` calls them in order, command by command.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod answer;
mod audience;
mod broadcasters;
mod chat;
mod closing;
mod data;
mod early;
mod effects;
mod interface;
mod memory;
mod moderation;
mod moving;
mod people;
mod state;
mod steps;
#[cfg(test)]
mod tests;
mod tracks;

pub use interface::broadcaster;
pub(crate) use interface::command::enters;
pub use interface::command::{BroadcasterCall, Command, Connect, End};
pub use interface::context::{Context, Requester};
pub use interface::destinations;
pub use interface::effect::{Effect, Fact, Outgoing};
pub use interface::ids::{
    ConnectionId, ConsumerId, DataConsumerId, DataProducerId, PeerId, PipeId, ProducerId, TransportId,
};
pub use interface::limits::Limits;
pub use interface::media::{DataMessage, MediaEvent};
pub use interface::moves::{Handover, MoveAnswer, MoveCommand, MoveRefusal};
pub use interface::operation::Operation;
pub use interface::outcome::{
    CreatedConsumer, CreatedDataConsumer, CreatedPlainTransport, CreatedProducer, CreatedTransport, MediaError, Outcome,
};
pub use interface::pipe::{PipeEnd, PipeKey, PipeOperation, PipeOutcome, PipedChannel, PipedStream};
pub use interface::settings::MeetingSettings;
pub use memory::Snapshot;
pub use state::{Essence, Room};
pub use steps::{PeerReport, RoomStats};
