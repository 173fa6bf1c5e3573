//! `GET /api/v1/meetings/{namespace}/{name}`: state of a meeting.
//!
//! Responses come from the routing table alone, never from the API server or a pod. Without a credential they contain only what a guest may
//! know; they never contain what only administrators should see: condition messages, names of pods and nodes.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use convene_crds::{AccessPolicy, MeetingPhase};
use convene_join_token::MeetingKey;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use crate::edge::problem::ApiError;
use crate::edge::refusal::JoinRefusal;
use crate::edge::requested_meeting::RequestedMeeting;
use crate::index::record::{MeetingRecord, WaitReason};
use crate::index::select::RouteDecision;
use crate::index::wait_reason::{public_reason, sentence};
use crate::join::access::{Credential, decide_access, is_for};
use crate::join::credential::take_token;
use crate::state::App;

/// State of a meeting, as returned by `GET /api/v1/meetings/{namespace}/{name}`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MeetingInfo {
    namespace: String,
    name: String,
    /// Display title.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// Lifecycle phase of the meeting.
    #[schema(schema_with = phase_schema)]
    phase: MeetingPhase,
    /// Whether participants can join now.
    ready: bool,
    /// Why participants cannot join yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<WaitingFor>,
    /// URL for browsers.
    #[serde(skip_serializing_if = "Option::is_none")]
    join_url: Option<String>,
    /// Time from which participants can join (RFC 3339), if one is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
    /// Who may join.
    #[schema(schema_with = access_schema)]
    access: AccessPolicy,
    /// Whether the meeting is locked for new participants.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<bool>,
    /// Whether clients without a join token are refused.
    token_required: bool,
    /// Whether the caller joins as a viewer, who only receives until a moderator brings them on stage.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    viewer: bool,
    /// Number of participants, as last reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    participants: Option<u32>,
    /// Whether the meeting is being recorded; clients must inform participants before they join.
    #[serde(skip_serializing_if = "Option::is_none")]
    recording: Option<bool>,
}

/// Why a meeting is not ready.
#[derive(Clone, Debug, Serialize, PartialEq, Eq, ToSchema)]
struct WaitingFor {
    /// Reason code.
    reason: String,
    /// Message for people.
    #[schema(value_type = String)]
    message: &'static str,
}

fn phase_schema() -> Object {
    use MeetingPhase::{Draining, Ended, Failed, Pending, Ready, Starting};
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([Pending, Starting, Ready, Draining, Ended, Failed].map(|phase| format!("{phase:?}"))))
        .description(Some("Lifecycle phase of the meeting."))
        .build()
}

fn access_schema() -> Object {
    let policies = [AccessPolicy::Open, AccessPolicy::Token, AccessPolicy::Lobby];
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(policies.map(|policy| format!("{policy:?}"))))
        .description(Some("Who may join."))
        .build()
}

