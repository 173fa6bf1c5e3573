//! The end of the process: on SIGTERM or SIGINT nobody is taken any more, everybody is sent to come back elsewhere, and the
//! process ends within its grace time.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::rooms::Rooms;

/// Time that is left for the last frames to leave after the rooms are over.
const LAST_FRAMES: Duration = Duration::from_secs(2);

/// Returns when the process is asked to end.
pub async fn asked_to_end() {
    let mut terminate = signal(SignalKind::terminate()).expect("a signal handler can be set at the start of a process");
    let mut interrupt = signal(SignalKind::interrupt()).expect("a signal handler can be set at the start of a process");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Ends all rooms within `grace`.
pub async fn drain(rooms: &Arc<Rooms>, grace: Duration) {
    tracing::info!("asked to end: telling clients to come back elsewhere");
    rooms.drain(grace.saturating_sub(LAST_FRAMES)).await;
}
