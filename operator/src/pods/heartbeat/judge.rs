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
}

impl Heartbeat {
    const fn new(target: Target, now: Moment) -> Self {
        Self { target, since: now, has_responded: false, failures: 0, is_silent: false }
    }

    fn is_overdue(&self, now: Moment) -> bool {
        self.failures >= FAILURES && now.saturating_sub(self.since) >= SILENCE
    }

    fn is_responding(&self, now: Moment) -> bool {
        self.has_responded && now.saturating_sub(self.since) <= WITNESS
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

    /// Records a response: the pod is not silent.
    pub(crate) fn respond(&mut self, uid: &str, now: Moment) {
        if let Some(heartbeat) = self.by_pod.get_mut(uid) {
            *heartbeat = Heartbeat { has_responded: true, ..Heartbeat::new(heartbeat.target.clone(), now) };
        }
    }

    /// Records that the connection was refused: the node is there. A silent pod does not return by that: a node that has just started refuses
    /// connections to pods that do not run yet.
    pub(crate) fn refuse(&mut self, uid: &str, now: Moment) {
        if self.is_silent(uid) == Some(false) {
            self.respond(uid, now);
        }
    }

    /// Records that a question had no response.
    pub(crate) fn fail(&mut self, uid: &str) {
        if let Some(heartbeat) = self.by_pod.get_mut(uid) {
            heartbeat.failures = heartbeat.failures.saturating_add(1);
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
            self.by_pod.entry(uid.clone()).and_modify(|heartbeat| heartbeat.is_silent = true);
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::leader::decide::Timing;

    fn target(uid: &str, node: &str) -> Target {
        Target { uid: uid.into(), pool: "lagoon".into(), node: node.into(), is_ready: true }
    }

    fn at(milliseconds: u64) -> Moment {
        Duration::from_millis(milliseconds)
    }

    /// Pods, by UID and node, that have responded at zero.
    fn responding(pods: &[(&str, &str)]) -> Heartbeats {
        let mut heartbeats = Heartbeats::default();
        heartbeats.expect(pods.iter().map(|(uid, node)| target(uid, node)).collect(), at(0));
        for (uid, _) in pods {
            heartbeats.respond(uid, at(0));
        }
        heartbeats
    }

    /// Two failures of each of these pods.
    fn fail(heartbeats: &mut Heartbeats, pods: &[&str]) {
        for uid in pods.iter().chain(pods) {
            heartbeats.fail(uid);
        }
    }

    fn silent(pods: &[&str]) -> Judgment {
        Judgment { silent: pods.iter().map(|uid| (*uid).to_owned()).collect(), doubtful: 0 }
    }

    #[test]
    fn silence_takes_its_time_and_two_failures_while_others_respond() {
        let mut heartbeats = responding(&[("a", "pier-1"), ("b", "pier-2")]);
        heartbeats.fail("b");
        heartbeats.respond("a", at(7_900));
        assert_eq!(heartbeats.judge(at(8_000)), Judgment::default(), "one failure");
        heartbeats.fail("b");
        assert_eq!(heartbeats.judge(at(7_999)), Judgment::default());
        assert_eq!(heartbeats.judge(at(8_000)), silent(&["b"]));
        assert_eq!(heartbeats.judge(at(8_100)), Judgment::default(), "no news");
        assert_eq!(["a", "b", "c"].map(|uid| heartbeats.is_silent(uid)), [Some(false), Some(true), None]);
        heartbeats.respond("b", at(9_000));
        assert_eq!(heartbeats.is_silent("b"), Some(false));
        fail(&mut heartbeats, &["b"]);
        heartbeats.respond("a", at(16_000));
        assert_eq!(heartbeats.judge(at(16_999)), Judgment::default());
        assert_eq!(heartbeats.judge(at(17_000)), silent(&["b"]));
    }

    #[test]
    fn a_time_in_which_the_operator_stood_still_does_not_count() {
        let mut heartbeats = responding(&[("a", "pier-1"), ("b", "pier-2")]);
        fail(&mut heartbeats, &["b"]);
        heartbeats.forgive(Duration::from_secs(4), at(9_000));
        heartbeats.respond("a", at(9_000));
        assert_eq!(heartbeats.judge(at(9_000)), Judgment::default());
        fail(&mut heartbeats, &["b"]);
        assert_eq!(heartbeats.judge(at(11_999)), Judgment::default());
        heartbeats.respond("a", at(11_999));
        assert_eq!(heartbeats.judge(at(12_000)), silent(&["b"]));
    }

    #[test]
    fn a_refusal_shows_that_the_node_is_there_and_not_that_a_silent_pod_is_back() {
        let mut heartbeats = responding(&[("a", "pier-1"), ("b", "pier-2")]);
        fail(&mut heartbeats, &["b"]);
        heartbeats.refuse("b", at(4_000));
        heartbeats.respond("a", at(12_000));
        assert_eq!(heartbeats.judge(at(11_000)), Judgment::default());
        fail(&mut heartbeats, &["b"]);
        assert_eq!(heartbeats.judge(at(12_000)), silent(&["b"]));
        heartbeats.refuse("b", at(13_000));
        assert_eq!(heartbeats.is_silent("b"), Some(true));
        heartbeats.respond("b", at(14_000));
        assert_eq!(heartbeats.is_silent("b"), Some(false));
    }

    #[test]
    fn pods_that_were_never_heard_have_no_vote() {
        let mut heartbeats = Heartbeats::default();
        let pool = |uid: &str, node: &str, pool: &str| Target { pool: pool.into(), ..target(uid, node) };
        let unreachable = [("x", "1"), ("y", "2"), ("z", "3")].map(|(uid, node)| pool(uid, node, "pond"));
        let others = [("a", "4"), ("b", "5")].map(|(uid, node)| target(uid, node));
        heartbeats.expect(unreachable.into_iter().chain(others).collect(), at(0));
        heartbeats.respond("a", at(0));
        heartbeats.respond("b", at(0));
        fail(&mut heartbeats, &["b", "x", "y", "z"]);
        heartbeats.respond("a", at(7_000));
        assert_eq!(heartbeats.judge(at(8_000)), silent(&["b"]));
    }

    #[test]
    fn most_nodes_at_once_mean_that_the_operator_is_cut_off() {
        /// Pods with their nodes, those that are quiet, and the judgment.
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], Judgment);
        let cases: [Case<'_>; 6] = [
            (&[("a", "1"), ("b", "2")], &["a", "b"], Judgment { silent: vec![], doubtful: 2 }),
            (&[("a", "1"), ("b", "1")], &["a", "b"], Judgment { silent: vec![], doubtful: 2 }),
            (&[("a", "1"), ("b", "2"), ("c", "3")], &["a", "b"], Judgment { silent: vec![], doubtful: 2 }),
            // Most pods, but on one of two nodes.
            (&[("a", "1"), ("b", "1"), ("c", "2")], &["a", "b"], silent(&["a", "b"])),
            (&[("a", "1"), ("b", "1")], &["a"], silent(&["a"])),
            (&[("a", "1")], &["a"], silent(&["a"])),
        ];
        for (pods, quiet, wanted) in cases {
            let mut heartbeats = responding(pods);
            fail(&mut heartbeats, quiet);
            for (uid, _) in pods.iter().filter(|(uid, _)| !quiet.contains(uid)) {
                heartbeats.respond(uid, at(6_500));
            }
            assert_eq!(heartbeats.judge(at(8_000)), wanted, "{pods:?} {quiet:?}");
        }
    }

    #[test]
    fn a_second_loss_is_judged_without_the_first() {
        let mut heartbeats = responding(&[("a", "1"), ("b", "2"), ("c", "3")]);
        fail(&mut heartbeats, &["a"]);
        heartbeats.respond("b", at(7_000));
        heartbeats.respond("c", at(7_000));
        assert_eq!(heartbeats.judge(at(8_000)), silent(&["a"]));
        fail(&mut heartbeats, &["b"]);
        heartbeats.respond("c", at(14_000));
        assert_eq!(heartbeats.judge(at(15_000)), silent(&["b"]));
    }

    #[test]
    fn a_pod_that_never_responded_is_judged_if_others_of_its_pool_respond() {
        for (pool, wanted) in [("lagoon", silent(&["new"])), ("pond", Judgment::default())] {
            let mut heartbeats = responding(&[("a", "1")]);
            let new = Target { pool: pool.into(), ..target("new", "2") };
            heartbeats.expect(vec![target("a", "1"), new], at(0));
            fail(&mut heartbeats, &["new"]);
            heartbeats.respond("a", at(8_000));
            assert_eq!(heartbeats.judge(at(8_000)), wanted, "{pool}");
        }
    }

    #[test]
    fn a_pod_that_is_not_ready_is_not_judged_and_its_time_begins_when_it_is() {
        let mut heartbeats = responding(&[("a", "1")]);
        let starting = Target { is_ready: false, ..target("new", "2") };
        heartbeats.expect(vec![target("a", "1"), starting], at(0));
        fail(&mut heartbeats, &["new"]);
        heartbeats.respond("a", at(60_000));
        assert_eq!(heartbeats.judge(at(60_000)), Judgment::default());
        heartbeats.expect(vec![target("a", "1"), target("new", "2")], at(60_000));
        heartbeats.respond("a", at(68_000));
        assert_eq!(heartbeats.judge(at(68_000)), Judgment::default(), "its failures were those of a start");
        fail(&mut heartbeats, &["new"]);
        assert_eq!(heartbeats.judge(at(68_000)), silent(&["new"]));
    }

    #[test]
    fn a_silent_pod_stays_so_when_kubernetes_calls_it_not_ready_and_is_forgotten_with_its_object() {
        let mut heartbeats = responding(&[("a", "1"), ("b", "2")]);
        fail(&mut heartbeats, &["b"]);
        heartbeats.respond("a", at(8_000));
        heartbeats.judge(at(8_000));
        heartbeats.expect(vec![target("a", "1"), Target { is_ready: false, ..target("b", "2") }], at(40_000));
        heartbeats.expect(vec![target("a", "1"), target("b", "2")], at(41_000));
        assert_eq!(heartbeats.is_silent("b"), Some(true), "an object is no response");
        heartbeats.expect(vec![target("a", "1")], at(42_000));
        heartbeats.respond("b", at(43_000));
        assert_eq!(heartbeats.is_silent("b"), None);
    }

    #[test]
    fn the_times_fit_each_other() {
        assert!(PERIOD < WITNESS, "a healthy pod always counts as responding");
        assert!(SILENCE.saturating_sub(PERIOD) > WITNESS, "pods that are cut off together do not count");
        assert!(SILENCE >= PERIOD * 3, "time for two failures after the last response");
        assert!(SILENCE > Timing::default().renew_deadline, "an operator without an API server has ended before");
    }

    /// Asks pods as the operator does and judges every quarter of a second. `lost` is when the pods of a node stop responding. Returns when
    /// each pod was judged to be silent.
    fn simulate(pods: &[(u8, u64)], lost: impl Fn(u8) -> Option<u64>, end: u64) -> BTreeMap<usize, u64> {
        let name = |number: usize| format!("p{number}");
        let mut heartbeats = Heartbeats::default();
        let targets = pods.iter().enumerate().map(|(number, (node, _))| target(&name(number), &node.to_string()));
        heartbeats.expect(targets.collect(), at(0));
        let mut found = BTreeMap::new();
        for now in (0..=end).step_by(50) {
            for (number, (node, phase)) in pods.iter().enumerate() {
                // The question was sent one period before; it fails at its limit, and the next follows immediately.
                let is_due = now % 2_000 == phase / 50 * 50;
                let is_lost = lost(*node).is_some_and(|lost| now.saturating_sub(2_000) >= lost);
                let is_quiet = lost(*node).is_some_and(|lost| now >= lost);
                match (is_due, is_lost, is_quiet) {
                    (true, true, _) => heartbeats.fail(&name(number)),
                    (true, false, false) => heartbeats.respond(&name(number), at(now)),
                    _ => {}
                }
            }
            if now % 250 == 0 {
                for uid in heartbeats.judge(at(now)).silent {
                    found.entry(uid[1..].parse().unwrap()).or_insert(now);
                }
            }
        }
        found
    }

    fn pods() -> impl Strategy<Value = Vec<(u8, u64)>> {
        prop::collection::vec((0..5_u8, 0..2_000_u64), 2..12)
    }

    proptest! {
        #[test]
        fn healthy_pods_are_never_silent(pods in pods()) {
            prop_assert_eq!(simulate(&pods, |_| None, 30_000), BTreeMap::new());
        }

        #[test]
        fn an_operator_that_loses_all_pods_at_once_judges_none(pods in pods(), when in 5_000..9_000_u64) {
            prop_assert_eq!(simulate(&pods, |_| Some(when), 60_000), BTreeMap::new());
        }

        #[test]
        fn the_loss_of_one_node_of_several_is_noticed_in_time_and_no_other(pods in pods(), node in 0..5_u8, when in 5_000..9_000_u64) {
            let nodes: HashSet<_> = pods.iter().map(|(node, _)| *node).collect();
            prop_assume!(nodes.len() >= 2 && nodes.contains(&node));
            let found = simulate(&pods, |lost| (lost == node).then_some(when), 40_000);
            for (number, (of, _)) in pods.iter().enumerate() {
                let noticed = found.get(&number).map(|moment| moment - when);
                match noticed {
                    Some(after) => prop_assert!(*of == node && (6_000..=8_250).contains(&after), "{} after {}", number, after),
                    None => prop_assert!(*of != node, "{} was not noticed", number),
                }
            }
        }
    }
}
