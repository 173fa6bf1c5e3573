//! Runs the operator: the lease first, then keys, watches, both controllers and the room elector, until it is told to stop or one of them ends.
//!
//! Of several replicas only the one that holds the lease does anything; the others wait with empty caches, which are filled in a moment. Who
//! loses the lease ends with an error: a new process is the one sure way to have nothing old still write. Everything here is joined or
//! selected, so nothing ends unseen.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use convene_service::log::LogHealth;
use futures_util::{
    FutureExt, Stream, StreamExt, TryFutureExt,
    future::{BoxFuture, Shared},
    stream,
};
use kube::{
    Client,
    runtime::{
        controller::{self, Action, Config as ControllerConfig, Controller},
        events::Reporter,
        reflector::ObjectRef,
    },
};
use prometheus::Registry;
use thiserror::Error;
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    cluster::{
        cache::{CacheEnds, ClusterCache},
        events,
        resync::run_resync,
        streams::{stream_batched, stream_meetings},
        watches::{OtherWriters, watch_others, watch_pools},
    },
    config::Config,
    context::{Context, Debounce},
    health::{Readiness, build_health_app, serve},
    keys::{Keys, KeysError, ensure_keys},
    leader::{
        LeaseMetrics,
        decide::Timing,
        elector::{LeaderElector, LeaseError},
    },
    meeting,
    metrics::OperatorMetrics,
    model::backoff::{Attempts, compute_pause},
    pods::{link::PodLink, reach::run_prober, rooms::run_room_reconciler},
    pool,
};

/// More than an API server takes at once would only wait there, with decisions that grow old.
const MEETINGS_AT_ONCE: u16 = 8;
/// Pod changes come in bursts; one look at the pool serves them all.
const POOL_PERIOD: Duration = Duration::from_millis(200);
/// How long the last events may take when the operator is told to stop.
const LAST_EVENTS: Duration = Duration::from_secs(3);
/// How often it is made sure that the keys are in place: somebody may have deleted them.
const KEYS_PERIOD: Duration = Duration::from_mins(5);

