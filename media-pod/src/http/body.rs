//! Reading request bodies, with a limit on their length and a timeout. It parses nothing.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::StatusCode;
use tokio::time::timeout;

use super::problem::HttpError;

/// Timeout for the whole body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a body of at most `max_bytes`.
pub(super) async fn read_body(body: Body, max_bytes: usize) -> Result<Vec<u8>, HttpError> {
    let error = |status, detail: String| HttpError { status, detail };
    match timeout(BODY_TIMEOUT, to_bytes(body, max_bytes)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(_)) => {
            let detail = format!("the body is longer than {max_bytes} bytes, or was interrupted");
            Err(error(StatusCode::PAYLOAD_TOO_LARGE, detail))
        }
        Err(_) => Err(error(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time".to_owned())),
    }
}
