//! Signaling of a LiveKit server on this machine (protobuf over a WebSocket, SDP), for comparisons: the clients, packets and feedback are the
//! same as with a media pod. What the server sends is not trusted; other machines get nothing.

mod rtc;
mod sdp;

use std::time::{Duration, Instant, SystemTime};

use jsonwebtoken::{EncodingKey, Header, encode};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::{Ping, SessionDescription, SignalRequest, SignalResponse, TrickleRequest};
use prost::Message as _;
use serde_json::{Value, json};
use str0m::Candidate;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::{Interval, interval};
use tokio_tungstenite::tungstenite::Message as WsMessage;
use url::Url;

use self::rtc::Offer;
use super::role::{Role, began};
use super::stream::Caller;
use super::websocket::{self, Socket};
use crate::error::JoinError;
use crate::media::engine::{Connection, Engine, Local};
use crate::media::peer::{PeerEvent, Publishing};
use crate::media::source::Source;
use crate::plan::{LiveKitKey, may_send_to};

pub(super) use livekit_protocol::signal_response::Message;

/// The generation of the protocol: with one connection for each direction.
const PROTOCOL: &str = "15";
/// The server closes sessions without a ping for 15 seconds.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// Validity of access tokens: the longest run and its joins.
const TOKEN_TIME: Duration = Duration::from_hours(3);
/// Candidates that are taken from a server.
const MAX_CANDIDATES: usize = 64;
/// `TrickleRequest.target` of a subscriber's connection; 0 is that of a publisher.
const SUBSCRIBER: i32 = 1;

/// The signaling of one client.
pub(super) struct Session {
    socket: Socket,
    pings: Interval,
    target: i32,
    candidates: usize,
}

/// A client that has joined a room, with its connection.
type Joined = (Session, Connection, UnboundedReceiver<PeerEvent>);

/// Joins a room, and publishes if there is something to send. Media is not connected yet.
pub(super) async fn join(
    engine: &Engine,
    (url, key): (&Url, &LiveKitKey),
    identity: &str,
    role: Role,
    caller: Caller,
    start: Instant,
) -> Result<Joined, JoinError> {
    let is_publisher = matches!(role, Role::Publisher { .. });
    let socket = websocket::open(&signaling_url(url, key, identity, is_publisher)?, [], caller).await?;
    let target = if is_publisher { 0 } else { SUBSCRIBER };
    let mut session = Session { socket, pings: interval(PING_INTERVAL), target, candidates: 0 };
    // Any loopback address: it selects the shared socket.
    let local = engine.local(caller.own, ([127, 0, 0, 1], 1).into()).map_err(|_| JoinError::NoCandidate)?;
    let (connection, events) = match role {
        Role::Publisher { .. } => session.publish(engine, local, role, start).await?,
        Role::Subscriber { streams } => engine.add(rtc::rtc(local.address)?, local, None, streams),
    };
    Ok((session, connection, events))
}

/// The URL with an access token. The room is the last part of the path.
fn signaling_url(url: &Url, key: &LiveKitKey, identity: &str, is_publisher: bool) -> Result<Url, JoinError> {
    let room = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let claims = json!({
        "iss": key.key, "sub": identity, "nbf": 0, "exp": (now + TOKEN_TIME).as_secs(),
        "video": { "roomJoin": true, "room": room, "canPublish": is_publisher, "canSubscribe": !is_publisher, "canPublishData": false },
    });
    let token = encode(&Header::default(), &claims, &EncodingKey::from_secret(key.secret.as_bytes()));
    let token = token.map_err(|error| JoinError::Handshake(error.to_string()))?;
    let mut url = url.clone();
    url.set_path("/rtc");
    url.query_pairs_mut()
        .append_pair("access_token", &token)
        .append_pair("auto_subscribe", if is_publisher { "0" } else { "1" })
        .append_pair("protocol", PROTOCOL)
        .append_pair("sdk", "rust");
    Ok(url)
}

impl Session {
    /// The next message; pings are sent meanwhile.
    pub(super) async fn next(&mut self) -> Result<Message, JoinError> {
        loop {
            tokio::select! {
                message = websocket::read(&mut self.socket) => {
                    let WsMessage::Binary(bytes) = message? else { continue };
                    let response = SignalResponse::decode(bytes);
                    let response = response.map_err(|_| JoinError::Malformed("a message that is not valid"))?;
                    if let Some(message) = response.message {
                        return Ok(message);
                    }
                }
                _ = self.pings.tick() => self.send(Request::PingReq(Ping::default())).await?,
            }
        }
    }

