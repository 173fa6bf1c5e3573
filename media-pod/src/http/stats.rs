//! `/stats`: the current state of the pod as JSON. Counts and ids, but no names of participants. It changes nothing.
//!
//! Hidden participants are listed only for callers with a token; others get their number.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::state::AppState;
use crate::sfu::workers::MEDIASOUP_VERSION;

/// Rooms listed in detail; the counts are of all rooms.
const MAX_ROOMS: usize = 500;

pub(crate) async fn stats(State(state): State<AppState>) -> Json<Value> {
    let rooms = state.rooms.handles().await;
    let workers = state.workers.report();
    let metrics = &state.metrics;
    let has_token = state.keys.is_some();
    let mut room_list = Vec::new();
    for (key, room) in rooms.iter().take(MAX_ROOMS) {
        let mut described = json!(room.stats());
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
        "prepared": metrics.prepared.get(),
        "transports": metrics.count("transport"),
        "producers": metrics.count("producer"),
        "consumers": metrics.count("consumer"),
        "dataProducers": metrics.count_data("producer"),
        "dataConsumers": metrics.count_data("consumer"),
        "workerList": workers,
        "roomList": room_list,
    }))
}

/// Resident memory of the process, which includes the workers: they are threads. `None` without `/proc`.
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
