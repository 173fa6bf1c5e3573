//! Handles watch events: updates the state that decisions are based on, and enqueues the affected objects.
//!
//! It decides nothing about meetings and pools, and writes nothing to the cluster.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use convene_crds::{MediaPool, Meeting, names::LABEL_POOL};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::{
    Resource, ResourceExt,
    core::PartialObjectMeta,
    runtime::{reflector::ObjectRef, watcher::Event},
};

use super::{ClusterCache, Guarded};
use crate::model::{
    ledger::{Occupancy, key_of},
    media_pod::{MediaPod, PodState},
    moves::Observed,
};

impl ClusterCache {
    pub(crate) fn on_meeting_event(&self, event: &Event<Guarded<Meeting>>) {
        match event {
            Event::Init => self.state().ledger.begin_list(),
            Event::InitApply(guarded) | Event::Apply(guarded) => {
                let new_key = || Arc::new(key_of(guarded.meta()));
                let Ok(meeting) = &guarded.0 else { return self.enqueue_meeting(&new_key()) };
                let mut state = self.state();
                let uid = meeting.metadata.uid.as_deref().unwrap_or_default();
                let was_deciding = state.ledger.decides_sites(uid);
                let key = state.ledger.observe(meeting).unwrap_or_else(new_key);
                let is_spread = was_deciding && !state.ledger.decides_sites(uid);
                let observed = state.observe_move(meeting, Timestamp::now());
                drop(state);
                self.enqueue_meeting(&key);
                self.enqueue_unblocked_meetings();
                self.enqueue_pool(&meeting.spec.pool);
                // Its room may have to be locked, for example, or use other pods, or the one that it has left may end.
                if has_new_spec(meeting) || is_spread || observed == Observed::Over {
                    self.rooms_changed();
                }
            }
            Event::Delete(guarded) => {
                let uid = guarded.meta().uid.clone().unwrap_or_default();
                self.state().ledger.remove(&uid);
                self.state().moves.forget(&uid);
                self.state().backups.forget(&uid);
                self.meeting_queue.begin(&key_of(guarded.meta()));
                self.rooms_changed();
                if let Ok(meeting) = &guarded.0 {
                    self.enqueue_pool(&meeting.spec.pool);
                    self.enqueue_waiting_meetings(&meeting.spec.pool);
                }
                self.enqueue_unblocked_meetings();
            }
            Event::InitDone => {
                let gone = self.state().ledger.end_list();
                for uid in &gone {
                    self.state().moves.forget(uid);
                    self.state().backups.forget(uid);
                }
                self.enqueue_unblocked_meetings();
                self.meeting_queue.begin_all();
                if !gone.is_empty() {
                    self.rooms_changed();
                    self.enqueue_all_pools();
                }
            }
        }
    }

    pub(crate) fn on_pool_event(&self, event: &Event<Guarded<MediaPool>>) {
        match event {
            Event::Init => {}
            Event::InitDone => {
                let names: HashSet<_> = self.pools.state().iter().map(|pool| pool.name_any()).collect();
                let gone = self.state().views.retain_pools(&names);
                for pool in &gone {
                    self.state().pace.forget(pool);
                    self.enqueue_meetings_of(pool);
                }
            }
            Event::InitApply(pool) | Event::Apply(pool) => {
                let begins_to_go = self.state().views.set_pool(pool, &self.defaults);
                if begins_to_go {
                    self.enqueue_meetings_of(&pool.name_any());
                } else {
                    self.enqueue_waiting_meetings(&pool.name_any());
                }
            }
            Event::Delete(pool) => {
                self.state().views.remove_pool(&pool.name_any());
                self.state().pace.forget(&pool.name_any());
                self.enqueue_meetings_of(&pool.name_any());
            }
        }
    }

