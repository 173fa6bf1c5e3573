//! The routes of the mediasoup demo, on a separate listener: `wss://HOST:4443/?roomId=ROOM&peerId=ID`, and `/rooms/ROOM/...` for
//! broadcasters. `ROOM` is `namespace/name`, `namespace.name`, or a name in the configured namespace.
//!
//! Only meetings with `features.demoClients` exist here. Everything else works as on the public listeners: sockets use the signaling
//! route, and requests of broadcasters are forwarded to the media pod of the meeting.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use convene_crds::{AccessPolicy, JoinAs};
use convene_join_token::{MeetingKey, NameError};
use convene_protocol::admission::{Admission, ParticipantGrant};
use convene_service::clock::unix_now;
use convene_service::http::body;
use http_body_util::Full;
use hyper::body::Bytes;
use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use crate::edge::client::ClientInfo;
use crate::edge::guard::{self, check_join, check_request, refuse};
use crate::edge::problem::ApiError;
use crate::edge::request_scope;
use crate::edge::requested_meeting::RequestedMeeting;
use crate::index::record::MeetingRecord;
use crate::index::select::{PodRoute, RouteDecision};
use crate::join::signing_key::new_admission_id;
use crate::signal::proxy;
use crate::signal::upstream;
use crate::state::App;

/// Maximum body size of a broadcaster request, as in the pod.
const MAX_BODY_BYTES: usize = 64 * 1024;
const NOT_TAKEN: &str = "this meeting does not accept demo clients";

/// The routes of the demo listener.
pub(crate) fn app(app: App) -> Router {
    Router::new()
        .route("/", get(socket))
        .route("/rooms/{room}", any(broadcast))
        .route("/rooms/{room}/{*call}", any(broadcast))
        .fallback(nothing)
        .layer(middleware::from_fn_with_state(Arc::clone(&app.edge), request_scope::observe))
        .with_state(app)
}

async fn nothing(request: Request) -> Response {
    ApiError::RouteNotFound.into_problem(request.uri().path())
}

/// `GET /?roomId=ROOM&peerId=ID`.
async fn socket(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let key = match requested_room(&parts, &app.edge.demo_namespace) {
        Ok(key) => key,
        Err(error) => return error.into_problem(parts.uri.path()),
    };
    if let Err(error) = check_join(&app.edge, &guard::client(&parts), key.as_ref().ok()) {
        return refuse(&app.edge, error, parts.uri.path());
    }
    let record = key.as_ref().ok().and_then(|key| app.table.meeting(key));
    if record.is_some_and(|record| !record.demo_clients) {
        return proxy::close_with(parts, NOT_TAKEN.into()).await;
    }
    proxy::signal(State(app), RequestedMeeting(key), Request::from_parts(parts, body)).await
}

/// The room in the query; both parameters are required, as in the demo.
fn requested_room(parts: &Parts, namespace: &str) -> Result<Result<MeetingKey, NameError>, ApiError> {
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let given = |name: &str| form_urlencoded::parse(query).find(|(key, _)| key == name).map(|(_, value)| value);
    match (given("roomId"), given("peerId")) {
        (Some(room), Some(peer)) if !room.is_empty() && !peer.is_empty() => Ok(parse_room(&room, namespace)),
        _ => Err(ApiError::DemoParameters),
    }
}

/// Names may contain dots, namespaces cannot: the first dot is the separator.
fn parse_room(room: &str, namespace: &str) -> Result<MeetingKey, NameError> {
    match room.split_once(['/', '.']) {
        Some((namespace, name)) => MeetingKey::parse(namespace, name),
        None => MeetingKey::parse(namespace, room),
    }
}

/// Any request to `/rooms/ROOM` and below.
async fn broadcast(State(app): State<App>, Path(path): Path<Vec<(String, String)>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path_asked = parts.uri.path().to_owned();
    let room = path.first().map_or("", |(_, room)| room.as_str());
    match pass_on(&app, room, parts, body).await {
        Ok(response) => response,
        Err(error @ ApiError::TooManyRequests { .. }) => refuse(&app.edge, error, &path_asked),
        Err(error) => error.into_problem(&path_asked),
    }
}

async fn pass_on(app: &App, room: &str, parts: Parts, body: Body) -> Result<Response, ApiError> {
    let client = guard::client(&parts);
    check_request(&app.edge, &client)?;
    let key = parse_room(room, &app.edge.demo_namespace).map_err(ApiError::InvalidName)?;
    let route = find_pod(app, &key)?;
    let body = body::read(body, MAX_BODY_BYTES, app.edge.body_timeout).await.map_err(ApiError::Body)?;
    let mount = room_path(parts.uri.path()).to_owned();
    let admission = admission(app, &route.meeting, &client).ok_or(ApiError::Internal)?;
    let request = pod_request(&route.meeting, &parts, &mount, (admission, body)).ok_or(ApiError::Internal)?;
    let response = upstream::call(route.address, request).await.map_err(|error| {
        tracing::warn!(meeting = %key, pod = route.pod.name, reason = error.reason(), %error, "could not forward a broadcaster request");
        ApiError::MeetingNotReady { reason: "PodUnreachable".to_owned() }
    })?;
    Ok(answer(response, &route.meeting, &mount))
}

