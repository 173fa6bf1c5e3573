//! The state that both controllers share: the cache, the settings, the event publisher, failure counts and metrics.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    sync::{Arc, Mutex, MutexGuard, Once, PoisonError},
    time::Duration,
};

use kube::runtime::controller::Action;
use tokio::time::Instant;

use crate::{
    cluster::{cache::ClusterCache, events::Publisher},
    config::{Config, Intervals},
    metrics::OperatorMetrics,
    model::{backoff::Attempts, ports::Quarantine},
    pods::{link::PodLink, slots::PodSlots},
};

/// Shared by all reconciliations of both controllers.
pub(crate) struct Context {
    /// Cache of the cluster and the queues of the controllers.
    pub(crate) cache: Arc<ClusterCache>,
    /// The settings.
    pub(crate) config: Config,
    /// Publishes Kubernetes events.
    pub(crate) events: Publisher,
    /// Consecutive failures, by object.
    pub(crate) attempts: Attempts,
    /// Requests to the media pods.
    pub(crate) link: PodLink,
    pub(crate) metrics: OperatorMetrics,
    /// Blocks of ports that are held back after use.
    pub(crate) quarantine: std::sync::Mutex<Quarantine>,
    /// Recalls blocks from the pools' statuses, once.
    pub(crate) recalled: Once,
    /// Limits how often a rapidly changing count is written: participants of a meeting, meetings of a pool.
    pub(crate) count_writes: Debounce,
    /// Limits how many reconciliations wait for the same media pod.
    pub(crate) slots: PodSlots,
    /// The zero of all moments.
    pub(crate) zero: Instant,
    /// Periods and pauses that do not depend on the cluster.
    pub(crate) intervals: Intervals,
}

/// Limits how often something happens, for each object.
#[derive(Debug)]
pub(crate) struct Debounce {
    period: Duration,
    recent: Mutex<Recent>,
}

/// Keys seen within the last period.
#[derive(Debug, Default)]
struct Recent {
    last: HashMap<Arc<str>, Instant>,
    /// The same, oldest first.
    order: VecDeque<(Instant, Arc<str>)>,
}

impl Recent {
    fn forget_before(&mut self, time: Instant) {
        while let Some((_, object)) = self.order.pop_front_if(|(happened, _)| *happened <= time) {
            self.last.remove(&object);
        }
    }
}

impl Debounce {
    /// Allows one occurrence in each `period`.
    pub(crate) fn new(period: Duration) -> Self {
        Self { period, recent: Mutex::default() }
    }

    /// Time to wait; `None` means that it may happen now, and counts the occurrence.
    pub(crate) fn pause(&self, object: &str) -> Option<Duration> {
        let now = Instant::now();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = now.checked_sub(self.period) {
            recent.forget_before(before);
        }
        if let Some(time) = recent.last.get(object) {
            return Some(self.period.saturating_sub(now.duration_since(*time)));
        }
        let object: Arc<str> = object.into();
        recent.last.insert(Arc::clone(&object), now);
        recent.order.push_back((now, object));
        None
    }
}

/// How a reconciliation ended, apart from failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Something was written.
    Applied,
    /// Nothing had to be changed.
    Skipped,
    /// The object is waiting for something.
    Waiting,
}

/// The result of a reconciliation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reconciled {
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// When to reconcile the object again, if that is known.
    pub(crate) again: Option<Duration>,
}

impl Reconciled {
    /// A result without a time for the next reconciliation.
    pub(crate) const fn of(outcome: Outcome) -> Self {
        Self { outcome, again: None }
    }
}

impl Outcome {
    const fn label(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Skipped => "skipped",
            Self::Waiting => "waiting",
        }
    }
}

impl Context {
    /// The blocks that are held back. A panic while the lock was held leaves them usable.
    pub(crate) fn quarantine(&self) -> MutexGuard<'_, Quarantine> {
        self.quarantine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time on a clock that is never set.
    pub(crate) fn moment(&self) -> Duration {
        self.zero.elapsed()
    }

    /// Runs the reconciliation `work` of `object`, counts it and returns when to requeue; after `resync` at the latest, if given.
    pub(crate) async fn reconcile<E>(
        &self,
        kind: &'static str,
        object: &str,
        resync: Option<Duration>,
        work: impl Future<Output = Result<Reconciled, E>>,
    ) -> Result<Action, E> {
        let begin = Instant::now();
        let result = work.await;
        let label = result.as_ref().map_or("failed", |done| done.outcome.label());
        self.metrics.count_reconcile(kind, label, begin.elapsed());
        let Reconciled { outcome: _, again } = result?;
        self.attempts.succeed(&format!("{kind}/{object}"));
        let next = again.into_iter().chain(resync).min();
        Ok(next.map_or_else(Action::await_change, Action::requeue))
    }

    /// The backoff after a failed reconciliation of `object`.
    pub(crate) fn back_off(&self, kind: &'static str, object: &str) -> Action {
        Action::requeue(self.attempts.fail(&format!("{kind}/{object}")))
    }
}
