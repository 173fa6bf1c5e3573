//! What a client has sent, as far as it can be read, and what it costs. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_protocol::frame::{Frame, FrameError};
use convene_protocol::message::{ClientRequest, RequestError};

use super::cost::cost_of_work;

/// A message of a client.
#[derive(Debug)]
pub(super) enum Asked {
    /// A request, or without an id a notification.
    Request { id: Option<u64>, request: ClientRequest },
    /// A method that does not exist, or data that does not fit it.
    Wrong { id: Option<u64>, error: RequestError },
    /// An answer to a request of the room.
    Answer { id: u64, is_ok: bool },
    /// No protoo message.
    Unreadable(FrameError),
}

impl Asked {
    pub(super) fn of(frame: Result<Frame, FrameError>) -> Self {
        let (id, method, data) = match frame {
            Ok(Frame::Request { id, method, data }) => (Some(id), method, data),
            Ok(Frame::Notification { method, data }) => (None, method, data),
            Ok(Frame::Response { id, is_ok }) => return Self::Answer { id, is_ok },
            Err(error) => return Self::Unreadable(error),
        };
        match ClientRequest::parse(&method, data) {
            Ok(request) => Self::Request { id, request },
            Err(error) => Self::Wrong { id, error },
        }
    }

    /// Tokens of the client's rate.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Self::Request { request, .. } => 1 + cost_of_work(request),
            Self::Wrong { .. } | Self::Answer { .. } | Self::Unreadable(_) => 1,
        }
    }
}
