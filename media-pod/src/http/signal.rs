//! The signaling endpoint: from an admitted HTTP request to a WebSocket served in the meeting's room. It reads no messages.

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use convene_protocol::frame::SUBPROTOCOL;
use convene_service::http::problem::{Kind, Problem};

use super::admission::{Admitted, use_for_socket};
use super::problem::PEER_ID_INVALID;
use super::state::AppState;
use crate::actor::handle::RoomHandle;
use crate::actor::vocabulary::Vocabulary;
use crate::rooms::error::EnterError;
use crate::signaling::entrant::Entrant;
use crate::signaling::peer_id::peer_id;
use crate::signaling::query::{SessionRequest, SignalQuery};
use crate::signaling::sessions::Owner;
use crate::signaling::socket::refuse;
use crate::signaling::{resume, serve};

/// Read buffer of a connection: small, because there may be thousands of idle connections.
const READ_BUFFER: usize = 8 * 1024;

/// Upgrades the request and serves the client in its room.
pub(crate) async fn open(
    state: AppState,
    admitted: Admitted,
    query: SignalQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Some(peer) = peer_id(&query.peer_id) else {
        let detail = "peerId is missing or not 1 to 64 letters, digits, '-', '_', '.', '@' or ':'";
        return Problem::new(PEER_ID_INVALID, detail).into_response();
    };
    let upgrade = with_limits(upgrade, state.client_limits.message_bytes).protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let detail = "the WebSocket subprotocol must be protoo";
        return Problem::new(Kind::SUBPROTOCOL_REQUIRED, detail).into_response();
    }
    let Admitted { meeting, participant, token } = admitted;
    if let Err(error) = use_for_socket(&state, token) {
        return error.into_response();
    }
    // Numbered in the order of the requests, whatever happens to the sockets: the newest connection of a peer wins.
    let connection = state.rooms.connection_id();
    let switches = query.switches(state.options.allow_test_switches && participant.moderator);
    let entered = state.rooms.enter(&meeting, switches.layout).await;
    let outcome = entered.as_ref().map_or_else(EnterError::reason, |_| "Opened");
    state.metrics.connection_attempts.with_label_values(&[outcome]).inc();
    let session = query.session();
    match entered {
        Ok(room) => {
            let (replicas, comes_back_only) = (switches.replicas, state.rooms.is_draining());
            let (grant, limits) = (participant, state.client_limits);
            let vocabulary = Vocabulary { extensions: !query.is_of_demo(), version_name: query.version_name() };
            let (proves, prepares, moves) = (None, query.prepares(), query.moves());
            let entrant = Entrant {
                connection,
                peer,
                grant,
                replicas,
                comes_back_only,
                proves,
                prepares,
                moves,
                vocabulary,
                limits,
            };
            let session = session.map(|request| (request, Owner::new(&meeting, &entrant)));
            upgrade.on_upgrade(move |socket| serve_client(state, socket, room, entrant, session))
        }
        Err(EnterError::TooFewWorkers) => {
            upgrade.on_upgrade(|socket| refuse(socket, false, "usePipeTransports needs two media workers"))
        }
        Err(error) => {
            tracing::warn!(reason = error.reason(), %error, "could not admit a client");
            upgrade.on_upgrade(|socket| {
                refuse(socket, true, "this media pod is not accepting participants: please reconnect")
            })
        }
    }
}

/// Messages up to twice the limit are read, so that they are answered with an error; beyond that the socket is closed.
fn with_limits(upgrade: WebSocketUpgrade, message_bytes: usize) -> WebSocketUpgrade {
    let hard_limit = message_bytes.saturating_mul(2);
    upgrade.max_message_size(hard_limit).max_frame_size(hard_limit).read_buffer_size(READ_BUFFER)
}

async fn serve_client(
    state: AppState,
    socket: WebSocket,
    room: RoomHandle,
    entrant: Entrant,
    session: Option<(SessionRequest, Owner)>,
) {
    let connection = entrant.connection;
    tracing::info!(connection = connection.0, "client connected");
    match session {
        None => serve(socket, room, entrant, state.metrics).await,
        Some(session) => resume::serve(state.sessions, socket, room, entrant, session, state.metrics).await,
    }
    tracing::info!(connection = connection.0, "client disconnected");
}
