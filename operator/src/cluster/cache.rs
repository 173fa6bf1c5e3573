//! What the operator knows of the cluster: its watches (Meetings, nodes and namespaces everywhere; `MediaPools`, media pods, their Services
//! and disruption budgets in its own namespace), their caches, and who is to look again when something in them changes.
//!
//! It decides nothing and writes nothing. Types that users write are watched through `DeserializeGuard`: an object that cannot be read is
//! seen as such and stops no other.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use convene_crds::{MediaPool, Meeting};
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
        ledger::{Ledger, MeetingKey},
        media_pod::MediaPod,
        valid_pool::PodDefaults,
        views::Views,
    },
};

/// Kinds whose first full list must be there before anything is decided.
const WATCHED_KINDS: usize = 7;

mod on_event;

/// An object of a type that users write: it may be unreadable.
pub(crate) type Guarded<K> = DeserializeGuard<K>;
/// Asks a controller to look at an object.
pub(crate) type Trigger<K> = mpsc::UnboundedSender<ObjectRef<Guarded<K>>>;
/// Where a controller hears of objects to look at.
pub(crate) type Triggered<K> = mpsc::UnboundedReceiver<ObjectRef<Guarded<K>>>;

/// The caches, and what both controllers share.
pub struct ClusterCache {
    /// Connection to the API server.
    pub(crate) client: Client,
    /// Namespace of pools and media pods.
    pub(crate) namespace: String,
    /// What media pods have in common.
    pub(crate) defaults: PodDefaults,
    /// Every Meeting.
    pub(crate) meetings: Store<Guarded<Meeting>>,
    /// Every pool.
    pub(crate) pools: Store<Guarded<MediaPool>>,
    /// Every media pod.
    pub(crate) pods: Store<Pod>,
    /// Every Service that opens the ports of a media pod.
    pub(crate) services: Store<Service>,
    /// Every disruption budget of ours.
    pub(crate) budgets: Store<PodDisruptionBudget>,
    /// The Meetings to look at.
    pub(crate) meeting_queue: Arc<WorkQueue<Arc<MeetingKey>>>,
    /// Asks for a look at a pool.
    pub(crate) pool_trigger: Trigger<MediaPool>,
    /// The set of pods has changed: whoever follows pods should look.
    pub(crate) pods_changed: tokio::sync::watch::Sender<u64>,
    /// Decisions under way. Held only for the moment of a decision, never across I/O.
    ledger: Mutex<Ledger>,
    /// Views of pools, pods and nodes. Where both are held, the ledger is taken first.
    views: Mutex<Views>,
    /// Labels of namespaces, by name.
    namespaces: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
    /// Pods that were created and that the watch has not told of yet.
    expected_pods: Mutex<HashSet<String>>,
    /// Whether a pod may have been created that nobody told of.
    are_pods_uncertain: AtomicBool,
    /// Kinds whose first full list is in the cache.
    listed: tokio::sync::watch::Sender<BTreeSet<String>>,
}

