//! The HTTP API for broadcasters: senders and receivers without a WebSocket, such as ffmpeg, for which a script makes the calls. Both
//! variants of the mediasoup demo's API have the same paths.
//!
//! Calls are parsed in [`call`] and decided on in the room; this module handles admission, origins, sizes and status codes.

mod call;
mod origin;

use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use convene_protocol::admission::MeetingGrant;
use convene_protocol::message::RouterCapabilitiesAnswer;
use convene_service::http::body;
use convene_service::http::problem::Problem;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::admission::{Admitted, admission, bind, open_admission};
use super::state::AppState;
use crate::access::guest::Visitor;
use crate::actor::handle::RoomHandle;
use crate::actor::media::settings::Layout;
use crate::room::PeerId;
use crate::room::broadcaster::{BroadcasterRequest, Refused};
use crate::rooms::error::EnterError;
use crate::rooms::key::RoomKey;

use call::{CallRequest, RoomRequirement, Success};

/// Longest body of a call.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Maximum time before a waiting call is answered: a router in front times out after 10 s.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// Adds the calls for meetings in namespaces, which need an admission.
pub(crate) fn add_routes(router: Router<AppState>) -> Router<AppState> {
    router
        .route("/broadcast/{namespace}/{name}", any(in_namespace))
        .route("/broadcast/{namespace}/{name}/{*call}", any(in_namespace))
}

/// Adds the calls for any room, with the paths of the mediasoup demo.
pub(crate) fn add_open_routes(router: Router<AppState>) -> Router<AppState> {
    router.route("/rooms/{name}", any(in_any_room)).route("/rooms/{name}/{*call}", any(in_any_room))
}

/// Path parameters.
#[derive(Debug, Deserialize)]
struct CallPath {
    #[serde(default)]
    namespace: String,
    name: String,
    #[serde(default)]
    call: String,
}

/// How a path is split into the parts of the room and the call.
struct PathParts<'a> {
    /// Segments of the room's part.
    depth: usize,
    call: &'a str,
}

async fn in_namespace(State(state): State<AppState>, Path(path): Path<CallPath>, request: Request) -> Response {
    let visitor = Visitor::of(&state.options.guests, request.headers(), request.extensions());
    let grant = admission(&state, request.headers(), &visitor, &path.namespace, &path.name);
    to_response(serve(&state, grant, PathParts { depth: 3, call: &path.call }, request).await)
}

async fn in_any_room(State(state): State<AppState>, Path(path): Path<CallPath>, request: Request) -> Response {
    let visitor = Visitor::of(&state.options.guests, request.headers(), request.extensions());
    let grant = open_admission(&state, &visitor, "", &path.name);
    to_response(serve(&state, grant, PathParts { depth: 2, call: &path.call }, request).await)
}

/// Errors are plain text, because they are read in terminals.
fn to_response(result: Result<Response, Refused>) -> Response {
    result.unwrap_or_else(|Refused { code, reason }| {
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, format!("{reason}\n")).into_response()
    })
}

async fn serve(
    state: &AppState,
    admitted: Result<Admitted, Problem>,
    path: PathParts<'_>,
    request: Request,
) -> Result<Response, Refused> {
    let admitted = admitted.map_err(refused)?;
    let (parts, body) = request.into_parts();
    let has_origin = is_of_this_host(&parts.headers)?;
    let segments: Vec<&str> = path.call.split('/').filter(|segment| !segment.is_empty()).collect();
    let CallQuery { producer_id, after, wait } = query(&parts.uri);
    let body = if parts.method == Method::POST {
        object(&body::read(body, MAX_BODY_BYTES, body::TIMEOUT).await.map_err(|error| refused(error.into()))?)?
    } else {
        Map::new()
    };
    let request =
        CallRequest { method: &parts.method, path: &segments, producer_id: producer_id.as_deref(), has_origin, body };
    let call = call::parse(request)?;
    state.metrics.requests.with_label_values(&[call::name(&call.request)]).inc();
    if state.rooms.is_draining() && matches!(call.request, BroadcasterRequest::Enter(_)) {
        return Err(Refused {
            code: 503,
            reason: "this media pod is not accepting participants: try again later".into(),
        });
    }
    bind(state, admitted.token.as_ref(), &call.peer).map_err(refused)?;
    let answer = match room(state, &admitted.meeting, call.room).await? {
        Some(room) => {
            if let (BroadcasterRequest::PeerProducersInfos, Some(known)) = (&call.request, after) {
                room.streams_changed(known, LONGEST_WAIT.min(Duration::from_secs(wait.unwrap_or_default()))).await;
            }
            let number = state.rooms.connection_id();
            room.broadcast(number, call.peer.clone(), admitted.participant, call.request).await?
        }
        None => capabilities(state, &admitted.meeting).await?,
    };
    let room: Vec<&str> = parts.uri.path().split('/').take(1 + path.depth).collect();
    Ok(respond(&room.join("/"), &call.peer, call.success, &answer))
}

