//! One simulation: a cluster with two nodes, an operator that restarts whenever it ends, and a user with kubectl.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::Notify,
    task::AbortHandle,
    time::{Instant, timeout},
};

use super::{
    cluster::Cluster,
    faults::{CrashPoint, Line, Weather},
    kinds::{Key, Kind},
    operator::{HOME, KEYS, Operator, SECRET},
    pods::Processes,
    rules::Rules,
    store::{Actor, Deletion, PatchKind, Store},
};

/// Namespace of the meetings.
pub(crate) const CREW: &str = "crew";
/// Name of the pool.
pub(crate) const POOL: &str = "lagoon";
/// Names of the nodes.
pub(crate) const NODES: [&str; 2] = ["pier-1", "pier-2"];

/// Time limit of each step.
const LIMIT: Duration = Duration::from_mins(3);
/// How long an end state must last to count.
const CALM: Duration = Duration::from_millis(500);

/// The faults of a simulation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// The first process crashes here.
    pub(crate) crash: Option<CrashPoint>,
    /// Random faults.
    pub(crate) seed: Option<u64>,
}

/// A running simulation; it ends when it is dropped.
pub(crate) struct World {
    pub(crate) store: Arc<Store>,
    pub(crate) processes: Arc<Processes>,
    pub(crate) weather: Arc<Weather>,
    pub(crate) rules: Arc<Rules>,
    supervisor: Arc<Supervisor>,
    tasks: Vec<AbortHandle>,
}

struct Supervisor {
    store: Arc<Store>,
    weather: Arc<Weather>,
    log: Arc<Mutex<Vec<String>>>,
    line: Mutex<Option<Arc<Line>>>,
    restart: Notify,
    crashes: AtomicU64,
    ends: Mutex<Vec<String>>,
}

impl World {
    pub(crate) fn start(trouble: Trouble) -> Arc<Self> {
        let (store, processes) = (Store::new(), Processes::new());
        let rules = Rules::new(&processes);
        let looked = Arc::clone(&rules);
        store.set_guard(Box::new(move |change| looked.check(change)));
        furnish(&store);
        let weather = trouble.seed.map_or_else(Weather::fair, Weather::foul);
        let supervisor = Arc::new(Supervisor {
            store: Arc::clone(&store),
            weather: Arc::clone(&weather),
            log: Arc::default(),
            line: Mutex::default(),
            restart: Notify::new(),
            crashes: AtomicU64::new(0),
            ends: Mutex::default(),
        });
        let tasks = vec![
            tokio::spawn(Cluster::new(&store, &processes).run()).abort_handle(),
            tokio::spawn(Arc::clone(&supervisor).run(trouble.crash)).abort_handle(),
        ];
        Arc::new(Self { store, processes, weather, rules, supervisor, tasks })
    }

    /// Waits until `ask` returns `Ok`; its `Err` says what is missing.
    pub(crate) async fn wait(&self, what: &str, ask: impl Fn(&Self) -> Result<(), String>) -> Result<(), String> {
        self.wait_calmly(what, Duration::ZERO, ask).await
    }

    /// Waits until `ask` returns `Ok` and continues to do so.
    pub(crate) async fn settle(&self, what: &str, ask: impl Fn(&Self) -> Result<(), String>) -> Result<(), String> {
        self.wait_calmly(what, CALM, ask).await
    }

    async fn wait_calmly(
        &self,
        what: &str,
        calm: Duration,
        ask: impl Fn(&Self) -> Result<(), String>,
    ) -> Result<(), String> {
        let (mut objects, mut people) = (self.store.subscribe(), self.processes.subscribe());
        let begin = Instant::now();
        let mut content_since = None;
        loop {
            objects.mark_unchanged();
            people.mark_unchanged();
            match ask(self) {
                Ok(()) => {
                    let since: &mut Instant = content_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= calm {
                        return Ok(());
                    }
                }
                Err(missing) if begin.elapsed() > LIMIT => return Err(format!("{what}: {missing}")),
                Err(_) => content_since = None,
            }
            let changed = async {
                tokio::select! { _ = objects.changed() => {}, _ = people.changed() => {} }
            };
            // Without changes for long, time itself counts.
            let _ = timeout(Duration::from_millis(250), changed).await;
        }
    }

