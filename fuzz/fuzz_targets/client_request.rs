//! Any bytes as a request or notification of a client: the result is a message that survives a round trip, or a short error.
#![no_main]

use convene_protocol::frame::{self, Frame};
use convene_protocol::message::ClientRequest;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(Frame::Request { method, data, .. } | Frame::Notification { method, data }) = frame::parse(text) else {
        return;
    };
    match ClientRequest::parse(&method, data) {
        Ok(request) => {
            assert_eq!(request.name(), method);
            let written = json!(request);
            assert_eq!(ClientRequest::parse(&method, written["data"].clone()), Ok(request));
        }
        Err(error) => {
            let message = error.to_string();
            assert!(!message.is_empty() && message.len() <= 512, "{message}");
            assert!(
                matches!((error.code(), error.reason()), (400, "DataInvalid") | (500, "MethodUnknown")),
                "{message}"
            );
        }
    }
});