/// The writing ends of the caches and the hearing ends of the triggers: each is used by one watch or controller.
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
    /// Pools to look at.
    pub pool_requests: Triggered<MediaPool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere while it was held leaves it usable: each change is complete in itself.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
            ledger: Mutex::default(),
            views: Mutex::default(),
            namespaces: Mutex::default(),
            expected_pods: Mutex::default(),
            are_pods_uncertain: AtomicBool::new(false),
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

    /// Waits for the first full list of everything: a decision made before would take every pod for lost.
    ///
    /// The stores' own wait will not do: of several waiters it wakes only the one that asked last, and the others wait for ever.
    pub(crate) async fn wait_until_complete(&self) {
        // Fails only if the sender is gone, and that is part of us.
        let _ = self.listed.subscribe().wait_for(|kinds| kinds.len() == WATCHED_KINDS).await;
    }

    pub(super) fn on_full_list(&self, kind: &str) {
        self.listed.send_if_modified(|kinds| kinds.insert(kind.to_owned()));
    }

    /// The ledger.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// The views.
    pub(crate) fn views(&self) -> MutexGuard<'_, Views> {
        lock(&self.views)
    }

    /// The labels of a namespace.
    pub(crate) fn namespace_labels(&self, name: &str) -> BTreeMap<String, String> {
        lock(&self.namespaces).get(name).cloned().unwrap_or_default()
    }

    /// A pod was created: until the watch tells of it, the cache does not say all there is.
    pub(crate) fn expect_pod(&self, uid: &str) {
        if !self.views().pods().any(|pod| pod.uid == uid) {
            lock(&self.expected_pods).insert(uid.to_owned());
        }
    }

    /// A pod may have been created: nobody knows, because the answer was lost. Until the pods are listed the cache does not say all there is.
    pub(crate) fn invalidate_pods(&self) {
        self.are_pods_uncertain.store(true, Ordering::Relaxed);
    }

    /// These are all the pods: what of them the cache lacks will come.
    pub(crate) fn confirm_pods(&self, all: &[Arc<MediaPod>]) {
        self.are_pods_uncertain.store(false, Ordering::Relaxed);
        for pod in all {
            self.expect_pod(&pod.uid);
        }
    }

    /// Whether the cache of pods shows every pod that was created here.
    pub(crate) fn has_all_pods(&self) -> bool {
        !self.are_pods_uncertain.load(Ordering::Relaxed) && lock(&self.expected_pods).is_empty()
    }

    /// The Meeting of this name.
    pub(crate) fn meeting(&self, namespace: &str, name: &str) -> Option<Arc<Guarded<Meeting>>> {
        self.meetings.get(&ObjectRef::new(name).within(namespace))
    }

    /// Asks for a look at a pool by name.
    pub(crate) fn enqueue_pool(&self, name: &str) {
        // Nobody hears it only while the process ends.
        let _ = self.pool_trigger.send(ObjectRef::new(name).within(&self.namespace));
    }

    /// Asks for a look at every pool.
    pub(crate) fn enqueue_all_pools(&self) {
        for pool in self.pools.state() {
            self.enqueue_pool(&pool.name_any());
        }
    }

    /// Asks for a look at a Meeting.
    pub(crate) fn enqueue_meeting(&self, key: &Arc<MeetingKey>) {
        self.meeting_queue.ask(Arc::clone(key));
    }

    /// Asks for a look at the meetings that waited for their namespace to get below a limit, where usage has become smaller.
    pub(crate) fn enqueue_unblocked_meetings(&self) {
        let unblocked = self.ledger().take_unblocked();
        for key in &unblocked {
            self.enqueue_meeting(key);
        }
    }

    /// Asks for a look at the meetings of a pool that no pod carries, in a fair order over namespaces.
    pub(crate) fn enqueue_waiting_meetings(&self, pool: &str) {
        let waiting: Vec<_> = self.ledger().meetings_waiting(pool).into_iter().cloned().collect();
        for key in &waiting {
            self.enqueue_meeting(key);
        }
    }

    /// Asks for a look at all meetings of a pool: it is going, or gone.
    pub(crate) fn enqueue_meetings_of(&self, pool: &str) {
        let own = self.ledger().meetings_of(pool);
        for key in &own {
            self.enqueue_meeting(key);
        }
    }

    /// Asks for a look at the meetings on a pod.
    pub(crate) fn enqueue_meetings_on(&self, pod_uid: &str) {
        let bound: Vec<_> = self.ledger().meetings_on(pod_uid).map(|(_, key)| Arc::clone(key)).collect();
        for key in &bound {
            self.enqueue_meeting(key);
        }
    }

    /// A meeting is gone, lives elsewhere or has changed: whoever follows rooms should compare.
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
    async fn everybody_who_waits_for_the_first_lists_is_woken() {
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
