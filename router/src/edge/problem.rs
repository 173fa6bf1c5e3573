//! The problems of the router, as `application/problem+json`.
//!
//! Every refusal of the router is an [`ApiError`]. Its texts say what to do and reveal no secrets and no details of the cluster. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use convene_join_token::{MeetingKey, NameError};
use convene_service::http::body::BodyError;
use convene_service::http::problem::Kind;
use thiserror::Error;

pub(crate) use convene_service::http::problem::Problem;

use crate::edge::refusal::JoinRefusal;
use crate::index::wait_reason::{public_reason, sentence};

/// Why the router refuses a request.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// The path does not contain a valid meeting name.
    #[error("{0}")]
    InvalidName(NameError),
    /// The meeting does not exist.
    #[error("meeting {:?} not found in namespace {:?}", .0.name(), .0.namespace())]
    MeetingNotFound(MeetingKey),
    /// The route does not exist.
    #[error("no such route; meetings are at /m/<namespace>/<name>")]
    RouteNotFound,
    /// The route does not support the method.
    #[error("this route supports only GET and HEAD")]
    MethodNotAllowed,
    /// The request to the signaling route is not a WebSocket handshake.
    #[error("this route requires a WebSocket handshake (version 13 over HTTP/1.1)")]
    UpgradeRequired,
    /// The handshake does not offer the signaling subprotocol.
    #[error("the handshake must offer the WebSocket subprotocol \"protoo\"")]
    SubprotocolRequired,
    /// The router has just started.
    #[error("{}", sentence(.reason))]
    NotReadyYet {
        /// Reason code.
        reason: String,
    },
    /// The meeting has no media pod that is ready.
    #[error("the meeting is not ready yet: {}", sentence(.reason))]
    MeetingNotReady {
        /// Reason code.
        reason: String,
    },
    /// The meeting did not become ready while the join was held.
    #[error("the meeting is not ready yet: {} (waited {waited_seconds} s)", sentence(.reason))]
    HeldTooLong {
        /// Reason code.
        reason: String,
        /// How long the join was held, in seconds.
        waited_seconds: u64,
    },
    /// Too many joins are held.
    #[error("too many clients are waiting for meetings to start; try again in a moment")]
    TooManyHeld,
    /// Too many sockets are open.
    #[error("this router has reached its connection limit; try again in a moment")]
    TooManySockets,
    /// The media pod responded to the handshake with a status other than 101.
    #[error("the media pod rejected the connection{}", .detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default())]
    PodRefused {
        /// The status.
        status: StatusCode,
        /// The detail of the response, if there is one.
        detail: Option<String>,
    },
    /// The client may not join.
    #[error("{0}")]
    JoinRefused(JoinRefusal),
    /// The meeting has ended.
    #[error("meeting {:?} in namespace {:?} has ended", .0.name(), .0.namespace())]
    MeetingEnded(MeetingKey),
    /// The join route supports only POST.
    #[error("this route supports only POST")]
    PostOnly,
    /// The body could not be read.
    #[error(transparent)]
    Body(BodyError),
    /// The body is not a valid join request.
    #[error("the request body must be empty or a JSON object such as {{\"direct\": false}}: {0}")]
    BodyInvalid(&'static str),
    /// The public address of the router is unknown.
    #[error("could not determine the address of this router: send a Host header")]
    HostUnknown,
    /// Clients cannot connect to the media pod directly.
    #[error(
        "clients cannot reach the signaling address of the media pod directly; omit \"direct\" and connect through the router (direct connections require a pool with exposure HostNetwork or PodIP and announcedAddress.policy NodeAddress)"
    )]
    DirectUnavailable,
    /// A rate limit was reached.
    #[error("too many requests from your address; try again in {retry_after_seconds} s")]
    TooManyRequests {
        /// Time until a retry can succeed, in seconds.
        retry_after_seconds: u64,
    },
    /// Too many event streams are open.
    #[error("this router has reached its limit of event streams; try again in a moment")]
    TooManyStreams,
    /// Path and query are too long.
    #[error("the path and query are too long")]
    AddressTooLong,
    /// A page of an origin that is not allowed.
    #[error(
        "pages of this origin are not allowed to use this router; an administrator can allow the origin with --allowed-origins"
    )]
    OriginRefused,
    /// The query of a demo client is incomplete.
    #[error("the query parameters roomId and peerId are required")]
    DemoParameters,
    /// The router is shutting down.
    #[error("this router is shutting down; reconnect")]
    Stopping,
    /// An internal error.
    #[error("internal error; see the log of the router")]
    Internal,
}

