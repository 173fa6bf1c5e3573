//! A standalone pod (--dev): the web app, and rooms of any name without Kubernetes and admissions. It is never mounted with admission keys.

use std::path::Path as FilePath;

use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use convene_service::http::page::wants_page;
use serde_json::json;
use tower::ServiceExt;
use tower_http::services::{ServeDir, ServeFile};

use super::admission::open_admission;
use super::health::metrics;
use super::problem::not_found;
use super::signal::open;
use super::state::AppState;
use super::{admin, broadcast};
use crate::access::guest::Visitor;
use crate::access::names::canonical_page;
use crate::signaling::query::SignalQuery;

/// Adds the web app and the paths without namespace.
pub(crate) fn add_routes(router: Router<AppState>, state: &AppState, web_dir: &FilePath) -> Router<AppState> {
    let metrics = admin::protected(Router::new().route("/metrics", get(metrics)), state);
    let page = ServeFile::new(web_dir.join("index.html"));
    // After the files: other spellings of paths, and paths that do not exist.
    let elsewhere: Router =
        Router::new().fallback(nothing_here).layer(Extension(page.clone())).layer(from_fn(to_canonical));
    broadcast::add_open_routes(router.merge(metrics).merge(pages(state, page.clone())))
        .route("/", get(root).layer(Extension(page)))
        .route("/signal/{name}", get(signal))
        .route("/api/v1/meetings/{name}", get(describe))
        .route("/api/v1/meetings/{namespace}/{name}", get(describe_in_namespace))
        .fallback_service(ServeDir::new(web_dir).append_index_html_on_directories(false).fallback(elsewhere))
}

/// The pages of meetings, which set the guest cookie.
fn pages(state: &AppState, page: ServeFile) -> Router<AppState> {
    Router::new()
        .route_service("/m/{name}", page.clone())
        .route_service("/m/{namespace}/{name}", page)
        .route_layer(from_fn_with_state(state.clone(), remember_guest))
        .route_layer(from_fn(to_canonical))
}

/// Redirects other spellings of a meeting's path, so that they lead to one room.
async fn to_canonical(request: Request, next: Next) -> Response {
    match canonical_page(request.uri()) {
        Some(page) => Redirect::permanent(&page).into_response(),
        None => next.run(request).await,
    }
}

/// The response for unknown paths: a page for browsers, a problem for programs.
async fn nothing_here(Extension(page): Extension<ServeFile>, request: Request) -> Response {
    if !wants_page(request.headers()) {
        return not_found().await;
    }
    // Without conditional headers: they belong to another page.
    let plain =
        Request::builder().method(request.method()).body(Body::empty()).expect("a method alone makes a request");
    let mut response = page.oneshot(plain).await.into_response();
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

async fn remember_guest(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let cookie = state.options.guests.cookie_for(request.headers());
    let mut response = next.run(request).await;
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
        // A shared cache would give the same cookie to several guests.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    response
}

/// Serves the start page to browsers, and WebSockets that use the mediasoup demo's form of the URL, `/?roomId=…&peerId=…`.
async fn root(
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
        Err(error) => error.into_response(),
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
        Err(error) => error.into_response(),
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

/// The fields of the router's response, and whether media is limited to this machine.
async fn description(state: &AppState, namespace: &str, name: &str) -> Response {
    let grant = match open_admission(state, &Visitor::default(), namespace, name) {
        Ok(admitted) => admitted.meeting,
        Err(error) => return error.into_response(),
    };
    let rooms = state.rooms.list().await.rooms;
    let room = rooms.iter().find(|room| room.namespace == grant.namespace && room.name == grant.name);
    let (participants, recording) = room.map_or((0, false), |room| (room.participants, room.recording));
    let body = json!({
        "namespace": grant.namespace, "name": grant.name, "title": grant.settings.title,
        "phase": "Ready", "ready": true, "participants": participants, "recording": recording,
        "loopbackOnly": state.workers.endpoints().is_loopback_only(),
    });
    Json(body).into_response()
}
