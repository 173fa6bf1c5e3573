//! The connection to a media pod: one TCP connection and one HTTP/1.1 handshake for each signaling socket.
//!
//! It distinguishes temporary errors (the pod has just died or is starting) from final ones. It never retries; the caller holds the join.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::body::Bytes;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Pods in the same cluster accept a connection within milliseconds; after this time a pod is considered dead.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A healthy pod responds to the handshake immediately; after this time a pod is considered stuck.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of bytes read of an error response.
const MAX_REFUSAL_BYTES: usize = 4096;
/// Maximum size of the response to a forwarded request.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// Maximum length of a forwarded error detail.
const MAX_DETAIL_CHARS: usize = 300;

/// Reasons the pod did not accept the connection.
#[derive(Debug, Error)]
pub(crate) enum PodError {
    /// The pod is unreachable.
    #[error("could not connect to the media pod at {address}")]
    Connect {
        /// Address of the pod.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// The pod did not respond in time.
    #[error("the media pod at {0} did not respond in time")]
    TimedOut(SocketAddr),
    /// The meeting has another pod by now.
    #[error("the meeting has left the media pod at {0} in the meantime")]
    Left(SocketAddr),
    /// The pod closed the connection.
    #[error("the media pod at {address} closed the connection during the handshake")]
    Handshake {
        /// Address of the pod.
        address: SocketAddr,
        /// The cause.
        source: hyper::Error,
    },
    /// The pod does not accept participants: it is starting or shutting down.
    #[error("the media pod is not accepting participants")]
    Unavailable,
    /// The pod does not trust the key of this router.
    #[error("the media pod rejected the admission of this router")]
    Untrusted,
    /// The pod rejected the handshake; final.
    #[error("the media pod responded with {status}")]
    Refused {
        status: StatusCode,
        /// The detail of the response.
        detail: Option<String>,
    },
}

impl PodError {
    /// Reason code for logs and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "PodUnreachable",
            Self::TimedOut(_) => "PodTimedOut",
            Self::Left(_) => "PodLeft",
            Self::Handshake { .. } => "PodHandshakeFailed",
            Self::Unavailable => "PodUnavailable",
            Self::Untrusted => "PodUntrusting",
            Self::Refused { .. } => "PodRefused",
        }
    }
}

/// Connects and sends the handshake; a successful response is a `101`.
pub(crate) async fn open(address: SocketAddr, request: Request<Empty<Bytes>>) -> Result<Response<Incoming>, PodError> {
    let stream = connect(address).await?;
    let response = timeout(ANSWER_TIMEOUT, exchange(stream, request)).await.map_err(|_| PodError::TimedOut(address))?;
    let response = response.map_err(|source| PodError::Handshake { address, source })?;
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => Ok(response),
        StatusCode::SERVICE_UNAVAILABLE => Err(PodError::Unavailable),
        StatusCode::UNAUTHORIZED => Err(PodError::Untrusted),
        status => Err(PodError::Refused { status, detail: read_detail(response).await }),
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, PodError> {
    let failed = |source| PodError::Connect { address, source };
    let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await;
    let stream = stream.map_err(|_| PodError::TimedOut(address))?.map_err(failed)?;
    // Signaling messages are small and latency-sensitive: never delay them to fill a packet.
    stream.set_nodelay(true).map_err(failed)?;
    Ok(stream)
}

/// Sends a request to a pod and reads the whole response.
pub(crate) async fn call(address: SocketAddr, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, PodError> {
    let called = async {
        let stream = connect(address).await?;
        let lost = |source| PodError::Handshake { address, source };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        // The task ends with the exchange; its error is also reported by the sender.
        tokio::spawn(connection);
        let (parts, body) = sender.send_request(request).await.map_err(lost)?.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(|_| PodError::TimedOut(address))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    };
    timeout(ANSWER_TIMEOUT, called).await.map_err(|_| PodError::TimedOut(address))?
}

async fn exchange(stream: TcpStream, request: Request<Empty<Bytes>>) -> Result<Response<Incoming>, hyper::Error> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // The task ends with the exchange, or with the upgrade; its error is also reported by the sender.
    tokio::spawn(connection.with_upgrades());
    sender.send_request(request).await
}

/// The error detail of the pod: the detail of a problem document, or plain text.
async fn read_detail(response: Response<Incoming>) -> Option<String> {
    let body = Limited::new(response.into_body(), MAX_REFUSAL_BYTES).collect();
    let body = timeout(CONNECT_TIMEOUT, body).await.ok()?.ok()?.to_bytes();
    let text = match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(problem) => problem.get("detail")?.as_str()?.to_owned(),
        Err(_) => std::str::from_utf8(&body).ok()?.trim().to_owned(),
    };
    Some(text.chars().take(MAX_DETAIL_CHARS).collect()).filter(|text: &String| !text.is_empty())
}
