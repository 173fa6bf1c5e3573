//! Parses client messages and checks their bounds. Errors are short, whatever the client has sent.

use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use super::bounds;
use super::payload::{Device, Join, Priority, Produce, ProduceData};
use super::request::ClientRequest;
use crate::text::clean_line;

/// Longest display name, in characters.
const MAX_DISPLAY_NAME: usize = 64;
/// Maximum length of label and protocol of a data channel, and of each field of a device, in bytes.
const MAX_LABEL: usize = 128;
/// Longest chat message that is kept and passed on by signaling, in bytes.
pub const MAX_CHAT_TEXT: usize = 4096;
/// Maximum length of the name that a client sets, in bytes.
const MAX_PEER_ID: usize = 64;
/// Maximum number of watched peers.
const MAX_WATCHED_PEERS: usize = 100;
/// The part of an unknown method that its error shows, in bytes.
const MAX_SHOWN_METHOD: usize = 40;
/// The part of a problem that its error shows, in bytes: it may quote the message.
const MAX_SHOWN_PROBLEM: usize = 400;

/// Reasons a client message is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RequestError {
    /// No such method.
    #[error("unknown method {method:?}")]
    UnknownMethod {
        /// As sent, shortened.
        method: String,
    },
    /// The payload does not fit the method.
    #[error("invalid data for {method:?}: {problem}")]
    InvalidData {
        /// The method.
        method: String,
        /// The problem.
        problem: String,
    },
}

impl RequestError {
    /// A short constant for metric labels and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownMethod { .. } => "MethodUnknown",
            Self::InvalidData { .. } => "DataInvalid",
        }
    }

    /// The error code of the answer; unknown methods get 500, as in the demo.
    pub fn code(&self) -> u16 {
        match self {
            Self::UnknownMethod { .. } => 500,
            Self::InvalidData { .. } => 400,
        }
    }
}

impl ClientRequest {
    /// Reads and checks a method and its payload.
    pub fn parse(method: &str, data: Value) -> Result<Self, RequestError> {
        Self::read(method, data).map_err(|problem| {
            let shown = shortened(method, MAX_SHOWN_METHOD);
            if is_known(method) {
                RequestError::InvalidData { method: shown, problem }
            } else {
                RequestError::UnknownMethod { method: shown }
            }
        })
    }

    fn read(method: &str, data: Value) -> Result<Self, String> {
        let data = match data {
            Value::Object(_) => data,
            // Some languages write an object without fields like this.
            Value::Array(fields) if fields.is_empty() => json!({}),
            // serde would accept an array as the fields in their order.
            _ => return Err("not an object".to_owned()),
        };
        let message = [("method".to_owned(), Value::from(method)), ("data".to_owned(), data)];
        let request = Self::deserialize(Value::Object(message.into_iter().collect()))
            .map_err(|error| shortened(&error.to_string(), MAX_SHOWN_PROBLEM))?
            .with_clean_name();
        request.check_texts().map_err(str::to_owned)?;
        request.check_parameters().map_err(|error| shortened(&error.to_string(), MAX_SHOWN_PROBLEM))?;
        Ok(request.pruned())
    }

    /// Names are checked and forwarded as others see them.
    fn with_clean_name(mut self) -> Self {
        let name = match &mut self {
            Self::Join(join) => &mut join.display_name,
            Self::Knock(knock) => &mut knock.display_name,
            Self::ChangeDisplayName(change) => &mut change.display_name,
            _ => return self,
        };
        *name = clean_line(name);
        self
    }

    /// Removes what nothing reads.
    fn pruned(mut self) -> Self {
        match &mut self {
            Self::Join(Join { rtp_capabilities: Some(capabilities), .. }) => {
                bounds::prune_rtp_capabilities(capabilities);
            }
            Self::SendChatMessage(chat) => chat.text = clean_chat_text(&chat.text),
            _ => {}
        }
        self
    }

    fn check_parameters(&self) -> Result<(), bounds::OutOfBounds> {
        match self {
            Self::Join(Join { rtp_capabilities: Some(capabilities), .. }) => {
                bounds::check_rtp_capabilities(capabilities)
            }
            Self::ConnectWebRtcTransport(connect) => bounds::check_dtls_parameters(&connect.dtls_parameters),
            Self::Produce(Produce { rtp_parameters, app_data, .. }) => {
                bounds::check_rtp_parameters(rtp_parameters).and_then(|()| bounds::check_app_data(app_data))
            }
            Self::ProduceData(ProduceData { sctp_stream_parameters, app_data, .. }) => {
                bounds::check_sctp_stream_parameters(sctp_stream_parameters)
                    .and_then(|()| bounds::check_app_data(app_data))
            }
            _ => Ok(()),
        }
    }

    fn check_texts(&self) -> Result<(), &'static str> {
        match self {
            Self::Join(join) => check_name(&join.display_name).and_then(|()| check_device(&join.device)),
            Self::Knock(knock) => check_name(&knock.display_name).and_then(|()| check_device(&knock.device)),
            Self::ChangeDisplayName(name) => check_name(&name.display_name),
            Self::CreateWebRtcTransport(create) if create.direction().is_none() => {
                Err("appData.direction must be producer or consumer")
            }
            Self::ProduceData(data) if data.label.len() > MAX_LABEL || data.protocol.len() > MAX_LABEL => {
                Err("label and protocol must have at most 128 bytes")
            }
            Self::SetWatchedPeers(watched) if watched.peer_ids.len() > MAX_WATCHED_PEERS => {
                Err("peerIds must have at most 100 entries")
            }
            Self::SetWatchedPeers(watched) if watched.peer_ids.iter().any(|id| id.len() > MAX_PEER_ID) => {
                Err("an entry of peerIds must have at most 64 bytes")
            }
            Self::SetConsumerPriority(Priority { priority: 0, .. }) => Err("priority must be 1 to 255"),
            Self::SendChatMessage(chat) if chat.text.len() > MAX_CHAT_TEXT => Err("text must have 1 to 4096 bytes"),
            Self::SendChatMessage(chat) if clean_chat_text(&chat.text).trim().is_empty() => {
                Err("text must have 1 to 4096 bytes")
            }
            _ => Ok(()),
        }
    }
}

