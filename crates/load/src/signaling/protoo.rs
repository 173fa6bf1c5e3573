//! A protoo client: requests with a time limit, and the messages of the server. Everything that it keeps is bounded.

use std::collections::VecDeque;
use std::time::Duration;

use convene_protocol::frame::{SUBPROTOCOL, failure, success};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::Url;

use super::stream::{Caller, Stream, connect};
use crate::error::JoinError;

/// Longest message of a server; a list of a thousand participants fits.
const MAX_MESSAGE: usize = 1 << 20;
/// Messages that wait while a request is pending.
const MAX_WAITING: usize = 4096;
/// Longest reason that is kept.
const MAX_REASON: usize = 300;

/// A connected client.
pub(super) struct Protoo {
    socket: WebSocketStream<Box<dyn Stream>>,
    /// Time limit of each request.
    limit: Duration,
    next_id: u64,
    waiting: VecDeque<Value>,
}

impl Protoo {
    /// Connects to a signaling URL that includes the peer id.
    pub(super) async fn open(url: &Url, token: Option<&str>, caller: Caller) -> Result<Self, JoinError> {
        let open = async {
            let stream = connect(url, caller).await?;
            let mut request = url.as_str().into_client_request().map_err(handshake)?;
            let header = |text: &str| text.parse().map_err(|_| JoinError::Handshake("the token is no header".into()));
            request.headers_mut().insert("Sec-WebSocket-Protocol", header(SUBPROTOCOL)?);
            if let Some(token) = token {
                request.headers_mut().insert("Authorization", header(&format!("Bearer {token}"))?);
            }
            let limits =
                WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
            client_async_with_config(request, stream, Some(limits)).await.map_err(handshake)
        };
        let (socket, _) = within(caller.limit, "WebSocket handshake", open).await?;
        Ok(Self { socket, limit: caller.limit, next_id: 0, waiting: VecDeque::new() })
    }

    /// Sends a request and waits for its response. Other messages wait for [`Self::next`].
    pub(super) async fn ask(&mut self, method: &'static str, data: Value) -> Result<Value, JoinError> {
        self.next_id += 1;
        let id = self.next_id;
        let asked = async {
            self.send(json!({ "request": true, "id": id, "method": method, "data": data }).to_string()).await?;
            loop {
                let mut message = self.read().await?;
                if message["response"] == true && message["id"] == id {
                    return answer(method, &mut message);
                }
                if self.waiting.len() >= MAX_WAITING {
                    return Err(JoinError::Malformed("too many messages instead of a response"));
                }
                self.waiting.push_back(message);
            }
        };
        within(self.limit, method, asked).await
    }

    /// Accepts or refuses a request of the server.
    pub(super) async fn reply(&mut self, request: &Value, verdict: Result<(), &str>) -> Result<(), JoinError> {
        let Some(id) = request["id"].as_u64() else { return Ok(()) };
        let text = match verdict {
            Ok(()) => success(id, &json!({})),
            Err(reason) => failure(id, 400, reason),
        };
        within(self.limit, "capacity of the signaling connection", self.send(text)).await
    }

    /// The next request or notification of the server.
    pub(super) async fn next(&mut self) -> Result<Value, JoinError> {
        match self.waiting.pop_front() {
            Some(message) => Ok(message),
            None => self.read().await,
        }
    }

    async fn send(&mut self, text: String) -> Result<(), JoinError> {
        self.socket.send(Message::text(text)).await.map_err(ended)
    }

    async fn read(&mut self) -> Result<Value, JoinError> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).map_err(|_| JoinError::Malformed("a message that is not JSON"));
                }
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) = frame.map_or((1005, String::new()), |frame| {
                        (frame.code.into(), frame.reason.chars().take(MAX_REASON).collect())
                    });
                    return Err(JoinError::Closed { code, reason });
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(ended(error)),
                None => return Err(JoinError::Closed { code: 1006, reason: "the connection was cut".into() }),
            }
        }
    }
}

/// Gives up after a limit.
pub(super) async fn within<T>(
    limit: Duration,
    what: &'static str,
    future: impl Future<Output = Result<T, JoinError>>,
) -> Result<T, JoinError> {
    let gave_up = JoinError::Timeout { what, limit };
    timeout(limit, future).await.unwrap_or(Err(gave_up))
}

fn answer(method: &'static str, message: &mut Value) -> Result<Value, JoinError> {
    if message["ok"] == true {
        return Ok(message["data"].take());
    }
    let reason = message["errorReason"].as_str().unwrap_or_default().chars().take(MAX_REASON).collect();
    Err(JoinError::Refused { method, code: message["errorCode"].as_u64().unwrap_or_default(), reason })
}

fn handshake(error: WsError) -> JoinError {
    match error {
        WsError::Http(response) => JoinError::Handshake(format!("HTTP status {}", response.status().as_u16())),
        error => JoinError::Handshake(error.to_string()),
    }
}

fn ended(error: WsError) -> JoinError {
    match error {
        WsError::Capacity(_) => JoinError::Malformed("a message that is too long"),
        error => JoinError::Closed { code: 1006, reason: error.to_string() },
    }
}
