//! The door of signaling: from an HTTP request with a grant to a served WebSocket in the meeting's room.

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::Response;
use convene_protocol::frame::SUBPROTOCOL;

use super::query::Asked;
pub(crate) use super::query::SignalQuery;
use super::sessions::Owner;
use super::{Entrant, peer_id, refuse, resume, serve};
use crate::admission::{Admitted, spend};
use crate::http::{AppState, problem};
use crate::rooms::EnterError;
use crate::shell::{RoomHandle, Vocabulary};

/// What a silent connection costs at least: thousands of them must fit.
const READ_BUFFER: usize = 8 * 1024;

/// Upgrades the request and serves the client in its room.
pub(crate) async fn open(
    state: AppState,
    admitted: Admitted,
    query: SignalQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Some(peer) = peer_id(&query.peer_id) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "peerId is missing or not 1 to 64 letters, digits, '-', '_', '.', '@' or ':'",
        );
    };
    let upgrade = sized(upgrade, state.client_limits.message_bytes).protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return problem(StatusCode::FORBIDDEN, "the WebSocket subprotocol must be protoo");
    }
    let Admitted { meeting, participant, pass } = admitted;
    if let Err(denied) = spend(&state, pass) {
        return denied.to_problem();
    }
    // Numbered in the order of the requests, whatever happens to the sockets: the newest of a peer counts.
    let connection = state.rooms.connection_id();
    let switches = query.switches(state.edge.allow_test_switches && participant.moderator);
    let entered = state.rooms.enter(&meeting, switches.layout).await;
    let outcome = entered.as_ref().map_or_else(EnterError::reason, |_| "Opened");
    state.metrics.connection_attempts.with_label_values(&[outcome]).inc();
    let asked = query.asked();
    match entered {
        Ok(room) => {
            let (replicas, comes_back_only) = (switches.replicas, state.rooms.is_draining());
            let (grant, limits) = (participant, state.client_limits);
            let vocabulary = Vocabulary { extensions: !query.is_of_demo(), version_name: query.version_name() };
            let entrant =
                Entrant { connection, peer, grant, replicas, comes_back_only, proves: None, vocabulary, limits };
            let owner = Owner::new(&meeting, &entrant);
            upgrade.on_upgrade(move |socket| serve_in(state, socket, room, entrant, asked.map(|asked| (asked, owner))))
        }
        Err(EnterError::TooFewWorkers) => {
            upgrade.on_upgrade(|socket| refuse(socket, false, "usePipeTransports needs two media workers"))
        }
        Err(error) => {
            tracing::warn!(reason = error.reason(), %error, "cannot let a client in");
            upgrade.on_upgrade(|socket| refuse(socket, true, "this media pod takes nobody now: please come back"))
        }
    }
}

/// Messages up to twice the limit are read, so that there is an answer to them; beyond that the socket ends.
fn sized(upgrade: WebSocketUpgrade, message_bytes: usize) -> WebSocketUpgrade {
    let hard_limit = message_bytes.saturating_mul(2);
    upgrade.max_message_size(hard_limit).max_frame_size(hard_limit).read_buffer_size(READ_BUFFER)
}

async fn serve_in(
    state: AppState,
    socket: WebSocket,
    room: RoomHandle,
    entrant: Entrant,
    session: Option<(Asked, Owner)>,
) {
    let connection = entrant.connection;
    tracing::info!(connection = connection.0, "client connected");
    match session {
        None => serve(socket, room, entrant, state.metrics).await,
        Some((asked, owner)) => resume::serve(state, socket, room, entrant, asked, owner).await,
    }
    tracing::info!(connection = connection.0, "client gone");
}
