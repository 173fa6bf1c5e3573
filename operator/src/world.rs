//! What the operator knows of the cluster: three watches (Meetings everywhere, `MediaPools` and media pods in its own namespace), their
//! caches, and who is to look again when something in them changes.
//!
//! It decides nothing and writes nothing. Types that users write are watched through `DeserializeGuard`: an object that cannot be read is
//! seen as such and stops no other.

use std::{collections::BTreeSet, fmt::Debug, sync::Arc};

use convene_crds::{
    MediaPool, Meeting,
    names::{LABEL_POOL, MEDIA_POD_SELECTOR},
};
use futures_util::{Stream, StreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::{
        WatchStreamExt,
        reflector::{self, ObjectRef, Store, store::Writer},
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, mpsc};

use crate::{
    client::{WatchBackoff, watch_config},
    ledger::Ledger,
};

/// Meeting, `MediaPool` and Pod.
const WATCHED_KINDS: usize = 3;

/// An object of a type that users write: it may be unreadable.
pub type Guarded<K> = DeserializeGuard<K>;
/// Asks a controller to look at an object.
pub type Trigger<K> = mpsc::UnboundedSender<ObjectRef<Guarded<K>>>;
/// Where a controller hears of objects to look at.
pub type Triggered<K> = mpsc::UnboundedReceiver<ObjectRef<Guarded<K>>>;

/// The caches, and what both controllers share.
pub struct World {
    /// Connection to the API server.
    pub client: Client,
    /// Namespace of pools and media pods.
    pub namespace: String,
    /// Every Meeting.
    pub meetings: Store<Guarded<Meeting>>,
    /// Every pool.
    pub pools: Store<Guarded<MediaPool>>,
    /// Every media pod.
    pub pods: Store<Pod>,
    /// Decisions under way. Held only for the moment of a decision, never across I/O.
    pub ledger: std::sync::Mutex<Ledger>,
    /// Asks for a look at a Meeting.
    pub look_at_meeting: Trigger<Meeting>,
    /// Asks for a look at a pool.
    pub look_at_pool: Trigger<MediaPool>,
    /// Asks for a look at the rooms of all pods.
    pub look_at_rooms: Notify,
    /// Kinds whose first full list is in the cache.
    listed: tokio::sync::watch::Sender<BTreeSet<String>>,
}

/// The writing ends of the caches and the hearing ends of the triggers: each is used by one watch or controller.
pub struct WorldEnds {
    /// Cache of Meetings.
    pub meetings: Writer<Guarded<Meeting>>,
    /// Cache of pools.
    pub pools: Writer<Guarded<MediaPool>>,
    /// Cache of pods.
    pub pods: Writer<Pod>,
    /// Meetings to look at.
    pub meetings_to_look_at: Triggered<Meeting>,
    /// Pools to look at.
    pub pools_to_look_at: Triggered<MediaPool>,
}

impl World {
    /// Empty caches.
    pub fn new(client: Client, namespace: String) -> (Arc<Self>, WorldEnds) {
        let (meetings, meetings_writer) = reflector::store();
        let (pools, pools_writer) = reflector::store();
        let (pods, pods_writer) = reflector::store();
        let (look_at_meeting, meetings_to_look_at) = mpsc::unbounded_channel();
        let (look_at_pool, pools_to_look_at) = mpsc::unbounded_channel();
        let ledger = std::sync::Mutex::default();
        let world = Self {
            client,
            namespace,
            meetings,
            pools,
            pods,
            ledger,
            look_at_meeting,
            look_at_pool,
            look_at_rooms: Notify::new(),
            listed: tokio::sync::watch::Sender::default(),
        };
        let ends = WorldEnds {
            meetings: meetings_writer,
            pools: pools_writer,
            pods: pods_writer,
            meetings_to_look_at,
            pools_to_look_at,
        };
        (Arc::new(world), ends)
    }

    /// Waits for the first full list of everything: a decision made before would take every pod for lost.
    ///
    /// The stores' own wait will not do: of several waiters it wakes only the one that asked last, and the others wait for ever.
    pub async fn wait_until_complete(&self) {
        // Fails only if the sender is gone, and that is part of us.
        let _ = self.listed.subscribe().wait_for(|kinds| kinds.len() == WATCHED_KINDS).await;
    }

    fn heard_full_list(&self, kind: &str) {
        self.listed.send_if_modified(|kinds| kinds.insert(kind.to_owned()));
    }

    /// The ledger. A panic elsewhere while it was held leaves it usable: each change to it is complete in itself.
    pub fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Every readable Meeting.
    pub fn readable_meetings(&self) -> Vec<Arc<Guarded<Meeting>>> {
        self.meetings.state_filter(|meeting| meeting.0.is_ok())
    }

    /// The pool of this name.
    pub fn pool(&self, name: &str) -> Option<Arc<Guarded<MediaPool>>> {
        self.pools.get(&ObjectRef::new(name).within(&self.namespace))
    }

    /// Asks for a look at a pool by name.
    pub fn ask_pool(&self, name: &str) {
        // Nobody hears it only while the process ends.
        let _ = self.look_at_pool.send(ObjectRef::new(name).within(&self.namespace));
    }

    /// Asks for a look at a Meeting.
    pub fn ask_meeting(&self, meeting: &Guarded<Meeting>) {
        let _ = self.look_at_meeting.send(ObjectRef::from_obj(meeting));
    }

    /// Asks for a look at the meetings of a pool that no pod carries.
    pub fn ask_waiting_meetings(&self, pool: &str) {
        for meeting in self.readable_meetings() {
            if meeting.0.as_ref().is_ok_and(|meeting| meeting.spec.pool == pool && pod_uid(meeting).is_none()) {
                self.ask_meeting(&meeting);
            }
        }
    }

    fn heard_meeting(&self, event: &Event<Guarded<Meeting>>) {
        let (Event::Apply(guarded) | Event::Delete(guarded)) = event else { return };
        let Ok(meeting) = &guarded.0 else { return };
        self.ask_pool(&meeting.spec.pool);
        if matches!(event, Event::Delete(_)) {
            self.look_at_rooms.notify_one();
            self.ask_waiting_meetings(&meeting.spec.pool);
        }
    }

    fn heard_pool(&self, event: &Event<Guarded<MediaPool>>) {
        if let Event::Apply(pool) | Event::Delete(pool) = event {
            self.ask_waiting_meetings(&pool.name_any());
        }
    }

    fn heard_pod(&self, event: &Event<Pod>) {
        let (Event::Apply(pod) | Event::Delete(pod)) = event else { return };
        let Some(pool) = pod.labels().get(LABEL_POOL) else { return };
        self.ask_pool(pool);
        let uid = pod.metadata.uid.as_deref();
        for meeting in self.readable_meetings() {
            let is_concerned = |meeting: &Meeting| match pod_uid(meeting) {
                Some(bound) => Some(bound) == uid,
                None => meeting.spec.pool == *pool,
            };
            if meeting.0.as_ref().is_ok_and(is_concerned) {
                self.ask_meeting(&meeting);
            }
        }
    }
}

/// Pod of a meeting, as its status says.
fn pod_uid(meeting: &Meeting) -> Option<&str> {
    meeting.status.as_ref()?.pod.as_ref().map(|pod| pod.uid.as_str())
}

/// The watch of Meetings, for their controller.
pub fn watch_meetings(
    world: &Arc<World>,
    writer: Writer<Guarded<Meeting>>,
) -> impl Stream<Item = Changed<Meeting>> + Send + use<> {
    let api = Api::all(world.client.clone());
    watch(api, watch_config(), writer, Arc::clone(world), World::heard_meeting)
}

/// The watch of pools, for their controller.
pub fn watch_pools(
    world: &Arc<World>,
    writer: Writer<Guarded<MediaPool>>,
) -> impl Stream<Item = Changed<MediaPool>> + Send + use<> {
    let api = Api::namespaced(world.client.clone(), &world.namespace);
    watch(api, watch_config(), writer, Arc::clone(world), World::heard_pool)
}

/// Watches media pods; ends never.
pub async fn watch_pods(world: Arc<World>, writer: Writer<Pod>) {
    let api = Api::namespaced(world.client.clone(), &world.namespace);
    let config = watch_config().labels(MEDIA_POD_SELECTOR);
    watch(api, config, writer, world, World::heard_pod).for_each(|_| std::future::ready(())).await;
}

type Changed<K> = Result<Guarded<K>, watcher::Error>;

/// The cache is written before anybody is told. A broken watch is taken up again with growing pauses, and the cache stays as it was.
fn watch<K>(
    api: Api<K>,
    config: watcher::Config,
    writer: Writer<K>,
    world: Arc<World>,
    heard: fn(&World, &Event<K>),
) -> impl Stream<Item = Result<K, watcher::Error>> + Send
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let events = watcher(api, config)
        .backoff(WatchBackoff::default())
        .modify(|object| object.managed_fields_mut().clear())
        .reflect(writer);
    events
        .inspect(move |event| match event {
            Ok(Event::InitDone) => world.heard_full_list(&K::kind(&())),
            Ok(event) => heard(&world, event),
            Err(error) => tracing::warn!(error = error as &dyn std::error::Error, kind = %K::kind(&()), "watch broke, trying again"),
        })
        .touched_objects()
}

/// A receiver as a stream.
pub fn stream_of<T: Send + 'static>(receiver: mpsc::UnboundedReceiver<T>) -> impl Stream<Item = T> + Send {
    stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|item| (item, receiver)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fixtures::ScriptedServer;

    #[tokio::test]
    async fn everybody_who_waits_for_the_first_lists_is_woken() {
        let (_, client) = ScriptedServer::start(vec![]);
        let (world, _ends) = World::new(client, "harbor".into());
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let world = Arc::clone(&world);
                tokio::spawn(async move { world.wait_until_complete().await })
            })
            .collect();
        tokio::task::yield_now().await; // all of them wait now
        for kind in ["Meeting", "MediaPool", "Meeting"] {
            world.heard_full_list(kind);
        }
        assert!(waiting.iter().all(|one| !one.is_finished()));
        world.heard_full_list("Pod");
        for one in waiting {
            tokio::time::timeout(Duration::from_secs(5), one).await.unwrap().unwrap();
        }
    }
}
