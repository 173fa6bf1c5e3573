//! The active parts of the simulated cluster besides the operator: garbage collector, scheduler, kubelets, load balancers and participants.
//!
//! It reacts to changes immediately; only terminating pods take a short time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use convene_crds::names::{ANNOTATION_ANNOUNCED_ADDRESSES, HTTP_PORT_NAME};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    kinds::{Key, Kind},
    pods::Processes,
    store::{Actor, Deletion, Store},
};

/// How long a pod takes to terminate.
const ENDING: Duration = Duration::from_millis(150);

/// Everything but the operator.
pub(crate) struct Cluster {
    store: Arc<Store>,
    processes: Arc<Processes>,
    ending: BTreeMap<String, Instant>,
}

impl Cluster {
    pub(crate) fn new(store: &Arc<Store>, processes: &Arc<Processes>) -> Self {
        Self { store: Arc::clone(store), processes: Arc::clone(processes), ending: BTreeMap::new() }
    }

    /// Runs until it is dropped.
    pub(crate) async fn run(mut self) {
        let (mut objects, mut people) = (self.store.subscribe(), self.processes.subscribe());
        loop {
            objects.mark_unchanged();
            people.mark_unchanged();
            self.tick();
            let pause = if self.ending.is_empty() { Duration::from_secs(5) } else { Duration::from_millis(40) };
            tokio::select! {
                _ = objects.changed() => {}
                _ = people.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn tick(&mut self) {
        for (key, uid) in self.store.orphans() {
            // Another writer may have been faster.
            let _ = self.store.delete(Actor::Cluster, &key, &Deletion { uid: Some(uid), ..Deletion::default() });
        }
        self.schedule();
        self.run_pods();
        self.balance_loads();
        self.seat_participants();
        self.move_participants();
    }

    fn schedule(&self) {
        let pods = self.store.all(Kind::Pod);
        let waiting = |pod: &&Arc<Value>| pod["spec"]["nodeName"].is_null() && !is_ending(pod);
        let nodes = self.store.all(Kind::Node);
        for pod in pods.iter().filter(waiting) {
            let placed = self.store.all(Kind::Pod);
            let key = key_of(Kind::Pod, pod);
            match choose_node(pod, &nodes, &placed) {
                Ok(node) => self.store.edit(Actor::Cluster, &key, |pod| {
                    pod["spec"]["nodeName"] = json!(node);
                    set_condition(pod, "PodScheduled", "True", None);
                }),
                Err(message) => self.store.edit(Actor::Cluster, &key, |pod| {
                    set_condition(pod, "PodScheduled", "False", Some(("Unschedulable", &message)));
                }),
            }
        }
    }

    fn run_pods(&mut self) {
        let pods = self.store.all(Kind::Pod);
        let mut known = BTreeSet::new();
        for pod in &pods {
            let uid = uid_of(pod);
            known.insert(uid.to_owned());
            if is_ending(pod) {
                self.end_pod(pod, uid);
            } else if pod["spec"]["nodeName"].is_string() && pod["status"]["phase"] != "Failed" {
                self.keep_pod(pod, uid);
            }
        }
        for uid in self.processes.uids().difference(&known) {
            self.processes.end(uid);
        }
        self.ending.retain(|uid, _| known.contains(uid));
    }

    fn end_pod(&mut self, pod: &Value, uid: &str) {
        let since = *self.ending.entry(uid.to_owned()).or_insert_with(Instant::now);
        if since.elapsed() >= ENDING {
            self.processes.end(uid);
            self.store.remove_now(Actor::Cluster, &key_of(Kind::Pod, pod), uid);
        }
    }

    fn keep_pod(&self, pod: &Value, uid: &str) {
        let address = self.processes.start(uid, compute_host_port(pod).unwrap_or_default());
        let is_ready = pod["metadata"]["annotations"][ANNOTATION_ANNOUNCED_ADDRESSES]
            .as_str()
            .is_some_and(|addresses| !addresses.is_empty())
            && !self.processes.is_draining(uid);
        self.store.edit(Actor::Cluster, &key_of(Kind::Pod, pod), |pod| {
            if pod["metadata"]["uid"] != uid {
                return;
            }
            let ip = address.ip().to_string();
            for port in pod["spec"]["containers"][0]["ports"].as_array_mut().into_iter().flatten() {
                if port["name"] == HTTP_PORT_NAME {
                    port["containerPort"] = json!(address.port());
                }
            }
            pod["status"]["phase"] = json!("Running");
            pod["status"]["podIP"] = json!(ip);
            pod["status"]["podIPs"] = json!([{"ip": ip}]);
            set_condition(pod, "Ready", if is_ready { "True" } else { "False" }, None);
        });
    }

    fn balance_loads(&self) {
        for service in self.store.all(Kind::Service) {
            if service["spec"]["type"] == "LoadBalancer" && service["status"]["loadBalancer"]["ingress"].is_null() {
                self.store.edit(Actor::Cluster, &key_of(Kind::Service, &service), |service| {
                    service["status"] = json!({"loadBalancer": {"ingress": [{"ip": "127.0.0.9"}]}});
                });
            }
        }
    }

    /// Disconnected participants open the meeting's URL again.
    fn seat_participants(&self) {
        for meeting_key in self.processes.outside() {
            let key = Key::new(Kind::Meeting, &meeting_key.0, &meeting_key.1);
            let Ok(meeting) = self.store.get(&key) else { continue };
            let Some(pod_uid) = meeting["status"]["pod"]["uid"].as_str() else { continue };
            let pods = self.store.all(Kind::Pod);
            let takes_people = |pod: &Arc<Value>| uid_of(pod) == pod_uid && is_ready(pod) && !is_ending(pod);
            if meeting["status"]["phase"] == "Ready" && pods.iter().any(takes_people) {
                let has_backup = meeting["status"]["backup"] == true;
                self.processes.join(pod_uid, uid_of(&meeting), &meeting_key, has_backup);
            }
        }
    }
}

/// Meetings on their way.
impl Cluster {
    /// Participants who were notified connect to the pod that the address leads to now, and then leave the old one.
    fn move_participants(&self) {
        for (old_pod, meeting_key) in self.processes.leaving() {
            let key = Key::new(Kind::Meeting, &meeting_key.0, &meeting_key.1);
            let Ok(meeting) = self.store.get(&key) else { continue };
            let Some(pod_uid) = meeting["status"]["pod"]["uid"].as_str().filter(|uid| *uid != old_pod) else {
                continue;
            };
            let pods = self.store.all(Kind::Pod);
            if pods.iter().any(|pod| uid_of(pod) == pod_uid && is_ready(pod) && !is_ending(pod)) {
                self.processes.swap(&old_pod, pod_uid, uid_of(&meeting), &meeting_key);
            }
        }
    }
}

pub(crate) fn uid_of(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

pub(crate) fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

pub(crate) fn is_ending(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

pub(crate) fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn key_of(kind: Kind, object: &Value) -> Key {
    Key::new(kind, object["metadata"]["namespace"].as_str().unwrap_or_default(), name_of(object))
}

fn set_condition(object: &mut Value, type_: &str, status: &str, why: Option<(&str, &str)>) {
    if !object["status"]["conditions"].is_array() {
        object["status"]["conditions"] = json!([]);
    }
    let list = object["status"]["conditions"].as_array_mut().expect("was made one just now");
    let mut condition = json!({"type": type_, "status": status});
    if let Some((reason, message)) = why {
        condition["reason"] = json!(reason);
        condition["message"] = json!(message);
    }
    match list.iter_mut().find(|known| known["type"] == type_) {
        Some(known) => *known = condition,
        None => list.push(condition),
    }
}

/// Ports that a pod needs on its node.
fn host_ports(pod: &Value) -> BTreeSet<(u64, String)> {
    let is_host_network = pod["spec"]["hostNetwork"] == true;
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let ports = containers.flat_map(|container| container["ports"].as_array().into_iter().flatten());
    let number =
        |port: &Value| port["hostPort"].as_u64().or(port["containerPort"].as_u64().filter(|_| is_host_network));
    ports.filter_map(|port| Some((number(port)?, port["protocol"].as_str().unwrap_or("TCP").to_owned()))).collect()
}

/// With host networking the pod listens on its configured port.
fn compute_host_port(pod: &Value) -> Option<u16> {
    let ports = pod["spec"]["containers"][0]["ports"].as_array()?;
    let http = ports.iter().find(|port| port["name"] == HTTP_PORT_NAME)?;
    http["containerPort"].as_u64().filter(|_| pod["spec"]["hostNetwork"] == true).and_then(|port| port.try_into().ok())
}

fn choose_node(pod: &Value, nodes: &[Arc<Value>], pods: &[Arc<Value>]) -> Result<String, String> {
    let wanted = host_ports(pod);
    let (mut cordoned, mut taken, mut unlike) = (0, 0, 0);
    let mut fitting = Vec::new();
    for node in nodes {
        let there: Vec<_> = pods.iter().filter(|pod| pod["spec"]["nodeName"] == node["metadata"]["name"]).collect();
        if node["spec"]["unschedulable"] == true {
            cordoned += 1;
        } else if !has_labels(node, &pod["spec"]["nodeSelector"]) {
            unlike += 1;
        } else if there.iter().any(|other| !host_ports(other).is_disjoint(&wanted)) {
            taken += 1;
        } else {
            fitting.push((there.len(), name_of(node)));
        }
    }
    if let Some((_, name)) = fitting.into_iter().min() {
        return Ok(name.to_owned());
    }
    let reasons = [
        (taken, "node(s) didn't have free ports for the requested pod ports"),
        (cordoned, "node(s) were unschedulable"),
        (unlike, "node(s) didn't match Pod's node affinity/selector"),
    ];
    let reasons: Vec<_> =
        reasons.iter().filter(|(count, _)| *count > 0).map(|(count, why)| format!("{count} {why}")).collect();
    Err(format!("0/{} nodes are available: {}.", nodes.len(), reasons.join(", ")))
}

fn has_labels(node: &Value, wanted: &Value) -> bool {
    let wanted = wanted.as_object().into_iter().flatten();
    wanted.into_iter().all(|(key, value)| node["metadata"]["labels"][key] == *value)
}
