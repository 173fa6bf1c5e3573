//! The objects of a simulated cluster, as an API server stores them: versions, preconditions, graceful deletion, and the full history.
//!
//! It does not speak HTTP and is purely passive: controllers, scheduler and kubelets are in `cluster`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    admission,
    kinds::{Key, Kind},
    patch,
    selector::Selector,
};

/// The author of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// The operator under test.
    Operator,
    /// Scheduler, kubelets, garbage collector.
    Cluster,
    /// Users with kubectl.
    Person,
}

/// A response that is not an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into() }
    }

    fn not_found(key: &Key) -> Self {
        Self::new(404, "NotFound", format!("{} {:?} not found", key.kind.plural(), key.name))
    }

    fn conflict(key: &Key, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {:?}: {why}", key.kind.plural(), key.name);
        Self::new(409, "Conflict", message)
    }
}

/// One change of one object.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) key: Key,
    pub(crate) actor: Actor,
    pub(crate) at: Instant,
    /// `None` when it was created.
    pub(crate) before: Option<Arc<Value>>,
    /// With the version of this change; the last state if it was removed.
    pub(crate) after: Arc<Value>,
    pub(crate) is_removal: bool,
}

/// Options of a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deletion {
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
    pub(crate) grace_seconds: Option<i64>,
}

/// Type of a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PatchKind {
    Merge,
    Strategic,
    /// By this field manager.
    Apply(String),
}

/// Called with each change.
pub(crate) type Guard = Box<dyn Fn(&Change) + Send + Sync>;

#[derive(Debug)]
struct Entry {
    object: Arc<Value>,
    /// What each manager applied last; status and the rest separately.
    applied: BTreeMap<(String, bool), Value>,
}

#[derive(Default)]
struct Inner {
    version: u64,
    objects: BTreeMap<Key, Entry>,
    history: Vec<Arc<Change>>,
    /// Watches from before this version get 410 Gone.
    compacted: u64,
    node_ports: BTreeSet<u16>,
    guard: Option<Guard>,
}

/// The objects.
pub(crate) struct Store {
    inner: Mutex<Inner>,
    latest: watch::Sender<u64>,
}

impl Store {
    pub(crate) fn new() -> Arc<Self> {
        let inner = Inner { version: 100, ..Inner::default() };
        Arc::new(Self { inner: Mutex::new(inner), latest: watch::Sender::new(100) })
    }

