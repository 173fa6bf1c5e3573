//! Handles what statuses and pods say about moves of meetings: updates the record of the moves, and enqueues the affected meetings.
//!
//! It decides nothing about meetings, and writes nothing to the cluster.

use convene_crds::{AssignedPod, Meeting, MeetingMove, MeetingMovePhase, MovePod};
use convene_protocol::admin::RoomList;
use jiff::Timestamp;

use super::{CacheState, ClusterCache};
use crate::model::{
    media_pod::MediaPod,
    moves::{LONGEST_HANDOVER_SECONDS, Observed, is_relief},
};

impl CacheState {
    /// Compares the move of a meeting with its status. A move that an earlier process has begun keeps its place on the new pod.
    pub(crate) fn observe_move(&mut self, meeting: &Meeting, now: Timestamp) -> Observed {
        let seconds = self.handover_seconds(meeting).unwrap_or(LONGEST_HANDOVER_SECONDS);
        let observed = self.moves.observe(meeting, seconds, now);
        if observed == Observed::Adopted
            && let Some((uid, record)) = self.copying(meeting)
        {
            self.ledger.assign(&uid, &compute_place(&record));
        }
        if let Some(uid) = &meeting.metadata.uid {
            self.ledger.expect(uid, self.moves.expected(uid, now));
        }
        observed
    }

    /// The seconds that the clients of a meeting may take to move, if its pool is known.
    pub(crate) fn handover_seconds(&self, meeting: &Meeting) -> Option<u32> {
        let view = self.views.pool(&meeting.spec.pool)?;
        view.pool.as_ref().ok().map(|pool| pool.drain.handover_seconds)
    }

    /// A meeting stays where it is if the pod that was to receive it is no longer ready; if no one has to leave, also if either pod is not as it
    /// was when that was decided.
    pub(crate) fn release_lost_place(&mut self, meeting: &Meeting) {
        let Some((uid, record)) = self.copying(meeting) else { return };
        let has_pod = |pod: &MovePod, is_fit: fn(&MediaPod) -> bool| {
            self.views.pods().any(|one| one.uid == pod.uid && is_fit(one))
        };
        let can_continue = if is_relief(&record) {
            has_pod(&record.to, MediaPod::is_open) && has_pod(&record.from, MediaPod::can_hand_over)
        } else {
            has_pod(&record.to, MediaPod::is_ready)
        };
        if !can_continue {
            self.ledger.forget(&uid);
        }
    }

    /// The meeting's move, if its new pod is not in the status yet.
    fn copying(&self, meeting: &Meeting) -> Option<(String, MeetingMove)> {
        let uid = meeting.metadata.uid.clone()?;
        let record = &self.moves.state(&uid)?.record;
        (record.phase == MeetingMovePhase::Copying).then(|| (uid, record.clone()))
    }
}

/// The rest is known once the meeting is planned.
fn compute_place(record: &MeetingMove) -> AssignedPod {
    let MeetingMove { to, since, .. } = record;
    AssignedPod { name: to.name.clone(), uid: to.uid.clone(), moved_at: Some(since.clone()), ..AssignedPod::default() }
}

impl ClusterCache {
    /// Handles a report of a pod about its rooms: meetings may have moved away from it.
    pub(crate) fn on_move_report(&self, pod: &MediaPod, list: &RoomList) {
        let changed = self.state().moves.report(&pod.uid, list, Timestamp::now());
        for key in &changed {
            self.enqueue_meeting(key);
        }
    }

