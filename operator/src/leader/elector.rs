//! Acquires, renews and releases the lease: the requests that `decide` chooses, one at a time.
//!
//! A write is a PUT (or POST) with the resource version that was read, so that of two concurrent writes one is rejected. A response that
//! does not arrive in time is treated as lost: the lease is read again before anything is assumed. It neither starts nor stops the work
//! that the lease guards.

use std::{future::Future, pin::pin, time::Duration};

use futures_util::{Stream, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api, Client,
    api::PostParams,
    runtime::{
        WatchStreamExt,
        watcher::{Event, watcher},
    },
};
use thiserror::Error;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    LeaseConfig, LeaseMetrics,
    decide::{Candidate, Decision, Loss, Moment, Timing},
    record::{build_held, build_new, build_released, read_sighting},
};
use convene_service::kube::watch::{WatchBackoff, watch_config};

use crate::health::Readiness;

const FIELD_MANAGER: &str = "convene-operator/lease";

/// Errors of the lease. Only a loss is fatal.
#[derive(Debug, Error)]
pub enum LeaseError {
    /// The lease could not be read.
    #[error("could not read Lease {name:?}")]
    Read {
        /// Name of the lease.
        name: String,
        /// The response of the API server.
        source: Box<kube::Error>,
    },
    /// The lease could not be written.
    #[error("could not write Lease {name:?}")]
    Write {
        /// Name of the lease.
        name: String,
        /// The response of the API server.
        source: Box<kube::Error>,
    },
    /// The API server did not respond in time. Whether it applied the request is unknown.
    #[error("no response about Lease {name:?} within {limit:?}")]
    NoAnswer {
        /// Name of the lease.
        name: String,
        /// The time limit.
        limit: Duration,
    },
    /// The response is unusable.
    #[error("response about Lease {name:?} has no resource version")]
    NoVersion {
        /// Name of the lease.
        name: String,
    },
    /// It could not be renewed in time.
    #[error("could not renew Lease {name:?} in time, another replica may hold it by now")]
    Late {
        /// Name of the lease.
        name: String,
    },
    /// Another replica holds it.
    #[error("another replica holds Lease {name:?}: {holder:?}")]
    Taken {
        /// Name of the lease.
        name: String,
        /// Its holder; empty if there is none.
        holder: String,
    },
    /// It no longer exists.
    #[error("Lease {name:?} was deleted while it was held")]
    Deleted {
        /// Name of the lease.
        name: String,
    },
}

impl LeaseError {
    /// A constant for logs.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Read { .. } => "LeaseNotRead",
            Self::Write { .. } => "LeaseNotWritten",
            Self::NoAnswer { .. } => "LeaseNotAnswered",
            Self::NoVersion { .. } => "LeaseInvalid",
            Self::Late { .. } => "LeaseNotRenewed",
            Self::Taken { .. } => "LeaseTaken",
            Self::Deleted { .. } => "LeaseDeleted",
        }
    }

    /// A concurrent write came first, or the lease was deleted: no failure, the next read shows it.
    fn is_race(&self) -> bool {
        let Self::Write { source, .. } = self else { return false };
        matches!(&**source, kube::Error::Api(answer) if answer.is_conflict() || answer.is_already_exists() || answer.is_not_found())
    }
}

/// A candidate with its connection.
pub(crate) struct LeaderElector {
    api: Api<Lease>,
    config: LeaseConfig,
    timing: Timing,
    candidate: Candidate,
    /// The lease as `candidate` last saw it, to be written back with changes.
    lease: Option<Lease>,
    /// The zero of all moments.
    zero: Instant,
    metrics: LeaseMetrics,
    is_failing: bool,
}

impl LeaderElector {
    /// A candidate that has not sent a request yet.
    pub(crate) fn new(
        client: Client,
        namespace: &str,
        config: LeaseConfig,
        timing: Timing,
        metrics: LeaseMetrics,
    ) -> Self {
        let candidate = Candidate::new(config.identity.clone(), timing);
        let api = Api::namespaced(client, namespace);
        Self { api, config, timing, candidate, lease: None, zero: Instant::now(), metrics, is_failing: false }
    }

