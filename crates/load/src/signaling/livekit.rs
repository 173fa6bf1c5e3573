//! Signaling of a LiveKit server (protobuf over a WebSocket, SDP), for comparisons on this machine.

use std::time::Instant;

use jsonwebtoken::{EncodingKey, Header, encode};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::{
    AddTrackRequest, Ping, SessionDescription, SignalRequest, SignalResponse, TrackSource, TrackType, TrickleRequest,
};
use prost::Message as _;
use serde_json::{Value, json};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::{Candidate, Rtc, RtcConfig};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::{Interval, interval};
use tokio_tungstenite::tungstenite::Message as WsMessage;
use url::Url;

use super::stream::Caller;
use super::websocket::{self, Socket};
use crate::error::JoinError;
use crate::media::engine::{Connection, Engine, Local};
use crate::media::peer::{PeerEvent, Publishing};
use crate::media::source::{Source, SourceSettings, StreamKind};
use crate::plan::{LiveKitKey, may_send_to};

pub(super) use livekit_protocol::signal_response::Message;

/// The generation of the protocol; 15 is spoken by LiveKit 1.5 and later.
const PROTOCOL: &str = "15";
/// The server closes sessions without a ping for 15 seconds.
const PING_INTERVAL: std::time::Duration = std::time::Duration::from_secs(5);
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

/// Joins a room, and publishes if there is something to send.
pub(super) async fn join(
    engine: &Engine,
    url: &Url,
    key: &LiveKitKey,
    identity: &str,
    settings: Option<SourceSettings>,
    caller: Caller,
    start: Instant,
) -> Result<(Session, Connection, UnboundedReceiver<PeerEvent>), JoinError> {
    let url = signaling_url(url, key, identity, settings.is_some())?;
    let socket = websocket::open(&url, [], caller).await?;
    let target = if settings.is_some() { 0 } else { SUBSCRIBER };
    let mut session = Session { socket, pings: interval(PING_INTERVAL), target, candidates: 0 };
    // Any loopback address: it selects the shared socket.
    let local = engine.local(caller.own, ([127, 0, 0, 1], 1).into()).map_err(|_| JoinError::NoCandidate)?;
    match settings {
        Some(settings) => session.publish(engine, local, settings, start).await,
        None => session.subscribe(engine, local).await,
    }
    .map(|(connection, events)| (session, connection, events))
}

/// The URL with an access token. The room is the last part of the path.
fn signaling_url(url: &Url, key: &LiveKitKey, identity: &str, is_publisher: bool) -> Result<Url, JoinError> {
    let room = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    let claims = json!({
        "iss": key.key, "sub": identity, "nbf": 0, "exp": 4_000_000_000_u64,
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
                    let response = SignalResponse::decode(bytes).map_err(|_| JoinError::Malformed("a message that is not valid"))?;
                    if let Some(message) = response.message {
                        return Ok(message);
                    }
                }
                _ = self.pings.tick() => self.send(Request::PingReq(Ping::default())).await?,
            }
        }
    }

    /// Answers offers and adds candidates.
    pub(super) async fn take(&mut self, message: Box<Message>, connection: &Connection) -> Result<(), JoinError> {
        match *message {
            Message::Offer(offer) => {
                let (sender, answer) = oneshot::channel();
                let sdp = offer.sdp.clone();
                connection.change(move |rtc| {
                    let _ = sender.send(accept(rtc, &sdp));
                });
                let answer = answer.await.map_err(|_| JoinError::MediaEnded)??;
                self.answer(offer.id, answer).await
            }
            Message::Trickle(trickle) => {
                if let Some(candidate) = self.candidate(&trickle) {
                    connection.change(move |rtc| rtc.add_remote_candidate(candidate));
                }
                Ok(())
            }
            Message::Leave(_) => Err(JoinError::Closed { code: 1000, reason: "the server ended the session".into() }),
            _ => Ok(()),
        }
    }

    async fn subscribe(
        &mut self,
        engine: &Engine,
        local: Local,
    ) -> Result<(Connection, UnboundedReceiver<PeerEvent>), JoinError> {
        let mut rtc = rtc(&local)?;
        loop {
            match self.next().await? {
                Message::Trickle(trickle) => {
                    self.candidate(&trickle).into_iter().for_each(|candidate| rtc.add_remote_candidate(candidate));
                }
                Message::Offer(offer) => {
                    let answer = accept(&mut rtc, &offer.sdp)?;
                    self.answer(offer.id, answer).await?;
                    return Ok(engine.add(rtc, local, None));
                }
                _ => {}
            }
        }
    }

    async fn publish(
        &mut self,
        engine: &Engine,
        local: Local,
        settings: SourceSettings,
        start: Instant,
    ) -> Result<(Connection, UnboundedReceiver<PeerEvent>), JoinError> {
        let mut rtc = rtc(&local)?;
        let (offer, mut pending, mids) = offer(&mut rtc, settings)?;
        for (kind, _) in &mids {
            self.send(Request::AddTrack(track(*kind))).await?;
        }
        self.send(Request::Offer(description("offer", offer, 0))).await?;
        loop {
            match self.next().await? {
                Message::Trickle(trickle) => {
                    self.candidate(&trickle).into_iter().for_each(|candidate| rtc.add_remote_candidate(candidate));
                }
                Message::Answer(answer) => {
                    let Some(pending) = pending.take() else { continue };
                    let answer = SdpAnswer::from_sdp_string(&answer.sdp)
                        .map_err(|_| JoinError::Malformed("an SDP answer that is not valid"))?;
                    let accepted = rtc.sdp_api().accept_answer(pending, answer);
                    accepted.map_err(|_| JoinError::Malformed("an SDP answer that does not fit the offer"))?;
                    let publishing = publishing(&mut rtc, &mids, settings, start)?;
                    return Ok(engine.add(rtc, local, Some(publishing)));
                }
                Message::Leave(_) => {
                    return Err(JoinError::Closed { code: 1000, reason: "the server ended the session".into() });
                }
                _ => {}
            }
        }
    }

    async fn answer(&mut self, id: u32, sdp: String) -> Result<(), JoinError> {
        self.send(Request::Answer(description("answer", sdp, id))).await
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

fn rtc(local: &Local) -> Result<Rtc, JoinError> {
    let config = RtcConfig::new().set_rtp_mode(true).clear_codecs().enable_opus(true, false).enable_vp8(true);
    let mut rtc = config.build(Instant::now());
    let candidate = Candidate::host(local.address, "udp").map_err(|_| JoinError::NoCandidate)?;
    rtc.add_local_candidate(candidate);
    Ok(rtc)
}

/// Candidates of other machines in an SDP are not used.
fn without_foreign_candidates(sdp: &str) -> String {
    let is_usable = |line: &&str| {
        let Some(candidate) = line.strip_prefix("a=candidate:") else { return true };
        candidate.split(' ').nth(4).and_then(|ip| ip.parse().ok()).is_some_and(|ip| may_send_to(ip, false))
    };
    sdp.lines().filter(is_usable).flat_map(|line| [line, "\r\n"]).collect()
}

fn accept(rtc: &mut Rtc, sdp: &str) -> Result<String, JoinError> {
    let offer = SdpOffer::from_sdp_string(&without_foreign_candidates(sdp));
    let offer = offer.map_err(|_| JoinError::Malformed("an SDP offer that is not valid"))?;
    let answer =
        rtc.sdp_api().accept_offer(offer).map_err(|_| JoinError::Malformed("an SDP offer that cannot be answered"))?;
    Ok(answer.to_sdp_string())
}

type Offered = (String, Option<SdpPendingOffer>, Vec<(MediaKind, Mid)>);

fn offer(rtc: &mut Rtc, settings: SourceSettings) -> Result<Offered, JoinError> {
    let kinds = [(MediaKind::Audio, settings.has_audio), (MediaKind::Video, settings.video_bitrate.is_some())];
    let mut changes = rtc.sdp_api();
    let add = |(kind, _)| {
        let (stream, track) = (Some("bench".into()), Some(cid(kind).into()));
        (kind, changes.add_media(kind, Direction::SendOnly, stream, track, None))
    };
    let mids = kinds.into_iter().filter(|(_, is_sent)| *is_sent).map(add).collect();
    let (offer, pending) = changes.apply().ok_or(JoinError::Malformed("nothing to publish"))?;
    Ok((offer.to_sdp_string(), Some(pending), mids))
}

/// The id under which the server finds the track in the SDP.
fn cid(kind: MediaKind) -> &'static str {
    if kind == MediaKind::Audio { "bench-audio" } else { "bench-video" }
}

