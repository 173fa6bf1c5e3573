//! Views of pools, media pods and nodes, computed once for each change of the object, because every decision about every meeting needs
//! them.
//!
//! Pure: objects in, views out. It decides nothing.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use convene_crds::{MediaPool, names::CONDITION_PODS_AVAILABLE, names::FALSE};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Resource, ResourceExt, core::DeserializeGuard};

use crate::model::{
    conditions::find,
    media_pod::{MediaPod, PodState},
    reason::Reason,
    valid_pool::{PodDefaults, ValidPool, validate_pool},
};
use convene_crds::reason;

/// A pool as meetings see it.
#[derive(Clone, Debug)]
pub(crate) struct PoolView {
    /// Its validated spec, or why it is invalid.
    pub(crate) pool: Result<Arc<ValidPool>, Reason>,
    /// The reason it could not create the pods it wants, if that is the case (its condition `PodsAvailable`).
    pub(crate) trouble: Option<Reason>,
    /// Whether it is being deleted.
    pub(crate) is_deleting: bool,
}

/// The properties of a node that plans depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeView {
    /// Whether it is cordoned: it accepts no new pods and may be drained soon.
    pub(crate) is_cordoned: bool,
    /// The addresses to announce for its pods: the external ones, otherwise the internal ones; all families.
    pub(crate) addresses: Vec<String>,
}

/// What is known of a pod, although its object may still say that it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Correction {
    /// Its process has ended.
    Ended,
    /// It does not respond.
    Silent,
    /// It responds again after it has been silent again and again.
    Returning,
}

/// All views.
#[derive(Debug, Default)]
pub(crate) struct Views {
    pools: HashMap<String, Arc<PoolView>>,
    pods: HashMap<String, BTreeMap<String, Arc<MediaPod>>>,
    nodes: BTreeMap<String, NodeView>,
    /// What is known of pods beyond their objects, by UID.
    corrections: HashMap<String, Correction>,
    /// Pods and nodes in the current full list so far.
    listed_pods: HashSet<String>,
    listed_nodes: HashSet<String>,
}

impl Views {
    /// Sets the view of a pool. Returns whether its deletion has just begun.
    pub(crate) fn set_pool(&mut self, object: &DeserializeGuard<MediaPool>, defaults: &PodDefaults) -> bool {
        let name = object.name_any();
        let is_deleting = object.meta().deletion_timestamp.is_some();
        let (pool, trouble) = match &object.0 {
            Ok(pool) => (validate_pool(pool, defaults).map(Arc::new), compute_trouble(pool)),
            Err(invalid) => {
                let message = format!("could not parse MediaPool {name:?}: {}", invalid.error);
                (Err(Reason::new(reason::INVALID_SPEC, message)), None)
            }
        };
        let before = self.pools.insert(name, Arc::new(PoolView { pool, trouble, is_deleting }));
        is_deleting && before.is_none_or(|before| !before.is_deleting)
    }

    /// Removes a pool.
    pub(crate) fn remove_pool(&mut self, name: &str) {
        self.pools.remove(name);
    }

    /// Removes all pools but these. Returns the names of those removed.
    pub(crate) fn retain_pools(&mut self, names: &HashSet<String>) -> Vec<String> {
        self.pools.extract_if(|name, _| !names.contains(name)).map(|(name, _)| name).collect()
    }

    pub(crate) fn pool(&self, name: &str) -> Option<Arc<PoolView>> {
        self.pools.get(name).cloned()
    }

    /// All valid pools.
    pub(crate) fn valid_pools(&self) -> impl Iterator<Item = &Arc<ValidPool>> {
        self.pools.values().filter_map(|view| view.pool.as_ref().ok())
    }

    /// Begins a full list of media pods.
    pub(crate) fn begin_pods(&mut self) {
        self.listed_pods.clear();
    }

    /// Completes the full list: pods that it did not contain are removed and returned.
    pub(crate) fn end_pods(&mut self) -> Vec<Arc<MediaPod>> {
        let gone: Vec<_> = self.pods().filter(|pod| !self.listed_pods.contains(&pod.uid)).cloned().collect();
        for pod in &gone {
            self.remove_pod(&pod.uid);
        }
        gone
    }

