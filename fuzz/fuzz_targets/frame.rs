//! Any bytes as a WebSocket text frame: the result is a frame, or an error response.
#![no_main]

use convene_protocol::frame::{self, Frame};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match frame::parse(text) {
        Ok(Frame::Request { id, method, data }) => {
            let written = frame::request(id, &json!({ "method": method, "data": data }));
            let is_same = has_fraction(&data) || frame::parse(&written) == Ok(Frame::Request { id, method, data });
            assert!(is_same, "{written}");
        }
        Ok(Frame::Notification { method, data }) => {
            let written = frame::notification(&json!({ "method": method, "data": data }));
            let is_same = has_fraction(&data) || frame::parse(&written) == Ok(Frame::Notification { method, data });
            assert!(is_same, "{written}");
        }
        Ok(Frame::Response { .. }) => {}
        Err(error) => {
            let response = error.to_response();
            assert!(response.len() <= 512, "{response}");
            let response: Value = serde_json::from_str(&response).expect("responses are JSON");
            assert!(response["id"].is_i64() || response["id"].is_u64(), "{response}");
        }
    }
});

/// The last digit of a fraction may change in a round trip.
fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(elements) => elements.iter().any(has_fraction),
        Value::Object(fields) => fields.values().any(has_fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}
