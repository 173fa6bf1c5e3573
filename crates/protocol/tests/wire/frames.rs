//! protoo's own layer: frames as clients write them, and the answers to invalid ones.

use convene_protocol::frame::{self, Frame};
use serde_json::{Value, json};

/// Text of a client, keyed by a name that says what is special about it.
pub(crate) const TEXTS: &[(&str, &str)] = &[
    ("request", r#"{"request":true,"id":1234567,"method":"getRouterRtpCapabilities","data":{}}"#),
    ("request-without-data", r#"{"request":true,"id":0,"method":"getRouterRtpCapabilities"}"#),
    ("request-with-null-data", r#"{"request":true,"id":1,"method":"getRouterRtpCapabilities","data":null}"#),
    ("request-with-more-fields", r#"{"request":true,"id":1,"method":"x","data":{},"response":true,"traceId":"a"}"#),
    ("request-without-id", r#"{"request":true,"method":"join","data":{}}"#),
    ("request-with-text-id", r#"{"request":true,"id":"9","method":"join","data":{}}"#),
    ("request-with-negative-id", r#"{"request":true,"id":-9,"method":"join","data":{}}"#),
    ("request-with-fraction-id", r#"{"request":true,"id":1.5,"method":"join","data":{}}"#),
    ("request-with-largest-id", r#"{"request":true,"id":18446744073709551615,"method":"x","data":{}}"#),
    ("request-without-method", r#"{"request":true,"id":9,"data":{}}"#),
    ("request-with-number-method", r#"{"request":true,"id":9,"method":5}"#),
    ("request-that-is-false", r#"{"request":false,"id":4,"method":"join"}"#),
    ("notification", r#"{"notification":true,"method":"closeProducer","data":{"producerId":"producer-1"}}"#),
    ("notification-without-data", r#"{"notification":true,"method":"closeProducer"}"#),
    ("notification-without-method", r#"{"notification":true,"data":{}}"#),
    ("success", r#"{"response":true,"id":3,"ok":true,"data":{}}"#),
    ("success-with-array", r#"{"response":true,"id":3,"ok":true,"data":[]}"#),
    ("failure-of-protoo-client", r#"{"response":true,"id":3,"ok":false,"errorCode":403,"errorReason":"no"}"#),
    ("failure-of-protoo-server", r#"{"response":true,"id":3,"errorCode":403,"errorReason":"no"}"#),
    ("response-without-id", r#"{"response":true,"ok":true}"#),
    ("no-kind", r#"{"id":5,"method":"join","data":{}}"#),
    ("no-json", "{"),
    ("empty", ""),
    ("array", "[]"),
    ("number", "1e999"),
    ("null", "null"),
    ("double-fields", r#"{"request":true,"id":1,"id":2,"method":"x","method":"join","data":1,"data":{}}"#),
];

/// How a text is parsed, or refused and answered.
pub(crate) fn golden(text: &str) -> Value {
    match frame::parse(text) {
        Ok(Frame::Request { id, method, data }) => {
            json!({ "text": text, "request": { "id": id, "method": method, "data": data } })
        }
        Ok(Frame::Response { id, is_ok }) => json!({ "text": text, "response": { "id": id, "isOk": is_ok } }),
        Ok(Frame::Notification { method, data }) => {
            json!({ "text": text, "notification": { "method": method, "data": data } })
        }
        Err(error) => {
            let answer: Value = serde_json::from_str(&error.to_response()).unwrap();
            json!({ "text": text, "refused": error.reason(), "answer": answer })
        }
    }
}
