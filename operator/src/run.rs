//! Runs the operator: leader election first, then keys, watches, both controllers and the background tasks, until it is requested to
//! stop or one of them ends.
//!
//! Of several replicas only the lease holder acts. The others stand by with empty caches, which fill within moments of taking the lead; all
//! that they know is which media pods respond. A replica that loses the lease ends with an error: a new process is the only sure way to
//! stop writes that are still in flight. Every future here is joined or selected, so none ends unnoticed.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use convene_crds::MediaPool;
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
        reflector::{ObjectRef, store::Writer},
    },
};
use prometheus::Registry;
use thiserror::Error;
use tokio::{sync::oneshot, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    cluster::{
        cache::{CacheEnds, ClusterCache, Guarded, Triggered},
        events::{self, Publisher},
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
    pods::{
        heartbeat::{Lookout, run_heartbeats},
        link::PodLink,
        reach::run_prober,
        rooms::run_room_reconciler,
        slots::PodSlots,
    },
    pool,
};

/// The API server handles only so many requests at once; more would queue there while their decisions age.
const MEETINGS_AT_ONCE: u16 = 8;
/// Pod changes come in bursts; one reconciliation of the pool serves them all.
const POOL_PERIOD: Duration = Duration::from_millis(200);
/// Time limit for publishing the last events at shutdown.
const LAST_EVENTS: Duration = Duration::from_secs(3);
/// How often the keys are checked: they may have been deleted.
const KEYS_PERIOD: Duration = Duration::from_mins(5);

/// Completes when the operator is asked to stop.
type Stop = Shared<BoxFuture<'static, ()>>;

/// Errors that end the operator.
#[derive(Debug, Error)]
pub enum RunError {
    /// Health and metrics could not be served.
    #[error("could not serve health and metrics at {address}")]
    Serve {
        /// The listen address.
        address: std::net::SocketAddr,
        /// The socket error.
        source: std::io::Error,
    },
    /// The metrics could not be registered.
    #[error("could not register the metrics")]
    Metrics(#[source] prometheus::Error),
    /// Another replica is the leader, or may be by now.
    #[error("lost leadership")]
    Lease(#[source] LeaseError),
    /// A task that runs until shutdown has ended.
    #[error("the {0} ended unexpectedly")]
    Ended(&'static str),
}

/// Runs until `stop` completes (`Ok`) or something that must not end has ended.
pub async fn run(
    client: Client,
    config: Config,
    log: LogHealth,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunError> {
    let stop = stop.boxed().shared();
    let registry = Registry::new();
    log.register(&registry).map_err(RunError::Metrics)?;
    let metrics = OperatorMetrics::register(&registry);
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
        run_controllers(client, config, Lookout::new(), metrics, readiness, stop).boxed()
    };
    // Both end on `stop`; the first failure ends the other.
    tokio::try_join!(health, acting).map(|((), ())| ())
}

/// Acts while this replica holds the lease: waits for it, and releases it when everything that depends on it has ended.
async fn run_elected(
    mut elector: LeaderElector,
    client: Client,
    config: Config,
    metrics: OperatorMetrics,
    readiness: Arc<Readiness>,
    stop: Stop,
) -> Result<(), RunError> {
    let changes = elector.watch_changes();
    let mut lookout = Lookout::new();
    let won = tokio::select! {
        won = elector.win(changes, &readiness, stop.clone()) => won.map_err(RunError::Lease)?,
        () = lookout.stand_by(client.clone(), &config.namespace) => return Err(RunError::Ended("lookout")),
    };
    if !won {
        return Ok(());
    }
    let (ended, work_ended) = oneshot::channel();
    // A separate task, so that slow work here cannot delay a renewal.
    let mut election = AbortOnDropHandle::new(tokio::spawn(elector.keep(work_ended)));
    let controllers = run_controllers(client, config, lookout, metrics, readiness, stop).boxed();
    tokio::select! {
        biased;
        kept = &mut election => return judge_election(kept).and(Err(RunError::Ended("leader election"))),
        // After a failure the lease is left to expire: canceled requests may still be in flight.
        result = controllers => result?,
    }
    // The receiver is gone only if the lease is lost, and then the election returns that error.
    let _ = ended.send(());
    judge_election(election.await)
}

fn judge_election(kept: Result<Result<(), LeaseError>, tokio::task::JoinError>) -> Result<(), RunError> {
    kept.map_err(|_| RunError::Ended("leader election"))?.map_err(RunError::Lease)
}

/// Everything the leader does. When this returns, all of it has ended.
async fn run_controllers(
    client: Client,
    config: Config,
    lookout: Lookout,
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
    let CacheEnds { meetings, pools, pods, services, budgets, pool_requests } = ends;
    let writers = OtherWriters { meetings, pods, services, budgets };
    let context = build_context(&cache, events.clone(), link.clone(), metrics.clone(), config.clone());
    let controllers = reconcile_all(context, pools, pool_requests, stop.clone());
    let heartbeats = run_heartbeats(lookout, Arc::clone(&cache), events, metrics.clone());
    let background = run_background(Arc::clone(&cache), writers, link, metrics, client, config, readiness).boxed();
    tokio::select! {
        ended = controllers => ended?,
        () = heartbeats => return Err(RunError::Ended("heartbeats")),
        ended = background => return Err(RunError::Ended(ended)),
        () = &mut publishing => return Err(RunError::Ended("event publisher")),
        () = stop_before_complete(&cache, stop.clone()) => {}
    }
    // All publishers have ended with the controllers, so the queue can only drain from here on.
    if tokio::time::timeout(LAST_EVENTS, publishing).await.is_err() {
        tracing::warn!("some events were not published before the shutdown timeout");
    }
    Ok(())
}

fn build_context(
    cache: &Arc<ClusterCache>,
    events: Publisher,
    link: PodLink,
    metrics: OperatorMetrics,
    config: Config,
) -> Arc<Context> {
    Arc::new(Context {
        cache: Arc::clone(cache),
        events,
        attempts: Attempts::default(),
        link,
        metrics,
        quarantine: std::sync::Mutex::default(),
        recalled: std::sync::Once::new(),
        count_writes: Debounce::new(config.intervals.people),
        slots: PodSlots::default(),
        zero: Instant::now(),
        intervals: config.intervals,
        config,
    })
}

/// Runs both controllers until they are asked to stop, or one of them ends.
async fn reconcile_all(
    context: Arc<Context>,
    pools: Writer<Guarded<MediaPool>>,
    pool_requests: Triggered<MediaPool>,
    stop: Stop,
) -> Result<(), RunError> {
    let (cache, depth) = (&context.cache, &context.metrics.queue_depth);
    let looks = stream_meetings(cache, depth.with_label_values(&["Meeting"]));
    let requests = stream_batched(pool_requests, POOL_PERIOD, depth.with_label_values(&["MediaPool"]));
    let meeting_controller = Controller::for_stream(stream::pending(), cache.meetings.clone())
        .with_config(ControllerConfig::default().concurrency(MEETINGS_AT_ONCE))
        .reconcile_on(looks)
        .graceful_shutdown_on(stop.clone())
        .run(meeting::reconcile, meeting::on_error, Arc::clone(&context));
    let pool_controller = Controller::for_stream(watch_pools(cache, pools), cache.pools.clone())
        .with_config(ControllerConfig::default().concurrency(1))
        .reconcile_on(requests)
        .graceful_shutdown_on(stop.clone())
        .run(pool::reconcile, pool::on_error, Arc::clone(&context));
    tokio::try_join!(
        drain("meeting controller", meeting_controller, stop.clone()),
        drain("pool controller", pool_controller, stop),
    )
    .map(|((), ())| ())
}

/// Completes when the operator is asked to stop before its caches are filled. Controllers would wait forever then, for lists that are
/// never requested again. Nothing is cut off, because every reconciliation waits for the same lists first.
async fn stop_before_complete(cache: &ClusterCache, stop: Stop) {
    tokio::select! {
        biased;
        () = cache.wait_until_complete() => std::future::pending().await,
        () = stop => {}
    }
}

/// The background tasks, which run until shutdown; returns the name of the one that ended.
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
        () = run_resync(Arc::clone(&cache)).boxed() => "resync",
        () = run_prober(Arc::clone(&cache), link.clone()).boxed() => "prober",
        () = run_key_rotation(client, config, link).boxed() => "key rotation",
        () = announce => "readiness",
    }
}

/// Without keys no pod can start and no pod can be queried, so this comes first and is retried until it succeeds.
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
        "could not check the admission keys, retrying"
    );
}

