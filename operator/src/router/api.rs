//! What programs may ask about a meeting.
//!
//! It answers from the routing table alone and never asks the API server or a pod.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use convene_crds::{AccessPolicy, MeetingPhase};
use serde::Serialize;

use super::app::{App, RequestedMeeting};
use super::key::MeetingKey;
use super::problem::ApiError;
use super::record::{MeetingRecord, Waiting};
use super::select::RouteDecision;

/// A meeting as `GET /api/v1/meetings/{namespace}/{name}` shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MeetingInfo {
    namespace: String,
    name: String,
    title: String,
    phase: MeetingPhase,
    /// People can join right now.
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<WaitingFor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    join_url: Option<String>,
    /// Who may come in.
    access: AccessPolicy,
    /// Nobody new is let in.
    locked: bool,
    /// Whether somebody without a join token is refused.
    token_required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    participants: Option<u32>,
}

#[derive(Debug, Serialize)]
struct WaitingFor {
    reason: String,
    message: String,
}

/// `GET /api/v1/meetings/{namespace}/{name}`.
pub async fn meeting(
    State(app): State<App>,
    RequestedMeeting(requested): RequestedMeeting,
    OriginalUri(uri): OriginalUri,
) -> Response {
    let info = requested.map_err(ApiError::InvalidName).and_then(|key| look_up(&app, &key));
    match info {
        Ok(info) => ([(header::CACHE_CONTROL, "no-store")], Json(info)).into_response(),
        Err(error) => error.into_problem(uri.path()),
    }
}

fn look_up(app: &App, key: &MeetingKey) -> Result<MeetingInfo, ApiError> {
    let decision = app.table.route(key);
    match (app.table.meeting(key), decision) {
        (Some(record), decision) => Ok(describe(&record, decision)),
        (None, RouteDecision::Waiting(Waiting { reason, message })) => Err(ApiError::NotReadyYet { reason, message }),
        (None, _) => Err(ApiError::MeetingNotFound(key.clone())),
    }
}

fn describe(record: &MeetingRecord, decision: RouteDecision) -> MeetingInfo {
    let ready = matches!(decision, RouteDecision::Pod(_));
    let waiting_for = match decision {
        RouteDecision::Waiting(Waiting { reason, message }) => Some(WaitingFor { reason, message }),
        _ => None,
    };
    MeetingInfo {
        namespace: record.key.namespace().to_owned(),
        name: record.key.name().to_owned(),
        title: record.title.clone(),
        phase: record.phase,
        ready,
        waiting_for,
        join_url: record.join_url.clone(),
        access: record.policy,
        locked: record.is_locked,
        token_required: record.policy == AccessPolicy::Token,
        participants: record.participants,
    }
}
