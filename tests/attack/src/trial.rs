//! One attack from beginning to end: it runs, then everything is asked that must be so after any attack.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::attacks::{Attack, Ctx};
use crate::failure::{Failure, Outcome};
use crate::honest::{self, Notice, Pair};
use crate::pod::{Pod, PodSpec};
use crate::report::{Row, mebibytes};

/// What an attack may take longer than it was given.
const OVERTIME: Duration = Duration::from_secs(150);
/// Rooms, sockets and memory are gone by then.
const SETTLED_BY: Duration = Duration::from_secs(20);
/// How long the honest pair is watched during each attack, however short that is.
const WATCHED_AT_LEAST: Duration = Duration::from_secs(1);
/// Memory that allocators may keep, in bytes.
const KEPT_MEMORY: u64 = 192 << 20;
/// What `/stats` counts.
const COUNTS: [&str; 8] =
    ["rooms", "connections", "participants", "transports", "producers", "consumers", "dataProducers", "dataConsumers"];

/// A pod with the honest pair on it, and what there was before any attack.
pub(crate) struct Stage {
    pub(crate) pod: Arc<Pod>,
    pair: Pair,
    memory: u64,
    counts: Vec<u64>,
    panics: usize,
    /// Milliseconds within which the honest pair's requests are answered, but for one in a hundred.
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
        let ctx = Ctx { pod: Arc::clone(&self.pod), name: attack.name, time, seed };
        let began = Instant::now();
        // On the attackers' threads.
        let running = tokio::spawn(timeout(time + OVERTIME, (attack.run)(ctx)));
        let outcome = match running.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Failure::Silent("end of the attack".into())),
            Err(error) => Err(Failure::Broken(format!("the attack itself failed: {error}"))),
        };
        // What is over in a moment leaves the pair no time to notice anything.
        sleep(WATCHED_AT_LEAST.saturating_sub(began.elapsed())).await;
        let notice = self.pair.take().await;
        let peak = self.pod.take_peak();
        let mut faults: Vec<String> = outcome.err().iter().map(ToString::to_string).collect();
        faults.extend(faults_of(&notice, self.p99));
        faults.extend(self.what_is_left(peak).await);
        Row { name: attack.name, notice, peak, faults }
    }

    async fn what_is_left(&mut self, peak: u64) -> Vec<String> {
        if !self.pod.is_alive() {
            return vec![format!("the pod is dead: {}", self.pod.log_end())];
        }
        let mut faults = Vec::new();
        if !self.pod.is_healthy().await {
            faults.push("/healthz is not answered".to_owned());
        }
        if peak >= self.pod.spec.memory {
            faults.push("the limit of memory was reached".to_owned());
        }
        let panics = self.pod.panics().await;
        if panics > self.panics {
            faults.push(format!("{} panics: {}", panics - self.panics, self.pod.log_end()));
            self.panics = panics;
        }
        faults.extend(self.settle().await);
        faults
    }

    /// Waits until the pod is as it was; what is not after some time is a fault.
    async fn settle(&mut self) -> Option<String> {
        let start = Instant::now();
        loop {
            let left = self.left_over().await;
            if left.is_none() || start.elapsed() > SETTLED_BY {
                return left;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn left_over(&self) -> Option<String> {
        let rooms = self.pod.rooms().await.unwrap_or_default();
        if rooms != [honest::ROOM] {
            return Some(format!("rooms that are left: {:.120}", rooms.join(" ")));
        }
        let counts = counts(&self.pod).await.unwrap_or_default();
        if counts != self.counts {
            return Some(format!("{COUNTS:?} are {counts:?} instead of {:?}", self.counts));
        }
        let kept = self.pod.memory().saturating_sub(self.memory);
        (kept > KEPT_MEMORY).then(|| format!("{} MiB more than before are still in use", mebibytes(kept)))
    }
}

fn faults_of(notice: &Notice, p99: f64) -> Vec<String> {
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
pub(crate) async fn until_room_ends(pod: &Pod, name: &str) -> Outcome {
    let start = Instant::now();
    while pod.rooms().await?.iter().any(|room| room == name) {
        if start.elapsed() > SETTLED_BY {
            return Err(Failure::Silent(format!("end of the room {name}")));
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
