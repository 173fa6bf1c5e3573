//! Runs the router: binds the listeners, starts the watches, and stops gracefully on a signal.
//!
//! It ends when the listeners are done or a watch has ended; it restarts nothing.

pub(crate) mod routes;
pub(crate) mod serve;

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use convene_service::http::open_files;
use convene_service::kube::connect;
use convene_service::log::LogHealth;
use convene_service::signals::StopSignals;
use tokio_util::sync::CancellationToken;
use tracing::info;

use serve::Listeners;

use crate::config::Config;
use crate::edge::policy::EdgeConfig;
use crate::state::App;
use crate::{index, join};

/// Serves until SIGTERM or SIGINT; an error means that a listener or a watch has failed permanently.
pub async fn run(mut config: Config, log: LogHealth) -> Result<(), Box<dyn Error>> {
    rustls::crypto::ring::default_provider().install_default().map_err(|_| "a TLS provider is already installed")?;
    limit_connections(&mut config.edge);
    let listeners = Listeners::bind(&config)?;
    let client = connect().await?;
    let (plain, tls) = (listeners.plain_address()?, listeners.tls_address().transpose()?);
    let metrics = listeners.metrics_address()?;
    let Config { web, namespace, admission_key_secret, join: join_config, signal, edge, .. } = config;
    info!(%plain, ?tls, %metrics, namespace, admission_key_secret, ?signal, ?join_config, ?edge, version = env!("CARGO_PKG_VERSION"), "router starting");

    let stopping = CancellationToken::new();
    let app = App::new(web, signal, &edge, stopping.clone());
    app.watch_log(log)?;
    let index = index::watch::watch(client.clone(), &namespace, app.sink());
    let joining = join::watch::watch(client.clone(), &namespace, &join_config, Arc::clone(&app.join), app.sink());
    let key = join::signing_key::watch(client, &namespace, &admission_key_secret, &app.signer, app.sink());
    tokio::select! {
        () = listeners.serve(app.clone()) => Ok(()),
        result = index => never(result?),
        result = key => never(result?),
        result = joining => never(result?),
        result = stop_on_signal(stopping) => never(result?),
    }
}

/// Half of the open files remain for connections to media pods: each signaling socket has one.
fn limit_connections(edge: &mut EdgeConfig) {
    let requested = u32::try_from(edge.connections.0).unwrap_or(u32::MAX);
    let open_files = open_files::raise().map(|files| files / 2);
    edge.connections.0 = open_files::connections(requested, open_files, "--max-connections") as usize;
}

/// Starts the shutdown on the first signal. It never resolves: the process ends once the listeners are closed.
async fn stop_on_signal(stopping: CancellationToken) -> std::io::Result<Infallible> {
    StopSignals::new()?.recv().await;
    stopping.cancel();
    std::future::pending().await
}

fn never(infallible: Infallible) -> Result<(), Box<dyn Error>> {
    match infallible {}
}
