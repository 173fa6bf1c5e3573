use std::net::Ipv4Addr;

use axum::{
    Json, Router,
    extract::{OriginalUri, State},
    http::{Method, StatusCode},
};
use convene_protocol::{
    admin::{LinkPoint, SiteReport, SiteState},
    admission::KeySet,
};
use kube::{core::DeserializeGuard, runtime::watcher::Event};
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::fixtures::{ScriptedServer, context, meeting_object, pod_object, pool_object};

type Heard = Arc<Mutex<Vec<(String, Value)>>>;

/// The context of an operator whose meeting is on `pod-uid`, which is served by this fake pod, and on `p2`.
struct Harbor {
    context: crate::context::Context,
    pod: MediaPod,
    heard: Heard,
    sent: SentLists,
    _server: AbortOnDropHandle<()>,
}

async fn answer(
    State((heard, status)): State<(Heard, StatusCode)>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    Json(body): Json<Value>,
) -> StatusCode {
    heard.lock().unwrap().push((format!("{method} {}", uri.path()), body));
    status
}

impl Harbor {
    async fn start(status: u16) -> Self {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Heard::default();
        let app =
            Router::new().fallback(answer).with_state((Arc::clone(&heard), StatusCode::from_u16(status).unwrap()));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let (_, client) = ScriptedServer::start(vec![]);
        let (cache, mut ends) = ClusterCache::new(client.clone(), "harbor".into(), crate::fixtures::defaults());
        let event = Event::Apply(DeserializeGuard(Ok(meeting_object(json!({"pool": "lagoon"}), status_of_meeting()))));
        ends.meetings.apply_watcher_event(&event);
        cache.on_meeting_event(&event);
        let pool = pool_object(json!({"capacity": {"participants": 100}, "pipePorts": 8}));
        cache.on_pool_event(&Event::Apply(DeserializeGuard(Ok(pool))));
        let second = json!({"metadata": {"uid": "p2", "name": "b"}, "status": {"podIP": "10.0.0.2"}});
        for patch in [json!({}), second] {
            cache.on_pod_event(&Event::Apply(pod_object(patch)));
        }
        let pod = MediaPod::from_pod(&pod_object(json!({})));
        let pod = MediaPod { ip: Some(address.ip().to_string()), http_port: address.port(), ..pod };
        let context = crate::context::Context { cache, ..context(&client) };
        Self { context, pod, heard, sent: SentLists::default(), _server: AbortOnDropHandle::new(server) }
    }

    fn lend(&self, fingerprint: &str) {
        let link = LinkPoint { port: 9443, fingerprint: fingerprint.repeat(64) };
        self.context.cache.state().lenders.insert("p2".into(), link);
    }

    /// Returns whether something is left to do.
    async fn settle(&self, sites: Vec<SiteReport>) -> bool {
        let crate::context::Context { cache, link, metrics, .. } = &self.context;
        let room = RoomReport {
            namespace: "crew".into(),
            name: "regatta".into(),
            uid: "meeting-uid".into(),
            participants: 50,
            sites,
            ..RoomReport::default()
        };
        let list = RoomList { process: 7, rooms: vec![room], ..RoomList::default() };
        cache.on_site_report(&self.pod, &list);
        SiteKeeper { cache, link, metrics, sent: &self.sent }.settle(&self.pod, &list).await
    }

    fn heard(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

fn status_of_meeting() -> Value {
    let pod = json!({"name": "media-lagoon-41000", "uid": "pod-uid"});
    json!({"pod": pod, "participants": 50, "sites": [{"name": "b", "uid": "p2"}]})
}

fn linked(participants: u32) -> Vec<SiteReport> {
    vec![SiteReport { pod: "p2".into(), state: SiteState::Linked, participants }]
}

fn own_keys() -> KeySet {
    let pair = convene_admission_keys::build_key_pair([7; 32]).unwrap();
    KeySet::from_jwks(&convene_admission_keys::build_jwks(&pair).unwrap()).unwrap()
}

#[tokio::test]
async fn a_room_learns_which_pods_serve_it_once_it_is_known_how_they_are_linked() {
    let harbor = Harbor::start(204).await;
    assert!(!harbor.settle(vec![]).await && harbor.heard().is_empty(), "the other pod has not reported yet");
    harbor.lend("a");
    assert!(!harbor.settle(vec![]).await);
    let heard = harbor.heard();
    let (asked, body) = &heard[0];
    assert_eq!((heard.len(), asked.as_str()), (1, "PUT /admin/v1/rooms/crew/regatta/sites"));
    assert_eq!((&body["uid"], &body["capacity"]), (&json!("meeting-uid"), &json!(100)));
    let site = &body["sites"][0];
    assert_eq!((&site["pod"], &site["address"], &site["port"]), (&json!("p2"), &json!("10.0.0.2"), &json!(9443)));
    assert_eq!(site["capacity"], 100);
    let now = u64::try_from(Timestamp::now().as_second()).unwrap();
    let (grant, _) = own_keys().verify_link(site["ticket"].as_str().unwrap(), "p2", now).unwrap();
    assert_eq!((grant.room.as_str(), grant.home.as_str()), ("meeting-uid", "pod-uid"));
    assert_eq!(grant.fingerprint, "a".repeat(64));
    assert!(!harbor.settle(linked(20)).await && harbor.heard().is_empty(), "nothing is news");
    harbor.lend("b");
    assert!(!harbor.settle(linked(20)).await);
    assert_eq!(harbor.heard().len(), 1, "another process of the other pod");
}

#[tokio::test]
async fn a_list_that_was_not_accepted_is_left_to_do() {
    let harbor = Harbor::start(503).await;
    harbor.lend("a");
    assert!(harbor.settle(vec![]).await && harbor.settle(vec![]).await);
    assert_eq!(harbor.heard().len(), 1, "after a pause");
}

#[tokio::test]
async fn a_link_that_was_lost_is_opened_again_later() {
    let harbor = Harbor::start(204).await;
    harbor.lend("a");
    harbor.settle(vec![]).await;
    harbor.heard();
    let lost = vec![SiteReport { pod: "p2".into(), state: SiteState::Lost, participants: 0 }];
    assert!(harbor.settle(lost).await && harbor.heard().is_empty());
    harbor.sent.retain(|_| false);
    assert!(!harbor.settle(linked(0)).await);
    assert_eq!(harbor.heard().len(), 1);
}