/// Done when the operator is told to stop.
type Stop = Shared<BoxFuture<'static, ()>>;

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
    /// Another operator acts, or may by now.
    #[error("this operator does not lead any more")]
    Lease(#[source] LeaseError),
    /// A part that runs for ever has ended.
    #[error("the {0} ended unexpectedly")]
    Ended(&'static str),
}

/// Runs until `stop` is done (`Ok`) or something that must not end has ended.
pub async fn run(
    client: Client,
    config: Config,
    log: LogHealth,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunError> {
    let stop = stop.boxed().shared();
    let registry = Registry::new();
    log.register(&registry).map_err(RunError::Metrics)?;
    let metrics = OperatorMetrics::register(&registry).map_err(RunError::Metrics)?;
    let lease_metrics = LeaseMetrics::register(&registry).map_err(RunError::Metrics)?;
    let readiness = Arc::new(Readiness::default());
    let address = config.listen;
    let health = serve(address, build_health_app(Arc::clone(&readiness), log, registry), stop.clone())
        .map_err(|source| RunError::Serve { address, source });
    let acting = if let Some(lease) = config.lease.clone() {
        let elector = LeaderElector::new(client.clone(), &config.namespace, lease, Timing::default(), lease_metrics);
        run_elected(elector, client, config, metrics, readiness, stop).boxed()
    } else {
        lease_metrics.leading.set(1);
        run_controllers(client, config, metrics, readiness, stop).boxed()
    };
    // Both end when told to; the first that fails ends the other.
    tokio::try_join!(health, acting).map(|((), ())| ())
}

/// Acts while the lease is ours: waits for it, and gives it back when everything under it has ended.
async fn run_elected(
    mut elector: LeaderElector,
    client: Client,
    config: Config,
    metrics: OperatorMetrics,
    readiness: Arc<Readiness>,
    stop: Stop,
) -> Result<(), RunError> {
    let changes = elector.watch_changes();
    if !elector.win(changes, &readiness, stop.clone()).await.map_err(RunError::Lease)? {
        return Ok(());
    }
    let (ended, work_ended) = oneshot::channel();
    // A task of its own, so that nothing that takes long here delays a renewal.
    let mut keeping = AbortOnDropHandle::new(tokio::spawn(elector.keep(work_ended)));
    let controllers = run_controllers(client, config, metrics, readiness, stop).boxed();
    tokio::select! {
        biased;
        kept = &mut keeping => return judge_election(kept).and(Err(RunError::Ended("leader election"))),
        // After a failure the lease ends by itself: what was cut off may still be under way.
        result = controllers => result?,
    }
    // The elector has gone only if the lease is lost, and then it says so.
    let _ = ended.send(());
    judge_election(keeping.await)
}

fn judge_election(kept: Result<Result<(), LeaseError>, tokio::task::JoinError>) -> Result<(), RunError> {
    kept.map_err(|_| RunError::Ended("leader election"))?.map_err(RunError::Lease)
}

/// Everything that an operator does while it acts. When this is done, nothing of it is under way any more.
async fn run_controllers(
    client: Client,
    config: Config,
    metrics: OperatorMetrics,
    readiness: Arc<Readiness>,
    stop: Stop,
) -> Result<(), RunError> {
    readiness.leads();
    let link = tokio::select! {
        link = connect_pods(client.clone(), config.clone()).boxed() => link,
        () = stop.clone() => return Ok(()),
    };
    readiness.keys_are_ready();
    let (cache, ends) = ClusterCache::new(client.clone(), config.namespace.clone(), config.defaults.clone());
    let (events, posts) = events::channel(&metrics.events);
    let mut publishing = pin!(events::run_publisher(client.clone(), build_reporter(), posts));
    let context = Arc::new(Context {
        cache: Arc::clone(&cache),
        events,
        attempts: Attempts::default(),
        link: link.clone(),
        metrics: metrics.clone(),
        quarantine: std::sync::Mutex::default(),
        recalled: std::sync::Once::new(),
        count_writes: Debounce::new(config.intervals.people),
        moves: Debounce::new(Duration::from_millis(950)),
        intervals: config.intervals,
        config: config.clone(),
    });
    let CacheEnds { meetings, pools, pods, services, budgets, pool_requests } = ends;
    let writers = OtherWriters { meetings, pods, services, budgets };
    let looks = stream_meetings(&cache, metrics.queue_depth.with_label_values(&["Meeting"]));
    let meeting_controller = Controller::for_stream(stream::pending(), cache.meetings.clone())
        .with_config(ControllerConfig::default().concurrency(MEETINGS_AT_ONCE))
        .reconcile_on(looks)
        .graceful_shutdown_on(stop.clone())
        .run(meeting::reconcile, meeting::on_error, Arc::clone(&context));
    let pool_controller = Controller::for_stream(watch_pools(&cache, pools), cache.pools.clone())
        .with_config(ControllerConfig::default().concurrency(1))
        .reconcile_on(stream_batched(pool_requests, POOL_PERIOD, metrics.queue_depth.with_label_values(&["MediaPool"])))
        .graceful_shutdown_on(stop.clone())
        .run(pool::reconcile, pool::on_error, context);
    let background = run_background(Arc::clone(&cache), writers, link, metrics, client, config, readiness).boxed();
    let controllers = async {
        tokio::try_join!(
            drain("meeting controller", meeting_controller, stop.clone()),
            drain("pool controller", pool_controller, stop.clone()),
        )
    };
    tokio::select! {
        ended = controllers => ended.map(|((), ())| ())?,
        ended = background => return Err(RunError::Ended(ended)),
        () = &mut publishing => return Err(RunError::Ended("publisher of events")),
        () = stop_before_complete(&cache, stop.clone()) => {}
    }
    // Whoever could hand over an event has ended with the controllers: what is left waits in the queue.
    if tokio::time::timeout(LAST_EVENTS, publishing).await.is_err() {
        tracing::warn!("some events were not published in time before the end");
    }
    Ok(())
}

/// Done when the operator is told to stop before it knows everything. Controllers would wait for ever then: for lists that nobody asks for
/// any more. Nothing is cut off, because every pass waits for the same before it does anything.
async fn stop_before_complete(cache: &ClusterCache, stop: Stop) {
    tokio::select! {
        biased;
        () = cache.wait_until_complete() => std::future::pending().await,
        () = stop => {}
    }
}

/// Everything beside the controllers that must go on for ever; the answer names what did not.
async fn run_background(
    cache: Arc<ClusterCache>,
    writers: OtherWriters,
    link: PodLink,
    metrics: OperatorMetrics,
    client: Client,
    config: Config,
    readiness: Arc<Readiness>,
) -> &'static str {
    let announce = async {
        cache.wait_until_complete().await;
        readiness.caches_are_ready();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = watch_others(Arc::clone(&cache), writers).boxed() => "watches",
        () = run_room_reconciler(Arc::clone(&cache), link.clone(), metrics).boxed() => "room reconciler",
        () = run_resync(Arc::clone(&cache)).boxed() => "walk over all meetings",
        () = run_prober(Arc::clone(&cache), link.clone()).boxed() => "prober",
        () = run_key_rotation(client, config, link).boxed() => "key rotation",
        () = announce => "readiness",
    }
}

/// Without keys no pod can start and no room be asked about, so this comes first, as often as it takes.
async fn connect_pods(client: Client, config: Config) -> PodLink {
    let mut failed = 0_u32;
    loop {
        match check_keys(&client, &config).await {
            Ok(keys) => return PodLink::new(keys.signer),
            Err(error) => {
                failed += 1;
                note_keys(&error);
                tokio::time::sleep(compute_pause(failed).min(Duration::from_secs(10))).await;
            }
        }
    }
}

fn note_keys(error: &KeysError) {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        reason = error.reason(),
        "could not check the admission keys, will try again"
    );
}

