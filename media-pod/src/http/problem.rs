//! The problems that only the media pod has, and its response for unknown paths. No routes.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use convene_service::http::problem::{Kind, Problem};

/// The name of a meeting is invalid.
pub(super) const INVALID_NAME: Kind = Kind::new("InvalidName", "Invalid meeting name", StatusCode::BAD_REQUEST);
/// The id of a participant is missing or invalid.
pub(super) const PEER_ID_INVALID: Kind = Kind::new("PeerIdInvalid", "Invalid peerId", StatusCode::BAD_REQUEST);
/// There is no such room or participant.
pub(super) const ROOM_NOT_FOUND: Kind = Kind::new("RoomNotFound", "Not found", StatusCode::NOT_FOUND);
/// As many probes as are allowed are open.
pub(super) const TOO_MANY_PROBES: Kind = Kind::new("TooManyProbes", "Too many probes", StatusCode::TOO_MANY_REQUESTS);

/// The response for unknown paths.
pub(super) async fn not_found() -> Response {
    Problem::new(Kind::ROUTE_NOT_FOUND, "there is nothing here").into_response()
}
