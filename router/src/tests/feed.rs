//! Watch events update the routing table.

use convene_crds::Meeting;
use futures_util::{Stream, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::{Error, Event};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::peer::until;
use crate::fixtures::{key, meeting_json, pod_json, pod_record, reason_of, sink};
use crate::index::watch::{Sink, WatchError, keep_index};

type Sender<K> = mpsc::UnboundedSender<Result<Event<K>, Error>>;

/// A running index watch, and the senders of its events.
struct Feed {
    meetings: Sender<DeserializeGuard<Meeting>>,
    pods: Sender<Pod>,
    sink: Sink,
    task: tokio::task::JoinHandle<Result<std::convert::Infallible, WatchError>>,
}

fn channel<K>() -> (Sender<K>, impl Stream<Item = Result<Event<K>, Error>>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) }))
}

fn meeting(name: &str, pod: Option<(&str, &str)>) -> DeserializeGuard<Meeting> {
    object(meeting_json("team-a", name, &format!("uid-{name}"), pod))
}

fn pod(name: &str, is_ready: bool) -> Pod {
    object(pod_json(name, &format!("uid-{name}"), "10.1.2.3", 8080, is_ready))
}

fn object<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

impl Feed {
    fn start() -> Self {
        let ((meetings, from_meetings), (pods, from_pods), sink) = (channel(), channel(), sink());
        let task = tokio::spawn(keep_index(Box::pin(from_meetings), Box::pin(from_pods), sink.clone()));
        Self { meetings, pods, sink, task }
    }

    /// Both lists are complete: `stand-up` is assigned to `media-0`.
    async fn listed() -> Self {
        let feed = Self::start();
        feed.meetings([
            Event::Init,
            Event::InitApply(meeting("stand-up", Some(("media-0", "uid-media-0")))),
            Event::InitDone,
        ]);
        feed.pods([Event::Init, Event::InitApply(pod("media-0", true)), Event::InitDone]);
        feed.until("stand-up", "AssignedPodReady").await;
        feed
    }

    fn meetings(&self, events: impl IntoIterator<Item = Event<DeserializeGuard<Meeting>>>) {
        events.into_iter().for_each(|event| self.meetings.send(Ok(event)).unwrap());
    }

    fn pods(&self, events: impl IntoIterator<Item = Event<Pod>>) {
        events.into_iter().for_each(|event| self.pods.send(Ok(event)).unwrap());
    }

    fn reason(&self, name: &str) -> String {
        reason_of(self.sink.table.route(&key("team-a", name)))
    }

    async fn until(&self, name: &str, reason: &str) {
        until(&format!("{name} is {reason}"), || self.reason(name) == reason).await;
    }
}

#[tokio::test]
async fn lists_and_changes_reach_the_table() {
    let feed = Feed::start();
    feed.meetings([Event::Init, Event::InitApply(meeting("stand-up", None)), Event::InitDone]);
    feed.until("stand-up", "Pending").await;
    feed.until("board", "MeetingNotFound").await;
    assert_eq!(feed.sink.readiness.missing().len(), 4, "pods, pools and keys are still missing");
    feed.pods([Event::Init, Event::InitDone]);
    feed.meetings([Event::Apply(meeting("stand-up", Some(("media-0", "uid-media-0"))))]);
    feed.until("stand-up", "PodGone").await;
    feed.pods([Event::Apply(pod("media-0", false))]);
    feed.until("stand-up", "PodNotReady").await;
    feed.pods([Event::Apply(pod("media-0", true))]);
    feed.until("stand-up", "AssignedPodReady").await;
    assert_eq!(feed.sink.readiness.missing().len(), 3);
    feed.meetings([Event::Delete(meeting("stand-up", None))]);
    feed.until("stand-up", "MeetingNotFound").await;
}

#[tokio::test]
async fn while_the_api_server_is_away_the_last_table_is_served() {
    let feed = Feed::listed().await;
    for _ in 0..3 {
        feed.meetings.send(Err(Error::NoResourceVersion)).unwrap();
        feed.pods.send(Err(Error::NoResourceVersion)).unwrap();
    }
    // A new list starts and is interrupted: none of it may be visible.
    feed.meetings([Event::Init, Event::InitApply(meeting("board", None))]);
    feed.meetings.send(Err(Error::NoResourceVersion)).unwrap();
    let counted = r#"convene_router_watch_errors_total{kind="Meeting"} 4"#;
    until("all errors were taken", || feed.sink.metrics.render().contains(counted)).await;
    assert_eq!(feed.reason("stand-up"), "AssignedPodReady");
    assert_eq!(feed.reason("board"), "MeetingNotFound");

    feed.meetings([Event::Init, Event::InitApply(meeting("retro", None)), Event::InitDone]);
    feed.until("retro", "Pending").await;
    assert_eq!(feed.reason("stand-up"), "MeetingNotFound", "deleted while the watch was interrupted");
    assert_eq!(feed.reason("board"), "MeetingNotFound", "was only in the list that broke off");
}

#[tokio::test]
async fn an_invalid_meeting_does_not_affect_others() {
    let feed = Feed::listed().await;
    let mut broken = meeting_json("team-a", "broken", "uid-broken", None);
    broken["spec"] = json!({"maxParticipants": "many"});
    feed.meetings([Event::Apply(object(broken)), Event::Apply(meeting("retro", None))]);
    feed.until("retro", "Pending").await;
    assert_eq!(feed.reason("broken"), "MeetingInvalid");
    assert_eq!(feed.reason("stand-up"), "AssignedPodReady");
}

#[tokio::test]
async fn connections_to_a_pod_are_cut_when_it_is_deleted_not_when_it_drains() {
    let feed = Feed::listed().await;
    let link = feed.sink.links.attach(
        &key("team-a", "stand-up"),
        &pod_record("media-0", "uid-media-0", "10.1.2.3:8080"),
        &feed.sink.table,
    );
    feed.pods([Event::Apply(pod("media-0", false))]);
    feed.until("stand-up", "PodNotReady").await;
    assert!(!link.is_cancelled());
    feed.pods([Event::Delete(pod("media-0", false))]);
    until("the link is cut", || link.is_cancelled()).await;
}

#[tokio::test]
async fn a_watch_that_ends_is_an_error_and_not_silence() {
    let Feed { meetings, pods, task, .. } = Feed::start();
    drop(pods);
    assert!(matches!(task.await.unwrap(), Err(WatchError::Ended)));
    drop(meetings);
}
