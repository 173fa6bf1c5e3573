//! `POST /api/v1/meetings/{namespace}/{name}/join`: identifies a client and returns where to connect.
//!
//! Responses come from the routing table and the keys alone; the meeting need not be ready, since the connection is held until it is.
//! The token is removed from the request before anything else reads it.

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use convene_join_token::MeetingKey;
use convene_protocol::admission::{
    Admission, GuestId, JoinTicket, LIFETIME_SECONDS, ParticipantGrant, TICKET_SECONDS, Vouched,
};
use convene_service::clock::unix_now;
use convene_service::http::body;
use jiff::Timestamp;

use crate::edge::client::ClientInfo;
use crate::edge::guard;
use crate::edge::problem::{ApiError, Problem};
use crate::edge::refusal::{CredentialError, JoinRefusal};
use crate::edge::requested_meeting::RequestedMeeting;
use crate::index::record::{MeetingRecord, WaitReason};
use crate::index::select::RouteDecision;
use crate::join::access::{Credential, decide_access, identify_returning};
use crate::join::answer::{JoinAnswer, JoinRequest, build_direct_url, build_signaling_url, read_request};
use crate::join::credential::take_token;
use crate::join::guest::{GuestCookie, build_set_cookie};
use crate::join::ice::{IceServerAnswer, build_ice_servers};
use crate::join::signing_key::new_admission_id;
use crate::state::App;

/// Maximum size of the request body.
const MAX_BODY_BYTES: usize = 4096;

