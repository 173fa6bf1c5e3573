//! The prober: probes ready media pods on schedule and writes the result into a condition of the pod.
//!
//! It writes only changes and ignores a pod that was deleted or replaced in the meantime. The controllers decide what follows for
//! meetings.

use std::{sync::Arc, time::Duration};

use convene_crds::names::TRUE;
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
    runtime::reflector::ObjectRef,
};
use tokio::time::{Instant, MissedTickBehavior};

use super::{
    condition::{build_subject, plan_condition},
    judge::Reach,
    probe::probe,
    schedule::{Schedule, Subject},
};
use crate::{
    cluster::cache::ClusterCache,
    model::{media_pod::MediaPod, valid_pool::ValidPool},
    pods::link::PodLink,
};

/// Interval at which new pods are noticed.
const PERIOD: Duration = Duration::from_secs(2);

/// Runs until the process ends.
pub async fn run_prober(cache: Arc<ClusterCache>, link: PodLink) {
    cache.wait_until_complete().await;
    run(cache, link).await;
}

async fn run(cache: Arc<ClusterCache>, link: PodLink) {
    let start = Instant::now();
    let mut schedule = Schedule::default();
    let mut running: FuturesUnordered<BoxFuture<'static, (Subject, bool)>> = FuturesUnordered::new();
    let mut clock = tokio::time::interval(PERIOD);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = clock.tick() => {}
            Some((subject, is_well)) = running.next() => {
                schedule.end(subject, is_well, start.elapsed(), rand::random());
            }
        }
        for pod in choose_pods(&cache, &mut schedule, start.elapsed()) {
            running.push(Box::pin(probe_pod(Arc::clone(&cache), link.clone(), pod)));
        }
    }
}

fn choose_pods(cache: &ClusterCache, schedule: &mut Schedule, now: Duration) -> Vec<Arc<Pod>> {
    let pods = cache.pods.state();
    schedule.keep(|uid| pods.iter().any(|pod| pod.metadata.uid.as_deref() == Some(uid)));
    let ready = pods.iter().filter(|pod| is_probed(cache, &MediaPod::from_pod(pod)));
    let subjects: Vec<Subject> = ready.map(|pod| build_subject(pod)).collect();
    let chosen = schedule.plan(&subjects, now);
    for uid in &chosen {
        schedule.begin(uid);
    }
    let is_chosen = |pod: &Arc<Pod>| pod.metadata.uid.as_ref().is_some_and(|uid| chosen.contains(uid));
    pods.into_iter().filter(is_chosen).collect()
}

/// Ready pods of pools that want probes.
fn is_probed(cache: &ClusterCache, pod: &MediaPod) -> bool {
    let is_wanted = |pool: &ValidPool| pool.probes_media;
    let view = cache.state().views.pool(&pod.pool);
    pod.is_ready() && view.is_some_and(|view| view.pool.as_ref().is_ok_and(|pool| is_wanted(pool)))
}

/// Returns the pod and whether all is well: clients reach it and its condition says so.
async fn probe_pod(cache: Arc<ClusterCache>, link: PodLink, pod: Arc<Pod>) -> (Subject, bool) {
    let reach = probe(&link, &MediaPod::from_pod(&pod)).await;
    // The condition may have changed in the meantime; the pod may even have been replaced.
    let newest = cache.pods.get(&ObjectRef::from_obj(&*pod)).filter(|newest| newest.metadata.uid == pod.metadata.uid);
    let is_reported = match newest {
        Some(newest) => write_condition(&cache, &newest, &reach).await,
        None => true,
    };
    (build_subject(&pod), is_reported && reach.status() == TRUE)
}

/// `false` if the condition could not be written: the next probe will try again.
async fn write_condition(cache: &ClusterCache, pod: &Pod, reach: &Reach) -> bool {
    let Some(patch) = plan_condition(pod, reach, Timestamp::now()) else { return true };
    let name = pod.name_any();
    let api: Api<Pod> = Api::namespaced(cache.client.clone(), &cache.namespace);
    match api.patch_status(&name, &PatchParams::default(), &Patch::Strategic(&patch)).await {
        Ok(_) => {
            let (status, reason, message) = (reach.status(), reach.reason(), reach.message());
            tracing::info!(pod = name, status, reason, message, "probed media pod");
            true
        }
        Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => true,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, pod = name, "could not write the MediaReachable condition of a media pod, retrying");
            false
        }
    }
}

#[cfg(test)]
mod tests;
