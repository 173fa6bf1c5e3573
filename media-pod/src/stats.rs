//! `/stats`: what is on the pod now, as JSON, for people and scripts. Counts and ids; no names of people. Changes nothing.
//!
//! Hidden participants are described to those alone who have shown a token; everybody else gets their number.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::http::AppState;
use crate::sfu::workers::MEDIASOUP_VERSION;

/// Rooms that are described; the counts are of all.
const MOST_ROOMS: usize = 500;

pub(crate) async fn stats(State(state): State<AppState>) -> Json<Value> {
    let rooms = state.rooms.handles().await;
    let workers = state.workers.report();
    let metrics = &state.metrics;
    let has_token = state.keys.is_some();
    let mut room_list = Vec::new();
    for (key, room) in rooms.iter().take(MOST_ROOMS) {
        let mut described = json!(room.census());
        described["namespace"] = json!(key.namespace);
        described["name"] = json!(key.name);
        let peers = room.describe().await;
        described["peers"] = peers.iter().filter(|peer| has_token || !peer.hidden).map(|peer| json!(peer)).collect();
        room_list.push(described);
    }
    Json(json!({
        "mediasoupVersion": MEDIASOUP_VERSION,
        "uptimeSeconds": state.started.elapsed().as_secs(),
        "memoryBytes": memory_bytes(),
        "draining": state.rooms.is_draining(),
        "workers": state.workers.alive(),
        "routers": workers.iter().map(|worker| worker.rooms).sum::<usize>(),
        "rooms": rooms.len(),
        "connections": metrics.connections.get(),
        "participants": metrics.participants.get(),
        "waiting": metrics.waiting.get(),
        "transports": metrics.count("transport"),
        "producers": metrics.count("producer"),
        "consumers": metrics.count("consumer"),
        "dataProducers": metrics.count_data("producer"),
        "dataConsumers": metrics.count_data("consumer"),
        "workerList": workers,
        "roomList": room_list,
    }))
}

/// Memory of the whole process: workers are its threads and have none of their own. `None` where there is no `/proc`.
fn memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn memory_is_known() {
        assert!(super::memory_bytes().is_some_and(|bytes| bytes > 1_000_000));
    }
}
