//! HTTP handlers: the API for programs, its `OpenAPI` document, probes, and the pages of the web app.
//!
//! Handlers answer from [`App`](crate::state::App) alone and never wait for the API server or a media pod.

pub(crate) mod events;
pub(crate) mod join;
pub(crate) mod meetings;
pub(crate) mod openapi;
pub(crate) mod pages;
pub(crate) mod probes;
