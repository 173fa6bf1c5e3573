//! The messages of a link, as JSON. Each side ignores fields that it does not know; a request that the site does not know fails alone, so pods of
//! different versions can be linked.

use std::net::IpAddr;

use convene_protocol::admission::MediaGrant;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::room::{MediaError, MediaEvent, Operation, Outcome};

/// Path of the WebSocket on the listener for links.
pub(crate) const LINK_PATH: &str = "/link/v1";
/// Longest message, in bytes.
pub(crate) const MAX_FRAME_BYTES: usize = 1024 * 1024;

/// The first message of the room's pod: what the site has to know of the room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Hello {
    /// Namespace of the Meeting, for the log.
    pub(crate) namespace: String,
    /// Name of the Meeting, for the log.
    pub(crate) name: String,
    /// Address of the room's pod, from which its UDP packets come.
    pub(crate) address: IpAddr,
    /// The codecs that the room offers, by name.
    pub(crate) codecs: Vec<String>,
    /// The meeting's bitrates.
    #[serde(default)]
    pub(crate) media: MediaGrant,
}

/// An operation for a site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LinkRequest {
    /// Grows with each request of the link.
    pub(crate) id: u64,
    pub(crate) operation: Operation,
}

/// A message of the room's pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum HomeFrame {
    Hello(Hello),
    Request(Box<LinkRequest>),
    Ping,
}

/// A message of a site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SiteFrame {
    /// The answer to [`Hello`].
    Welcome(Welcome),
    /// The outcome of a request. They come in the order of the requests.
    Done(Done),
    Event(Box<MediaEvent>),
    Pong,
}

/// The first message of the site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Welcome {
    /// UDP port that echoes what the room's pod sends, for some seconds, if there is one to spare.
    #[serde(default)]
    pub(crate) echo: Option<u16>,
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Done {
    pub(crate) id: u64,
    pub(crate) outcome: Result<Outcome, MediaError>,
}

/// What a site reads.
#[derive(Debug, PartialEq)]
pub(crate) enum Received {
    Known(HomeFrame),
    /// A request of a later version.
    Unknown(u64),
    /// A request that is not allowed.
    Refused(u64, MediaError),
    /// Another message of a later version.
    Other,
}

/// What a room's pod reads.
#[derive(Debug, PartialEq)]
pub(crate) enum Reported {
    Known(SiteFrame),
    /// Something else of a later version, which is no outcome.
    Other,
}

/// Reads a message of the room's pod; `None` if it is none.
pub(crate) fn read(text: &str) -> Option<Received> {
    if let Ok(frame) = serde_json::from_str(text) {
        return Some(Received::Known(frame));
    }
    let unknown: Value = serde_json::from_str(text).ok()?;
    let is_message = unknown.is_object() || unknown.is_string();
    let request = unknown["request"].is_object().then(|| unknown["request"]["id"].as_u64());
    request.map_or_else(|| is_message.then_some(Received::Other), |id| id.map(Received::Unknown))
}

/// Reads a message of a site; `None` if it is none.
pub(crate) fn read_report(text: &str) -> Option<Reported> {
    if let Ok(frame) = serde_json::from_str(text) {
        return Some(Reported::Known(frame));
    }
    let unknown: Value = serde_json::from_str(text).ok()?;
    if unknown["done"].is_object() {
        let id = unknown["done"]["id"].as_u64()?;
        return Some(Reported::Known(SiteFrame::Done(Done { id, outcome: Err(unsupported()) })));
    }
    (unknown.is_object() || unknown.is_string()).then_some(Reported::Other)
}

/// The outcome of an operation of which one side does not know enough.
pub(crate) fn unsupported() -> MediaError {
    MediaError { code: 501, message: "the media pods of this meeting have different versions: try again later".into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::room::TransportId;

    #[test]
    fn an_unknown_request_is_told_from_nonsense() {
        let close = Operation::CloseTransport(TransportId::from("t"));
        let known = HomeFrame::Request(Box::new(LinkRequest { id: 7, operation: close }));
        assert_eq!(read(&serde_json::to_string(&known).unwrap()), Some(Received::Known(known)));
        let later = json!({ "request": { "id": 8, "operation": { "sing": "loudly" } } }).to_string();
        assert_eq!(read(&later), Some(Received::Unknown(8)));
        for other in ["{}", "\"dance\"", r#"{"dance":{"request":{"id":1}}}"#] {
            assert_eq!((read(other), read_report(other)), (Some(Received::Other), Some(Reported::Other)), "{other}");
        }
        for nonsense in ["", "[]", "7", r#"{"request":{"id":-1}}"#, r#"{"done":{}}"#, &"[".repeat(10_000)] {
            let shown = &nonsense[..nonsense.len().min(40)];
            assert!(read(nonsense).is_none() || read_report(nonsense).is_none(), "{shown}");
        }
    }

    #[test]
    fn an_outcome_of_a_later_version_is_a_failure() {
        let later = json!({ "done": { "id": 9, "outcome": { "Ok": { "sung": 1 } } } }).to_string();
        let Some(Reported::Known(SiteFrame::Done(done))) = read_report(&later) else { panic!("{later}") };
        assert_eq!((done.id, done.outcome.unwrap_err().code), (9, 501));
        let event = json!({ "event": { "sunrise": 5 } }).to_string();
        assert_eq!(read_report(&event), Some(Reported::Other));
    }
}
