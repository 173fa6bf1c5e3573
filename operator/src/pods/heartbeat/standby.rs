//! The heartbeats of a standby: it watches and asks the media pods, so that it knows the silent ones when it becomes the leader. It never judges.

use std::pin::pin;

use convene_crds::names::MEDIA_POD_SELECTOR;
use convene_service::kube::watch::{WatchBackoff, watch_config};
use futures_util::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, ResourceExt,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};

use super::Lookout;
use crate::model::views::Views;

impl Lookout {
    /// Asks the media pods in the operator's namespace. Never returns.
    pub(crate) async fn stand_by(&mut self, client: Client, namespace: &str) {
        let api: Api<Pod> = Api::namespaced(client, namespace);
        self.watch(watcher(api, watch_config().labels(MEDIA_POD_SELECTOR)).backoff(WatchBackoff::default())).await;
        std::future::pending::<()>().await;
    }

    pub(super) async fn watch(&mut self, events: impl Stream<Item = Result<Event<Pod>, watcher::Error>>) {
        let (mut views, mut events) = (Views::default(), pin!(events));
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => apply(&mut views, &event),
                // The last known pods are still asked.
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "watch of media pods failed, retrying");
                }
            }
            self.ask(views.pods());
        }
    }
}

fn apply(views: &mut Views, event: &Event<Pod>) {
    match event {
        Event::Init => views.begin_pods(),
        Event::InitApply(pod) | Event::Apply(pod) => drop(views.set_pod(pod)),
        Event::Delete(pod) => views.remove_pod(&pod.uid().unwrap_or_default()),
        Event::InitDone => drop(views.end_pods()),
    }
}
