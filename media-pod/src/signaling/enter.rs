//! The door of signaling: from an HTTP request with a grant to a served WebSocket in the meeting's room.

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::Response;
use convene_protocol::admission::MeetingGrant;
use convene_protocol::frame::SUBPROTOCOL;
use serde::Deserialize;

use super::{Entrant, HARD_LIMIT_BYTES, peer_id, refuse, serve};
use crate::http::{AppState, problem};
use crate::room::ConnectionId;
use crate::rooms::EnterError;
use crate::shell::{Layout, RoomHandle};

/// Query of the signaling address, as the mediasoup demo has it. More keys are ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct SignalQuery {
    #[serde(rename = "peerId", default)]
    peer_id: String,
    /// A number; older apps write `undefined` for none.
    #[serde(rename = "consumerReplicas", default)]
    consumer_replicas: String,
    #[serde(rename = "usePipeTransports", default)]
    use_pipe_transports: String,
}

impl SignalQuery {
    fn replicas(&self) -> usize {
        self.consumer_replicas.parse().unwrap_or(0)
    }

    fn layout(&self) -> Layout {
        if self.use_pipe_transports == "true" { Layout::Piped } else { Layout::Growing }
    }
}

/// Upgrades the request and serves the client in its room.
pub(crate) async fn open(
    state: AppState,
    grant: MeetingGrant,
    query: SignalQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Some(peer) = peer_id(&query.peer_id) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "peerId is missing or not 1 to 64 letters, digits, '-', '_', '.', '@' or ':'",
        );
    };
    let upgrade = upgrade.max_message_size(HARD_LIMIT_BYTES).max_frame_size(HARD_LIMIT_BYTES).protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return problem(StatusCode::FORBIDDEN, "the WebSocket subprotocol must be protoo");
    }
    // Numbered in the order of the requests, whatever happens to the sockets: the newest of a peer counts.
    let connection = state.rooms.connection_id();
    let entered = state.rooms.enter(&grant, query.layout()).await;
    let outcome = entered.as_ref().map_or_else(EnterError::reason, |_| "Opened");
    state.metrics.connection_attempts.with_label_values(&[outcome]).inc();
    match entered {
        Ok(room) => {
            let entrant = Entrant { peer, replicas: query.replicas() };
            upgrade.on_upgrade(move |socket| serve_in(state, socket, room, connection, entrant))
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

async fn serve_in(state: AppState, socket: WebSocket, room: RoomHandle, connection: ConnectionId, entrant: Entrant) {
    tracing::info!(connection = connection.0, "client connected");
    serve(socket, room, connection, entrant, state.metrics).await;
    tracing::info!(connection = connection.0, "client gone");
}
