//! Watches the Secret with the signing key of the router: rotation needs no restart.
//!
//! If the Secret becomes empty, invalid or deleted, the previous key stays in use. Key material is never logged.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use convene_admission_keys::read_key_set;
use convene_crds::names::{ADMISSION_KEY_ID, ADMISSION_PRIVATE_KEY};
use convene_protocol::admission::{AdmissionError, KeySet, Signer};
use convene_protocol::id::format_id;
use convene_service::kube::watch::{WatchBackoff, watch_config};
use futures_util::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use thiserror::Error;
use tracing::{info, warn};

use crate::health::ReadinessCheck;
use crate::index::watch::{Sink, WatchError, WatchLog};

/// Reasons a Secret has no usable signing key.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum KeyError {
    /// The operator has not created the key yet.
    #[error("the Secret has no {0:?} entry yet; the operator creates it at start-up")]
    Missing(&'static str),
    /// A value is not valid text.
    #[error("the {0:?} entry of the Secret is not valid text")]
    NotText(&'static str),
    /// The key is not an Ed25519 key.
    #[error("could not use the private key of the Secret: {0}")]
    Unusable(AdmissionError),
}

impl KeyError {
    /// Reason code for logs and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Missing(_) => "AdmissionKeyMissing",
            Self::NotText(_) => "AdmissionKeyNotText",
            Self::Unusable(error) => error.reason(),
        }
    }
}

/// The latest usable signing key and the public keys of all routers.
#[derive(Debug, Default)]
pub(crate) struct SignerSlot {
    signer: ArcSwapOption<Signer>,
    trusted: ArcSwapOption<KeySet>,
}

impl SignerSlot {
    /// The signer, once there is one.
    pub(crate) fn get(&self) -> Option<Arc<Signer>> {
        self.signer.load_full()
    }

    /// Replaces the signer.
    pub(crate) fn set(&self, signer: Signer) {
        self.signer.store(Some(Arc::new(signer)));
    }

    /// The public keys of all routers, once known.
    pub(crate) fn trusted(&self) -> Option<Arc<KeySet>> {
        self.trusted.load_full()
    }

    #[cfg(test)]
    pub(crate) fn forget(&self) {
        self.trusted.store(None);
    }

    /// Replaces the public keys.
    pub(crate) fn trust(&self, keys: KeySet) {
        self.trusted.store(Some(Arc::new(keys)));
    }
}

pub(crate) fn read_signer(secret: &Secret) -> Result<Signer, KeyError> {
    let pem = text(secret, ADMISSION_PRIVATE_KEY)?;
    let kid = text(secret, ADMISSION_KEY_ID)?;
    Signer::from_pem(pem, kid.trim()).map_err(KeyError::Unusable)
}

fn text<'a>(secret: &'a Secret, key: &'static str) -> Result<&'a str, KeyError> {
    let value = secret.data.as_ref().and_then(|data| data.get(key)).ok_or(KeyError::Missing(key))?;
    match std::str::from_utf8(&value.0) {
        Ok(text) if text.trim().is_empty() => Err(KeyError::Missing(key)),
        Ok(text) => Ok(text),
        Err(_) => Err(KeyError::NotText(key)),
    }
}

/// A new `jti`: media pods take each admission once.
pub(crate) fn new_admission_id() -> String {
    format_id(rand::random())
}

/// Watches the Secret `name` until the process ends.
pub(crate) async fn watch(
    client: Client,
    namespace: &str,
    name: &str,
    slot: &SignerSlot,
    sink: Sink,
) -> Result<Infallible, WatchError> {
    let only_this = watch_config().fields(&format!("metadata.name={name}"));
    let secrets = watcher(Api::<Secret>::namespaced(client, namespace), only_this).backoff(WatchBackoff::default());
    keep_signer(secrets, slot, sink).await
}

