use axum::Router;
use convene_crds::Meeting;
use k8s_openapi::api::core::v1::Pod;
use kube::{core::DeserializeGuard, runtime::watcher::Event};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::{
    cluster::{
        cache::CacheEnds,
        events::{Posts, channel},
    },
    fixtures::{ScriptedServer, defaults, meeting_object, pod_object, pool_object},
};

fn question(address: std::net::SocketAddr) -> Question {
    Question { client: Lookout::new().client, address: format!("http://{address}/healthz"), pod: "media".into() }
}

async fn listener() -> (TcpListener, std::net::SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn any_response_and_even_a_refusal_is_a_sign_of_life() {
    let (server, address) = listener().await;
    let serving = tokio::spawn(async move { axum::serve(server, Router::new()).await });
    question(address).ask().await.expect("404 is a response");
    serving.abort();
    let _ = serving.await;
    question(address).ask().await.expect("nothing listens there, which is for others to notice");
}

#[tokio::test(start_paused = true)]
async fn no_response_is_none() {
    let (_server, address) = listener().await;
    let error = question(address).ask().await.unwrap_err();
    assert!(matches!(error, PodLinkError::Timeout { limit: PERIOD, .. }), "{error}");
}

/// A watcher whose clock shows half a minute, and what it has to do with.
struct Scene {
    watcher: Watcher,
    ends: CacheEnds,
    posts: Posts,
}

fn pod(name: &str, node: &str) -> Pod {
    pod_object(json!({"metadata": {"name": name, "uid": format!("{name}-uid")}, "spec": {"nodeName": node}}))
}

impl Scene {
    fn new(pods: &[Pod]) -> Self {
        let (_, client) = ScriptedServer::start(vec![]);
        let (cache, mut ends) = ClusterCache::new(client, "harbor".into(), defaults());
        ends.pools.apply_watcher_event(&Event::Apply(DeserializeGuard(Ok(pool_object(json!({}))))));
        for pod in pods {
            ends.pods.apply_watcher_event(&Event::Apply(pod.clone()));
            cache.on_pod_event(&Event::Apply(pod.clone()));
        }
        let metrics = OperatorMetrics::register(&prometheus::Registry::new());
        let (events, posts) = channel(&metrics.events);
        let zero = Instant::now().checked_sub(Duration::from_secs(30)).unwrap();
        let lookout = Lookout { zero, ..Lookout::new() };
        let targets = cache.state().views.pods().map(|pod| target_of(pod)).collect();
        lookout.heartbeats().expect(targets, Moment::ZERO);
        let watcher = Watcher::new(lookout, cache, events, metrics);
        Self { watcher, ends, posts }
    }

    /// These pods have just responded, and the others twice failed to.
    fn hear(&self, pods: &[&str]) {
        let (mut heartbeats, now) = (self.watcher.lookout.heartbeats(), self.watcher.lookout.now());
        for pod in self.watcher.cache.state().views.pods() {
            if pods.contains(&pod.name.as_str()) {
                heartbeats.respond(&pod.uid, now);
            } else {
                heartbeats.fail(&pod.uid);
                heartbeats.fail(&pod.uid);
            }
        }
    }

    fn bind(&self, name: &str, pod: &str) {
        let status = json!({"pod": {"name": pod, "uid": format!("{pod}-uid")}});
        let mut meeting: Meeting = meeting_object(json!({"pool": "lagoon"}), status);
        (meeting.metadata.name, meeting.metadata.uid) = (Some(name.into()), Some(format!("{name}-uid")));
        self.watcher.cache.on_meeting_event(&Event::Apply(DeserializeGuard(Ok(meeting))));
        self.requested();
    }

    /// The meetings that were enqueued.
    fn requested(&self) -> Vec<String> {
        let queue = &self.watcher.cache.meeting_queue;
        let keys = std::iter::from_fn(|| queue.take()).inspect(|key| queue.begin(key));
        keys.map(|key| key.name.clone()).collect()
    }

    fn is_silent(&self, pod: &str) -> bool {
        self.watcher.cache.state().views.pods().any(|view| view.name == pod && view.is_silent())
    }

    fn notes(&mut self) -> Vec<&'static str> {
        self.posts.take().into_iter().map(|note| note.reason).collect()
    }

    fn metrics(&self) -> (i64, i64) {
        let silence = &self.watcher.metrics.silence;
        (silence.pods.get(), silence.cut_off.get())
    }
}