/// Boxed, because the compiler cannot prove that the nested futures are `Send`.
fn check_keys<'a>(client: &'a Client, config: &'a Config) -> BoxFuture<'a, Result<Keys, KeysError>> {
    let (secret, config_map) = (&config.admission_key_secret, &config.defaults.admission_keys);
    ensure_keys(client, &config.namespace, secret, config_map, config.key_rotation).boxed()
}

/// Keeps the keys in place (they may have been deleted) and rotates them.
async fn run_key_rotation(client: Client, config: Config, link: PodLink) {
    let mut pause = Duration::from_secs(1);
    loop {
        tokio::time::sleep(pause.min(KEYS_PERIOD)).await;
        match check_keys(&client, &config).await {
            Ok(keys) => {
                link.use_signer(keys.signer);
                pause = keys.check_again;
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

/// Runs a controller until it is asked to stop and its last reconciliation has ended.
///
/// Failures are logged where they occur; an object that no longer exists when its turn comes is not a failure.
async fn drain<K, E, Q>(
    name: &'static str,
    results: impl Stream<Item = Result<(ObjectRef<K>, Action), controller::Error<E, Q>>>,
    stop: Stop,
) -> Result<(), RunError>
where
    K: kube::runtime::reflector::Lookup,
    E: std::error::Error + 'static,
    Q: std::error::Error + 'static,
{
    results
        .for_each(|result| {
            if let Err(controller::Error::RunnerError(error)) = &result {
                tracing::error!(error = error as &dyn std::error::Error, controller = name, "controller error");
            }
            std::future::ready(())
        })
        .await;
    if stop.now_or_never().is_some() { Ok(()) } else { Err(RunError::Ended(name)) }
}

#[cfg(test)]
mod tests;