/// Updates the signer from a stream of watch events.
pub(crate) async fn keep_signer(
    secrets: impl Stream<Item = Result<Event<Secret>, watcher::Error>>,
    slot: &SignerSlot,
    sink: Sink,
) -> Result<Infallible, WatchError> {
    let mut secrets = pin!(secrets);
    let mut log = WatchLog::new("Secret");
    while let Some(result) = secrets.next().await {
        match log.note(result, &sink.metrics) {
            Some(Event::Apply(secret) | Event::InitApply(secret)) => take(&secret, slot, &sink),
            Some(Event::Delete(_)) => warn!("the admission key Secret was deleted; the previous key stays in use"),
            Some(Event::Init | Event::InitDone) | None => {}
        }
    }
    Err(WatchError::Ended)
}

fn take(secret: &Secret, slot: &SignerSlot, sink: &Sink) {
    match read_signer(secret) {
        Ok(signer) => {
            info!(?signer, "admission key loaded");
            slot.set(signer);
            match read_key_set(secret) {
                Ok(keys) => slot.trust(keys),
                Err(error) => warn!(reason = error.reason(), %error, "could not read the public admission keys"),
            }
            sink.readiness.pass(ReadinessCheck::AdmissionKey);
            // Joins may be waiting for a key.
            sink.table.wake();
        }
        Err(error) => warn!(reason = error.reason(), %error, "could not read the admission key"),
    }
}

#[cfg(test)]
mod tests {
    use convene_protocol::admission::KeySet;
    use futures_util::stream;
    use serde_json::json;

    use super::*;
    use crate::fixtures;

    fn secret(data: &serde_json::Value) -> Secret {
        serde_json::from_value(json!({"metadata": {"name": "admission"}, "data": data})).unwrap()
    }

    #[test]
    fn every_way_a_secret_can_be_wrong_has_its_reason() {
        let cases = [
            (json!({}), "AdmissionKeyMissing"),
            (json!({"private.pem": "eA=="}), "AdmissionKeyMissing"),
            (json!({"private.pem": "", "kid": "eA=="}), "AdmissionKeyMissing"),
            (json!({"private.pem": "/w==", "kid": "eA=="}), "AdmissionKeyNotText"),
            (json!({"private.pem": "eA==", "kid": "eA=="}), "SigningKeyInvalid"),
        ];
        for (data, reason) in cases {
            assert_eq!(read_signer(&secret(&data)).unwrap_err().reason(), reason, "{data}");
        }
    }

    #[tokio::test]
    async fn a_rotated_key_is_used_and_a_broken_one_changes_nothing() {
        let (sink, slot) = (fixtures::sink(), SignerSlot::default());
        let [first, second] = ["kid-1", "kid-2"].map(fixtures::admission_key);
        let events = [
            Ok(Event::Init),
            Ok(Event::InitApply(secret(&json!({})))),
            Ok(Event::InitDone),
            Ok(Event::Apply(secret(&first.secret_data()))),
            Err(watcher::Error::NoResourceVersion),
            Ok(Event::Apply(secret(&second.secret_data()))),
            Ok(Event::Apply(secret(&json!({"private.pem": "eA==", "kid": "eA=="})))),
            Ok(Event::Delete(secret(&json!({})))),
        ];
        let mut changes = sink.table.subscribe();
        let result = keep_signer(stream::iter(events), &slot, sink.clone()).await;
        assert!(matches!(result, Err(WatchError::Ended)));

        let token = slot.get().unwrap().admin(1_800_000_000).unwrap();
        assert!(KeySet::from_jwks(&second.jwks).unwrap().verify_admin(&token, 1_800_000_000).is_ok());
        assert!(!sink.readiness.missing().iter().any(|words| words.contains("admission")));
        let trusted = slot.trusted().unwrap();
        assert!(trusted.verify_admin(&token, 1_800_000_000).is_ok(), "what replicas sign is trusted");
        assert!(changes.has_changed().unwrap(), "held joins are woken");
        changes.mark_unchanged();
    }
}
