//! Objects that tests create: CRDs, namespaces, nodes, meetings and pools, and the permissions that the chart grants the operator.

#![allow(clippy::needless_pass_by_value, reason = "json! literals read best as values")]

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use axum::http::Request;
use convene_crds::names;
use k8s_openapi::{
    api::core::v1::{Namespace, Node, Pod},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{ApiServer, HOME, Login, binaries, wait_for};

/// Namespace of the meetings.
pub(crate) const CREW: &str = "crew";

const SHORT: Duration = Duration::from_secs(20);

pub(crate) async fn create<K>(api: &Api<K>, object: Value) -> K
where
    K: Resource + DeserializeOwned + Serialize + Clone + std::fmt::Debug,
{
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap()
}

pub(crate) async fn install_definitions(client: &Client) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in convene_crds::generate::definitions() {
        let definition = create(&api, definition).await;
        let name = definition.name_any();
        wait_for(&name, SHORT, async || {
            let conditions =
                api.get(&name).await.unwrap().status.and_then(|status| status.conditions).unwrap_or_default();
            let is_established =
                conditions.iter().any(|condition| condition.type_ == "Established" && condition.status == "True");
            if is_established { Ok(()) } else { Err(format!("{conditions:?}")) }
        })
        .await;
    }
}

pub(crate) async fn make_namespaces(client: &Client) {
    let api: Api<Namespace> = Api::all(client.clone());
    for name in [HOME, CREW] {
        create(&api, json!({"metadata": {"name": name}})).await;
    }
}

/// A node with an internal and an external address.
pub(crate) async fn make_node(client: &Client, name: &str, external: &str) {
    let api: Api<Node> = Api::all(client.clone());
    create(&api, json!({"metadata": {"name": name}})).await;
    let addresses = json!({"status": {"addresses": [
        {"type": "InternalIP", "address": "192.0.2.1"}, {"type": "ExternalIP", "address": external},
    ]}});
    api.patch_status(name, &PatchParams::default(), &Patch::Merge(&addresses)).await.unwrap();
}

pub(crate) fn meeting(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "convene.dev/v1alpha1", "kind": "Meeting", "metadata": {"name": name, "namespace": CREW}, "spec": spec})
}

pub(crate) fn pool(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "convene.dev/v1alpha1", "kind": "MediaPool", "metadata": {"name": name, "namespace": HOME}, "spec": spec})
}

pub(crate) fn http_request(method: &str, uri: &str, body: &Value) -> Request<Vec<u8>> {
    let builder = Request::builder().method(method).uri(uri).header("content-type", "application/json");
    builder.body(serde_json::to_vec(body).unwrap()).unwrap()
}

/// What the scheduler would do.
pub(crate) async fn bind_pod(client: &Client, name: &str, node: &str) -> Result<(), kube::Error> {
    let target = json!({"kind": "Node", "name": node});
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target});
    let uri = format!("/api/v1/namespaces/{HOME}/pods/{name}/binding");
    client.request::<Value>(http_request("POST", &uri, &binding)).await.map(|_| ())
}

pub(crate) async fn media_pods(client: &Client) -> Vec<Pod> {
    let api: Api<Pod> = Api::namespaced(client.clone(), HOME);
    api.list(&ListParams::default().labels(names::MEDIA_POD_SELECTOR)).await.unwrap().items
}

/// Installs the permissions that the chart grants to the operator and the hook of helm uninstall, and the objects of its keys.
pub(crate) fn install_chart_rights(server: &ApiServer) {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/convene");
    let mut helm = Command::new(binaries().join("helm"));
    helm.arg("template").arg("convene").arg(chart).args(["--namespace", HOME, "--set", "uninstall.hook=Always"]);
    for template in ["rbac", "uninstall", "admission-key"] {
        helm.args(["--show-only", &format!("templates/{template}.yaml")]);
    }
    let rendered = helm.output().expect("helm is built with the test cluster");
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    let mut kubectl = Command::new(binaries().join("kubectl"));
    kubectl.arg("--kubeconfig").arg(server.write_kubeconfig(Login::Tester));
    kubectl.args(["create", "--namespace", HOME, "--filename", "-"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut running = kubectl.spawn().expect("kubectl is built with the test cluster");
    running.stdin.take().unwrap().write_all(&rendered.stdout).unwrap();
    assert!(running.wait().unwrap().success(), "kubectl did not take what the chart renders");
}
