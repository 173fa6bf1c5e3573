//! Feeds the routing index from watches of Meetings (all namespaces) and media pods (the release's namespace).
//!
//! One task owns the index, so no lock is needed; events that arrive together are published together. While the API server is
//! unavailable, the last table stays in use. It never writes to the cluster.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use convene_crds::Meeting;
use convene_crds::names::MEDIA_POD_SELECTOR;
use convene_service::kube::watch::{WatchBackoff, watch_config};
use futures_util::{Stream, StreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use thiserror::Error;
use tracing::{debug, info, warn};

use crate::health::{Readiness, ReadinessCheck};
use crate::index::links::PodLinks;
use crate::index::record::{MeetingRecord, PodRecord, key_of};
use crate::index::routing_index::RoutingIndex;
use crate::index::table::RoutingTable;
use crate::metrics::RouterMetrics;

/// Maximum number of events that are published together.
const BATCH: usize = 512;

pub(crate) type WatchResult<K> = Result<Event<K>, watcher::Error>;

/// Reasons a watch has stopped.
#[derive(Debug, Error)]
pub(crate) enum WatchError {
    /// The watch streams of kube never end; if one did, the table would silently become stale.
    #[error("the watches ended")]
    Ended,
}

/// The targets of the watches.
#[derive(Clone)]
pub(crate) struct Sink {
    pub(crate) table: Arc<RoutingTable>,
    /// Connections to close when a pod is deleted.
    pub(crate) links: Arc<PodLinks>,
    /// Readiness checks that watches pass.
    pub(crate) readiness: Arc<Readiness>,
    /// Index sizes and watch errors.
    pub(crate) metrics: Arc<RouterMetrics>,
}

/// Watches until the process ends.
pub(crate) async fn watch(client: Client, namespace: &str, sink: Sink) -> Result<Infallible, WatchError> {
    let meetings = Api::<DeserializeGuard<Meeting>>::all(client.clone());
    let pods = Api::<Pod>::namespaced(client, namespace);
    let meetings = watcher(meetings, watch_config()).backoff(WatchBackoff::default());
    let pods = watcher(pods, watch_config().labels(MEDIA_POD_SELECTOR)).backoff(WatchBackoff::default());
    keep_index(meetings, pods, sink).await
}

/// Boxed, because many are buffered and the objects are large.
enum WatchEvent {
    Meeting(Box<WatchResult<DeserializeGuard<Meeting>>>),
    Pod(Box<WatchResult<Pod>>),
}

/// Updates the table from two streams of watch events.
pub(crate) async fn keep_index(
    meetings: impl Stream<Item = WatchResult<DeserializeGuard<Meeting>>>,
    pods: impl Stream<Item = WatchResult<Pod>>,
    sink: Sink,
) -> Result<Infallible, WatchError> {
    // The end of one stream must not be hidden by the other.
    let meetings = meetings.map(|event| Some(WatchEvent::Meeting(Box::new(event)))).chain(stream::once(async { None }));
    let pods = pods.map(|event| Some(WatchEvent::Pod(Box::new(event)))).chain(stream::once(async { None }));
    let mut batches = pin!(stream::select(meetings, pods).ready_chunks(BATCH));
    let mut writer = IndexWriter::new(sink);
    while let Some(batch) = batches.next().await {
        let is_ended = batch.iter().any(Option::is_none);
        let arrived = Instant::now();
        writer.apply_batch(batch.into_iter().flatten());
        writer.sink.metrics.edge.observe_propagation(arrived.elapsed());
        if is_ended {
            return Err(WatchError::Ended);
        }
    }
    Err(WatchError::Ended)
}

/// Counts and logs the failures of one watch without flooding the log while the API server is unavailable.
#[derive(Debug)]
pub(crate) struct WatchLog {
    kind: &'static str,
    failures: u32,
}

impl WatchLog {
    /// Consecutive failures between two warnings.
    const REPEAT: u32 = 30;

    pub(crate) fn new(kind: &'static str) -> Self {
        Self { kind, failures: 0 }
    }

    /// The event; an error is counted and logged.
    pub(crate) fn note<K>(&mut self, result: WatchResult<K>, metrics: &RouterMetrics) -> Option<Event<K>> {
        let kind = self.kind;
        let Err(error) = result.as_ref() else {
            // A restarted watch emits `Init` before the API server has responded.
            if self.failures > 0 && !matches!(result, Ok(Event::Init)) {
                info!(kind, failures = self.failures, "watch recovered");
                self.failures = 0;
            }
            return result.ok();
        };
        metrics.count_watch_error(kind);
        if self.failures.is_multiple_of(Self::REPEAT) {
            warn!(kind, %error, "watch failed; retrying with the last known state");
        } else {
            debug!(kind, %error, "watch failed again");
        }
        self.failures += 1;
        None
    }
}

struct IndexWriter {
    index: RoutingIndex,
    /// Lists being received; the table changes only when they are complete.
    meetings: Vec<MeetingRecord>,
    pods: Vec<PodRecord>,
    meeting_watch: WatchLog,
    pod_watch: WatchLog,
    sink: Sink,
}

impl IndexWriter {
    fn new(sink: Sink) -> Self {
        Self {
            index: RoutingIndex::default(),
            meetings: Vec::new(),
            pods: Vec::new(),
            meeting_watch: WatchLog::new("Meeting"),
            pod_watch: WatchLog::new("Pod"),
            sink,
        }
    }

    fn apply_batch(&mut self, batch: impl Iterator<Item = WatchEvent>) {
        let mut is_changed = false;
        let mut passed = Vec::new();
        for event in batch {
            is_changed |= match event {
                WatchEvent::Meeting(result) => match self.meeting_watch.note(*result, &self.sink.metrics) {
                    Some(event) => self.on_meeting_event(event, &mut passed),
                    None => false,
                },
                WatchEvent::Pod(result) => match self.pod_watch.note(*result, &self.sink.metrics) {
                    Some(event) => self.on_pod_event(event, &mut passed),
                    None => false,
                },
            };
        }
        if is_changed {
            self.publish();
        }
        // Only after the table is published.
        for check in passed {
            if self.sink.readiness.pass(check) {
                info!(
                    part = ?check,
                    meetings = self.index.meeting_count(),
                    pods = self.index.pod_count(),
                    "received the first full list"
                );
            }
        }
    }

    fn on_meeting_event(&mut self, event: Event<DeserializeGuard<Meeting>>, passed: &mut Vec<ReadinessCheck>) -> bool {
        match event {
            Event::Init => self.meetings.clear(),
            Event::InitApply(object) => self.meetings.extend(read_meeting(&object)),
            Event::InitDone => {
                passed.push(ReadinessCheck::Meetings);
                return self.index.reset_meetings(self.meetings.drain(..));
            }
            Event::Apply(object) => {
                return read_meeting(&object).is_some_and(|record| self.index.apply_meeting(record));
            }
            Event::Delete(object) => {
                let uid = object.uid().unwrap_or_default();
                return key_of(object.meta()).is_some_and(|key| self.index.delete_meeting(&key, &uid));
            }
        }
        false
    }

    fn on_pod_event(&mut self, event: Event<Pod>, passed: &mut Vec<ReadinessCheck>) -> bool {
        match event {
            Event::Init => self.pods.clear(),
            Event::InitApply(pod) => self.pods.extend(PodRecord::from_pod(&pod)),
            Event::InitDone => {
                passed.push(ReadinessCheck::Pods);
                return self.index.reset_pods(self.pods.drain(..));
            }
            Event::Apply(pod) => return PodRecord::from_pod(&pod).is_some_and(|record| self.index.apply_pod(record)),
            Event::Delete(pod) => {
                return PodRecord::from_pod(&pod)
                    .is_some_and(|record| self.index.delete_pod(&record.name, &record.uid));
            }
        }
        false
    }

    fn publish(&self) {
        let Sink { table, links, metrics, .. } = &self.sink;
        table.publish(self.index.clone());
        links.sweep(table);
        metrics.set_index_sizes(self.index.meeting_count(), self.index.pod_count());
    }
}

fn read_meeting(object: &DeserializeGuard<Meeting>) -> Option<MeetingRecord> {
    match &object.0 {
        Ok(meeting) => MeetingRecord::from_meeting(meeting),
        Err(invalid) => {
            warn!(
                namespace = invalid.metadata.namespace,
                name = invalid.metadata.name,
                error = invalid.error,
                "could not read a Meeting"
            );
            MeetingRecord::from_invalid(invalid)
        }
    }
}
