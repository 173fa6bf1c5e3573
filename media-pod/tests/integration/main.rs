//! The media pod as its clients see it: HTTP, signaling and media, with real workers. One program, so that the C++ worker is linked once.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod admin;
mod broadcast_http;
mod call;
mod cost;
mod edge;
#[path = "../../../tests/programs/environment.rs"]
mod environment;
mod first_frame;
mod hostile;
mod http;
mod idle;
mod load;
mod moderation;
mod moves;
mod ortc;
mod panic;
mod prepared;
mod resume;
mod rooms;
mod settings;
mod signaling;
mod sites;
mod support;
mod tcp;
mod weak;
