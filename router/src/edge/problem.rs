//! Errors as programs read them: `application/problem+json` (RFC 9457).
//!
//! Every refusal of the router is an [`ApiError`]; its texts say what to do and hold nothing secret and nothing technical
//! about the cluster. Pure.

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
    /// The address cannot be that of a meeting.
    #[error("{0}")]
    InvalidName(NameError),
    /// No such meeting.
    #[error("there is no meeting {:?} in the namespace {:?}", .0.name(), .0.namespace())]
    MeetingNotFound(MeetingKey),
    /// No such route.
    #[error("this address leads nowhere; meetings are at /m/<namespace>/<name>")]
    RouteNotFound,
    /// The route exists, the method does not.
    #[error("this address can only be read (GET)")]
    MethodNotAllowed,
    /// The signaling route was asked without a WebSocket handshake.
    #[error("this address speaks WebSocket version 13 over HTTP/1.1; send a WebSocket handshake")]
    UpgradeRequired,
    /// The handshake does not offer the signaling subprotocol.
    #[error("offer the WebSocket subprotocol \"protoo\"")]
    SubprotocolRequired,
    /// The router has just started.
    #[error("{}", sentence(.reason))]
    NotReadyYet {
        /// Why, in a word.
        reason: String,
    },
    /// The meeting has no media pod that could answer this now.
    #[error("the meeting is not ready yet: {}", sentence(.reason))]
    MeetingNotReady {
        /// Why, in a word.
        reason: String,
    },
    /// The meeting did not become ready while the join was held.
    #[error("the meeting is not ready yet: {} (waited {waited_seconds} s)", sentence(.reason))]
    HeldTooLong {
        /// What it waits for, in a word.
        reason: String,
        /// How long the join was held.
        waited_seconds: u64,
    },
    /// Too many joins are held.
    #[error("too many people are waiting for meetings to start; try again in a moment")]
    TooManyHeld,
    /// Too many sockets are open.
    #[error("this router has as many connections as it may have; try again in a moment")]
    TooManySockets,
    /// The media pod answered the handshake with something else than 101.
    #[error("the media pod refused the connection{}", .detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default())]
    PodRefused {
        /// Its status.
        status: StatusCode,
        /// Its words, if it had any.
        detail: Option<String>,
    },
    /// Whoever asks may not come in.
    #[error("{0}")]
    JoinRefused(JoinRefusal),
    /// The meeting is over.
    #[error("the meeting {:?} in the namespace {:?} has ended", .0.name(), .0.namespace())]
    MeetingEnded(MeetingKey),
    /// The join route was asked with another method.
    #[error("this address is asked with POST")]
    PostOnly,
    /// More than anybody has to say.
    #[error("the body is longer than {0} bytes, or broke off")]
    BodyTooLarge(usize),
    /// A body that does not end.
    #[error("the body did not arrive in time")]
    BodyTooSlow,
    /// Not what the route takes.
    #[error("the body must be empty, or a JSON object such as {{\"direct\": false}}: {0}")]
    BodyInvalid(&'static str),
    /// Nothing tells by which address the router was reached.
    #[error("nothing says by which address this router is reached: send a Host header")]
    HostUnknown,
    /// No way past the router.
    #[error(
        "the media pod of this meeting has no address for signaling that clients can reach; leave out \"direct\" and connect through the router (pools with the exposure HostNetwork or PodIP, and announcedAddress.policy NodeAddress, have one)"
    )]
    DirectUnavailable,
    /// Somebody asks too often.
    #[error("too many requests from here; try again in {retry_after_seconds} s")]
    TooManyRequests {
        /// When it is worth trying again.
        retry_after_seconds: u64,
    },
    /// Too many streams of events are open.
    #[error("too many people are following meetings that start; try again in a moment")]
    TooManyStreams,
    /// Path and query are too long.
    #[error("this address is too long")]
    AddressTooLong,
    /// A page of another site.
    #[error("pages of this origin may not use this router; its administrator can allow them (--allowed-origins)")]
    OriginRefused,
    /// The demo's address form is incomplete.
    #[error("the query must have roomId and peerId")]
    DemoParameters,
    /// The router is shutting down.
    #[error("this router is shutting down; connect again")]
    Stopping,
    /// A fault of the router.
    #[error("the router could not handle this request; its log says why")]
    Internal,
}

