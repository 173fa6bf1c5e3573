//! Which notifications a client understands, depending on the application it runs. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_protocol::message::ServerNotification;

use crate::room::Outgoing;

/// The notifications that a client understands; it is sent no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// Whether it understands those that the mediasoup demo does not have.
    pub extensions: bool,
    /// The name by which it expects the version.
    pub version_name: VersionName,
}

/// The name by which a client expects the version of mediasoup: it differs between the two generations of the demo's application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionName {
    /// `mediasoup-version`.
    Older,
    /// `mediasoupVersion`.
    Newer,
    /// Unknown: both are sent.
    Either,
}

impl Vocabulary {
    /// Whether the client is sent this message.
    pub(super) fn has(self, message: &Outgoing) -> bool {
        match message {
            Outgoing::Notification(ServerNotification::MediasoupVersion(_)) => self.version_name != VersionName::Older,
            Outgoing::Notification(ServerNotification::MediasoupVersionLegacy(_)) => {
                self.version_name != VersionName::Newer
            }
            Outgoing::Notification(notification) => self.extensions || !notification.is_extension(),
            Outgoing::Request(..) | Outgoing::Success(..) | Outgoing::Failure { .. } => true,
        }
    }
}
