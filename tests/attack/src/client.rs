//! A protoo client, honest or hostile. It accepts every request of the pod and queues a bounded number of messages.

use std::collections::VecDeque;
use std::time::Duration;

use convene_protocol::admission::{MeetingGrant, ParticipantGrant};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::failure::{Failure, Outcome};
use crate::keys::NAMESPACE;
use crate::pod::Pod;

/// Limit for a response.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of queued messages.
const MAX_QUEUED: usize = 5000;

pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
    next_id: u64,
    kept: VecDeque<Value>,
}

impl Client {
    /// Connects with a new admission.
    pub(crate) async fn open(pod: &Pod, meeting: &MeetingGrant, peer: &str, who: &ParticipantGrant) -> Outcome<Self> {
        Self::open_with(pod, &meeting.name, peer, &pod.keys.admit(meeting, who)).await
    }

    /// Connects with a new admission, without entering the room.
    pub(crate) async fn prepare(
        pod: &Pod,
        meeting: &MeetingGrant,
        peer: &str,
        who: &ParticipantGrant,
    ) -> Outcome<Self> {
        let path = format!("/signal/{NAMESPACE}/{}?peerId={peer}&session=new&prepare=1", meeting.name);
        Self::open_at(pod, &path, &pod.keys.admit(meeting, who), None).await
    }

    pub(crate) async fn open_with(pod: &Pod, room: &str, peer: &str, token: &str) -> Outcome<Self> {
        Self::open_at(pod, &format!("/signal/{NAMESPACE}/{room}?peerId={peer}"), token, None).await
    }

    /// Connects to a path of the pod, optionally with a small receive buffer (bytes).
    pub(crate) async fn open_at(pod: &Pod, path: &str, token: &str, buffer: Option<u32>) -> Outcome<Self> {
        let socket = TcpSocket::new_v4()?;
        if let Some(buffer) = buffer {
            socket.set_recv_buffer_size(buffer)?;
        }
        let connect = async {
            let stream = socket.connect(pod.address).await?;
            stream.set_nodelay(true)?;
            Self::shake_hands(stream, &format!("ws://{}{path}", pod.address), token).await
        };
        timeout(TIMEOUT, connect).await.map_err(|_| Failure::Silent("WebSocket handshake".into()))?
    }

