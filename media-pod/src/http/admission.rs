//! Checks admissions: whether a request's token admits its bearer to a meeting. Without keys (--dev) everyone is admitted to any meeting. It
//! opens no room.

use axum::http::{HeaderMap, StatusCode, header};
use convene_protocol::admin::RoomSettings;
use convene_protocol::admission::{Admission, CLOCK_SKEW_SECONDS, MeetingGrant, ParticipantGrant};
use convene_protocol::text::clean_line;
use convene_service::clock::unix_now;
use convene_service::http::problem::{Kind, Problem};

use super::problem::INVALID_NAME;
use super::state::AppState;
use crate::access::guest::Visitor;
use crate::access::names::canonical_name;
use crate::access::replay::ReplayError;
use crate::room::PeerId;

/// Longest meeting name, in bytes.
const MAX_NAME: usize = 128;

/// A participant who is admitted to a meeting.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) meeting: MeetingGrant,
    pub(crate) participant: ParticipantGrant,
    /// For one use; `None` if every client is trusted.
    pub(crate) token: Option<TokenUse>,
}

/// Identifies an admission in the replay guard.
#[derive(Debug)]
pub(crate) struct TokenUse {
    id: String,
    /// Unix seconds.
    valid_until: u64,
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> &str {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
}

/// Checks the request's admission to a meeting. Without keys none is needed.
pub(crate) fn admission(
    state: &AppState,
    headers: &HeaderMap,
    visitor: &Visitor,
    namespace: &str,
    name: &str,
) -> Result<Admitted, Problem> {
    let Some(keys) = &state.keys else { return open_admission(state, visitor, namespace, name) };
    match keys.get().verify_admission_with_end(bearer(headers), unix_now()) {
        Ok((admission, expires)) if admission.meeting.namespace == namespace && admission.meeting.name == name => {
            let Admission { meeting, mut participant, jti } = admission;
            participant.name = participant.name.map(|name| clean_line(&name)).filter(|name| !name.is_empty());
            let token = TokenUse { id: jti, valid_until: expires.saturating_add(CLOCK_SKEW_SECONDS) };
            Ok(Admitted { meeting, participant, token: Some(token) })
        }
        Ok(_) => {
            let kind = Kind::access_denied("AdmissionForAnotherMeeting", StatusCode::FORBIDDEN);
            Err(Problem::new(kind, "the admission is for another meeting"))
        }
        Err(error) => {
            state.metrics.connection_attempts.with_label_values(&[error.reason()]).inc();
            tracing::warn!(reason = error.reason(), namespace, name, "admission refused");
            Err(Problem::new(Kind::access_denied(error.reason(), StatusCode::UNAUTHORIZED), error.to_string()))
        }
    }
}

/// Uses an admission for the one socket that it may open.
pub(crate) fn use_for_socket(state: &AppState, token: Option<TokenUse>) -> Result<(), Problem> {
    let Some(TokenUse { id, valid_until }) = token else { return Ok(()) };
    state.replay.use_for_socket(&id, valid_until, unix_now()).map_err(|error| refused(state, error))
}

fn refused(state: &AppState, error: ReplayError) -> Problem {
    state.metrics.connection_attempts.with_label_values(&[error.reason()]).inc();
    tracing::warn!(reason = error.reason(), "admission refused");
    let status = match error {
        ReplayError::TooMany => StatusCode::SERVICE_UNAVAILABLE,
        ReplayError::Used | ReplayError::IdTooLong | ReplayError::Bound => StatusCode::UNAUTHORIZED,
    };
    Problem::new(Kind::access_denied(error.reason(), status), error.to_string())
}

/// Uses an admission for a call of one broadcaster, or a call for no broadcaster.
pub(crate) fn bind(state: &AppState, token: Option<&TokenUse>, peer: &PeerId) -> Result<(), Problem> {
    let Some(TokenUse { id, valid_until }) = token else { return Ok(()) };
    state.replay.bind(id, &peer.0, *valid_until, unix_now()).map_err(|error| refused(state, error))
}

/// Admits a visitor to any meeting, as a moderator.
pub(crate) fn open_admission(
    state: &AppState,
    visitor: &Visitor,
    namespace: &str,
    name: &str,
) -> Result<Admitted, Problem> {
    let meeting = open_grant(state, namespace, name)?;
    let participant = visitor.grant(&meeting.namespace, &meeting.name);
    Ok(Admitted { meeting, participant, token: None })
}

/// The grant for a meeting of any valid name, in any spelling, with the pod's limits.
fn open_grant(state: &AppState, namespace: &str, name: &str) -> Result<MeetingGrant, Problem> {
    let limits = &state.rooms.defaults().limits;
    let is_valid = |part: &str| part.len() <= MAX_NAME && !part.chars().any(char::is_control);
    let (canonical, home) = (canonical_name(name), canonical_name(namespace));
    if canonical.is_empty() || ![name, namespace, canonical.as_str(), home.as_str()].into_iter().all(is_valid) {
        return Err(Problem::new(INVALID_NAME, "a meeting's name has 1 to 128 bytes and no control characters"));
    }
    Ok(MeetingGrant {
        namespace: home,
        name: canonical.clone(),
        uid: "dev".to_owned(),
        settings: RoomSettings {
            title: canonical,
            max_participants: u32::try_from(limits.peers).unwrap_or(u32::MAX),
            empty_timeout_seconds: limits.empty_timeout.as_secs(),
            ..RoomSettings::default()
        },
        ..MeetingGrant::default()
    })
}
