//! The media pod as an HTTP server.

#![allow(
    clippy::panic,
    dead_code,
    reason = "a test ends where something goes wrong, and not every program's test needs all helpers"
)]

#[path = "../../../tests/programs/serving.rs"]
mod serving;

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::environment;
use crate::support::log::Log;
use crate::support::{Pod, free_block};
use axum::routing::get;
use convene_media_pod::http::routes::router;
use convene_service::http::limiter::ConnectionLimiter;
use convene_service::http::listener::{self, Server, Settings};
use serving::{Service, connection_limit_tests, serving_tests};

fn start(flags: &[&str]) -> Service {
    let ports = free_block(1).to_string();
    let always = ["--dev", "--workers=1", "--rtc-listen-ip=127.0.0.1", "--rtc-ports", &ports];
    Service::start(env!("CARGO_BIN_EXE_convene-media-pod"), &[&always, flags].concat())
}

serving_tests!(start);
connection_limit_tests!(start);

#[tokio::test]
async fn a_handler_that_panics_is_answered_and_everything_else_goes_on() {
    let (log, _guard) = Log::start();
    let pod = Pod::start().await;
    let listener = listener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(Arc::new(ConnectionLimiter::in_total(8)), Settings::default());
    server.serve(listener, router(pod.state.clone(), None).route("/panic", get(serving::panic_on_purpose)));
    let checked = tokio::task::spawn_blocking(move || serving::check_panics(address, || log.text()));
    checked.await.unwrap();
}
