//! The signaling route: waits for the media pod of a meeting if necessary, and splices the `WebSocket` to it.
//!
//! A final refusal is sent inside the `WebSocket` (close code 4000), because clients retry for a minute if the handshake itself fails;
//! temporary errors are HTTP errors, so that clients do retry. It never chooses a pod.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use convene_join_token::MeetingKey;
use convene_protocol::admission::{Admission, GuestId, ParticipantGrant};
use convene_protocol::frame::CLOSE_FINAL;
use convene_service::clock::unix_now;
use convene_service::metrics::GaugeGuard;
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit, watch};
use tokio::time::timeout;
use tracing::{Instrument, debug, info, info_span, warn};

use crate::edge::guard;
use crate::edge::problem::ApiError;
use crate::edge::refusal::{CredentialError, JoinRefusal};
use crate::edge::request_scope::RequestId;
use crate::edge::requested_meeting::RequestedMeeting;
use crate::index::record::{MeetingRecord, PodRecord, WaitReason};
use crate::index::select::{PodRoute, RouteDecision};
use crate::join::access::{Credential, decide_access};
use crate::join::credential::take_token;
use crate::join::signing_key::new_admission_id;
use crate::metrics::RouterMetrics;
use crate::signal::handshake::{ForwardedClient, SUBPROTOCOL, answer_headers, build_pod_request, check_handshake};
use crate::signal::splice::{SpliceEnd, splice};
use crate::signal::upstream::{self, PodError};
use crate::state::App;

/// Time for a client to answer a close frame.
const CLOSE_LINGER: Duration = Duration::from_secs(5);

/// Reasons a join is refused.
enum Refusal {
    /// Final: sent as a close frame inside the `WebSocket`.
    Close { reason: &'static str, text: Cow<'static, str> },
    /// Temporary: sent as an HTTP error.
    Error(ApiError),
}

const NOT_FOUND: Refusal = Refusal::Close { reason: "MeetingNotFound", text: Cow::Borrowed("meeting not found") };
const ENDED: Refusal = Refusal::Close { reason: "MeetingEnded", text: Cow::Borrowed("meeting ended") };

/// `GET /signal/{namespace}/{name}`.
pub(crate) async fn signal(
    State(app): State<App>,
    RequestedMeeting(requested): RequestedMeeting,
    request: Request,
) -> Response {
    let mut report = JoinReport { metrics: Arc::clone(&app.metrics), outcome: "ClientGone" };
    let (mut parts, _) = request.into_parts();
    // Removed before anything can log or forward it.
    let token = take_token(&mut parts);
    let path = parts.uri.path().to_owned();
    let joined = match check_handshake(&parts) {
        Ok(()) => join(&app, requested.ok().as_ref(), token, &mut parts).await,
        Err(error) => Err(Refusal::Error(error)),
    };
    let (outcome, response) = match joined {
        Ok(response) => ("Connected", response),
        Err(Refusal::Close { reason, text }) => (reason, close_with(parts, text).await),
        Err(Refusal::Error(error)) => (error.reason(), error.into_problem(&path)),
    };
    report.outcome = outcome;
    response
}

/// Counts the outcome of a join, even if the client disconnects while it waits and the handler is dropped.
struct JoinReport {
    metrics: Arc<RouterMetrics>,
    outcome: &'static str,
}

impl Drop for JoinReport {
    fn drop(&mut self) {
        self.metrics.count_join(self.outcome);
    }
}

async fn join(
    app: &App,
    key: Option<&MeetingKey>,
    token: Result<Option<String>, CredentialError>,
    parts: &mut Parts,
) -> Result<Response, Refusal> {
    // An invalid name is the name of no meeting.
    let key = key.ok_or(NOT_FOUND)?;
    let permit = Arc::clone(&app.sockets).try_acquire_owned().map_err(|_| Refusal::Error(ApiError::TooManySockets))?;
    let token = token.as_ref().map(Option::as_deref).map_err(|error| *error);
    let credentials = ClientCredentials {
        credential: app.identify(key, token),
        browser: app.guest_cookie(parts, &guard::client(parts)).map(|cookie| cookie.id),
    };
    let (route, response) = reach_pod(app, key, &credentials, parts).await?;
    let client = parts.extensions.remove::<OnUpgrade>().ok_or(Refusal::Error(ApiError::UpgradeRequired))?;
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *answer.headers_mut() = answer_headers(response.headers());
    let socket = Socket {
        app: app.clone(),
        meeting: key.clone(),
        pod: Arc::clone(&route.pod),
        permit,
        open: GaugeGuard::new(&app.metrics.open_sockets),
    };
    let span = info_span!("socket", meeting = %key, pod = route.pod.name, request_id = request_id(parts));
    app.tasks.spawn(socket.run(client, response).instrument(span));
    Ok(answer)
}

