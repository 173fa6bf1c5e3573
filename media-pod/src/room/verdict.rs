//! What becomes of a request: an answer, an operation, or a refusal with its reason. It judges nothing itself.

use serde_json::Value;

use super::Effects;
use super::command::{Asker, Context};
use super::effect::Operation;

/// Why a request is refused: an error code with HTTP's meaning and a sentence.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) u16, pub(super) String);

impl Refusal {
    pub(super) fn not_found(what: &str, id: &str) -> Self {
        let shown: String = id.chars().take(40).collect();
        Self(404, format!("you have no {what} with id {shown:?}"))
    }

    pub(super) fn not_joined() -> Self {
        Self(409, "join first".into())
    }

    pub(super) fn not_waiting() -> Self {
        Self(404, "nobody with this peerId waits in the lobby".into())
    }

    pub(super) fn locked() -> Self {
        Self(403, "the meeting is locked".into())
    }

    pub(super) fn no_chat() -> Self {
        Self(403, "the chat is off in this meeting".into())
    }

    pub(super) fn too_many(have: usize, most: usize, what: &str) -> Result<(), Self> {
        if have < most { Ok(()) } else { Err(Self(429, format!("the limit of {most} {what} is reached"))) }
    }
}

/// What a request leads to.
pub(super) enum Verdict {
    /// The answer is known.
    Answer(Value),
    /// Run this; the context says how to answer.
    Run(Operation, Context),
    /// The answer has been given, or will be.
    Answered,
}

pub(super) type Judged = Result<Verdict, Refusal>;

/// Gives the answer that is due now.
pub(super) fn conclude(asker: Asker, judged: Judged, effects: &mut Effects) {
    match judged {
        Ok(Verdict::Answer(data)) => effects.succeed(asker, data),
        Ok(Verdict::Run(operation, context)) => effects.run_for(operation, context),
        Ok(Verdict::Answered) => {}
        Err(Refusal(code, reason)) => effects.fail(asker, code, reason),
    }
}
