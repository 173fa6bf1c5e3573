//! What joining depends on beside the routing table: keys, TURN credentials, pools. Watches replace each as a whole, handlers read it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use arc_swap::ArcSwap;
use kube::Client;

use super::config::JoinConfig;
use super::ice::IceCredentials;
use super::pools::{self, Pools};
use super::secrets;
use crate::watch::{Sink, WatchError};
use convene_join_token::JoinKeys;

/// Keys, credentials and pools as they are now.
#[derive(Debug, Default)]
pub struct JoinState {
    /// What join tokens are verified with.
    pub keys: ArcSwap<JoinKeys>,
    /// TURN credentials by the name of their Secret.
    pub turn: ArcSwap<BTreeMap<String, IceCredentials>>,
    /// Pools by name.
    pub pools: ArcSwap<Pools>,
}

/// Watches until the process ends.
pub async fn watch(
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
