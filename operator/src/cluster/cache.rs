//! The state of the cluster as the watches report it: Meetings, nodes and namespaces everywhere; `MediaPools`, media pods, their Services
//! and disruption budgets in the operator's own namespace. A change enqueues the objects it concerns.
//!
//! It decides nothing and writes nothing. Custom resources are watched through `DeserializeGuard`: an object that cannot be parsed is
//! cached as such and does not block the others.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use convene_crds::{MediaPool, Meeting};
use convene_protocol::admin::LinkPoint;
use k8s_openapi::api::{
    core::v1::{Pod, Service},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Client, ResourceExt,
    core::DeserializeGuard,
    runtime::reflector::{self, ObjectRef, Store, store::Writer},
};
use tokio::sync::mpsc;

use crate::{
    cluster::queue::WorkQueue,
    model::{
        backups::Backups,
        drain_pace::DrainPace,
        ledger::{Ledger, MeetingKey},
        media_pod::MediaPod,
        moves::Moves,
        valid_pool::PodDefaults,
        views::Views,
    },
};

/// Kinds that must be listed before the first decision.
const WATCHED_KINDS: usize = 7;

mod on_event;
mod on_move;
mod on_sites;
mod relief;

/// A custom resource that may not be parseable.
pub(crate) type Guarded<K> = DeserializeGuard<K>;
/// Requests the reconciliation of an object.
pub(crate) type Trigger<K> = mpsc::UnboundedSender<ObjectRef<Guarded<K>>>;
/// Requests for reconciliation, at the controller's end.
pub(crate) type Triggered<K> = mpsc::UnboundedReceiver<ObjectRef<Guarded<K>>>;

/// The caches, and what both controllers share.
pub struct ClusterCache {
    /// Client of the API server.
    pub(crate) client: Client,
    /// Namespace of pools and media pods.
    pub(crate) namespace: String,
    /// Settings that all media pods have in common.
    pub(crate) defaults: PodDefaults,
    /// All Meetings.
    pub(crate) meetings: Store<Guarded<Meeting>>,
    /// All pools.
    pub(crate) pools: Store<Guarded<MediaPool>>,
    /// All media pods.
    pub(crate) pods: Store<Pod>,
    /// All Services of media pods.
    pub(crate) services: Store<Service>,
    /// All disruption budgets of the operator.
    pub(crate) budgets: Store<PodDisruptionBudget>,
    /// The Meetings to reconcile.
    pub(crate) meeting_queue: Arc<WorkQueue<Arc<MeetingKey>>>,
    /// Requests the reconciliation of a pool.
    pub(crate) pool_trigger: Trigger<MediaPool>,
    /// Notifies subscribers that pods or rooms have changed.
    pub(crate) pods_changed: tokio::sync::watch::Sender<u64>,
    /// Everything that events and decisions change. The lock is held only briefly, never across I/O.
    state: Mutex<CacheState>,
    /// Kinds whose first full list is in the cache.
    listed: tokio::sync::watch::Sender<BTreeSet<String>>,
}

/// The input of decisions, behind one lock: each decision sees a consistent state and is recorded in it before the next one is made.
#[derive(Debug, Default)]
pub(crate) struct CacheState {
    /// Assignments, including those not yet visible in the cache.
    pub(crate) ledger: Ledger,
    /// Views of pools, pods and nodes.
    pub(crate) views: Views,
    /// Meetings that are moving with their participants.
    pub(crate) moves: Moves,
    /// Backups of rooms.
    pub(crate) backups: Backups,
    /// Where pods are linked that serve meetings of other pods, by UID, as they report it.
    pub(crate) lenders: HashMap<String, LinkPoint>,
    /// Limits how many participants are moved, for each pool.
    pub(crate) pace: DrainPace,
    /// Labels of namespaces, by name.
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// Pods that were created but have not been seen by the watch yet.
    expected_pods: HashSet<String>,
    /// Whether a pod may have been created although its creation was not confirmed.
    are_pods_uncertain: bool,
}

impl CacheState {
    pub(crate) fn namespace_labels(&self, name: &str) -> BTreeMap<String, String> {
        self.namespaces.get(name).cloned().unwrap_or_default()
    }

    fn expect_pod(&mut self, uid: &str) {
        if !self.views.pods().any(|pod| pod.uid == uid) {
            self.expected_pods.insert(uid.to_owned());
        }
    }
}

/// The writing ends of the caches and the receiving ends of the queues: each is used by one watch or controller.
pub struct CacheEnds {
    /// Cache of Meetings.
    pub meetings: Writer<Guarded<Meeting>>,
    /// Cache of pools.
    pub pools: Writer<Guarded<MediaPool>>,
    /// Cache of media pods.
    pub pods: Writer<Pod>,
    /// Cache of Services.
    pub services: Writer<Service>,
    /// Cache of disruption budgets.
    pub budgets: Writer<PodDisruptionBudget>,
    /// Pools to reconcile.
    pub pool_requests: Triggered<MediaPool>,
}

impl ClusterCache {
    /// Empty caches.
    pub fn new(client: Client, namespace: String, defaults: PodDefaults) -> (Arc<Self>, CacheEnds) {
        let (meetings, meetings_writer) = reflector::store();
        let (pools, pools_writer) = reflector::store();
        let (pods, pods_writer) = reflector::store();
        let (services, services_writer) = reflector::store();
        let (budgets, budgets_writer) = reflector::store();
        let (pool_trigger, pool_requests) = mpsc::unbounded_channel();
        let cache = Self {
            client,
            namespace,
            defaults,
            meetings,
            pools,
            pods,
            services,
            budgets,
            meeting_queue: Arc::default(),
            pool_trigger,
            pods_changed: tokio::sync::watch::Sender::default(),
            state: Mutex::default(),
            listed: tokio::sync::watch::Sender::default(),
        };
        let ends = CacheEnds {
            meetings: meetings_writer,
            pools: pools_writer,
            pods: pods_writer,
            services: services_writer,
            budgets: budgets_writer,
            pool_requests,
        };
        (Arc::new(cache), ends)
    }

