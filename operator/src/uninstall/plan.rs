//! The next step of an uninstall for pools and meetings.
//!
//! Pure: no I/O, no clock.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_crds::{Meeting, MeetingStatus, names::CONDITION_READY, names::TRUE};
use jiff::Timestamp;
use kube::api::ObjectMeta;

use crate::{
    meeting::{plan::plan_refused, report::compute_status, validate::explain_missing_pool},
    model::{conditions::find, ledger::Occupancy},
    pool::finalizer::has_finalizer,
};

/// Part of the timeout that is reserved for the end of pods and for statuses, in seconds.
pub(crate) const RESERVE_SECONDS: i64 = 40;
/// Minimum drain deadline of a pool, in seconds, by its CRD.
const LEAST_SECONDS: i64 = 10;
/// A difference in seconds that is not worth another write.
const SLACK_SECONDS: i64 = 5;

/// How an uninstall treats participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// The operator drains the pools; participants may stay until then at most.
    Drain {
        /// When the uninstall must have ended.
        until: Timestamp,
    },
    /// No waiting: it is not requested, or no operator is active that could drain.
    AtOnce,
}

/// The next step for a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PoolStep {
    /// New drain deadline in seconds, because the current one is too long.
    pub shorten_to: Option<u32>,
    /// Whether to delete it.
    pub delete: bool,
    /// Whether to remove the finalizer.
    pub release: bool,
}

/// The step for a pool with this drain deadline in `seconds`; `None` is a pool that cannot be parsed.
pub(crate) fn plan_pool(metadata: &ObjectMeta, seconds: Option<u32>, manner: Manner, now: Timestamp) -> PoolStep {
    let deleted_at = metadata.deletion_timestamp.as_ref().map(|time| time.0);
    let is_deleted = deleted_at.is_some();
    match manner {
        Manner::Drain { until } => PoolStep {
            shorten_to: seconds.and_then(|seconds| compute_shorter(seconds, deleted_at.unwrap_or(now), until)),
            delete: !is_deleted,
            release: false,
        },
        // Only if the pool is being deleted; otherwise the operator would add it again.
        Manner::AtOnce => {
            PoolStep { shorten_to: None, delete: !is_deleted, release: is_deleted && has_finalizer(metadata) }
        }
    }
}

fn compute_shorter(seconds: u32, from: Timestamp, until: Timestamp) -> Option<u32> {
    let most = (until.as_second() - RESERVE_SECONDS - from.as_second()).max(LEAST_SECONDS);
    (i64::from(seconds) > most + SLACK_SECONDS).then(|| u32::try_from(most).unwrap_or(seconds))
}

/// The status of a meeting that claims a place that no pool can provide; `None` if it claims none. `home` is the namespace
/// of the pools.
pub(crate) fn compute_without_pool(meeting: &Meeting, home: &str, now: Timestamp) -> Option<MeetingStatus> {
    let old = meeting.status.as_ref()?;
    let is_ready = find(&old.conditions, CONDITION_READY).is_some_and(|ready| ready.status == TRUE);
    if !is_ready && old.pod.is_none() {
        return None;
    }
    let plan = plan_refused(&explain_missing_pool(meeting, home));
    let status = compute_status(meeting, &plan, "", Occupancy::default(), now);
    Some(MeetingStatus { join_url: old.join_url.clone(), ..status })
}

#[cfg(test)]
mod tests {
    use convene_crds::{MediaPool, names::FINALIZER_DRAIN};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::json;

    use super::*;
    use crate::fixtures::{meeting_object, pool_object};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn pool(seconds: u32, deleted_at: Option<i64>) -> MediaPool {
        let mut pool = pool_object(json!({"drain": {"deadlineSeconds": seconds}}));
        pool.metadata.deletion_timestamp = deleted_at.map(|second| Time(at(second)));
        pool.metadata.finalizers = Some(vec![FINALIZER_DRAIN.to_owned()]);
        pool
    }

    #[test]
    fn pools_are_deleted_and_give_no_more_time_than_the_uninstall_has() {
        // (case, drain deadline, deleted at, shortened to, deleted now); the uninstall ends at 1240 and it is 1000.
        let cases = [
            ("short enough", 100, None, None, true),
            ("too long", 300, None, Some(200), true),
            ("deleted before", 300, Some(900), None, false),
            ("deleted before, and too long", 3600, Some(900), Some(300), false),
            ("shortened a second ago", 201, Some(1_000), None, false),
        ];
        for (case, seconds, deleted_at, shorten_to, delete) in cases {
            let pool = pool(seconds, deleted_at);
            let step = plan_pool(&pool.metadata, Some(seconds), Manner::Drain { until: at(1_240) }, at(1_000));
            assert_eq!(step, PoolStep { shorten_to, delete, release: false }, "{case}");
        }
        let late =
            |seconds| plan_pool(&pool(300, None).metadata, seconds, Manner::Drain { until: at(1_001) }, at(1_000));
        assert_eq!((late(Some(300)).shorten_to, late(None).shorten_to), (Some(10), None));
    }

    #[test]
    fn without_an_operator_a_pool_is_deleted_and_then_let_go() {
        let step = |pool: &MediaPool| plan_pool(&pool.metadata, Some(300), Manner::AtOnce, at(1_000));
        assert_eq!(step(&pool(300, None)), PoolStep { shorten_to: None, delete: true, release: false });
        assert_eq!(step(&pool(300, Some(990))), PoolStep { shorten_to: None, delete: false, release: true });
        let mut others = pool(300, Some(990));
        others.metadata.finalizers = Some(vec!["a.test/b".into()]);
        assert_eq!(step(&others), PoolStep::default());
    }

    #[test]
    fn a_meeting_that_claims_a_place_is_marked_as_having_none() {
        let ready = |status: &str| {
            json!({"type": "Ready", "status": status, "reason": "PodReady", "message": "",
                "lastTransitionTime": "2030-01-01T10:00:00Z"})
        };
        let pod = json!({"name": "media-lagoon-41000", "uid": "p1"});
        let reported = |status: serde_json::Value| {
            let meeting = meeting_object(json!({"pool": "lagoon"}), status);
            compute_without_pool(&meeting, "harbor", at(1_000))
        };
        let status =
            reported(json!({"phase": "Ready", "participants": 3, "pod": pod, "joinUrl": "https://meet.test/m/a/b",
            "conditions": [ready("True")]}));
        let status = status.unwrap();
        assert_eq!((status.participants, status.pod.as_ref()), (Some(0), None));
        assert_eq!(status.join_url.as_deref(), Some("https://meet.test/m/a/b"));
        let found = find(&status.conditions, CONDITION_READY).unwrap();
        assert_eq!((found.status.as_str(), found.reason.as_str()), ("False", "PoolNotFound"));
        assert!(reported(json!({"pod": pod, "conditions": [ready("False")]})).is_some());
        assert!(reported(json!({"conditions": [ready("False")]})).is_none());
        assert!(reported(json!({})).is_none());
    }
}