    pub(crate) fn create(&self, kind: Kind, namespace: &str, object: Value) {
        self.store.create(Actor::Person, kind, namespace, object).expect("a person makes no mistakes");
    }

    pub(crate) fn pool(&self, spec: Value) {
        let mut full = json!({"rtcPorts": {"min": 41000, "max": 41199}, "probeMedia": false});
        super::patch::merge(&mut full, &spec);
        self.create(Kind::MediaPool, HOME, json!({"metadata": {"name": POOL}, "spec": full}));
    }

    pub(crate) fn meeting(&self, name: &str, spec: Value) {
        let mut full = json!({"pool": POOL});
        super::patch::merge(&mut full, &spec);
        self.create(Kind::Meeting, CREW, json!({"metadata": {"name": name}, "spec": full}));
    }

    pub(crate) fn change(&self, kind: Kind, namespace: &str, name: &str, patch: &Value) {
        let key = Key::new(kind, namespace, name);
        let changed = self.store.patch(Actor::Person, &key, false, &PatchKind::Merge, patch);
        changed.expect("a person makes no mistakes");
    }

    /// It may be gone already.
    pub(crate) fn delete(&self, kind: Kind, namespace: &str, name: &str, grace_seconds: Option<i64>) {
        let deletion = Deletion { grace_seconds, ..Deletion::default() };
        let _ = self.store.delete(Actor::Person, &Key::new(kind, namespace, name), &deletion);
    }

    /// Ends the process and starts another.
    pub(crate) fn restart_operator(&self) {
        self.supervisor.restart.notify_one();
    }

    /// Writes of the first process, counted like crash points.
    pub(crate) fn writes(&self) -> u64 {
        let line = self.supervisor.line.lock().expect("nothing panics here");
        line.as_ref().map_or(0, |line| line.writes())
    }

    /// Whether the crash point was reached.
    pub(crate) fn has_crashed(&self) -> bool {
        self.supervisor.crashes.load(Ordering::SeqCst) > 0
    }

    /// All attempted writes, in order: status, method and path.
    pub(crate) fn log(&self) -> Vec<String> {
        self.supervisor.log.lock().expect("nothing panics here").clone()
    }

    /// Errors of processes that ended by themselves.
    pub(crate) fn ends(&self) -> Vec<String> {
        self.supervisor.ends.lock().expect("nothing panics here").clone()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Supervisor {
    async fn run(self: Arc<Self>, mut crash: Option<CrashPoint>) {
        loop {
            let line = Line::new(&self.store, &self.weather, crash.take(), &self.log);
            *self.line.lock().expect("nothing panics here") = Some(Arc::clone(&line));
            let mut operator = Operator::start(line);
            let end = tokio::select! {
                end = operator.wait_for_end() => end,
                () = self.restart.notified() => Some("restarted".to_owned()),
            };
            operator.kill().await;
            match end {
                None => drop(self.crashes.fetch_add(1, Ordering::SeqCst)),
                Some(how) => self.ends.lock().expect("nothing panics here").push(how),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn furnish(store: &Store) {
    let make = |kind, namespace: &str, object| {
        store.create(Actor::Person, kind, namespace, object).expect("the first object of its name");
    };
    for name in [HOME, CREW] {
        make(Kind::Namespace, "", json!({"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}}));
    }
    for (number, name) in NODES.iter().enumerate() {
        make(Kind::Node, "", json!({"metadata": {"name": name}, "spec": {}}));
        store.edit(Actor::Cluster, &Key::new(Kind::Node, "", name), |node| {
            let address = format!("127.0.1.{}", number + 1);
            node["status"] = json!({"addresses": [{"type": "InternalIP", "address": address}]});
        });
    }
    make(Kind::Secret, HOME, json!({"metadata": {"name": SECRET}}));
    make(Kind::ConfigMap, HOME, json!({"metadata": {"name": KEYS}}));
}
