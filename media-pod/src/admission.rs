//! Who is let in: by the token that a request shows, or everybody (--dev). It opens nothing.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, StatusCode, header};
use convene_protocol::admission::{Admission, CLOCK_SKEW_SECONDS, MediaGrant, MeetingGrant, ParticipantGrant};
use convene_protocol::text::clean_line;

use crate::dev::canonical_name;
use crate::guest::Visitor;
use crate::http::{AppState, Denied};
use crate::room::PeerId;
use crate::spent::SpendError;

/// Longest meeting name, in bytes.
const MAX_NAME: usize = 128;

/// Whom a token or --dev lets in.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) meeting: MeetingGrant,
    pub(crate) participant: ParticipantGrant,
    /// What may be used once; nothing where everybody is trusted.
    pub(crate) pass: Option<Pass>,
}

/// Tells one admission from another, until both are no good any more.
#[derive(Debug)]
pub(crate) struct Pass {
    id: String,
    good_until: u64,
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> &str {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
}

/// What a token lets somebody into, and as whom. Where everybody is trusted none is needed.
pub(crate) fn admission(
    state: &AppState,
    headers: &HeaderMap,
    visitor: &Visitor,
    namespace: &str,
    name: &str,
) -> Result<Admitted, Denied> {
    let Some(keys) = &state.keys else { return open_admission(state, visitor, namespace, name) };
    match keys.get().verify_admission_with_end(bearer(headers), unix_now()) {
        Ok((admission, expires)) if admission.meeting.namespace == namespace && admission.meeting.name == name => {
            let Admission { meeting, mut participant, jti } = admission;
            participant.name = participant.name.map(|name| clean_line(&name)).filter(|name| !name.is_empty());
            let pass = Pass { id: jti, good_until: expires.saturating_add(CLOCK_SKEW_SECONDS) };
            Ok(Admitted { meeting, participant, pass: Some(pass) })
        }
        Ok(_) => Err(Denied { status: StatusCode::FORBIDDEN, detail: "the admission is for another meeting".into() }),
        Err(error) => {
            state.metrics.connection_attempts.with_label_values(&[error.reason()]).inc();
            tracing::warn!(reason = error.reason(), namespace, name, "admission refused");
            Err(Denied { status: StatusCode::UNAUTHORIZED, detail: error.to_string() })
        }
    }
}

/// Lets an admission open the one socket that it is for.
pub(crate) fn spend(state: &AppState, pass: Option<Pass>) -> Result<(), Denied> {
    let Some(Pass { id, good_until }) = pass else { return Ok(()) };
    state.spent.spend(&id, good_until, unix_now()).map_err(|error| refused(state, error))
}

fn refused(state: &AppState, error: SpendError) -> Denied {
    state.metrics.connection_attempts.with_label_values(&[error.reason()]).inc();
    tracing::warn!(reason = error.reason(), "admission refused");
    let status = match error {
        SpendError::TooMany => StatusCode::SERVICE_UNAVAILABLE,
        SpendError::Spent | SpendError::IdTooLong | SpendError::Bound => StatusCode::UNAUTHORIZED,
    };
    Denied { status, detail: error.to_string() }
}

/// Lets an admission make the calls of one broadcaster, or a call that is about none.
pub(crate) fn bind(state: &AppState, pass: Option<&Pass>, peer: &PeerId) -> Result<(), Denied> {
    let Some(Pass { id, good_until }) = pass else { return Ok(()) };
    state.spent.bind(id, &peer.0, *good_until, unix_now()).map_err(|error| refused(state, error))
}

/// For anybody into any meeting: everybody moderates.
pub(crate) fn open_admission(
    state: &AppState,
    visitor: &Visitor,
    namespace: &str,
    name: &str,
) -> Result<Admitted, Denied> {
    let meeting = open_grant(state, namespace, name)?;
    let participant = visitor.grant(&meeting.namespace, &meeting.name);
    Ok(Admitted { meeting, participant, pass: None })
}

/// The grant for any name that is one, in whatever spelling, with the limits of the pod.
fn open_grant(state: &AppState, namespace: &str, name: &str) -> Result<MeetingGrant, Denied> {
    let limits = &state.rooms.settings().limits;
    let is_fit = |part: &str| part.len() <= MAX_NAME && !part.chars().any(char::is_control);
    let (wanted, home) = (canonical_name(name), canonical_name(namespace));
    if wanted.is_empty() || ![name, namespace, wanted.as_str(), home.as_str()].into_iter().all(is_fit) {
        let detail = "a meeting's name has 1 to 128 bytes and no control characters".to_owned();
        return Err(Denied { status: StatusCode::BAD_REQUEST, detail });
    }
    Ok(MeetingGrant {
        namespace: home,
        name: wanted.clone(),
        uid: "dev".to_owned(),
        title: wanted,
        max_participants: u32::try_from(limits.peers).unwrap_or(u32::MAX),
        empty_timeout_seconds: limits.empty_timeout.as_secs(),
        media: MediaGrant::default(),
        locked: false,
        codecs: Vec::new(),
        chat: true,
        screen_share: true,
        returning_until: None,
    })
}

/// Milliseconds since 1970.
pub(crate) fn unix_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Seconds since 1970.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
