//! What both controllers are handed for every pass: the world, the configuration, the way of events, the attempts and the metrics.

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
    pods::link::PodLink,
};

/// Shared by all passes of both controllers.
pub(crate) struct Context {
    /// Caches and triggers.
    pub(crate) cache: Arc<ClusterCache>,
    /// What the operator was told.
    pub(crate) config: Config,
    /// Where events are handed over.
    pub(crate) events: Publisher,
    /// Failures in a row, by object.
    pub(crate) attempts: Attempts,
    /// The line to the media pods.
    pub(crate) link: PodLink,
    /// Metrics.
    pub(crate) metrics: OperatorMetrics,
    /// Blocks that rest after use.
    pub(crate) quarantine: std::sync::Mutex<Quarantine>,
    /// That the pools' statuses were asked for blocks.
    pub(crate) recalled: Once,
    /// When a number that changes all the time was written last: people of a meeting, meetings of a pool.
    pub(crate) count_writes: Debounce,
    /// When people of each pool were moved last: its pace counts by the second.
    pub(crate) moves: Debounce,
    /// How long things take that are not the cluster's doing.
    pub(crate) intervals: Intervals,
}

/// Lets something happen once in a while, for each object.
#[derive(Debug)]
pub(crate) struct Debounce {
    period: Duration,
    recent: Mutex<Recent>,
}

/// What happened within the last period.
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
    /// Lets something happen once in `period`.
    pub(crate) fn new(period: Duration) -> Self {
        Self { period, recent: Mutex::default() }
    }

    /// How long to wait; `None` means that it may happen now, and that it does.
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

/// How a pass ended, apart from failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Something was written.
    Applied,
    /// All was as it should be.
    Skipped,
    /// The object waits for something.
    Waiting,
}

/// What a pass came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reconciled {
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// When the object is to be looked at again, if that is known.
    pub(crate) again: Option<Duration>,
}

impl Reconciled {
    /// A pass that knows of no next one.
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
    /// The blocks that rest. A panic elsewhere while it was held leaves it usable.
    pub(crate) fn quarantine(&self) -> MutexGuard<'_, Quarantine> {
        self.quarantine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a pass over `object`, counts it and says when the next one is; `resync` at the latest, if that is given.
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

    /// The pause after a failed pass over `object`.
    pub(crate) fn back_off(&self, kind: &'static str, object: &str) -> Action {
        Action::requeue(self.attempts.fail(&format!("{kind}/{object}")))
    }
}
