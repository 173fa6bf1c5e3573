//! The HTTP API for broadcasters: senders and receivers without a WebSocket, such as ffmpeg, on whose behalf a script calls. Both
//! variants of the mediasoup demo's API at the same addresses.
//!
//! A call is read in [`call`] and decided on in the room; here is what HTTP adds: who may call from where, sizes, statuses.

mod call;
mod origin;

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use convene_protocol::admission::MeetingGrant;
use convene_protocol::message::RouterCapabilitiesAnswer;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use crate::admission::{Admitted, admission, bind, open_admission};
use crate::guest::Visitor;
use crate::http::{AppState, BODY_LIMIT, Denied};
use crate::room::PeerId;
use crate::room::broadcaster::{BroadcasterRequest, Refused};
use crate::rooms::{EnterError, RoomKey};
use crate::shell::{Layout, RoomHandle};

use call::{Asked, Needed, Success};

/// Longest body of a call.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Longest time that a call is held: routers in between wait 10 s for an answer.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// Adds the calls for meetings in namespaces, by admission.
pub(crate) fn add_routes(router: Router<AppState>) -> Router<AppState> {
    router
        .route("/broadcast/{namespace}/{name}", any(in_namespace))
        .route("/broadcast/{namespace}/{name}/{*call}", any(in_namespace))
}

/// Adds the calls for any room, as the mediasoup demo has them.
pub(crate) fn add_open_routes(router: Router<AppState>) -> Router<AppState> {
    router.route("/rooms/{name}", any(in_any_room)).route("/rooms/{name}/{*call}", any(in_any_room))
}

/// Names of a room's address.
#[derive(Debug, Deserialize)]
struct Place {
    #[serde(default)]
    namespace: String,
    name: String,
    #[serde(default)]
    call: String,
}

/// Which part of an address is the room's, and which is the call.
struct Below<'a> {
    /// Segments of the room's address.
    depth: usize,
    call: &'a str,
}

async fn in_namespace(State(state): State<AppState>, Path(place): Path<Place>, request: Request) -> Response {
    let visitor = Visitor::of(&state.edge.guests, request.headers(), request.extensions());
    let grant = admission(&state, request.headers(), &visitor, &place.namespace, &place.name);
    answered(serve(&state, grant, Below { depth: 3, call: &place.call }, request).await)
}

async fn in_any_room(State(state): State<AppState>, Path(place): Path<Place>, request: Request) -> Response {
    let visitor = Visitor::of(&state.edge.guests, request.headers(), request.extensions());
    let grant = open_admission(&state, &visitor, "", &place.name);
    answered(serve(&state, grant, Below { depth: 2, call: &place.call }, request).await)
}

/// What is refused is said in plain text: it is read in terminals.
fn answered(outcome: Result<Response, Refused>) -> Response {
    outcome.unwrap_or_else(|Refused { code, reason }| {
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, format!("{reason}\n")).into_response()
    })
}

async fn serve(
    state: &AppState,
    admitted: Result<Admitted, Denied>,
    below: Below<'_>,
    request: Request,
) -> Result<Response, Refused> {
    let admitted = admitted.map_err(denied)?;
    let (parts, body) = request.into_parts();
    let has_origin = is_of_this_host(&parts.headers)?;
    let path: Vec<&str> = below.call.split('/').filter(|segment| !segment.is_empty()).collect();
    let Asking { producer_id, after, wait } = query(&parts.uri);
    let body = if parts.method == Method::POST { object(&read(body).await?)? } else { Map::new() };
    let asked = Asked { method: &parts.method, path: &path, producer_id: producer_id.as_deref(), has_origin, body };
    let call = call::read(asked)?;
    state.metrics.requests.with_label_values(&[call::name(&call.request)]).inc();
    if state.rooms.is_draining() && matches!(call.request, BroadcasterRequest::Enter(_)) {
        return Err(Refused { code: 503, reason: "this media pod takes nobody new: come back".into() });
    }
    bind(state, admitted.pass.as_ref(), &call.peer).map_err(denied)?;
    let answer = match room(state, &admitted.meeting, call.room).await? {
        Some(room) => {
            if let (BroadcasterRequest::PeerProducersInfos, Some(known)) = (&call.request, after) {
                room.other_streams_than(known, LONGEST_WAIT.min(Duration::from_secs(wait.unwrap_or_default()))).await;
            }
            let number = state.rooms.connection_id();
            room.broadcast(number, call.peer.clone(), admitted.participant, call.request).await?
        }
        None => capabilities(state, &admitted.meeting).await?,
    };
    let room: Vec<&str> = parts.uri.path().split('/').take(1 + below.depth).collect();
    Ok(respond(&room.join("/"), &call.peer, call.success, &answer))
}