/// The credentials of a client. Only a ticket or a cookie identifies a returning guest.
struct ClientCredentials {
    credential: Result<Credential, JoinRefusal>,
    browser: Option<GuestId>,
}

/// Holds the join until its media pod has completed the handshake.
async fn reach_pod(
    app: &App,
    key: &MeetingKey,
    credentials: &ClientCredentials,
    parts: &Parts,
) -> Result<(PodRoute, axum::http::Response<Incoming>), Refusal> {
    let started = Instant::now();
    // Subscribed before the first read of the table, so that no change between read and wait is missed.
    let mut changes = app.table.subscribe();
    let mut hold: Option<Hold<'_>> = None;
    loop {
        let (waiting, failed) = match app.table.route(key) {
            RouteDecision::Unknown => return Err(NOT_FOUND),
            RouteDecision::Ended => return Err(ENDED),
            RouteDecision::Waiting(waiting) => {
                admit(credentials, app.table.meeting(key).as_deref())?;
                (waiting, None)
            }
            RouteDecision::Pod(route) => match try_pod(app, &route, credentials, parts, changes.clone()).await? {
                Ok(response) => {
                    let held_ms = started.elapsed().as_millis();
                    debug!(meeting = %key, pod = route.pod.name, reason = "AssignedPodReady", held_ms, "join connected");
                    return Ok((route, response));
                }
                Err(waiting) => (waiting, Some(route.pod)),
            },
        };
        if hold.is_none() {
            info!(meeting = %key, reason = waiting.reason, waiting_for = waiting.message, "join held");
            hold = Some(Hold::begin(app, started)?);
        }
        wait(app, key, started, waiting, failed.as_deref(), &mut changes).await?;
    }
}

/// The grant of the client, or its refusal. Without a meeting only the credentials are checked.
fn admit(credentials: &ClientCredentials, meeting: Option<&MeetingRecord>) -> Result<ParticipantGrant, Refusal> {
    let browser = credentials.browser.as_ref();
    let decide = |credential| {
        meeting.map_or_else(|| Ok(ParticipantGrant::default()), |meeting| decide_access(meeting, credential, browser))
    };
    credentials.credential.as_ref().map_err(Clone::clone).and_then(decide).map_err(|refusal| match refusal {
        JoinRefusal::KeysUnknown => Refusal::Error(ApiError::JoinRefused(refusal)),
        _ => Refusal::Close { reason: refusal.reason(), text: refusal.close_text().into() },
    })
}

/// A held join: counted while it is held, its duration recorded at the end.
struct Hold<'a> {
    metrics: &'a RouterMetrics,
    started: Instant,
    _permit: SemaphorePermit<'a>,
    _gauge: GaugeGuard,
}

impl<'a> Hold<'a> {
    fn begin(app: &'a App, started: Instant) -> Result<Self, Refusal> {
        let permit = app.held.try_acquire().map_err(|_| Refusal::Error(ApiError::TooManyHeld))?;
        Ok(Self { metrics: &app.metrics, started, _permit: permit, _gauge: GaugeGuard::new(&app.metrics.held_joins) })
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.metrics.observe_hold(self.started.elapsed());
    }
}

/// Tries the pod once, until the route changes. The inner error is temporary; the outer one is final.
async fn try_pod(
    app: &App,
    route: &PodRoute,
    credentials: &ClientCredentials,
    parts: &Parts,
    changes: watch::Receiver<()>,
) -> Result<Result<axum::http::Response<Incoming>, WaitReason>, Refusal> {
    let participant = admit(credentials, Some(&route.meeting))?;
    let Some(signer) = app.signer.get() else {
        return Ok(Err(WaitReason::new("AdmissionKeyMissing", "the router has no admission key yet")));
    };
    let client = guard::client(parts);
    let participant = ParticipantGrant { address: client.hint(), ..participant };
    let meeting = route.meeting.grant(jiff::Timestamp::now());
    let Ok(admission) = signer.admission(&Admission { meeting, participant, jti: new_admission_id() }, unix_now())
    else {
        return Err(Refusal::Error(ApiError::Internal));
    };
    let forwarded = ForwardedClient {
        peer: client.address,
        host: client.host.as_deref(),
        scheme: client.scheme,
        request_id: request_id(parts),
    };
    let request = build_pod_request(parts, route, forwarded, &admission).ok_or(Refusal::Error(ApiError::Internal))?;
    match open_unless_left(app, route, request, changes).await {
        Ok(response) => Ok(Ok(response)),
        Err(PodError::Refused { status, detail }) => Err(Refusal::Error(ApiError::PodRefused { status, detail })),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            warn!(meeting = %route.meeting.key, pod = route.pod.name, reason = error.reason(), %error, cause, "could not connect a join to its media pod; retrying");
            Ok(Err(WaitReason::new(error.reason(), "its media pod does not respond; retrying")))
        }
    }
}

