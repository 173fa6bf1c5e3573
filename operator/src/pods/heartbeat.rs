//! Asks every media pod every two seconds whether its process is alive, so that the loss of a node is noticed before Kubernetes notices it.
//!
//! Any response counts, whatever it says. A refused connection shows that the node is there, so it prevents silence but does not end it; the end
//! of a process is for the room reconciler to notice. A standby asks too, so that it knows the silent pods when it takes over from a leader that was lost with
//! their node. It decides nothing ([`judge`] does, pure), and only the leader acts.

pub(crate) mod judge;
mod standby;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use convene_crds::{MediaPool, reason};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, body::Bytes};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use kube::{Resource, runtime::reflector::ObjectRef};
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::task::AbortOnDropHandle;

use self::judge::{Heartbeats, Judgment, Moment, PERIOD, SILENCE, Target};
use super::link::PodLinkError;
use crate::{
    cluster::{
        cache::ClusterCache,
        events::{Note, Publisher},
    },
    metrics::OperatorMetrics,
    model::media_pod::{MediaPod, PodState},
};

/// Interval of judgments.
const JUDGE_EVERY: Duration = Duration::from_millis(250);
/// This process has stood still if a judgment comes later than that: because of a limit of its processor time, or of a busy or suspended
/// machine.
const LATE: Duration = Duration::from_secs(1);
/// Idle connections are kept for longer than a period, so that a healthy pod accepts one connection only.
const IDLE: Duration = Duration::from_secs(10);
/// The response is ignored, but read, so that its connection can be used again.
const LARGEST_ANSWER: usize = 4096;

type Questioner = Client<HttpConnector, Empty<Bytes>>;

/// Asks the pods and records their responses.
pub(crate) struct Lookout {
    heartbeats: Arc<Mutex<Heartbeats>>,
    client: Questioner,
    /// The zero of all moments.
    zero: Instant,
    /// One for each pod, by UID and address: after a reboot of its node a pod may have another one.
    questions: HashMap<(String, String), AbortOnDropHandle<()>>,
}

impl Lookout {
    /// Asks no pod yet.
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(PERIOD));
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build(connector);
        Self { heartbeats: Arc::default(), client, zero: Instant::now(), questions: HashMap::new() }
    }

    fn heartbeats(&self) -> MutexGuard<'_, Heartbeats> {
        lock(&self.heartbeats)
    }

    fn now(&self) -> Moment {
        self.zero.elapsed()
    }

    /// `passed` is the time since the last judgment.
    fn allow_for(&self, passed: Duration) {
        if passed > LATE {
            self.heartbeats().forgive(passed, self.now());
        }
    }

    /// Asks these pods from now on, and no others.
    fn ask<'a>(&mut self, pods: impl IntoIterator<Item = &'a Arc<MediaPod>>) {
        let mut before = std::mem::take(&mut self.questions);
        let mut targets = Vec::new();
        for (pod, ip) in pods.into_iter().filter_map(|pod| Some((pod, address_of(pod)?))) {
            targets.push(target_of(pod));
            let key = (pod.uid.clone(), ip.to_owned());
            let question = before.remove(&key).unwrap_or_else(|| self.start(pod, ip));
            self.questions.insert(key, question);
        }
        self.heartbeats().expect(targets, self.now());
    }

    fn start(&self, pod: &MediaPod, ip: &str) -> AbortOnDropHandle<()> {
        let host = if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() };
        let question = Question {
            client: self.client.clone(),
            address: format!("http://{host}:{}/healthz", pod.http_port),
            pod: pod.name.clone(),
        };
        let (uid, heartbeats, zero) = (pod.uid.clone(), Arc::clone(&self.heartbeats), self.zero);
        AbortOnDropHandle::new(tokio::spawn(async move {
            // Not all pods at the same moment.
            tokio::time::sleep(PERIOD.mul_f64(rand::random())).await;
            let mut period = tokio::time::interval(PERIOD);
            period.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                period.tick().await;
                match question.ask().await {
                    Ok(Heard::Response) => lock(&heartbeats).respond(&uid, zero.elapsed()),
                    Ok(Heard::Refusal) => lock(&heartbeats).refuse(&uid, zero.elapsed()),
                    Err(_) => lock(&heartbeats).fail(&uid),
                }
            }
        }))
    }
}

