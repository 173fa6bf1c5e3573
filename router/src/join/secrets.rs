//! Watches the Secrets with join keys and TURN credentials: rotation needs no restart.
//!
//! Each Secret is watched by name, as the permissions of the router allow no more. The keys of a deleted Secret are removed; while the API
//! server is unavailable, the last state stays in use. Invalid entries are logged and counted; no key is ever logged.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::pin;

use convene_join_token::{JoinKeys, read_secret};
use convene_service::kube::watch::{WatchBackoff, watch_config};
use futures_util::{Stream, StreamExt, stream};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use tracing::{info, warn};

use crate::health::ReadinessCheck;
use crate::index::watch::{Sink, WatchError, WatchLog};
use crate::join::config::JoinConfig;
use crate::join::ice::IceCredentials;
use crate::join::state::JoinState;

type Data = BTreeMap<String, ByteString>;
type SecretEvent = (String, Result<Event<Secret>, watcher::Error>);

/// Watches until the process ends.
pub(crate) async fn watch(
    client: Client,
    namespace: &str,
    config: &JoinConfig,
    state: &JoinState,
    sink: Sink,
) -> Result<Infallible, WatchError> {
    let mut cache = SecretCache::new(config, state, sink);
    let watches = cache.secrets.keys().map(|name| watch_one(client.clone(), namespace, name.clone()).boxed());
    keep(stream::select_all(watches.collect::<Vec<_>>()), &mut cache).await
}

fn watch_one(client: Client, namespace: &str, name: String) -> impl Stream<Item = SecretEvent> + use<> {
    let only_this = watch_config().fields(&format!("metadata.name={name}"));
    let secrets = watcher(Api::<Secret>::namespaced(client, namespace), only_this).backoff(WatchBackoff::default());
    secrets.map(move |result| (name.clone(), result))
}

async fn keep(events: impl Stream<Item = SecretEvent>, cache: &mut SecretCache<'_>) -> Result<Infallible, WatchError> {
    if cache.secrets.is_empty() {
        cache.publish();
        return std::future::pending().await;
    }
    let mut events = pin!(events);
    while let Some((name, result)) = events.next().await {
        cache.on_event(&name, result);
    }
    Err(WatchError::Ended)
}

/// The last known state of one Secret.
#[derive(Default)]
struct WatchedSecret {
    is_listed: bool,
    data: Option<Data>,
    /// Data of a list that is being received.
    pending: Option<Data>,
}

impl WatchedSecret {
    /// Returns whether the data has changed, or was listed for the first time.
    fn apply(&mut self, event: Event<Secret>) -> bool {
        let was_listed = self.is_listed;
        let data = match event {
            Event::Init => {
                self.pending = None;
                return false;
            }
            Event::InitApply(secret) => {
                self.pending = Some(secret.data.unwrap_or_default());
                return false;
            }
            Event::InitDone => self.pending.take(),
            Event::Apply(secret) => Some(secret.data.unwrap_or_default()),
            Event::Delete(_) => None,
        };
        self.is_listed = true;
        let is_changed = !was_listed || self.data != data;
        self.data = data;
        is_changed
    }
}

struct SecretCache<'a> {
    config: &'a JoinConfig,
    state: &'a JoinState,
    sink: Sink,
    log: WatchLog,
    secrets: BTreeMap<String, WatchedSecret>,
}

impl<'a> SecretCache<'a> {
    fn new(config: &'a JoinConfig, state: &'a JoinState, sink: Sink) -> Self {
        let names = config.key_secrets.iter().chain(&config.turn_secrets);
        let secrets = names.map(|name| (name.clone(), WatchedSecret::default())).collect();
        Self { config, state, sink, log: WatchLog::new("Secret"), secrets }
    }

    fn on_event(&mut self, name: &str, result: Result<Event<Secret>, watcher::Error>) {
        let (Some(event), Some(secret)) = (self.log.note(result, &self.sink.metrics), self.secrets.get_mut(name))
        else {
            return;
        };
        if secret.apply(event) {
            if secret.data.is_none() {
                warn!(secret = name, reason = "SecretMissing", "Secret not found; waiting for it to be created");
            }
            self.publish();
        }
    }

    /// Merges the entries of all Secrets and publishes them.
    fn publish(&self) {
        let mut problems = BTreeMap::new();
        let keys = self.build_keys(&mut problems);
        let turn = self.build_turn(&mut problems);
        info!(join_keys = keys.len(), turn_secrets = turn.len(), "loaded join keys and TURN credentials");
        self.sink.metrics.set_secrets(keys.len(), turn.len(), &problems);
        self.state.keys.store(keys.into());
        self.state.turn.store(turn.into());
        if self.secrets.values().all(|secret| secret.is_listed) {
            self.sink.readiness.pass(ReadinessCheck::JoinSecrets);
        }
    }

    fn build_keys(&self, problems: &mut BTreeMap<&'static str, usize>) -> JoinKeys {
        let mut keys = JoinKeys::new(self.config.max_lifetime);
        for name in &self.config.key_secrets {
            let Some(data) = self.data(name) else { continue };
            let (found, mut broken) =
                read_secret(data.iter().map(|(entry, ByteString(value))| (entry.as_str(), value.as_slice())));
            broken.extend(keys.add(&found));
            for broken in broken {
                let (entry, error, reason) = (broken.entry, broken.problem, broken.problem.reason());
                warn!(secret = name, entry, reason, %error, "could not use an entry of a join key Secret");
                *problems.entry(reason).or_default() += 1;
            }
        }
        keys
    }

    fn build_turn(&self, problems: &mut BTreeMap<&'static str, usize>) -> BTreeMap<String, IceCredentials> {
        let mut turn = BTreeMap::new();
        for name in &self.config.turn_secrets {
            match self.data(name).map(IceCredentials::read) {
                Some(Ok(credentials)) => drop(turn.insert(name.clone(), credentials)),
                Some(Err(error)) => {
                    warn!(secret = name, reason = error.reason(), %error, "could not use a Secret with TURN credentials");
                    *problems.entry(error.reason()).or_default() += 1;
                }
                None => {}
            }
        }
        turn
    }

    fn data(&self, name: &str) -> Option<&Data> {
        self.secrets.get(name)?.data.as_ref()
    }
}

#[cfg(test)]
mod tests;
