//! The wire formats between Convene's parts: protoo frames, signaling messages, admissions and the pods' admin API.
//!
//! This crate contains types and their validation. It never opens a socket, reads a clock or depends on mediasoup: RTP, ICE
//! and DTLS parameters pass through as JSON. The TypeScript in `web/src/generated` is generated from it (`cargo test -p
//! convene-protocol`).

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod admin;
pub mod admission;
pub mod frame;
pub mod handover;
pub mod id;
pub mod message;
pub mod text;
