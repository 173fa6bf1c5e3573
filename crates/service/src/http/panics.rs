//! A handler that panics: its client gets a problem, and everything else goes on. The panic itself is logged by the panic hook.

use std::panic::AssertUnwindSafe;

use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::http::problem::{Kind, Problem};

/// The response, or a problem if computing it panics. `path` is that of the request.
pub async fn catch(path: &str, response: impl Future<Output = Response>) -> Response {
    // What the handler shares with other requests is behind locks and channels, which are poisoned or closed by a panic.
    AssertUnwindSafe(response).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(path, "a request handler panicked");
        Problem::new(Kind::INTERNAL, "internal error; see the log of this program").at(path).into_response()
    })
}
