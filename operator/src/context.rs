//! What both controllers are handed for every pass: the world, the configuration, the recorder, the attempts and the metrics.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, Once, PoisonError},
    time::Duration,
};

use kube::runtime::{controller::Action, events::Recorder};
use tokio::time::Instant;

use crate::{
    backoff::{Attempts, compute_resync},
    config::{Config, Tempo},
    metrics::OperatorMetrics,
    podlink::PodLink,
    ports::Quarantine,
    world::World,
};

/// Shared by all passes of both controllers.
pub struct Context {
    /// Caches and triggers.
    pub world: Arc<World>,
    /// What the operator was told.
    pub config: Config,
    /// The one recorder of the process: it folds repetitions.
    pub recorder: Recorder,
    /// Failures in a row, by object.
    pub attempts: Attempts,
    /// The line to the media pods.
    pub link: PodLink,
    /// Metrics.
    pub metrics: OperatorMetrics,
    /// Blocks that rest after use.
    pub quarantine: std::sync::Mutex<Quarantine>,
    /// That the pools' statuses were asked for blocks.
    pub recalled: Once,
    /// When each meeting's number of people was written last.
    pub people_told: Debounce,
    /// When people of each pool were moved last: its pace counts by the second.
    pub moves: Debounce,
    /// How long things take that are not the cluster's doing.
    pub tempo: Tempo,
}

/// Lets something happen once in a while, for each object.
#[derive(Debug)]
pub struct Debounce {
    period: Duration,
    last: Mutex<HashMap<String, Instant>>,
}

impl Debounce {
    /// Lets something happen once in `period`.
    pub fn new(period: Duration) -> Self {
        Self { period, last: Mutex::default() }
    }

    /// How long to wait; `None` means that it may happen now, and that it does.
    pub fn pause(&self, object: &str) -> Option<Duration> {
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.retain(|_, time| now.duration_since(*time) < self.period);
        if let Some(time) = last.get(object) {
            return Some(self.period.saturating_sub(now.duration_since(*time)));
        }
        last.insert(object.to_owned(), now);
        None
    }
}

/// How a pass ended, apart from failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something was written.
    Applied,
    /// All was as it should be.
    Skipped,
    /// The object waits for something.
    Waiting,
}

/// What a pass came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// How it ended.
    pub outcome: Outcome,
    /// When the object is to be looked at again, if that is known.
    pub again: Option<Duration>,
}

impl Pass {
    /// A pass that knows of no next one.
    pub const fn of(outcome: Outcome) -> Self {
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
    pub fn quarantine(&self) -> MutexGuard<'_, Quarantine> {
        self.quarantine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a pass over `object`, counts it and says when the next one is.
    pub async fn pass<E>(
        &self,
        kind: &'static str,
        object: &str,
        pass: impl Future<Output = Result<Pass, E>>,
    ) -> Result<Action, E> {
        let begin = Instant::now();
        let result = pass.await;
        let label = result.as_ref().map_or("failed", |pass| pass.outcome.label());
        self.metrics.count_pass(kind, label, begin.elapsed());
        let Pass { outcome: _, again } = result?;
        self.attempts.succeed(&format!("{kind}/{object}"));
        let resync = compute_resync(rand::random());
        Ok(Action::requeue(again.map_or(resync, |again| again.min(resync))))
    }

    /// The pause after a failed pass over `object`.
    pub fn pause(&self, kind: &'static str, object: &str) -> Action {
        Action::requeue(self.attempts.fail(&format!("{kind}/{object}")))
    }
}
