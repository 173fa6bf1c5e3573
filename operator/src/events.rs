//! Kubernetes events about our objects: each decision once, with its reason.
//!
//! One recorder serves the whole process, because it is the recorder that folds repetitions into one event. A failure to publish never
//! fails the work it reports: it is logged.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder};

use crate::media_pod::shorten;

/// The API server takes 1024 bytes; characters may have several.
const LONGEST_NOTE: usize = 900;

/// An event to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whether a person should have a look.
    pub is_warning: bool,
    /// Reason, one of `crate::reason`.
    pub reason: &'static str,
    /// A sentence.
    pub message: String,
    /// The media pod it is about: repetitions are folded only if they are about the same pod.
    pub pod: Option<String>,
}

impl Note {
    /// Something happened as it should.
    pub fn normal(reason: &'static str, message: impl Into<String>) -> Self {
        Self { is_warning: false, reason, message: message.into(), pod: None }
    }

    /// The same note, about a media pod.
    #[must_use]
    pub fn about(self, pod: &str) -> Self {
        Self { pod: Some(pod.to_owned()), ..self }
    }

    /// Something is not as it should be.
    pub fn warning(reason: &'static str, message: impl Into<String>) -> Self {
        Self { is_warning: true, reason, message: message.into(), pod: None }
    }
}

/// Publishes `notes` about `object`, in order.
pub async fn publish(recorder: &Recorder, object: &ObjectReference, action: &str, notes: &[Note]) {
    for note in notes {
        let event = Event {
            type_: if note.is_warning { EventType::Warning } else { EventType::Normal },
            reason: note.reason.to_owned(),
            note: Some(compute_text(&note.message)),
            action: action.to_owned(),
            secondary: note.pod.as_deref().map(build_pod_reference),
        };
        if let Err(error) = recorder.publish(&event, object).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                reason = note.reason,
                "could not publish an event"
            );
        }
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
    use super::*;

    #[test]
    fn a_long_note_fits_whatever_its_letters() {
        for text in ["x".repeat(5000), "ü".repeat(5000), "語".repeat(5000)] {
            assert!(compute_text(&text).len() <= 1024);
        }
        assert_eq!(compute_text("short"), "short");
    }
}
