//! Why a client may not join, in the order in which it is checked: the token in the request, the token itself, the meeting.
//!
//! Pure. The decision is made in [`access`](crate::join::access).

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use axum::http::StatusCode;
use convene_join_token::TokenError;
use thiserror::Error;

/// Why a request does not say who asks.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum CredentialError {
    /// Two different tokens.
    #[error("the request holds two different tokens; send one")]
    Ambiguous,
    /// An empty one.
    #[error("the request holds an empty token; send a join token, or none")]
    Empty,
    /// Bytes that no token has.
    #[error("the request holds something as its token that is not text")]
    NotText,
}

impl CredentialError {
    /// One word for programs, logs and metrics.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Ambiguous => "TokenAmbiguous",
            Self::Empty => "TokenEmpty",
            Self::NotText => "TokenNotText",
        }
    }
}

/// Why somebody may not come in.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum JoinRefusal {
    /// The token could not be taken from the request.
    #[error(transparent)]
    Credential(CredentialError),
    /// The token is wrong.
    #[error(transparent)]
    Token(TokenError),
    /// The ticket is too old.
    #[error("the ticket has expired: ask the join address for a new one")]
    TicketExpired,
    /// The ticket is for something else, or no ticket.
    #[error("the ticket is not for this meeting: ask the join address for a new one")]
    TicketInvalid,
    /// Nothing was shown.
    #[error("only people with a join token may come into this meeting")]
    TokenRequired,
    /// The meeting has no use for recorders.
    #[error("the token is for a recorder, and this meeting has no \"features.recording\"")]
    RecordingOff,
    /// The router knows no keys yet.
    #[error("this router has just started and knows no keys yet")]
    KeysUnknown,
}

impl JoinRefusal {
    /// One word for programs, logs and metrics.
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

    /// The HTTP status: 401 where another token would help, 403 where this very person may not come in here.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::RecordingOff => StatusCode::FORBIDDEN,
            Self::Token(error) if error.is_about_the_place() => StatusCode::FORBIDDEN,
            Self::KeysUnknown => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// What a `WebSocket` is closed with, in no more than the 123 bytes that a close frame has room for.
    pub(crate) fn close_text(&self) -> String {
        match self {
            Self::TokenRequired => "a join token is needed".to_owned(),
            Self::TicketExpired => "the ticket has expired".to_owned(),
            other => format!("refused: {}", other.reason()),
        }
    }
}
