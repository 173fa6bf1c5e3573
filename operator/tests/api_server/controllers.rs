//! The operator and its CRDs against a real API server: what the API server accepts and rejects, and the whole life of a meeting. There is
//! no kubelet here: tests write the status of pods, and a small server responds in their place.

#![allow(clippy::unused_async, reason = "handlers must be async")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::{
    ApiServer, HOME,
    objects::{
        bind_pod, create, http_request, install_definitions, make_namespaces, make_node, media_pods, meeting, pool,
    },
    wait_for,
};
use axum::{
    Router,
    extract::{Path, Query, State},
    http::HeaderMap,
    routing::{delete, get},
};
use convene_crds::{AccessPolicy, Exposure, MediaPool, Meeting, MeetingPhase, MeetingPlacement, NamespacesFrom, names};
use convene_operator::{
    ClusterCache, Config, Intervals, OtherWriters, PodDefaults, PodLink, run, run_prober, watch_others, watch_pools,
};
use convene_protocol::{
    admin::{RoomList, RoomReport},
    admission::KeySet,
};
use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, Secret};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

const SHORT: Duration = Duration::from_secs(20);

/// Sends the object as it is: the Rust types would not allow some of these mistakes.
async fn refusal(client: &Client, object: &Value) -> String {
    let plural = if object["kind"] == "Meeting" { "meetings" } else { "mediapools" };
    let namespace = object["metadata"]["namespace"].as_str().unwrap();
    let uri = format!("/apis/convene.dev/v1alpha1/namespaces/{namespace}/{plural}");
    let request = http_request("POST", &uri, object);
    match client.request::<Value>(request).await {
        Err(kube::Error::Api(answer)) => answer.message.clone(),
        other => panic!("{object} was not refused: {other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs the test cluster's binaries: make test-api-server"]
async fn mistakes_are_rejected_with_a_remedy() {
    let server = ApiServer::start("refusals").await;
    let client = &server.client;
    make_namespaces(client).await;
    install_definitions(client).await;
    let ports = json!({"min": 41000, "max": 41039});
    let cases = [
        (meeting("a", json!({"maxParticipants": 0})), "should be greater than or equal to 1"),
        (meeting("a", json!({"maxParticipants": 10_001})), "should be less than or equal to 10000"),
        (meeting("a", json!({"maxParticipants": "many"})), "must be of type integer"),
        (meeting("a", json!({"title": "x".repeat(201)})), "200"),
        (meeting("a", json!({"pool": "Big_One"})), "pool must be the name of a MediaPool"),
        (pool("p", json!({})), "rtcPorts: Required value"),
        (pool("p", json!({"rtcPorts": {"min": 80, "max": 90}})), "should be greater than or equal to 1024"),
        (pool("p", json!({"rtcPorts": {"min": 41039, "max": 41000}})), "swap them"),
        (
            pool("p", json!({"rtcPorts": {"min": 41000, "max": 41001}, "workersPerPod": 3})),
            "too small for a single pod",
        ),
        (
            pool("p", json!({"rtcPorts": ports, "exposure": "Magic"})),
            "supported values: \"HostPort\", \"HostNetwork\", \"NodePort\", \"LoadBalancer\", \"PodIP\"",
        ),
        (pool("p", json!({"rtcPorts": ports, "warm": 3, "max": 2})), "raise max"),
        (
            pool("p", json!({"rtcPorts": ports, "announcedAddress": {"policy": "Fixed"}})),
            "is required when policy is Fixed",
        ),
        (
            pool("p", json!({"rtcPorts": ports, "announcedAddress": {"policy": "Fixed", "addresses": ["media.test"]}})),
            "host names are not supported",
        ),
        (pool(&"p".repeat(41), json!({"rtcPorts": ports})), "at most 40"),
        (
            meeting("a", json!({"startsAt": "2026-12-01T10:00:00Z", "endsAt": "2026-12-01T09:00:00Z"})),
            "endsAt must be after startsAt",
        ),
        (
            meeting("a", json!({"startsAt": "2026-12-01T10:00:00Z", "endsAt": "2026-12-01T10:00:00Z"})),
            "endsAt must be after startsAt",
        ),
        (meeting("a", json!({"startsAt": "tomorrow"})), "must be of type date-time"),
        (meeting("a", json!({"ttlAfterEnded": 31_536_001})), "should be less than or equal to 31536000"),
        (meeting("a", json!({"placement": "Alone"})), "supported values: \"Shared\", \"Dedicated\""),
        (meeting("a", json!({"access": {"policy": "Secret"}})), "supported values: \"Open\", \"Token\", \"Lobby\""),
        (meeting("a", json!({"media": {"maxSendKbps": 49}})), "should be greater than or equal to 50"),
        (
            pool("p", json!({"rtcPorts": ports, "allowedNamespaces": {"from": "Selector"}})),
            "selector is required when from is Selector",
        ),
        (
            pool("p", json!({"rtcPorts": ports, "allowedNamespaces": {"from": "Same", "selector": {}}})),
            "selector is required when from is Selector",
        ),
        (
            pool("p", json!({"rtcPorts": ports, "iceServers": [{"urls": ["https://turn.test"]}]})),
            "must start with stun:, stuns:, turn: or turns:",
        ),
        (pool("p", json!({"rtcPorts": ports, "iceServers": [{"urls": []}]})), "should have at least 1 items"),
        (pool("p", json!({"rtcPorts": ports, "drain": {"pace": 0}})), "should be greater than or equal to 1"),
        (
            pool("p", json!({"rtcPorts": ports, "namespaceLimits": {"meetings": 0}})),
            "should be greater than or equal to 1",
        ),
        (pool("p", json!({"rtcPorts": ports, "namespaceLimits": {"meetings": 1, "dedicated": 2}})), "raise meetings"),
        (
            pool("p", json!({"rtcPorts": ports, "dedicatedNamespaces": {"from": "Selector"}})),
            "selector is required when from is Selector",
        ),
        (pool("p", json!({"rtcPorts": ports, "plainRtp": {"destinations": ["10.20.0.1"]}})), "CIDR notation"),
        (
            pool("p", json!({"rtcPorts": ports, "metricsPorts": {"min": 30000, "max": 30999}})),
            "only be set with exposure HostNetwork",
        ),
        (
            pool(
                "p",
                json!({"rtcPorts": ports, "exposure": "HostNetwork", "metricsPorts": {"min": 41039, "max": 41999}}),
            ),
            "must not overlap",
        ),
    ];
    let mut others = Vec::new();
    for (object, sentence) in cases {
        let message = refusal(client, &object).await;
        if !message.contains(sentence) {
            others.push(format!("{object} should say {sentence:?}: {message}"));
        }
    }
    assert!(others.is_empty(), "{others:#?}");
}

#[tokio::test]
#[ignore = "needs the test cluster's binaries: make test-api-server"]
async fn defaults_are_filled_in_and_the_pool_stays() {
    let server = ApiServer::start("defaults").await;
    let client = &server.client;
    make_namespaces(client).await;
    install_definitions(client).await;
    let meetings: Api<Meeting> = Api::namespaced(client.clone(), "crew");
    let made = create(&meetings, meeting("regatta", json!({}))).await;
    assert_eq!((made.spec.pool.as_str(), made.spec.max_participants, made.spec.empty_timeout), ("default", 50, 300));
    assert_eq!(
        (made.spec.placement, made.spec.access.policy, made.spec.locked),
        (MeetingPlacement::Shared, AccessPolicy::Open, false)
    );
    assert!(made.spec.features.chat && made.spec.features.screen_share && !made.spec.features.recording);
    for (change, sentence) in
        [(json!({"pool": "other"}), "pool is immutable"), (json!({"placement": "Dedicated"}), "placement is immutable")]
    {
        let change = Patch::Merge(json!({ "spec": change }));
        let answer = meetings.patch("regatta", &PatchParams::default(), &change).await.unwrap_err();
        assert!(answer.to_string().contains(sentence), "{answer}");
    }
    let pools: Api<MediaPool> = Api::namespaced(client.clone(), HOME);
    let resources = json!({"requests": {"cpu": 1, "memory": "64Mi"}});
    let made =
        create(&pools, pool("lagoon", json!({"rtcPorts": {"min": 41000, "max": 41039}, "resources": resources}))).await;
    assert_eq!(
        (made.spec.workers_per_pod, made.spec.warm, made.spec.max, made.spec.capacity.participants),
        (1, 1, 10, 200)
    );
    assert_eq!((made.spec.exposure, made.spec.allowed_namespaces.from), (Exposure::HostPort, NamespacesFrom::All));
    assert_eq!((made.spec.drain.deadline_seconds, made.spec.drain.pace, made.spec.rollout.max_surge), (300, 20, 1));
    assert!(made.spec.probe_media);
    let limits = made.spec.namespace_limits;
    assert_eq!((limits.meetings, limits.dedicated, made.spec.plain_rtp.destinations.len()), (None, 1, 0));
}

/// An operator that runs until this is dropped, or until it is requested to stop.
struct RunningOperator {
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<Result<(), convene_operator::RunError>>,
}

impl RunningOperator {
    async fn start(client: &Client) -> Self {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), HOME);
        let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), HOME);
        if secrets.get_opt("lagoon-key").await.unwrap().is_none() {
            create(&secrets, json!({"metadata": {"name": "lagoon-key"}})).await;
            create(&config_maps, json!({"metadata": {"name": "lagoon-keys"}})).await;
        }
        let config = Config {
            namespace: HOME.into(),
            public_url: "https://meet.test".into(),
            defaults: PodDefaults { image: "registry.test/media:1".into(), admission_keys: "lagoon-keys".into() },
            admission_key_secret: "lagoon-key".into(),
            listen: "127.0.0.1:0".parse().unwrap(),
            lease: None,
            key_rotation: None,
            intervals: Intervals::default(),
        };
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(client.clone(), config, convene_service::log::LogHealth::default(), async {
            let _ = stopped.await;
        }));
        Self { stop: Some(stop), task }
    }

    async fn stop(mut self) {
        drop(self.stop.take());
        tokio::time::timeout(SHORT, &mut self.task).await.expect("ends when asked to").unwrap().unwrap();
    }
}

