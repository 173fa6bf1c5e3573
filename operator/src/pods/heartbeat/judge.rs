//! Decides which media pods are silent, and whether the operator itself is cut off from them.
//!
//! Pure. Moments are durations on the operator's own monotonic clock, from an arbitrary zero. A pod is silent if it has not responded for
//! [`SILENCE`] although others do. If most nodes stop responding at the same time, the cause is more likely here than there: nothing is
//! decided then.
//!
//! Pods that are cut off together stop responding within one [`PERIOD`] of each other. When the first of them has been quiet for
//! [`SILENCE`], the last has been quiet for at least `SILENCE - PERIOD`, which is more than [`WITNESS`]: so none of them counts as
//! responding. A healthy pod responds once in each [`PERIOD`], which is less than [`WITNESS`]: so it always counts.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

/// A moment on the operator's own monotonic clock.
pub(crate) type Moment = Duration;

/// Interval between two questions to a pod, and the time limit of each.
pub(crate) const PERIOD: Duration = Duration::from_secs(2);
/// A pod that has not responded for so long is silent. Longer than an operator acts without an answer of the API server.
pub(crate) const SILENCE: Duration = Duration::from_secs(8);
/// A pod that responded within this time counts as responding.
pub(crate) const WITNESS: Duration = Duration::from_secs(5);
/// Failures without a response in between that silence takes: the first may be only that of a connection, the second is a new connection.
const FAILURES: u32 = 2;
/// How long it is remembered that a pod was silent, from its return on.
const MEMORY: Duration = Duration::from_mins(10);

/// A media pod that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) uid: String,
    pub(crate) pool: String,
    /// Its node, or the pod itself if that is unknown.
    pub(crate) node: String,
    /// Whether its object says that it is ready. Others are asked, but not judged.
    pub(crate) is_ready: bool,
}

#[derive(Clone, Debug)]
struct Heartbeat {
    target: Target,
    /// The last response, or when it was first expected.
    since: Moment,
    has_responded: bool,
    /// Failures since then.
    failures: u32,
    is_silent: bool,
    /// Responses since the last failure, while it is silent.
    responses: u32,
    /// How often it has been silent, each time soon after it had returned.
    silences: u32,
    /// When it returned from its last silence.
    returned: Option<Moment>,
}

impl Heartbeat {
    const fn new(target: Target, now: Moment) -> Self {
        Self {
            target,
            since: now,
            has_responded: false,
            failures: 0,
            is_silent: false,
            responses: 0,
            silences: 0,
            returned: None,
        }
    }

    fn respond(&mut self, now: Moment) {
        (self.since, self.has_responded, self.failures) = (now, true, 0);
        if self.is_silent {
            self.responses = self.responses.saturating_add(1);
            if self.responses >= count_responses(self.silences) {
                (self.is_silent, self.returned) = (false, Some(now));
            }
        }
    }

    fn fall_silent(&mut self, now: Moment) {
        let is_known = self.returned.is_some_and(|returned| now.saturating_sub(returned) < MEMORY);
        self.silences = if is_known { self.silences.saturating_add(1) } else { 1 };
        (self.is_silent, self.responses) = (true, 0);
    }

    fn is_overdue(&self, now: Moment) -> bool {
        self.failures >= FAILURES && now.saturating_sub(self.since) >= SILENCE
    }

    fn has_responded_lately(&self, now: Moment) -> bool {
        self.has_responded && now.saturating_sub(self.since) < SILENCE
    }

    fn is_responding(&self, now: Moment) -> bool {
        self.has_responded && now.saturating_sub(self.since) <= WITNESS
    }
}

/// The responses in a row that end a silence. One is enough, but a pod that is silent again and again, perhaps for lack of processor time, would
/// get meetings each time and lose them some seconds later.
const fn count_responses(silences: u32) -> u32 {
    match silences {
        0 | 1 => 1,
        2 => 5,
        3 => 15,
        _ => 30,
    }
}

/// The result of a judgment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgment {
    /// UIDs of pods that are silent from now on.
    pub(crate) silent: Vec<String>,
    /// Pods that would be silent if the operator were not cut off from most nodes.
    pub(crate) doubtful: usize,
}

/// The responses of all pods.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heartbeats {
    by_pod: BTreeMap<String, Heartbeat>,
}