/// The outcome of a question, unless it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// The process responded.
    Response,
    /// Its node refused the connection.
    Refusal,
}

/// Whether a process is alive.
struct Question {
    client: Questioner,
    address: String,
    /// Name of the pod.
    pod: String,
}

impl Question {
    async fn ask(&self) -> Result<Heard, PodLinkError> {
        let answer = timeout(PERIOD, self.exchange()).await;
        match answer.map_err(|_| PodLinkError::Timeout { pod: self.pod.clone(), limit: PERIOD })? {
            Err(error) if error.is_refused() => Ok(Heard::Refusal),
            result => result.map(|()| Heard::Response),
        }
    }

    async fn exchange(&self) -> Result<(), PodLinkError> {
        let name = || self.pod.clone();
        let request = Request::get(&self.address).body(Empty::new());
        let request = request.map_err(|source| PodLinkError::Request { pod: name(), source })?;
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|source| PodLinkError::Connect { pod: name(), source })?;
        let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
        body.map(drop).map_err(|source| PodLinkError::Body { pod: name(), source })
    }
}

fn lock(heartbeats: &Mutex<Heartbeats>) -> MutexGuard<'_, Heartbeats> {
    // A panic while the lock was held leaves the value usable: each change is complete in itself.
    heartbeats.lock().unwrap_or_else(PoisonError::into_inner)
}

fn address_of(pod: &MediaPod) -> Option<&str> {
    let may_answer = !matches!(pod.state, PodState::Terminating | PodState::Dead(_));
    pod.ip.as_deref().filter(|_| may_answer)
}

fn target_of(pod: &MediaPod) -> Target {
    Target {
        uid: pod.uid.clone(),
        pool: pod.pool.clone(),
        node: pod.node.clone().unwrap_or_else(|| pod.uid.clone()),
        is_ready: matches!(pod.state, PodState::Ready | PodState::Silent(_)),
    }
}

/// Runs until the process ends.
pub(crate) async fn run_heartbeats(
    lookout: Lookout,
    cache: Arc<ClusterCache>,
    events: Publisher,
    metrics: OperatorMetrics,
) {
    cache.wait_until_complete().await;
    let mut changes = cache.pods_changed.subscribe();
    changes.mark_changed();
    let mut watcher = Watcher::new(lookout, cache, events, metrics);
    let mut judged = Instant::now();
    let mut period = tokio::time::interval(JUDGE_EVERY);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        period.tick().await;
        // The sender is part of the cache, which `watcher` holds: it cannot be gone.
        if changes.has_changed().unwrap_or(true) {
            changes.mark_unchanged();
            let pods: Vec<_> = watcher.cache.state().views.pods().cloned().collect();
            watcher.lookout.ask(&pods);
        }
        watcher.lookout.allow_for(std::mem::replace(&mut judged, Instant::now()).elapsed());
        watcher.act();
    }
}

/// Carries out judgments.
struct Watcher {
    lookout: Lookout,
    cache: Arc<ClusterCache>,
    events: Publisher,
    metrics: OperatorMetrics,
    /// UIDs of the pods that the cache shows as silent.
    silent: BTreeSet<String>,
    /// Those of them that respond again, but not for long enough.
    returning: BTreeSet<String>,
    is_cut_off: bool,
}

impl Watcher {
    fn new(lookout: Lookout, cache: Arc<ClusterCache>, events: Publisher, metrics: OperatorMetrics) -> Self {
        let (silent, returning) = (BTreeSet::new(), BTreeSet::new());
        Self { lookout, cache, events, metrics, silent, returning, is_cut_off: false }
    }