    pub(crate) fn on_pod_event(&self, event: &Event<Pod>) {
        match event {
            Event::Init => self.state().views.begin_pods(),
            Event::InitApply(pod) | Event::Apply(pod) => {
                let view = self.state().views.set_pod(pod);
                self.pod_changed(&view);
            }
            Event::Delete(pod) => {
                let view = MediaPod::from_pod(pod);
                self.state().views.remove_pod(&view.uid);
                self.pod_gone(&view);
            }
            Event::InitDone => {
                let gone = self.state().views.end_pods();
                for pod in &gone {
                    self.pod_gone(pod);
                }
            }
        }
    }

    /// The process of a pod has ended, which its object does not say yet.
    pub(crate) fn on_pod_ended(&self, pod: &MediaPod) {
        let Some(view) = self.state().views.end_pod(&pod.uid) else { return };
        tracing::info!(pod = pod.name, "a media pod refuses connections: its meetings move");
        self.pod_changed(&view);
    }

    /// A pod responds, so its process runs.
    pub(crate) fn on_pod_response(&self, pod: &MediaPod) {
        let was_ended = self.state().views.revive_pod(&pod.uid);
        if was_ended {
            self.show_object(pod);
        }
    }

    /// A pod does not respond. Returns its view, unless that says so already.
    pub(crate) fn on_pod_silent(&self, uid: &str) -> Option<Arc<MediaPod>> {
        let view = self.state().views.silence_pod(uid)?;
        self.pod_changed(&view);
        Some(view)
    }

    /// A silent pod is no longer asked whether it responds. One that is being deleted remains silent: it would be sent requests that it does not
    /// answer.
    pub(crate) fn on_pod_unasked(&self, uid: &str) {
        let is_leaving = self.state().views.pods().any(|pod| pod.uid == uid && pod.state == PodState::Terminating);
        if !is_leaving {
            self.on_pod_returned(uid);
        }
    }

    /// A silent pod responds again. Returns its view, unless it is gone.
    pub(crate) fn on_pod_returned(&self, uid: &str) -> Option<Arc<MediaPod>> {
        let pod = {
            let views = &mut self.state().views;
            let was_silent = views.hear_pod(uid);
            views.pods().find(|pod| was_silent && pod.uid == uid).cloned()
        }?;
        self.show_object(&pod);
        Some(pod)
    }

    /// A silent pod responds again, or no longer, although it is not used yet: its rooms are requested, because those of meetings that have
    /// moved must end.
    pub(crate) fn on_pod_returning(&self, uid: &str, is_returning: bool) {
        let pod = {
            let views = &mut self.state().views;
            let is_news = views.note_returning(uid, is_returning);
            views.pods().find(|pod| is_news && pod.uid == uid).cloned()
        };
        if let Some(pod) = pod {
            self.show_object(&pod);
        }
    }

    /// The view of a pod follows its object again.
    fn show_object(&self, pod: &MediaPod) {
        if let Some(object) = self.pods.get(&ObjectRef::new(&pod.name).within(&self.namespace)) {
            self.on_pod_event(&Event::Apply(Arc::unwrap_or_clone(object)));
        }
    }

    fn pod_gone(&self, pod: &MediaPod) {
        {
            let mut state = self.state();
            state.ledger.forget_pod(&pod.uid);
            state.lenders.remove(&pod.uid);
        }
        self.pod_changed(pod);
    }

    fn pod_changed(&self, pod: &MediaPod) {
        self.state().expected_pods.remove(&pod.uid);
        self.rooms_changed();
        self.enqueue_meetings_on(&pod.uid);
        self.enqueue_moves_of(&pod.uid);
        self.enqueue_pool(&pod.pool);
        self.enqueue_waiting_meetings(&pod.pool);
    }

    /// Handles a report of a pod about its rooms, by UID of their meetings.
    pub(crate) fn on_room_report(&self, pod: &MediaPod, rooms: &HashMap<String, Occupancy>) {
        let (before, changed, after) = {
            let ledger = &mut self.state().ledger;
            let before = ledger.participants_on(&pod.uid);
            let changed = ledger.report(&pod.uid, rooms);
            (before, changed, ledger.participants_on(&pod.uid))
        };
        if before.map(|people| people > 0) != after.map(|people| people > 0) {
            self.enqueue_pool(&pod.pool);
        }
        let is_deleting = self.state().views.pool(&pod.pool).is_some_and(|pool| pool.is_deleting);
        if before.is_none() && is_deleting {
            self.enqueue_meetings_on(&pod.uid); // those without participants stayed until now
            return;
        }
        for key in &changed {
            self.enqueue_meeting(key);
        }
    }