/// A chat message without control characters, which are invisible and take six bytes each in JSON. Line breaks and tabs stay.
pub fn clean_chat_text(text: &str) -> String {
    text.chars().filter(|character| !character.is_control() || matches!(character, '\n' | '\t')).collect()
}

fn check_name(name: &str) -> Result<(), &'static str> {
    let is_fit = !name.is_empty() && name.chars().count() <= MAX_DISPLAY_NAME;
    if is_fit { Ok(()) } else { Err("displayName must have 1 to 64 characters") }
}

/// All participants receive it.
fn check_device(device: &Device) -> Result<(), &'static str> {
    let fields = [&device.flag, &device.name, &device.version];
    let is_fit = fields.into_iter().flatten().all(|text| text.len() <= MAX_LABEL);
    if is_fit { Ok(()) } else { Err("flag, name and version of the device must have at most 128 bytes") }
}

fn is_known(method: &str) -> bool {
    ClientRequest::TABLE.iter().any(|request| request.name == method)
}

/// The part of a text that errors show.
fn shortened(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_messages_say_what_is_wrong() {
        let cases = [
            ("launchRockets", json!({}), "unknown method \"launchRockets\""),
            ("join", json!({}), "invalid data for \"join\": missing field `displayName`"),
            (
                "join",
                json!({ "displayName": "  " }),
                "invalid data for \"join\": displayName must have 1 to 64 characters",
            ),
            (
                "join",
                json!({ "displayName": "\u{200b}\u{202e}\u{3164}" }),
                "invalid data for \"join\": displayName must have 1 to 64 characters",
            ),
            (
                "join",
                json!({ "displayName": "x".repeat(65) }),
                "invalid data for \"join\": displayName must have 1 to 64 characters",
            ),
            ("join", json!("x"), "invalid data for \"join\": not an object"),
            (
                "join",
                json!({ "displayName": 7 }),
                "invalid data for \"join\": invalid type: integer `7`, expected a string",
            ),
            (
                "createWebRtcTransport",
                json!({}),
                "invalid data for \"createWebRtcTransport\": appData.direction must be producer or consumer",
            ),
            (
                "setConsumerPriority",
                json!({ "consumerId": "c", "priority": 0 }),
                "invalid data for \"setConsumerPriority\": priority must be 1 to 255",
            ),
        ];
        for (method, data, message) in cases {
            assert_eq!(ClientRequest::parse(method, data).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn names_are_cleaned_wherever_clients_give_one() {
        for method in ["join", "knock", "changeDisplayName"] {
            let data = json!({ "displayName": " \u{202e}Ada\u{200b}\n Lovelace" });
            let name = match ClientRequest::parse(method, data).unwrap() {
                ClientRequest::Join(join) => join.display_name,
                ClientRequest::Knock(knock) => knock.display_name,
                ClientRequest::ChangeDisplayName(change) => change.display_name,
                other => panic!("{other:?}"),
            };
            assert_eq!(name, "Ada Lovelace", "{method}");
        }
    }

    #[test]
    fn a_kind_that_does_not_exist_is_no_unknown_method() {
        let data = json!({ "transportId": "t", "kind": "smell", "rtpParameters": {} });
        assert!(matches!(ClientRequest::parse("produce", data), Err(RequestError::InvalidData { .. })));
    }

    #[test]
    fn device_fields_are_bounded() {
        for field in ["flag", "name", "version"] {
            let join = |length: usize| {
                ClientRequest::parse("join", json!({ "displayName": "Ada", "device": { field: "x".repeat(length) } }))
            };
            assert!(join(128).is_ok());
            assert_eq!(
                join(129).unwrap_err().to_string(),
                "invalid data for \"join\": flag, name and version of the device must have at most 128 bytes"
            );
        }
    }

    #[test]
    fn lists_of_peers_are_bounded() {
        let watched = |peers: Vec<String>| ClientRequest::parse("setWatchedPeers", json!({ "peerIds": peers }));
        assert!(watched(vec!["x".repeat(64); 100]).is_ok());
        assert_eq!(
            watched(vec!["x".into(); 101]).unwrap_err().to_string(),
            "invalid data for \"setWatchedPeers\": peerIds must have at most 100 entries"
        );
        assert_eq!(
            watched(vec!["x".repeat(65)]).unwrap_err().to_string(),
            "invalid data for \"setWatchedPeers\": an entry of peerIds must have at most 64 bytes"
        );
    }

    #[test]
    fn an_empty_array_is_an_object_without_fields() {
        assert!(ClientRequest::parse("getRouterRtpCapabilities", json!([])).is_ok());
        assert!(ClientRequest::parse("getRouterRtpCapabilities", json!([{}])).is_err());
    }

    #[test]
    fn errors_are_cut_between_characters() {
        assert_eq!(shortened("aé", 2), "a");
        assert_eq!(shortened("aé", 3), "aé");
    }
}