async fn wait_for_pods(client: &Client, count: usize, unlike: &[String]) -> Vec<Pod> {
    wait_for("media pods", SHORT, async || {
        let pods: Vec<_> =
            media_pods(client).await.into_iter().filter(|pod| !unlike.contains(&pod.uid().unwrap())).collect();
        if pods.len() == count { Ok(pods) } else { Err(format!("there are {}, not {count}", pods.len())) }
    })
    .await
}

async fn wait_for_phase(client: &Client, name: &str, phase: MeetingPhase) -> Meeting {
    let api: Api<Meeting> = Api::namespaced(client.clone(), "crew");
    wait_for(&format!("meeting {name} {phase:?}"), SHORT, async || {
        let meeting = api.get(name).await.unwrap();
        let found = meeting.status.as_ref().and_then(|status| status.phase);
        if found == Some(phase) { Ok(meeting) } else { Err(format!("{:?}", meeting.status)) }
    })
    .await
}

/// Does the work of scheduler and kubelet.
async fn make_pod_ready(client: &Client, pod: &Pod, ip: &str) {
    let name = pod.name_any();
    bind_pod(client, &name, "pier-1").await.unwrap();
    let status = json!({"status": {
        "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}],
        "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
    }});
    let api: Api<Pod> = Api::namespaced(client.clone(), HOME);
    api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
}

