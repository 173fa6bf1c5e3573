use convene_crds::Meeting;
use convene_protocol::admin::{RoomReport, SiteReport, SiteState};
use kube::{core::DeserializeGuard, runtime::watcher::Event};
use serde_json::json;

use super::*;
use crate::fixtures::{ScriptedServer, defaults, meeting_object, pod_object};

/// A meeting on `pod-uid`, which `p2` serves, too.
fn meeting() -> Meeting {
    let status = json!({
        "pod": {"name": "media-lagoon-41000", "uid": "pod-uid"}, "participants": 5, "sites": [{"name": "b", "uid": "p2"}],
    });
    meeting_object(json!({"pool": "lagoon"}), status)
}

fn list(link: Option<&str>, on_site: u32) -> RoomList {
    let site = SiteReport { pod: "p2".into(), state: SiteState::Linked, participants: on_site };
    let room = RoomReport { uid: "meeting-uid".into(), participants: 5, sites: vec![site], ..RoomReport::default() };
    let link = link.map(|fingerprint| LinkPoint { port: 9443, fingerprint: fingerprint.into() });
    RoomList { link, rooms: vec![room], ..RoomList::default() }
}

#[tokio::test]
async fn reports_are_news_once() {
    let (_, client) = ScriptedServer::start(vec![]);
    let (cache, _ends) = ClusterCache::new(client, "harbor".into(), defaults());
    let mut news = cache.pods_changed.subscribe();
    cache.on_pod_event(&Event::Apply(pod_object(json!({}))));
    cache.on_meeting_event(&Event::Apply(DeserializeGuard(Ok(meeting()))));
    let pod = MediaPod::from_pod(&pod_object(json!({})));
    let requested = || -> usize {
        let keys = std::iter::from_fn(|| cache.meeting_queue.take());
        keys.inspect(|key| cache.meeting_queue.begin(key)).count()
    };
    requested();
    news.mark_unchanged();
    let mut report = |list: &RoomList| {
        cache.on_site_report(&pod, list);
        let is_news = news.has_changed().unwrap();
        news.mark_unchanged();
        let loads = ["pod-uid", "p2"].map(|uid| cache.state().ledger.load_of(uid).participants);
        (is_news, requested(), loads)
    };
    assert_eq!(report(&list(None, 0)), (false, 1, [5, 0]), "where its participants are was unknown");
    assert_eq!(report(&list(Some("first"), 0)), (true, 1, [5, 0]));
    assert_eq!(report(&list(Some("first"), 2)), (false, 1, [3, 2]));
    assert_eq!(report(&list(Some("first"), 2)), (false, 0, [3, 2]));
    assert_eq!(report(&list(Some("second"), 2)), (true, 1, [3, 2]), "its process is another one");
    assert_eq!(report(&RoomList::default()), (true, 1, [5, 0]), "it has ended");
    assert!(cache.state().lenders.is_empty());
}

#[tokio::test]
async fn meetings_of_other_pods_are_enqueued_when_a_pod_changes_that_serves_them() {
    let (_, client) = ScriptedServer::start(vec![]);
    let (cache, _ends) = ClusterCache::new(client, "harbor".into(), defaults());
    cache.on_meeting_event(&Event::Apply(DeserializeGuard(Ok(meeting()))));
    while let Some(key) = cache.meeting_queue.take() {
        cache.meeting_queue.begin(&key);
    }
    cache.on_pod_event(&Event::Apply(pod_object(json!({"metadata": {"uid": "p2", "name": "b"}}))));
    assert_eq!(cache.meeting_queue.take().map(|key| key.name.clone()), Some("regatta".into()));
}