impl ApiError {
    /// Reason code for logs and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        self.kind().name
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        self.kind().status
    }

    fn kind(&self) -> Kind {
        match self {
            Self::InvalidName(_) => Kind::new("InvalidName", "Invalid meeting name", StatusCode::BAD_REQUEST),
            Self::MeetingNotFound(_) => Kind::new("MeetingNotFound", "Meeting not found", StatusCode::NOT_FOUND),
            Self::RouteNotFound => Kind::ROUTE_NOT_FOUND,
            Self::MethodNotAllowed => Kind::METHOD_NOT_ALLOWED,
            Self::UpgradeRequired => {
                Kind::new("UpgradeRequired", "WebSocket handshake required", StatusCode::UPGRADE_REQUIRED)
            }
            Self::SubprotocolRequired => Kind::SUBPROTOCOL_REQUIRED,
            Self::NotReadyYet { .. } => {
                Kind::new("RouterStarting", "Router is starting", StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::MeetingNotReady { .. } => {
                Kind::new("MeetingNotReady", "Meeting not ready", StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::HeldTooLong { .. } => Kind::new("HeldTooLong", "Meeting not ready", StatusCode::SERVICE_UNAVAILABLE),
            Self::TooManyHeld => Kind::new("TooManyHeld", "Too many waiting clients", StatusCode::SERVICE_UNAVAILABLE),
            Self::TooManySockets => {
                Kind::new("TooManySockets", "Too many connections", StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::PodRefused { status, .. } => Kind::new("PodRefused", "Rejected by the media pod", *status),
            Self::JoinRefused(refusal) => Kind::access_denied(refusal.reason(), refusal.status()),
            Self::MeetingEnded(_) => Kind::new("MeetingEnded", "Meeting ended", StatusCode::GONE),
            Self::PostOnly => Kind::new("PostOnly", "Method not allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::Body(error) => error.kind(),
            Self::BodyInvalid(_) => Kind::BODY_INVALID,
            Self::HostUnknown => Kind::new("HostUnknown", "Unknown host", StatusCode::BAD_REQUEST),
            Self::DirectUnavailable => {
                Kind::new("DirectUnavailable", "Direct connection unavailable", StatusCode::CONFLICT)
            }
            Self::TooManyRequests { .. } => {
                Kind::new("TooManyRequests", "Too many requests", StatusCode::TOO_MANY_REQUESTS)
            }
            Self::TooManyStreams => {
                Kind::new("TooManyStreams", "Too many event streams", StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::AddressTooLong => Kind::new("AddressTooLong", "URI too long", StatusCode::URI_TOO_LONG),
            Self::OriginRefused => Kind::new("OriginRefused", "Origin not allowed", StatusCode::FORBIDDEN),
            Self::DemoParameters => Kind::new("DemoParameters", "Missing query parameter", StatusCode::BAD_REQUEST),
            Self::Stopping => Kind::new("RouterStopping", "Router is shutting down", StatusCode::SERVICE_UNAVAILABLE),
            Self::Internal => Kind::INTERNAL,
        }
    }

    /// The response; `instance` is the path of the request, without the query.
    pub(crate) fn into_problem(self, instance: &str) -> Response {
        let problem = Problem::new(self.kind(), self.to_string()).with_reason(self.waiting_reason());
        let mut response = problem.at(instance).into_response();
        self.add_headers(response.headers_mut());
        response
    }

    fn waiting_reason(&self) -> Option<&str> {
        match self {
            Self::NotReadyYet { reason } | Self::MeetingNotReady { reason } | Self::HeldTooLong { reason, .. } => {
                Some(public_reason(reason))
            }
            Self::JoinRefused(refusal) => Some(refusal.reason()),
            _ => None,
        }
    }

    fn add_headers(&self, headers: &mut axum::http::HeaderMap) {
        match self {
            Self::UpgradeRequired => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            Self::MethodNotAllowed => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            Self::PostOnly => drop(headers.insert(header::ALLOW, HeaderValue::from_static("POST"))),
            _ if self.status() == StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"convene\""));
            }
            Self::TooManyRequests { retry_after_seconds } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_seconds));
            }
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::Value;

    use super::*;
    use crate::fixtures::key;

    async fn problem(error: ApiError) -> (Response<()>, Value) {
        let (parts, body) = error.into_problem("/api/v1/meetings/team-a/board").into_parts();
        let body = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
        (Response::from_parts(parts, ()), body)
    }

    #[tokio::test]
    async fn a_problem_has_the_members_of_rfc_9457() {
        let (response, body) = problem(ApiError::MeetingNotFound(key("team-a", "board"))).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(
            body,
            serde_json::json!({
                "type": "https://convene.dev/problems/meeting-not-found",
                "title": "Meeting not found",
                "status": 404,
                "detail": "meeting \"board\" not found in namespace \"team-a\"",
                "instance": "/api/v1/meetings/team-a/board"
            })
        );
    }

    #[tokio::test]
    async fn headers_say_what_to_do_next() {
        let (response, _) = problem(ApiError::MethodNotAllowed).await;
        assert_eq!(response.headers()[header::ALLOW], "GET, HEAD");
        let (response, _) = problem(ApiError::UpgradeRequired).await;
        assert_eq!(response.headers()[header::UPGRADE], "websocket");
        let held = ApiError::HeldTooLong { reason: "NoCapacity".into(), waited_seconds: 60 };
        let (response, body) = problem(held).await;
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert_eq!(body["reason"], "NoCapacity");
        let room = "we are at capacity; you will join as soon as a spot opens";
        assert_eq!(body["detail"], format!("the meeting is not ready yet: {room} (waited 60 s)"));
    }
}
