//! Parses HTTP requests as broadcasters' calls: both variants of the mediasoup demo's API, distinguished by their fields. Pure.
//!
//! Older scripts send `id` and `type` and get status 200, newer ones send `peerId` and `direction` and get 201.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::net::IpAddr;

use axum::http::{Method, StatusCode};
use convene_protocol::message::bounds::{check_rtp_capabilities, prune_rtp_capabilities};
use convene_protocol::message::{ClientRequest, Direction, Join};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::room::broadcaster::{BroadcasterRequest, ConsumerCall, Entry, Refused};
use crate::room::{ConsumerId, DataProducerId, PeerId, ProducerId, TransportId};
use crate::signaling::peer_id::peer_id;

/// A call, and the response if it succeeds.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    pub(super) peer: PeerId,
    pub(super) request: BroadcasterRequest,
    pub(super) room: RoomRequirement,
    pub(super) success: Success,
}

/// Whether a call needs a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoomRequirement {
    /// The call is also answered without one. Read requests open no room, because any page can make a browser send them.
    Optional,
    /// The room must be open.
    Open,
    /// The call opens the room if needed: older scripts may be the first to enter.
    Create,
}

/// The response to a successful call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Success {
    pub(super) status: StatusCode,
    pub(super) body: Body,
    /// `Location` of the created object: the collection below the broadcaster, and the field of the room's answer with the id.
    pub(super) location: Option<(&'static str, &'static str)>,
}

/// The body of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// The room's answer.
    Json,
    /// A short text.
    Text(&'static str),
    /// No body.
    Empty,
}

impl Success {
    const fn json(status: StatusCode) -> Self {
        Self { status, body: Body::Json, location: None }
    }

    const fn created(collection: &'static str, field: &'static str) -> Self {
        Self { status: StatusCode::CREATED, body: Body::Json, location: Some((collection, field)) }
    }

    const fn text(text: &'static str) -> Self {
        Self { status: StatusCode::OK, body: Body::Text(text), location: None }
    }
}

/// An HTTP request for a room, reduced to what parsing needs.
#[derive(Debug)]
pub(super) struct CallRequest<'a> {
    pub(super) method: &'a Method,
    /// Segments below the room's path.
    pub(super) path: &'a [&'a str],
    /// The query parameter `producerId`.
    pub(super) producer_id: Option<&'a str>,
    /// Whether there is an Origin header: newer scripts always send it, older ones never.
    pub(super) has_origin: bool,
    pub(super) body: Map<String, Value>,
}

/// Parses a request.
pub(super) fn parse(request: CallRequest<'_>) -> Result<Call, Refused> {
    match (request.method, request.path) {
        (&Method::GET, []) => Ok(Call {
            peer: PeerId::from(""),
            request: BroadcasterRequest::RouterRtpCapabilities,
            room: if request.has_origin { RoomRequirement::Open } else { RoomRequirement::Optional },
            success: Success::json(StatusCode::OK),
        }),
        (&Method::POST, ["broadcasters"]) => enter(request.has_origin, request.body),
        (_, ["broadcasters", peer, rest @ ..]) => {
            let peer = peer_id(peer).ok_or_else(|| refused(404, "there is no such broadcaster in the meeting"))?;
            let (request, success) = broadcaster_call(&request, rest)?;
            Ok(Call { peer, request, room: RoomRequirement::Open, success })
        }
        (method, path) => Err(unknown(method, path)),
    }
}

type ParsedCall = (BroadcasterRequest, Success);

