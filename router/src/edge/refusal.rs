//! Why a client may not join, in the order in which it is checked: the token in the request, the token itself, the meeting.
//!
//! Pure. The decision is made in [`access`](crate::join::access).

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use axum::http::StatusCode;
use convene_join_token::TokenError;
use thiserror::Error;

/// Why the token of a request could not be read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum CredentialError {
    /// The request has two different tokens.
    #[error("the request has two different tokens; send only one")]
    Ambiguous,
    /// The token is empty.
    #[error("the request has an empty token; send a join token or none")]
    Empty,
    /// The token is not valid text.
    #[error("the token in the request is not valid text")]
    NotText,
}

impl CredentialError {
    /// Reason code for programs, logs and metrics.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Ambiguous => "TokenAmbiguous",
            Self::Empty => "TokenEmpty",
            Self::NotText => "TokenNotText",
        }
    }
}

/// Why a client may not join.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum JoinRefusal {
    /// The token could not be taken from the request.
    #[error(transparent)]
    Credential(CredentialError),
    /// The token is invalid.
    #[error(transparent)]
    Token(TokenError),
    /// The ticket has expired.
    #[error("the ticket has expired; request a new one from the join endpoint")]
    TicketExpired,
    /// The ticket is for another meeting, or not a ticket.
    #[error("the ticket is not valid for this meeting; request a new one from the join endpoint")]
    TicketInvalid,
    /// The meeting requires a token and the request has none.
    #[error("this meeting requires a join token")]
    TokenRequired,
    /// Recording is not enabled in the meeting.
    #[error("the token is for a recorder, but recording is not enabled in this meeting (\"features.recording\")")]
    RecordingOff,
    /// The router has not loaded its keys yet.
    #[error("this router has just started and has not loaded its keys yet")]
    KeysUnknown,
}

impl JoinRefusal {
    /// Reason code for programs, logs and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Credential(error) => error.reason(),
            Self::Token(error) => error.reason(),
            Self::TicketExpired => "TicketExpired",
            Self::TicketInvalid => "TicketInvalid",
            Self::TokenRequired => "TokenRequired",
            Self::RecordingOff => "RecordingOff",
            Self::KeysUnknown => "KeysUnknown",
        }
    }

    /// The HTTP status: 401 if another token would help, 403 if this participant may not join this meeting.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::RecordingOff => StatusCode::FORBIDDEN,
            Self::Token(error) if error.is_for_another_scope() => StatusCode::FORBIDDEN,
            Self::KeysUnknown => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// The reason of the close frame, at most 123 bytes. Clients match on it: it is part of the protocol.
    pub(crate) fn close_text(&self) -> String {
        match self {
            Self::TokenRequired => "a join token is needed".to_owned(),
            Self::TicketExpired => "the ticket has expired".to_owned(),
            other => format!("refused: {}", other.reason()),
        }
    }
}
