//! What can go wrong between operator and media pod, with the pod's name in every case.

use std::time::Duration;

use convene_protocol::admission::AdmissionError;
use hyper::StatusCode;
use thiserror::Error;

/// What can go wrong between operator and pod.
#[derive(Debug, Error)]
pub(crate) enum PodLinkError {
    /// The pod has no address yet.
    #[error("media pod {0:?} has no address")]
    NoAddress(String),
    /// No token could be signed.
    #[error("could not sign an admin token")]
    Sign(#[source] AdmissionError),
    /// The body of a question could not be written.
    #[error("could not write the question to media pod {pod:?}")]
    Write {
        /// Name of the pod.
        pod: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The request could not be put together.
    #[error("could not build the request to media pod {pod:?}")]
    Request {
        /// Name of the pod.
        pod: String,
        /// Why.
        source: hyper::http::Error,
    },
    /// The pod could not be reached.
    #[error("could not reach media pod {pod:?}")]
    Connect {
        /// Name of the pod.
        pod: String,
        /// Why.
        source: hyper_util::client::legacy::Error,
    },
    /// The pod took too long.
    #[error("media pod {pod:?} did not answer within {limit:?}")]
    Timeout {
        /// Name of the pod.
        pod: String,
        /// How long it had.
        limit: Duration,
    },
    /// The pod refused.
    #[error("media pod {pod:?} answered with status {status}")]
    Status {
        /// Name of the pod.
        pod: String,
        /// What it answered.
        status: StatusCode,
    },
    /// The answer broke off or was too long.
    #[error("could not read the answer of media pod {pod:?}")]
    Body {
        /// Name of the pod.
        pod: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer was not what was asked for.
    #[error("the answer of media pod {pod:?} cannot be understood")]
    Parse {
        /// Name of the pod.
        pod: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl PodLinkError {
    /// Constant for logs and metrics.
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

    /// Whether the pod said that it does not know what it was asked for: an older version, or something that is not there.
    pub(crate) fn is_unknown_to_pod(&self) -> bool {
        matches!(self, Self::Status { status, .. } if is_unknown(*status))
    }
}

/// Whether an answer with this status means that the pod does not know what it was asked for.
pub(super) fn is_unknown(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
}
