//! Runs the operator: keys first, then the watches, both controllers and the room keeper, until it is told to stop or one of them ends.
//!
//! One replica is meant to run (the chart replaces it with the strategy `Recreate`): there is no leader election yet. Two at once would not
//! break anything that is written under preconditions, but could each create pods for the same need.

use std::{future::Future, sync::Arc, time::Duration};

use convene_protocol::admission::Signer;
use futures_util::{
    FutureExt, Stream, StreamExt, TryFutureExt,
    future::{BoxFuture, Shared},
};
use kube::{
    Client,
    runtime::{
        controller::{self, Action, Config as ControllerConfig, Controller},
        events::{Recorder, Reporter},
        reflector::ObjectRef,
    },
};
use prometheus::Registry;
use thiserror::Error;

use crate::{
    backoff::{Attempts, compute_pause},
    config::Config,
    context::Context,
    keys::{KeysError, ensure_keys},
    meeting,
    metrics::OperatorMetrics,
    podlink::PodLink,
    pool,
    telemetry::{Readiness, build_health_app, serve},
    world::{World, WorldEnds, stream_of, watch_meetings, watch_pods, watch_pools},
};

const MEETINGS_AT_ONCE: u16 = 32;
/// Pod changes come in bursts; one look at the pool serves them all.
const POOL_DEBOUNCE: Duration = Duration::from_millis(200);
/// How often it is made sure that the keys are in place: somebody may have deleted them.
const KEYS_PERIOD: Duration = Duration::from_mins(5);

/// Why the operator ended although nobody told it to.
#[derive(Debug, Error)]
pub enum RunError {
    /// Health and metrics cannot be served.
    #[error("could not serve health and metrics at {address}")]
    Serve {
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The metrics could not be set up.
    #[error("could not register the metrics")]
    Metrics(#[source] prometheus::Error),
    /// A part that runs for ever has ended.
    #[error("the {0} ended unexpectedly")]
    Ended(&'static str),
}

/// Runs until `stop` is done (`Ok`) or something that must not end has ended.
pub async fn run(
    client: Client,
    config: Config,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunError> {
    let stop = stop.boxed().shared();
    let registry = Registry::new();
    let metrics = OperatorMetrics::register(&registry).map_err(RunError::Metrics)?;
    let readiness = Arc::new(Readiness::default());
    let address = config.listen;
    let health = serve(address, build_health_app(Arc::clone(&readiness), registry), stop.clone())
        .map_err(|source| RunError::Serve { address, source });
    let controllers = run_controllers(client, config, metrics, readiness, stop).boxed();
    // Both end when told to; the first that fails ends the other.
    tokio::try_join!(health, controllers).map(|((), ())| ())
}

async fn run_controllers(
    client: Client,
    config: Config,
    metrics: OperatorMetrics,
    readiness: Arc<Readiness>,
    stop: Shared<BoxFuture<'static, ()>>,
) -> Result<(), RunError> {
    let link = tokio::select! {
        link = connect_pods(client.clone(), config.clone()).boxed() => link,
        () = stop.clone() => return Ok(()),
    };
    readiness.keys_are_ready();
    let (world, ends) = World::new(client.clone(), config.namespace.clone());
    let context = Arc::new(Context {
        world: Arc::clone(&world),
        recorder: Recorder::new(client.clone(), build_reporter()),
        attempts: Attempts::default(),
        metrics: metrics.clone(),
        quarantine: std::sync::Mutex::default(),
        config: config.clone(),
    });
    let WorldEnds { meetings, pools, pods, meetings_to_look_at, pools_to_look_at } = ends;
    let meeting_controller = Controller::for_stream(watch_meetings(&world, meetings), world.meetings.clone())
        .with_config(ControllerConfig::default().concurrency(MEETINGS_AT_ONCE))
        .reconcile_on(stream_of(meetings_to_look_at))
        .graceful_shutdown_on(stop.clone())
        .run(meeting::reconcile, meeting::on_error, Arc::clone(&context));
    let pool_controller = Controller::for_stream(watch_pools(&world, pools), world.pools.clone())
        .with_config(ControllerConfig::default().concurrency(1).debounce(POOL_DEBOUNCE))
        .reconcile_on(stream_of(pools_to_look_at))
        .graceful_shutdown_on(stop.clone())
        .run(pool::reconcile, pool::on_error, context);
    let background = run_background(Arc::clone(&world), pods, link, metrics, client, config, readiness).boxed();
    tokio::select! {
        ((), ()) = async { tokio::join!(drain("meeting", meeting_controller), drain("pool", pool_controller)) } => {
            if stop.now_or_never().is_some() { Ok(()) } else { Err(RunError::Ended("controllers' watches")) }
        }
        ended = background => Err(RunError::Ended(ended)),
    }
}

/// Everything beside the controllers that must go on for ever; the answer names what did not.
async fn run_background(
    world: Arc<World>,
    pods: kube::runtime::reflector::store::Writer<k8s_openapi::api::core::v1::Pod>,
    link: PodLink,
    metrics: OperatorMetrics,
    client: Client,
    config: Config,
    readiness: Arc<Readiness>,
) -> &'static str {
    let announce = async {
        world.wait_until_complete().await;
        readiness.caches_are_ready();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = watch_pods(Arc::clone(&world), pods) => "watch of media pods",
        () = pool::rooms::keep_rooms(Arc::clone(&world), link, metrics) => "room keeper",
        () = keep_keys(client, config).boxed() => "key keeper",
        () = announce => "readiness",
    }
}

/// Without keys no pod can start and no room be asked about, so this comes first, as often as it takes.
async fn connect_pods(client: Client, config: Config) -> PodLink {
    let mut failed = 0_u32;
    loop {
        match check_keys(&client, &config).await {
            Ok(signer) => return PodLink::new(signer),
            Err(error) => {
                failed += 1;
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    reason = error.reason(),
                    "no admission keys, will try again"
                );
                tokio::time::sleep(compute_pause(failed).min(Duration::from_secs(10))).await;
            }
        }
    }
}

/// Boxed, because the compiler cannot see through the nested futures that they may change threads.
fn check_keys<'a>(client: &'a Client, config: &'a Config) -> BoxFuture<'a, Result<Signer, KeysError>> {
    ensure_keys(client, &config.namespace, &config.admission_key_secret, &config.defaults.admission_keys, None)
        .map_ok(|keys| keys.signer)
        .boxed()
}

async fn keep_keys(client: Client, config: Config) {
    loop {
        tokio::time::sleep(KEYS_PERIOD).await;
        if let Err(error) = check_keys(&client, &config).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                reason = error.reason(),
                "could not check the admission keys"
            );
        }
    }
}

fn build_reporter() -> Reporter {
    let instance = std::env::var("POD_NAME").ok().or_else(|| std::env::var("HOSTNAME").ok());
    Reporter { controller: "convene-operator".to_owned(), instance }
}

/// Failures were logged where they happened; that an object is gone when its turn comes is no failure.
async fn drain<K, E, Q>(
    name: &'static str,
    passes: impl Stream<Item = Result<(ObjectRef<K>, Action), controller::Error<E, Q>>>,
) where
    K: kube::runtime::reflector::Lookup,
    E: std::error::Error + 'static,
    Q: std::error::Error + 'static,
{
    passes
        .for_each(|pass| {
            if let Err(controller::Error::RunnerError(error)) = &pass {
                tracing::error!(error = error as &dyn std::error::Error, controller = name, "controller stumbled");
            }
            std::future::ready(())
        })
        .await;
}
