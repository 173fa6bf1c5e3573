//! The operator with exactly the permissions that the chart grants, against a real API server: every request it sends is allowed. Other
//! writers of the same fields do not stop it either.

use std::{
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use crate::support::{
    ApiServer, HOME, Login,
    media::Nodes,
    objects::{
        CREW, create, install_chart_rights, install_definitions, make_namespaces, make_node, media_pods, meeting, pool,
    },
    wait_for,
};
use axum::http::{Request, Response, StatusCode};
use convene_crds::{MediaPool, Meeting, MeetingPhase, names};
use convene_operator::{Config, Intervals, LeaseConfig, PodDefaults, RunError, UninstallConfig, run, uninstall};
use convene_protocol::admission::KeySet;
use futures_util::{FutureExt, TryFutureExt, future::BoxFuture};
use k8s_openapi::api::{
    coordination::v1::Lease,
    core::v1::{ConfigMap, Node},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
    client::{Body, ClientBuilder},
};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tower::{Layer, Service};

const SOON: Duration = Duration::from_secs(45);

/// Requests that were forbidden, as `METHOD PATH`.
#[derive(Clone, Default)]
struct Refusals(Arc<Mutex<BTreeSet<String>>>);

impl<S> Layer<S> for Refusals {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, refusals: self.clone() }
    }
}

/// Records forbidden requests among those it forwards.
#[derive(Clone)]
struct Counted<S> {
    inner: S,
    refusals: Refusals,
}

impl<S, B> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    B: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let what = format!("{} {}", request.method(), request.uri().path());
        let refusals = self.refusals.clone();
        let noted = self.inner.call(request).inspect_ok(move |answer| {
            if answer.status() == StatusCode::FORBIDDEN {
                refusals.0.lock().unwrap().insert(what);
            }
        });
        noted.boxed()
    }
}

fn build_config() -> Config {
    Config {
        namespace: HOME.into(),
        public_url: "https://meet.test".into(),
        defaults: PodDefaults {
            image: "registry.test/media:1".into(),
            admission_keys: "convene-admission-keys".into(),
        },
        admission_key_secret: "convene-admission-key".into(),
        listen: "127.0.0.1:0".parse().unwrap(),
        lease: Some(LeaseConfig { name: "convene-operator".into(), identity: "heron".into() }),
        key_rotation: Some(Duration::from_secs(5)),
        intervals: Intervals { rest: Duration::from_secs(1), waiting: Duration::from_secs(1), ..Intervals::default() },
    }
}

/// An operator with its own service account.
struct Operator {
    refusals: Refusals,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result<(), RunError>>,
}

impl Operator {
    async fn start(server: &ApiServer) -> Self {
        let refusals = Refusals::default();
        let config = server.config(Login::Operator).await;
        let client = ClientBuilder::try_from(config).unwrap().with_layer(&refusals).build();
        let (stop, stopped) = oneshot::channel();
        let task =
            tokio::spawn(run(client, build_config(), convene_service::log::LogHealth::default(), stopped.map(|_| ())));
        Self { refusals, stop, task }
    }

    /// A test result counts only if no permission was missing.
    async fn finish<T>(self, story: impl Future<Output = T>) -> T {
        let told = AssertUnwindSafe(story).catch_unwind().await;
        drop(self.stop);
        let ended = tokio::time::timeout(SOON, self.task).await;
        let refused = self.refusals.0.lock().unwrap().clone();
        assert!(refused.is_empty(), "the chart does not let the operator: {refused:#?}");
        let told = told.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        ended.expect("ends when asked to").unwrap().unwrap();
        told
    }
}

/// A cluster of two nodes with the objects of the chart.
async fn start(test: &str, network: u8) -> (ApiServer, Nodes) {
    let server = ApiServer::start(test).await;
    make_namespaces(&server.client).await;
    install_definitions(&server.client).await;
    install_chart_rights(&server);
    make_node(&server.client, "pier-1", "203.0.113.7").await;
    make_node(&server.client, "pier-2", "203.0.113.8").await;
    let nodes = Nodes::start(&server.client, network);
    (server, nodes)
}

/// Waits until the status of `name` is as wanted, and returns it.
async fn wait_for_status(client: &Client, name: &str, what: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let meetings: Api<Meeting> = Api::namespaced(client.clone(), CREW);
    wait_for(&format!("meeting {name:?} {what}"), SOON, async || {
        let status = serde_json::to_value(meetings.get(name).await.unwrap().status).unwrap();
        if is_wanted(&status) { Ok(status) } else { Err(status.to_string()) }
    })
    .await
}

async fn wait_until_ready(client: &Client, name: &str) -> Value {
    wait_for_status(client, name, "Ready", |status| status["phase"] == "Ready").await
}

