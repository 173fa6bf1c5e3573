//! Watches of the simulated API server: one JSON line for each change that matches the watch.

use std::{sync::Arc, time::Duration};

use axum::body::Bytes;
use futures_util::{Stream, stream};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    http::{status_object, to_partial},
    kinds::Kind,
    selector::Selector,
    store::{Change, Refusal, Store},
};

/// Faults of a watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WatchWeather {
    /// Delay of each change; later ones queue behind it.
    pub(crate) delay: Duration,
    /// Ends after so many changes.
    pub(crate) break_after: Option<u32>,
    /// Fails immediately with 410 Gone.
    pub(crate) is_expired: bool,
}

/// What is watched.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(crate) kind: Kind,
    pub(crate) namespace: Option<String>,
    pub(crate) selector: Selector,
    /// `None`: begin with all objects.
    pub(crate) version: Option<u64>,
    pub(crate) seconds: u64,
    pub(crate) is_partial: bool,
    pub(crate) weather: WatchWeather,
}

struct State {
    store: Arc<Store>,
    watch: Watch,
    latest: tokio::sync::watch::Receiver<u64>,
    version: u64,
    first: Vec<Bytes>,
    end: Instant,
    sent: u32,
    is_over: bool,
}

/// The lines of a watch.
pub(crate) fn stream(store: Arc<Store>, watch: Watch) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send {
    let latest = store.subscribe();
    let (version, first) = begin(&store, &watch);
    let end = Instant::now() + Duration::from_secs(watch.seconds);
    let state = State { store, watch, latest, version, first, end, sent: 0, is_over: false };
    stream::unfold(state, async |mut state| {
        let lines = next_lines(&mut state).await?;
        Some((Ok(lines), state))
    })
}

fn begin(store: &Store, watch: &Watch) -> (u64, Vec<Bytes>) {
    if let Some(version) = watch.version {
        return (version, Vec::new());
    }
    let (objects, version) = store.list(watch.kind, watch.namespace.as_deref(), &watch.selector);
    (version, objects.iter().map(|object| line(watch, "ADDED", object)).collect())
}

async fn next_lines(state: &mut State) -> Option<Bytes> {
    if state.is_over {
        return None;
    }
    if !state.first.is_empty() {
        return Some(std::mem::take(&mut state.first).concat().into());
    }
    loop {
        state.latest.mark_unchanged();
        let changes = if state.watch.weather.is_expired {
            Err(Refusal::new(410, "Expired", "too old resource version: 1 (2)"))
        } else {
            state.store.changes_after(state.version)
        };
        match changes {
            Ok(changes) => {
                if let Some(lines) = take_lines(state, &changes).await {
                    return Some(lines);
                }
            }
            Err(refusal) => {
                state.is_over = true;
                return Some(write_line("ERROR", &status_object(&refusal)));
            }
        }
        if state.is_over || !wait(state).await {
            return None;
        }
    }
}

/// `false` when the watch has reached its time limit.
async fn wait(state: &mut State) -> bool {
    tokio::time::timeout_at(state.end, state.latest.changed()).await.is_ok_and(|changed| changed.is_ok())
}

async fn take_lines(state: &mut State, changes: &[Arc<Change>]) -> Option<Bytes> {
    let mut lines = Vec::new();
    for change in changes {
        state.version = change.version;
        let Some((word, object)) = concern(&state.watch, change) else { continue };
        if state.watch.weather.break_after.is_some_and(|limit| state.sent >= limit) {
            state.is_over = true;
            break;
        }
        lines.push(line(&state.watch, word, &object));
        state.sent += 1;
    }
    if lines.is_empty() {
        return None;
    }
    let delay = state.watch.weather.delay;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    Some(lines.concat().into())
}

/// The type of a change for this watch: an object may also enter or leave its selection.
fn concern(watch: &Watch, change: &Change) -> Option<(&'static str, Arc<Value>)> {
    let is_inside = change.key.kind == watch.kind
        && watch.namespace.as_ref().is_none_or(|namespace| *namespace == change.key.namespace);
    if !is_inside {
        return None;
    }
    let was_selected = change.before.as_ref().is_some_and(|before| watch.selector.matches(before));
    let is_selected = !change.is_removal && watch.selector.matches(&change.after);
    match (was_selected, is_selected) {
        (false, true) => Some(("ADDED", Arc::clone(&change.after))),
        (true, true) => Some(("MODIFIED", Arc::clone(&change.after))),
        (true, false) if change.is_removal => Some(("DELETED", Arc::clone(&change.after))),
        (true, false) => Some(("DELETED", with_version(change.before.as_ref()?, change.version))),
        (false, false) => None,
    }
}

fn with_version(object: &Value, version: u64) -> Arc<Value> {
    let mut object = object.clone();
    object["metadata"]["resourceVersion"] = json!(version.to_string());
    Arc::new(object)
}

fn line(watch: &Watch, word: &str, object: &Value) -> Bytes {
    if watch.is_partial { write_line(word, &to_partial(object)) } else { write_line(word, object) }
}

fn write_line(word: &str, object: &Value) -> Bytes {
    let mut line = serde_json::to_vec(&json!({"type": word, "object": object})).expect("JSON values can be written");
    line.push(b'\n');
    line.into()
}