fn refused(problem: Problem) -> Refused {
    Refused { code: problem.status().as_u16(), reason: problem.into_detail() }
}

/// Whether the call has an Origin header; an error if that names another host.
fn is_of_this_host(headers: &HeaderMap) -> Result<bool, Refused> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match text(header::ORIGIN) {
        None => Ok(false),
        Some(origin) if origin::is_of_host(origin, text(header::HOST).unwrap_or_default()) => Ok(true),
        Some(_) => Err(Refused { code: 403, reason: "the Origin header names another host".into() }),
    }
}

/// Parses a JSON object; an empty body counts as an empty object.
fn object(body: &[u8]) -> Result<Map<String, Value>, Refused> {
    if body.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    let invalid = |reason| Refused { code: 400, reason };
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(invalid("the body is not a JSON object".to_owned())),
        Err(error) => Err(invalid(format!("the body is not JSON: {error}"))),
    }
}

/// Query parameters.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallQuery {
    /// The producer to consume.
    producer_id: Option<String>,
    /// The version of `peerProducersInfos` that the caller knows.
    after: Option<u64>,
    /// Seconds to wait for another version, at most [`LONGEST_WAIT`].
    wait: Option<u64>,
}

fn query(uri: &Uri) -> CallQuery {
    axum::extract::Query::try_from_uri(uri).map_or_else(|_| CallQuery::default(), |axum::extract::Query(query)| query)
}

/// The meeting's room; `None` if the call is answered without it.
async fn room(
    state: &AppState,
    grant: &MeetingGrant,
    requirement: RoomRequirement,
) -> Result<Option<RoomHandle>, Refused> {
    let key = RoomKey { namespace: grant.namespace.clone(), name: grant.name.clone() };
    let is_open = state.rooms.find(&key).await.is_some();
    match requirement {
        RoomRequirement::Optional if !is_open => return Ok(None),
        RoomRequirement::Open if !is_open => {
            return Err(Refused { code: 404, reason: "there is no such room: it has no participants".into() });
        }
        _ => {}
    }
    // Also called if it is open: this ends a room of an older meeting with the same name.
    let entered = state.rooms.enter(grant, Layout::Growing).await.map(Some);
    entered.map_err(|error| {
        tracing::warn!(reason = error.reason(), %error, "could not admit a broadcaster");
        let reason = match error {
            EnterError::Draining => "this media pod is not accepting participants: try again later",
            _ => "this media pod could not open the room: try again later",
        };
        Refused { code: 503, reason: reason.to_owned() }
    })
}

/// The response that the room would give if it were open.
async fn capabilities(state: &AppState, grant: &MeetingGrant) -> Result<Value, Refused> {
    let found = state.workers.offer(&state.rooms.codecs(grant)).await;
    let found = found.map_err(|error| {
        tracing::warn!(reason = error.reason(), %error, "could not determine the capabilities of a room");
        Refused { code: 503, reason: "this media pod could not answer: try again later".to_owned() }
    })?;
    let flat = Value::clone(&found.capabilities);
    Ok(json!(RouterCapabilitiesAnswer { router_rtp_capabilities: flat.clone(), flat }))
}

fn respond(room: &str, peer: &PeerId, success: Success, answer: &Value) -> Response {
    let mut response = match success.body {
        call::Body::Json => (success.status, Json(answer)).into_response(),
        call::Body::Text(text) => (success.status, format!("{text}\n")).into_response(),
        call::Body::Empty => success.status.into_response(),
    };
    let location = success.location.and_then(|(collection, field)| {
        let id = answer.get(field)?.as_str()?;
        let path = if collection.is_empty() { id.to_owned() } else { format!("{peer}/{collection}/{id}") };
        format!("{room}/broadcasters/{path}").parse().ok()
    });
    if let Some(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_objects_or_empty() {
        assert_eq!(object(b" \n"), Ok(Map::new()));
        assert!(object(br#"{"a":1}"#).is_ok_and(|object| object.len() == 1));
        let refused = |body: &[u8]| object(body).unwrap_err();
        assert_eq!(refused(b"[]"), Refused { code: 400, reason: "the body is not a JSON object".into() });
        assert!(refused(b"{").reason.starts_with("the body is not JSON: "));
        assert!(refused(b"peerId=a").reason.starts_with("the body is not JSON: "));
        assert!(refused(&[0xff, 0xfe]).reason.starts_with("the body is not JSON: "));
        assert!(refused("[".repeat(10_000).as_bytes()).reason.contains("recursion"));
    }
}
