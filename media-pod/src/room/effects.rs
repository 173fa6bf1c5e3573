//! The effects of one command, collected in execution order.

use std::time::Duration;

use convene_protocol::message::{ServerNotification, ServerRequest};
use serde_json::Value;

use super::closing::Close;
use super::interface::context::{Context, Requester};
use super::interface::effect::{Effect, Fact, Outgoing};
use super::interface::ids::ConnectionId;
use super::interface::moves::{MoveAnswer, MoveRefusal};
use super::interface::operation::Operation;

/// The effects of one command.
pub(crate) struct Effects {
    /// The time of the command, since the room opened.
    pub(crate) now: Duration,
    list: Vec<Effect>,
}

impl Effects {
    pub(crate) fn at(now: Duration) -> Self {
        Self { now, list: Vec::new() }
    }

    pub(crate) fn into_list(self) -> Vec<Effect> {
        self.list
    }

    pub(crate) fn notify(&mut self, connection: ConnectionId, notification: ServerNotification) {
        self.list.push(Effect::Send(connection, Outgoing::Notification(notification)));
    }

    pub(crate) fn request(&mut self, connection: ConnectionId, id: u64, request: ServerRequest) {
        self.list.push(Effect::Send(connection, Outgoing::Request(id, request)));
    }

    pub(crate) fn succeed(&mut self, requester: Requester, data: Value) {
        self.list.push(Effect::Send(requester.reply, Outgoing::Success(requester.id, data)));
    }

    pub(crate) fn fail(&mut self, requester: Requester, code: u16, reason: impl Into<String>) {
        let failure = Outgoing::Failure { id: requester.id, code, reason: reason.into() };
        self.list.push(Effect::Send(requester.reply, failure));
    }

    pub(crate) fn note(&mut self, fact: Fact) {
        self.list.push(Effect::Note(fact));
    }

    pub(crate) fn answer_move(&mut self, answer: Result<MoveAnswer, MoveRefusal>) {
        self.list.push(Effect::MoveAnswer(answer));
    }

    pub(crate) fn ping(&mut self, connection: ConnectionId) {
        self.list.push(Effect::Ping(connection));
    }

    pub(crate) fn close(&mut self, connection: ConnectionId, (code, reason): Close) {
        self.list.push(Effect::Close { connection, code, reason });
    }

    /// An operation without an answer to a client.
    pub(crate) fn run(&mut self, operation: Operation) {
        self.run_for(operation, Context::None);
    }

    pub(crate) fn run_for(&mut self, operation: Operation, context: Context) {
        self.list.push(Effect::Media(operation, context));
    }

    pub(crate) fn shut(&mut self) {
        self.list.push(Effect::Shut);
    }
}
