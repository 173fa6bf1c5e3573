//! Any bytes as a WebSocket text frame: a frame, or an answer that says what is wrong.
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
            let answer = error.to_response();
            assert!(answer.len() <= 512, "{answer}");
            let answer: Value = serde_json::from_str(&answer).expect("answers are JSON");
            assert!(answer["id"].is_i64() || answer["id"].is_u64(), "{answer}");
        }
    }
});

/// The last digit of a number that is no integer may change when it is written and read again.
fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(elements) => elements.iter().any(has_fraction),
        Value::Object(fields) => fields.values().any(has_fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}