    async fn shake_hands(stream: TcpStream, url: &str, token: &str) -> Outcome<Self> {
        let mut request = url.into_client_request().map_err(|error| Failure::Broken(error.to_string()))?;
        let header = |text: &str| text.parse().map_err(|_| Failure::Broken("the token is not a valid header".into()));
        request.headers_mut().insert("Sec-WebSocket-Protocol", header("protoo")?);
        request.headers_mut().insert("Authorization", header(&format!("Bearer {token}"))?);
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self { socket, next_id: 0, kept: VecDeque::new() }),
            Err(WsError::Http(answer)) => Err(Failure::Handshake(answer.status().as_u16())),
            Err(error) => Err(Failure::Broken(error.to_string())),
        }
    }

    /// Closes the socket for good: a session does not wait for its client then.
    pub(crate) async fn leave(mut self) -> Outcome {
        let close = timeout(TIMEOUT, self.socket.close(None)).await;
        close
            .map_err(|_| Failure::Silent("space in the socket".into()))?
            .map_err(|error| Failure::Broken(error.to_string()))
    }

    pub(crate) async fn send(&mut self, text: impl Into<String>) -> Outcome {
        let send = self.socket.send(Message::text(text.into()));
        let outcome = timeout(TIMEOUT, send).await.map_err(|_| Failure::Silent("space in the socket".into()))?;
        outcome.map_err(|error| Failure::Broken(error.to_string()))
    }

    /// Sends raw bytes on the TCP connection.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) -> Outcome {
        Ok(self.socket.get_mut().write_all(bytes).await?)
    }

    /// Sends a request without waiting for the response; returns its id.
    pub(crate) async fn request(&mut self, method: &str, data: &Value) -> Outcome<u64> {
        self.next_id += 1;
        let id = self.next_id;
        self.send(json!({ "request": true, "id": id, "method": method, "data": data }).to_string()).await?;
        Ok(id)
    }

    /// Number of requests sent so far.
    pub(crate) fn count(&self) -> u64 {
        self.next_id
    }

    pub(crate) async fn ask(&mut self, method: &str, data: Value) -> Outcome<Value> {
        let id = self.request(method, &data).await?;
        let is_response = move |message: &Value| message["response"] == true && message["id"] == id;
        let mut answer = self.until(&format!("response to {method}"), is_response).await?;
        if answer["ok"] == true {
            return Ok(answer["data"].take());
        }
        let reason = answer["errorReason"].as_str().unwrap_or_default().to_owned();
        Err(Failure::Refused { code: answer["errorCode"].as_u64().unwrap_or(0), reason })
    }

    /// The next request or notification with this method.
    pub(crate) async fn message(&mut self, method: &str) -> Outcome<Value> {
        self.until(method, |message| message["method"] == method).await
    }

    /// The first queued or new message that fits. Others are queued.
    pub(crate) async fn until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Outcome<Value> {
        if let Some(message) = self.kept.iter().position(&fits).and_then(|index| self.kept.remove(index)) {
            return Ok(message);
        }
        let end = Instant::now() + TIMEOUT;
        loop {
            let next = timeout_at(end, self.next()).await;
            let message = next.map_err(|_| Failure::Silent(what.to_owned()))??;
            if fits(&message) {
                return Ok(message);
            }
            self.keep(message);
        }
    }

    fn keep(&mut self, message: Value) {
        if self.kept.len() == MAX_QUEUED {
            self.kept.pop_front();
        }
        self.kept.push_back(message);
    }

    /// Removes and returns the queued messages.
    pub(crate) fn take_queued(&mut self) -> VecDeque<Value> {
        std::mem::take(&mut self.kept)
    }

    /// Reads for some time; fails if the pod closes the socket.
    pub(crate) async fn read_for(&mut self, time: Duration) -> Outcome {
        let end = Instant::now() + time;
        while let Ok(message) = timeout_at(end, self.next()).await {
            let message = message?;
            self.keep(message);
        }
        Ok(())
    }

    /// Code and reason of the close, if the pod closes within this time.
    pub(crate) async fn closed_within(&mut self, time: Duration) -> Option<(u16, String)> {
        match self.read_for(time).await {
            Err(Failure::Closed { code, reason }) => Some((code, reason)),
            // A reset has no code.
            Err(_) => Some((1006, String::new())),
            Ok(()) => None,
        }
    }

    /// The next message. Requests of the pod are accepted.
    pub(crate) async fn next(&mut self) -> Outcome<Value> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).map_err(|e| Failure::Broken(e.to_string()))?;
                    if message["request"] == true {
                        self.send(json!({ "response": true, "id": message["id"], "ok": true, "data": {} }).to_string())
                            .await?;
                    }
                    return Ok(message);
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(Failure::Closed { code: frame.code.into(), reason: frame.reason.to_string() });
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(Failure::Broken(error.to_string())),
                None => return Err(Failure::Broken("the socket was closed".into())),
            }
        }
    }

    pub(crate) async fn transport(&mut self, direction: &str) -> Outcome<Value> {
        let data = json!({ "forceTcp": false, "appData": { "direction": direction } });
        self.ask("createWebRtcTransport", data).await
    }

    /// Joins with the capabilities of the mediasoup router.
    pub(crate) async fn join(&mut self, name: &str) -> Outcome<Value> {
        let answer = self.ask("getRouterRtpCapabilities", json!({})).await?;
        let join = json!({
            "displayName": name, "device": { "flag": "unknown", "name": "attack" },
            "rtpCapabilities": answer["routerRtpCapabilities"],
        });
        self.ask("join", join).await
    }

    /// Joins with a receiving transport.
    pub(crate) async fn join_to_receive(&mut self, name: &str) -> Outcome<Value> {
        self.transport("consumer").await?;
        self.join(name).await
    }
}
