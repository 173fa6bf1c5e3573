//! A client's message after parsing, and its cost. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_protocol::frame::{Frame, FrameError};
use convene_protocol::message::{ClientRequest, RequestError};

use super::cost::cost_of_work;

/// A message from a client.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A request, or a notification if it has no id.
    Request { id: Option<u64>, request: ClientRequest },
    /// An unknown method, or data that does not fit the method.
    Invalid { id: Option<u64>, error: RequestError },
    /// A response to a request of the room.
    Answer { id: u64, is_ok: bool },
    /// Not a protoo message.
    Malformed(FrameError),
}

impl Incoming {
    pub(super) fn of(frame: Result<Frame, FrameError>) -> Self {
        let (id, method, data) = match frame {
            Ok(Frame::Request { id, method, data }) => (Some(id), method, data),
            Ok(Frame::Notification { method, data }) => (None, method, data),
            Ok(Frame::Response { id, is_ok }) => return Self::Answer { id, is_ok },
            Err(error) => return Self::Malformed(error),
        };
        match ClientRequest::parse(&method, data) {
            Ok(request) => Self::Request { id, request },
            Err(error) => Self::Invalid { id, error },
        }
    }

    /// Tokens of the client's rate limit.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Self::Request { request, .. } => 1 + cost_of_work(request),
            Self::Invalid { .. } | Self::Answer { .. } | Self::Malformed(_) => 1,
        }
    }
}