fn broadcaster_call(request: &CallRequest<'_>, rest: &[&str]) -> Result<ParsedCall, Refused> {
    let body = || request.body.clone();
    match (request.method, rest) {
        (&Method::DELETE, []) => Ok((BroadcasterRequest::Leave, left(request.has_origin))),
        (&Method::GET, ["peerProducersInfos"]) => {
            Ok((BroadcasterRequest::PeerProducersInfos, Success::json(StatusCode::OK)))
        }
        (&Method::POST, ["join"]) => Ok((BroadcasterRequest::Join, Success::text("joined"))),
        (&Method::POST, ["transports"]) => create_transport(body()),
        (&Method::POST, ["transports", transport, "connect"]) => connect(transport, body()),
        (&Method::POST, ["transports", transport, "producers"]) => {
            Ok((produce(Some(transport), body())?, Success::json(StatusCode::OK)))
        }
        (&Method::POST, ["producers"]) => Ok((produce(None, body())?, Success::created("producers", "producerId"))),
        (&Method::POST, ["transports", transport, "consume"]) => consume_on(transport, request.producer_id, body()),
        (&Method::POST, ["consumers"]) => {
            let body: Consuming = typed(body())?;
            let transport = body.transport_id.clone().ok_or_else(|| refused(400, "transportId is missing"))?;
            Ok((consume(&transport, body)?, Success::created("consumers", "consumerId")))
        }
        (&Method::POST, ["consumers", consumer, call]) => consumer_call(consumer, call, request, body()),
        (&Method::POST, ["transports", _, "resume"]) => Ok(resume(&typed::<Resuming>(body())?.consumer_id)),
        (&Method::POST, ["transports", transport, "produce", "data"]) => {
            Ok((produce_data(transport, body())?, Success::json(StatusCode::OK)))
        }
        (&Method::POST, ["transports", transport, "consume", "data"]) => consume_data(transport, body()),
        (method, _) => Err(unknown(method, request.path)),
    }
}

fn unknown(method: &Method, path: &[&str]) -> Refused {
    let path: String = path.join("/").chars().take(100).collect();
    refused(404, &format!("there is no call {method} {path:?}"))
}

fn refused(code: u16, reason: &str) -> Refused {
    Refused { code, reason: reason.to_owned() }
}

fn typed<T: DeserializeOwned>(body: Map<String, Value>) -> Result<T, Refused> {
    serde_json::from_value(Value::Object(body)).map_err(|error| refused(400, &error.to_string()))
}