impl Heartbeats {
    /// Sets the pods that are asked. A pod is not expected to respond before it is ready.
    pub(crate) fn expect(&mut self, targets: Vec<Target>, now: Moment) {
        let mut known = std::mem::take(&mut self.by_pod);
        for target in targets {
            let uid = target.uid.clone();
            let heartbeat = match known.remove(&uid) {
                Some(known) if known.target.is_ready || !target.is_ready || known.is_silent => {
                    Heartbeat { target, ..known }
                }
                Some(known) => Heartbeat { target, since: now, failures: 0, ..known },
                None => Heartbeat::new(target, now),
            };
            self.by_pod.insert(uid, heartbeat);
        }
    }

    /// Records a response: the pod is not silent, unless it has been so again and again.
    pub(crate) fn respond(&mut self, uid: &str, now: Moment) {
        if let Some(heartbeat) = self.by_pod.get_mut(uid) {
            heartbeat.respond(now);
        }
    }

    /// Records that the connection was refused: the node is there. A silent pod does not return by that: a node that has just started refuses
    /// connections to pods that do not run yet.
    pub(crate) fn refuse(&mut self, uid: &str, now: Moment) {
        match self.by_pod.get_mut(uid) {
            Some(heartbeat) if heartbeat.is_silent => heartbeat.responses = 0,
            Some(heartbeat) => heartbeat.respond(now),
            None => {}
        }
    }

    /// Records that a question had no response.
    pub(crate) fn fail(&mut self, uid: &str) {
        if let Some(heartbeat) = self.by_pod.get_mut(uid) {
            (heartbeat.failures, heartbeat.responses) = (heartbeat.failures.saturating_add(1), 0);
        }
    }

    /// This process stood still for `time`, so nothing was heard in it: it does not count, and neither do failures before it.
    pub(crate) fn forgive(&mut self, time: Duration, now: Moment) {
        for heartbeat in self.by_pod.values_mut() {
            heartbeat.since = heartbeat.since.saturating_add(time).min(now);
            heartbeat.failures = 0;
        }
    }

    /// Whether a pod is silent; `None` if it is no longer asked.
    pub(crate) fn is_silent(&self, uid: &str) -> Option<bool> {
        self.by_pod.get(uid).map(|heartbeat| heartbeat.is_silent)
    }

    /// Whether a silent pod responds again, but not for long enough. It stays so for a while after its last response: the statuses of its meetings
    /// have the difference, and would change with every question.
    pub(crate) fn is_returning(&self, uid: &str, now: Moment) -> bool {
        self.by_pod.get(uid).is_some_and(|heartbeat| heartbeat.is_silent && heartbeat.has_responded_lately(now))
    }

    /// When a pod responded last.
    #[cfg(test)]
    pub(crate) fn last_response(&self, uid: &str) -> Option<Moment> {
        self.by_pod.get(uid).filter(|heartbeat| heartbeat.has_responded).map(|heartbeat| heartbeat.since)
    }

    /// Decides which pods are silent from now on.
    pub(crate) fn judge(&mut self, now: Moment) -> Judgment {
        let overdue = self.find_overdue(now);
        if overdue.is_empty() {
            return Judgment::default();
        }
        if self.is_cut_off(now) {
            return Judgment { silent: Vec::new(), doubtful: overdue.len() };
        }
        for uid in &overdue {
            self.by_pod.entry(uid.clone()).and_modify(|heartbeat| heartbeat.fall_silent(now));
        }
        Judgment { silent: overdue, doubtful: 0 }
    }

    fn find_overdue(&self, now: Moment) -> Vec<String> {
        self.voters(now).filter(|voter| voter.is_overdue(now)).map(|voter| voter.target.uid.clone()).collect()
    }

    /// Whether most nodes do not respond. A single pod cannot tell.
    fn is_cut_off(&self, now: Moment) -> bool {
        let nodes = |filter: &dyn Fn(&&Heartbeat) -> bool| {
            self.voters(now).filter(filter).map(|voter| voter.target.node.as_str()).collect::<HashSet<_>>()
        };
        let (all, responding) = (nodes(&|_| true), nodes(&|voter| voter.is_responding(now)));
        self.voters(now).nth(1).is_some() && 2 * responding.len() < all.len()
    }

    /// The pods whose silence would be news. Not those that were never heard, unless another one of their pool is.
    fn voters(&self, now: Moment) -> impl Iterator<Item = &Heartbeat> {
        let candidates = || self.by_pod.values().filter(|heartbeat| heartbeat.target.is_ready && !heartbeat.is_silent);
        let responding = candidates().filter(|heartbeat| heartbeat.is_responding(now));
        let pools: HashSet<_> = responding.map(|heartbeat| heartbeat.target.pool.as_str()).collect();
        candidates().filter(move |heartbeat| heartbeat.has_responded || pools.contains(heartbeat.target.pool.as_str()))
    }
}

#[cfg(test)]
mod tests;
