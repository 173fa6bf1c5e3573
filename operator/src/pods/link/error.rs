//! Errors of requests from the operator to a media pod; every message names the pod.

use std::{error::Error, io, iter, time::Duration};

use convene_protocol::admission::AdmissionError;
use hyper::StatusCode;

/// Errors of requests to a pod.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PodLinkError {
    /// The pod has no address yet.
    #[error("media pod {0:?} has no address")]
    NoAddress(String),
    /// No admin token could be signed.
    #[error("could not sign an admin token")]
    Sign(#[source] AdmissionError),
    /// The body of a request could not be serialized.
    #[error("could not serialize the request to media pod {pod:?}")]
    Write {
        /// Name of the pod.
        pod: String,
        /// Error of the serializer.
        source: serde_json::Error,
    },
    /// The request could not be built.
    #[error("could not build the request to media pod {pod:?}")]
    Request {
        /// Name of the pod.
        pod: String,
        /// Error of the HTTP library.
        source: hyper::http::Error,
    },
    /// The pod could not be reached.
    #[error("could not reach media pod {pod:?}")]
    Connect {
        /// Name of the pod.
        pod: String,
        /// Error of the connection.
        source: hyper_util::client::legacy::Error,
    },
    /// The pod took too long.
    #[error("media pod {pod:?} did not respond within {limit:?}")]
    Timeout {
        /// Name of the pod.
        pod: String,
        /// The time limit.
        limit: Duration,
    },
    /// The pod responded with an error.
    #[error("media pod {pod:?} responded with status {status}")]
    Status {
        /// Name of the pod.
        pod: String,
        /// Status of the response.
        status: StatusCode,
    },
    /// The response was incomplete or too long.
    #[error("could not read the response of media pod {pod:?}")]
    Body {
        /// Name of the pod.
        pod: String,
        /// Error of the connection, or the size limit.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The response could not be parsed.
    #[error("could not parse the response of media pod {pod:?}")]
    Parse {
        /// Name of the pod.
        pod: String,
        /// Error of the parser.
        source: serde_json::Error,
    },
}

impl PodLinkError {
    /// A constant for logs and metrics.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::NoAddress(_) => "NoAddress",
            Self::Sign(_) => "TokenNotSigned",
            Self::Write { .. } | Self::Request { .. } => "RequestInvalid",
            Self::Connect { .. } => "Unreachable",
            Self::Timeout { .. } => "Timeout",
            Self::Status { .. } => "Refused",
            Self::Body { .. } | Self::Parse { .. } => "AnswerInvalid",
        }
    }

    /// Whether the pod did not respond at all.
    pub(crate) const fn is_silence(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Timeout { .. })
    }

    /// Whether the pod refused the request because of its state.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Status { status, .. } if *status == StatusCode::CONFLICT)
    }

    /// Whether the pod cannot use what it was sent.
    pub(crate) fn is_unusable(&self) -> bool {
        matches!(self, Self::Status { status, .. } if *status == StatusCode::UNPROCESSABLE_ENTITY)
    }

    /// Whether no process listens at the address of the pod: its process has not started yet, or has ended.
    pub(crate) fn is_refused(&self) -> bool {
        let Self::Connect { source, .. } = self else { return false };
        let is_refusal = |error: &(dyn Error + 'static)| {
            error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        };
        iter::successors(Some(source as &(dyn Error + 'static)), |error| (*error).source()).any(is_refusal)
    }

    /// Whether the pod does not know the requested path or object: it runs an older version, or the object does not exist.
    pub(crate) fn is_unknown_to_pod(&self) -> bool {
        matches!(self, Self::Status { status, .. } if is_unknown(*status))
    }
}

/// Whether a response with this status means that the pod does not know the requested path or object.
pub(super) fn is_unknown(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
}
