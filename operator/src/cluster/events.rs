//! Kubernetes events about Meetings and pools: each decision once, with its reason.
//!
//! Notes go to one task of the process, which publishes them one by one: no reconciliation waits for it, and when the API server is slow,
//! statuses come first. A failure here never fails a reconciliation: it is logged and counted.

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::ObjectReference,
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{
    Api, Client,
    api::PostParams,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use prometheus::IntCounterVec;
use tokio::sync::mpsc;

use crate::model::media_pod::shorten;

/// Maximum number of queued notes. Beyond that, ordinary notes are dropped: the conditions carry the same information.
const LONGEST_QUEUE: usize = 16_384;
/// Queue slots reserved for warnings.
const KEPT_FOR_WARNINGS: usize = 1_024;
/// The API server accepts 1024 bytes; a character may take several.
const LONGEST_NOTE: usize = 900;
/// Longest object name, in bytes, to which a dot and the time in hexadecimal nanoseconds (16 digits) can be appended: names have at most
/// 253.
const LONGEST_NAME: usize = 253 - 1 - 16;

/// An event to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// Whether it is of type Warning.
    pub(crate) is_warning: bool,
    /// One of `convene_crds::reason`.
    pub(crate) reason: &'static str,
    /// The message, one sentence.
    pub(crate) message: String,
    /// The media pod it is about: repetitions are aggregated only if they are about the same pod.
    pub(crate) pod: Option<String>,
}

impl Note {
    /// An event of type Normal.
    pub(crate) fn normal(reason: &'static str, message: impl Into<String>) -> Self {
        Self { is_warning: false, reason, message: message.into(), pod: None }
    }

    /// The same note, about a media pod.
    #[must_use]
    pub(crate) fn about(self, pod: &str) -> Self {
        Self { pod: Some(pod.to_owned()), ..self }
    }

    /// An event of type Warning.
    pub(crate) fn warning(reason: &'static str, message: impl Into<String>) -> Self {
        Self { is_warning: true, reason, message: message.into(), pod: None }
    }
}

/// A queued note.
#[derive(Debug)]
struct Post {
    object: ObjectReference,
    action: &'static str,
    note: Note,
}

/// Queues notes for the task that publishes them.
#[derive(Clone, Debug)]
pub(crate) struct Publisher {
    posts: mpsc::Sender<Post>,
    /// Notes by outcome.
    outcomes: IntCounterVec,
}

/// The queued notes.
#[derive(Debug)]
pub(crate) struct Posts {
    waiting: mpsc::Receiver<Post>,
    outcomes: IntCounterVec,
}

/// The queue between publishers and the task that sends the notes.
pub(crate) fn channel(outcomes: &IntCounterVec) -> (Publisher, Posts) {
    let (posts, waiting) = mpsc::channel(LONGEST_QUEUE);
    (Publisher { posts, outcomes: outcomes.clone() }, Posts { waiting, outcomes: outcomes.clone() })
}

impl Publisher {
    /// Queues `notes` about `object`, in order. Never waits.
    pub(crate) fn publish(&self, object: &ObjectReference, action: &'static str, notes: &[Note]) {
        for note in notes {
            let has_room = note.is_warning || self.posts.capacity() > KEPT_FOR_WARNINGS;
            let post = Post { object: object.clone(), action, note: note.clone() };
            if !has_room || self.posts.try_send(post).is_err() {
                self.outcomes.with_label_values(&["dropped"]).inc();
            }
        }
    }
}

#[cfg(test)]
impl Posts {
    /// The queued notes.
    pub(crate) fn take(&mut self) -> Vec<Note> {
        std::iter::from_fn(|| self.waiting.try_recv().ok()).map(|post| post.note).collect()
    }
}