fn denied(Denied { status, detail }: Denied) -> Refused {
    Refused { code: status.as_u16(), reason: detail }
}

/// Whether the call says where it comes from; an error when that is not here.
fn is_of_this_host(headers: &HeaderMap) -> Result<bool, Refused> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match text(header::ORIGIN) {
        None => Ok(false),
        Some(origin) if origin::is_of_host(origin, text(header::HOST).unwrap_or_default()) => Ok(true),
        Some(_) => Err(Refused { code: 403, reason: "the Origin header names another host than this one".into() }),
    }
}

async fn read(body: Body) -> Result<Vec<u8>, Refused> {
    let refused = |code, reason: &str| Refused { code, reason: reason.to_owned() };
    match timeout(BODY_LIMIT, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(_)) => Err(refused(413, "the body is longer than 65536 bytes, or it broke off")),
        Err(_) => Err(refused(408, "the body did not come in time")),
    }
}

/// An empty body is an empty object.
fn object(body: &[u8]) -> Result<Map<String, Value>, Refused> {
    if body.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    let refused = |reason| Refused { code: 400, reason };
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(refused("the body is not a JSON object".to_owned())),
        Err(error) => Err(refused(format!("the body is not JSON: {error}"))),
    }
}

/// What calls say in their address.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asking {
    /// What to receive.
    producer_id: Option<String>,
    /// Version of `peerProducersInfos` that is known already.
    after: Option<u64>,
    /// Seconds to wait for another one, at most [`LONGEST_WAIT`].
    wait: Option<u64>,
}

fn query(uri: &Uri) -> Asking {
    axum::extract::Query::try_from_uri(uri).map_or_else(|_| Asking::default(), |axum::extract::Query(asking)| asking)
}

/// The meeting's room; `None` where the call is answered without it.
async fn room(state: &AppState, grant: &MeetingGrant, needed: Needed) -> Result<Option<RoomHandle>, Refused> {
    let key = RoomKey { namespace: grant.namespace.clone(), name: grant.name.clone() };
    let is_open = state.rooms.find(&key).await.is_some();
    match needed {
        Needed::No if !is_open => return Ok(None),
        Needed::Open if !is_open => {
            return Err(Refused { code: 404, reason: "there is no such room: nobody is in it".into() });
        }
        _ => {}
    }
    // Also when it is there: a room of an older meeting with this name ends now.
    let entered = state.rooms.enter(grant, Layout::Growing).await.map(Some);
    entered.map_err(|error| {
        tracing::warn!(reason = error.reason(), %error, "cannot let a broadcaster in");
        let reason = match error {
            EnterError::Draining => "this media pod takes nobody now: come back",
            _ => "this media pod cannot take the room now: come back",
        };
        Refused { code: 503, reason: reason.to_owned() }
    })
}

/// What the room would answer if it were open.
async fn capabilities(state: &AppState, grant: &MeetingGrant) -> Result<Value, Refused> {
    let found = state.workers.rtp_capabilities(&state.rooms.codecs(grant)).await;
    let flat = found.map_err(|error| {
        tracing::warn!(reason = error.reason(), %error, "cannot tell the capabilities of a room");
        Refused { code: 503, reason: "this media pod cannot answer now: come back".to_owned() }
    })?;
    Ok(json!(RouterCapabilitiesAnswer { router_rtp_capabilities: flat.clone(), flat }))
}

fn respond(room: &str, peer: &PeerId, success: Success, answer: &Value) -> Response {
    let mut response = match success.body {
        call::Body::Json => (success.status, Json(answer)).into_response(),
        call::Body::Text(text) => (success.status, format!("{text}\n")).into_response(),
        call::Body::Nothing => success.status.into_response(),
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
    fn bodies_are_objects_or_nothing() {
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