    pub(crate) fn on_node_event(&self, event: &Event<Node>) {
        let concerns = match event {
            Event::Init => {
                self.state().views.begin_nodes();
                false
            }
            Event::InitApply(node) | Event::Apply(node) => self.state().views.set_node(node),
            Event::Delete(node) => {
                self.state().views.remove_node(&node.name_any());
                true
            }
            Event::InitDone => {
                self.state().views.end_nodes();
                true
            }
        };
        if concerns {
            self.enqueue_all_pools();
        }
    }

    pub(crate) fn on_namespace_event(&self, event: &Event<PartialObjectMeta<Namespace>>) {
        if let Event::Delete(namespace) = event {
            self.state().namespaces.remove(&namespace.name_any());
        }
        let (Event::InitApply(namespace) | Event::Apply(namespace)) = event else { return };
        let (name, labels) = (namespace.name_any(), namespace.labels().clone());
        let old = self.state().namespaces.insert(name.clone(), labels.clone());
        if old != Some(labels) {
            let of_namespace = |meeting: &Guarded<Meeting>| meeting.namespace().as_deref() == Some(name.as_str());
            for meeting in self.meetings.state_filter(of_namespace) {
                if let Ok(meeting) = &meeting.0 {
                    self.enqueue_meeting(&Arc::new(key_of(&meeting.metadata)));
                }
            }
        }
    }

    pub(crate) fn on_child_event<K: Resource>(&self, event: &Event<K>) {
        let (Event::Apply(child) | Event::Delete(child)) = event else { return };
        if let Some(pool) = child.labels().get(LABEL_POOL) {
            self.enqueue_pool(pool);
        }
    }
}

/// Whether the spec has changed since the status was written.
fn has_new_spec(meeting: &Meeting) -> bool {
    let reported = meeting.status.as_ref().and_then(|status| status.observed_generation);
    reported.is_some() && reported != meeting.metadata.generation
}

#[cfg(test)]
mod tests {
    use convene_crds::MeetingStatus;
    use kube::core::DeserializeGuard;
    use serde_json::json;

    use super::*;
    use crate::{
        fixtures::{ScriptedServer, defaults, media_pod, meeting_object, pool_object},
        model::ledger::MeetingKey,
    };

    #[tokio::test]
    async fn when_a_meeting_gives_up_its_place_another_one_of_its_namespace_is_enqueued() {
        let (_, client) = ScriptedServer::start(vec![]);
        let (cache, _ends) = ClusterCache::new(client, "harbor".into(), defaults());
        let apply = |name: &str, pod: serde_json::Value| {
            let mut meeting = meeting_object(json!({"pool": "lagoon"}), json!({"pod": pod}));
            meeting.metadata.name = Some(name.into());
            meeting.metadata.uid = Some(format!("uid-{name}"));
            cache.on_meeting_event(&Event::Apply(DeserializeGuard(Ok(meeting))));
        };
        let requested = || -> Vec<_> {
            let keys = std::iter::from_fn(|| cache.meeting_queue.take()).map(|key| key.name.clone());
            keys.inspect(|name| {
                cache.meeting_queue.begin(&MeetingKey { namespace: "crew".into(), name: name.clone() });
            })
            .collect()
        };
        let pod = json!({"name": "media-lagoon-41000", "uid": "p1"});
        apply("first", pod.clone());
        apply("second", serde_json::Value::Null);
        apply("third", serde_json::Value::Null);
        cache.state().ledger.set_over_quota("uid-second", true);
        assert_eq!(requested(), ["first", "second", "third"]);
        apply("first", pod);
        assert_eq!(requested(), ["first"]);
        apply("first", serde_json::Value::Null);
        assert_eq!(requested(), ["first", "second"]);
    }

