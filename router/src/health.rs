//! Readiness of this replica.
//!
//! It is ready once every check has passed, and stays ready even if the API server becomes unavailable, because the last known table
//! stays in use. Only a log that cannot be written makes it unready again.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use convene_service::log::LogHealth;

/// The checks that must pass once before the replica accepts traffic.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    meetings: AtomicBool,
    media_pods: AtomicBool,
    admission_key: AtomicBool,
    join_secrets: AtomicBool,
    media_pools: AtomicBool,
    log: OnceLock<LogHealth>,
}

/// One readiness check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadinessCheck {
    /// The first full list of Meetings.
    Meetings,
    /// The first full list of media pods.
    Pods,
    /// A usable admission key.
    AdmissionKey,
    /// The first read of all Secrets with join keys or TURN credentials.
    JoinSecrets,
    /// The first full list of `MediaPool`s.
    Pools,
}

impl Readiness {
    const CHECKS: [(ReadinessCheck, &'static str); 5] = [
        (ReadinessCheck::Meetings, "the first list of Meetings"),
        (ReadinessCheck::Pods, "the first list of media pods"),
        (ReadinessCheck::AdmissionKey, "a usable key in the admission key Secret"),
        (ReadinessCheck::JoinSecrets, "the Secrets with join keys and TURN credentials"),
        (ReadinessCheck::Pools, "the first list of MediaPools"),
    ];

    /// Passes `check`. Returns true the first time.
    pub(crate) fn pass(&self, check: ReadinessCheck) -> bool {
        !self.flag(check).swap(true, Ordering::Release)
    }

    /// Makes the replica unready while this log cannot be written.
    pub(crate) fn watch_log(&self, log: LogHealth) {
        let _ = self.log.set(log);
    }

    /// Why the replica is not ready.
    pub(crate) fn problem(&self) -> Option<String> {
        if let Some(problem) = self.log.get().and_then(LogHealth::problem) {
            return Some(problem.to_owned());
        }
        let missing = self.missing();
        (!missing.is_empty()).then(|| format!("waiting for {}", missing.join(", ")))
    }

    /// Descriptions of the checks that have not passed yet.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        Self::CHECKS
            .iter()
            .filter(|(check, _)| !self.flag(*check).load(Ordering::Acquire))
            .map(|(_, words)| *words)
            .collect()
    }

    fn flag(&self, check: ReadinessCheck) -> &AtomicBool {
        match check {
            ReadinessCheck::Meetings => &self.meetings,
            ReadinessCheck::Pods => &self.media_pods,
            ReadinessCheck::AdmissionKey => &self.admission_key,
            ReadinessCheck::JoinSecrets => &self.join_secrets,
            ReadinessCheck::Pools => &self.media_pools,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_when_everything_was_seen_once() {
        let readiness = Readiness::default();
        assert_eq!(readiness.missing().len(), 5);
        assert!(readiness.pass(ReadinessCheck::Pods));
        assert!(!readiness.pass(ReadinessCheck::Pods), "true only the first time");
        for check in [ReadinessCheck::AdmissionKey, ReadinessCheck::JoinSecrets, ReadinessCheck::Pools] {
            readiness.pass(check);
        }
        assert_eq!(readiness.missing(), ["the first list of Meetings"]);
        readiness.pass(ReadinessCheck::Meetings);
        assert!(readiness.missing().is_empty());
    }
}