fn track(kind: MediaKind) -> AddTrackRequest {
    let (r#type, source) = if kind == MediaKind::Audio {
        (TrackType::Audio, TrackSource::Microphone)
    } else {
        (TrackType::Video, TrackSource::Camera)
    };
    AddTrackRequest {
        cid: cid(kind).into(),
        name: cid(kind).into(),
        r#type: r#type.into(),
        source: source.into(),
        // The size in the frames of the synthetic video.
        width: 640,
        height: 360,
        ..AddTrackRequest::default()
    }
}

fn description(kind: &str, sdp: String, id: u32) -> SessionDescription {
    SessionDescription { r#type: kind.into(), sdp, id, ..SessionDescription::default() }
}

/// The negotiated payload types and SSRCs.
fn publishing(
    rtc: &mut Rtc,
    mids: &[(MediaKind, Mid)],
    settings: SourceSettings,
    start: Instant,
) -> Result<Publishing, JoinError> {
    let stream = |(kind, mid): &(MediaKind, Mid)| {
        let payload_type = *rtc.media(*mid)?.remote_pts().first()?;
        let ssrc = rtc.direct_api().stream_tx_by_mid(*mid, None)?.ssrc();
        let stream = if *kind == MediaKind::Audio { StreamKind::Audio } else { StreamKind::Video(None) };
        Some((stream, *payload_type, *ssrc))
    };
    let streams: Option<Vec<_>> = mids.iter().map(stream).collect();
    let streams = streams.ok_or(JoinError::Malformed("an SDP answer without the offered media"))?;
    Ok(Publishing { source: Source::new(settings, start), streams })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_of_other_machines_are_removed() {
        let sdp = "v=0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host\r\na=candidate:2 1 udp 2130706431 127.0.0.1 7882 typ host\r\na=mid:0\r\n";
        let left = without_foreign_candidates(sdp);
        assert_eq!(left, "v=0\r\na=candidate:2 1 udp 2130706431 127.0.0.1 7882 typ host\r\na=mid:0\r\n");
        assert_eq!(without_foreign_candidates("a=candidate:x\n"), "");
    }

    #[test]
    fn the_room_is_the_last_part_of_the_path() {
        let key = LiveKitKey { key: "devkey".into(), secret: "secret".into() };
        let url = signaling_url(&Url::parse("ws://127.0.0.1:7880/rtc/load-2").unwrap(), &key, "bench-1", true).unwrap();
        assert_eq!(url.path(), "/rtc");
        let query: std::collections::HashMap<_, _> = url.query_pairs().collect();
        assert_eq!((&*query["auto_subscribe"], query["access_token"].split('.').count()), ("0", 3));
    }
}