    #[tokio::test]
    async fn all_meetings_of_a_pool_are_enqueued_when_its_deletion_begins_and_when_it_is_gone() {
        let (_, client) = ScriptedServer::start(vec![]);
        let (cache, _ends) = ClusterCache::new(client, "harbor".into(), defaults());
        let pod = json!({"name": "media-lagoon-41000", "uid": "p1"});
        let meeting = meeting_object(json!({"pool": "lagoon"}), json!({ "pod": pod }));
        cache.on_meeting_event(&Event::Apply(DeserializeGuard(Ok(meeting))));
        let requested = || -> usize {
            let keys = std::iter::from_fn(|| cache.meeting_queue.take());
            keys.inspect(|key| cache.meeting_queue.begin(key)).count()
        };
        let pool = |second: Option<i64>| {
            let mut pool = pool_object(json!({}));
            let time = second.and_then(|second| jiff::Timestamp::from_second(second).ok());
            pool.metadata.deletion_timestamp = time.map(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time);
            DeserializeGuard(Ok(pool))
        };
        requested();
        let mut counts = Vec::new();
        for event in [
            Event::Apply(pool(None)),
            Event::Apply(pool(Some(60))),
            Event::Apply(pool(Some(60))),
            Event::Delete(pool(Some(60))),
            Event::Apply(pool(None)),
            Event::InitDone, // without it
        ] {
            cache.on_pool_event(&event);
            counts.push(requested());
        }
        assert_eq!(counts, [0, 1, 0, 1, 0, 1]);
    }

    #[tokio::test]
    async fn meetings_of_a_deleted_pool_are_enqueued_when_their_pod_first_reports() {
        for (second, counts) in [(None, [0, 0]), (Some(60), [1, 0])] {
            let (_, client) = ScriptedServer::start(vec![]);
            let (cache, _ends) = ClusterCache::new(client, "harbor".into(), defaults());
            let mut pool = pool_object(json!({}));
            let time = second.and_then(|second| jiff::Timestamp::from_second(second).ok());
            pool.metadata.deletion_timestamp = time.map(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time);
            cache.on_pool_event(&Event::Apply(DeserializeGuard(Ok(pool))));
            let pod = media_pod(&crate::fixtures::pool(json!({})), 0, PodState::Ready);
            let meeting = meeting_object(json!({"pool": "lagoon"}), json!({"pod": {"name": pod.name, "uid": pod.uid}}));
            cache.on_meeting_event(&Event::Apply(DeserializeGuard(Ok(meeting))));
            let requested = || -> usize {
                let keys = std::iter::from_fn(|| cache.meeting_queue.take());
                keys.inspect(|key| cache.meeting_queue.begin(key)).count()
            };
            requested();
            let found = counts.map(|_| {
                cache.on_room_report(&pod, &HashMap::new());
                requested()
            });
            assert_eq!(found, counts, "{second:?}: empty, as the status says");
        }
    }

    #[tokio::test]
    async fn a_new_spec_is_news_for_rooms_and_a_new_status_is_not() {
        let (_, client) = ScriptedServer::start(vec![]);
        let (cache, _ends) = ClusterCache::new(client, "harbor".into(), defaults());
        let mut news = cache.pods_changed.subscribe();
        let mut apply = |generation: i64, reported: Option<i64>| {
            let mut meeting = meeting_object(json!({"locked": true}), json!({}));
            meeting.metadata.generation = Some(generation);
            meeting.status = Some(MeetingStatus { observed_generation: reported, ..MeetingStatus::default() });
            cache.on_meeting_event(&Event::Apply(DeserializeGuard(Ok(meeting))));
            let is_notable = news.has_changed().unwrap();
            news.mark_unchanged();
            is_notable
        };
        assert!(!apply(1, None), "it cannot have participants");
        assert!(apply(2, Some(1)));
        assert!(!apply(2, Some(2)));
    }
}