    /// Enqueues the meetings that move from or to a pod.
    pub(super) fn enqueue_moves_of(&self, pod_uid: &str) {
        let moving = self.state().moves.on_pod(pod_uid);
        for key in &moving {
            self.enqueue_meeting(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::{core::DeserializeGuard, runtime::watcher::Event};
    use serde_json::json;

    use super::*;
    use crate::{
        fixtures::{ScriptedServer, defaults, meeting_object, pod_object},
        model::moves::Progress,
    };

    /// A meeting that moves from the pod `p1` to `pod-uid`.
    fn meeting(phase: &str) -> Meeting {
        let (from, to) = (json!({"name": "a", "uid": "p1"}), json!({"name": "b", "uid": "pod-uid"}));
        let record =
            json!({"from": from, "to": to, "since": "2030-01-01T10:00:00Z", "phase": phase, "reason": "PodDraining"});
        let pod = if phase == "Copying" { from } else { to };
        meeting_object(json!({"pool": "lagoon"}), json!({"pod": pod, "participants": 3, "move": record}))
    }

    fn new_cache() -> std::sync::Arc<ClusterCache> {
        let (_, client) = ScriptedServer::start(vec![]);
        ClusterCache::new(client, "harbor".into(), defaults()).0
    }

    #[tokio::test]
    async fn a_move_of_an_earlier_process_keeps_its_place_while_the_pod_exists() {
        let cache = new_cache();
        cache.on_pod_event(&Event::Apply(pod_object(json!({}))));
        let copying = meeting("Copying");
        cache.on_meeting_event(&Event::Apply(DeserializeGuard(Ok(copying.clone()))));
        let place = |cache: &ClusterCache| {
            let mut state = cache.state();
            state.release_lost_place(&copying);
            state.ledger.pod_of(&copying).map(|pod| (pod.uid.clone(), pod.moved_at.is_some()))
        };
        assert_eq!(place(&cache), Some(("pod-uid".into(), true)));
        assert_eq!(cache.state().ledger.occupancy_of(&copying).participants, 3);
        assert_eq!(cache.state().ledger.load_of("pod-uid").participants, 3, "they are on their way");
        cache.on_pod_event(&Event::Delete(pod_object(json!({}))));
        assert_eq!(place(&cache), Some(("p1".into(), false)));
    }

    #[tokio::test]
    async fn a_meeting_that_need_not_leave_stays_if_one_of_the_pods_is_not_as_it_was() {
        let draining = json!({"metadata": {"annotations": {"convene.dev/draining": "2030-01-01T10:00:00Z Cordoned"}}});
        let starting = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
        let cases = [
            ("as they were", json!({}), json!({}), "Relief", "pod-uid"),
            ("the new pod drains", json!({}), draining.clone(), "Relief", "p1"),
            ("the old pod is not ready", starting, json!({}), "Relief", "p1"),
            ("the old pod drains", draining.clone(), json!({}), "Relief", "pod-uid"),
            ("the new pod drains, and the old one has to go", json!({}), draining, "PodDraining", "pod-uid"),
        ];
        for (case, mut old, new, reason, wanted) in cases {
            let cache = new_cache();
            old["metadata"]["name"] = json!("a");
            old["metadata"]["uid"] = json!("p1");
            for patch in [old, new] {
                cache.on_pod_event(&Event::Apply(pod_object(patch)));
            }
            let mut copying = meeting("Copying");
            copying.status.as_mut().unwrap().last_move.as_mut().unwrap().reason = reason.into();
            cache.on_meeting_event(&Event::Apply(DeserializeGuard(Ok(copying.clone()))));
            let mut state = cache.state();
            state.release_lost_place(&copying);
            assert_eq!(state.ledger.pod_of(&copying).map(|pod| &*pod.uid), Some(wanted), "{case}");
        }
    }

    #[tokio::test]
    async fn participants_of_a_move_count_although_the_new_pod_does_not_report_them_yet() {
        let cache = new_cache();
        let pod = pod_object(json!({}));
        cache.on_pod_event(&Event::Apply(pod.clone()));
        let load = || cache.state().ledger.load_of("pod-uid").participants;
        for (phase, wanted) in [("Moving", 3), ("Fallback", 0)] {
            cache.on_meeting_event(&Event::Apply(DeserializeGuard(Ok(meeting(phase)))));
            cache.on_room_report(&MediaPod::from_pod(&pod), &std::collections::HashMap::new());
            cache.state().moves.on_over("meeting-uid", meeting("Fallback").status.unwrap().last_move.as_ref().unwrap());
            assert_eq!(load(), wanted, "{phase}");
        }
    }

    #[tokio::test]
    async fn the_end_of_a_move_is_news_for_rooms_and_reports_are_for_the_meeting() {
        let cache = new_cache();
        let mut news = cache.pods_changed.subscribe();
        let apply = |phase: &str| cache.on_meeting_event(&Event::Apply(DeserializeGuard(Ok(meeting(phase)))));
        let requested = || -> usize {
            let keys = std::iter::from_fn(|| cache.meeting_queue.take());
            keys.inspect(|key| cache.meeting_queue.begin(key)).count()
        };
        apply("Moving");
        assert_eq!(requested(), 1);
        assert!(!news.has_changed().unwrap());
        assert_eq!(cache.state().moves.state("meeting-uid").unwrap().progress, Progress::Adopted);
        let old_pod = MediaPod { uid: "p1".into(), ..MediaPod::from_pod(&pod_object(json!({}))) };
        cache.on_move_report(&old_pod, &RoomList::default());
        assert_eq!(requested(), 1);
        cache.on_move_report(&old_pod, &RoomList::default());
        assert_eq!(requested(), 0);
        cache.on_pod_event(&Event::Delete(pod_object(json!({"metadata": {"uid": "p1"}}))));
        assert_eq!(requested(), 1);
        news.mark_unchanged();
        apply("Done");
        assert!(news.has_changed().unwrap());
    }
}