    /// Answers offers and adds candidates.
    pub(super) async fn take(&mut self, message: Message, connection: &Connection) -> Result<(), JoinError> {
        match message {
            Message::Offer(offer) if self.target == SUBSCRIBER => self.accept(offer, connection).await,
            Message::Trickle(trickle) => {
                if let Some(candidate) = self.candidate(&trickle) {
                    connection.change(move |rtc| rtc.add_remote_candidate(candidate));
                }
                Ok(())
            }
            Message::Leave(_) => Err(left()),
            _ => Ok(()),
        }
    }

    async fn accept(&mut self, offer: SessionDescription, connection: &Connection) -> Result<(), JoinError> {
        let streams = sdp::streams(&offer.sdp)?;
        let (sender, answer) = oneshot::channel();
        connection.change(move |rtc| {
            let _ = sender.send(rtc::accept(rtc, &offer.sdp));
        });
        let answer = answer.await.map_err(|_| JoinError::MediaEnded)??;
        for stream in streams {
            connection.announce(stream);
        }
        self.send(Request::Answer(description("answer", answer, offer.id))).await
    }

    async fn publish(
        &mut self,
        engine: &Engine,
        local: Local,
        role: Role,
        start: Instant,
    ) -> Result<(Connection, UnboundedReceiver<PeerEvent>), JoinError> {
        let Role::Publisher { settings, receivers } = role else { return Err(JoinError::MediaEnded) };
        let mut rtc = rtc::rtc(local.address)?;
        let offer = Offer::new(&mut rtc, settings)?;
        for track in offer.tracks() {
            self.send(Request::AddTrack(track)).await?;
        }
        self.send(Request::Offer(description("offer", offer.sdp.clone(), 0))).await?;
        let (answer, candidates) = self.answer().await?;
        for candidate in candidates {
            rtc.add_remote_candidate(candidate);
        }
        let streams = offer.accept(&mut rtc, &answer)?;
        let publishing = Publishing { source: Source::new(settings, start), began: began(start), streams, receivers };
        Ok(engine.add(rtc, local, Some(publishing), 0))
    }

    /// The answer to an offer, and the candidates before it.
    async fn answer(&mut self) -> Result<(String, Vec<Candidate>), JoinError> {
        let mut candidates = Vec::new();
        loop {
            match self.next().await? {
                Message::Trickle(trickle) => candidates.extend(self.candidate(&trickle)),
                Message::Answer(answer) => return Ok((answer.sdp, candidates)),
                Message::Leave(_) => return Err(left()),
                _ => {}
            }
        }
    }

    async fn send(&mut self, message: Request) -> Result<(), JoinError> {
        let bytes = SignalRequest { message: Some(message) }.encode_to_vec();
        websocket::send(&mut self.socket, WsMessage::binary(bytes)).await
    }

    /// A usable candidate of this connection.
    fn candidate(&mut self, trickle: &TrickleRequest) -> Option<Candidate> {
        self.candidates += 1;
        if trickle.target != self.target || self.candidates > MAX_CANDIDATES {
            return None;
        }
        let init: Value = serde_json::from_str(&trickle.candidate_init).ok()?;
        let candidate = Candidate::from_sdp_string(init["candidate"].as_str()?).ok()?;
        let is_usable = candidate.proto() == str0m::net::Protocol::Udp && may_send_to(candidate.addr().ip(), false);
        is_usable.then_some(candidate)
    }
}

fn left() -> JoinError {
    JoinError::Closed { code: 1000, reason: "the server ended the session".into() }
}

fn description(kind: &str, sdp: String, id: u32) -> SessionDescription {
    SessionDescription { r#type: kind.into(), sdp, id, ..SessionDescription::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_the_last_part_of_the_path() {
        let key = LiveKitKey { key: "devkey".into(), secret: "secret".into() };
        let url = signaling_url(&Url::parse("ws://127.0.0.1:7880/rtc/load-2").unwrap(), &key, "bench-1", true).unwrap();
        assert_eq!(url.path(), "/rtc");
        let query: std::collections::HashMap<_, _> = url.query_pairs().collect();
        assert_eq!((&*query["auto_subscribe"], query["access_token"].split('.').count()), ("0", 3));
    }
}
