//! Puts the router together: what its handlers share, and the table of routes.
//!
//! `app` is everything but the sockets, so that tests call it without any. It starts nothing.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, middleware};
use convene_service::log::LogHealth;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::compression::CompressionLayer;

use super::health::{Readiness, healthz, readyz};
use super::join::{self, JoinState};
use super::keys::SignerSlot;
use super::links::PodLinks;
use super::metrics::RouterMetrics;
use super::pages::WebFiles;
use super::problem::ApiError;
use super::surface::Surface;
use super::table::RoutingTable;
use super::watch::Sink;
use super::{api, events, guard, openapi, pages, proxy};
use convene_join_token::{MeetingKey, NameError};

/// How the signaling route behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalSettings {
    /// How long a join waits for its meeting's pod.
    pub hold_timeout: Duration,
    /// Pause before a pod that could not be reached is tried again.
    pub retry_pause: Duration,
    /// A pod that says nothing for so long, not even a ping, is taken for dead.
    pub silence: Duration,
    /// Sockets are let go spread over this time when the router stops.
    pub stop_spread: Duration,
    /// Most joins held at once.
    pub max_held: usize,
    /// Most sockets open at once.
    pub max_sockets: usize,
}

/// What all handlers share.
#[derive(Clone)]
pub struct App(Arc<AppParts>);

/// The parts of an [`App`].
pub struct AppParts {
    /// Where joins go.
    pub table: Arc<RoutingTable>,
    /// Open connections by pod.
    pub links: Arc<PodLinks>,
    /// What has been seen once.
    pub readiness: Arc<Readiness>,
    /// Metrics.
    pub metrics: Arc<RouterMetrics>,
    /// The key that admissions are signed with.
    pub signer: SignerSlot,
    /// What joining depends on beside the table.
    pub join: Arc<JoinState>,
    /// The web app.
    pub web: WebFiles,
    /// How signaling behaves.
    pub signal: SignalSettings,
    /// Limits, origins and proxies.
    pub surface: Surface,
    /// Room for held joins.
    pub held: Semaphore,
    /// Room for open sockets.
    pub sockets: Arc<Semaphore>,
    /// Cancelled when the router is to stop.
    pub stopping: CancellationToken,
    /// One task for each open socket.
    pub tasks: TaskTracker,
}

impl App {
    /// An app that knows no meeting yet.
    pub fn new(web: WebFiles, signal: SignalSettings, surface: Surface, stopping: CancellationToken) -> Self {
        Self(Arc::new(AppParts {
            table: Arc::default(),
            links: Arc::default(),
            readiness: Arc::default(),
            metrics: Arc::default(),
            signer: SignerSlot::default(),
            join: Arc::default(),
            web,
            signal,
            surface,
            held: Semaphore::new(signal.max_held),
            sockets: Arc::new(Semaphore::new(signal.max_sockets)),
            stopping,
            tasks: TaskTracker::new(),
        }))
    }

    /// From now on readiness and metrics tell of this log, too.
    pub fn watch_log(&self, log: LogHealth) -> Result<(), prometheus::Error> {
        self.metrics.watch_log(&log)?;
        self.readiness.watch_log(log);
        Ok(())
    }

    /// Where watches put their news.
    pub fn sink(&self) -> Sink {
        Sink {
            table: Arc::clone(&self.table),
            links: Arc::clone(&self.links),
            readiness: Arc::clone(&self.readiness),
            metrics: Arc::clone(&self.metrics),
        }
    }
}

impl Deref for App {
    type Target = AppParts;

    fn deref(&self) -> &AppParts {
        &self.0
    }
}

/// The table of routes.
pub fn app(app: App) -> Router {
    // What is long and holds no secret. Answers about meetings are short, and what holds credentials is not compressed beside what others
    // may have chosen.
    let compressed = Router::new()
        .route("/", get(pages::front))
        .route("/m/{namespace}/{name}", get(pages::meeting))
        .route("/api/v1/openapi.json", get(openapi::document).options(method_not_allowed))
        .fallback(pages::other)
        .layer(CompressionLayer::new());
    let join = post(join::api::join).options(method_not_allowed).fallback(join::api::only_post);
    Router::new()
        .route("/api/v1/meetings/{namespace}/{name}", get(api::meeting).options(method_not_allowed))
        .route("/api/v1/meetings/{namespace}/{name}/events", get(events::events).options(method_not_allowed))
        .route("/api/v1/meetings/{namespace}/{name}/join", join)
        .route("/signal/{namespace}/{name}", get(proxy::signal))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .merge(compressed)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(app.clone(), guard::guard))
        .with_state(app)
}

async fn method_not_allowed(request: Request) -> Response {
    ApiError::MethodNotAllowed.into_problem(request.uri().path())
}

/// The meeting named in the address; names are checked here and nowhere behind.
pub struct RequestedMeeting(pub Result<MeetingKey, NameError>);

impl FromRequestParts<App> for RequestedMeeting {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &App) -> Result<Self, Self::Rejection> {
        let path = Path::<(String, String)>::from_request_parts(parts, &State(state)).await;
        let key = path
            .map_err(|_| NameError::Encoding)
            .and_then(|Path((namespace, name))| MeetingKey::parse(&namespace, &name));
        Ok(Self(key))
    }
}
