//! The operator's link to its media pods: their rooms and participants, draining, and opening a reachability probe.
//!
//! Each request carries a fresh admin token and has a time limit, and the size of its response is limited: a hanging pod blocks nothing. A
//! request that an older pod does not support is an error only where the operator depends on it. It makes no decisions.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use convene_protocol::{
    admin::{
        DRAIN_PATH, EndReason, LeaveRequest, PROBE_PATH, ProbeTargets, ROOMS_PATH, RoomList, RoomSites, RoomUpdate,
    },
    admission::{AdmissionError, JoinTicket, LinkGrant, Signer},
    handover::{MAX_BACKUP_BYTES, MAX_SNAPSHOT_BYTES, RoomBackup},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};

use crate::model::media_pod::MediaPod;

mod error;

pub(crate) use error::PodLinkError;
use error::is_unknown;

/// Seconds that a pod may hold a request until its rooms change.
const WAIT_SECONDS: u64 = 25;
/// Seconds for which a room stays frozen if the next step of its move does not come: longer than a write to the API server that is repeated.
const FROZEN_SECONDS: u32 = 30;
/// The longest that a pod accepts.
const LONGEST_RETURN_SECONDS: u32 = 600;
/// Enough for thousands of rooms.
const LARGEST_LIST: usize = 8 << 20;
/// Limit of all other responses.
const LARGEST_ANSWER: usize = 256 << 10;

/// Characters that are percent-encoded in a path or query: nearly all, including dots, which on their own could form a path segment.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-');

/// Time limits of requests.
#[derive(Clone, Copy, Debug)]
struct TimeLimits {
    answer: Duration,
    /// Longer than [`WAIT_SECONDS`].
    long_poll: Duration,
}

const TIME_LIMITS: TimeLimits = TimeLimits { answer: Duration::from_secs(3), long_poll: Duration::from_secs(35) };

struct PodRequest {
    method: Method,
    path: String,
    body: Bytes,
    /// UID of the meeting, if the token must be bound to its room.
    bound_to: Option<String>,
    limit: Duration,
    largest: usize,
}

/// A move, as its requests name it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MoveStep<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    /// UID of the meeting.
    pub(crate) uid: &'a str,
    /// The same for all requests of a move.
    pub(crate) id: &'a str,
}

/// Sends requests to media pods. Clones share everything, including the signer.
#[derive(Clone, Debug)]
pub struct PodLink {
    client: Client<HttpConnector, Full<Bytes>>,
    signer: Arc<ArcSwap<Signer>>,
    limits: TimeLimits,
}

impl PodLink {
    /// A link that signs with `signer`.
    pub fn new(signer: Signer) -> Self {
        Self::with_limits(signer, TIME_LIMITS)
    }