/// A pod that is lost keeps a connection open without a response, and its meeting has another pod before that times out.
async fn open_unless_left(
    app: &App,
    route: &PodRoute,
    request: axum::http::Request<Empty<Bytes>>,
    mut changes: watch::Receiver<()>,
) -> Result<axum::http::Response<Incoming>, PodError> {
    tokio::select! {
        biased;
        answer = upstream::open(route.address, request) => answer,
        () = other_route(app, &route.meeting.key, &route.pod, &mut changes) => Err(PodError::Left(route.address)),
    }
}

/// Waits for a reason to try again; fails when the hold timeout has passed.
async fn wait(
    app: &App,
    key: &MeetingKey,
    started: Instant,
    waiting: WaitReason,
    failed: Option<&PodRecord>,
    changes: &mut watch::Receiver<()>,
) -> Result<(), Refusal> {
    let limit = app.signal.hold_timeout;
    let remaining = limit.saturating_sub(started.elapsed());
    let next_look = async {
        match failed {
            Some(pod) => {
                let _ = timeout(app.signal.retry_pause, other_route(app, key, pod, changes)).await;
            }
            None => next_change(changes).await,
        }
    };
    tokio::select! {
        result = timeout(remaining, next_look) => result.map_err(|_| {
            Refusal::Error(ApiError::HeldTooLong { reason: waiting.reason, waited_seconds: limit.as_secs() })
        }),
        () = app.stopping.cancelled() => Err(Refusal::Error(ApiError::Stopping)),
    }
}

/// Waits until the route is no longer this pod.
async fn other_route(app: &App, key: &MeetingKey, failed: &PodRecord, changes: &mut watch::Receiver<()>) {
    while matches!(app.table.route(key), RouteDecision::Pod(route) if *route.pod == *failed) {
        next_change(changes).await;
    }
}

async fn next_change(changes: &mut watch::Receiver<()>) {
    // The table owns the sender and the app owns the table: this cannot fail.
    let _ = changes.changed().await;
}

/// One open signaling socket.
struct Socket {
    app: App,
    meeting: MeetingKey,
    pod: Arc<PodRecord>,
    permit: OwnedSemaphorePermit,
    open: GaugeGuard,
}

impl Socket {
    async fn run(self, client: OnUpgrade, response: axum::http::Response<Incoming>) {
        let Self { app, meeting, pod, permit, open } = self;
        let started = Instant::now();
        let (client, pod_side) = match tokio::try_join!(client, hyper::upgrade::on(response)) {
            Ok(sides) => sides,
            Err(error) => return debug!(%error, "socket closed before it was connected"),
        };
        let lost = app.links.attach(&meeting, &pod, &app.table);
        let stop = async {
            tokio::select! {
                () = lost.cancelled() => SpliceEnd::PodGone,
                () = leave_in_turn(&app) => SpliceEnd::RouterStopping,
            }
        };
        let spliced = splice(TokioIo::new(client), TokioIo::new(pod_side), app.signal.silence, stop).await;
        let reason = spliced.end.reason();
        app.metrics.count_socket_end(reason, spliced.from_client, spliced.from_pod);
        let seconds = started.elapsed().as_secs();
        info!(reason, seconds, from_client = spliced.from_client, from_pod = spliced.from_pod, "socket closed");
        drop((permit, open));
    }
}

/// Resolves some time after the shutdown began: sockets are closed one after another, so that clients do not all reconnect at once.
async fn leave_in_turn(app: &App) {
    app.stopping.cancelled().await;
    tokio::time::sleep(app.signal.stop_spread.mul_f64(rand::random())).await;
}

/// Accepts the `WebSocket` only to close it with a final code, so that the client does not retry.
pub(crate) async fn close_with(mut parts: Parts, text: Cow<'static, str>) -> Response {
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    upgrade.protocols([SUBPROTOCOL]).max_message_size(4096).on_upgrade(move |socket| close_socket(socket, text))
}

async fn close_socket(mut socket: WebSocket, text: Cow<'static, str>) {
    let frame = CloseFrame { code: CLOSE_FINAL, reason: text.into_owned().into() };
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        // The client responds to the close frame; a socket dropped before that may lose the frame.
        let _ = timeout(CLOSE_LINGER, async { while let Some(Ok(_)) = socket.recv().await {} }).await;
    }
}

fn request_id(parts: &Parts) -> &str {
    parts.extensions.get::<RequestId>().map_or("-", RequestId::as_str)
}
