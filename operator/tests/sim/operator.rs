//! One process of the operator under test: a thread with its own runtime, so that nothing survives its end.

use std::{sync::Arc, time::Duration};

use convene_operator::{Config, Intervals, PodDefaults, run};
use tokio::sync::oneshot;

use super::faults::Line;

/// Namespace of pools, pods and keys.
pub(crate) const HOME: &str = "harbor";
/// Secret with the private key.
pub(crate) const SECRET: &str = "lagoon-key";
/// `ConfigMap` with the public keys.
pub(crate) const KEYS: &str = "lagoon-keys";
/// How long a freed block of ports is held back.
pub(crate) const REST: Duration = Duration::from_secs(5);

/// A running process.
pub(crate) struct Operator {
    pub(crate) line: Arc<Line>,
    kill: Option<oneshot::Sender<()>>,
    ended: oneshot::Receiver<String>,
}

impl Operator {
    pub(crate) fn start(line: Arc<Line>) -> Self {
        let (kill, killed) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let own = Arc::clone(&line);
        let work = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("threads are left");
            let how = runtime.block_on(async {
                tokio::select! {
                    result = run(own.client(HOME), config(), convene_service::log::LogHealth::default(), std::future::pending()) => format!("{result:?}"),
                    _ = killed => "killed".to_owned(),
                }
            });
            // Its tasks end before its end is reported; the receiver may be gone.
            drop(runtime);
            let _ = end.send(how);
        };
        std::thread::Builder::new().name("operator".to_owned()).spawn(work).expect("threads are left");
        Self { line, kill: Some(kill), ended }
    }

    /// Completes when it has crashed (`None`) or ended by itself, with its error.
    pub(crate) async fn wait_for_end(&mut self) -> Option<String> {
        tokio::select! {
            () = self.line.wait_for_crash() => None,
            how = &mut self.ended => Some(how.unwrap_or_else(|_| "panicked".to_owned())),
        }
    }

    /// Kills it.
    pub(crate) async fn kill(mut self) {
        drop(self.kill.take());
        // It may have ended already.
        let _ = self.ended.await;
    }
}

fn config() -> Config {
    Config {
        namespace: HOME.to_owned(),
        public_url: "https://meet.test".to_owned(),
        defaults: PodDefaults { image: "registry.test/media:1".to_owned(), admission_keys: KEYS.to_owned() },
        admission_key_secret: SECRET.to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        lease: None,
        key_rotation: None,
        intervals: Intervals { rest: REST, people: Duration::from_millis(500), ..Intervals::default() },
    }
}
