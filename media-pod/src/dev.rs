//! Standing alone (--dev): the web app, and rooms for any name, without Kubernetes and without admissions.

use std::convert::Infallible;
use std::path::Path as FilePath;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tower_http::services::{ServeDir, ServeFile};

use crate::admin;
use crate::admission::open_admission;
use crate::app::metrics;
use crate::broadcast;
use crate::guest::Visitor;
use crate::http::{AppState, not_found};
use crate::signaling::enter::{SignalQuery, open};

/// Adds the web app and the addresses without namespace.
pub(crate) fn add_routes(router: Router<AppState>, state: &AppState, web_dir: &FilePath) -> Router<AppState> {
    let metrics = admin::protected(Router::new().route("/metrics", get(metrics)), state);
    broadcast::add_open_routes(router.merge(metrics).merge(pages(state, web_dir)))
        .route("/", get(front_door))
        .route("/signal/{name}", get(signal))
        .route("/api/v1/meetings/{name}", get(describe))
        .route("/api/v1/meetings/{namespace}/{name}", get(describe_in_namespace))
        .fallback_service(ServeDir::new(web_dir).fallback(get(not_found)))
}

/// The pages of meetings, where browsers get the cookie by which they are known again.
fn pages(state: &AppState, web_dir: &FilePath) -> Router<AppState> {
    let page = ServeFile::new(web_dir.join("index.html"));
    Router::new()
        .route_service("/m/{name}", page.clone())
        .route_service("/m/{namespace}/{name}", page)
        .route_layer(from_fn_with_state(state.clone(), remember_guest))
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

/// Browsers are led to a meeting; WebSockets come here by the mediasoup demo's address form, `/?roomId=…&peerId=…`.
async fn front_door(
    State(state): State<AppState>,
    Query(query): Query<SignalQuery>,
    visitor: Visitor,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else { return Redirect::temporary("/m/hello").into_response() };
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

/// The same shape as the router's.
async fn description(state: &AppState, namespace: &str, name: &str) -> Response {
    let grant = match open_admission(state, &Visitor::default(), namespace, name) {
        Ok(admitted) => admitted.meeting,
        Err(denied) => return denied.to_problem(),
    };
    let rooms = state.rooms.list().await.rooms;
    let room = rooms.iter().find(|room| room.namespace == namespace && room.name == name);
    let participants = room.map_or(0, |room| room.participants);
    let body = json!({
        "namespace": grant.namespace, "name": grant.name, "title": grant.title,
        "phase": "Ready", "ready": true, "participants": participants,
    });
    Json(body).into_response()
}
