//! Decides where a join is routed, and why.
//!
//! Pure. The assignment of the meeting is the only candidate: the operator chooses pods, the router never does.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::net::SocketAddr;
use std::sync::Arc;

use convene_crds::MeetingPhase;
use convene_crds::reason::SCHEDULED;

use crate::index::record::{MeetingRecord, PodRecord, WaitReason};

/// The result of routing a join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RouteDecision {
    /// The meeting does not exist.
    Unknown,
    /// The meeting exists but cannot be joined yet.
    Waiting(WaitReason),
    /// The meeting has ended.
    Ended,
    /// The meeting is assigned to this pod, which is ready.
    Pod(PodRoute),
}

/// A meeting and its media pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodRoute {
    /// Signaling address of the pod.
    pub(crate) address: SocketAddr,
    pub(crate) pod: Arc<PodRecord>,
    /// The meeting; its settings go into the admission.
    pub(crate) meeting: Arc<MeetingRecord>,
}

/// Routes a join of a known meeting; `pod` is the indexed pod with the assigned name.
pub(crate) fn select_pod(meeting: &Arc<MeetingRecord>, pod: Option<&Arc<PodRecord>>) -> RouteDecision {
    if meeting.is_deleting || meeting.phase == MeetingPhase::Ended {
        return RouteDecision::Ended;
    }
    // It may already have a pod, which is assigned shortly before the start.
    if meeting.waiting.reason == SCHEDULED {
        return RouteDecision::Waiting(meeting.waiting.clone());
    }
    let Some(assignment) = &meeting.assignment else {
        return RouteDecision::Waiting(meeting.waiting.clone());
    };
    let pod = pod.filter(|pod| pod.uid == assignment.uid);
    let Some(pod) = pod else { return wait("PodGone", "its media pod is gone; it is being assigned another one") };
    if pod.is_terminating {
        return wait("PodLeaving", "its media pod is shutting down; it is being assigned another one");
    }
    match pod.address {
        Some(address) if pod.is_ready => {
            RouteDecision::Pod(PodRoute { address, pod: Arc::clone(pod), meeting: Arc::clone(meeting) })
        }
        _ => wait("PodNotReady", "its media pod is starting"),
    }
}

fn wait(reason: &str, message: &str) -> RouteDecision {
    RouteDecision::Waiting(WaitReason::new(reason, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{meeting_record, pod_record, reason_of};

    fn decide(meeting: MeetingRecord, pod: Option<PodRecord>) -> String {
        match select_pod(&Arc::new(meeting), pod.map(Arc::new).as_ref()) {
            RouteDecision::Pod(route) => route.address.to_string(),
            other => reason_of(other),
        }
    }

    #[test]
    fn every_state_of_meeting_and_pod_has_its_answer() {
        let bound = || meeting_record("team-a", "stand-up", Some(("media-0", "p-0")));
        let pod = || pod_record("media-0", "p-0", "10.1.2.3:8080");
        let cases = [
            ("ready pod takes the join", bound(), Some(pod()), "10.1.2.3:8080"),
            ("no assignment: the meeting's own words", meeting_record("team-a", "stand-up", None), None, "Pending"),
            ("pod not in the table", bound(), None, "PodGone"),
            ("same name, other pod", bound(), Some(PodRecord { uid: "p-1".into(), ..pod() }), "PodGone"),
            (
                "draining pod gets no new joins",
                bound(),
                Some(PodRecord { is_terminating: true, ..pod() }),
                "PodLeaving",
            ),
            ("pod not ready", bound(), Some(PodRecord { is_ready: false, ..pod() }), "PodNotReady"),
            ("pod without address", bound(), Some(PodRecord { address: None, ..pod() }), "PodNotReady"),
            (
                "before its start",
                MeetingRecord { waiting: WaitReason::new("Scheduled", ""), ..bound() },
                Some(pod()),
                "Scheduled",
            ),
            ("ended", MeetingRecord { phase: MeetingPhase::Ended, ..bound() }, Some(pod()), "MeetingEnded"),
            ("being deleted", MeetingRecord { is_deleting: true, ..bound() }, Some(pod()), "MeetingEnded"),
            // The phase may lag behind the condition of the pod, which takes precedence.
            ("phase lags", MeetingRecord { phase: MeetingPhase::Starting, ..bound() }, Some(pod()), "10.1.2.3:8080"),
        ];
        for (name, meeting, pod, expected) in cases {
            assert_eq!(decide(meeting, pod), expected, "{name}");
        }
    }
}
