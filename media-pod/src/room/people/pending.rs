//! Connections that are not decided yet: either the holder of the requested peerId is being pinged, or the client
//! claims to have been in a locked meeting before it moved here, or the backup of the meeting's earlier room has not come yet. Their first
//! requests are held until they are admitted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use convene_protocol::message::ClientRequest;

use super::entrance::Entrance;
use super::held::HeldRequests;
use crate::room::answer::{Decided, Refusal};
use crate::room::closing::{ASK_AGAIN, Close, REPLACED, TOO_MANY_JOINING};
use crate::room::effects::Effects;
use crate::room::interface::ids::{ConnectionId, PeerId};

/// Time that a participant has to show that its connection is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);
/// Time that the operator has to send the list of returning people.
const RETURNING_LIST: Duration = Duration::from_secs(5);
/// Time that the operator has to send the backup.
const BACKUP: Duration = Duration::from_secs(5);

/// The question whose answer a pending connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether the holder of the peerId, on this connection, is alive.
    IsHolderAlive(ConnectionId),
    /// Whether the person was in the meeting before it moved.
    WasIn,
    /// The decisions of moderators in the meeting's earlier room.
    WhatWasDecided,
}

/// Whether the answer comes from elsewhere: no one has a seat that would prove who the peerId belongs to.
fn is_about_the_past(question: Question) -> bool {
    match question {
        Question::WasIn | Question::WhatWasDecided => true,
        Question::IsHolderAlive(_) => false,
    }
}

impl Question {
    fn timeout(self) -> Duration {
        match self {
            Self::IsHolderAlive(_) => SIGN_OF_LIFE,
            Self::WasIn => RETURNING_LIST,
            Self::WhatWasDecided => BACKUP,
        }
    }
}

#[derive(Debug)]
struct PendingConnection {
    entrance: Entrance,
    since: Duration,
    question: Question,
    held: HeldRequests,
}

/// The people who were in the meeting before it moved here, and the deadline for their return.
#[derive(Debug, Default)]
struct Returning {
    /// `None`: it has not moved, or the move was long ago.
    until: Option<Duration>,
    /// `None`: the operator has not sent the list yet.
    people: Option<BTreeSet<String>>,
}

/// The connections that are not decided yet.
#[derive(Debug)]
pub(crate) struct Pending {
    connections: BTreeMap<PeerId, PendingConnection>,
    returning: Returning,
    awaits_backup: bool,
    limit: usize,
}

impl Pending {
    /// `returning_until`: deadline for the return of people who were in the meeting before it moved here. `awaits_backup`: no client enters until
    /// [`Self::end_awaiting_backup`].
    pub(crate) fn new(limit: usize, returning_until: Option<Duration>, awaits_backup: bool) -> Self {
        let returning = Returning { until: returning_until, people: None };
        Self { connections: BTreeMap::new(), returning, awaits_backup, limit }
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    pub(crate) fn id_on(&self, connection: ConnectionId) -> Option<PeerId> {
        let found = self.connections.iter().find(|(_, pending)| pending.entrance.connection == connection);
        found.map(|(id, _)| id.clone())
    }

    pub(crate) fn connections(&self) -> impl Iterator<Item = ConnectionId> {
        self.connections.values().map(|pending| pending.entrance.connection)
    }

    /// Whether the operator has yet to send the list of people who were in the meeting.
    pub(crate) fn awaits_returning(&self) -> bool {
        self.returning.until.is_some() && self.returning.people.is_none()
    }

    /// Whether the backup of the meeting's earlier room has yet to come.
    pub(crate) fn awaits_backup(&self) -> bool {
        self.awaits_backup
    }

    /// The backup has come. Returns the connections that were waiting for it.
    pub(crate) fn end_awaiting_backup(&mut self) -> Vec<PeerId> {
        self.awaits_backup = false;
        self.waiting_for(Question::WhatWasDecided)
    }

    /// Whether the person was in the meeting before it moved.
    pub(crate) fn is_returning(&self, person: &str) -> bool {
        self.returning.people.as_ref().is_some_and(|people| people.contains(person))
    }

    /// Adds a connection; an older one that is pending for the same peerId is replaced. As long as no one holds the peerId, anyone may claim it: then
    /// an older connection of another participant stays, and the new one is closed.
    pub(crate) fn add(&mut self, id: PeerId, entrance: Entrance, question: Question, effects: &mut Effects) {
        let is_foreign = |older: &PendingConnection| is_about_the_past(question) && !older.entrance.is_same(&entrance);
        if self.connections.get(&id).is_some_and(is_foreign) {
            return effects.close(entrance.connection, ASK_AGAIN);
        }
        self.close(&id, REPLACED, effects);
        if self.connections.len() >= self.limit {
            return effects.close(entrance.connection, TOO_MANY_JOINING);
        }
        if let Question::IsHolderAlive(holder) = question {
            effects.ping(holder);
        }
        let pending = PendingConnection { entrance, since: effects.now, question, held: HeldRequests::default() };
        self.connections.insert(id, pending);
    }

    pub(crate) fn hold(&mut self, id: &PeerId, request_id: u64, request: ClientRequest) -> Decided {
        let pending = self.connections.get_mut(id).ok_or_else(Refusal::not_joined)?;
        pending.held.hold(request_id, request, "requests before you are admitted")
    }

    /// Removes a connection and returns it with its requests, to be decided again.
    pub(crate) fn take(&mut self, id: &PeerId) -> Option<(Entrance, HeldRequests)> {
        self.connections.remove(id).map(|pending| (pending.entrance, pending.held))
    }

    pub(crate) fn close(&mut self, id: &PeerId, close: Close, effects: &mut Effects) {
        if let Some(pending) = self.connections.remove(id) {
            effects.close(pending.entrance.connection, close);
        }
    }

    pub(crate) fn close_all(&mut self, close: Close, effects: &mut Effects) {
        for pending in std::mem::take(&mut self.connections).into_values() {
            effects.close(pending.entrance.connection, close);
        }
    }

    /// The connections that are waiting for the answer to a question.
    pub(crate) fn waiting_for(&self, question: Question) -> Vec<PeerId> {
        self.ids_where(|pending| pending.question == question)
    }

    /// The connections that have waited for an answer too long, with their questions.
    pub(crate) fn timed_out(&self, now: Duration) -> Vec<(PeerId, Question)> {
        let is_late = |pending: &PendingConnection| now.saturating_sub(pending.since) >= pending.question.timeout();
        let late = self.connections.iter().filter(|(_, pending)| is_late(pending));
        late.map(|(id, pending)| (id.clone(), pending.question)).collect()
    }

    pub(crate) fn set_returning(&mut self, people: Vec<String>) {
        self.returning.people = Some(people.into_iter().collect());
    }

    /// Ends the period in which people may return, once it is over. Returns the connections that were still waiting for the list.
    pub(crate) fn end_returning(&mut self, now: Duration) -> Vec<PeerId> {
        if self.returning.until.is_none_or(|until| now < until) {
            return Vec::new();
        }
        self.returning = Returning::default();
        self.waiting_for(Question::WasIn)
    }

    fn ids_where(&self, is_meant: impl Fn(&PendingConnection) -> bool) -> Vec<PeerId> {
        self.connections.iter().filter(|(_, pending)| is_meant(pending)).map(|(id, _)| id.clone()).collect()
    }
}