async fn wait_for_keys(client: &Client, count: usize) {
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), HOME);
    wait_for(&format!("{count} keys"), SOON, async || {
        let data = config_maps.get("convene-admission-keys").await.unwrap().data.unwrap_or_default();
        let text = data.get(names::ADMISSION_KEYS_FILE).cloned().unwrap_or_default();
        let found = serde_json::from_str::<Value>(&text).map_or(0, |keys| keys["keys"].as_array().map_or(0, Vec::len));
        if KeySet::from_jwks(&text).is_ok() && found >= count { Ok(()) } else { Err(format!("{found}")) }
    })
    .await;
}

#[tokio::test]
#[ignore = "needs the test cluster's binaries: make test-api-server"]
async fn the_chart_grants_whatever_the_operator_asks_for() {
    let (server, _nodes) = start("rights", 89).await;
    let operator = Operator::start(&server).await;
    operator.finish(exercise_everything(&server.client)).await;
}

async fn exercise_everything(client: &Client) {
    let meetings: Api<Meeting> = Api::namespaced(client.clone(), CREW);
    let pools: Api<MediaPool> = Api::namespaced(client.clone(), HOME);

    // The lease is held, and the keys exist.
    let lease: Lease = wait_for("the lease", SOON, async || {
        let leases: Api<Lease> = Api::namespaced(client.clone(), HOME);
        leases.get("convene-operator").await.map_err(|error| error.to_string())
    })
    .await;
    assert_eq!(lease.spec.unwrap().holder_identity.as_deref(), Some("heron"));
    wait_for_keys(client, 1).await;

    // Pods of two exposures; one of them needs Services.
    create(&pools, pool("lagoon", json!({"rtcPorts": {"min": 41000, "max": 41099}}))).await;
    create(&pools, pool("delta", json!({"rtcPorts": {"min": 42000, "max": 42099}, "exposure": "NodePort"}))).await;
    create(&meetings, meeting("regatta", json!({"pool": "lagoon"}))).await;
    create(&meetings, meeting("tide", json!({"pool": "delta"}))).await;
    let regatta = wait_until_ready(client, "regatta").await;
    assert_eq!((&regatta["pod"]["node"], &regatta["pod"]["addresses"]), (&json!("pier-2"), &json!(["203.0.113.8"])));
    let tide = wait_until_ready(client, "tide").await;
    assert!(tide["pod"]["announcedPorts"].as_str().unwrap().starts_with("42000/tcp="), "{tide}");

    // The node is cordoned: its pods are drained, and the meetings leave them.
    let nodes: Api<Node> = Api::all(client.clone());
    let cordon = Patch::Merge(json!({"spec": {"unschedulable": true}}));
    nodes.patch("pier-2", &PatchParams::default(), &cordon).await.unwrap();
    for name in ["regatta", "tide"] {
        wait_for_status(client, name, "on the other node", |status| {
            status["phase"] == "Ready" && status["pod"]["node"] == "pier-1"
        })
        .await;
    }

    // The template changes: pods are replaced.
    let change = Patch::Merge(json!({"spec": {"workersPerPod": 2}}));
    pools.patch("lagoon", &PatchParams::default(), &change).await.unwrap();
    wait_for_status(client, "regatta", "on a pod of the new template", |status| {
        let ports = status["pod"]["rtcPorts"].as_str().unwrap_or_default();
        status["phase"] == "Ready" && ports.split_once('-').is_some_and(|(first, last)| first != last)
    })
    .await;
    wait_for("the end of old pods", SOON, async || {
        let pods = media_pods(client).await;
        let old: Vec<_> = pods
            .iter()
            .filter(|pod| pod.labels()[names::LABEL_POOL] == "lagoon")
            .filter(|pod| pod.annotations()[names::ANNOTATION_RTC_PORTS].split('-').collect::<BTreeSet<_>>().len() < 2)
            .map(ResourceExt::name_any)
            .collect();
        if old.is_empty() { Ok(()) } else { Err(format!("{old:?}")) }
    })
    .await;

    // A meeting past its time to live is deleted; one that a user deletes is gone.
    let soon = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + 4).unwrap();
    let short = json!({"pool": "lagoon", "endsAt": soon.to_string(), "ttlAfterEnded": 0});
    create(&meetings, meeting("short", short)).await;
    wait_for("the end of a short meeting", SOON, async || match meetings.get_opt("short").await.unwrap() {
        None => Ok(()),
        Some(meeting) => Err(format!("{:?}", meeting.status)),
    })
    .await;
    meetings.delete("tide", &DeleteParams::default()).await.unwrap();

    // The key is due for rotation by now.
    wait_for_keys(client, 2).await;

    // A deleted pool is drained and removed.
    pools.delete("delta", &DeleteParams::default()).await.unwrap();
    wait_for("the end of a pool", SOON, async || match pools.get_opt("delta").await.unwrap() {
        None => Ok(()),
        Some(pool) => Err(format!("{:?} {:?}", pool.metadata, pool.status)),
    })
    .await;
}

