//! The pod condition for reachability, and whether it has to be written.
//!
//! Pure. Only changes are written, so that a write does not trigger itself.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_crds::names::{ANNOTATION_ANNOUNCED_ADDRESSES, ANNOTATION_ANNOUNCED_PORTS, POD_CONDITION_MEDIA_REACHABLE};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodCondition};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{judge::Reach, schedule::Subject};

/// The current condition of `pod`.
pub(super) fn find_condition(pod: &Pod) -> Option<&PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == POD_CONDITION_MEDIA_REACHABLE)
}

/// `pod` as the schedule sees it.
pub(super) fn build_subject(pod: &Pod) -> Subject {
    let annotation = |key| pod.annotations().get(key).map(String::as_str).unwrap_or_default();
    let announced =
        format!("{} {}", annotation(ANNOTATION_ANNOUNCED_ADDRESSES), annotation(ANNOTATION_ANNOUNCED_PORTS));
    Subject { uid: pod.uid().unwrap_or_default(), announced, is_reported: find_condition(pod).is_some() }
}

/// The patch (strategic merge, of the status) that sets the condition to `reach`; `None` if it is up to date.
pub(super) fn plan_condition(pod: &Pod, reach: &Reach, now: Timestamp) -> Option<Value> {
    let (status, reason, message) = (reach.status(), reach.reason(), reach.message());
    let old = find_condition(pod);
    let is_same = |old: &PodCondition| {
        old.status == status && old.reason.as_deref() == Some(reason) && old.message.as_deref() == Some(message)
    };
    if old.is_some_and(is_same) {
        return None;
    }
    let kept = old.filter(|old| old.status == status).and_then(|old| old.last_transition_time.as_ref());
    // The API server stores seconds only.
    let since = kept.map_or(now, |time| time.0).as_second();
    let condition = json!({
        "type": POD_CONDITION_MEDIA_REACHABLE,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": Timestamp::from_second(since).unwrap_or(now),
    });
    Some(json!({"metadata": {"uid": pod.uid()}, "status": {"conditions": [condition]}}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::pod_object;

    fn pod(condition: &Value) -> Pod {
        pod_object(json!({"status": {"conditions": [{"type": "Ready", "status": "True"}, condition]}}))
    }

    fn reported(status: &str, reason: &str, message: &str) -> Pod {
        pod(&json!({
            "type": "convene.dev/MediaReachable", "status": status, "reason": reason, "message": message,
            "lastTransitionTime": "2026-01-02T03:04:05Z",
        }))
    }

    #[test]
    fn only_what_is_new_is_written_and_time_moves_with_the_status() {
        let now: Timestamp = "2026-05-06T07:08:09.123Z".parse().unwrap();
        let (old, new) = ("2026-01-02T03:04:05Z", "2026-05-06T07:08:09Z");
        let reach = Reach::Reachable("answers".into());
        let cases = [
            ("no condition yet", pod_object(json!({})), Some(new)),
            ("unchanged", reported("True", "MediaReachable", "answers"), None),
            ("another message", reported("True", "MediaReachable", "answered"), Some(old)),
            ("another reason", reported("True", "UdpBlocked", "answers"), Some(old)),
            ("another status", reported("False", "MediaReachable", "answers"), Some(new)),
            ("no time", pod(&json!({"type": "convene.dev/MediaReachable", "status": "True"})), Some(new)),
        ];
        for (case, pod, since) in cases {
            let wanted = since.map(|since| {
                json!({"metadata": {"uid": "pod-uid"}, "status": {"conditions": [{
                    "type": "convene.dev/MediaReachable", "status": "True", "reason": "MediaReachable", "message": "answers",
                    "lastTransitionTime": since,
                }]}})
            });
            assert_eq!(plan_condition(&pod, &reach, now), wanted, "{case}");
        }
    }

    #[test]
    fn a_subject_changes_with_what_is_announced() {
        let pod = pod_object(json!({}));
        let subject = build_subject(&pod);
        assert_eq!((subject.uid.as_str(), subject.is_reported), ("pod-uid", false));
        let ports =
            pod_object(json!({"metadata": {"annotations": {"convene.dev/announced-ports": "40000/udp=31001"}}}));
        assert_ne!(build_subject(&ports).announced, subject.announced);
        assert!(build_subject(&reported("True", "MediaReachable", "")).is_reported);
    }
}
