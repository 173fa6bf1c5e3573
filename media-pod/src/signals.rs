//! Termination signals of the process. It ends nothing itself.

use tokio::signal::unix::{SignalKind, signal};

/// Returns on SIGTERM or SIGINT.
pub(crate) async fn termination() {
    let mut terminate =
        signal(SignalKind::terminate()).expect("a signal handler can be installed at the start of a process");
    let mut interrupt =
        signal(SignalKind::interrupt()).expect("a signal handler can be installed at the start of a process");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
