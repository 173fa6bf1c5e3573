//! protoo frames: one JSON object per WebSocket text frame, as request, response or notification.
//!
//! Parses untrusted text into a [`Frame`] and serializes frames. It does not interpret methods or data;
//! [`crate::message`] does. Source of the format: protoo-client and protoo-server 4.

use serde_json::{Map, Value, json};
use thiserror::Error;

/// Maximum length of a message, in bytes. The longest message that a client needs has the capabilities of a browser, 15 to 20 kB.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// WebSocket subprotocol that both sides must name.
pub const SUBPROTOCOL: &str = "protoo";

/// Close code after which a protoo client does not reconnect.
pub const CLOSE_FINAL: u16 = 4000;

/// Close code after which a client reconnects to the same URL (RFC 6455 registry: "Service Restart").
pub const CLOSE_COME_BACK: u16 = 1012;

/// Id in the answer to a message whose own id could not be read. Clients choose non-negative ids, so it answers none of theirs.
pub const UNKNOWN_ID: i64 = -1;

/// A message from a client.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// Requires exactly one response with the same id.
    Request {
        /// Chosen by the sender.
        id: u64,
        /// The method.
        method: String,
        /// Its data; `{}` when absent.
        data: Value,
    },
    /// Answers a request of ours.
    Response {
        /// The id of our request.
        id: u64,
        /// Whether the client accepted.
        is_ok: bool,
    },
    /// Wants no answer.
    Notification {
        /// The method.
        method: String,
        /// Its data; `{}` when absent.
        data: Value,
    },
}

/// Reasons a message is not a protoo frame.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// Over [`MAX_MESSAGE_BYTES`].
    #[error("the message is longer than {MAX_MESSAGE_BYTES} bytes")]
    TooLong,
    /// Not JSON.
    #[error("the message is not JSON")]
    NotJson,
    /// JSON, but not a request, response or notification.
    #[error("the message is not a protoo request, response or notification: {problem}")]
    NotProtoo {
        /// The id, if it could be read, so that the sender's request completes.
        id: Option<u64>,
        /// The problem.
        problem: &'static str,
    },
}

impl FrameError {
    /// A short constant for metric labels and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "MessageTooLong",
            Self::NotJson => "MessageNotJson",
            Self::NotProtoo { .. } => "MessageNotProtoo",
        }
    }

    /// The answer to the sender.
    pub fn to_response(&self) -> String {
        let id = match self {
            Self::NotProtoo { id: Some(id), .. } => i64::try_from(*id).unwrap_or(UNKNOWN_ID),
            _ => UNKNOWN_ID,
        };
        let code = if matches!(self, Self::TooLong) { 413 } else { 400 };
        json!({ "response": true, "id": id, "ok": false, "errorCode": code, "errorReason": self.to_string() })
            .to_string()
    }
}

/// Reads one message. The order of the checks is that of protoo: request, response, notification.
pub fn parse(text: &str) -> Result<Frame, FrameError> {
    if text.len() > MAX_MESSAGE_BYTES {
        return Err(FrameError::TooLong);
    }
    let value: Value = serde_json::from_str(text).map_err(|_| FrameError::NotJson)?;
    let Value::Object(mut fields) = value else {
        return Err(FrameError::NotProtoo { id: None, problem: "not an object" });
    };
    if is_set(&fields, "request") {
        parse_request(&mut fields)
    } else if is_set(&fields, "response") {
        let id = required_id(&fields)?;
        Ok(Frame::Response { id, is_ok: is_set(&fields, "ok") })
    } else if is_set(&fields, "notification") {
        let method = required_method(&mut fields)?;
        Ok(Frame::Notification { method, data: take_data(&mut fields) })
    } else {
        Err(FrameError::NotProtoo {
            id: read_id(&fields),
            problem: "none of request, response and notification is true",
        })
    }
}

fn parse_request(fields: &mut Map<String, Value>) -> Result<Frame, FrameError> {
    let id = required_id(fields)?;
    let method = required_method(fields)?;
    Ok(Frame::Request { id, method, data: take_data(fields) })
}

/// A request of ours to a client.
pub fn request(id: u64, method_and_data: &Value) -> String {
    with_payload(json!({ "request": true, "id": id }), method_and_data)
}

/// A notification of ours.
pub fn notification(method_and_data: &Value) -> String {
    with_payload(json!({ "notification": true }), method_and_data)
}

/// The answer to a request that succeeded.
pub fn success(id: u64, data: &Value) -> String {
    json!({ "response": true, "id": id, "ok": true, "data": data }).to_string()
}

