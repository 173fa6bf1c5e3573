//! The end of every wait.

use std::time::Duration;

use tokio::time::timeout;

use crate::error::JoinError;

/// Gives up after a limit.
pub(super) async fn within<T>(
    limit: Duration,
    what: &'static str,
    future: impl Future<Output = Result<T, JoinError>>,
) -> Result<T, JoinError> {
    timeout(limit, future).await.unwrap_or(Err(JoinError::Timeout { what, limit }))
}