/// `POST /api/v1/meetings/{namespace}/{name}/join`.
#[utoipa::path(
    post,
    path = "/api/v1/meetings/{namespace}/{name}/join",
    tag = "meetings",
    summary = "Request access to a meeting",
    description = "Send a join token with `Authorization: Bearer`. Guests send no token, or their last ticket: the ticket and the cookie `convene-guest` prove that the same guest returns. When the join token has expired, the last ticket replaces it for up to 24 hours. The meeting need not be ready: the connection is held until it is.",
    params(("namespace" = String, Path, description = "Namespace of the Meeting"), ("name" = String, Path, description = "Its name")),
    request_body = JoinRequest,
    security((), ("joinToken" = [])),
    responses(
        (status = 200, description = "Where to connect, with credentials", body = JoinAnswer),
        (status = 400, description = "Invalid meeting name or request body", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "A token is required or invalid", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The token is for another meeting, namespace or feature", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Meeting not found", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not arrive in time", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`direct` was requested, but clients cannot connect to the media pod directly", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "The meeting has ended", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many joins from this address or to this meeting", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The router is starting", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn join(
    State(app): State<App>,
    RequestedMeeting(requested): RequestedMeeting,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let token = take_token(&mut parts);
    let path = parts.uri.path().to_owned();
    let result = match requested {
        Ok(key) => answer(&app, &key, token, &parts, body).await,
        Err(error) => Err(ApiError::InvalidName(error)),
    };
    app.metrics.count_ticket(result.as_ref().map_or_else(ApiError::reason, |_| "Given"));
    match result {
        Ok(reply) => reply.into_response(),
        Err(error) => error.into_problem(&path),
    }
}

/// All other methods.
pub(crate) async fn only_post(request: Request) -> Response {
    ApiError::PostOnly.into_problem(request.uri().path())
}

/// The response body, and the cookie for the browser.
struct JoinReply {
    answer: JoinAnswer,
    cookie: Option<HeaderValue>,
}

impl IntoResponse for JoinReply {
    fn into_response(self) -> Response {
        let mut response = ([(header::CACHE_CONTROL, "no-store")], Json(self.answer)).into_response();
        if let Some(cookie) = self.cookie {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

async fn answer(
    app: &App,
    key: &MeetingKey,
    token: Result<Option<String>, CredentialError>,
    parts: &Parts,
    body: Body,
) -> Result<JoinReply, ApiError> {
    let body = body::read(body, MAX_BODY_BYTES, app.edge.body_timeout).await.map_err(ApiError::Body)?;
    let options = read_request(&body).map_err(ApiError::BodyInvalid)?;
    let meeting = find_meeting(app, key)?;
    let (caller, now) = (Caller::of(app, parts), unix_now());
    let token = token.as_ref().map(Option::as_deref).map_err(|error| *error);
    let credential = app.identify_with(key, token, identify_returning).map_err(ApiError::JoinRefused)?;
    let participant = decide_access(&meeting, &credential, Some(&caller.browser)).map_err(ApiError::JoinRefused)?;
    let cookie = caller.cookie(app, &meeting, &participant, parts);
    let ice_servers = ice_servers(app, &meeting, &participant, now);
    let viewer = participant.viewer;
    let connection = if options.direct {
        direct(app, key, ParticipantGrant { address: caller.client.hint(), ..participant }, now)?
    } else {
        let vouched = vouched(credential, now);
        through_router(app, &meeting, (participant, vouched), (parts, &caller.client), now)?
    };
    Ok(JoinReply { answer: connection.answer(viewer, ice_servers, now)?, cookie })
}

/// The client and the guest id of its browser, which is from its cookie or new.
struct Caller {
    client: ClientInfo,
    held: Option<GuestCookie>,
    browser: GuestId,
}

impl Caller {
    fn of(app: &App, parts: &Parts) -> Self {
        let client = guard::client(parts);
        let held = app.guest_cookie(parts, &client);
        let browser = held.as_ref().map_or_else(|| GuestId::new(rand::random()), |cookie| cookie.id.clone());
        Self { client, held, browser }
    }

    /// The cookie for the browser: none for identities, nor for guests whose ticket has another id.
    fn cookie(
        &self,
        app: &App,
        meeting: &MeetingRecord,
        participant: &ParticipantGrant,
        parts: &Parts,
    ) -> Option<HeaderValue> {
        let Self { client, held, browser } = self;
        let signer =
            app.signer.get().filter(|_| participant.guest.as_ref() == Some(&browser.in_meeting(&meeting.uid)))?;
        build_set_cookie(browser, held.as_ref(), &parts.headers, client, (&signer, unix_now()))
    }
}

/// The URL to connect to, the token, and its lifetime in seconds.
struct ConnectionInfo {
    signaling_url: String,
    token: String,
    seconds: u64,
}

impl ConnectionInfo {
    fn answer(self, viewer: bool, ice_servers: Vec<IceServerAnswer>, now: u64) -> Result<JoinAnswer, ApiError> {
        let Self { signaling_url, token, seconds } = self;
        let expires_at = Timestamp::from_second(i64::try_from(now + seconds).unwrap_or(i64::MAX));
        let expires_at = expires_at.map_err(|_| ApiError::Internal)?;
        Ok(JoinAnswer { signaling_url, token, ice_servers, viewer, expires_at })
    }
}

/// The meeting, if it exists and has not ended.
fn find_meeting(app: &App, key: &MeetingKey) -> Result<std::sync::Arc<MeetingRecord>, ApiError> {
    match app.table.route(key) {
        RouteDecision::Unknown => Err(ApiError::MeetingNotFound(key.clone())),
        RouteDecision::Ended => Err(ApiError::MeetingEnded(key.clone())),
        RouteDecision::Waiting(WaitReason { reason, .. }) => {
            app.table.meeting(key).ok_or(ApiError::NotReadyYet { reason })
        }
        RouteDecision::Pod(route) => Ok(route.meeting),
    }
}

fn ice_servers(app: &App, meeting: &MeetingRecord, participant: &ParticipantGrant, now: u64) -> Vec<IceServerAnswer> {
    let (pools, turn) = (app.join.pools.load(), app.join.turn.load());
    let servers = pools.get(&meeting.pool).map_or(&[][..], |pool| &pool.ice_servers);
    build_ice_servers(servers, &turn, participant.identity.as_deref(), now)
}

fn through_router(
    app: &App,
    meeting: &MeetingRecord,
    (participant, vouched): (ParticipantGrant, Option<Vouched>),
    (parts, client): (&Parts, &ClientInfo),
    now: u64,
) -> Result<ConnectionInfo, ApiError> {
    let url = build_signaling_url(&meeting.key, meeting.join_url.as_deref(), &parts.headers, client);
    let signaling_url = url.ok_or(ApiError::HostUnknown)?;
    let (namespace, name) = (meeting.key.namespace().to_owned(), meeting.key.name().to_owned());
    let ticket = JoinTicket { namespace, name, uid: meeting.uid.clone(), participant, vouched };
    let signer = app.signer.get().ok_or(ApiError::JoinRefused(JoinRefusal::KeysUnknown))?;
    let token = signer.ticket(&ticket, now).map_err(|_| ApiError::Internal)?;
    Ok(ConnectionInfo { signaling_url, token, seconds: TICKET_SECONDS })
}

/// The application key that vouches for the next ticket, and when it first did.
fn vouched(credential: Credential, now: u64) -> Option<Vouched> {
    match credential {
        Credential::Token(grant) => Some(Vouched { at: now, key: grant.key }),
        Credential::Ticket(ticket) => ticket.vouched,
        Credential::Guest => None,
    }
}

/// Address of the media pod, and an admission for it.
fn direct(app: &App, key: &MeetingKey, participant: ParticipantGrant, now: u64) -> Result<ConnectionInfo, ApiError> {
    let route = match app.table.route(key) {
        RouteDecision::Pod(route) => route,
        RouteDecision::Waiting(WaitReason { reason, .. }) => return Err(ApiError::MeetingNotReady { reason }),
        RouteDecision::Unknown => return Err(ApiError::MeetingNotFound(key.clone())),
        RouteDecision::Ended => return Err(ApiError::MeetingEnded(key.clone())),
    };
    let is_direct = app.join.pools.load().get(&route.meeting.pool).is_some_and(|pool| pool.is_direct);
    let address = route.pod.announced.filter(|_| is_direct).ok_or(ApiError::DirectUnavailable)?;
    let signer = app.signer.get().ok_or(ApiError::JoinRefused(JoinRefusal::KeysUnknown))?;
    let admission = Admission { meeting: route.meeting.grant(Timestamp::now()), participant, jti: new_admission_id() };
    let token = signer.admission(&admission, now).map_err(|_| ApiError::Internal)?;
    let signaling_url = build_direct_url(key, (address, route.address.port()).into());
    Ok(ConnectionInfo { signaling_url, token, seconds: LIFETIME_SECONDS })
}