fn find_pod(app: &App, key: &MeetingKey) -> Result<PodRoute, ApiError> {
    match app.table.route(key) {
        RouteDecision::Pod(route) if may_broadcast(&route.meeting) => Ok(route),
        RouteDecision::Waiting(wait) => Err(ApiError::MeetingNotReady { reason: wait.reason }),
        RouteDecision::Pod(_) | RouteDecision::Unknown | RouteDecision::Ended => {
            Err(ApiError::MeetingNotFound(key.clone()))
        }
    }
}

/// A broadcaster request cannot carry a join token, so anyone must be allowed to send.
fn may_broadcast(meeting: &MeetingRecord) -> bool {
    meeting.demo_clients && meeting.policy == AccessPolicy::Open && meeting.join_as == JoinAs::Participant
}

/// The prefix `/rooms/ROOM` of the path, still percent-encoded.
fn room_path(path: &str) -> &str {
    let end = path.match_indices('/').nth(2).map_or(path.len(), |(at, _)| at);
    &path[..end]
}

fn pod_path(meeting: &MeetingRecord) -> String {
    format!("/broadcast/{}/{}", meeting.key.namespace(), meeting.key.name())
}

/// The admission of a request: a guest of whom only the address is known. Media pods accept each admission only once, so each has its own
/// id.
fn admission(app: &App, meeting: &MeetingRecord, client: &ClientInfo) -> Option<HeaderValue> {
    let participant = ParticipantGrant { address: client.hint(), ..ParticipantGrant::default() };
    let admission = Admission { meeting: meeting.grant(jiff::Timestamp::now()), participant, jti: new_admission_id() };
    let token = app.signer.get()?.admission(&admission, unix_now()).ok()?;
    let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    bearer.set_sensitive(true);
    Some(bearer)
}

fn pod_request(
    meeting: &MeetingRecord,
    parts: &Parts,
    mount: &str,
    (admission, body): (HeaderValue, Bytes),
) -> Option<axum::http::Request<Full<Bytes>>> {
    let below = parts.uri.path_and_query()?.as_str().strip_prefix(mount)?;
    // The pod resolves the path again: a decoded `..` must not reach other routes.
    if percent_decode_str(below).any(|byte| byte == b'\\') || below.split(['/', '?']).any(is_dots) {
        return None;
    }
    let mut request = axum::http::Request::builder()
        .method(parts.method.clone())
        .uri(format!("{}{below}", pod_path(meeting)))
        .header(header::AUTHORIZATION, admission);
    // The pod compares the origin with the host that the client requested.
    for name in [header::HOST, header::ORIGIN, header::CONTENT_TYPE, header::ACCEPT] {
        if let Some(value) = parts.headers.get(&name) {
            request = request.header(name, value);
        }
    }
    request.body(Full::new(body)).ok()
}

fn is_dots(segment: &str) -> bool {
    let decoded: Vec<u8> = percent_decode_str(segment).collect();
    decoded == b"." || decoded == b".."
}

/// The response for the client, with the `Location` mapped to the public path.
fn answer(response: axum::http::Response<Bytes>, meeting: &MeetingRecord, mount: &str) -> Response {
    let (parts, body) = response.into_parts();
    let mut answer = (parts.status, body).into_response();
    answer.headers_mut().remove(header::CONTENT_TYPE);
    if let Some(value) = parts.headers.get(header::CONTENT_TYPE) {
        answer.headers_mut().insert(header::CONTENT_TYPE, value.clone());
    }
    let location = parts.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let below = location.and_then(|location| location.strip_prefix(pod_path(meeting).as_str()));
    if let Some(Ok(value)) = below.map(|below| HeaderValue::try_from(format!("{mount}{below}"))) {
        answer.headers_mut().insert(header::LOCATION, value);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_meetings_in_three_forms() {
        let cases = [
            ("team-a/stand-up", Some("team-a/stand-up")),
            ("team-a.stand-up", Some("team-a/stand-up")),
            ("team-a.stand.up", Some("team-a/stand.up")),
            ("stand-up", Some("demo/stand-up")),
            ("a/b/c", None),
            ("../x", None),
            ("Room", None),
            ("", None),
            ("é", None),
        ];
        for (room, expected) in cases {
            assert_eq!(parse_room(room, "demo").ok().map(|key| key.to_string()).as_deref(), expected, "{room}");
        }
    }

    #[test]
    fn the_rooms_address_is_taken_as_it_was_written() {
        assert_eq!(room_path("/rooms/a%2fb/broadcasters/x"), "/rooms/a%2fb");
        assert_eq!(room_path("/rooms/a.b"), "/rooms/a.b");
        assert!(is_dots("%2e%2E") && is_dots("..") && !is_dots("...") && !is_dots("a"));
    }
}