/// Parses and validates a body like the same request of a client with a WebSocket.
fn as_client_request(
    method: &str,
    transport: Option<&str>,
    mut body: Map<String, Value>,
) -> Result<ClientRequest, Refused> {
    if let Some(transport) = transport {
        body.insert("transportId".to_owned(), Value::from(transport));
    }
    ClientRequest::parse(method, Value::Object(body)).map_err(|error| refused(400, &error.to_string()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entering {
    peer_id: Option<String>,
    id: Option<String>,
}

fn enter(has_origin: bool, body: Map<String, Value>) -> Result<Call, Refused> {
    let Entering { peer_id: newer, id: older } = typed(body.clone())?;
    let is_newer = newer.is_some();
    let id = newer.or(older).ok_or_else(|| refused(400, "peerId (or id) is missing"))?;
    let rule = "peerId must be 1 to 64 letters, digits, '-', '_', '.', '@' or ':'";
    let peer = peer_id(&id).ok_or_else(|| refused(400, rule))?;
    let ClientRequest::Join(Join { display_name, mut device, rtp_capabilities }) =
        as_client_request("join", None, body)?
    else {
        return Err(refused(500, "could not parse the body as join"));
    };
    device.flag.get_or_insert_with(|| "broadcaster".to_owned());
    let entry = Entry { display_name, device, rtp_capabilities, joins_at_once: !is_newer, replaces: is_newer };
    let created = Success { status: StatusCode::CREATED, body: Body::Text("created"), location: Some(("", "peerId")) };
    let success = if is_newer { created } else { Success::json(StatusCode::OK) };
    let room = if is_newer || has_origin { RoomRequirement::Open } else { RoomRequirement::Create };
    Ok(Call { peer, request: BroadcasterRequest::Enter(entry), room, success })
}

fn left(is_newer: bool) -> Success {
    if is_newer {
        Success { status: StatusCode::NO_CONTENT, body: Body::Empty, location: None }
    } else {
        Success::text("broadcaster deleted")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreatingTransport {
    #[serde(rename = "type")]
    kind: Option<String>,
    direction: Option<Direction>,
    comedia: Option<bool>,
    rtcp_mux: Option<bool>,
}

fn create_transport(body: Map<String, Value>) -> Result<ParsedCall, Refused> {
    let CreatingTransport { kind, direction, comedia, rtcp_mux } = typed(body)?;
    match (kind.as_deref(), direction) {
        // Each variant has the defaults of its own server.
        (None, Some(direction)) => {
            let (comedia, rtcp_mux) = (comedia.unwrap_or(false), rtcp_mux.unwrap_or(true));
            let request = BroadcasterRequest::CreatePlainTransport { direction: Some(direction), comedia, rtcp_mux };
            Ok((request, Success::created("transports", "transportId")))
        }
        (Some("plain"), direction) => {
            let (comedia, rtcp_mux) = (comedia.unwrap_or(true), rtcp_mux.unwrap_or(false));
            let request = BroadcasterRequest::CreatePlainTransport { direction, comedia, rtcp_mux };
            Ok((request, Success::json(StatusCode::OK)))
        }
        (Some("webrtc"), _) => Ok((BroadcasterRequest::CreateWebRtcTransport, Success::json(StatusCode::OK))),
        (Some(_), _) => Err(refused(400, "type must be plain or webrtc")),
        (None, None) => Err(refused(400, "direction (producer or consumer) or type (plain or webrtc) is missing")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConnectingPlain {
    ip: IpAddr,
    port: u16,
    rtcp_port: Option<u16>,
}

fn connect(transport: &str, body: Map<String, Value>) -> Result<ParsedCall, Refused> {
    let success = Success::text("connected");
    if body.contains_key("dtlsParameters") {
        let ClientRequest::ConnectWebRtcTransport(connect) =
            as_client_request("connectWebRtcTransport", Some(transport), body)?
        else {
            return Err(refused(500, "could not parse the body as connectWebRtcTransport"));
        };
        let (transport, dtls_parameters) = (TransportId(connect.transport_id), connect.dtls_parameters);
        return Ok((BroadcasterRequest::ConnectWebRtcTransport { transport, dtls_parameters }, success));
    }
    let ConnectingPlain { ip, port, rtcp_port } = typed(body)?;
    if port == 0 || rtcp_port == Some(0) {
        return Err(refused(400, "port and rtcpPort must be 1 to 65535"));
    }
    Ok((
        BroadcasterRequest::ConnectPlainTransport { transport: TransportId::from(transport), ip, port, rtcp_port },
        success,
    ))
}

fn produce(transport: Option<&str>, body: Map<String, Value>) -> Result<BroadcasterRequest, Refused> {
    let ClientRequest::Produce(produce) = as_client_request("produce", transport, body)? else {
        return Err(refused(500, "could not parse the body as produce"));
    };
    let (source, kind) = (produce.source(), produce.kind);
    let (transport, rtp_parameters) = (TransportId(produce.transport_id), produce.rtp_parameters);
    Ok(BroadcasterRequest::Produce { transport, kind, rtp_parameters, source })
}

fn produce_data(transport: &str, body: Map<String, Value>) -> Result<BroadcasterRequest, Refused> {
    let ClientRequest::ProduceData(produce) = as_client_request("produceData", Some(transport), body)? else {
        return Err(refused(500, "could not parse the body as produceData"));
    };
    let sctp_stream_parameters = produce.sctp_stream_parameters;
    let (transport, label, protocol) = (TransportId(produce.transport_id), produce.label, produce.protocol);
    Ok(BroadcasterRequest::ProduceData { transport, sctp_stream_parameters, label, protocol })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Consuming {
    transport_id: Option<String>,
    producer_id: String,
    paused: Option<bool>,
    rtp_capabilities: Option<Value>,
}

/// The older variant has the producer in the query, the newer one in the body.
fn consume_on(transport: &str, producer_id: Option<&str>, mut body: Map<String, Value>) -> Result<ParsedCall, Refused> {
    let is_newer = body.contains_key("producerId");
    if let (false, Some(producer_id)) = (is_newer, producer_id) {
        body.insert("producerId".to_owned(), Value::from(producer_id));
    }
    let success = if is_newer { Success::created("consumers", "consumerId") } else { Success::json(StatusCode::OK) };
    Ok((consume(transport, typed(body)?)?, success))
}

fn consume(transport: &str, mut body: Consuming) -> Result<BroadcasterRequest, Refused> {
    if let Some(capabilities) = &mut body.rtp_capabilities {
        check_rtp_capabilities(capabilities).map_err(|error| refused(400, &error.to_string()))?;
        prune_rtp_capabilities(capabilities);
    }
    Ok(BroadcasterRequest::Consume {
        transport: TransportId::from(transport),
        producer: ProducerId(body.producer_id),
        paused: body.paused.unwrap_or(false),
        rtp_capabilities: body.rtp_capabilities,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConsumingData {
    data_producer_id: String,
}

fn consume_data(transport: &str, body: Map<String, Value>) -> Result<ParsedCall, Refused> {
    let ConsumingData { data_producer_id } = typed(body)?;
    let (transport, producer) = (TransportId::from(transport), DataProducerId(data_producer_id));
    Ok((BroadcasterRequest::ConsumeData { transport, producer }, Success::json(StatusCode::OK)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resuming {
    consumer_id: String,
}

fn resume(consumer: &str) -> ParsedCall {
    (BroadcasterRequest::OfConsumer(ConsumerId::from(consumer), ConsumerCall::Resume), Success::text("resumed"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PreferringLayers {
    spatial_layer: u8,
    temporal_layer: Option<u8>,
}

fn consumer_call(
    consumer: &str,
    call: &str,
    request: &CallRequest<'_>,
    body: Map<String, Value>,
) -> Result<ParsedCall, Refused> {
    let (call, success) = match call {
        "resume" => (ConsumerCall::Resume, "resumed"),
        "pause" => (ConsumerCall::Pause, "paused"),
        "requestKeyFrame" => (ConsumerCall::RequestKeyFrame, "requested"),
        "setPreferredLayers" => {
            let PreferringLayers { spatial_layer, temporal_layer } = typed(body)?;
            (ConsumerCall::SetPreferredLayers(spatial_layer, temporal_layer), "preferred")
        }
        _ => return Err(unknown(request.method, request.path)),
    };
    Ok((BroadcasterRequest::OfConsumer(ConsumerId::from(consumer), call), Success::text(success)))
}

/// The call's name, for metric labels.
pub(super) fn name(request: &BroadcasterRequest) -> &'static str {
    match request {
        BroadcasterRequest::RouterRtpCapabilities => "http:getRouterRtpCapabilities",
        BroadcasterRequest::Enter(_) => "http:createBroadcaster",
        BroadcasterRequest::Join => "http:join",
        BroadcasterRequest::Leave => "http:deleteBroadcaster",
        BroadcasterRequest::CreatePlainTransport { .. } => "http:createPlainTransport",
        BroadcasterRequest::CreateWebRtcTransport => "http:createWebRtcTransport",
        BroadcasterRequest::ConnectPlainTransport { .. } => "http:connectPlainTransport",
        BroadcasterRequest::ConnectWebRtcTransport { .. } => "http:connectWebRtcTransport",
        BroadcasterRequest::Produce { .. } => "http:produce",
        BroadcasterRequest::ProduceData { .. } => "http:produceData",
        BroadcasterRequest::Consume { .. } => "http:consume",
        BroadcasterRequest::ConsumeData { .. } => "http:consumeData",
        BroadcasterRequest::OfConsumer(_, ConsumerCall::Resume) => "http:resumeConsumer",
        BroadcasterRequest::OfConsumer(_, ConsumerCall::Pause) => "http:pauseConsumer",
        BroadcasterRequest::OfConsumer(_, ConsumerCall::RequestKeyFrame) => "http:requestConsumerKeyFrame",
        BroadcasterRequest::OfConsumer(_, ConsumerCall::SetPreferredLayers(..)) => "http:setConsumerPreferredLayers",
        BroadcasterRequest::PeerProducersInfos => "http:getPeerProducersInfos",
    }
}

#[cfg(test)]
mod tests;
