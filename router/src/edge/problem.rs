//! Error responses as `application/problem+json` (RFC 9457).
//!
//! Every refusal of the router is an [`ApiError`]. Its texts say what to do and reveal no secrets and no details of the cluster. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use convene_join_token::{MeetingKey, NameError};
use serde::Serialize;
use thiserror::Error;
use utoipa::ToSchema;

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
    /// The body is too large or incomplete.
    #[error("the request body is longer than {0} bytes or incomplete")]
    BodyTooLarge(usize),
    /// The body did not arrive in time.
    #[error("the request body did not arrive in time")]
    BodyTooSlow,
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

/// A problem document (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(crate) struct Problem<'a> {
    /// URI that identifies the problem type.
    r#type: String,
    /// Short summary of the problem type.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What went wrong and how to fix it.
    detail: String,
    /// Path of the request.
    instance: &'a str,
    /// Reason code, if the meeting is not ready or the client may not join.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl ApiError {
    /// Reason code for logs and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        self.kind().0
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        self.kind().2
    }

    fn kind(&self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::InvalidName(_) => ("InvalidName", "Invalid meeting name", StatusCode::BAD_REQUEST),
            Self::MeetingNotFound(_) => ("MeetingNotFound", "Meeting not found", StatusCode::NOT_FOUND),
            Self::RouteNotFound => ("RouteNotFound", "Not found", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => ("MethodNotAllowed", "Method not allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::UpgradeRequired => ("UpgradeRequired", "WebSocket handshake required", StatusCode::UPGRADE_REQUIRED),
            Self::SubprotocolRequired => ("SubprotocolRequired", "Subprotocol required", StatusCode::FORBIDDEN),
            Self::NotReadyYet { .. } => ("RouterStarting", "Router is starting", StatusCode::SERVICE_UNAVAILABLE),
            Self::MeetingNotReady { .. } => ("MeetingNotReady", "Meeting not ready", StatusCode::SERVICE_UNAVAILABLE),
            Self::HeldTooLong { .. } => ("HeldTooLong", "Meeting not ready", StatusCode::SERVICE_UNAVAILABLE),
            Self::TooManyHeld => ("TooManyHeld", "Too many waiting clients", StatusCode::SERVICE_UNAVAILABLE),
            Self::TooManySockets => ("TooManySockets", "Too many connections", StatusCode::SERVICE_UNAVAILABLE),
            Self::PodRefused { status, .. } => ("PodRefused", "Rejected by the media pod", *status),
            Self::JoinRefused(refusal) => (refusal.reason(), "Access denied", refusal.status()),
            Self::MeetingEnded(_) => ("MeetingEnded", "Meeting ended", StatusCode::GONE),
            Self::PostOnly => ("PostOnly", "Method not allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::BodyTooLarge(_) => ("BodyTooLarge", "Request body too large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::BodyTooSlow => ("BodyTooSlow", "Request timeout", StatusCode::REQUEST_TIMEOUT),
            Self::BodyInvalid(_) => ("BodyInvalid", "Invalid request body", StatusCode::BAD_REQUEST),
            Self::HostUnknown => ("HostUnknown", "Unknown host", StatusCode::BAD_REQUEST),
            Self::DirectUnavailable => ("DirectUnavailable", "Direct connection unavailable", StatusCode::CONFLICT),
            Self::TooManyRequests { .. } => ("TooManyRequests", "Too many requests", StatusCode::TOO_MANY_REQUESTS),
            Self::TooManyStreams => ("TooManyStreams", "Too many event streams", StatusCode::SERVICE_UNAVAILABLE),
            Self::AddressTooLong => ("AddressTooLong", "URI too long", StatusCode::URI_TOO_LONG),
            Self::OriginRefused => ("OriginRefused", "Origin not allowed", StatusCode::FORBIDDEN),
            Self::DemoParameters => ("DemoParameters", "Missing query parameter", StatusCode::BAD_REQUEST),
            Self::Stopping => ("RouterStopping", "Router is shutting down", StatusCode::SERVICE_UNAVAILABLE),
            Self::Internal => ("Internal", "Internal error", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// The response; `instance` is the path of the request, without the query.
    pub(crate) fn into_problem(self, instance: &str) -> Response {
        let (name, title, status) = self.kind();
        let problem = Problem {
            r#type: format!("https://convene.dev/problems/{}", kebab_case(name)),
            title,
            status: status.as_u16(),
            detail: self.to_string(),
            instance,
            reason: self.waiting_reason(),
        };
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.add_headers(headers);
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

fn kebab_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for (position, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && position > 0 {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
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
