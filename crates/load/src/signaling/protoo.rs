//! A protoo client: requests with a time limit, and the messages of the server. Everything that it keeps is bounded.

use std::time::Duration;

use convene_protocol::frame::{SUBPROTOCOL, failure, success};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use url::Url;

use super::stream::Caller;
use super::waiting::Waiting;
use super::websocket::{self, MAX_REASON, Socket};
use super::within::within;
use crate::error::JoinError;

/// A connected client.
pub(super) struct Protoo {
    socket: Socket,
    /// Time limit of each request.
    limit: Duration,
    next_id: u64,
    waiting: Waiting,
}

impl Protoo {
    /// Connects to a signaling URL that includes the peer id.
    pub(super) async fn open(url: &Url, token: Option<&str>, caller: Caller) -> Result<Self, JoinError> {
        let bearer = token.map(|token| ("Authorization", format!("Bearer {token}")));
        let headers = bearer.into_iter().chain([("Sec-WebSocket-Protocol", SUBPROTOCOL.to_owned())]);
        let socket = websocket::open(url, headers, caller).await?;
        Ok(Self { socket, limit: caller.limit, next_id: 0, waiting: Waiting::default() })
    }

    /// Sends a request and waits for its response. Requests of the server wait for [`Self::next`], and notifications are dropped.
    pub(super) async fn ask(&mut self, method: &'static str, data: Value) -> Result<Value, JoinError> {
        self.next_id += 1;
        let (id, limit) = (self.next_id, self.limit);
        let asked = async {
            self.send(json!({ "request": true, "id": id, "method": method, "data": data }).to_string()).await?;
            loop {
                let (mut message, length) = self.read().await?;
                if message["response"] == true && message["id"] == id {
                    return answer(method, &mut message);
                }
                self.waiting.keep(message, length)?;
            }
        };
        within(limit, method, asked).await
    }

    /// Accepts or refuses a request of the server.
    pub(super) async fn reply(&mut self, request: &Value, verdict: Result<(), &str>) -> Result<(), JoinError> {
        let limit = self.limit;
        let Some(id) = request["id"].as_u64() else { return Ok(()) };
        let text = match verdict {
            Ok(()) => success(id, &json!({})),
            Err(reason) => failure(id, 400, reason),
        };
        within(limit, "capacity of the signaling connection", self.send(text)).await
    }

    /// The next request or notification of the server.
    pub(super) async fn next(&mut self) -> Result<Value, JoinError> {
        match self.waiting.take() {
            Some(message) => Ok(message),
            None => Ok(self.read().await?.0),
        }
    }

    async fn send(&mut self, text: String) -> Result<(), JoinError> {
        websocket::send(&mut self.socket, Message::text(text)).await
    }

    /// A message and its length in bytes.
    async fn read(&mut self) -> Result<(Value, usize), JoinError> {
        loop {
            if let Message::Text(text) = websocket::read(&mut self.socket).await? {
                let message = serde_json::from_str(&text);
                let message = message.map_err(|_| JoinError::Malformed("a message that is not JSON"))?;
                return Ok((message, text.len()));
            }
        }
    }
}

fn answer(method: &'static str, message: &mut Value) -> Result<Value, JoinError> {
    if message["ok"] == true {
        return Ok(message["data"].take());
    }
    let reason = message["errorReason"].as_str().unwrap_or_default().chars().take(MAX_REASON).collect();
    Err(JoinError::Refused { method, code: message["errorCode"].as_u64().unwrap_or_default(), reason })
}
