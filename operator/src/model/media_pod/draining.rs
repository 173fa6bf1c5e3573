//! The drain of a media pod, as its annotation says. Pure; it decides nothing.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_crds::reason;
use jiff::Timestamp;

/// The reason and the start of a pod's drain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draining {
    /// Start of the drain.
    pub(crate) since: Timestamp,
    /// One of [`reason::DRAINS`].
    pub(crate) reason: &'static str,
}

impl Draining {
    /// The text of the annotation.
    pub(crate) fn to_annotation(&self) -> String {
        format!("{} {}", self.since, self.reason)
    }

    /// Parses the annotation. An unknown text drains the pod too, since the epoch.
    pub(crate) fn parse(text: &str) -> Self {
        let (since, word) = text.split_once(' ').unwrap_or((text, ""));
        let reason = reason::DRAINS.into_iter().find(|reason| *reason == word).unwrap_or(reason::NOT_NEEDED);
        Self { since: since.parse().unwrap_or(Timestamp::UNIX_EPOCH), reason }
    }
}
