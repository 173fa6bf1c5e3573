//! The program of the router: how it starts and ends.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod binary;
#[path = "../../../tests/programs/environment.rs"]
mod environment;
mod http;
mod log;
mod settings;
