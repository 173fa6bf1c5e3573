//! The operator's line to its media pods: which rooms they have, and ending one.
//!
//! Each question carries a fresh admin token and has a time limit, and its answer a size limit: a pod that hangs holds up nobody.

use std::time::Duration;

use convene_protocol::{
    admin::{EndReason, ROOMS_PATH, RoomList},
    admission::{AdmissionError, Signer},
};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, header::AUTHORIZATION};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::Timestamp;
use thiserror::Error;

use crate::media_pod::MediaPod;

const TIME_LIMIT: Duration = Duration::from_secs(3);
const LARGEST_ANSWER: usize = 8 << 20;

/// What can go wrong between operator and pod.
#[derive(Debug, Error)]
pub enum PodLinkError {
    /// The pod has no address yet.
    #[error("media pod {0:?} has no address")]
    NoAddress(String),
    /// No token could be signed.
    #[error("could not sign an admin token")]
    Sign(#[source] AdmissionError),
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
    #[error("media pod {0:?} did not answer within {limit} s", limit = TIME_LIMIT.as_secs())]
    Timeout(String),
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
    /// The answer was no room list.
    #[error("the answer of media pod {pod:?} is no room list")]
    Parse {
        /// Name of the pod.
        pod: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl PodLinkError {
    /// Constant for logs and metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NoAddress(_) => "NoAddress",
            Self::Sign(_) => "TokenNotSigned",
            Self::Request { .. } => "RequestInvalid",
            Self::Connect { .. } => "Unreachable",
            Self::Timeout(_) => "Timeout",
            Self::Status { .. } => "Refused",
            Self::Body { .. } | Self::Parse { .. } => "AnswerInvalid",
        }
    }
}

/// Talks to media pods.
#[derive(Clone, Debug)]
pub struct PodLink {
    client: Client<HttpConnector, Empty<Bytes>>,
    signer: Signer,
}

impl PodLink {
    /// A line that signs with `signer`.
    pub fn new(signer: Signer) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(TIME_LIMIT));
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(30)).build(connector);
        Self { client, signer }
    }

    /// The rooms of `pod`.
    pub async fn list_rooms(&self, pod: &MediaPod) -> Result<RoomList, PodLinkError> {
        let (status, body) = self.ask(pod, Method::GET, ROOMS_PATH).await?;
        if status != StatusCode::OK {
            return Err(PodLinkError::Status { pod: pod.name.clone(), status });
        }
        serde_json::from_slice(&body).map_err(|source| PodLinkError::Parse { pod: pod.name.clone(), source })
    }

    /// Ends the room of the meeting with this UID; that there is none is fine.
    pub async fn end_room(
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
        // Namespace, name and UID come from Kubernetes and hold no character that a path or query would have to quote.
        let path = format!("{ROOMS_PATH}/{namespace}/{name}?uid={uid}&reason={why}");
        let (status, _) = self.ask(pod, Method::DELETE, &path).await?;
        if status.is_success() || status == StatusCode::NOT_FOUND {
            return Ok(());
        }
        Err(PodLinkError::Status { pod: pod.name.clone(), status })
    }

    async fn ask(&self, pod: &MediaPod, method: Method, path: &str) -> Result<(StatusCode, Bytes), PodLinkError> {
        let request = self.build_request(pod, method, path)?;
        let answer = tokio::time::timeout(TIME_LIMIT, self.send(pod, request)).await;
        answer.map_err(|_| PodLinkError::Timeout(pod.name.clone()))?
    }

    fn build_request(&self, pod: &MediaPod, method: Method, path: &str) -> Result<Request<Empty<Bytes>>, PodLinkError> {
        let ip = pod.ip.as_deref().ok_or_else(|| PodLinkError::NoAddress(pod.name.clone()))?;
        let host = if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() };
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let token = self.signer.admin(now).map_err(PodLinkError::Sign)?;
        Request::builder()
            .method(method)
            .uri(format!("http://{host}:{}{path}", pod.http_port))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(Empty::new())
            .map_err(|source| PodLinkError::Request { pod: pod.name.clone(), source })
    }

    async fn send(&self, pod: &MediaPod, request: Request<Empty<Bytes>>) -> Result<(StatusCode, Bytes), PodLinkError> {
        let name = || pod.name.clone();
        let answer =
            self.client.request(request).await.map_err(|source| PodLinkError::Connect { pod: name(), source })?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
        Ok((status, body.map_err(|source| PodLinkError::Body { pod: name(), source })?.to_bytes()))
    }
}