    /// Sets and returns the view of a media pod.
    pub(crate) fn set_pod(&mut self, pod: &Pod) -> Arc<MediaPod> {
        let view = MediaPod::from_pod(pod);
        self.listed_pods.insert(view.uid.clone());
        let view = self.correct(view);
        self.insert_pod(view)
    }

    /// The view of a pod with what is known beyond its object.
    fn correct(&self, view: MediaPod) -> MediaPod {
        match (self.corrections.get(&view.uid), &view.state) {
            (Some(Correction::Ended), PodState::Ready) => view.to_ended(),
            (Some(Correction::Silent), PodState::Ready | PodState::Starting(_)) => view.to_silent(),
            (Some(Correction::Returning), PodState::Ready | PodState::Starting(_)) => view.to_returning(),
            (Some(_), PodState::Terminating) => MediaPod { is_serving: false, ..view },
            _ => view,
        }
    }

    fn insert_pod(&mut self, view: MediaPod) -> Arc<MediaPod> {
        let view = Arc::new(view);
        // The label that names its pool may have been edited.
        self.pods.values_mut().for_each(|pods| drop(pods.remove(&view.uid)));
        self.pods.entry(view.pool.clone()).or_default().insert(view.uid.clone(), Arc::clone(&view));
        view
    }

    /// Records that the process of a pod has ended. Returns the new view if the old one was that of a ready pod: one that is not ready
    /// may refuse connections for other reasons.
    pub(crate) fn end_pod(&mut self, uid: &str) -> Option<Arc<MediaPod>> {
        let ended = self.pods().find(|pod| pod.uid == uid && pod.is_ready())?.to_ended();
        self.corrections.insert(uid.to_owned(), Correction::Ended);
        Some(self.insert_pod(ended))
    }

    /// Records that the process of a pod runs. Returns whether it was recorded as ended: then the view is that of its object again once
    /// that has been set.
    pub(crate) fn revive_pod(&mut self, uid: &str) -> bool {
        self.take_correction(uid, &[Correction::Ended])
    }

    /// Records that a pod does not respond. Returns the new view, unless it is known already or the pod is not ready.
    pub(crate) fn silence_pod(&mut self, uid: &str) -> Option<Arc<MediaPod>> {
        let silent = self.pods().find(|pod| pod.uid == uid && pod.is_ready())?.to_silent();
        self.corrections.insert(uid.to_owned(), Correction::Silent);
        Some(self.insert_pod(silent))
    }

    /// Records that a pod responds. Returns whether it was recorded as silent: then the view is that of its object again once that has
    /// been set.
    pub(crate) fn hear_pod(&mut self, uid: &str) -> bool {
        self.take_correction(uid, &[Correction::Silent, Correction::Returning])
    }

    /// Records whether a silent pod responds again, although it is not used yet. Returns whether that is news: then the view is up to date once
    /// its object has been set.
    pub(crate) fn note_returning(&mut self, uid: &str, is_returning: bool) -> bool {
        let correction = if is_returning { Correction::Returning } else { Correction::Silent };
        match self.corrections.get_mut(uid) {
            Some(known) if *known != Correction::Ended && *known != correction => {
                *known = correction;
                true
            }
            _ => false,
        }
    }

    /// Removes what is known of a pod, if it is one of these. Returns whether it was.
    fn take_correction(&mut self, uid: &str, any_of: &[Correction]) -> bool {
        let is_known = self.corrections.get(uid).is_some_and(|known| any_of.contains(known));
        is_known && self.corrections.remove(uid).is_some()
    }

    /// Removes a media pod.
    pub(crate) fn remove_pod(&mut self, uid: &str) {
        self.corrections.remove(uid);
        self.pods.values_mut().for_each(|pods| drop(pods.remove(uid)));
        self.pods.retain(|_, pods| !pods.is_empty());
    }