    pub(crate) fn set_guard(&self, guard: Guard) {
        self.lock().guard = Some(guard);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics while it holds the store")
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// Changes after `version`; `Err` if they are no longer stored.
    pub(crate) fn changes_after(&self, version: u64) -> Result<Vec<Arc<Change>>, Refusal> {
        let inner = self.lock();
        if version < inner.compacted {
            let message = format!("too old resource version: {version} ({})", inner.compacted);
            return Err(Refusal::new(410, "Expired", message));
        }
        let first = inner.history.partition_point(|change| change.version <= version);
        Ok(inner.history[first..].to_vec())
    }

    /// Makes watches from before now fail with 410 Gone.
    pub(crate) fn compact(&self) {
        let mut inner = self.lock();
        inner.compacted = inner.version;
    }

    pub(crate) fn get(&self, key: &Key) -> Result<Arc<Value>, Refusal> {
        self.lock().objects.get(key).map(|entry| Arc::clone(&entry.object)).ok_or_else(|| Refusal::not_found(key))
    }

    /// Objects, and their resource version.
    pub(crate) fn list(&self, kind: Kind, namespace: Option<&str>, selector: &Selector) -> (Vec<Arc<Value>>, u64) {
        let inner = self.lock();
        let of_kind = inner.objects.iter().filter(|(key, _)| key.kind == kind);
        let inside = of_kind.filter(|(key, _)| namespace.is_none_or(|namespace| key.namespace == namespace));
        let objects = inside.map(|(_, entry)| &entry.object).filter(|object| selector.matches(object));
        (objects.cloned().collect(), inner.version)
    }

    /// All objects of a kind.
    pub(crate) fn all(&self, kind: Kind) -> Vec<Arc<Value>> {
        self.list(kind, None, &Selector::default()).0
    }

    pub(crate) fn create(
        &self,
        actor: Actor,
        kind: Kind,
        namespace: &str,
        mut object: Value,
    ) -> Result<Arc<Value>, Refusal> {
        let mut inner = self.lock();
        let name = choose_name(&inner, &object)?;
        let key = Key::new(kind, if kind.is_namespaced() { namespace } else { "" }, &name);
        if inner.objects.contains_key(&key) {
            let message = format!("{} {:?} already exists", kind.plural(), key.name);
            return Err(Refusal::new(409, "AlreadyExists", message));
        }
        if object.pointer("/metadata/resourceVersion").is_some_and(|version| !version.is_null()) {
            let message = "resourceVersion should not be set on objects to be created";
            return Err(Refusal::new(400, "BadRequest", message));
        }
        complete_new(&key, &mut object);
        admission::admit(kind, &mut object, &mut inner.node_ports)?;
        Ok(self.commit(&mut inner, actor, key, None, object))
    }

    pub(crate) fn replace(
        &self,
        actor: Actor,
        key: &Key,
        is_status: bool,
        object: Value,
    ) -> Result<Arc<Value>, Refusal> {
        let mut inner = self.lock();
        let old = find(&inner, key)?;
        self.update(&mut inner, actor, key, &old, is_status, object)
    }

    pub(crate) fn patch(
        &self,
        actor: Actor,
        key: &Key,
        is_status: bool,
        how: &PatchKind,
        body: &Value,
    ) -> Result<Arc<Value>, Refusal> {
        let PatchKind::Apply(manager) = how else {
            let mut inner = self.lock();
            let old = find(&inner, key)?;
            let mut new = (*old).clone();
            match how {
                PatchKind::Strategic => patch::merge_strategically(&mut new, body),
                _ => patch::merge(&mut new, body),
            }
            return self.update(&mut inner, actor, key, &old, is_status, new);
        };
        if !self.lock().objects.contains_key(key) {
            return self.apply_to_nothing(actor, key, is_status, manager, body);
        }
        let mut inner = self.lock();
        let old = find(&inner, key)?;
        check_identity(key, &old, body)?;
        let wanted = compute_applied(body, is_status);
        let slot = (manager.clone(), is_status);
        let entry = inner.objects.get(key).expect("was found just now");
        let others: Vec<_> =
            entry.applied.iter().filter(|(other, _)| **other != slot).map(|(_, applied)| applied).collect();
        let mut new = (*old).clone();
        patch::apply(&mut new, entry.applied.get(&slot), &others, &wanted);
        let updated = self.update(&mut inner, actor, key, &old, is_status, new)?;
        if let Some(entry) = inner.objects.get_mut(key) {
            entry.applied.insert(slot, wanted);
        }
        Ok(updated)
    }

    fn apply_to_nothing(
        &self,
        actor: Actor,
        key: &Key,
        is_status: bool,
        manager: &str,
        body: &Value,
    ) -> Result<Arc<Value>, Refusal> {
        if is_status {
            return Err(Refusal::not_found(key));
        }
        if body.pointer("/metadata/uid").is_some_and(Value::is_string) {
            return Err(Refusal::conflict(key, "Precondition failed: UID in precondition, but there is no object"));
        }
        let created = self.create(actor, key.kind, &key.namespace, body.clone())?;
        if let Some(entry) = self.lock().objects.get_mut(key) {
            entry.applied.insert((manager.to_owned(), false), compute_applied(body, false));
        }
        Ok(created)
    }

    /// The object after the change, and whether it is gone.
    pub(crate) fn delete(&self, actor: Actor, key: &Key, how: &Deletion) -> Result<(Arc<Value>, bool), Refusal> {
        let mut inner = self.lock();
        let old = find(&inner, key)?;
        let differs = |wanted: &Option<String>, field: &str| {
            wanted.as_ref().is_some_and(|wanted| old["metadata"][field].as_str() != Some(wanted))
        };
        if differs(&how.uid, "uid") || differs(&how.resource_version, "resourceVersion") {
            return Err(Refusal::conflict(key, "Precondition failed: UID or resource version differs"));
        }
        let grace = compute_grace(key.kind, &old, how);
        if grace == 0 && !has_finalizers(&old) {
            return Ok((self.remove(&mut inner, actor, key), true));
        }
        if !old["metadata"]["deletionTimestamp"].is_null() {
            return Ok((old, false));
        }
        let mut new = (*old).clone();
        let end = Timestamp::now().as_second() + grace;
        new["metadata"]["deletionTimestamp"] = json!(format_time(end));
        new["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
        Ok((self.commit(&mut inner, actor, key.clone(), Some(old), new), false))
    }

    /// Changes any part of an object, like components of Kubernetes do. No effect if it is gone.
    pub(crate) fn edit(&self, actor: Actor, key: &Key, change: impl FnOnce(&mut Value)) {
        let mut inner = self.lock();
        let Ok(old) = find(&inner, key) else { return };
        let mut new = (*old).clone();
        change(&mut new);
        if new != *old {
            self.commit(&mut inner, actor, key.clone(), Some(old), new);
        }
    }

    /// Removes an object immediately, if it is still the same.
    pub(crate) fn remove_now(&self, actor: Actor, key: &Key, uid: &str) {
        let mut inner = self.lock();
        if find(&inner, key).is_ok_and(|object| object["metadata"]["uid"] == uid) {
            self.remove(&mut inner, actor, key);
        }
    }

    /// Objects all of whose owners are gone, and their UIDs.
    pub(crate) fn orphans(&self) -> Vec<(Key, String)> {
        let inner = self.lock();
        let uid = |entry: &Entry| entry.object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let owned = |entry: &&Entry| entry.object["metadata"]["ownerReferences"].is_array();
        let is_alive =
            |owner: &Value| inner.objects.values().any(|entry| entry.object["metadata"]["uid"] == owner["uid"]);
        let is_orphan = |entry: &Entry| {
            let owners = entry.object["metadata"]["ownerReferences"].as_array().expect("is an array");
            !owners.is_empty() && !owners.iter().any(is_alive)
        };
        let all = inner.objects.iter().filter(|(_, entry)| owned(entry) && is_orphan(entry));
        all.map(|(key, entry)| (key.clone(), uid(entry))).collect()
    }

    fn update(
        &self,
        inner: &mut Inner,
        actor: Actor,
        key: &Key,
        old: &Arc<Value>,
        is_status: bool,
        new: Value,
    ) -> Result<Arc<Value>, Refusal> {
        check_identity(key, old, &new)?;
        let mut new = if is_status { with_status_of(old, &new) } else { keep_what_is_not_theirs(key.kind, old, new) };
        if !is_status {
            admission::admit(key.kind, &mut new, &mut inner.node_ports)?;
        }
        if new.get("spec") != old.get("spec") {
            new["metadata"]["generation"] = json!(old["metadata"]["generation"].as_i64().unwrap_or_default() + 1);
        }
        if new == **old {
            return Ok(Arc::clone(old));
        }
        let is_last_finalizer_gone = has_finalizers(old) && !has_finalizers(&new);
        if is_last_finalizer_gone && !new["metadata"]["deletionTimestamp"].is_null() {
            self.commit(inner, actor, key.clone(), Some(Arc::clone(old)), new);
            return Ok(self.remove(inner, actor, key));
        }
        Ok(self.commit(inner, actor, key.clone(), Some(Arc::clone(old)), new))
    }

    fn commit(
        &self,
        inner: &mut Inner,
        actor: Actor,
        key: Key,
        before: Option<Arc<Value>>,
        mut object: Value,
    ) -> Arc<Value> {
        object["metadata"]["resourceVersion"] = json!((inner.version + 1).to_string());
        let object = Arc::new(object);
        if let Some(entry) = inner.objects.get_mut(&key) {
            entry.object = Arc::clone(&object);
        } else {
            let entry = Entry { object: Arc::clone(&object), applied: BTreeMap::new() };
            inner.objects.insert(key.clone(), entry);
        }
        self.record(inner, actor, key, before, Arc::clone(&object), false);
        object
    }

    fn remove(&self, inner: &mut Inner, actor: Actor, key: &Key) -> Arc<Value> {
        let entry = inner.objects.remove(key).expect("it was found before it is removed");
        let mut last = (*entry.object).clone();
        last["metadata"]["resourceVersion"] = json!((inner.version + 1).to_string());
        let last = Arc::new(last);
        self.record(inner, actor, key.clone(), Some(entry.object), Arc::clone(&last), true);
        last
    }

    fn record(
        &self,
        inner: &mut Inner,
        actor: Actor,
        key: Key,
        before: Option<Arc<Value>>,
        after: Arc<Value>,
        is_removal: bool,
    ) {
        inner.version += 1;
        let change = Change { version: inner.version, key, actor, at: Instant::now(), before, after, is_removal };
        if let Some(guard) = &inner.guard {
            guard(&change);
        }
        inner.history.push(Arc::new(change));
        self.latest.send_replace(inner.version);
    }
}

fn find(inner: &Inner, key: &Key) -> Result<Arc<Value>, Refusal> {
    inner.objects.get(key).map(|entry| Arc::clone(&entry.object)).ok_or_else(|| Refusal::not_found(key))
}

fn choose_name(inner: &Inner, object: &Value) -> Result<String, Refusal> {
    let text = |field: &str| object["metadata"][field].as_str().filter(|text| !text.is_empty());
    let generated = || text("generateName").map(|prefix| format!("{prefix}{:05}", inner.version % 100_000));
    let name = text("name").map(str::to_owned).or_else(generated);
    name.ok_or_else(|| Refusal::new(422, "Invalid", "name or generateName is required"))
}

fn complete_new(key: &Key, object: &mut Value) {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    object["apiVersion"] = json!(key.kind.api_version());
    object["kind"] = json!(key.kind.word());
    if key.kind.has_status() {
        object.as_object_mut().expect("metadata was put into it").remove("status");
    }
    if key.kind == Kind::Pod {
        object["status"] = json!({"phase": "Pending"});
    }
    let metadata = &mut object["metadata"];
    metadata["name"] = json!(key.name);
    if key.kind.is_namespaced() {
        metadata["namespace"] = json!(key.namespace);
    }
    metadata["uid"] = json!(format!("{}-{:016x}", key.name, rand::random::<u64>()));
    metadata["creationTimestamp"] = json!(format_time(Timestamp::now().as_second()));
    metadata["generation"] = json!(1);
}

pub(crate) fn format_time(second: i64) -> String {
    Timestamp::from_second(second).expect("the time is of this age").to_string()
}

fn check_identity(key: &Key, old: &Value, new: &Value) -> Result<(), Refusal> {
    for field in ["uid", "resourceVersion"] {
        let (known, claimed) = (&old["metadata"][field], &new["metadata"][field]);
        let is_claimed = claimed.as_str().is_some_and(|claimed| !claimed.is_empty());
        if is_claimed && known != claimed {
            let why = if field == "uid" {
                "Precondition failed: the UID differs"
            } else {
                "the object has been modified; please apply your changes to the latest version and try again"
            };
            return Err(Refusal::conflict(key, why));
        }
    }
    Ok(())
}

fn with_status_of(old: &Value, new: &Value) -> Value {
    let mut object = old.clone();
    match new.get("status") {
        Some(status) => object["status"] = status.clone(),
        None => drop(object.as_object_mut().map(|fields| fields.remove("status"))),
    }
    object
}

/// An update does not change identity, deletion and status.
fn keep_what_is_not_theirs(kind: Kind, old: &Value, mut new: Value) -> Value {
    let fields = [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
    ];
    for field in fields {
        restore(&mut new["metadata"], &old["metadata"], field);
    }
    for field in ["apiVersion", "kind"] {
        restore(&mut new, old, field);
    }
    if kind.has_status() {
        restore(&mut new, old, "status");
    }
    new
}

fn restore(new: &mut Value, old: &Value, field: &str) {
    let Some(fields) = new.as_object_mut() else { return };
    match old.get(field) {
        Some(value) => drop(fields.insert(field.to_owned(), value.clone())),
        None => drop(fields.remove(field)),
    }
}

/// The manager's part of an applied body: without identity, and either the status or the rest.
fn compute_applied(body: &Value, is_status: bool) -> Value {
    if is_status {
        return json!({"status": body.get("status").cloned().unwrap_or_else(|| json!({}))});
    }
    let mut applied = body.clone();
    if let Some(fields) = applied.as_object_mut() {
        for field in ["apiVersion", "kind", "status"] {
            fields.remove(field);
        }
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in ["name", "namespace", "uid", "resourceVersion"] {
                metadata.remove(field);
            }
        }
    }
    applied
}

fn has_finalizers(object: &Value) -> bool {
    object["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())
}

/// Only pods on a node terminate gracefully.
fn compute_grace(kind: Kind, object: &Value, how: &Deletion) -> i64 {
    let is_running = object["spec"]["nodeName"].is_string()
        && !matches!(object["status"]["phase"].as_str(), Some("Failed" | "Succeeded"));
    if kind != Kind::Pod || !is_running {
        return 0;
    }
    how.grace_seconds.or_else(|| object["spec"]["terminationGracePeriodSeconds"].as_i64()).unwrap_or(30)
}
