//! The program of the operator: how it starts and ends.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "../../../tests/programs/environment.rs"]
mod environment;
mod http;
mod log;
mod settings;
