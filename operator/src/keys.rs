//! The admission keys: generated once, stored in a Secret, rotated periodically, and their public halves published in a `ConfigMap` for the
//! media pods.
//!
//! The chart creates both objects without data; this module fills them and keeps them up to date. Every write carries the resource version
//! that was read: of two concurrent writers, the second sees the first one's result and continues from there. `rotate` decides what to do;
//! this module sends the requests. Private keys are in no log and no error.

use std::time::Duration;

use convene_admission_keys::{KeyFormatError, Stored, build_key_pair};
use convene_crds::names::ADMISSION_KEYS_FILE;
use convene_protocol::admission::{AdmissionError, Signer};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;

mod error;
mod rotate;

pub(crate) use error::KeysError;

use rotate::{State, Step, plan_rotation};

/// A rotation takes fewer steps; the rest is for concurrent writers.
const MOST_STEPS: usize = 24;

/// The current keys.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Signs with the current key.
    pub signer: Signer,
    /// When to check the keys again.
    pub check_again: Duration,
}

/// Reads the key or generates it, makes sure that the `ConfigMap` holds all public halves, and takes the rotation steps that are due. A key
/// signs for about `period`; without one it is never rotated.
pub async fn ensure_keys(
    client: &Client,
    namespace: &str,
    secret: &str,
    config_map: &str,
    period: Option<Duration>,
) -> Result<Keys, KeysError> {
    let home = KeyHome {
        secrets: Api::namespaced(client.clone(), namespace),
        config_maps: Api::namespaced(client.clone(), namespace),
        secret,
        config_map,
    };
    home.ensure(period, Timestamp::now(), rand::random).await
}

/// Where the keys are stored.
struct KeyHome<'a> {
    secrets: Api<Secret>,
    config_maps: Api<ConfigMap>,
    secret: &'a str,
    config_map: &'a str,
}

/// The keys as read, and the versions that a write depends on.
struct Found {
    state: State,
    secret_version: Option<String>,
    config_map_version: Option<String>,
}

impl KeyHome<'_> {
    async fn ensure(
        &self,
        period: Option<Duration>,
        now: Timestamp,
        mut seed: impl FnMut() -> [u8; 32],
    ) -> Result<Keys, KeysError> {
        for _ in 0..MOST_STEPS {
            let found = self.observe().await?;
            let version = found.secret_version.as_deref();
            match plan_rotation(&found.state, period, now)? {
                Step::Wait(check_again) => return Ok(Keys { signer: build_signer(&found.state.stored)?, check_again }),
                Step::Publish(jwks) => self.publish(&jwks, found.config_map_version.as_deref()).await?,
                Step::Write { stored, what } => self.write(&stored, version, what).await?,
                Step::MakeCurrent => {
                    let stored = Stored::start(build_key_pair(seed())?, now);
                    self.write(&stored, version, "generated an admission key").await?;
                }
                Step::MakeNext => {
                    let stored = found.state.stored.with_next(build_key_pair(seed())?);
                    self.write(&stored, version, "generated the next admission key").await?;
                }
            }
        }
        Err(KeysError::Contended { name: self.secret.to_owned(), times: MOST_STEPS })
    }

    async fn observe(&self) -> Result<Found, KeysError> {
        let secret = self.secrets.get(self.secret).await;
        let secret = secret
            .map_err(|source| KeysError::ReadSecret { name: self.secret.to_owned(), source: Box::new(source) })?;
        let stored = Stored::read(self.secret, &secret)?;
        let config_map = self.config_maps.get(self.config_map).await;
        let config_map = config_map.map_err(|source| KeysError::ReadConfigMap {
            name: self.config_map.to_owned(),
            source: Box::new(source),
        })?;
        let published = config_map.data.and_then(|mut data| data.remove(ADMISSION_KEYS_FILE));
        Ok(Found {
            state: State { stored, published },
            secret_version: secret.metadata.resource_version,
            config_map_version: config_map.metadata.resource_version,
        })
    }

    async fn write(&self, stored: &Stored, version: Option<&str>, what: &'static str) -> Result<(), KeysError> {
        let patch = stored.build_patch(version);
        match self.secrets.patch(self.secret, &PatchParams::default(), &Patch::Merge(&patch)).await {
            Ok(_) => {
                let (current, next) = (stored.current.as_ref(), stored.next.as_ref());
                let (kid, next_kid) = (current.map(|pair| &pair.kid), next.map(|pair| &pair.kid));
                tracing::info!(secret = self.secret, kid, next_kid, "{what}");
                Ok(())
            }
            // Another writer was faster: its version is read next.
            Err(kube::Error::Api(answer)) if answer.is_conflict() => Ok(()),
            Err(source) => Err(KeysError::WriteSecret { name: self.secret.to_owned(), source: Box::new(source) }),
        }
    }

    async fn publish(&self, jwks: &str, version: Option<&str>) -> Result<(), KeysError> {
        let patch = json!({"metadata": {"resourceVersion": version}, "data": {(ADMISSION_KEYS_FILE): jwks}});
        match self.config_maps.patch(self.config_map, &PatchParams::default(), &Patch::Merge(&patch)).await {
            Ok(_) => {
                tracing::info!(config_map = self.config_map, "published the public admission keys");
                Ok(())
            }
            Err(kube::Error::Api(answer)) if answer.is_conflict() => Ok(()),
            Err(source) => {
                Err(KeysError::WriteConfigMap { name: self.config_map.to_owned(), source: Box::new(source) })
            }
        }
    }
}

fn build_signer(stored: &Stored) -> Result<Signer, KeysError> {
    let unusable = |error| KeysError::Format(KeyFormatError::Unusable(error));
    let pair = stored.current.as_ref().ok_or_else(|| unusable(AdmissionError::SigningKey))?;
    Signer::from_pem(&pair.private_pem, &pair.kid).map_err(unusable)
}

#[cfg(test)]
mod tests;
