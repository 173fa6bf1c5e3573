//! Decides which media pods are due for a probe.
//!
//! Pure: times are counted from the start of the prober, so that changes of the clock do not matter.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{collections::HashMap, time::Duration};

/// Maximum number of media pods probed at the same time.
pub(super) const PODS_AT_ONCE: usize = 4;
/// Period in which reachable pods are probed, without jitter.
const PERIOD: Duration = Duration::from_mins(10);
/// Jitter, so that pods that became ready together are not always probed together.
const SPREAD_SECONDS: u64 = 120;
/// Period for unreachable pods: participants may be waiting.
const SOON: Duration = Duration::from_mins(1);

/// A pod that can be probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// UID of the pod.
    pub(super) uid: String,
    /// Its announced addresses and ports.
    pub(super) announced: String,
    /// Whether its status has the condition.
    pub(super) is_reported: bool,
}

/// The state of the probes of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Turn {
    /// It is being probed.
    Now,
    /// It was probed at these addresses, and is due again at this time.
    Next { announced: String, at: Duration },
}

/// When each pod is due.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    turns: HashMap<String, Turn>,
}

impl Schedule {
    /// UIDs of the pods among `ready` that are due at `now`, most urgent first, as many as may run in addition to the current probes.
    pub(super) fn plan(&self, ready: &[Subject], now: Duration) -> Vec<String> {
        let running = self.turns.values().filter(|turn| **turn == Turn::Now).count();
        let mut due: Vec<_> =
            ready.iter().filter_map(|subject| Some((self.urgency(subject, now)?, &subject.uid))).collect();
        due.sort();
        due.into_iter().take(PODS_AT_ONCE.saturating_sub(running)).map(|(_, uid)| uid.clone()).collect()
    }

    /// `None` if it is not due. Pods without a condition come first, then the longest overdue.
    fn urgency(&self, subject: &Subject, now: Duration) -> Option<(bool, Duration)> {
        match self.turns.get(&subject.uid) {
            Some(Turn::Now) => None,
            Some(Turn::Next { announced, at }) if *announced == subject.announced && *at > now => None,
            Some(Turn::Next { at, .. }) => Some((subject.is_reported, *at)),
            None => Some((subject.is_reported, Duration::ZERO)),
        }
    }

    /// Begins a probe of this pod.
    pub(super) fn begin(&mut self, uid: &str) {
        self.turns.insert(uid.to_owned(), Turn::Now);
    }

    /// Ends a probe at `now`. `random` spreads the pods.
    pub(super) fn end(&mut self, subject: Subject, is_reached: bool, now: Duration, random: u64) {
        let pause = if is_reached { PERIOD + Duration::from_secs(random % SPREAD_SECONDS) } else { SOON };
        self.turns.insert(subject.uid, Turn::Next { announced: subject.announced, at: now + pause });
    }

    /// Removes pods that no longer exist. Pods that are merely not ready stay in the schedule.
    pub(super) fn keep(&mut self, exists: impl Fn(&str) -> bool) {
        self.turns.retain(|uid, turn| *turn == Turn::Now || exists(uid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(uid: &str, announced: &str, is_reported: bool) -> Subject {
        Subject { uid: uid.into(), announced: announced.into(), is_reported }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Probed at second 1000 with the jitter 7.
    fn schedule(is_reached: bool) -> Schedule {
        let mut schedule = Schedule::default();
        schedule.begin("a");
        schedule.end(subject("a", "203.0.113.7", false), is_reached, seconds(1000), 7);
        schedule
    }

    #[test]
    fn a_pod_has_its_turn_when_nothing_is_known_something_changed_or_time_has_passed() {
        let same = || subject("a", "203.0.113.7", true);
        let cases = [
            ("never probed and no condition", Schedule::default(), subject("a", "203.0.113.7", false), 0, true),
            ("condition of an earlier operator", Schedule::default(), same(), 0, true),
            ("reached, a moment ago", schedule(true), same(), 1001, false),
            ("reached, just before its turn", schedule(true), same(), 1606, false),
            ("reached, at its turn", schedule(true), same(), 1607, true),
            ("not reached, just before its turn", schedule(false), same(), 1059, false),
            ("not reached, at its turn", schedule(false), same(), 1060, true),
            ("announces something else", schedule(true), subject("a", "203.0.113.8", true), 1001, true),
            ("its condition is not in the cache yet", schedule(true), subject("a", "203.0.113.7", false), 1001, false),
            ("another pod of that name", schedule(true), subject("b", "203.0.113.7", true), 1001, true),
        ];
        for (case, schedule, subject, now, wanted) in cases {
            assert_eq!(!schedule.plan(&[subject], seconds(now)).is_empty(), wanted, "{case}");
        }
    }

    #[test]
    fn four_at_a_time_and_unreported_pods_first() {
        let mut schedule = Schedule::default();
        let ready: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(|uid| subject(uid, "x", uid < "d")).into();
        assert_eq!(schedule.plan(&ready, seconds(0)), ["d", "e", "f", "a"]);
        for uid in ["d", "e", "f"] {
            schedule.begin(uid);
        }
        assert_eq!(schedule.plan(&ready, seconds(0)), ["a"], "one beside the three that run");
        schedule.begin("a");
        assert!(schedule.plan(&ready, seconds(0)).is_empty());
        schedule.end(subject("d", "x", true), true, seconds(1), 0);
        assert_eq!(schedule.plan(&ready, seconds(1)), ["b"]);
    }

    #[test]
    fn pods_that_are_gone_are_forgotten_and_a_running_probe_is_not_started_twice() {
        let mut schedule = schedule(true);
        schedule.begin("b");
        schedule.keep(|_| false);
        assert_eq!(schedule.turns.keys().collect::<Vec<_>>(), ["b"]);
        assert!(schedule.plan(&[subject("b", "x", false)], seconds(9)).is_empty());
    }
}
