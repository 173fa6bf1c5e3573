//! Replaces scheduler, kubelet and media pods: every pod gets a node and an address on loopback, and is ready once its addresses are
//! announced. Behind the address a server responds like a media pod without participants.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    routing::{any, delete, get},
};
use convene_crds::names;
use convene_protocol::admin::{LONGEST_WAIT_SECONDS, RoomList, RoomListQuery};
use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    HOME,
    objects::{bind_pod, media_pods},
};

/// Runs all pods until it is dropped.
pub(crate) struct Nodes {
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Nodes {
    /// Pods get addresses `127.SECOND.…`: concurrent tests use different ones.
    pub(crate) fn start(client: &Client, second: u8) -> Self {
        let kubelet =
            Kubelet { client: client.clone(), second, addresses: Mutex::default(), serving: Mutex::default() };
        Self { task: tokio::spawn(kubelet.run()) }
    }
}

struct Kubelet {
    client: Client,
    second: u8,
    /// By UID of the pod.
    addresses: Mutex<BTreeMap<String, Ipv4Addr>>,
    serving: Mutex<BTreeSet<Ipv4Addr>>,
}

impl Kubelet {
    async fn run(self) {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), HOME);
        let nodes: Api<Node> = Api::all(self.client.clone());
        let config = watcher::Config::default();
        let pods = watcher(pods, config.clone().labels(names::MEDIA_POD_SELECTOR)).default_backoff().touched_objects();
        // An uncordoned node may take waiting pods.
        let nodes = watcher(nodes, config).default_backoff().touched_objects();
        let mut changes = futures_util::stream::select(pods.map_ok(Some).boxed(), nodes.map_ok(|_| None).boxed());
        while let Some(change) = changes.next().await {
            match change {
                Ok(Some(pod)) => self.reconcile(&pod).await,
                Ok(None) => self.reconcile_all().await,
                Err(_) => {}
            }
        }
    }

    async fn reconcile_all(&self) {
        for pod in media_pods(&self.client).await {
            self.reconcile(&pod).await;
        }
    }

    /// A failure is retried with the next change: another writer was faster.
    async fn reconcile(&self, pod: &Pod) {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), HOME);
        if pod.metadata.deletion_timestamp.is_some() {
            let _ = pods.delete(&pod.name_any(), &DeleteParams::default().grace_period(0)).await;
            return;
        }
        if pod.spec.as_ref().is_none_or(|spec| spec.node_name.is_none()) {
            if let Some(node) = self.choose_node().await {
                let _ = bind_pod(&self.client, &pod.name_any(), &node).await;
            }
            return;
        }
        let has_address = pod.status.as_ref().is_some_and(|status| status.pod_ip.is_some());
        let knows_address = pod.annotations().contains_key(names::ANNOTATION_ANNOUNCED_ADDRESSES);
        if !has_address || (knows_address && !is_ready(pod)) {
            let status = self.build_status(pod, knows_address).await;
            let _ = pods.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Strategic(&status)).await;
        }
    }

    /// The last node by name that is not cordoned.
    async fn choose_node(&self) -> Option<String> {
        let nodes = Api::<Node>::all(self.client.clone()).list(&ListParams::default()).await.ok()?;
        let is_open = |node: &&Node| node.spec.as_ref().and_then(|spec| spec.unschedulable) != Some(true);
        nodes.items.iter().filter(is_open).map(ResourceExt::name_any).max()
    }

    async fn build_status(&self, pod: &Pod, is_ready: bool) -> Value {
        let address = self.address_of(pod);
        if is_ready && self.serving.lock().unwrap().insert(address) {
            serve_media(address).await;
        }
        let ready = if is_ready { "True" } else { "False" };
        json!({"metadata": {"uid": pod.uid()}, "status": {
            "phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
            "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": ready}],
        }})
    }

    fn address_of(&self, pod: &Pod) -> Ipv4Addr {
        let mut addresses = self.addresses.lock().unwrap();
        let count = u8::try_from(addresses.len()).expect("a test makes fewer than 250 pods");
        *addresses.entry(pod.uid().unwrap_or_default()).or_insert(Ipv4Addr::new(127, self.second, 0, count + 1))
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Responds like a media pod without participants and without probe support.
async fn serve_media(address: Ipv4Addr) {
    let (version, _) = watch::channel(1_u64);
    let app = Router::new()
        .route("/admin/v1/rooms", get(list_rooms))
        .route("/admin/v1/rooms/{namespace}/{name}", delete(async || StatusCode::NOT_FOUND))
        .route("/admin/v1/drain", any(async || StatusCode::NO_CONTENT))
        .with_state(Arc::new(version));
    let listener = tokio::net::TcpListener::bind((address, names::MEDIA_HTTP_PORT)).await.unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
}

/// A long poll is held for its full time: the rooms never change.
async fn list_rooms(
    State(version): State<Arc<watch::Sender<u64>>>,
    Query(query): Query<RoomListQuery>,
) -> axum::Json<RoomList> {
    let wait = Duration::from_secs(query.wait.min(LONGEST_WAIT_SECONDS));
    let mut versions = version.subscribe();
    let _ = tokio::time::timeout(wait, versions.wait_for(|version| *version != query.after)).await;
    let version = *versions.borrow();
    axum::Json(RoomList { version, process: 1, rooms: Vec::new(), draining: false, ending: false, link: None })
}