#[tokio::test]
async fn the_meetings_of_a_silent_pod_are_reconciled_and_its_pool_says_why() {
    let mut scene = Scene::new(&[pod("a", "pier-1"), pod("b", "pier-2")]);
    scene.bind("regatta", "b");
    scene.bind("briefing", "a");
    scene.hear(&["a", "b"]);
    scene.watcher.act();
    assert_eq!((scene.requested(), scene.notes()), (vec![], vec![]));
    scene.watcher.lookout.zero -= SILENCE;
    scene.hear(&["a"]);
    scene.watcher.act();
    assert!(scene.is_silent("b") && !scene.is_silent("a"));
    assert_eq!((scene.requested(), scene.metrics()), (vec!["regatta".to_owned()], (1, 0)));
    assert_eq!(scene.notes(), ["PodSilent"]);
    // A heartbeat of its node changes nothing, and nothing is said twice.
    scene.watcher.cache.on_pod_event(&Event::Apply(pod("b", "pier-2")));
    scene.requested();
    scene.watcher.act();
    assert!(scene.is_silent("b") && scene.requested().is_empty() && scene.notes().is_empty());

    scene.hear(&["a", "b"]);
    scene.watcher.act();
    assert!(!scene.is_silent("b"));
    assert_eq!((scene.requested(), scene.metrics()), (vec!["regatta".to_owned()], (0, 0)));
    assert_eq!(scene.notes(), ["PodReturned"]);
}

#[tokio::test]
async fn a_pod_that_is_silent_again_and_again_is_used_once_it_has_responded_for_a_while() {
    let mut scene = Scene::new(&[pod("a", "pier-1"), pod("b", "pier-2")]);
    let why = |scene: &Scene| {
        let state = scene.watcher.cache.state();
        state.views.pods().find(|view| view.name == "b").and_then(|view| view.reason().map(|why| why.message.clone()))
    };
    scene.hear(&["a", "b"]);
    for is_first in [true, false] {
        scene.watcher.lookout.zero -= SILENCE;
        scene.hear(&["a"]);
        scene.watcher.act();
        let silent = why(&scene);
        assert!(scene.is_silent("b") && silent.is_some());
        scene.hear(&["a", "b"]);
        scene.watcher.act();
        assert_eq!(scene.is_silent("b"), !is_first);
        assert!(is_first || why(&scene) != silent, "its rooms are requested, and its pool says why it is not used");
    }
    assert_eq!(scene.notes(), ["PodSilent", "PodReturned", "PodSilent"]);
    for _ in 0..4 {
        scene.hear(&["a", "b"]);
    }
    scene.watcher.act();
    assert!(!scene.is_silent("b"));
    assert_eq!(scene.notes(), ["PodReturned"]);
}

#[tokio::test]
async fn a_pod_that_answers_every_other_question_is_no_news_each_time() {
    let mut scene = Scene::new(&[pod("a", "pier-1"), pod("b", "pier-2")]);
    scene.bind("regatta", "b");
    scene.hear(&["a", "b"]);
    for _ in 0..2 {
        scene.watcher.lookout.zero -= SILENCE;
        scene.hear(&["a"]);
        scene.watcher.act();
        scene.hear(&["a", "b"]);
        scene.watcher.act();
    }
    assert_eq!((scene.is_silent("b"), scene.requested()), (true, vec!["regatta".to_owned()]));
    for heard in [&["a"][..], &["a", "b"], &["a"], &["a", "b"]] {
        scene.watcher.lookout.zero -= PERIOD;
        scene.hear(heard);
        scene.watcher.act();
        assert!(scene.is_silent("b") && scene.requested().is_empty(), "{heard:?}");
    }
    scene.watcher.lookout.zero -= SILENCE;
    scene.hear(&["a"]);
    scene.watcher.act();
    assert_eq!(scene.requested(), ["regatta"], "it no longer responds at all");
}

#[tokio::test]
async fn a_silent_pod_whose_node_restarts_is_judged_anew_with_its_next_address() {
    let at = |ip: Option<&str>| {
        let status = ip.map_or_else(|| json!({"podIP": null}), |ip| json!({"podIP": ip}));
        pod_object(json!({"metadata": {"name": "b", "uid": "b-uid"}, "spec": {"nodeName": "pier-2"}, "status": status}))
    };
    let mut scene = Scene::new(&[pod("a", "pier-1"), pod("b", "pier-2")]);
    scene.hear(&["a", "b"]);
    scene.watcher.lookout.zero -= SILENCE;
    scene.hear(&["a"]);
    scene.watcher.act();
    assert!(scene.is_silent("b"));
    for object in [at(None), at(Some("10.0.0.99"))] {
        scene.ends.pods.apply_watcher_event(&Event::Apply(object.clone()));
        scene.watcher.cache.on_pod_event(&Event::Apply(object));
        let pods: Vec<_> = scene.watcher.cache.state().views.pods().cloned().collect();
        scene.watcher.lookout.ask(&pods);
        scene.watcher.act();
        assert!(!scene.is_silent("b"));
    }
    assert_eq!((scene.metrics(), scene.notes()), ((0, 0), vec!["PodSilent"]));
}

