//! The meeting named in a request's path.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use convene_join_token::{MeetingKey, NameError};

/// The meeting named in the path. Names are checked here; later code relies on it.
pub(crate) struct RequestedMeeting(pub(crate) Result<MeetingKey, NameError>);

impl<S: Send + Sync> FromRequestParts<S> for RequestedMeeting {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let key = path
            .map_err(|_| NameError::Encoding)
            .and_then(|Path((namespace, name))| MeetingKey::parse(&namespace, &name));
        Ok(Self(key))
    }
}