/// The answer to a request that failed. `code` has the meaning of HTTP status codes; `reason` is human-readable.
pub fn failure(id: u64, code: u16, reason: &str) -> String {
    json!({ "response": true, "id": id, "ok": false, "errorCode": code, "errorReason": reason }).to_string()
}

fn with_payload(mut head: Value, method_and_data: &Value) -> String {
    if let (Value::Object(head), Value::Object(payload)) = (&mut head, method_and_data) {
        head.extend(payload.iter().map(|(key, value)| (key.clone(), value.clone())));
        head.entry("data").or_insert_with(|| json!({}));
    }
    head.to_string()
}

/// JavaScript's truthiness, as far as clients use it.
fn is_set(fields: &Map<String, Value>, key: &str) -> bool {
    match fields.get(key) {
        Some(Value::Bool(value)) => *value,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(_) | Value::Object(_)) => true,
        Some(Value::Null) | None => false,
    }
}

fn read_id(fields: &Map<String, Value>) -> Option<u64> {
    fields.get("id").and_then(Value::as_u64)
}

fn required_id(fields: &Map<String, Value>) -> Result<u64, FrameError> {
    read_id(fields).ok_or(FrameError::NotProtoo { id: None, problem: "id is not a non-negative integer" })
}

fn required_method(fields: &mut Map<String, Value>) -> Result<String, FrameError> {
    match fields.remove("method") {
        Some(Value::String(method)) => Ok(method),
        _ => Err(FrameError::NotProtoo { id: read_id(fields), problem: "method is not a string" }),
    }
}

/// Falsy payloads become `{}`, as in protoo.
fn take_data(fields: &mut Map<String, Value>) -> Value {
    if is_set(fields, "data") { fields.remove("data").unwrap_or_default() } else { json!({}) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_of_each_kind_are_read() {
        let cases = [
            (
                r#"{"request":true,"id":7,"method":"join","data":{"a":1}}"#,
                Frame::Request { id: 7, method: "join".into(), data: json!({"a":1}) },
            ),
            (
                r#"{"request":true,"id":0,"method":"x","data":null}"#,
                Frame::Request { id: 0, method: "x".into(), data: json!({}) },
            ),
            (r#"{"response":true,"id":3,"ok":true,"data":{}}"#, Frame::Response { id: 3, is_ok: true }),
            (r#"{"response":true,"id":3,"errorCode":403,"errorReason":"no"}"#, Frame::Response { id: 3, is_ok: false }),
            (
                r#"{"notification":true,"method":"closeProducer"}"#,
                Frame::Notification { method: "closeProducer".into(), data: json!({}) },
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn broken_messages_are_answered_with_the_id_where_there_is_one() {
        let cases = [
            ("{", -1),
            ("[]", -1),
            ("null", -1),
            (r#"{"id":5}"#, 5),
            (r#"{"request":true,"id":9}"#, 9),
            (r#"{"request":true,"id":"9","method":"x"}"#, -1),
            (r#"{"request":true,"id":-9,"method":"x"}"#, -1),
            (r#"{"request":true,"id":1.5,"method":"x"}"#, -1),
            (r#"{"request":false,"id":4,"method":"x"}"#, 4),
        ];
        for (text, id) in cases {
            let answer: Value = serde_json::from_str(&parse(text).unwrap_err().to_response()).unwrap();
            assert_eq!(
                (&answer["id"], &answer["errorCode"], &answer["response"]),
                (&json!(id), &json!(400), &json!(true)),
                "{text}"
            );
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let deep =
            format!(r#"{{"request":true,"id":1,"method":"x","data":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(parse(&deep), Err(FrameError::NotJson));
        assert_eq!(parse(&" ".repeat(MAX_MESSAGE_BYTES + 1)), Err(FrameError::TooLong));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in ".{0,200}") {
            if let Err(error) = parse(&text) {
                prop_assert!(error.to_response().contains("errorReason"));
            }
        }

        #[test]
        fn what_is_written_is_read_back(id in 0u64..10_000_000, method in "[a-zA-Z]{1,20}") {
            let text = request(id, &json!({ "method": method, "data": { "x": 1 } }));
            prop_assert_eq!(parse(&text), Ok(Frame::Request { id, method: method.clone(), data: json!({ "x": 1 }) }));
            let text = notification(&json!({ "method": method }));
            prop_assert_eq!(parse(&text), Ok(Frame::Notification { method, data: json!({}) }));
        }
    }
}