#[tokio::test]
async fn an_operator_that_stood_still_gives_the_pods_more_time() {
    for (passed, is_silent) in [(LATE, true), (LATE * 2, false)] {
        let mut scene = Scene::new(&[pod("a", "pier-1"), pod("b", "pier-2")]);
        scene.hear(&["a", "b"]);
        scene.watcher.lookout.zero -= SILENCE;
        scene.hear(&["a"]);
        scene.watcher.lookout.allow_for(passed);
        scene.watcher.act();
        assert_eq!(scene.is_silent("b"), is_silent, "{passed:?}");
    }
}

#[tokio::test]
async fn an_operator_that_is_cut_off_says_so_once_and_moves_nothing() {
    let mut scene = Scene::new(&[pod("a", "pier-1"), pod("b", "pier-2")]);
    scene.bind("regatta", "b");
    scene.hear(&["a", "b"]);
    scene.watcher.lookout.zero -= SILENCE;
    scene.hear(&[]);
    for _ in 0..2 {
        scene.watcher.act();
    }
    assert!(!scene.is_silent("a") && !scene.is_silent("b") && scene.requested().is_empty());
    assert_eq!((scene.notes(), scene.metrics()), (vec!["OperatorCutOff"], (0, 1)));
    scene.hear(&["a", "b"]);
    scene.watcher.act();
    assert_eq!((scene.notes(), scene.metrics()), (vec![], (0, 0)));
}

#[tokio::test]
async fn a_silent_pod_that_is_being_deleted_or_gone_does_not_return() {
    let leaving = pod_object(json!({
        "metadata": {"name": "b", "uid": "b-uid", "deletionTimestamp": "2026-11-30T10:00:00Z"}, "spec": {"nodeName": "pier-2"},
    }));
    for event in [Event::Apply(leaving), Event::Delete(pod("b", "pier-2"))] {
        let mut scene = Scene::new(&[pod("a", "pier-1"), pod("b", "pier-2")]);
        scene.hear(&["a", "b"]);
        scene.watcher.lookout.zero -= SILENCE;
        scene.hear(&["a"]);
        scene.watcher.act();
        assert_eq!((scene.notes(), scene.metrics()), (vec!["PodSilent"], (1, 0)));
        scene.ends.pods.apply_watcher_event(&event);
        scene.watcher.cache.on_pod_event(&event);
        let left: Vec<_> = scene.watcher.cache.state().views.pods().cloned().collect();
        scene.watcher.lookout.ask(&left);
        scene.watcher.act();
        assert_eq!((scene.notes(), scene.metrics()), (vec![], (0, 0)), "{event:?}");
        let can_hand_over = |view: &Arc<MediaPod>| view.name == "b" && view.can_hand_over();
        assert!(!scene.watcher.cache.state().views.pods().any(can_hand_over), "it would be sent requests: {event:?}");
    }
}

#[tokio::test]
async fn a_leader_knows_what_it_learned_as_a_standby() {
    let address = |port: u16| -> Value {
        json!({"status": {"podIP": "127.0.0.1"}, "spec": {"containers": [
            {"name": "media-pod", "ports": [{"name": "http", "containerPort": port}, {"name": "rtc-0", "containerPort": 41000}]},
        ]}})
    };
    let (server, at) = listener().await;
    let serving = tokio::spawn(async move { axum::serve(server, Router::new()).await });
    let object = pod_object(address(at.port()));
    let mut lookout = Lookout::new();
    lookout
        .watch(futures_util::stream::iter([Ok(Event::Init), Ok(Event::InitApply(object.clone())), Ok(Event::InitDone)]))
        .await;
    let heard = async {
        while lookout.heartbeats().last_response("pod-uid").is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), heard).await.expect("it was asked");
    let before = lookout.heartbeats().last_response("pod-uid");
    serving.abort();
    let _ = serving.await;
    lookout.ask(&[Arc::new(MediaPod::from_pod(&object))]);
    assert!(lookout.heartbeats().last_response("pod-uid") >= before, "nothing is forgotten");
    assert_eq!(lookout.questions.len(), 1);
    lookout.ask(&[]);
    assert!(lookout.questions.is_empty() && lookout.heartbeats().last_response("pod-uid").is_none());
}
