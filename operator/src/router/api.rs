//! What programs may ask about a meeting.
//!
//! It answers from the routing table alone and never asks the API server or a pod.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use convene_crds::{AccessPolicy, MeetingPhase};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::app::{App, RequestedMeeting};
use super::key::MeetingKey;
use super::problem::ApiError;
use super::record::{MeetingRecord, Waiting};
use super::select::RouteDecision;

/// A meeting as `GET /api/v1/meetings/{namespace}/{name}` shows it.
#[derive(Clone, Debug, Serialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeetingInfo {
    namespace: String,
    name: String,
    /// What people see.
    title: String,
    /// Where the meeting is in its life.
    #[schema(schema_with = phase_schema)]
    phase: MeetingPhase,
    /// People can join right now.
    ready: bool,
    /// Why they cannot yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<WaitingFor>,
    /// Address for the browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    join_url: Option<String>,
    /// When people can come in (RFC 3339), if a time is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
    /// Who may come in.
    #[schema(schema_with = access_schema)]
    access: AccessPolicy,
    /// Nobody new is let in.
    locked: bool,
    /// Whether somebody without a join token is refused.
    token_required: bool,
    /// People in the call as they were last counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    participants: Option<u32>,
}

/// What a meeting waits for.
#[derive(Clone, Debug, Serialize, PartialEq, Eq, ToSchema)]
struct WaitingFor {
    /// In a word.
    reason: String,
    /// In a sentence.
    message: String,
}

fn phase_schema() -> Object {
    use MeetingPhase::{Draining, Ended, Failed, Pending, Ready, Starting};
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([Pending, Starting, Ready, Draining, Ended, Failed].map(|phase| format!("{phase:?}"))))
        .description(Some("Where the meeting is in its life."))
        .build()
}

fn access_schema() -> Object {
    let policies = [AccessPolicy::Open, AccessPolicy::Token, AccessPolicy::Lobby];
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(policies.map(|policy| format!("{policy:?}"))))
        .description(Some("Who may come in."))
        .build()
}

/// `GET /api/v1/meetings/{namespace}/{name}`.
#[utoipa::path(
    get,
    path = "/api/v1/meetings/{namespace}/{name}",
    tag = "meetings",
    summary = "A meeting, and what it waits for",
    params(("namespace" = String, Path, description = "Namespace of the Meeting"), ("name" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "The meeting", body = MeetingInfo),
        (status = 400, description = "Not the name of a meeting", body = super::problem::Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such meeting", body = super::problem::Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many requests from this address", body = super::problem::Problem, content_type = "application/problem+json"),
        (status = 503, description = "The router has just started", body = super::problem::Problem, content_type = "application/problem+json"),
    )
)]
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

/// What the table says of a meeting.
pub(super) fn look_up(app: &App, key: &MeetingKey) -> Result<MeetingInfo, ApiError> {
    let decision = app.table.route(key);
    match (app.table.meeting(key), decision) {
        (Some(record), decision) => Ok(describe(&record, decision)),
        (None, RouteDecision::Waiting(Waiting { reason, message })) => Err(ApiError::NotReadyYet { reason, message }),
        (None, _) => Err(ApiError::MeetingNotFound(key.clone())),
    }
}

pub(super) fn describe(record: &MeetingRecord, decision: RouteDecision) -> MeetingInfo {
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
        starts_at: record.starts_at,
        access: record.policy,
        locked: record.is_locked,
        token_required: record.policy == AccessPolicy::Token,
        participants: record.participants,
    }
}