fn condition_reason(meeting: &Meeting, type_: &str) -> String {
    let conditions = &meeting.status.as_ref().unwrap().conditions;
    conditions
        .iter()
        .find(|condition| condition.type_ == type_)
        .map(|condition| condition.reason.clone())
        .unwrap_or_default()
}

async fn event_reasons(client: &Client, namespace: &str, name: &str) -> Vec<String> {
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    let events = api.list(&ListParams::default()).await.unwrap().items;
    events
        .into_iter()
        .filter(|event| event.involved_object.name.as_deref() == Some(name))
        .filter_map(|event| event.reason)
        .collect()
}

/// Creates the namespaces, the CRDs and a node.
async fn make_harbor(client: &Client) {
    make_namespaces(client).await;
    install_definitions(client).await;
    make_node(client, "pier-1", "203.0.113.7").await;
}

/// An API server with the namespaces, a node, and a running operator.
struct Harbor {
    server: ApiServer,
    operator: RunningOperator,
    meetings: Api<Meeting>,
    pools: Api<MediaPool>,
}

impl Harbor {
    async fn open(test: &str) -> Self {
        let server = ApiServer::start(test).await;
        make_harbor(&server.client).await;
        let operator = RunningOperator::start(&server.client).await;
        let meetings = Api::namespaced(server.client.clone(), "crew");
        let pools = Api::namespaced(server.client.clone(), HOME);
        Self { server, operator, meetings, pools }
    }
}

/// Serves the admin API in place of the media pods: rooms by UID of their meeting.
#[derive(Clone, Default)]
struct FakePods {
    rooms: Arc<Mutex<BTreeMap<String, RoomReport>>>,
    ended: Arc<Mutex<Vec<String>>>,
    keys: Arc<Mutex<Option<KeySet>>>,
}

