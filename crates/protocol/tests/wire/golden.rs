//! Goldens: every message as JSON in `tests/golden`, one file each, and that none is missing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use convene_protocol::frame::{self, Frame};
use convene_protocol::message::{
    ChatHistoryAnswer, ChatSent, ClientRequest, IceParametersAnswer, JoinAnswer, NoData, ProduceAnswer,
    ProduceDataAnswer, RouterCapabilitiesAnswer, ServerNotification, ServerRequest, StatsAnswer, TransportAnswer,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::client_messages::{self, ClientMessage};
use crate::files::{assert_folder, pretty, repository};
use crate::server_messages;
use crate::{T, frames, names_of};

fn folder(name: &str) -> PathBuf {
    repository().join("crates/protocol/tests/golden").join(name)
}

/// What the pod makes of a frame of a client.
pub(crate) fn read(frame: &Value) -> ClientRequest {
    match frame::parse(&frame.to_string()) {
        Ok(Frame::Request { method, data, .. } | Frame::Notification { method, data }) => {
            ClientRequest::parse(&method, data).unwrap_or_else(|error| panic!("{error}: {frame}"))
        }
        other => panic!("{other:?}: {frame}"),
    }
}

/// What both dialects say in their own ways.
fn meaning(request: &ClientRequest) -> Option<Value> {
    match request {
        ClientRequest::CreateWebRtcTransport(create) => Some(json!({ "direction": create.direction() })),
        ClientRequest::Produce(produce) => Some(json!({ "source": produce.source() })),
        ClientRequest::ProduceData(produce) => Some(json!({ "channel": produce.channel() })),
        _ => None,
    }
}

pub(crate) fn of_client(message: &ClientMessage) -> Value {
    let inputs = message.inputs.iter().map(|input| {
        let frame = message.frame(input);
        let parsed = read(&frame);
        let mut golden = json!({ "dialects": input.dialects.join(", "), "frame": frame, "parsed": parsed });
        if let Some(meaning) = meaning(&parsed) {
            golden["meaning"] = meaning;
        }
        golden
    });
    let answers =
        message.answers.iter().map(|answer| json!({ "dialects": answer.dialects.join(", "), "frame": answer.frame() }));
    json!({ "inputs": inputs.collect::<Vec<_>>(), "answers": answers.collect::<Vec<_>>() })
}

/// By method; of requests also what clients answer.
pub(crate) fn of_server() -> BTreeMap<String, Value> {
    let mut goldens = BTreeMap::new();
    for message in server_messages::all() {
        let golden = goldens.entry(message.method().to_owned()).or_insert_with(|| json!({ "examples": [] }));
        if message.frame["request"] == true {
            golden["answers"] = json!(server_messages::client_answers());
        }
        let example = json!({ "about": message.about, "frame": message.frame });
        golden["examples"].as_array_mut().unwrap().push(example);
    }
    goldens
}

#[test]
fn client_messages_are_read_and_answered_as_the_goldens_say() {
    let goldens =
        client_messages::all().iter().map(|of| (format!("{}.json", of.method), pretty(&of_client(of)))).collect();
    assert_folder(&folder("client"), &goldens);
}

#[test]
fn server_messages_are_written_as_the_goldens_say() {
    let goldens = of_server().iter().map(|(method, golden)| (format!("{method}.json"), pretty(golden))).collect();
    assert_folder(&folder("server"), &goldens);
}

#[test]
fn frames_are_read_and_refused_as_the_goldens_say() {
    let goldens =
        frames::TEXTS.iter().map(|(name, text)| (format!("{name}.json"), pretty(&frames::golden(text)))).collect();
    assert_folder(&folder("frame"), &goldens);
}

#[test]
fn every_client_message_has_a_golden() {
    let mut named: Vec<String> = client_messages::all().iter().map(|message| message.method.to_owned()).collect();
    let mut known = names_of::<ClientRequest>();
    named.sort();
    known.sort();
    assert_eq!(named, known);
}

#[test]
fn every_server_message_has_a_golden() {
    let mut known = names_of::<ServerRequest>();
    known.extend(names_of::<ServerNotification>());
    known.sort();
    assert_eq!(of_server().into_keys().collect::<Vec<_>>(), known);
}

#[test]
fn methods_are_named_alike_everywhere() {
    for message in client_messages::all() {
        for input in &message.inputs {
            assert_eq!(read(&message.frame(input)).name(), message.method);
        }
    }
}

/// Reads a value as a type and writes it again.
fn again<T: Serialize + DeserializeOwned>(value: &Value) -> Value {
    let read: T = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"));
    json!(read)
}

/// The type of the answer, for every request there is: the compiler misses none.
fn answer_again(request: &ClientRequest, dialects: &[&str], answer: &Value) -> Value {
    match request {
        ClientRequest::GetRouterRtpCapabilities(_) => again::<RouterCapabilitiesAnswer>(answer),
        ClientRequest::CreateWebRtcTransport(_) => again::<TransportAnswer>(answer),
        ClientRequest::RestartIce(_) => again::<IceParametersAnswer>(answer),
        ClientRequest::Join(_) => again::<JoinAnswer>(answer),
        ClientRequest::Produce(_) => again::<ProduceAnswer>(answer),
        ClientRequest::ProduceData(_) => again::<ProduceDataAnswer>(answer),
        ClientRequest::GetTransportStats(_)
        | ClientRequest::GetProducerStats(_)
        | ClientRequest::GetConsumerStats(_)
        | ClientRequest::GetDataProducerStats(_)
        | ClientRequest::GetDataConsumerStats(_) => {
            if dialects == T {
                again::<StatsAnswer>(answer)
            } else {
                again::<Vec<Value>>(answer)
            }
        }
        ClientRequest::GetChatHistory(_) => again::<ChatHistoryAnswer>(answer),
        ClientRequest::SendChatMessage(_) => again::<ChatSent>(answer),
        ClientRequest::GetRtcStatsUrl(_)
        | ClientRequest::ConnectWebRtcTransport(_)
        | ClientRequest::CloseProducer(_)
        | ClientRequest::PauseProducer(_)
        | ClientRequest::ResumeProducer(_)
        | ClientRequest::PauseConsumer(_)
        | ClientRequest::ResumeConsumer(_)
        | ClientRequest::RequestConsumerKeyFrame(_)
        | ClientRequest::SetConsumerPreferredLayers(_)
        | ClientRequest::SetConsumerPriority(_)
        | ClientRequest::ChangeDisplayName(_)
        | ClientRequest::RaiseHand(_)
        | ClientRequest::SendReaction(_)
        | ClientRequest::SetWatchedPeers(_)
        | ClientRequest::Knock(_)
        | ClientRequest::AdmitPeer(_)
        | ClientRequest::RefusePeer(_)
        | ClientRequest::AdmitAll(_)
        | ClientRequest::SetRoomLock(_)
        | ClientRequest::SetRoomLobby(_)
        | ClientRequest::MuteParticipant(_)
        | ClientRequest::AskToUnmute(_)
        | ClientRequest::RemoveParticipant(_)
        | ClientRequest::SetPermissions(_)
        | ClientRequest::SetModerator(_)
        | ClientRequest::LowerHand(_)
        | ClientRequest::EndMeeting(_) => again::<NoData>(answer),
        ClientRequest::ApplyNetworkThrottle(_)
        | ClientRequest::ResetNetworkThrottle(_)
        | ClientRequest::StopNetworkThrottle(_) => panic!("never answered with success"),
    }
}

#[test]
fn every_answer_is_of_its_type_and_lossless() {
    for message in client_messages::all() {
        assert!(!message.answers.is_empty(), "{} has no answer", message.method);
        let request = read(&message.frame(&message.inputs[0]));
        for answer in &message.answers {
            if let Ok(data) = &answer.outcome {
                assert_eq!(answer_again(&request, answer.dialects, data), *data, "{}", message.method);
            }
        }
    }
}

#[test]
fn every_server_message_is_lossless() {
    for message in server_messages::all() {
        let payload = json!({ "method": message.method(), "data": message.frame["data"] });
        let is_request = message.frame["request"] == true;
        let again = if is_request { again::<ServerRequest>(&payload) } else { again::<ServerNotification>(&payload) };
        assert_eq!(again, payload);
    }
}

#[test]
fn client_answers_are_read() {
    let read = server_messages::client_answers().map(|answer| frame::parse(&answer.to_string()).unwrap());
    assert_eq!(read, [true, false, false].map(|is_ok| Frame::Response { id: 3, is_ok }));
}
