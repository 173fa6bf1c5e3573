//! State that all handlers share, and its assembly.
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

/// Settings of the signaling route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignalSettings {
    /// Time that a join waits for the pod of its meeting.
    pub(crate) hold_timeout: Duration,
    /// Delay before a retry of an unreachable pod.
    pub(crate) retry_pause: Duration,
    /// Time without any data, not even a ping, after which a pod is considered dead.
    pub(crate) silence: Duration,
    /// Period over which sockets are closed at shutdown.
    pub(crate) stop_spread: Duration,
    /// Maximum number of held joins.
    pub(crate) max_held: usize,
    /// Maximum number of open sockets.
    pub(crate) max_sockets: usize,
}

/// What all handlers share.
#[derive(Clone)]
pub(crate) struct App(Arc<AppParts>);

/// The parts of an [`App`].
pub(crate) struct AppParts {
    /// The routing table.
    pub(crate) table: Arc<RoutingTable>,
    /// Open connections by pod.
    pub(crate) links: Arc<PodLinks>,
    /// Readiness checks.
    pub(crate) readiness: Arc<Readiness>,
    /// Metrics.
    pub(crate) metrics: Arc<RouterMetrics>,
    /// The key that signs admissions.
    pub(crate) signer: SignerSlot,
    /// Keys, TURN credentials and pools.
    pub(crate) join: Arc<JoinState>,
    /// The web app.
    pub(crate) web: WebFiles,
    /// Settings of signaling.
    pub(crate) signal: SignalSettings,
    /// Limits, origins and trusted proxies.
    pub(crate) edge: Arc<Edge>,
    /// Limits held joins.
    pub(crate) held: Semaphore,
    /// Limits open sockets.
    pub(crate) sockets: Arc<Semaphore>,
    /// Cancelled at shutdown.
    pub(crate) stopping: CancellationToken,
    /// One task per open socket.
    pub(crate) tasks: TaskTracker,
}

impl App {
    /// An app with an empty routing table.
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

    /// Includes the health of this log in readiness and metrics.
    pub(crate) fn watch_log(&self, log: LogHealth) -> Result<(), prometheus::Error> {
        self.metrics.watch_log(&log)?;
        self.readiness.watch_log(log);
        Ok(())
    }

    /// What watches write to.
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

    /// The same with another rule, such as [`identify_returning`](crate::join::access::identify_returning).
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