/// `GET /api/v1/meetings/{namespace}/{name}`.
#[utoipa::path(
    get,
    path = "/api/v1/meetings/{namespace}/{name}",
    tag = "meetings",
    summary = "Get the state of a meeting",
    description = "With a join token or a ticket for the meeting, all fields are returned. Without one, a meeting that requires a token \
                   returns only names, `access`, `tokenRequired`, `ready`, and `phase` reduced to `Pending`, `Ready` or `Ended`; other \
                   meetings return what a guest may know, and `participants` only if the policy is `Open`. An invalid token counts as none.",
    params(("namespace" = String, Path, description = "Namespace of the Meeting"), ("name" = String, Path, description = "Its name")),
    security((), ("joinToken" = [])),
    responses(
        (status = 200, description = "The meeting, as far as the caller may see it", body = MeetingInfo),
        (status = 400, description = "Invalid meeting name", body = crate::edge::problem::Problem, content_type = "application/problem+json"),
        (status = 404, description = "Meeting not found", body = crate::edge::problem::Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many requests from this address", body = crate::edge::problem::Problem, content_type = "application/problem+json"),
        (status = 503, description = "The router is starting", body = crate::edge::problem::Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn meeting(
    State(app): State<App>,
    RequestedMeeting(requested): RequestedMeeting,
    request: Request,
) -> Response {
    let (mut parts, _) = request.into_parts();
    let token = take_token(&mut parts).unwrap_or_default();
    let info = requested.map_err(ApiError::InvalidName).and_then(|key| look_up(&app, &key, token.as_deref()));
    match info {
        Ok(info) => ([(header::CACHE_CONTROL, "no-store")], Json(info)).into_response(),
        Err(error) => error.into_problem(parts.uri.path()),
    }
}

/// The meeting as a client with this token may see it.
pub(crate) fn look_up(app: &App, key: &MeetingKey, token: Option<&str>) -> Result<MeetingInfo, ApiError> {
    let decision = app.table.route(key);
    match (app.table.meeting(key), decision) {
        (Some(record), decision) => {
            let credential = app.identify(key, Ok(token));
            let is_viewer = is_viewer(&record, &credential);
            Ok(MeetingInfo { viewer: is_viewer, ..describe(&record, decision, compute_view(&record, &credential)) })
        }
        (None, RouteDecision::Waiting(WaitReason { reason, .. })) => Err(ApiError::NotReadyYet { reason }),
        (None, _) => Err(ApiError::MeetingNotFound(key.clone())),
    }
}

/// How much of a meeting a client may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// That it exists, and how to join.
    Closed,
    /// What a guest in the lobby may see.
    Guest,
    /// Everything.
    Full,
}

/// An invalid token counts as none: the page must be able to say so and to request another one.
fn compute_view(meeting: &MeetingRecord, credential: &Result<Credential, JoinRefusal>) -> View {
    let is_vouched_for = match credential {
        Ok(Credential::Token(_)) => true,
        Ok(Credential::Ticket(ticket)) => ticket.participant.identity.is_some() && is_for(ticket, meeting),
        Ok(Credential::Guest) | Err(_) => false,
    };
    if is_vouched_for {
        return View::Full;
    }
    match meeting.policy {
        AccessPolicy::Open => View::Full,
        AccessPolicy::Lobby => View::Guest,
        AccessPolicy::Token => View::Closed,
    }
}

/// Whether a client with this credential joins as a viewer. One that would be refused does not join as anything.
fn is_viewer(meeting: &MeetingRecord, credential: &Result<Credential, JoinRefusal>) -> bool {
    let grant = credential.as_ref().ok().and_then(|credential| decide_access(meeting, credential, None).ok());
    grant.is_some_and(|grant| grant.viewer)
}

pub(crate) fn describe(record: &MeetingRecord, decision: RouteDecision, view: View) -> MeetingInfo {
    let is_shown = view != View::Closed;
    MeetingInfo {
        namespace: record.key.namespace().to_owned(),
        name: record.key.name().to_owned(),
        title: is_shown.then(|| record.facts.settings.title.clone()),
        phase: if is_shown { record.phase } else { coarse(record.phase) },
        ready: matches!(decision, RouteDecision::Pod(_)),
        waiting_for: waiting_for(decision).filter(|_| is_shown),
        join_url: record.join_url.clone().filter(|_| is_shown),
        starts_at: record.starts_at.filter(|_| is_shown),
        access: record.policy,
        locked: is_shown.then_some(record.facts.settings.locked),
        token_required: record.policy == AccessPolicy::Token,
        viewer: false,
        participants: record.participants.filter(|_| view == View::Full),
        recording: is_shown.then_some(record.is_recorded),
    }
}

fn waiting_for(decision: RouteDecision) -> Option<WaitingFor> {
    let RouteDecision::Waiting(WaitReason { reason, .. }) = decision else { return None };
    Some(WaitingFor { message: sentence(&reason), reason: public_reason(&reason).to_owned() })
}

/// The phase reduced to whether the meeting can be joined.
fn coarse(phase: MeetingPhase) -> MeetingPhase {
    use MeetingPhase::{Draining, Ended, Failed, Pending, Ready, Starting};
    match phase {
        Pending | Starting | Failed => Pending,
        Ready | Draining => Ready,
        Ended => Ended,
    }
}

#[cfg(test)]
mod tests {
    use convene_protocol::admission::{JoinTicket, ParticipantGrant};

    use super::*;
    use crate::fixtures::{meeting_facts, meeting_record};

    #[allow(clippy::unnecessary_wraps, reason = "as callers are identified")]
    fn ticket(uid: &str, identity: Option<&str>) -> Result<Credential, JoinRefusal> {
        let participant = ParticipantGrant { identity: identity.map(Into::into), ..ParticipantGrant::default() };
        let ticket = JoinTicket {
            namespace: "team-a".into(),
            name: "board".into(),
            uid: uid.into(),
            participant,
            vouched: None,
        };
        Ok(Credential::Ticket(Box::new(ticket)))
    }

    #[test]
    fn who_may_know_what_of_a_meeting() {
        let cases = [
            ("a guest", Ok(Credential::Guest), [View::Full, View::Guest, View::Closed]),
            ("a guest's ticket", ticket("uid-board", None), [View::Full, View::Guest, View::Closed]),
            ("a ticket", ticket("uid-board", Some("ada")), [View::Full; 3]),
            ("a ticket of the one before", ticket("uid-0", Some("ada")), [View::Full, View::Guest, View::Closed]),
            ("an old ticket", Err(JoinRefusal::TicketExpired), [View::Full, View::Guest, View::Closed]),
        ];
        for (name, credential, views) in cases {
            for (policy, view) in [AccessPolicy::Open, AccessPolicy::Lobby, AccessPolicy::Token].into_iter().zip(views)
            {
                let meeting = MeetingRecord { policy, ..meeting_record("team-a", "board", None) };
                assert_eq!(compute_view(&meeting, &credential), view, "{name} {policy:?}");
            }
        }
    }

    #[test]
    fn what_is_closed_tells_no_more_than_that_it_is_there() {
        let record = MeetingRecord {
            policy: AccessPolicy::Token,
            phase: MeetingPhase::Failed,
            facts: meeting_facts(true),
            starts_at: Some(Timestamp::UNIX_EPOCH),
            ..meeting_record("team-a", "board", None)
        };
        let waiting = || RouteDecision::Waiting(WaitReason::new("PodCrashing", "pod media-7 on node-3 keeps ending"));
        let closed = serde_json::to_value(describe(&record, waiting(), View::Closed)).unwrap();
        let expected = serde_json::json!({
            "namespace": "team-a", "name": "board", "phase": "Pending", "ready": false, "access": "Token", "tokenRequired": true
        });
        assert_eq!(closed, expected);
        let full = serde_json::to_string(&describe(&record, waiting(), View::Full)).unwrap();
        assert!(
            full.contains("Stand-up") && full.contains("PodCrashing") && full.contains("\"participants\":2"),
            "{full}"
        );
        assert!(!full.contains("media-7") && !full.contains("node-3"), "{full}");
    }
}
