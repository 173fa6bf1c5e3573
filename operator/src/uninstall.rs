//! `convene-operator uninstall`: what has to happen before the operator is removed. The chart runs it as a hook of `helm uninstall`.
//!
//! It deletes every `MediaPool` of the namespace, waits until the operator has drained them, and makes sure that no Meeting is left Ready.
//! Where no operator is active, it removes the finalizers of the pools itself. It returns success, or an error at the timeout.

pub(crate) mod plan;

use std::time::Duration;

use convene_crds::{MediaPool, Meeting, MeetingStatus, names::CONDITION_READY};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, Preconditions},
};
use serde_json::json;
use thiserror::Error;
use tokio::time::Instant;

use self::plan::{Manner, compute_without_pool, plan_pool};
use crate::{
    cluster::cache::Guarded, meeting::apply::FIELD_MANAGER, model::conditions::find, pool::finalizer::build_patch,
};
use convene_crds::reason;

/// Progress is logged again after this time even without changes.
const LOG_AGAIN: Duration = Duration::from_secs(20);

/// Polling interval, and the time after which it considers the operator gone.
#[derive(Clone, Copy, Debug)]
struct Pace {
    period: Duration,
    /// A lease that is not renewed for this time has no holder; a restarting operator needs part of this time.
    lease: Duration,
}

const PACE: Pace = Pace { period: Duration::from_secs(2), lease: Duration::from_mins(1) };

/// Settings of an uninstall.
#[derive(Clone, Debug)]
pub struct UninstallConfig {
    /// Namespace of the pools.
    pub namespace: String,
    /// Lease of the active operator.
    pub lease: String,
    /// The timeout.
    pub timeout: Duration,
    /// Whether to wait for participants to leave.
    pub drains: bool,
}

/// Errors of an uninstall.
#[derive(Debug, Error)]
pub enum UninstallError {
    /// A request to the API server failed.
    #[error("could not {what}")]
    Request {
        /// The step, as in "could not …".
        what: &'static str,
        /// The response of the API server.
        source: Box<kube::Error>,
    },
    /// The timeout has expired.
    #[error(
        "not done after {seconds} s: {left}. Run helm uninstall again to keep waiting, or with --no-hooks to skip this step; docs/operations.md says what is left behind"
    )]
    Deadline {
        /// How long it took.
        seconds: u64,
        /// The remaining objects.
        left: String,
    },
}

impl UninstallError {
    /// A constant for logs.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Request { .. } => "RequestFailed",
            Self::Deadline { .. } => "Deadline",
        }
    }

    fn request(what: &'static str) -> impl Fn(kube::Error) -> Self {
        move |source| Self::Request { what, source: Box::new(source) }
    }
}

/// Runs until no pools are left, or the timeout expires. Failures are retried.
pub async fn uninstall(client: Client, config: UninstallConfig) -> Result<(), UninstallError> {
    uninstall_at(client, config, PACE).await
}

async fn uninstall_at(client: Client, config: UninstallConfig, pace: Pace) -> Result<(), UninstallError> {
    let begin = Instant::now();
    let timeout = SignedDuration::try_from(config.timeout).unwrap_or(SignedDuration::MAX);
    let until = Timestamp::now().checked_add(timeout).unwrap_or(Timestamp::MAX);
    let mut work =
        Uninstall { leader: LeaseObserver::new(&client, &config, pace.lease), client, config, until, reported: None };
    loop {
        let left = match work.step().await {
            Ok(None) => {
                tracing::info!("no pools are left, and no meeting is Ready");
                return Ok(());
            }
            Ok(Some(left)) => left,
            Err(error) => {
                let left = convene_service::say::chain(&error);
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    reason = error.reason(),
                    "uninstall step failed, retrying"
                );
                left
            }
        };
        work.log_progress(&left, begin.elapsed());
        if begin.elapsed() >= work.config.timeout {
            return Err(UninstallError::Deadline { seconds: begin.elapsed().as_secs(), left });
        }
        tokio::time::sleep(pace.period).await;
    }
}

struct Uninstall {
    client: Client,
    config: UninstallConfig,
    until: Timestamp,
    leader: LeaseObserver,
    /// The last message that was logged, and when.
    reported: Option<(String, Instant)>,
}

impl Uninstall {
    /// One step; `Some` is what is still left.
    async fn step(&mut self) -> Result<Option<String>, UninstallError> {
        let pools = list::<Guarded<MediaPool>>(&self.pools(), "list the pools").await?;
        if pools.is_empty() {
            return self.mark_meetings().await;
        }
        let manner = self.choose_manner().await?;
        for pool in &pools {
            self.step_pool(pool, manner).await?;
        }
        Ok(Some(pools.iter().map(describe).collect::<Vec<_>>().join("; ")))
    }

    fn pools(&self) -> Api<Guarded<MediaPool>> {
        Api::namespaced(self.client.clone(), &self.config.namespace)
    }

    async fn choose_manner(&mut self) -> Result<Manner, UninstallError> {
        if self.config.drains && self.leader.is_active().await? {
            return Ok(Manner::Drain { until: self.until });
        }
        Ok(Manner::AtOnce)
    }

