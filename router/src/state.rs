//! What all handlers share, and how it is assembled.
//!
//! It starts nothing and holds no route.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use convene_join_token::MeetingKey;
use convene_service::clock::unix_now;
use convene_service::log::LogHealth;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::edge::client::ClientInfo;
use crate::edge::policy::{Edge, EdgeConfig};
use crate::edge::refusal::{CredentialError, JoinRefusal};
use crate::health::Readiness;
use crate::index::links::PodLinks;
use crate::index::table::RoutingTable;
use crate::index::watch::Sink;
use crate::join::access::{Credential, Identify, identify};
use crate::join::guest::GuestCookie;
use crate::join::signing_key::SignerSlot;
use crate::join::state::JoinState;
use crate::metrics::RouterMetrics;
use crate::web::WebFiles;

/// How the signaling route behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignalSettings {
    /// How long a join waits for its meeting's pod.
    pub(crate) hold_timeout: Duration,
    /// Pause before a pod that could not be reached is tried again.
    pub(crate) retry_pause: Duration,
    /// A pod that says nothing for so long, not even a ping, is taken for dead.
    pub(crate) silence: Duration,
    /// Sockets are let go spread over this time when the router stops.
    pub(crate) stop_spread: Duration,
    /// Most joins held at once.
    pub(crate) max_held: usize,
    /// Most sockets open at once.
    pub(crate) max_sockets: usize,
}

/// What all handlers share.
#[derive(Clone)]
pub(crate) struct App(Arc<AppParts>);

/// The parts of an [`App`].
pub(crate) struct AppParts {
    /// Where joins go.
    pub(crate) table: Arc<RoutingTable>,
    /// Open connections by pod.
    pub(crate) links: Arc<PodLinks>,
    /// What has been seen once.
    pub(crate) readiness: Arc<Readiness>,
    /// Metrics.
    pub(crate) metrics: Arc<RouterMetrics>,
    /// The key that admissions are signed with.
    pub(crate) signer: SignerSlot,
    /// What joining depends on beside the table.
    pub(crate) join: Arc<JoinState>,
    /// The web app.
    pub(crate) web: WebFiles,
    /// How signaling behaves.
    pub(crate) signal: SignalSettings,
    /// Limits, origins and trusted proxies.
    pub(crate) edge: Arc<Edge>,
    /// Room for held joins.
    pub(crate) held: Semaphore,
    /// Room for open sockets.
    pub(crate) sockets: Arc<Semaphore>,
    /// Cancelled when the router is to stop.
    pub(crate) stopping: CancellationToken,
    /// One task for each open socket.
    pub(crate) tasks: TaskTracker,
}

impl App {
    /// An app that knows no meeting yet.
    pub(crate) fn new(web: WebFiles, signal: SignalSettings, edge: &EdgeConfig, stopping: CancellationToken) -> Self {
        let (table, metrics) = (Arc::default(), Arc::default());
        Self(Arc::new(AppParts {
            edge: Arc::new(Edge::new(edge, Arc::clone(&table), Arc::clone(&metrics))),
            table,
            links: Arc::default(),
            readiness: Arc::default(),
            metrics,
            signer: SignerSlot::default(),
            join: Arc::default(),
            web,
            signal,
            held: Semaphore::new(signal.max_held),
            sockets: Arc::new(Semaphore::new(signal.max_sockets)),
            stopping,
            tasks: TaskTracker::new(),
        }))
    }

    /// From now on readiness and metrics tell of this log, too.
    pub(crate) fn watch_log(&self, log: LogHealth) -> Result<(), prometheus::Error> {
        self.metrics.watch_log(&log)?;
        self.readiness.watch_log(log);
        Ok(())
    }

    /// Where watches put their news.
    pub(crate) fn sink(&self) -> Sink {
        Sink {
            table: Arc::clone(&self.table),
            links: Arc::clone(&self.links),
            readiness: Arc::clone(&self.readiness),
            metrics: Arc::clone(&self.metrics),
        }
    }
}

/// The token of a request, if it has one, or why it could not be read.
pub(crate) type RequestToken<'a> = Result<Option<&'a str>, CredentialError>;

impl App {
    /// The guest cookie of a request, if it has a valid one.
    pub(crate) fn guest_cookie(&self, parts: &Parts, client: &ClientInfo) -> Option<GuestCookie> {
        let keys = self.signer.trusted()?;
        GuestCookie::of(&parts.headers, client, &keys, unix_now())
    }

    /// The credential that the token of a request stands for.
    pub(crate) fn identify(&self, key: &MeetingKey, token: RequestToken<'_>) -> Result<Credential, JoinRefusal> {
        self.identify_with(key, token, identify)
    }

    /// The same by another rule, such as the one of the join API.
    pub(crate) fn identify_with(
        &self,
        key: &MeetingKey,
        token: RequestToken<'_>,
        identify: Identify,
    ) -> Result<Credential, JoinRefusal> {
        let token = token.map_err(JoinRefusal::Credential)?;
        let (tickets, keys) = (self.signer.trusted(), self.join.keys.load());
        identify(token, key, tickets.as_deref(), &keys, unix_now())
    }
}

impl Deref for App {
    type Target = AppParts;

    fn deref(&self) -> &AppParts {
        &self.0
    }
}
