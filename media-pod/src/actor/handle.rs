//! A handle to a room's actor, for the rest of the pod. Every query has a timeout or is answered from the state that the actor last
//! published.
//!
//! It holds no state itself; the actor runs without it.

use std::time::Duration;

use convene_protocol::admin::{RoomSettings, RoomSites, SiteReport};
use convene_protocol::admission::ParticipantGrant;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};

use super::input::Input;
use super::observed::MoveState;
use super::quota::ByteQuota;
use crate::room::broadcaster::{BroadcasterRequest, Refused};
use crate::room::{
    BroadcasterCall, Command, ConnectionId, MoveAnswer, MoveCommand, MoveRefusal, PeerId, PeerReport, RoomStats,
};

/// How long a busy room may take to list its peers.
const DESCRIBE_LIMIT: Duration = Duration::from_secs(1);

/// A handle to a room's actor; clones lead to the same room.
#[derive(Clone, Debug)]
pub struct RoomHandle {
    pub(super) inbox: mpsc::Sender<Box<Input>>,
    pub(super) stats: watch::Receiver<RoomStats>,
    pub(super) settings: watch::Receiver<RoomSettings>,
    pub(super) people: watch::Receiver<Vec<String>>,
    pub(super) moves: watch::Receiver<MoveState>,
    pub(super) streams: watch::Receiver<u64>,
    pub(super) backup: watch::Receiver<u64>,
    pub(super) sites: watch::Receiver<Vec<SiteReport>>,
    pub(super) quota: ByteQuota,
}

impl RoomHandle {
    /// Sends an input to the room; false when the room is over.
    pub async fn send(&self, input: Input) -> bool {
        self.inbox.send(Box::new(input)).await.is_ok()
    }

    /// Sends a command to the room; false when the room is over.
    pub(crate) async fn command(&self, command: Command) -> bool {
        self.send(Input::Command(command)).await
    }

    /// Makes a call on behalf of a broadcaster and returns the room's response. `call` must not have been used before.
    pub(crate) async fn broadcast(
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

    /// The peers of the room; empty when it is over or does not respond in time.
    pub(crate) async fn describe(&self) -> Vec<PeerReport> {
        let (answer, answered) = oneshot::channel();
        let response = async {
            self.send(Input::Describe(answer)).await;
            answered.await.unwrap_or_default()
        };
        tokio::time::timeout(DESCRIBE_LIMIT, response).await.unwrap_or_default()
    }

    /// Counts of the room's objects, after the last command.
    pub fn stats(&self) -> RoomStats {
        *self.stats.borrow()
    }

    /// Participants who have joined, after the last command.
    pub(crate) fn participants(&self) -> usize {
        self.stats().participants
    }

    /// The meeting settings that the room currently applies.
    pub(crate) fn settings(&self) -> RoomSettings {
        self.settings.borrow().clone()
    }

    /// Hashes of the people who are in a room whose meeting is locked, or have just left it.
    pub(crate) fn people(&self) -> Vec<String> {
        self.people.borrow().clone()
    }

    /// How the meeting moves between pods.
    pub(crate) fn move_state(&self) -> MoveState {
        self.moves.borrow().clone()
    }

    /// The version of what must survive the pod; 0 if there is nothing.
    pub(crate) fn backup_version(&self) -> u64 {
        *self.backup.borrow()
    }

    /// The other pods that serve the room.
    pub(crate) fn sites(&self) -> Vec<SiteReport> {
        self.sites.borrow().clone()
    }

    /// Sets the other pods that serve the room; false when the room is over.
    pub(crate) async fn set_sites(&self, sites: RoomSites) -> bool {
        let (answer, answered) = oneshot::channel();
        self.send(Input::Sites(sites, answer)).await && answered.await.is_ok()
    }

    /// Carries out a step of a move; `None` when the room is over.
    pub(crate) async fn moves(&self, command: MoveCommand) -> Option<Result<MoveAnswer, MoveRefusal>> {
        let (answer, answered) = oneshot::channel();
        if !self.send(Input::Move(command, answer)).await {
            return None;
        }
        answered.await.ok()
    }

    /// Returns when the version of the list of producers differs from `known`, when the room is over, or after `at_most`.
    pub(crate) async fn streams_changed(&self, known: u64, at_most: Duration) {
        let mut streams = self.streams.clone();
        let _ = tokio::time::timeout(at_most, streams.wait_for(|version| *version != known)).await;
    }

    /// Memory for messages queued for the room's clients.
    pub(crate) fn quota(&self) -> ByteQuota {
        self.quota.clone()
    }

    /// Applies settings, and allows the people in `returning` to rejoin; false when the room is over.
    pub(crate) async fn update(&self, settings: RoomSettings, returning: Option<Vec<String>>) -> bool {
        let (answer, answered) = oneshot::channel();
        self.send(Input::Update(Command::Update { settings, returning }, answer)).await && answered.await.is_ok()
    }

    /// Removes a participant; false when there is none with this id.
    pub(crate) async fn remove(&self, peer: PeerId) -> bool {
        let (answer, answered) = oneshot::channel();
        self.send(Input::Remove(peer, answer)).await && answered.await.unwrap_or(false)
    }

    /// Returns when the room is over.
    pub(crate) async fn over(&self) {
        self.inbox.closed().await;
    }

    /// Whether the room is over.
    pub(crate) fn is_over(&self) -> bool {
        self.inbox.is_closed()
    }
}