/// A refusal as programs read it (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(crate) struct Problem<'a> {
    /// Names the kind of refusal.
    r#type: String,
    /// The kind in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong and what to do.
    detail: String,
    /// The path that was asked for.
    instance: &'a str,
    /// What a meeting waits for, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl ApiError {
    /// One word for logs and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        self.kind().0
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        self.kind().2
    }

    fn kind(&self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::InvalidName(_) => ("InvalidName", "Not the name of a meeting", StatusCode::BAD_REQUEST),
            Self::MeetingNotFound(_) => ("MeetingNotFound", "Meeting not found", StatusCode::NOT_FOUND),
            Self::RouteNotFound => ("RouteNotFound", "Nothing here", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => ("MethodNotAllowed", "Method not allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::UpgradeRequired => ("UpgradeRequired", "WebSocket handshake required", StatusCode::UPGRADE_REQUIRED),
            Self::SubprotocolRequired => ("SubprotocolRequired", "Subprotocol required", StatusCode::FORBIDDEN),
            Self::NotReadyYet { .. } => ("RouterStarting", "Router is starting", StatusCode::SERVICE_UNAVAILABLE),
            Self::MeetingNotReady { .. } => ("MeetingNotReady", "Meeting not ready", StatusCode::SERVICE_UNAVAILABLE),
            Self::HeldTooLong { .. } => ("HeldTooLong", "Meeting not ready", StatusCode::SERVICE_UNAVAILABLE),
            Self::TooManyHeld => ("TooManyHeld", "Too many waiting", StatusCode::SERVICE_UNAVAILABLE),
            Self::TooManySockets => ("TooManySockets", "Too many connections", StatusCode::SERVICE_UNAVAILABLE),
            Self::PodRefused { status, .. } => ("PodRefused", "Refused by the media pod", *status),
            Self::JoinRefused(refusal) => (refusal.reason(), "Not let in", refusal.status()),
            Self::MeetingEnded(_) => ("MeetingEnded", "Meeting ended", StatusCode::GONE),
            Self::PostOnly => ("PostOnly", "Method not allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::BodyTooLarge(_) => ("BodyTooLarge", "Body too large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::BodyTooSlow => ("BodyTooSlow", "Body too slow", StatusCode::REQUEST_TIMEOUT),
            Self::BodyInvalid(_) => ("BodyInvalid", "Body cannot be read", StatusCode::BAD_REQUEST),
            Self::HostUnknown => ("HostUnknown", "Host unknown", StatusCode::BAD_REQUEST),
            Self::DirectUnavailable => ("DirectUnavailable", "No direct connection", StatusCode::CONFLICT),
            Self::TooManyRequests { .. } => ("TooManyRequests", "Too many requests", StatusCode::TOO_MANY_REQUESTS),
            Self::TooManyStreams => ("TooManyStreams", "Too many streams", StatusCode::SERVICE_UNAVAILABLE),
            Self::AddressTooLong => ("AddressTooLong", "Address too long", StatusCode::URI_TOO_LONG),
            Self::OriginRefused => ("OriginRefused", "Origin not allowed", StatusCode::FORBIDDEN),
            Self::DemoParameters => ("DemoParameters", "roomId or peerId is missing", StatusCode::BAD_REQUEST),
            Self::Stopping => ("RouterStopping", "Router is shutting down", StatusCode::SERVICE_UNAVAILABLE),
            Self::Internal => ("Internal", "Internal error", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// The answer; `instance` is the path that was asked for, without its query.
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
                "detail": "there is no meeting \"board\" in the namespace \"team-a\"",
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
        let room = "all places are taken; you will join as soon as there is room";
        assert_eq!(body["detail"], format!("the meeting is not ready yet: {room} (waited 60 s)"));
    }
}
