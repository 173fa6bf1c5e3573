//! Connections about which nothing is decided yet: one claims a peerId whose holder is asked for a sign of life, another says to have been
//! in a locked meeting before it moved here. Their first requests are kept, and answered when they are in.

use std::collections::BTreeSet;
use std::time::Duration;

use convene_protocol::frame::{CLOSE_COME_BACK, CLOSE_FINAL};
use convene_protocol::message::ClientRequest;

use super::command::Asker;
use super::ids::{ConnectionId, PeerId};
use super::seats::{Close, Entrance, LOCKED};
use super::verdict::{Judged, Refusal, Verdict, conclude};
use super::{Effects, Room};

/// How long a participant has to show that their connection lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);
/// How long the operator has to say who was in.
const RETURNING_LIST: Duration = Duration::from_secs(5);
/// Requests that are kept until the connection is in.
const MOST_HELD: usize = 4;

pub(super) const IN_USE: Close = (CLOSE_FINAL, "this peerId is in use");
const REPLACED: Close = (CLOSE_FINAL, "replaced by a newer connection of the same peer");
const SILENT: Close = (CLOSE_COME_BACK, "no sign of life: please come back");
const ASK_AGAIN: Close = (CLOSE_COME_BACK, "the meeting has moved: please come back");
const TOO_MANY: Close = (CLOSE_COME_BACK, "too many wait to join: please come back");

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Whether the holder of the peerId, on this connection, is still there.
    IsHolderAlive(ConnectionId),
    /// Whether the participant was in the meeting before it moved.
    WasIn,
}

/// A connection that waits for an answer to it.
#[derive(Debug)]
pub(super) struct Pending {
    entrance: Entrance,
    since: Duration,
    question: Question,
    held: Vec<(u64, ClientRequest)>,
}

/// Who was in the meeting before it moved here, and until when that counts.
#[derive(Debug, Default)]
pub(super) struct Returning {
    /// `None`: it has not moved, or that is long ago.
    pub(super) until: Option<Duration>,
    /// `None`: the operator has not said it yet.
    people: Option<BTreeSet<String>>,
}

impl Returning {
    pub(super) fn until(until: Option<Duration>) -> Self {
        Self { until, people: None }
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.until.is_some() && self.people.is_none()
    }

    pub(super) fn has(&self, person: Option<&String>) -> bool {
        self.people.as_ref().zip(person).is_some_and(|(people, person)| people.contains(person))
    }
}

impl Room {
    pub(super) fn park(
        &mut self,
        id: PeerId,
        entrance: Entrance,
        question: Question,
        now: Duration,
        effects: &mut Effects,
    ) {
        self.drop_pending(&id, Some(REPLACED), effects);
        if self.pending.len() >= self.limits.unjoined {
            return effects.close(entrance.connection, TOO_MANY.0, TOO_MANY.1);
        }
        if let Question::IsHolderAlive(holder) = question {
            effects.ping(holder);
        }
        self.pending.insert(id, Pending { entrance, since: now, question, held: Vec::new() });
    }

    pub(super) fn pending_on(&self, connection: ConnectionId) -> Option<PeerId> {
        let found = self.pending.iter().find(|(_, pending)| pending.entrance.connection == connection);
        found.map(|(id, _)| id.clone())
    }

    /// Keeps a request until the connection is in.
    pub(super) fn of_pending(&mut self, id: &PeerId, asker: Asker, request: ClientRequest) -> Judged {
        let pending = self.pending.get_mut(id).ok_or_else(Refusal::not_joined)?;
        Refusal::too_many(pending.held.len(), MOST_HELD, "requests before you are in")?;
        pending.held.push((asker.id, request));
        Ok(Verdict::Answered)
    }

    pub(super) fn drop_pending(&mut self, id: &PeerId, close: Option<Close>, effects: &mut Effects) {
        let Some(pending) = self.pending.remove(id) else { return };
        if let Some((code, reason)) = close {
            effects.close(pending.entrance.connection, code, reason);
        }
    }

    pub(super) fn empty_pending(&mut self, close: Close, effects: &mut Effects) {
        for pending in std::mem::take(&mut self.pending).into_values() {
            effects.close(pending.entrance.connection, close.0, close.1);
        }
    }

    /// The holder of a peerId is there: who claims it is refused.
    pub(super) fn sign_of_life(&mut self, connection: ConnectionId, now: Duration, effects: &mut Effects) {
        self.note_life(connection, now, effects);
        let is_about = |pending: &Pending| pending.question == Question::IsHolderAlive(connection);
        let claims: Vec<_> = self.pending_where(is_about);
        for id in claims {
            self.drop_pending(&id, Some(IN_USE), effects);
        }
    }

    /// The operator says who was in before the meeting moved here.
    pub(super) fn note_returning(&mut self, people: Vec<String>, now: Duration, effects: &mut Effects) {
        self.returning.people = Some(people.into_iter().collect());
        for id in self.pending_where(|pending| pending.question == Question::WasIn) {
            self.settle(&id, now, effects);
        }
    }

    /// Answers what has waited long enough.
    pub(super) fn settle_pending(&mut self, now: Duration, effects: &mut Effects) {
        if self.returning.until.is_some_and(|until| now >= until) {
            self.returning = Returning::default();
            for id in self.pending_where(|pending| pending.question == Question::WasIn) {
                self.drop_pending(&id, Some(LOCKED), effects);
            }
        }
        for id in self.pending_where(|pending| now.saturating_sub(pending.since) >= pending.question.time()) {
            self.settle_late(&id, now, effects);
        }
    }

    fn settle_late(&mut self, id: &PeerId, now: Duration, effects: &mut Effects) {
        match self.pending.get(id).map(|pending| pending.question) {
            Some(Question::WasIn) => self.drop_pending(id, Some(ASK_AGAIN), effects),
            Some(Question::IsHolderAlive(connection)) => {
                if self.peer_id_of(connection).is_some() || self.waiting_on(connection).is_some() {
                    self.note_going(id, now);
                    self.remove(id, effects, Some(SILENT));
                    self.leave_lobby(id, Some(SILENT), effects);
                }
                self.settle(id, now, effects);
            }
            None => {}
        }
    }

    /// Decides again, now that more is known, and answers what was asked meanwhile.
    pub(super) fn settle(&mut self, id: &PeerId, now: Duration, effects: &mut Effects) {
        let Some(Pending { entrance, held, .. }) = self.pending.remove(id) else { return };
        let connection = entrance.connection;
        self.connect(id.clone(), entrance, now, effects);
        for (request_id, request) in held {
            let asker = Asker::client(connection, request_id);
            let judged = self.judge(asker, request, now, effects);
            conclude(asker, judged, effects);
        }
    }

    fn pending_where(&self, is_meant: impl Fn(&Pending) -> bool) -> Vec<PeerId> {
        self.pending.iter().filter(|(_, pending)| is_meant(pending)).map(|(id, _)| id.clone()).collect()
    }
}

impl Question {
    fn time(self) -> Duration {
        match self {
            Self::IsHolderAlive(_) => SIGN_OF_LIFE,
            Self::WasIn => RETURNING_LIST,
        }
    }
}
