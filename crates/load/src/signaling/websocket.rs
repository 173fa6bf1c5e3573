//! WebSockets of clients: handshake, limits, and what a closed one means.

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::Url;

use super::stream::{Caller, Stream, connect};
use super::within::within;
use crate::error::JoinError;

/// Longest message of a server; a list of a thousand participants fits.
const MAX_MESSAGE: usize = 1 << 20;
/// Each read fills a buffer of this size with zeros first, so it is not larger than most messages.
const READ_BUFFER: usize = 4096;
/// Longest reason that is kept.
pub(super) const MAX_REASON: usize = 300;

pub(super) type Socket = WebSocketStream<Box<dyn Stream>>;

/// Connects within the time limit.
pub(super) async fn open(
    url: &Url,
    headers: impl IntoIterator<Item = (&'static str, String)>,
    caller: Caller,
) -> Result<Socket, JoinError> {
    let open = async {
        let stream = connect(url, caller).await?;
        let mut request = url.as_str().into_client_request().map_err(handshake)?;
        for (name, value) in headers {
            let value = value.parse().map_err(|_| JoinError::Handshake("the token is no header".into()))?;
            request.headers_mut().insert(name, value);
        }
        let limits = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        let limits = limits.max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        client_async_with_config(request, stream, Some(limits)).await.map_err(handshake)
    };
    Ok(within(caller.limit, "WebSocket handshake", open).await?.0)
}

pub(super) async fn send(socket: &mut Socket, message: Message) -> Result<(), JoinError> {
    socket.send(message).await.map_err(ended)
}

/// The next message; the end of the socket is an error.
pub(super) async fn read(socket: &mut Socket) -> Result<Message, JoinError> {
    match socket.next().await {
        Some(Ok(Message::Close(frame))) => {
            let (code, reason) = frame.map_or((1005, String::new()), |frame| {
                (frame.code.into(), frame.reason.chars().take(MAX_REASON).collect())
            });
            Err(JoinError::Closed { code, reason })
        }
        Some(Ok(message)) => Ok(message),
        Some(Err(error)) => Err(ended(error)),
        None => Err(JoinError::Closed { code: 1006, reason: "the connection was cut".into() }),
    }
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
