//! Keeps [`JoinState`] up to date: runs the watches of Secrets and pools together.

use std::convert::Infallible;
use std::sync::Arc;

use kube::Client;

use crate::index::watch::{Sink, WatchError};
use crate::join::config::JoinConfig;
use crate::join::state::JoinState;
use crate::join::{pools, secrets};

/// Watches until the process ends.
pub(crate) async fn watch(
    client: Client,
    namespace: &str,
    config: &JoinConfig,
    state: Arc<JoinState>,
    sink: Sink,
) -> Result<Infallible, WatchError> {
    let secrets = secrets::watch(client.clone(), namespace, config, &state, sink.clone());
    let pools = pools::watch(client, namespace, &state, sink);
    tokio::select! {
        result = secrets => result,
        result = pools => result,
    }
}
