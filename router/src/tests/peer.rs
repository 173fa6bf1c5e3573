//! Both ends of a signaling socket: a client, and a server in place of the media pod.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use convene_protocol::admission::{KeySet, MeetingGrant, ParticipantGrant};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, accept_hdr_async, connect_async};

use crate::config::Config;
use crate::edge::policy::EdgeConfig;
use crate::fixtures::{Fixture, edge, settings};
use crate::join::config::JoinConfig;
use crate::run::serve::Listeners;
use crate::state::SignalSettings;

pub(crate) type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let polled = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), polled).await.unwrap_or_else(|_| panic!("not within 30 s: {what}"));
}

/// A router that serves on loopback.
pub(crate) struct Running {
    pub(crate) fixture: Fixture,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) demo: Option<SocketAddr>,
    pub(crate) server: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start() -> Self {
        Self::with(settings())
    }

    pub(crate) fn with(settings: SignalSettings) -> Self {
        Self::with_edge(settings, edge())
    }

    pub(crate) fn with_edge(settings: SignalSettings, edge: EdgeConfig) -> Self {
        let fixture = Fixture::with_edge(settings, &edge);
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            metrics_listen: ([127, 0, 0, 1], 0).into(),
            tls: None,
            web: fixture.app.web.clone(),
            namespace: "convene-system".into(),
            admission_key_secret: "key".into(),
            join: JoinConfig::default(),
            signal: settings,
            edge,
        };
        let listeners = Listeners::bind(&config).unwrap();
        let address = listeners.plain_address().unwrap();
        let metrics = listeners.metrics_address().unwrap();
        let demo = listeners.demo_address().transpose().unwrap();
        let server = tokio::spawn(listeners.serve(fixture.app.clone()));
        Self { fixture, address, metrics, demo, server }
    }

    /// Joins as the web app does.
    pub(crate) async fn join(&self, path: &str) -> Result<Client, Error> {
        join(self.address, path, &[("origin", "https://meet.example.org")]).await
    }

    /// Joins in the background, and returns once the join is held.
    pub(crate) async fn held_join(&self) -> JoinHandle<Result<Client, Error>> {
        let (address, before) = (self.address, self.fixture.app.metrics.held_joins.get());
        let joining = tokio::spawn(async move { join(address, "/signal/team-a/stand-up?peerId=abc", &[]).await });
        until("the join is held", || self.fixture.app.metrics.held_joins.get() == before + 1).await;
        joining
    }

    pub(crate) fn has_metric(&self, line: &str) -> bool {
        self.fixture.app.metrics.render().lines().any(|found| found == line)
    }
}

pub(crate) async fn join(address: SocketAddr, path: &str, headers: &[(&'static str, &str)]) -> Result<Client, Error> {
    let mut request = format!("ws://{address}{path}").into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", "protoo".parse().unwrap());
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    Ok(connect_async(request).await?.0)
}

/// The status and body of a refused handshake.
pub(crate) fn refused(result: Result<Client, Error>) -> (u16, serde_json::Value) {
    match result {
        Err(Error::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            (response.status().as_u16(), serde_json::from_slice(body).unwrap_or_default())
        }
        other => panic!("not refused by HTTP: {other:?}"),
    }
}

/// Close code and reason of a socket; `None` if it is closed without a close frame.
pub(crate) async fn closed(mut client: Client) -> Option<(u16, String)> {
    loop {
        match client.next().await {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| (frame.code.into(), frame.reason.to_string())),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    }
}

/// Sends a text and waits for its echo.
pub(crate) async fn echo(client: &mut Client, text: &str) -> String {
    client.send(Message::text(text)).await.unwrap();
    loop {
        match client.next().await.unwrap().unwrap() {
            Message::Text(text) => return text.to_string(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("not an echo: {other:?}"),
        }
    }
}

/// What a pod received in one handshake.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) uri: String,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) grant: MeetingGrant,
    pub(crate) participant: ParticipantGrant,
    pub(crate) jti: String,
}

/// A `WebSocket` server that accepts clients with an admission and echoes their messages.
pub(crate) struct Pod {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    server: JoinHandle<()>,
}

impl Pod {
    pub(crate) async fn start(jwks: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, jwks)
    }

    pub(crate) fn on(listener: TcpListener, jwks: &str) -> Self {
        let (address, seen) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Seen>>>::default());
        let (keys, into) = (KeySet::from_jwks(jwks).unwrap(), Arc::clone(&seen));
        let server = tokio::spawn(async move {
            // Aborting the server drops the set, and with it every socket: the pod dies with all its connections.
            let mut sockets = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                sockets.spawn(serve(stream, keys.clone(), Arc::clone(&into)));
            }
        });
        Self { address, seen, server }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) async fn die(self) {
        self.server.abort();
        let _ = self.server.await;
    }
}

#[expect(clippy::result_large_err, reason = "the callback's type is given by tungstenite")]
async fn serve(stream: TcpStream, keys: KeySet, seen: Arc<Mutex<Vec<Seen>>>) {
    let check = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let bearer =
            request.headers().get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let Ok(admission) =
            keys.verify_admission_with_end(bearer.unwrap_or_default(), now).map(|(admission, _)| admission)
        else {
            return Err(Response::builder().status(401).body(None).unwrap());
        };
        seen.lock().unwrap().push(Seen {
            uri: request.uri().to_string(),
            headers: request.headers().clone(),
            grant: admission.meeting,
            participant: admission.participant,
            jti: admission.jti,
        });
        response.headers_mut().insert("sec-websocket-protocol", "protoo".parse().unwrap());
        Ok(response)
    };
    let Ok(mut socket) = accept_hdr_async(stream, check).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        let result = match message {
            Message::Text(text) if text == "ping me" => socket.send(Message::Ping("are you there".into())).await,
            Message::Pong(payload) => socket.send(Message::Text(format!("pong {}", payload.len()).into())).await,
            Message::Text(_) | Message::Binary(_) => socket.send(message).await,
            _ => Ok(()),
        };
        if result.is_err() {
            return;
        }
    }
}
