//! The way to a room's actor, for the rest of the pod. Every question has a bound in time or is answered from what the actor has last told.

use std::time::Duration;

use convene_protocol::admin::RoomSettings;
use convene_protocol::admission::ParticipantGrant;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};

use super::Input;
use crate::budget::Budget;
use crate::room::broadcaster::{BroadcasterRequest, Refused};
use crate::room::{BroadcasterCall, Command, ConnectionId, PeerId, PeerReport, RoomStats};

/// How long a busy room may take to say who is there.
const DESCRIBE_LIMIT: Duration = Duration::from_secs(1);

/// The way to a room's actor.
#[derive(Clone, Debug)]
pub struct RoomHandle {
    pub(super) inbox: mpsc::Sender<Input>,
    pub(super) census: watch::Receiver<RoomStats>,
    pub(super) settings: watch::Receiver<RoomSettings>,
    pub(super) people: watch::Receiver<Vec<String>>,
    pub(super) streams: watch::Receiver<u64>,
    pub(super) budget: Budget,
}

impl RoomHandle {
    /// Hands something to the room; false when the room is over.
    pub async fn send(&self, input: Input) -> bool {
        self.inbox.send(input).await.is_ok()
    }

    /// Sends a command to the room as it is; false when the room is over.
    pub async fn command(&self, command: Command) -> bool {
        self.send(Input::Command(command)).await
    }

    /// Calls on behalf of a broadcaster and gives the room's answer. `call` is a number never used before.
    pub async fn broadcast(
        &self,
        call: ConnectionId,
        peer: PeerId,
        grant: ParticipantGrant,
        request: BroadcasterRequest,
    ) -> Result<Value, Refused> {
        let (answer, answered) = oneshot::channel();
        let over = || Refused { code: 404, reason: "the room has just ended".into() };
        if !self.send(Input::Broadcast(Box::new(BroadcasterCall { call, peer, grant, request }), answer)).await {
            return Err(over());
        }
        answered.await.unwrap_or_else(|_| Err(over()))
    }

    /// Who is in the room; nobody when it is over or too busy to say.
    pub async fn describe(&self) -> Vec<PeerReport> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.send(Input::Describe(answer)).await;
            answered.await.unwrap_or_default()
        };
        tokio::time::timeout(DESCRIBE_LIMIT, asked).await.unwrap_or_default()
    }

    /// What is in the room, as of the last thing that happened.
    pub fn census(&self) -> RoomStats {
        *self.census.borrow()
    }

    /// Participants who have joined, as of the last thing that happened.
    pub fn participants(&self) -> usize {
        self.census().participants
    }

    /// What of its meeting the room goes by.
    pub fn settings(&self) -> RoomSettings {
        self.settings.borrow().clone()
    }

    /// Who is in a room whose meeting is locked, or has just left it, as the operator knows them.
    pub fn people(&self) -> Vec<String> {
        self.people.borrow().clone()
    }

    /// Returns when what people send has another version than `known`, when the room is over, or when time is up.
    pub async fn other_streams_than(&self, known: u64, at_most: Duration) {
        let mut streams = self.streams.clone();
        let _ = tokio::time::timeout(at_most, streams.wait_for(|version| *version != known)).await;
    }

    /// Memory for what waits for the room's clients.
    pub fn budget(&self) -> Budget {
        self.budget.clone()
    }

    /// From now on the room goes by these settings, and `returning` may return; false when it is over.
    pub async fn update(&self, settings: RoomSettings, returning: Option<Vec<String>>) -> bool {
        let (answer, answered) = oneshot::channel();
        self.send(Input::Update(Command::Update { settings, returning }, answer)).await && answered.await.is_ok()
    }

    /// Takes somebody out; false when there is no such one.
    pub async fn remove(&self, peer: PeerId) -> bool {
        let (answer, answered) = oneshot::channel();
        self.send(Input::Remove(peer, answer)).await && answered.await.unwrap_or(false)
    }

    /// Returns when the room is over.
    pub async fn over(&self) {
        self.inbox.closed().await;
    }

    /// Whether the room is over.
    pub fn is_over(&self) -> bool {
        self.inbox.is_closed()
    }
}