/// Boxed, because the compiler cannot see through the nested futures that they may change threads.
fn check_keys<'a>(client: &'a Client, config: &'a Config) -> BoxFuture<'a, Result<Keys, KeysError>> {
    let (secret, config_map) = (&config.admission_key_secret, &config.defaults.admission_keys);
    ensure_keys(client, &config.namespace, secret, config_map, config.key_rotation).boxed()
}

/// Sees to it that the keys are in place (somebody may have deleted them) and are changed now and then.
async fn run_key_rotation(client: Client, config: Config, link: PodLink) {
    let mut pause = Duration::from_secs(1);
    loop {
        tokio::time::sleep(pause.min(KEYS_PERIOD)).await;
        match check_keys(&client, &config).await {
            Ok(keys) => {
                link.use_signer(keys.signer);
                pause = keys.look_again;
            }
            Err(error) => {
                note_keys(&error);
                pause = KEYS_PERIOD;
            }
        }
    }
}

fn build_reporter() -> Reporter {
    let instance = std::env::var("POD_NAME").ok().or_else(|| std::env::var("HOSTNAME").ok());
    Reporter { controller: "convene-operator".to_owned(), instance }
}

/// Runs a controller until it was told to stop and its last pass has ended.
///
/// Failures were logged where they happened; that an object is gone when its turn comes is no failure.
async fn drain<K, E, Q>(
    name: &'static str,
    passes: impl Stream<Item = Result<(ObjectRef<K>, Action), controller::Error<E, Q>>>,
    stop: Stop,
) -> Result<(), RunError>
where
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
    if stop.now_or_never().is_some() { Ok(()) } else { Err(RunError::Ended(name)) }
}

#[cfg(test)]
mod tests;
