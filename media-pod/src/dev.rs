//! Standing alone (--dev): the web app, and rooms for any name, without Kubernetes and without admissions.

mod address;

use std::convert::Infallible;
use std::path::Path as FilePath;

use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use convene_service::page::wants_page;
use serde_json::json;
use tower::ServiceExt;
use tower_http::services::{ServeDir, ServeFile};

use crate::admin;
use crate::admission::open_admission;
use crate::app::metrics;
use crate::broadcast;
use crate::guest::Visitor;
use crate::http::{AppState, not_found};
use crate::signaling::enter::{SignalQuery, open};

pub(crate) use address::canonical_name;

/// Adds the web app and the addresses without namespace.
pub(crate) fn add_routes(router: Router<AppState>, state: &AppState, web_dir: &FilePath) -> Router<AppState> {
    let metrics = admin::protected(Router::new().route("/metrics", get(metrics)), state);
    let page = ServeFile::new(web_dir.join("index.html"));
    // Behind the files: other spellings of addresses, and what is missing.
    let elsewhere: Router =
        Router::new().fallback(nothing_here).layer(Extension(page.clone())).layer(from_fn(to_canonical));
    broadcast::add_open_routes(router.merge(metrics).merge(pages(state, page.clone())))
        .route("/", get(front_door).layer(Extension(page)))
        .route("/signal/{name}", get(signal))
        .route("/api/v1/meetings/{name}", get(describe))
        .route("/api/v1/meetings/{namespace}/{name}", get(describe_in_namespace))
        .fallback_service(ServeDir::new(web_dir).append_index_html_on_directories(false).fallback(elsewhere))
}

/// The pages of meetings, where browsers get the cookie by which they are known again.
fn pages(state: &AppState, page: ServeFile) -> Router<AppState> {
    Router::new()
        .route_service("/m/{name}", page.clone())
        .route_service("/m/{namespace}/{name}", page)
        .route_layer(from_fn_with_state(state.clone(), remember_guest))
        .route_layer(from_fn(to_canonical))
}

/// Another spelling of a meeting's address leads to the meeting, so that there is one room.
async fn to_canonical(request: Request, next: Next) -> Response {
    match address::canonical_page(request.uri()) {
        Some(page) => Redirect::permanent(&page).into_response(),
        None => next.run(request).await,
    }
}

/// What is missing: a page for people, a problem for programs.
async fn nothing_here(Extension(page): Extension<ServeFile>, request: Request) -> Response {
    if !wants_page(request.headers()) {
        return not_found().await;
    }
    // Without its conditions: the page is sent whole, whatever the browser has of another one.
    let plain =
        Request::builder().method(request.method()).body(Body::empty()).expect("a method alone makes a request");
    let mut response = page.oneshot(plain).await.into_response();
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

async fn remember_guest(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let cookie = state.edge.guests.cookie_for(request.headers());
    let mut response = next.run(request).await;
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
        // A cache in between would make one guest of many.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    response
}

impl FromRequestParts<AppState> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self::of(&state.edge.guests, &parts.headers, &parts.extensions))
    }
}

/// Browsers get the front page; WebSockets come here by the mediasoup demo's address form, `/?roomId=…&peerId=…`.
async fn front_door(
    State(state): State<AppState>,
    Extension(page): Extension<ServeFile>,
    Query(query): Query<SignalQuery>,
    visitor: Visitor,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Request,
) -> Response {
    let Ok(upgrade) = upgrade else { return page.oneshot(request).await.into_response() };
    match open_admission(&state, &visitor, "", &query.room_id) {
        Ok(admitted) => open(state, admitted, query, upgrade).await,
        Err(denied) => denied.to_problem(),
    }
}

async fn signal(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(query): Query<SignalQuery>,
    visitor: Visitor,
    upgrade: WebSocketUpgrade,
) -> Response {
    match open_admission(&state, &visitor, "", &name) {
        Ok(admitted) => open(state, admitted, query, upgrade).await,
        Err(denied) => denied.to_problem(),
    }
}

async fn describe(State(state): State<AppState>, Path(name): Path<String>) -> Response {
    description(&state, "", &name).await
}

async fn describe_in_namespace(
    State(state): State<AppState>,
    Path((namespace, name)): Path<(String, String)>,
) -> Response {
    description(&state, &namespace, &name).await
}

/// The same shape as the router's, and whether media gets no farther than this machine.
async fn description(state: &AppState, namespace: &str, name: &str) -> Response {
    let grant = match open_admission(state, &Visitor::default(), namespace, name) {
        Ok(admitted) => admitted.meeting,
        Err(denied) => return denied.to_problem(),
    };
    let rooms = state.rooms.list().await.rooms;
    let room = rooms.iter().find(|room| room.namespace == grant.namespace && room.name == grant.name);
    let (participants, recording) = room.map_or((0, false), |room| (room.participants, room.recording));
    let body = json!({
        "namespace": grant.namespace, "name": grant.name, "title": grant.title,
        "phase": "Ready", "ready": true, "participants": participants, "recording": recording,
        "loopbackOnly": state.workers.reach().is_loopback_only(),
    });
    Json(body).into_response()
}
