//! One attack from start to end: it runs, then the conditions that must hold after every attack are checked.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::attacks::{Attack, Context};
use crate::failure::{Failure, Outcome};
use crate::honest::{self, Observations, Pair};
use crate::pod::{Pod, PodSpec};
use crate::report::{Row, mebibytes};

/// Time that an attack may exceed its duration by.
const OVERTIME: Duration = Duration::from_secs(150);
/// Time in which rooms, sockets and memory must be released.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Minimum time for which the honest pair is observed during each attack.
const MIN_OBSERVATION: Duration = Duration::from_secs(1);
/// Memory that allocators may keep, in bytes.
const KEPT_MEMORY: u64 = 192 << 20;
/// Counts in `/stats` that are compared.
const COUNTS: [&str; 8] =
    ["rooms", "connections", "participants", "transports", "producers", "consumers", "dataProducers", "dataConsumers"];

/// A pod with the honest pair, and its state before any attack.
pub(crate) struct Stage {
    pub(crate) pod: Arc<Pod>,
    pair: Pair,
    memory: u64,
    counts: Vec<u64>,
    panics: usize,
    /// Milliseconds within which 99 of 100 requests of the honest pair must be answered.
    p99: f64,
}

impl Stage {
    pub(crate) async fn set(spec: &PodSpec, p99: f64) -> Outcome<Self> {
        let pod = Arc::new(Pod::start(spec).await?);
        let pair = Pair::start(&pod).await?;
        let (counts, memory) = (counts(&pod).await?, pod.memory());
        Ok(Self { pod, pair, memory, counts, panics: 0, p99 })
    }

    /// Runs an attack; the pod may be dead afterwards.
    pub(crate) async fn run(&mut self, attack: Attack, time: Duration, seed: u64) -> Row {
        self.pair.take().await;
        self.pod.take_peak();
        let context = Context { pod: Arc::clone(&self.pod), name: attack.name, time, seed };
        let began = Instant::now();
        // Runs on the threads of the attackers.
        let running = tokio::spawn(timeout(time + OVERTIME, (attack.run)(context)));
        let outcome = match running.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Failure::Silent("end of the attack".into())),
            Err(error) => Err(Failure::Broken(format!("the attack itself failed: {error}"))),
        };
        // A very short attack leaves the pair no time to observe anything.
        sleep(MIN_OBSERVATION.saturating_sub(began.elapsed())).await;
        let notice = self.pair.take().await;
        let peak = self.pod.take_peak();
        let mut faults: Vec<String> = outcome.err().iter().map(ToString::to_string).collect();
        faults.extend(find_faults(&notice, self.p99));
        faults.extend(self.check_pod(peak).await);
        Row { name: attack.name, notice, peak, faults }
    }

    async fn check_pod(&mut self, peak: u64) -> Vec<String> {
        if !self.pod.is_alive() {
            return vec![format!("the pod is dead: {}", self.pod.log_end())];
        }
        let mut faults = Vec::new();
        if !self.pod.is_healthy().await {
            faults.push("/healthz does not respond".to_owned());
        }
        if peak >= self.pod.spec.memory {
            faults.push("the memory limit was reached".to_owned());
        }
        let panics = self.pod.panics().await;
        if panics > self.panics {
            faults.push(format!("{} panics: {}", panics - self.panics, self.pod.log_end()));
            self.panics = panics;
        }
        faults.extend(self.settle().await);
        faults
    }

    /// Waits until the pod is in its initial state; returns what has not been released in time.
    async fn settle(&mut self) -> Option<String> {
        let start = Instant::now();
        loop {
            let left = self.find_leftovers().await;
            if left.is_none() || start.elapsed() > SETTLE_TIMEOUT {
                return left;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn find_leftovers(&self) -> Option<String> {
        let rooms = self.pod.rooms().await.unwrap_or_default();
        if rooms != [honest::ROOM] {
            return Some(format!("remaining rooms: {:.120}", rooms.join(" ")));
        }
        let counts = counts(&self.pod).await.unwrap_or_default();
        if counts != self.counts {
            return Some(format!("{COUNTS:?} are {counts:?} instead of {:?}", self.counts));
        }
        let kept = self.pod.memory().saturating_sub(self.memory);
        (kept > KEPT_MEMORY).then(|| format!("{} MiB more than before the attacks are still in use", mebibytes(kept)))
    }
}

fn find_faults(notice: &Observations, p99: f64) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some(trouble) = &notice.trouble {
        faults.push(format!("the honest pair: {trouble}"));
    }
    if notice.lost > 0 {
        faults.push(format!("{} packets lost", notice.lost));
    }
    if notice.p99 > p99 {
        faults.push(format!("p99 of the honest requests is {:.0} ms", notice.p99));
    }
    faults
}

async fn counts(pod: &Pod) -> Outcome<Vec<u64>> {
    let stats = pod.stats().await?;
    Ok(COUNTS.iter().map(|name| stats.get(*name).and_then(Value::as_u64).unwrap_or(0)).collect())
}

/// Waits until a room has ended.
pub(crate) async fn wait_for_room_end(pod: &Pod, name: &str) -> Outcome {
    let start = Instant::now();
    while pod.rooms().await?.iter().any(|room| room == name) {
        if start.elapsed() > SETTLE_TIMEOUT {
            return Err(Failure::Silent(format!("end of the room {name}")));
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