impl FakePods {
    /// They accept tokens of the pool's key.
    async fn without_rooms(client: &Client) -> Self {
        let keys: ConfigMap = Api::namespaced(client.clone(), HOME).get("lagoon-keys").await.unwrap();
        let keys = KeySet::from_jwks(&keys.data.unwrap()[names::ADMISSION_KEYS_FILE]).unwrap();
        let fake = Self::default();
        *fake.keys.lock().unwrap() = Some(keys);
        fake
    }

    /// The regatta has three participants.
    async fn with_regatta(client: &Client, uid: &str, recording: bool) -> Self {
        let (namespace, name) = ("crew".to_owned(), "regatta".to_owned());
        let room =
            RoomReport { namespace, name, uid: uid.to_owned(), participants: 3, recording, ..RoomReport::default() };
        let fake = Self::without_rooms(client).await;
        fake.rooms.lock().unwrap().insert(uid.to_owned(), room);
        fake
    }

    /// They stop, and refuse connections, when the handle is dropped.
    async fn start(&self, ip: &str) -> AbortOnDropHandle<()> {
        let app = Router::new()
            .route("/admin/v1/rooms", get(Self::list))
            .route("/admin/v1/rooms/{namespace}/{name}", delete(Self::end))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind((ip, names::MEDIA_HTTP_PORT)).await.unwrap();
        AbortOnDropHandle::new(tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }))
    }

    fn check(&self, headers: &HeaderMap) {
        let token = headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
        let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
        assert_eq!(self.keys.lock().unwrap().as_ref().unwrap().verify_admin(token, now), Ok(()));
    }

    /// On a connection of its own, which ends with the server.
    async fn list(
        State(fake): State<Self>,
        headers: HeaderMap,
    ) -> ([(&'static str, &'static str); 1], axum::Json<RoomList>) {
        fake.check(&headers);
        let rooms = fake.rooms.lock().unwrap().values().cloned().collect();
        (
            [("connection", "close")],
            axum::Json(RoomList { version: 1, process: 1, rooms, draining: false, ending: false, link: None }),
        )
    }

    async fn end(
        State(fake): State<Self>,
        Path(room): Path<(String, String)>,
        Query(query): Query<BTreeMap<String, String>>,
        headers: HeaderMap,
    ) {
        fake.check(&headers);
        fake.rooms.lock().unwrap().remove(&query["uid"]);
        fake.ended.lock().unwrap().push(format!("{}/{} {}", room.0, room.1, query["reason"]));
    }
}

async fn pod_of_regatta(client: &Client) -> (Option<MeetingPhase>, Option<String>) {
    let meetings: Api<Meeting> = Api::namespaced(client.clone(), "crew");
    let status = meetings.get("regatta").await.unwrap().status.unwrap_or_default();
    (status.phase, status.pod.map(|pod| pod.uid))
}

