//! Facts about the room.

use std::collections::BTreeSet;
use std::time::Duration;

use convene_protocol::admin::RoomSettings;
use convene_protocol::admission::ParticipantGrant;
use convene_protocol::message::{ClientRequest, ConsumerScore, Direction, ServerNotification, ServerRequest, Source};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    BroadcasterCall, Command, Connect, ConnectionId, ConsumerId, Context, CreatedConsumer, CreatedDataConsumer,
    CreatedPlainTransport, CreatedProducer, CreatedTransport, DataConsumerId, DataMessage, DataProducerId, Effect, End,
    Essence, Fact, Handover, Limits, MediaEvent, MeetingSettings, MoveAnswer, MoveCommand, MoveRefusal, Operation,
    Outcome, Outgoing, PeerId, ProducerId, Room, TransportId,
};

mod audience;
mod backup;
mod broadcasting;
mod chatting;
mod demand;
mod ending;
mod harness;
mod identity;
mod invariants;
mod joining;
mod large;
mod late;
mod late_invariants;
mod lobby;
mod matrix;
mod media;
mod moderating;
mod moves;
mod plane;
mod preparing;
mod presence;
mod renewing;
mod rights;
mod seats;
mod settings;

use harness::{Harness, client, guest, harness, heard, pair};
