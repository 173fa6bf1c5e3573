//! The connection to the API server, and how its watches are kept: with an end to every wait.
//!
//! An API server that is stopped, cut off or replaced may leave a request without an answer and a watch without an end. Nothing here
//! decides or writes.

use std::time::Duration;

use kube::{
    Client, Config,
    client::ClientBuilder,
    runtime::{utils::Backoff, watcher},
};
use thiserror::Error;
use tower::timeout::TimeoutLayer;

/// How long a connection may take to open.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long the head of an answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// How long the server lets a watch run, in seconds, before it is taken up again where it ended. A dead connection is noticed
/// a few seconds later.
const WATCH_SECONDS: u32 = 30;
/// How long a connection may be silent while something is awaited on it: longer than a quiet watch is.
const SILENCE_LIMIT: Duration = Duration::from_secs(45);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Why there is no way to an API server.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// Neither a service account nor a kubeconfig was found, or it cannot be read.
    #[error("found no way to an API server: neither a service account nor a kubeconfig that can be used")]
    Config(#[source] kube::config::InferConfigError),
    /// What was found cannot be used.
    #[error("cannot use the way to the API server that was found")]
    Client(#[source] Box<kube::Error>),
}

/// A client for the API server of this cluster (or of the kubeconfig).
pub async fn connect() -> Result<Client, ConnectError> {
    let mut config = Config::infer().await.map_err(ConnectError::Config)?;
    config.connect_timeout = Some(CONNECT_LIMIT);
    config.read_timeout = Some(SILENCE_LIMIT);
    config.reset_reader_on_write = true;
    let builder = ClientBuilder::try_from(config).map_err(|error| ConnectError::Client(Box::new(error)))?;
    Ok(builder.with_layer(&TimeoutLayer::new(ANSWER_LIMIT)).build())
}

/// How everything is watched.
pub fn watch_config() -> watcher::Config {
    watcher::Config::default().timeout(WATCH_SECONDS)
}

/// Pauses before a broken watch is taken up again: short, because people wait for what a watch brings, and few watch.
#[derive(Debug)]
pub struct WatchBackoff {
    next: Duration,
}

impl Default for WatchBackoff {
    fn default() -> Self {
        Self { next: FIRST_PAUSE }
    }
}

impl Iterator for WatchBackoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        Some(pause)
    }
}

impl Backoff for WatchBackoff {
    fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_limit_and_start_anew() {
        let mut backoff = WatchBackoff::default();
        let pauses: Vec<_> = backoff.by_ref().take(7).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        backoff.reset();
        assert_eq!(backoff.next(), Some(FIRST_PAUSE));
    }

    #[test]
    fn a_quiet_watch_is_not_taken_for_a_dead_one() {
        assert!(SILENCE_LIMIT > Duration::from_secs(u64::from(WATCH_SECONDS) + 10));
    }
}
