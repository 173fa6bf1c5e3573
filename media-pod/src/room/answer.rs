//! The result of a request: an answer, an operation, or a refusal with its reason. It makes no decisions.

use serde_json::{Value, json};

use super::effects::Effects;
use super::interface::context::{Context, Requester};
use super::interface::operation::Operation;

/// The reason for refusing a request: an error code with the meaning of HTTP status codes, and a sentence.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) u16, pub(crate) String);

impl Refusal {
    pub(crate) fn forbidden(reason: impl Into<String>) -> Self {
        Self(403, reason.into())
    }

    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self(404, format!("you have no {what} with id {:?}", shortened(id)))
    }

    pub(crate) fn no_participant(id: &str) -> Self {
        Self(404, format!("no participant with peerId {:?} is in the meeting", shortened(id)))
    }

    pub(crate) fn not_waiting() -> Self {
        Self(404, "no client with this peerId is waiting in the lobby".into())
    }

    /// Clients match on the reason: they repeat the request at the other pod.
    pub(crate) fn moving() -> Self {
        Self(409, "moving".into())
    }

    pub(crate) fn not_joined() -> Self {
        Self(409, "join first".into())
    }

    pub(crate) fn too_many(count: usize, limit: usize, what: &str) -> Result<(), Self> {
        if count < limit { Ok(()) } else { Err(Self(429, format!("the limit of {limit} {what} is reached"))) }
    }
}

/// The part of an id that errors show.
fn shortened(id: &str) -> String {
    id.chars().take(40).collect()
}

/// The result of an accepted request.
pub(crate) enum Decision {
    Answer(Value),
    /// An operation; the context says how to answer once it has ended.
    Run(Operation, Context),
    /// The answer was sent already, or is sent later.
    Answered,
}

impl Decision {
    /// The empty answer.
    pub(crate) fn done() -> Self {
        Self::Answer(json!({}))
    }
}

pub(crate) type Decided = Result<Decision, Refusal>;

/// Sends the answer, if it is due now, or starts the operation.
pub(crate) fn respond(requester: Requester, decided: Decided, effects: &mut Effects) {
    match decided {
        Ok(Decision::Answer(data)) => effects.succeed(requester, data),
        Ok(Decision::Run(operation, context)) => effects.run_for(operation, context),
        Ok(Decision::Answered) => {}
        Err(Refusal(code, reason)) => effects.fail(requester, code, reason),
    }
}
