//! Two operators against a real API server: one is the leader, the other takes over when it dies or stops, and they never lead at the same
//! time.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::support::{ApiServer, wait_for};
use convene_crds::{MediaPool, names};
use convene_operator::{Config, Intervals, LeaseConfig, PodDefaults, RunError, run};
use k8s_openapi::{
    api::{
        coordination::v1::Lease,
        core::v1::{ConfigMap, Namespace, Pod, Secret},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Resource,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
};

const HOME: &str = "harbor";
const SHORT: Duration = Duration::from_secs(20);
/// The promised times after an operator died, and after one stopped.
const AFTER_DEATH: Duration = Duration::from_secs(15);
const AFTER_STOP: Duration = Duration::from_secs(3);

async fn create<K>(api: &Api<K>, object: Value)
where
    K: Resource + DeserializeOwned + serde::Serialize + Clone + std::fmt::Debug,
{
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
}

/// The objects that the charts would create.
async fn install(client: &Client) {
    create(&Api::<Namespace>::all(client.clone()), json!({"metadata": {"name": HOME}})).await;
    for definition in convene_crds::generate::definitions() {
        create(&Api::<CustomResourceDefinition>::all(client.clone()), definition).await;
    }
    create(&Api::<Secret>::namespaced(client.clone(), HOME), json!({"metadata": {"name": "lagoon-key"}})).await;
    create(&Api::<ConfigMap>::namespaced(client.clone(), HOME), json!({"metadata": {"name": "lagoon-keys"}})).await;
}

/// One of several operators; dropping it is like killing it.
struct Replica {
    identity: String,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<Result<(), RunError>>,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Replica {
    fn start(client: &Client, identity: &str) -> Self {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = Config {
            namespace: HOME.into(),
            public_url: "https://meet.test".into(),
            defaults: PodDefaults { image: "registry.test/media:1".into(), admission_keys: "lagoon-keys".into() },
            admission_key_secret: "lagoon-key".into(),
            listen: address,
            lease: Some(LeaseConfig { name: "jetty".into(), identity: identity.into() }),
            key_rotation: None,
            intervals: Intervals::default(),
        };
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(client.clone(), config, convene_service::log::LogHealth::default(), async {
            let _ = stopped.await;
        }));
        Self { identity: identity.into(), address, stop: Some(stop), task }
    }

    async fn kill(mut self) {
        self.task.abort();
        assert!((&mut self.task).await.unwrap_err().is_cancelled());
    }

    async fn stop(mut self) {
        drop(self.stop.take());
        tokio::time::timeout(SHORT, &mut self.task).await.expect("ends when asked to").unwrap().unwrap();
    }

    async fn wait_until_ready(&self, body: &str) {
        wait_for(&format!("{} {body}", self.identity), SHORT, async || {
            let answer = fetch(self.address, "/readyz").await;
            if answer.starts_with("HTTP/1.1 200") && answer.ends_with(body) { Ok(()) } else { Err(answer) }
        })
        .await;
    }

    async fn wait_until_leading(&self, limit: Duration) {
        wait_for(&format!("{} as leader", self.identity), limit, async || {
            if leads(self.address).await { Ok(()) } else { Err("it stands by".into()) }
        })
        .await;
    }
}

/// The whole response; empty if nothing listens.
async fn fetch(address: SocketAddr, path: &str) -> String {
    let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else { return String::new() };
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    let _ = stream.write_all(request.as_bytes()).await;
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

async fn leads(address: SocketAddr) -> bool {
    fetch(address, "/metrics").await.contains("\nconvene_operator_leading 1")
}

/// Checks repeatedly whether two operators lead at the same time, until it is dropped.
struct Sampler {
    addresses: Arc<std::sync::Mutex<Vec<SocketAddr>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Sampler {
    fn start() -> Self {
        let addresses = Arc::new(std::sync::Mutex::new(Vec::new()));
        let task = tokio::spawn(Self::sample(Arc::clone(&addresses)));
        Self { addresses, task }
    }

    fn add(&self, replica: &Replica) {
        self.addresses.lock().unwrap().push(replica.address);
    }

    async fn sample(addresses: Arc<std::sync::Mutex<Vec<SocketAddr>>>) {
        loop {
            let known = addresses.lock().unwrap().clone();
            for first in &known {
                for second in known.iter().filter(|second| *second != first) {
                    // It led before and after the check of the other, so also at that moment: no operator leads twice.
                    let are_two = leads(*first).await && leads(*second).await && leads(*first).await;
                    assert!(!are_two, "{first} and {second} lead at once");
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn finish(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled(), "two operators led at once");
    }
}

/// One of them acts: a new pool gets its pod.
async fn assert_acts(client: &Client, pool: &str, first_port: u16) {
    let pools: Api<MediaPool> = Api::namespaced(client.clone(), HOME);
    let spec = json!({"rtcPorts": {"min": first_port, "max": first_port + 9}});
    create(
        &pools,
        json!({"apiVersion": "convene.dev/v1alpha1", "kind": "MediaPool", "metadata": {"name": pool}, "spec": spec}),
    )
    .await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), HOME);
    let selector = ListParams::default().labels(&format!("{}={pool}", names::LABEL_POOL));
    wait_for(&format!("the pod of {pool}"), SHORT, async || match pods.list(&selector).await.unwrap().items.len() {
        1 => Ok(()),
        count => Err(format!("there are {count}")),
    })
    .await;
}

async fn holder(leases: &Api<Lease>) -> (Option<String>, Option<i32>) {
    let spec = leases.get("jetty").await.unwrap().spec.unwrap();
    (spec.holder_identity, spec.lease_transitions)
}

#[tokio::test]
#[ignore = "needs the test cluster's binaries: make test-api-server"]
async fn another_operator_takes_over_and_never_do_two_act() {
    let server = ApiServer::start("leader").await;
    let client = &server.client;
    install(client).await;
    let leases: Api<Lease> = Api::namespaced(client.clone(), HOME);
    let sampler = Sampler::start();

    let heron = Replica::start(client, "heron");
    sampler.add(&heron);
    heron.wait_until_ready("ok\n").await;
    let egret = Replica::start(client, "egret");
    sampler.add(&egret);
    egret.wait_until_ready("standby\n").await;
    assert_eq!(holder(&leases).await, (Some("heron".into()), Some(0)));
    assert_acts(client, "lagoon", 41000).await;

    // It dies: the lease has to expire first.
    heron.kill().await;
    egret.wait_until_leading(AFTER_DEATH).await;
    assert_eq!(holder(&leases).await, (Some("egret".into()), Some(1)));
    assert_acts(client, "bay", 42000).await;

    // It stops: the lease is released.
    let stork = Replica::start(client, "stork");
    sampler.add(&stork);
    stork.wait_until_ready("standby\n").await;
    egret.stop().await;
    stork.wait_until_leading(AFTER_STOP).await;
    assert_eq!(holder(&leases).await, (Some("stork".into()), Some(2)));
    assert_acts(client, "delta", 43000).await;

    // The lease is taken from it: it ends, and leaves the lease alone.
    let taken = json!({"spec": {"holderIdentity": "another-replica"}});
    leases.patch("jetty", &PatchParams::default(), &Patch::Merge(&taken)).await.unwrap();
    let mut stork = stork;
    let ended = tokio::time::timeout(SHORT, &mut stork.task).await.expect("ends when it lost the lease").unwrap();
    assert!(matches!(ended, Err(RunError::Lease(_))), "{ended:?}");
    assert_eq!(holder(&leases).await.0.as_deref(), Some("another-replica"));

    // The last operator leaves a released lease, and a new one acquires it immediately.
    let released = json!({"spec": {"holderIdentity": ""}});
    leases.patch("jetty", &PatchParams::default(), &Patch::Merge(&released)).await.unwrap();
    let crane = Replica::start(client, "crane");
    sampler.add(&crane);
    crane.wait_until_leading(SHORT).await;
    crane.stop().await;
    assert_eq!(holder(&leases).await.0.as_deref(), Some(""));
    sampler.finish().await;
}