/// No kubelet runs in this test: the object of the pod says to the end that it is ready.
#[tokio::test]
#[ignore = "needs the test cluster's binaries: make test-api-server"]
async fn a_meeting_leaves_a_pod_that_refuses_connections_before_kubernetes_notices() {
    let Harbor { server, operator, meetings, pools } = Harbor::open("refusal").await;
    let client = &server.client;
    create(&pools, pool("lagoon", json!({"rtcPorts": {"min": 41000, "max": 41009}, "max": 2}))).await;
    create(&meetings, meeting("regatta", json!({"pool": "lagoon"}))).await;
    let first = wait_for_pods(client, 1, &[]).await.remove(0);
    make_pod_ready(client, &first, "127.72.0.1").await;
    let uid = wait_for_phase(client, "regatta", MeetingPhase::Ready).await.uid().unwrap();
    let spare = wait_for_pods(client, 1, &[first.uid().unwrap()]).await.remove(0);
    make_pod_ready(client, &spare, "127.72.0.2").await;
    let fake = FakePods::with_regatta(client, &uid, false).await;
    let spare_serves = FakePods::without_rooms(client).await.start("127.72.0.2").await;
    let first_serves = fake.start("127.72.0.1").await;
    wait_for("three participants", SHORT, async || {
        let participants = meetings.get("regatta").await.unwrap().status.unwrap().participants;
        if participants == Some(3) { Ok(()) } else { Err(format!("{participants:?}")) }
    })
    .await;

    drop(first_serves);
    let on = |pod: &Pod| (Some(MeetingPhase::Ready), pod.uid());
    wait_for("the meeting on the spare pod", SHORT, async || {
        let found = pod_of_regatta(client).await;
        if found == on(&spare) { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;

    // It can return to the first pod as soon as that responds again.
    let _first_serves = fake.start("127.72.0.1").await;
    drop(spare_serves);
    wait_for("the meeting on the first pod", SHORT, async || {
        let found = pod_of_regatta(client).await;
        if found == on(&first) { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
    operator.stop().await;
}

#[tokio::test]
#[ignore = "needs the test cluster's binaries: make test-api-server"]
#[allow(clippy::too_many_lines, reason = "one story, in order")]
async fn a_meeting_goes_the_whole_way() {
    let Harbor { server, operator, meetings, pools } = Harbor::open("story").await;
    let client = &server.client;
    let pods: Api<Pod> = Api::namespaced(client.clone(), HOME);

    // No pool: the status says so, and the meeting continues automatically when the pool is created.
    create(&meetings, meeting("regatta", json!({"pool": "lagoon", "title": "Regatta"}))).await;
    let waiting = wait_for_phase(client, "regatta", MeetingPhase::Pending).await;
    assert_eq!(condition_reason(&waiting, "Accepted"), "PoolNotFound");
    create(&pools, pool("lagoon", json!({"rtcPorts": {"min": 41000, "max": 41009}, "workersPerPod": 2, "max": 3})))
        .await;
    let first = wait_for_pods(client, 1, &[]).await.remove(0);
    assert_eq!(first.annotations()[names::ANNOTATION_RTC_PORTS], "41000-41001");
    wait_for("the reason NoPodReady", SHORT, async || {
        let reason = condition_reason(&meetings.get("regatta").await.unwrap(), "Ready");
        if reason == "NoPodReady" { Ok(()) } else { Err(reason) }
    })
    .await;

    // The pod becomes ready: it gets its address, the meeting is assigned to it, and a spare pod is created.
    make_pod_ready(client, &first, "127.71.0.1").await;
    let ready = wait_for_phase(client, "regatta", MeetingPhase::Ready).await;
    let status = ready.status.as_ref().unwrap();
    assert_eq!(status.join_url.as_deref(), Some("https://meet.test/m/crew/regatta"));
    assert_eq!(status.pod.as_ref().unwrap().uid, first.uid().unwrap());
    assert_eq!(status.observed_generation, ready.metadata.generation);
    wait_for("the announced address", SHORT, async || {
        let pod = pods.get(&first.name_any()).await.unwrap();
        let told = pod.annotations().get(names::ANNOTATION_ANNOUNCED_ADDRESSES).cloned();
        if told.as_deref() == Some("203.0.113.7") { Ok(()) } else { Err(format!("{told:?}")) }
    })
    .await;
    let spare = wait_for_pods(client, 1, &[first.uid().unwrap()]).await.remove(0);
    assert_ne!(spare.annotations()[names::ANNOTATION_RTC_PORTS], "41000-41001");
    make_pod_ready(client, &spare, "127.71.0.2").await;

    // Participants join: their number reaches the status, over a link with a token of the key that the operator generated.
    let uid = ready.uid().unwrap();
    let fake = FakePods::with_regatta(client, &uid, true).await;
    let _serving = fake.start("127.71.0.1").await;
    wait_for("three participants, who are recorded", SHORT, async || {
        let status = meetings.get("regatta").await.unwrap().status.unwrap();
        if status.participants == Some(3) && status.recording { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await;

    // Without changes nothing is written, once the media ports have been probed.
    wait_for("the results of the probes", SHORT, async || {
        let is_probed = |pod: &Pod| {
            let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
            conditions.into_iter().any(|condition| condition.type_ == names::POD_CONDITION_MEDIA_REACHABLE)
        };
        let pods = media_pods(client).await;
        if pods.iter().all(is_probed) {
            Ok(())
        } else {
            Err(format!("{:?}", pods.iter().map(is_probed).collect::<Vec<_>>()))
        }
    })
    .await;
    let settled = settle(client).await;
    tokio::time::sleep(Duration::from_secs(6)).await; // longer than a round of the room keeper
    assert_eq!(resource_versions(client).await, settled, "something was written although nothing changed");

    // The pod is lost: the meeting moves to the spare pod immediately, and another spare pod is created on other ports.
    pods.delete(&first.name_any(), &DeleteParams::default().grace_period(0)).await.unwrap();
    wait_for("the meeting on the spare pod", SHORT, async || {
        let status = meetings.get("regatta").await.unwrap().status.unwrap();
        let is_moved = status.phase == Some(MeetingPhase::Ready)
            && status.pod.as_ref().map(|pod| &pod.uid) == spare.uid().as_ref()
            && !status.recording;
        if is_moved { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await;
    let third = wait_for_pods(client, 1, &[first.uid().unwrap(), spare.uid().unwrap()]).await.remove(0);
    assert_eq!(third.annotations()[names::ANNOTATION_RTC_PORTS], "41004-41005", "freed ports rest for a while");
    let reasons = event_reasons(client, "crew", "regatta").await;
    // While its object says that it is ready, a pod that is being deleted receives the request for a handover.
    for reason in [["Reassigned", "MoveFellBack"], ["RecordingStarted"; 2], ["RecordingStopped"; 2]] {
        assert!(reasons.iter().any(|told| reason.contains(&told.as_str())), "{reason:?}: {reasons:?}");
    }

    // The operator is down while the meeting is deleted: the next process ends the room.
    operator.stop().await;
    let _serving = fake.start("127.71.0.2").await;
    meetings.delete("regatta", &DeleteParams::default()).await.unwrap();
    let operator = RunningOperator::start(client).await;
    wait_for("the end of the room", SHORT, async || {
        let ended = fake.ended.lock().unwrap().clone();
        if ended.contains(&"crew/regatta ended".to_owned()) { Ok(()) } else { Err(format!("{ended:?}")) }
    })
    .await;
    let reasons = event_reasons(client, HOME, "lagoon").await;
    assert!(reasons.contains(&"PodCreated".to_owned()), "{reasons:?}");
    operator.stop().await;
}

#[tokio::test]
#[ignore = "needs the test cluster's binaries: make test-api-server"]
async fn a_deleted_pool_waits_for_its_participants_until_its_deadline() {
    let Harbor { server, operator, meetings, pools } = Harbor::open("removal").await;
    let client = &server.client;
    let ports = json!({"min": 41000, "max": 41009});
    let spec = json!({"rtcPorts": ports, "max": 1, "drain": {"deadlineSeconds": 10}});
    create(&pools, pool("lagoon", spec)).await;
    let pod = wait_for_pods(client, 1, &[]).await.remove(0);
    assert_eq!(pools.get("lagoon").await.unwrap().finalizers(), [names::FINALIZER_DRAIN]);
    make_pod_ready(client, &pod, "127.71.0.4").await;
    create(&meetings, meeting("regatta", json!({"pool": "lagoon"}))).await;
    let uid = wait_for_phase(client, "regatta", MeetingPhase::Ready).await.uid().unwrap();
    let fake = FakePods::with_regatta(client, &uid, false).await;
    let _serving = fake.start("127.71.0.4").await;
    wait_for("three participants", SHORT, async || {
        let count = meetings.get("regatta").await.unwrap().status.unwrap().participants;
        if count == Some(3) { Ok(()) } else { Err(format!("{count:?}")) }
    })
    .await;

    // The pool also has a foreign finalizer. Its status reports the participants, and it takes no other meeting.
    let both = json!({"metadata": {"finalizers": [names::FINALIZER_DRAIN, "crew.test/log"]}});
    pools.patch("lagoon", &PatchParams::default(), &Patch::Merge(&both)).await.unwrap();
    pools.delete("lagoon", &DeleteParams::default()).await.unwrap();
    let deleted = std::time::Instant::now();
    wait_for("the pool's reason", SHORT, async || {
        let status = pools.get("lagoon").await.unwrap().status.unwrap();
        let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap().clone();
        let is_told =
            ready.reason == "Deleting" && ready.message.contains("3 participants on 1 media pod can stay until");
        if is_told { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;
    create(&meetings, meeting("late", json!({"pool": "lagoon"}))).await;
    wait_for("a meeting that comes too late", SHORT, async || {
        let late = meetings.get("late").await.unwrap();
        let reason = late.status.as_ref().map(|_| condition_reason(&late, "Ready"));
        if reason.as_deref() == Some("PoolDeleting") { Ok(()) } else { Err(format!("{reason:?}")) }
    })
    .await;
    assert_eq!(wait_for_phase(client, "regatta", MeetingPhase::Draining).await.status.unwrap().participants, Some(3));

    // Participants are notified at the deadline, not before; then the pod is deleted, the meetings report it, and only the foreign
    // finalizer is left.
    wait_for("the end of the room", SHORT, async || {
        let ended = fake.ended.lock().unwrap().clone();
        if ended == ["crew/regatta ended"] { Ok(()) } else { Err(format!("{ended:?}")) }
    })
    .await;
    assert!(deleted.elapsed() > Duration::from_secs(8), "after {:?}", deleted.elapsed());
    wait_for("the pool without our finalizer", SHORT, async || {
        let finalizers = pools.get("lagoon").await.unwrap().finalizers().to_vec();
        if finalizers == ["crew.test/log"] { Ok(()) } else { Err(format!("{finalizers:?}")) }
    })
    .await;
    let status = meetings.get("regatta").await.unwrap().status.unwrap();
    assert!(status.pod.is_none() && status.phase == Some(MeetingPhase::Pending), "{status:?}");
    assert!(media_pods(client).await.iter().all(|pod| pod.metadata.deletion_timestamp.is_some()));
    let none = json!({"metadata": {"finalizers": null}});
    pools.patch("lagoon", &PatchParams::default(), &Patch::Merge(&none)).await.unwrap();
    wait_for("meetings without a pool", SHORT, async || {
        let mut reasons = Vec::new();
        for name in ["regatta", "late"] {
            reasons.push(condition_reason(&meetings.get(name).await.unwrap(), "Ready"));
        }
        if reasons == ["PoolNotFound", "PoolNotFound"] { Ok(()) } else { Err(format!("{reasons:?}")) }
    })
    .await;
    let reasons = event_reasons(client, HOME, "lagoon").await;
    for reason in ["Deleting", "PoolDeleting", "DrainDeadline", "Drained"] {
        assert!(reasons.iter().any(|found| found == reason), "{reason}: {reasons:?}");
    }
    operator.stop().await;
}

/// Waits until two reads, a second apart, are equal.
async fn settle(client: &Client) -> Vec<String> {
    wait_for("a settled cluster", SHORT, async || {
        let before = resource_versions(client).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        if resource_versions(client).await == before { Ok(before) } else { Err("it still changes".into()) }
    })
    .await
}

async fn resource_versions(client: &Client) -> Vec<String> {
    let version = |meta: &kube::api::ObjectMeta| format!("{:?} {:?}", meta.name, meta.resource_version);
    let meetings: Api<Meeting> = Api::all(client.clone());
    let pools: Api<MediaPool> = Api::all(client.clone());
    let mut all: Vec<_> = media_pods(client).await.iter().map(|pod| version(&pod.metadata)).collect();
    all.extend(
        meetings.list(&ListParams::default()).await.unwrap().items.iter().map(|meeting| version(&meeting.metadata)),
    );
    all.extend(pools.list(&ListParams::default()).await.unwrap().items.iter().map(|pool| version(&pool.metadata)));
    all
}

#[tokio::test]
#[ignore = "needs the test cluster's binaries: make test-api-server"]
async fn a_key_is_made_once_however_many_ask() {
    let server = ApiServer::start("keys").await;
    let client = &server.client;
    make_namespaces(client).await;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), HOME);
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), HOME);
    create(&secrets, json!({"metadata": {"name": "lagoon-key"}})).await;
    create(&config_maps, json!({"metadata": {"name": "lagoon-keys"}})).await;
    let ensure = convene_operator::ensure_keys;
    let ask = async || ensure(client, HOME, "lagoon-key", "lagoon-keys", None).await.unwrap().signer;
    let signers = tokio::join!(ask(), ask(), ask(), ask());
    let keys = config_maps.get("lagoon-keys").await.unwrap().data.unwrap();
    let keys = KeySet::from_jwks(&keys[names::ADMISSION_KEYS_FILE]).unwrap();
    for signer in [signers.0, signers.1, signers.2, signers.3] {
        assert_eq!(keys.verify_admin(&signer.admin(1_800_000_000).unwrap(), 1_800_000_000), Ok(()));
    }
    let before = secrets.get("lagoon-key").await.unwrap().metadata.resource_version;
    ask().await;
    assert_eq!(secrets.get("lagoon-key").await.unwrap().metadata.resource_version, before);
}

#[tokio::test]
#[ignore = "needs the test cluster's binaries: make test-api-server"]
async fn a_next_key_is_published_beside_the_first_and_an_emptied_secret_ends_both() {
    let server = ApiServer::start("rotation").await;
    let client = &server.client;
    make_namespaces(client).await;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), HOME);
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), HOME);
    create(&secrets, json!({"metadata": {"name": "lagoon-key"}})).await;
    create(&config_maps, json!({"metadata": {"name": "lagoon-keys"}})).await;
    let ensure = convene_operator::ensure_keys;
    let published = async || {
        let text = config_maps.get("lagoon-keys").await.unwrap().data.unwrap()[names::ADMISSION_KEYS_FILE].clone();
        let set: Value = serde_json::from_str(&text).unwrap();
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].to_string()).collect::<Vec<_>>()
    };

    ensure(client, HOME, "lagoon-key", "lagoon-keys", None).await.unwrap();
    let first = published().await;
    // Every key is immediately due for rotation.
    let keys = ensure(client, HOME, "lagoon-key", "lagoon-keys", Some(Duration::ZERO)).await.unwrap();
    let both = published().await;
    assert_eq!((first.len(), both.len()), (1, 2));
    assert!(both.contains(&first[0]) && format!("{:?}", keys.signer).contains(&first[0]));

    let nothing = json!({"data": {"private.pem": null, "kid": null}});
    secrets.patch("lagoon-key", &PatchParams::default(), &Patch::Merge(&nothing)).await.unwrap();
    ensure(client, HOME, "lagoon-key", "lagoon-keys", None).await.unwrap();
    let again = published().await;
    assert!(again.len() == 1 && !both.contains(&again[0]), "{both:?} {again:?}");
    let left = secrets.get("lagoon-key").await.unwrap().data.unwrap();
    assert_eq!(left.keys().collect::<Vec<_>>(), ["kid", "private.pem", "rotation.json"]);
}

#[tokio::test]
#[ignore = "needs the test cluster's binaries: make test-api-server"]
async fn a_probe_result_is_a_condition_of_the_pod_beside_its_others() {
    let server = ApiServer::start("reach").await;
    let client = &server.client;
    make_harbor(client).await;
    create(&Api::<Secret>::namespaced(client.clone(), HOME), json!({"metadata": {"name": "lagoon-key"}})).await;
    create(&Api::<ConfigMap>::namespaced(client.clone(), HOME), json!({"metadata": {"name": "lagoon-keys"}})).await;
    let keys = convene_operator::ensure_keys(client, HOME, "lagoon-key", "lagoon-keys", None).await.unwrap();
    let pools: Api<MediaPool> = Api::namespaced(client.clone(), HOME);
    create(&pools, pool("lagoon", json!({"rtcPorts": {"min": 41000, "max": 41039}}))).await;
    // An older pod, without probe support.
    let _serving = FakePods::default().start("127.0.0.42").await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), HOME);
    let pod = create(
        &pods,
        json!({
            "metadata": {
                "name": "media-lagoon-41000",
                "labels": {"app.kubernetes.io/name": "convene-media-pod", "convene.dev/pool": "lagoon"},
                "annotations": {"convene.dev/rtc-ports": "41000-41003", "convene.dev/announced-addresses": "127.0.0.42"},
            },
            "spec": {"containers": [{"name": "media-pod", "image": "registry.test/media:1"}]},
        }),
    )
    .await;
    make_pod_ready(client, &pod, "127.0.0.42").await;

    let (cache, ends) = ClusterCache::new(
        client.clone(),
        HOME.into(),
        PodDefaults { image: "registry.test/media:1".into(), admission_keys: "lagoon-keys".into() },
    );
    let writers =
        OtherWriters { meetings: ends.meetings, pods: ends.pods, services: ends.services, budgets: ends.budgets };
    let link = PodLink::new(keys.signer);
    let pools = watch_pools(&cache, ends.pools);
    let told = wait_for("the condition", SHORT, async || {
        let pod = pods.get("media-lagoon-41000").await.unwrap();
        let conditions = pod.status.unwrap().conditions.unwrap();
        let told = conditions.iter().find(|condition| condition.type_ == names::POD_CONDITION_MEDIA_REACHABLE);
        match told {
            Some(told) => Ok((told.clone(), conditions.len())),
            None => Err(format!("{conditions:?}")),
        }
    });
    let (told, count) = tokio::select! {
        told = told => told,
        () = run_prober(Arc::clone(&cache), link) => unreachable!("it never ends"),
        () = watch_others(Arc::clone(&cache), writers) => unreachable!("it never ends"),
        () = pools.for_each(|_| std::future::ready(())) => unreachable!("it never ends"),
    };
    assert_eq!((told.status.as_str(), told.reason.as_deref()), ("Unknown", Some("ProbeFailed")));
    assert!(told.last_transition_time.is_some());
    assert_eq!(count, 3, "PodScheduled and Ready are still there");
}