    pub(crate) fn pods_of(&self, pool: &str) -> Vec<Arc<MediaPod>> {
        self.pods.get(pool).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    /// The media pods of all pools.
    pub(crate) fn pods(&self) -> impl Iterator<Item = &Arc<MediaPod>> {
        self.pods.values().flat_map(BTreeMap::values)
    }

    /// Begins a full list of nodes.
    pub(crate) fn begin_nodes(&mut self) {
        self.listed_nodes.clear();
    }

    /// Completes the full list: nodes that it did not contain are removed.
    pub(crate) fn end_nodes(&mut self) {
        let Self { nodes, listed_nodes, .. } = self;
        nodes.retain(|name, _| listed_nodes.contains(name));
    }

    /// Sets the view of a node. Returns whether it has changed.
    pub(crate) fn set_node(&mut self, node: &Node) -> bool {
        let view = NodeView {
            is_cordoned: node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or_default(),
            addresses: compute_node_addresses(node),
        };
        self.listed_nodes.insert(node.name_any());
        self.nodes.insert(node.name_any(), view.clone()).as_ref() != Some(&view)
    }

    /// Removes a node.
    pub(crate) fn remove_node(&mut self, name: &str) {
        self.nodes.remove(name);
    }

    /// All nodes, by name.
    pub(crate) const fn nodes(&self) -> &BTreeMap<String, NodeView> {
        &self.nodes
    }
}

/// Only reasons written by the pool's own controller map to a constant; anything else is foreign.
fn compute_trouble(pool: &MediaPool) -> Option<Reason> {
    let status = pool.status.as_ref()?;
    let condition = find(&status.conditions, CONDITION_PODS_AVAILABLE).filter(|condition| condition.status == FALSE)?;
    let known = [
        reason::PORTS_EXHAUSTED,
        reason::PORTS_RESTING,
        reason::POD_REFUSED,
        reason::SERVICE_REFUSED,
        reason::NO_NODE_ADDRESS,
        reason::NO_LOAD_BALANCER_ADDRESS,
        reason::INVALID_SPEC,
    ];
    let reason = known.into_iter().find(|reason| *reason == condition.reason)?;
    Some(Reason::new(reason, condition.message.clone()))
}

/// The external addresses of the node, otherwise its internal ones; all families.
pub(crate) fn compute_node_addresses(node: &Node) -> Vec<String> {
    let addresses = node.status.as_ref().and_then(|status| status.addresses.as_deref()).unwrap_or_default();
    let of_type = |type_: &str| -> Vec<String> {
        addresses.iter().filter(|address| address.type_ == type_).map(|address| address.address.clone()).collect()
    };
    let external = of_type("ExternalIP");
    if external.is_empty() { of_type("InternalIP") } else { external }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::needless_pass_by_value, reason = "json! literals read best as values")]

    use serde_json::json;

    use super::*;
    use crate::fixtures::pod_object;

    fn node(unschedulable: bool, addresses: serde_json::Value) -> Node {
        serde_json::from_value(json!({
            "metadata": {"name": "pier-1"}, "spec": {"unschedulable": unschedulable}, "status": {"addresses": addresses},
        }))
        .unwrap()
    }

    #[test]
    fn external_addresses_come_before_internal_ones() {
        let internal = json!({"type": "InternalIP", "address": "10.0.0.7"});
        let external = json!({"type": "ExternalIP", "address": "203.0.113.7"});
        let name = json!({"type": "Hostname", "address": "pier-1"});
        assert_eq!(compute_node_addresses(&node(false, json!([internal, external, name]))), ["203.0.113.7"]);
        assert_eq!(compute_node_addresses(&node(false, json!([internal, name]))), ["10.0.0.7"]);
        assert!(compute_node_addresses(&node(false, json!([name]))).is_empty());
    }

    #[test]
    fn a_heartbeat_of_a_node_is_no_change() {
        let mut views = Views::default();
        let addresses = json!([{"type": "InternalIP", "address": "10.0.0.7"}]);
        assert!(views.set_node(&node(false, addresses.clone())));
        assert!(!views.set_node(&node(false, addresses.clone())));
        assert!(views.set_node(&node(true, addresses)));
        assert!(views.nodes()["pier-1"].is_cordoned);
    }

    #[test]
    fn a_pod_whose_process_has_ended_is_not_ready_whatever_its_object_says() {
        let mut views = Views::default();
        let ready = pod_object(json!({}));
        assert!(views.set_pod(&ready).is_ready());
        assert!(views.end_pod("another").is_none());
        assert!(!views.end_pod("pod-uid").unwrap().is_ready());
        assert!(views.end_pod("pod-uid").is_none(), "known already");
        assert!(!views.set_pod(&ready).is_ready(), "a late event about the process before");
        let crashing = |view: &MediaPod| matches!(&view.state, PodState::Crashing(why) if why.message.contains("refuses connections"));
        assert!(views.pods().all(|pod| crashing(pod)));
        assert!(views.revive_pod("pod-uid"));
        assert!(!views.revive_pod("pod-uid"));
        assert!(views.set_pod(&ready).is_ready());
        assert_eq!(views.pods().count(), 1);
    }

    #[test]
    fn a_silent_pod_is_not_ready_whatever_its_object_says_until_it_responds() {
        let mut views = Views::default();
        let not_ready = pod_object(json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}));
        views.set_pod(&not_ready);
        assert!(views.silence_pod("pod-uid").is_none(), "it has not been ready yet");
        views.set_pod(&pod_object(json!({})));
        assert!(views.silence_pod("pod-uid").unwrap().is_silent());
        assert!(views.silence_pod("pod-uid").is_none(), "known already");
        for object in [pod_object(json!({})), not_ready] {
            assert!(views.set_pod(&object).is_silent());
        }
        let leaving = pod_object(json!({"metadata": {"deletionTimestamp": "2026-11-30T10:00:00Z"}}));
        let leaving = views.set_pod(&leaving);
        assert_eq!((&leaving.state, leaving.can_hand_over()), (&PodState::Terminating, false));
        assert!(views.hear_pod("pod-uid"));
        assert!(!views.hear_pod("pod-uid"));
        assert!(views.set_pod(&pod_object(json!({}))).is_ready());
        views.silence_pod("pod-uid");
        views.remove_pod("pod-uid");
        assert!(!views.hear_pod("pod-uid"));
    }

    #[test]
    fn a_pod_that_returns_after_several_silences_is_not_ready_yet() {
        let mut views = Views::default();
        let object = pod_object(json!({}));
        views.set_pod(&object);
        assert!(!views.note_returning("pod-uid", true), "it is not silent");
        let silent = views.silence_pod("pod-uid").unwrap();
        assert!(!views.note_returning("pod-uid", false) && views.note_returning("pod-uid", true));
        let returning = views.set_pod(&object);
        assert!(returning.is_silent() && returning.reason() != silent.reason());
        assert!(views.note_returning("pod-uid", false));
        assert_eq!(views.set_pod(&object).reason(), silent.reason());
        assert!(views.note_returning("pod-uid", true) && views.hear_pod("pod-uid"));
        assert!(views.set_pod(&object).is_ready());
    }

    #[test]
    fn a_pod_that_starts_may_refuse_connections() {
        let mut views = Views::default();
        views.set_pod(&pod_object(json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}})));
        assert!(views.end_pod("pod-uid").is_none());
        assert!(views.set_pod(&pod_object(json!({}))).is_ready());
    }

    #[test]
    fn a_pod_whose_label_was_changed_is_in_one_pool_only() {
        let mut views = Views::default();
        views.set_pod(&pod_object(json!({})));
        views.set_pod(&pod_object(json!({"metadata": {"labels": {"convene.dev/pool": "pond"}}})));
        assert!(views.pods_of("lagoon").is_empty());
        assert_eq!(views.pods_of("pond").len(), 1);
        views.remove_pod("pod-uid");
        assert_eq!(views.pods().count(), 0);
    }
}
