//! Goldens: every message as JSON in `tests/golden`, one file each, and that none is missing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use convene_protocol::frame::{self, Frame};
use convene_protocol::message::{
    ChatHistoryAnswer, ChatSent, ClientRequest, Form, IceParametersAnswer, JoinAnswer, NoData, ProduceAnswer,
    ProduceDataAnswer, RequestInfo, RouterCapabilitiesAnswer, ServerNotification, ServerRequest, StatsAnswer,
    TransportAnswer,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::client_messages::{self, ClientMessage};
use crate::files::{assert_folder, pretty, repository};
use crate::server_messages;
use crate::{T, frames, names_of, request_named};

fn folder(name: &str) -> PathBuf {
    repository().join("crates/protocol/tests/golden").join(name)
}

/// Parses a frame of a client as the pod does.
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
fn the_table_has_every_request_once() {
    let named: Vec<&str> = ClientRequest::TABLE.iter().map(|request| request.name).collect();
    assert_eq!(named, names_of::<ClientRequest>());
}

#[test]
fn requests_are_of_the_sender_and_form_that_the_table_names() {
    for message in client_messages::all() {
        let listed = request_named(message.method);
        for input in &message.inputs {
            let request = read(&message.frame(input));
            assert_eq!((request.sender(), request.form()), (listed.sender, listed.form), "{}", message.method);
            assert!(input.is_request || listed.form == Form::RequestOrNotification, "{}", message.method);
        }
    }
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

/// Reads an answer as the type that the table of requests names, and writes it again.
fn answer_again(request: &RequestInfo, dialects: &[&str], answer: &Value) -> Value {
    match request.answer {
        "NoData" => again::<NoData>(answer),
        "RouterCapabilitiesAnswer" => again::<RouterCapabilitiesAnswer>(answer),
        "TransportAnswer" => again::<TransportAnswer>(answer),
        "IceParametersAnswer" => again::<IceParametersAnswer>(answer),
        "JoinAnswer" => again::<JoinAnswer>(answer),
        "ProduceAnswer" => again::<ProduceAnswer>(answer),
        "ProduceDataAnswer" => again::<ProduceDataAnswer>(answer),
        "StatsAnswer" if dialects == T => again::<StatsAnswer>(answer),
        "StatsAnswer" => again::<Vec<Value>>(answer),
        "ChatHistoryAnswer" => again::<ChatHistoryAnswer>(answer),
        "ChatSent" => again::<ChatSent>(answer),
        other => panic!("a type of answers that this test does not know: {other}"),
    }
}

#[test]
fn every_answer_is_of_its_type_and_lossless() {
    for message in client_messages::all() {
        assert!(!message.answers.is_empty(), "{} has no answer", message.method);
        let request = request_named(message.method);
        for answer in &message.answers {
            if let Ok(data) = &answer.outcome {
                assert_eq!(answer_again(request, answer.dialects, data), *data, "{}", message.method);
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
