//! The sessions of signaling that outlive their sockets: who may go on with which. It knows no message and sends none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ws::WebSocket;
use convene_protocol::admission::MeetingGrant;
use tokio::sync::{mpsc, oneshot};

use super::Entrant;
use crate::room::{ConnectionId, PeerId};

/// How long a session waits for its client.
const KEPT: Duration = Duration::from_secs(15);

/// Whose a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    meeting: String,
    peer: PeerId,
    person: Option<String>,
}

impl Owner {
    pub(super) fn new(meeting: &MeetingGrant, entrant: &Entrant) -> Self {
        let MeetingGrant { namespace, name, uid, .. } = meeting;
        // With --dev every meeting has the same uid.
        let meeting = format!("{namespace}/{name}/{uid}");
        Self { meeting, peer: entrant.peer.clone(), person: entrant.grant.person() }
    }
}

/// A client that comes back to its session.
pub(super) struct Arrival {
    pub(super) socket: WebSocket,
    /// Messages of the session that it has.
    pub(super) received: u64,
    /// Where the socket goes if the session cannot go on with it.
    pub(super) back: oneshot::Sender<WebSocket>,
}

#[derive(Debug)]
struct Open {
    owner: Owner,
    connection: ConnectionId,
    door: mpsc::Sender<Arrival>,
}

/// Keeps a session in the list, so that its client can come back; a task that panics takes it out too.
#[derive(Debug)]
pub(super) struct Guard {
    sessions: Arc<Sessions>,
    id: String,
}

impl Guard {
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.sessions.lock().remove(&self.id);
    }
}

/// All of the pod.
#[derive(Debug)]
pub struct Sessions {
    kept: Duration,
    open: Mutex<HashMap<String, Open>>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self::kept(KEPT)
    }
}

impl Sessions {
    /// None yet; each waits so long for its client.
    pub fn kept(kept: Duration) -> Self {
        Self { kept, open: Mutex::default() }
    }

    pub(super) fn keep(&self) -> Duration {
        self.kept
    }

    /// A new session: its id, which nobody can guess, for as long as it lasts, and where its client comes back.
    pub(super) fn open(self: &Arc<Self>, owner: Owner, connection: ConnectionId) -> (Guard, mpsc::Receiver<Arrival>) {
        let id = format!("{:032x}", rand::random::<u128>());
        let (door, arrivals) = mpsc::channel(1);
        self.lock().insert(id.clone(), Open { owner, connection, door });
        (Guard { sessions: Arc::clone(self), id }, arrivals)
    }

    /// The connection of a session, for who knows its id.
    pub(super) fn connection(&self, id: &str, owner: &Owner) -> Option<ConnectionId> {
        self.lock().get(id).filter(|open| open.owner == *owner).map(|open| open.connection)
    }

    /// The way into a session for its owner.
    pub(super) fn door(&self, id: &str, owner: &Owner) -> Option<mpsc::Sender<Arrival>> {
        self.lock().get(id).filter(|open| open.owner == *owner).map(|open| open.door.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
