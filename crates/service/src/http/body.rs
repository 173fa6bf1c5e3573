//! Reading request bodies, with a limit on their length and a timeout. It parses nothing.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use thiserror::Error;
use tokio::time::timeout;

use crate::http::problem::{Kind, Problem};

/// Time limit for a whole body, if the program has no other.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A body could not be read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than this number of bytes, or incomplete.
    #[error("the request body is longer than {0} bytes or incomplete")]
    TooLarge(usize),
    /// It did not arrive in time.
    #[error("the request body did not arrive in time")]
    TooSlow,
}

impl BodyError {
    /// The kind of problem.
    pub fn kind(self) -> Kind {
        match self {
            Self::TooLarge(_) => Kind::BODY_TOO_LARGE,
            Self::TooSlow => Kind::BODY_TOO_SLOW,
        }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}

/// Reads a body of at most `max_bytes` within `at_most`.
pub async fn read(body: Body, max_bytes: usize, at_most: Duration) -> Result<Bytes, BodyError> {
    let read = timeout(at_most, to_bytes(body, max_bytes)).await;
    read.map_err(|_| BodyError::TooSlow)?.map_err(|_| BodyError::TooLarge(max_bytes))
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_is_read_within_its_limits() {
        assert_eq!(read(Body::from("abc"), 3, TIMEOUT).await.unwrap(), "abc");
        assert_eq!(read(Body::from("abcd"), 3, TIMEOUT).await, Err(BodyError::TooLarge(3)));
        let endless = Body::from_stream(stream::pending::<std::io::Result<Bytes>>());
        assert_eq!(read(endless, 3, TIMEOUT).await, Err(BodyError::TooSlow));
    }
}
