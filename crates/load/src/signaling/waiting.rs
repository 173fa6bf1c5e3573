//! Requests of the server that wait while the client waits for a response. Bounded in number and bytes. Pure.
#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::VecDeque;

use serde_json::Value;

use crate::error::JoinError;

/// Maximum number of messages.
const MAX_MESSAGES: usize = 4096;
/// Their maximum length together, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// The messages, each with its length.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    messages: VecDeque<(Value, usize)>,
    bytes: usize,
}

impl Waiting {
    /// Keeps a request; drops everything else.
    pub(super) fn keep(&mut self, message: Value, length: usize) -> Result<(), JoinError> {
        if message["request"] != true {
            return Ok(());
        }
        if self.messages.len() >= MAX_MESSAGES || self.bytes.saturating_add(length) > MAX_BYTES {
            return Err(JoinError::Malformed("too many requests instead of a response"));
        }
        self.bytes += length;
        self.messages.push_back((message, length));
        Ok(())
    }

    /// The oldest.
    pub(super) fn take(&mut self) -> Option<Value> {
        let (message, length) = self.messages.pop_front()?;
        self.bytes -= length;
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(id: usize) -> Value {
        json!({ "request": true, "id": id, "method": "newConsumer" })
    }

    #[test]
    fn only_requests_are_kept() {
        let mut waiting = Waiting::default();
        for other in [json!({ "notification": true }), json!({ "response": true, "id": 9 }), json!([1]), json!(null)] {
            for _ in 0..=MAX_MESSAGES {
                assert!(waiting.keep(other.clone(), MAX_BYTES).is_ok());
            }
        }
        waiting.keep(request(1), 50).unwrap();
        waiting.keep(request(2), 50).unwrap();
        assert_eq!((waiting.take(), waiting.take(), waiting.take()), (Some(request(1)), Some(request(2)), None));
    }

    #[test]
    fn their_number_and_their_bytes_are_bounded() {
        let mut many = Waiting::default();
        assert!((0..MAX_MESSAGES).all(|id| many.keep(request(id), 50).is_ok()));
        assert!(many.keep(request(0), 50).is_err());
        let mut long = Waiting::default();
        long.keep(request(1), MAX_BYTES / 2).unwrap();
        long.keep(request(2), MAX_BYTES / 2).unwrap();
        assert!(long.keep(request(3), 1).is_err());
        long.take();
        assert!(long.keep(request(3), 1).is_ok(), "what was taken no longer counts");
    }
}
