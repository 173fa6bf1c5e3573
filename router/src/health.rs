//! Liveness and readiness.
//!
//! Alive means that this process turns, nothing else. Ready means that it has seen everything once; it stays ready after that, whatever
//! becomes of the API server, because the last known table goes on serving, but for the time in which its log cannot be written.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use convene_service::log::LogHealth;

use super::app::App;

/// What must have been seen once before traffic may come.
#[derive(Debug, Default)]
pub struct Readiness {
    meetings: AtomicBool,
    media_pods: AtomicBool,
    admission_key: AtomicBool,
    join_secrets: AtomicBool,
    media_pools: AtomicBool,
    log: OnceLock<LogHealth>,
}

/// One thing that must have been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first full list of Meetings.
    Meetings,
    /// The first full list of media pods.
    Pods,
    /// A usable admission key.
    AdmissionKey,
    /// The first look at every Secret with join keys or TURN credentials.
    JoinSecrets,
    /// The first full list of `MediaPool`s.
    Pools,
}

impl Readiness {
    const PARTS: [(Part, &'static str); 5] = [
        (Part::Meetings, "the first full list of Meetings"),
        (Part::Pods, "the first full list of media pods"),
        (Part::AdmissionKey, "a usable key in the admission key Secret"),
        (Part::JoinSecrets, "the Secrets with join keys and TURN credentials"),
        (Part::Pools, "the first full list of MediaPools"),
    ];

    /// Notes that `part` has been seen. Returns true the first time.
    pub fn note(&self, part: Part) -> bool {
        !self.flag(part).swap(true, Ordering::Release)
    }

    /// While this log cannot be written, the router is not ready.
    pub fn watch_log(&self, log: LogHealth) {
        let _ = self.log.set(log);
    }

    /// What is wrong although everything has been seen.
    fn problem(&self) -> Option<&'static str> {
        self.log.get().and_then(LogHealth::problem)
    }

    /// What has not been seen yet, in words.
    pub fn missing(&self) -> Vec<&'static str> {
        Self::PARTS
            .iter()
            .filter(|(part, _)| !self.flag(*part).load(Ordering::Acquire))
            .map(|(_, words)| *words)
            .collect()
    }

    fn flag(&self, part: Part) -> &AtomicBool {
        match part {
            Part::Meetings => &self.meetings,
            Part::Pods => &self.media_pods,
            Part::AdmissionKey => &self.admission_key,
            Part::JoinSecrets => &self.join_secrets,
            Part::Pools => &self.media_pools,
        }
    }
}

/// `GET /healthz`.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "router",
    summary = "Whether this process turns",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain"))
)]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`; the body says what is missing.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "router",
    summary = "Whether this replica may take traffic",
    responses(
        (status = 200, description = "It may", body = String, content_type = "text/plain"),
        (status = 503, description = "What is missing", body = String, content_type = "text/plain"),
    )
)]
pub async fn readyz(State(app): State<App>) -> Response {
    if let Some(problem) = app.readiness.problem() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("{problem}\n")).into_response();
    }
    let missing = app.readiness.missing();
    if missing.is_empty() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for {}\n", missing.join(", "))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_when_everything_was_seen_once() {
        let readiness = Readiness::default();
        assert_eq!(readiness.missing().len(), 5);
        assert!(readiness.note(Part::Pods));
        assert!(!readiness.note(Part::Pods), "only the first time is news");
        for part in [Part::AdmissionKey, Part::JoinSecrets, Part::Pools] {
            readiness.note(part);
        }
        assert_eq!(readiness.missing(), ["the first full list of Meetings"]);
        readiness.note(Part::Meetings);
        assert!(readiness.missing().is_empty());
    }
}