    async fn step_pool(&self, pool: &Guarded<MediaPool>, manner: Manner) -> Result<(), UninstallError> {
        let seconds = pool.0.as_ref().ok().map(|pool| pool.spec.drain.deadline_seconds);
        let step = plan_pool(pool.meta(), seconds, manner, Timestamp::now());
        let (api, name) = (self.pools(), pool.name_any());
        if let Some(seconds) = step.shorten_to {
            let patch = json!({"metadata": {"uid": pool.uid()}, "spec": {"drain": {"deadlineSeconds": seconds}}});
            let patched = api.patch_metadata(&name, &PatchParams::default(), &Patch::Merge(&patch)).await;
            unless_gone(patched, "shorten the drain of a pool")?;
        }
        if step.delete {
            let preconditions = Preconditions { uid: pool.uid(), resource_version: None };
            let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
            unless_gone(api.delete(&name, &parameters).await, "delete a pool")?;
            tracing::info!(pool = name, "deleted pool");
        }
        if step.release {
            let patch = build_patch(pool.meta(), false);
            let patched = api.patch_metadata(&name, &PatchParams::default(), &Patch::Merge(&patch)).await;
            unless_gone(patched, "remove the finalizer of a pool")?;
            tracing::info!(pool = name, "removed the finalizer of a pool without a drain: its calls end now");
        }
        Ok(())
    }

    /// Gives meetings that still claim a place the status that the operator would write.
    async fn mark_meetings(&self) -> Result<Option<String>, UninstallError> {
        let mut count = 0_u32;
        let all = list::<Guarded<Meeting>>(&Api::all(self.client.clone()), "list the meetings").await?;
        // A meeting that cannot be parsed never had a place.
        for meeting in all.into_iter().filter_map(|meeting| meeting.0.ok()) {
            if let Some(status) = compute_without_pool(&meeting, &self.config.namespace, Timestamp::now()) {
                self.mark(&meeting.metadata, &status).await?;
                count += 1;
            }
        }
        // Checked again: an operator that had not noticed the deletion yet may have written its own status.
        Ok((count > 0).then(|| format!("{count} meetings were marked as having no pool")))
    }

    async fn mark(&self, metadata: &ObjectMeta, status: &MeetingStatus) -> Result<(), UninstallError> {
        let (namespace, name) =
            (metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default());
        let api: Api<Meeting> = Api::namespaced(self.client.clone(), namespace);
        let patch = json!({
            "apiVersion": Meeting::api_version(&()),
            "kind": Meeting::kind(&()),
            "metadata": {"name": name, "namespace": namespace, "uid": metadata.uid},
            "status": status,
        });
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        unless_gone(api.patch_status(name, &parameters, &Patch::Apply(&patch)).await, "write the status of a meeting")
    }

    fn log_progress(&mut self, left: &str, elapsed: Duration) {
        let is_known = |(reported, at): &(String, Instant)| reported == left && at.elapsed() < LOG_AGAIN;
        if self.reported.as_ref().is_some_and(is_known) {
            return;
        }
        tracing::info!(elapsed = elapsed.as_secs(), timeout = self.config.timeout.as_secs(), "{left}");
        self.reported = Some((left.to_owned(), Instant::now()));
    }
}

/// Whether an operator is active: only an active one renews its lease.
struct LeaseObserver {
    leases: Api<Lease>,
    name: String,
    limit: Duration,
    /// Version of the lease, and the time of its last change.
    seen: (Option<String>, Instant),
}

impl LeaseObserver {
    fn new(client: &Client, config: &UninstallConfig, limit: Duration) -> Self {
        let leases = Api::namespaced(client.clone(), &config.namespace);
        Self { leases, name: config.lease.clone(), limit, seen: (None, Instant::now()) }
    }

    async fn is_active(&mut self) -> Result<bool, UninstallError> {
        let lease =
            self.leases.get_opt(&self.name).await.map_err(UninstallError::request("read the operator's lease"))?;
        let version = lease.and_then(|lease| lease.metadata.resource_version);
        if version != self.seen.0 {
            self.seen = (version, Instant::now());
        }
        Ok(self.seen.1.elapsed() < self.limit)
    }
}

/// A kind whose CRD is gone has no objects.
async fn list<K>(api: &Api<K>, what: &'static str) -> Result<Vec<K>, UninstallError>
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    match api.list(&ListParams::default()).await {
        Ok(list) => Ok(list.items),
        Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(UninstallError::request(what)(error)),
    }
}

/// An object that is gone or has changed in the meantime is handled in the next step.
fn unless_gone<T>(result: Result<T, kube::Error>, what: &'static str) -> Result<(), UninstallError> {
    match result {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => Ok(()),
        Err(error) => Err(UninstallError::request(what)(error)),
    }
}

/// The progress that the operator reports for a pool, once it has noticed.
fn describe(pool: &Guarded<MediaPool>) -> String {
    let status = pool.0.as_ref().ok().and_then(|pool| pool.status.as_ref());
    let conditions = status.map(|status| status.conditions.as_slice()).unwrap_or_default();
    let reported = find(conditions, CONDITION_READY).filter(|ready| ready.reason == reason::DELETING);
    let message = reported.map_or("being deleted", |ready| ready.message.as_str());
    format!("pool {:?}: {message}", pool.name_any())
}

#[cfg(test)]
mod tests;
