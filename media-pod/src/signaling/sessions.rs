//! Signaling sessions that survive their sockets, and which client may resume which. It sends no messages.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ws::WebSocket;
use convene_protocol::admission::MeetingGrant;
use convene_protocol::id::format_id;
use tokio::sync::{mpsc, oneshot};

use super::entrant::Entrant;
use crate::room::{ConnectionId, PeerId};

/// How long a session waits for its client.
const RESUME_TIMEOUT: Duration = Duration::from_secs(15);

/// The owner of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    meeting: String,
    peer: PeerId,
    person: Option<String>,
}

impl Owner {
    pub(crate) fn new(meeting: &MeetingGrant, entrant: &Entrant) -> Self {
        let MeetingGrant { namespace, name, uid, .. } = meeting;
        // With --dev every meeting has the same uid.
        let meeting = format!("{namespace}/{name}/{uid}");
        Self { meeting, peer: entrant.peer.clone(), person: entrant.grant.person() }
    }
}

/// A client's socket that resumes its session.
pub(super) struct Resumption {
    pub(super) socket: WebSocket,
    /// Messages of the session that the client has received.
    pub(super) received: u64,
    /// Returns the socket if the session cannot be resumed.
    pub(super) rejected: oneshot::Sender<WebSocket>,
}

#[derive(Debug)]
struct OpenSession {
    owner: Owner,
    connection: ConnectionId,
    resumptions: mpsc::Sender<Resumption>,
}

/// Keeps a session in the list until it is dropped, also by a panic.
#[derive(Debug)]
pub(super) struct Registration {
    sessions: Arc<Sessions>,
    id: String,
}

impl Registration {
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.sessions.lock().remove(&self.id);
    }
}

/// The sessions of the pod.
#[derive(Debug)]
pub struct Sessions {
    resume_timeout: Duration,
    open: Mutex<HashMap<String, OpenSession>>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self::with_timeout(RESUME_TIMEOUT)
    }
}

impl Sessions {
    /// No sessions yet; each will wait for its client for this time.
    pub fn with_timeout(resume_timeout: Duration) -> Self {
        Self { resume_timeout, open: Mutex::default() }
    }

    pub(super) fn resume_timeout(&self) -> Duration {
        self.resume_timeout
    }

    /// Opens a session with an id that is a secret of the client. Returns its registration, and the sockets that resume it.
    pub(super) fn open(
        self: &Arc<Self>,
        owner: Owner,
        connection: ConnectionId,
    ) -> (Registration, mpsc::Receiver<Resumption>) {
        let id = format_id(rand::random());
        let (sender, resumptions) = mpsc::channel(1);
        self.lock().insert(id.clone(), OpenSession { owner, connection, resumptions: sender });
        (Registration { sessions: Arc::clone(self), id }, resumptions)
    }

    /// The connection of a session, if its owner has presented its id.
    pub(super) fn connection(&self, id: &str, owner: &Owner) -> Option<ConnectionId> {
        self.lock().get(id).filter(|open| open.owner == *owner).map(|open| open.connection)
    }

    /// Where the owner of a session sends a socket to resume it.
    pub(super) fn resumption(&self, id: &str, owner: &Owner) -> Option<mpsc::Sender<Resumption>> {
        self.lock().get(id).filter(|open| open.owner == *owner).map(|open| open.resumptions.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, OpenSession>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