#[tokio::test]
#[ignore = "needs the test cluster's binaries: make test-api-server"]
async fn the_chart_grants_whatever_an_uninstall_asks_for() {
    let (server, _nodes) = start("uninstall", 91).await;
    let client = &server.client;
    let refusals = Refusals::default();
    let config = server.config(Login::Uninstall).await;
    let hook = ClientBuilder::try_from(config).unwrap().with_layer(&refusals).build();
    let remove = async |drains: bool| {
        let config =
            UninstallConfig { namespace: HOME.into(), lease: "convene-operator".into(), timeout: SOON, drains };
        uninstall(hook.clone(), config).await.unwrap();
        assert!(refusals.0.lock().unwrap().is_empty(), "{:#?}", refusals.0.lock().unwrap());
        let pools: Api<MediaPool> = Api::namespaced(client.clone(), HOME);
        assert!(pools.list(&ListParams::default()).await.unwrap().items.is_empty());
        let meetings: Api<Meeting> = Api::namespaced(client.clone(), CREW);
        let status = meetings.get("regatta").await.unwrap().status.unwrap();
        assert!(status.pod.is_none() && status.phase == Some(MeetingPhase::Pending), "{status:?}");
    };
    let make_pool = async || {
        let pools: Api<MediaPool> = Api::namespaced(client.clone(), HOME);
        create(&pools, pool("lagoon", json!({"rtcPorts": {"min": 41000, "max": 41099}}))).await;
        wait_until_ready(client, "regatta").await;
    };

    // The operator drains, and reports the progress.
    create(&Api::<Meeting>::namespaced(client.clone(), CREW), meeting("regatta", json!({"pool": "lagoon"}))).await;
    let operator = Operator::start(&server).await;
    let story = async {
        make_pool().await;
        remove(true).await;
        make_pool().await;
    };
    operator.finish(story).await;

    // No operator is left that could drain it.
    remove(false).await;
}

#[tokio::test]
#[ignore = "needs the test cluster's binaries: make test-api-server"]
async fn what_others_write_in_its_place_does_not_stop_the_operator() {
    let (server, _nodes) = start("others", 90).await;
    let operator = Operator::start(&server).await;
    operator.finish(meddle(&server.client)).await;
}

/// Another manager takes over the fields of status and budget, as a tool that applies whole objects does.
async fn meddle(client: &Client) {
    let meetings: Api<Meeting> = Api::namespaced(client.clone(), CREW);
    let pools: Api<MediaPool> = Api::namespaced(client.clone(), HOME);
    let budgets: Api<PodDisruptionBudget> = Api::namespaced(client.clone(), HOME);
    let other = PatchParams::apply("other-manager").force();
    create(&pools, pool("lagoon", json!({"rtcPorts": {"min": 41000, "max": 41099}}))).await;
    create(&meetings, meeting("regatta", json!({"pool": "lagoon"}))).await;
    let told = wait_until_ready(client, "regatta").await;

    let mut status = meeting("regatta", json!({}));
    status.as_object_mut().unwrap().remove("spec");
    status["status"] =
        json!({"phase": "Failed", "joinUrl": "https://elsewhere.test", "pod": {"name": "none", "uid": "none"}});
    meetings.patch_status("regatta", &other, &Patch::Apply(&status)).await.unwrap();
    wait_for_status(client, "regatta", "as it was", |status| {
        // The pod is the same, although it is in place of the one that the other manager named.
        ["/phase", "/joinUrl", "/pod/uid"].iter().all(|field| status.pointer(field) == told.pointer(field))
    })
    .await;

    let status = json!({
        "apiVersion": "convene.dev/v1alpha1", "kind": "MediaPool", "metadata": {"name": "lagoon"},
        "status": {"revision": "none", "pods": {"ready": 77}},
    });
    pools.patch_status("lagoon", &other, &Patch::Apply(&status)).await.unwrap();
    wait_for("the pool's status", SOON, async || {
        let status = pools.get("lagoon").await.unwrap().status.unwrap();
        let is_mended = status.revision.as_deref() != Some("none") && status.pods.ready < 77;
        if is_mended { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await;

    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "media-lagoon-busy"},
        "spec": {"minAvailable": 0},
    });
    budgets.patch("media-lagoon-busy", &other, &Patch::Apply(&budget)).await.unwrap();
    wait_for("the budget", SOON, async || {
        let spec = serde_json::to_value(budgets.get("media-lagoon-busy").await.unwrap().spec).unwrap();
        if spec["minAvailable"] == 0 { Err(spec.to_string()) } else { Ok(()) }
    })
    .await;
    let phase = meetings.get("regatta").await.unwrap().status.unwrap().phase;
    assert_eq!(phase, Some(MeetingPhase::Ready));
}