/// Publishes notes until all publishers are dropped and the queue is empty.
pub(crate) async fn run_publisher(client: Client, reporter: Reporter, mut posts: Posts) {
    // One recorder for all warnings, because the recorder aggregates repeated warnings into one event.
    let warnings = Recorder::new(client.clone(), reporter.clone());
    while let Some(post) = posts.waiting.recv().await {
        // A recorder caches recent events. Normal events do not repeat, and there are as many of them as meetings.
        let fresh;
        let recorder = if post.note.is_warning {
            &warnings
        } else {
            fresh = Recorder::new(client.clone(), reporter.clone());
            &fresh
        };
        let result = publish(recorder, &client, &reporter, &post).await;
        posts.outcomes.with_label_values(&[if result.is_ok() { "published" } else { "failed" }]).inc();
        if let Err(error) = result {
            note_failure(&error, &post);
        }
    }
}

/// Uses the recorder, unless the object's name is so long that the name of the event would be rejected: the recorder appends the time.
async fn publish(recorder: &Recorder, client: &Client, reporter: &Reporter, post: &Post) -> Result<(), kube::Error> {
    let object = &post.object;
    if object.name.as_deref().unwrap_or_default().len() <= LONGEST_NAME {
        return recorder.publish(&build_event(post), object).await;
    }
    let events: Api<k8s_openapi::api::events::v1::Event> =
        Api::namespaced(client.clone(), object.namespace.as_deref().unwrap_or("default"));
    events.create(&PostParams::default(), &build_long_event(post, reporter, Timestamp::now())).await.map(drop)
}

/// The same event as the recorder would create, with a truncated name.
fn build_long_event(post: &Post, reporter: &Reporter, now: Timestamp) -> k8s_openapi::api::events::v1::Event {
    let Event { type_, reason, note, action, secondary } = build_event(post);
    let head: String = post.object.name.iter().flat_map(|name| name.chars()).take(LONGEST_NAME).collect();
    let controller = reporter.controller.clone();
    k8s_openapi::api::events::v1::Event {
        action: Some(action),
        event_time: Some(MicroTime(now)),
        metadata: ObjectMeta {
            // Each part between dots must end with a letter or a digit.
            name: Some(format!("{}.{:x}", head.trim_end_matches(['-', '.']), now.as_nanosecond())),
            namespace: post.object.namespace.clone(),
            ..ObjectMeta::default()
        },
        note,
        reason: Some(reason),
        regarding: Some(post.object.clone()),
        related: secondary,
        reporting_instance: Some(reporter.instance.clone().unwrap_or_else(|| controller.clone())),
        reporting_controller: Some(controller),
        type_: Some(if matches!(type_, EventType::Warning) { "Warning" } else { "Normal" }.to_owned()),
        ..k8s_openapi::api::events::v1::Event::default()
    }
}

fn note_failure(error: &kube::Error, post: &Post) {
    let Post { object: ObjectReference { kind, namespace, name, .. }, action: _, note } = post;
    tracing::warn!(
        error = error as &dyn std::error::Error,
        kind,
        namespace,
        name,
        reason = note.reason,
        "could not publish event"
    );
}

fn build_event(post: &Post) -> Event {
    let Post { object: _, action, note } = post;
    Event {
        type_: if note.is_warning { EventType::Warning } else { EventType::Normal },
        reason: note.reason.to_owned(),
        note: Some(compute_text(&note.message)),
        action: (*action).to_owned(),
        secondary: note.pod.as_deref().map(build_pod_reference),
    }
}

fn build_pod_reference(name: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        name: Some(name.to_owned()),
        ..ObjectReference::default()
    }
}

