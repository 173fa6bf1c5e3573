//! What both controllers are handed for every pass: the world, the configuration, the recorder, the attempts and the metrics.

use std::{future::Future, sync::Arc, time::Duration};

use kube::runtime::{controller::Action, events::Recorder};
use tokio::time::Instant;

use crate::{
    backoff::{Attempts, compute_resync},
    config::Config,
    metrics::OperatorMetrics,
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
    /// Metrics.
    pub metrics: OperatorMetrics,
    /// Blocks that rest after use.
    pub quarantine: std::sync::Mutex<Quarantine>,
}

/// How a pass ended, apart from failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something was written.
    Applied,
    /// All was as it should be.
    Skipped,
    /// The object waits for something; with the time of the next look if one is known.
    Waiting(Option<Duration>),
}

impl Outcome {
    const fn label(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Skipped => "skipped",
            Self::Waiting(_) => "waiting",
        }
    }
}

impl Context {
    /// Runs a pass over `object`, counts it and says when the next one is.
    pub async fn pass<E>(
        &self,
        kind: &'static str,
        object: &str,
        pass: impl Future<Output = Result<Outcome, E>>,
    ) -> Result<Action, E> {
        let begin = Instant::now();
        let result = pass.await;
        let label = result.as_ref().map_or("failed", |outcome| outcome.label());
        self.metrics.count_pass(kind, label, begin.elapsed());
        let outcome = result?;
        self.attempts.succeed(&format!("{kind}/{object}"));
        let resync = compute_resync(rand::random());
        Ok(Action::requeue(match outcome {
            Outcome::Waiting(Some(soon)) => soon.min(resync),
            Outcome::Applied | Outcome::Skipped | Outcome::Waiting(None) => resync,
        }))
    }

    /// The pause after a failed pass over `object`.
    pub fn pause(&self, kind: &'static str, object: &str) -> Action {
        Action::requeue(self.attempts.fail(&format!("{kind}/{object}")))
    }
}