    fn with_limits(signer: Signer, limits: TimeLimits) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(limits.answer));
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(30)).build(connector);
        Self { client, signer: Arc::new(ArcSwap::from_pointee(signer)), limits }
    }

    /// From the next request on, this link and its clones sign with `signer`.
    pub(crate) fn use_signer(&self, signer: Signer) {
        self.signer.store(Arc::new(signer));
    }

    pub(crate) async fn list_rooms(&self, pod: &MediaPod) -> Result<RoomList, PodLinkError> {
        self.fetch(pod, PodRequest { largest: LARGEST_LIST, ..self.prepare(Method::GET, ROOMS_PATH) }).await
    }

    /// The rooms of `pod` once the version of the list differs from `after`, or the current list after 25 seconds. An older pod responds
    /// immediately, with version 0: the caller must pause before the next request.
    pub(crate) async fn await_rooms(&self, pod: &MediaPod, after: u64) -> Result<RoomList, PodLinkError> {
        let path = format!("{ROOMS_PATH}?after={after}&wait={WAIT_SECONDS}");
        let request = self.prepare(Method::GET, &path);
        self.fetch(pod, PodRequest { limit: self.limits.long_poll, largest: LARGEST_LIST, ..request }).await
    }

    /// Changes the settings of a room. `false`: there is no such room, or the pod does not support it.
    pub(crate) async fn update_room(
        &self,
        pod: &MediaPod,
        namespace: &str,
        name: &str,
        update: &RoomUpdate,
    ) -> Result<bool, PodLinkError> {
        let body = build_body(pod, update)?;
        let request = self.prepare(Method::PATCH, &build_room_path(namespace, name));
        self.command(pod, PodRequest { body, ..request }).await
    }

    /// Makes the pod refuse new participants, or accept them again. `false`: the pod does not support it.
    pub(crate) async fn set_draining(&self, pod: &MediaPod, is_draining: bool) -> Result<bool, PodLinkError> {
        let method = if is_draining { Method::PUT } else { Method::DELETE };
        self.command(pod, self.prepare(method, DRAIN_PATH)).await
    }

    /// Ends the room of the meeting with this UID, if there is one.
    pub(crate) async fn end_room(
        &self,
        pod: &MediaPod,
        namespace: &str,
        name: &str,
        uid: &str,
        why: EndReason,
    ) -> Result<(), PodLinkError> {
        let why = match why {
            EndReason::Ended => "ended",
            EndReason::Moved => "moved",
        };
        let path = format!("{}?uid={}&reason={why}", build_room_path(namespace, name), quote(uid));
        self.command(pod, self.prepare(Method::DELETE, &path)).await.map(|_| ())
    }

    /// Freezes the room that a meeting is about to leave, and returns its snapshot.
    pub(crate) async fn hand_over(&self, pod: &MediaPod, step: &MoveStep<'_>) -> Result<Bytes, PodLinkError> {
        let request = PodRequest {
            largest: MAX_SNAPSHOT_BYTES,
            ..self.prepare_move(Method::POST, step, "handover", FROZEN_SECONDS)
        };
        self.receive(pod, request).await
    }

    /// Lets a frozen room go on: the move is canceled.
    pub(crate) async fn cancel_handover(&self, pod: &MediaPod, step: &MoveStep<'_>) -> Result<(), PodLinkError> {
        self.command(pod, self.prepare_move(Method::DELETE, step, "handover", FROZEN_SECONDS)).await.map(|_| ())
    }

    /// Opens the room on the pod that the meeting moves to, with the state of the snapshot. Its clients may take `seconds` to arrive.
    pub(crate) async fn restore(
        &self,
        pod: &MediaPod,
        step: &MoveStep<'_>,
        snapshot: Bytes,
        seconds: u32,
    ) -> Result<(), PodLinkError> {
        let seconds = FROZEN_SECONDS.saturating_add(seconds).min(LONGEST_RETURN_SECONDS);
        let request = PodRequest { body: snapshot, ..self.prepare_move(Method::PUT, step, "restore", seconds) };
        self.receive(pod, request).await.map(|_| ())
    }

    /// The state of a room that must survive a crash of its pod.
    pub(crate) async fn backup(&self, pod: &MediaPod, step: &MoveStep<'_>) -> Result<RoomBackup, PodLinkError> {
        let request = self.prepare_move(Method::GET, step, "backup", FROZEN_SECONDS);
        self.fetch(pod, PodRequest { largest: MAX_BACKUP_BYTES + LARGEST_ANSWER, ..request }).await
    }

    /// Makes the clients of a frozen room move.
    pub(crate) async fn leave(
        &self,
        pod: &MediaPod,
        step: &MoveStep<'_>,
        request: &LeaveRequest,
    ) -> Result<(), PodLinkError> {
        let body = build_body(pod, request)?;
        let request = PodRequest { body, ..self.prepare_move(Method::POST, step, "leave", FROZEN_SECONDS) };
        self.receive(pod, request).await.map(|_| ())
    }

    /// Tells a room which other pods serve it.
    pub(crate) async fn use_sites(
        &self,
        pod: &MediaPod,
        step: &MoveStep<'_>,
        sites: &RoomSites,
    ) -> Result<(), PodLinkError> {
        let body = build_body(pod, sites)?;
        let request = PodRequest { body, ..self.prepare_move(Method::PUT, step, "sites", FROZEN_SECONDS) };
        self.receive(pod, request).await.map(|_| ())
    }

    /// Signs a ticket with which a pod may use the media workers of another one.
    pub(crate) fn link_ticket(&self, grant: &LinkGrant) -> Result<String, AdmissionError> {
        self.signer.load().link(grant, unix_now())
    }

    /// Signs a ticket with which a client can connect to the pod that its meeting has moved to.
    pub(crate) fn ticket(&self, ticket: &JoinTicket) -> Result<String, AdmissionError> {
        self.signer.load().ticket(ticket, unix_now())
    }

    /// Makes the pod open probe endpoints, which answer STUN requests, at its announced addresses. From a pod without probe support this is
    /// an error with [`PodLinkError::is_unknown_to_pod`].
    pub(crate) async fn open_probe(&self, pod: &MediaPod) -> Result<ProbeTargets, PodLinkError> {
        self.fetch(pod, self.prepare(Method::POST, PROBE_PATH)).await
    }

    fn prepare(&self, method: Method, path: &str) -> PodRequest {
        let path = path.to_owned();
        PodRequest {
            method,
            path,
            body: Bytes::new(),
            bound_to: None,
            limit: self.limits.answer,
            largest: LARGEST_ANSWER,
        }
    }

    fn prepare_move(&self, method: Method, step: &MoveStep<'_>, what: &str, seconds: u32) -> PodRequest {
        let room = build_room_path(step.namespace, step.name);
        let path = format!("{room}/{what}?uid={}&move={}&seconds={seconds}", quote(step.uid), quote(step.id));
        PodRequest { bound_to: Some(step.uid.to_owned()), ..self.prepare(method, &path) }
    }

    async fn fetch<T: DeserializeOwned>(&self, pod: &MediaPod, request: PodRequest) -> Result<T, PodLinkError> {
        let body = self.receive(pod, request).await?;
        serde_json::from_slice(&body).map_err(|source| PodLinkError::Parse { pod: pod.name.clone(), source })
    }

    /// The body of a successful response.
    async fn receive(&self, pod: &MediaPod, request: PodRequest) -> Result<Bytes, PodLinkError> {
        let (status, body) = self.send(pod, request).await?;
        if status.is_success() { Ok(body) } else { Err(PodLinkError::Status { pod: pod.name.clone(), status }) }
    }

    async fn command(&self, pod: &MediaPod, request: PodRequest) -> Result<bool, PodLinkError> {
        match self.send(pod, request).await?.0 {
            status if status.is_success() => Ok(true),
            status if is_unknown(status) => Ok(false),
            status => Err(PodLinkError::Status { pod: pod.name.clone(), status }),
        }
    }

    async fn send(&self, pod: &MediaPod, request: PodRequest) -> Result<(StatusCode, Bytes), PodLinkError> {
        let PodRequest { method, path, body, bound_to, limit, largest } = request;
        let request = self.build_request(pod, method, &path, body, bound_to.as_deref())?;
        let answer = tokio::time::timeout(limit, self.exchange(pod, request, largest)).await;
        answer.map_err(|_| PodLinkError::Timeout { pod: pod.name.clone(), limit })?
    }

    fn build_request(
        &self,
        pod: &MediaPod,
        method: Method,
        path: &str,
        body: Bytes,
        bound_to: Option<&str>,
    ) -> Result<Request<Full<Bytes>>, PodLinkError> {
        let ip = pod.ip.as_deref().ok_or_else(|| PodLinkError::NoAddress(pod.name.clone()))?;
        let host = if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() };
        let (now, signer) = (unix_now(), self.signer.load());
        let token = bound_to.map_or_else(|| signer.admin(now), |room| signer.handover(&pod.uid, room, now));
        let token = token.map_err(PodLinkError::Sign)?;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{host}:{}{path}", pod.http_port))
            .header(AUTHORIZATION, format!("Bearer {token}"));
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request.body(Full::new(body)).map_err(|source| PodLinkError::Request { pod: pod.name.clone(), source })
    }

    async fn exchange(
        &self,
        pod: &MediaPod,
        request: Request<Full<Bytes>>,
        largest: usize,
    ) -> Result<(StatusCode, Bytes), PodLinkError> {
        let name = || pod.name.clone();
        let answer =
            self.client.request(request).await.map_err(|source| PodLinkError::Connect { pod: name(), source })?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), largest).collect().await;
        Ok((status, body.map_err(|source| PodLinkError::Body { pod: name(), source })?.to_bytes()))
    }
}

fn build_body(pod: &MediaPod, value: &impl Serialize) -> Result<Bytes, PodLinkError> {
    let body = serde_json::to_vec(value).map_err(|source| PodLinkError::Write { pod: pod.name.clone(), source })?;
    Ok(body.into())
}

fn unix_now() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or_default()
}

fn build_room_path(namespace: &str, name: &str) -> String {
    format!("{ROOMS_PATH}/{}/{}", quote(namespace), quote(name))
}

/// Names may contain any character; percent-encoded, each remains a single path segment.
fn quote(part: &str) -> PercentEncode<'_> {
    utf8_percent_encode(part, QUOTED)
}

#[cfg(test)]
mod tests;