    fn act(&mut self) {
        let now = self.lookout.now();
        let Judgment { silent, doubtful } = self.lookout.heartbeats().judge(now);
        for uid in silent {
            self.note_silence(&uid);
        }
        self.note_responses();
        self.note_returning();
        self.note_doubt(doubtful);
        self.metrics.silence.pods.set(i64::try_from(self.silent.len()).unwrap_or(i64::MAX));
        self.metrics.silence.cut_off.set(i64::from(self.is_cut_off));
    }

    fn note_silence(&mut self, uid: &str) {
        self.silent.insert(uid.to_owned());
        let Some(pod) = self.cache.on_pod_silent(uid) else { return };
        self.metrics.silence.changes.with_label_values(&["Silent"]).inc();
        let node = pod.node.as_deref().unwrap_or_default();
        tracing::warn!(pod = pod.name, node, "a media pod does not respond: its meetings move");
        let message = format!(
            "media pod {:?} on node {node:?} has not responded for {} s, its meetings move: check the node",
            pod.name,
            SILENCE.as_secs()
        );
        self.publish(&pod.pool, Note::warning(reason::POD_SILENT, message).about(&pod.name));
    }

    /// Pods that respond again, or are no longer asked: usually what their objects say counts.
    fn note_responses(&mut self) {
        let (unasked, returned): (Vec<_>, Vec<_>) = {
            let heartbeats = self.lookout.heartbeats();
            let unasked = self.silent.extract_if(.., |uid| heartbeats.is_silent(uid).is_none()).collect();
            (unasked, self.silent.extract_if(.., |uid| heartbeats.is_silent(uid) == Some(false)).collect())
        };
        // A pod that has no address until its node is up again is judged again with its next one.
        for uid in unasked {
            self.cache.on_pod_unasked(&uid);
        }
        for uid in returned {
            let Some(pod) = self.cache.on_pod_returned(&uid) else { continue };
            self.metrics.silence.changes.with_label_values(&["Returned"]).inc();
            tracing::info!(pod = pod.name, "a media pod responds again: rooms of meetings that have moved end");
            let message = format!("media pod {:?} responds again", pod.name);
            self.publish(&pod.pool, Note::normal(reason::POD_RETURNED, message).about(&pod.name));
        }
    }

    fn note_returning(&mut self) {
        let returning: BTreeSet<_> = {
            let (now, heartbeats) = (self.lookout.now(), self.lookout.heartbeats());
            self.silent.iter().filter(|uid| heartbeats.is_returning(uid, now)).cloned().collect()
        };
        for uid in returning.symmetric_difference(&self.returning) {
            self.cache.on_pod_returning(uid, returning.contains(uid));
        }
        self.returning = returning;
    }

    fn note_doubt(&mut self, doubtful: usize) {
        let was_cut_off = std::mem::replace(&mut self.is_cut_off, doubtful > 0);
        if !self.is_cut_off || was_cut_off {
            return;
        }
        self.metrics.silence.changes.with_label_values(&["CutOff"]).inc();
        tracing::warn!(pods = doubtful, "most nodes do not respond, so this operator may be cut off: no meeting moves");
        let message = format!(
            "{doubtful} media pods on most of the nodes do not respond to the operator, which may be cut off itself: meetings move once \
             Kubernetes reports the nodes as lost"
        );
        let pools: BTreeSet<_> = self.cache.state().views.pods().map(|pod| pod.pool.clone()).collect();
        for pool in pools {
            self.publish(&pool, Note::warning(reason::OPERATOR_CUT_OFF, message.clone()));
        }
    }

    fn publish(&self, pool: &str, note: Note) {
        let Some(object) = self.cache.pools.get(&ObjectRef::new(pool).within(&self.cache.namespace)) else { return };
        let mut reference = object.object_ref(&());
        reference.api_version = Some(MediaPool::api_version(&()).into_owned());
        self.events.publish(&reference, "Ask", &[note]);
    }
}

#[cfg(test)]
mod tests;