    /// Waits for the first full list of every kind: a decision made earlier would consider every pod lost.
    ///
    /// `Store::wait_until_ready` will not do: it wakes only the latest of several waiters, and the others wait forever.
    pub(crate) async fn wait_until_complete(&self) {
        // Fails only if the sender is gone, which this struct owns.
        let _ = self.listed.subscribe().wait_for(|kinds| kinds.len() == WATCHED_KINDS).await;
    }

    pub(super) fn on_full_list(&self, kind: &str) {
        self.listed.send_if_modified(|kinds| kinds.insert(kind.to_owned()));
    }

    /// Locks the state. A panic while it was locked leaves it usable: each change is complete in itself.
    pub(crate) fn state(&self) -> MutexGuard<'_, CacheState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a pod was created: until the watch has seen it, the cache is incomplete.
    pub(crate) fn expect_pod(&self, uid: &str) {
        self.state().expect_pod(uid);
    }

    /// Records that a pod may have been created, because the response was lost: until the pods are listed, the cache is incomplete.
    pub(crate) fn invalidate_pods(&self) {
        self.state().are_pods_uncertain = true;
    }

    /// Records that these are all pods: the watch has yet to report those missing from the cache.
    pub(crate) fn confirm_pods(&self, all: &[Arc<MediaPod>]) {
        let mut state = self.state();
        state.are_pods_uncertain = false;
        for pod in all {
            state.expect_pod(&pod.uid);
        }
    }

    /// Whether the cache shows every pod that this process has created.
    pub(crate) fn has_all_pods(&self) -> bool {
        let state = self.state();
        !state.are_pods_uncertain && state.expected_pods.is_empty()
    }

    pub(crate) fn meeting(&self, namespace: &str, name: &str) -> Option<Arc<Guarded<Meeting>>> {
        self.meetings.get(&ObjectRef::new(name).within(namespace))
    }

    /// Enqueues a pool by name.
    pub(crate) fn enqueue_pool(&self, name: &str) {
        // Fails only during shutdown.
        let _ = self.pool_trigger.send(ObjectRef::new(name).within(&self.namespace));
    }

    /// Enqueues every pool.
    pub(crate) fn enqueue_all_pools(&self) {
        for pool in self.pools.state() {
            self.enqueue_pool(&pool.name_any());
        }
    }

    /// Enqueues a Meeting.
    pub(crate) fn enqueue_meeting(&self, key: &Arc<MeetingKey>) {
        self.meeting_queue.ask(Arc::clone(key));
    }

    /// Enqueues the meetings that were waiting for their namespace to get below a limit, where usage has decreased.
    pub(crate) fn enqueue_unblocked_meetings(&self) {
        let unblocked = self.state().ledger.take_unblocked();
        for key in &unblocked {
            self.enqueue_meeting(key);
        }
    }

    /// Enqueues the meetings of a pool that have no pod, in an order that is fair to namespaces.
    pub(crate) fn enqueue_waiting_meetings(&self, pool: &str) {
        let waiting: Vec<_> = self.state().ledger.meetings_waiting(pool).into_iter().cloned().collect();
        for key in &waiting {
            self.enqueue_meeting(key);
        }
    }

    /// Enqueues all meetings of a pool that is being deleted or is gone.
    pub(crate) fn enqueue_meetings_of(&self, pool: &str) {
        let own = self.state().ledger.meetings_of(pool);
        for key in &own {
            self.enqueue_meeting(key);
        }
    }

    /// Enqueues the meetings on a pod, and those of other pods that it serves.
    pub(crate) fn enqueue_meetings_on(&self, pod_uid: &str) {
        let bound: Vec<_> = {
            let ledger = &self.state().ledger;
            let own = ledger.meetings_on(pod_uid).map(|(_, key)| key);
            own.chain(ledger.guests_on(pod_uid)).cloned().collect()
        };
        for key in &bound {
            self.enqueue_meeting(key);
        }
    }

    /// Notifies subscribers that a meeting was deleted, moved or changed, so that its rooms are reconciled.
    pub(crate) fn rooms_changed(&self) {
        self.pods_changed.send_modify(|count| *count += 1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fixtures::ScriptedServer;

    #[tokio::test]
    async fn all_waiters_for_the_first_lists_are_woken() {
        let (_, client) = ScriptedServer::start(vec![]);
        let (cache, _ends) = ClusterCache::new(client, "harbor".into(), crate::fixtures::defaults());
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let cache = Arc::clone(&cache);
                tokio::spawn(async move { cache.wait_until_complete().await })
            })
            .collect();
        tokio::task::yield_now().await; // all of them wait now
        for kind in ["Meeting", "MediaPool", "Meeting", "Node", "Namespace", "Service", "PodDisruptionBudget"] {
            cache.on_full_list(kind);
        }
        assert!(waiting.iter().all(|one| !one.is_finished()));
        cache.on_full_list("Pod");
        for one in waiting {
            tokio::time::timeout(Duration::from_secs(5), one).await.unwrap().unwrap();
        }
    }
}
