//! The router's routes behind its listener: a handler that panics.

#![allow(dead_code, unused_imports, unused_macros, reason = "not every program's test needs all helpers")]

#[path = "../../../tests/programs/environment.rs"]
mod environment;
#[path = "../../../tests/programs/serving.rs"]
mod suite;

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use convene_service::http::listener::{self, Server, Settings};
use tower::ServiceExt;

use crate::edge::connections::EdgeGate;
use crate::edge::guard;
use crate::fixtures::{Fixture, Log, settings};
use crate::run::routes;

#[tokio::test]
async fn a_handler_that_panics_is_answered_and_everything_else_goes_on() {
    let (fixture, (log, _guard)) = (Fixture::new(settings()), Log::start());
    let listener = listener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(Arc::new(EdgeGate::new(&fixture.app.edge)), Settings::default());
    server.serve(listener, routes::public(fixture.app.clone()).route("/panic", get(suite::panic_on_purpose)));
    let checked = tokio::task::spawn_blocking(move || suite::check_panics(address, || log.text()));
    checked.await.unwrap();
}

#[tokio::test]
async fn a_handler_that_panics_is_counted_like_any_other() {
    let fixture = Fixture::new(settings());
    let edge = Arc::clone(&fixture.app.edge);
    let routes = Router::new().route("/panic", get(suite::panic_on_purpose));
    let routes = routes.layer(from_fn_with_state(edge, guard::guard));
    let response = routes.oneshot(Request::get("/panic").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(response.headers().contains_key("x-request-id"));
    let metrics = fixture.app.metrics.render();
    assert!(metrics.contains(r#"convene_router_requests_total{route="/panic",status="500"} 1"#), "{metrics}");
}
