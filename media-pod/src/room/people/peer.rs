//! One client in the room: its connection, its grant, and the data from its join.

use std::sync::Arc;
use std::time::Duration;

use convene_protocol::admission::ParticipantGrant;
use convene_protocol::message::Device;
use serde_json::Value;

use super::departed::Trace;
use super::entrance::Arrival;
use super::offers::Offers;
use super::presence::Presence;
use crate::room::answer::Refusal;
use crate::room::interface::ids::ConnectionId;

/// Minimum time between two reactions of a participant: each is sent to all others.
const REACTION_INTERVAL: Duration = Duration::from_millis(200);

/// Minimum time between two chat messages of a viewer: all viewers share a small number.
const VIEWER_MESSAGE_INTERVAL: Duration = Duration::from_secs(2);

/// One client in the room.
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its WebSocket; for a broadcaster the HTTP call with which it entered.
    pub(crate) connection: ConnectionId,
    pub(crate) is_broadcaster: bool,
    /// Its permissions: the grant of its admission with the changes of moderators.
    pub(crate) grant: ParticipantGrant,
    /// The grant of its admission without those changes.
    pub(crate) granted: Box<ParticipantGrant>,
    /// Whether it understands `moving`.
    pub(crate) moves: bool,
    /// The person's proven identity, as in [`ParticipantGrant::person`].
    pub(crate) person: Option<String>,
    pub(crate) arrival: Arrival,
    /// When it connected.
    pub(crate) since: Duration,
    /// Set by `join`.
    pub(crate) joined: Option<Joined>,
    pub(crate) presence: Presence,
    /// Consumers that were offered to it.
    pub(crate) offers: Offers,
    /// Whether it gets statistics in an object, as newer clients expect, instead of bare.
    pub(crate) wraps_stats: bool,
    pub(crate) hand_raised: bool,
    /// When its transports were lost, until it is known whether it has created others.
    pub(crate) renewing: Option<Duration>,
    /// When it last sent a reaction.
    reacted: Option<Duration>,
    /// When it last wrote in the chat as a viewer.
    wrote: Option<Duration>,
}

/// The data that a participant sent when it joined.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) display_name: String,
    pub(crate) device: Device,
    /// `None`: it receives nothing.
    pub(crate) rtp_capabilities: Option<Arc<Value>>,
}

impl Peer {
    pub(crate) fn new(connection: ConnectionId, grant: ParticipantGrant, now: Duration) -> Self {
        Self {
            connection,
            is_broadcaster: false,
            person: grant.person(),
            granted: Box::new(grant.clone()),
            moves: false,
            grant,
            arrival: Arrival::New,
            since: now,
            joined: None,
            presence: Presence::default(),
            offers: Offers::default(),
            wraps_stats: false,
            hand_raised: false,
            renewing: None,
            reacted: None,
            wrote: None,
        }
    }

    pub(crate) fn broadcaster(connection: ConnectionId, grant: ParticipantGrant, now: Duration) -> Self {
        Self { is_broadcaster: true, ..Self::new(connection, grant, now) }
    }

    /// Whether the others see it: a participant who has joined and is neither hidden nor a viewer.
    pub(crate) fn is_seen(&self) -> bool {
        self.joined.is_some() && !self.grant.hidden && !self.grant.viewer
    }

    /// Whether it is a viewer who has joined.
    pub(crate) fn is_viewer(&self) -> bool {
        self.joined.is_some() && self.grant.viewer
    }

    /// Whether it counts as a participant once it has joined.
    pub(crate) fn takes_seat(&self) -> bool {
        !self.is_broadcaster && takes_seat(&self.grant)
    }

    /// Whether it may admit, mute, remove and end. Broadcasters may not.
    pub(crate) fn moderates(&self) -> bool {
        self.grant.moderator && !self.is_broadcaster
    }

    /// Whether it has joined, or had on an earlier connection.
    pub(crate) fn belongs(&self) -> bool {
        self.joined.is_some() || self.arrival == Arrival::Back
    }

    /// Whether it is recognized when it returns.
    pub(crate) fn leaves_trace(&self) -> bool {
        !self.is_broadcaster && self.belongs()
    }

    /// Whether its presence is monitored. Broadcasters have no connection that could fall silent, and the others do not know viewers.
    pub(crate) fn is_watched(&self) -> bool {
        self.joined.is_some() && !self.is_broadcaster && !self.grant.viewer
    }

    /// mediasoup's `RtpCapabilities`, if the room chooses the streams that it receives.
    pub(crate) fn receives(&self) -> Option<&Arc<Value>> {
        let capabilities = self.joined.as_ref()?.rtp_capabilities.as_ref()?;
        (!self.is_broadcaster && self.grant.subscribe).then_some(capabilities)
    }

    /// Counts a reaction, unless the last one was too recent.
    pub(crate) fn react(&mut self, now: Duration) -> Result<(), Refusal> {
        if self.reacted.is_some_and(|reacted| now.saturating_sub(reacted) < REACTION_INTERVAL) {
            return Err(Refusal(429, "too many reactions: wait a moment".into()));
        }
        self.reacted = Some(now);
        Ok(())
    }

    /// Refuses a chat message of a viewer whose last one was too recent.
    pub(crate) fn check_viewer_message(&self, now: Duration) -> Result<(), Refusal> {
        if self.wrote.is_some_and(|wrote| now.saturating_sub(wrote) < VIEWER_MESSAGE_INTERVAL) {
            return Err(Refusal(429, "too many messages: wait a moment".into()));
        }
        Ok(())
    }

    pub(crate) fn note_viewer_message(&mut self, now: Duration) {
        self.wrote = Some(now);
    }

    /// The traces of a participant who leaves.
    pub(crate) fn trace(&self) -> Option<Trace> {
        let (person, address) = (self.person.clone(), self.grant.address.clone());
        self.leaves_trace().then_some(Trace { person, address, hand_raised: self.hand_raised })
    }
}

/// Hidden participants and recorders do not take a seat.
pub(crate) fn takes_seat(grant: &ParticipantGrant) -> bool {
    !grant.hidden && !grant.recorder
}