    /// Yields whenever the watch reports a change of the lease. Only a hint: polling every few seconds would suffice, but would notice a
    /// release late.
    pub(crate) fn watch_changes(&self) -> impl Stream<Item = ()> + Send + use<> {
        let config = watch_config().fields(&format!("metadata.name={}", self.config.name));
        watcher(self.api.clone(), config).backoff(WatchBackoff::default()).filter_map(|event| {
            std::future::ready(match event {
                Ok(Event::Apply(_) | Event::Delete(_)) => Some(()),
                Ok(Event::Init | Event::InitApply(_) | Event::InitDone) => None,
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "watch of the lease failed, retrying");
                    None
                }
            })
        })
    }

    /// Waits until this replica holds the lease (`true`) or `stop` completes (`false`). A request in flight is always awaited.
    pub(crate) async fn win(
        &mut self,
        changes: impl Stream<Item = ()>,
        readiness: &Readiness,
        stop: impl Future<Output = ()>,
    ) -> Result<bool, LeaseError> {
        let (mut changes, mut stop) = (pin!(changes), pin!(stop));
        loop {
            let pause = self.step().await?;
            if self.candidate.leads(self.now()) {
                self.metrics.leading.set(1);
                tracing::info!(lease = self.config.name, identity = self.config.identity, "leading");
                return Ok(true);
            }
            if self.candidate.holder().is_some() {
                readiness.stands_by();
            }
            tokio::select! {
                biased;
                () = &mut stop => return Ok(false),
                Some(()) = changes.next() => self.candidate.doubt(),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Renews the lease until `work_ended` reports that work no longer depends on it, and then releases it. If the other end is dropped
    /// instead, work may still run: the lease is left to expire. An error means that this replica is no longer the leader.
    pub(crate) async fn keep(mut self, mut work_ended: oneshot::Receiver<()>) -> Result<(), LeaseError> {
        loop {
            let end = self.instant(self.candidate.deadline().unwrap_or_default());
            // If time runs out during a request, the next step reports that the lease is lost.
            let pause =
                timeout_at(end, self.step()).await.unwrap_or(Ok(Duration::ZERO)).inspect_err(|_| self.note_loss())?;
            tokio::select! {
                biased;
                ended = &mut work_ended => {
                    self.metrics.leading.set(0);
                    if ended.is_ok() {
                        self.release().await;
                    }
                    return Ok(());
                }
                () = sleep_until(end.min(Instant::now() + pause)) => {}
            }
        }
    }

    fn note_loss(&self) {
        self.metrics.leading.set(0);
    }

    /// Takes the next step and returns the pause before the one after it.
    async fn step(&mut self) -> Result<Duration, LeaseError> {
        let done = match self.candidate.decide(self.now()) {
            Decision::Wait(pause) => return Ok(pause),
            Decision::Lost(loss) => return Err(self.explain(loss)),
            Decision::Read => self.read().await,
            Decision::Create => self.create().await,
            Decision::Acquire | Decision::Renew => self.renew().await,
        };
        match done {
            Ok(()) => {
                self.is_failing = false;
                Ok(Duration::ZERO)
            }
            Err(error) => {
                self.candidate.doubt();
                self.complain(&error);
                Ok(self.timing.retry / 4)
            }
        }
    }

    async fn read(&mut self) -> Result<(), LeaseError> {
        let found = self.answer(self.api.get_opt(&self.config.name)).await?;
        let found =
            found.map_err(|source| LeaseError::Read { name: self.config.name.clone(), source: Box::new(source) })?;
        let sighting = found.as_ref().map(|lease| self.sighting(lease)).transpose()?;
        self.candidate.observe(sighting, self.now());
        self.lease = found;
        Ok(())
    }

    async fn create(&mut self) -> Result<(), LeaseError> {
        let lease = build_new(&self.config.name, &self.config.identity, &self.timing, Timestamp::now());
        let begun = self.now();
        let written = self.answer(self.api.create(&post_params(), &lease)).await?;
        self.note_written(written, begun)
    }

    async fn renew(&mut self) -> Result<(), LeaseError> {
        let seen = self.lease.clone().unwrap_or_default();
        let lease = build_held(&seen, &self.config.identity, &self.timing, Timestamp::now());
        let begun = self.now();
        let written = self.answer(self.api.replace(&self.config.name, &post_params(), &lease)).await?;
        self.note_written(written, begun)
    }

    fn note_written(&mut self, written: kube::Result<Lease>, begun: Moment) -> Result<(), LeaseError> {
        let written = written.map_err(|source| self.write_error(source))?;
        let sighting = self.sighting(&written)?;
        self.candidate.succeed(sighting, begun, self.now());
        self.lease = Some(written);
        Ok(())
    }

    /// Releases the lease, so that other replicas need not wait until it expires. If that fails, it expires by itself.
    async fn release(mut self) {
        self.candidate.resign();
        let mut released = self.write_release().await;
        if released.as_ref().is_err_and(LeaseError::is_race) {
            // The change may be only a label.
            released = match self.read().await {
                Ok(()) => self.write_release().await,
                Err(error) => Err(error),
            };
        }
        let (lease, identity) = (&self.config.name, &self.config.identity);
        match released {
            Ok(()) => tracing::info!(lease, identity, "stopped leading"),
            Err(error) => {
                let (error, reason) = (&error as &dyn std::error::Error, error.reason());
                tracing::warn!(
                    error,
                    reason,
                    lease,
                    identity,
                    "could not release the lease, other replicas wait until it expires"
                );
            }
        }
    }

    async fn write_release(&self) -> Result<(), LeaseError> {
        let Some(seen) = self.lease.as_ref().filter(|_| self.candidate.is_holder()) else { return Ok(()) };
        let lease = build_released(seen, Timestamp::now());
        let written = self.answer(self.api.replace(&self.config.name, &post_params(), &lease)).await?;
        written.map(drop).map_err(|source| self.write_error(source))
    }

    /// The response to a request, unless it takes too long.
    async fn answer<T>(&self, request: impl Future<Output = T>) -> Result<T, LeaseError> {
        let limit = self.timing.request;
        timeout(limit, request).await.map_err(|_| LeaseError::NoAnswer { name: self.config.name.clone(), limit })
    }

    fn sighting(&self, lease: &Lease) -> Result<super::decide::Sighting, LeaseError> {
        read_sighting(lease).ok_or_else(|| LeaseError::NoVersion { name: self.config.name.clone() })
    }

    fn write_error(&self, source: kube::Error) -> LeaseError {
        LeaseError::Write { name: self.config.name.clone(), source: Box::new(source) }
    }

    fn explain(&self, loss: Loss) -> LeaseError {
        let name = self.config.name.clone();
        match loss {
            Loss::Late => LeaseError::Late { name },
            Loss::Deleted => LeaseError::Deleted { name },
            Loss::Taken => LeaseError::Taken { name, holder: self.candidate.holder().unwrap_or_default().to_owned() },
        }
    }

    /// Logs once while an API server is unreachable, not twice a second.
    fn complain(&mut self, error: &LeaseError) {
        let (reason, lease) = (error.reason(), &self.config.name);
        if error.is_race() || self.is_failing {
            tracing::debug!(error = error as &dyn std::error::Error, reason, lease, "reading the lease again");
        } else {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                reason,
                lease,
                "could not read or write the lease, retrying"
            );
            self.is_failing = true;
        }
    }

    fn now(&self) -> Moment {
        self.zero.elapsed()
    }

    fn instant(&self, moment: Moment) -> Instant {
        self.zero + moment
    }
}

fn post_params() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}

#[cfg(test)]
mod tests;