fn compute_text(message: &str) -> String {
    let mut limit = LONGEST_NOTE;
    let mut text = shorten(message, limit);
    while text.len() > 1024 {
        limit /= 2;
        text = shorten(message, limit);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::ScriptedServer;

    #[test]
    fn a_long_note_fits_whatever_its_letters() {
        for text in ["x".repeat(5000), "ü".repeat(5000), "語".repeat(5000)] {
            assert!(compute_text(&text).len() <= 1024);
        }
        assert_eq!(compute_text("short"), "short");
    }

    fn outcomes() -> IntCounterVec {
        IntCounterVec::new(prometheus::Opts::new("events", "events"), &["outcome"]).unwrap()
    }

    fn reference() -> ObjectReference {
        ObjectReference { namespace: Some("crew".into()), name: Some("daily".into()), ..ObjectReference::default() }
    }

    const CREATED: &str = "POST /apis/events.k8s.io/v1/namespaces/crew/events";

    #[test]
    fn events_of_objects_with_long_names_have_names_that_are_taken() {
        let long = [format!("{}-{}", "m".repeat(LONGEST_NAME - 1), "x".repeat(16)), "ab.".repeat(84)];
        for name in long {
            let object = ObjectReference { name: Some(name.clone()), ..reference() };
            let post = Post { object, action: "Reconcile", note: Note::warning("PodGone", "b").about("media-1") };
            let event = build_long_event(&post, &"tester".into(), Timestamp::now());
            let given = event.metadata.name.unwrap();
            assert!(
                given.len() <= 253 && given.split('.').all(|part| !part.is_empty() && !part.ends_with('-')),
                "{given}"
            );
            assert_eq!(event.regarding.and_then(|object| object.name), Some(name), "describe finds it");
            assert_eq!((event.type_.as_deref(), event.reason.as_deref()), (Some("Warning"), Some("PodGone")));
        }
    }

    #[tokio::test]
    async fn an_object_with_a_long_name_gets_its_event() {
        let event =
            json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e"}, "eventTime": null});
        let (server, client) = ScriptedServer::start(vec![(CREATED, 201, event)]);
        let (publisher, posts) = channel(&outcomes());
        let object = ObjectReference { name: Some("m".repeat(253)), ..reference() };
        publisher.publish(&object, "Reconcile", &[Note::normal("Assigned", "a")]);
        drop(publisher);
        run_publisher(client, "tester".into(), posts).await;
        server.assert_finished();
    }

    #[tokio::test]
    async fn notes_are_published_in_order_until_all_publishers_are_dropped() {
        let event =
            json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e"}, "eventTime": null});
        let refused = crate::fixtures::status(403, "Forbidden", "no");
        let (server, client) =
            ScriptedServer::start(vec![(CREATED, 201, event.clone()), (CREATED, 403, refused), (CREATED, 201, event)]);
        let outcomes = outcomes();
        let (publisher, posts) = channel(&outcomes);
        publisher.publish(&reference(), "Reconcile", &[Note::normal("Assigned", "a"), Note::warning("PodGone", "b")]);
        publisher.publish(&reference(), "Reconcile", &[Note::normal("Assigned", "a")]);
        drop(publisher);
        run_publisher(client, "tester".into(), posts).await;
        server.assert_finished();
        assert_eq!(outcomes.with_label_values(&["published"]).get(), 2);
        assert_eq!(outcomes.with_label_values(&["failed"]).get(), 1);
    }

    #[test]
    fn when_too_many_wait_warnings_still_have_room() {
        let outcomes = outcomes();
        let (publisher, _posts) = channel(&outcomes);
        let dropped = || outcomes.with_label_values(&["dropped"]).get();
        let news = vec![Note::normal("Assigned", "a"); LONGEST_QUEUE];
        publisher.publish(&reference(), "Reconcile", &news);
        assert_eq!(dropped(), KEPT_FOR_WARNINGS as u64);
        publisher.publish(&reference(), "Reconcile", &[Note::warning("PodGone", "b")]);
        assert_eq!(dropped(), KEPT_FOR_WARNINGS as u64, "there is room for a warning");
        publisher.publish(&reference(), "Reconcile", &vec![Note::warning("PodGone", "b"); KEPT_FOR_WARNINGS]);
        assert_eq!(dropped(), KEPT_FOR_WARNINGS as u64 + 1, "not without end");
    }
}
