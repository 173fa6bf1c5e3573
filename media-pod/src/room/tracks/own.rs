//! The tracks of one peer. Plain data and values derived from it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use convene_protocol::message::{ConsumerScore, Direction, MediaKind, PublishSource, Sends, Source};
use serde_json::Value;

use super::demand::{Demand, Wanted};
use crate::room::interface::ids::{ConnectionId, ConsumerId, PeerId, ProducerId, TransportId};
use crate::room::interface::outcome::CreatedProducer;
use crate::room::people::permissions::needed_for;

/// Ticks (one per second) after which a paused stream is resting: other streams come first.
const RESTING_AFTER: u8 = 10;

/// The tracks of one peer.
#[derive(Debug)]
pub(crate) struct PeerTracks {
    /// Its connection.
    pub(super) connection: ConnectionId,
    pub(super) transports: BTreeMap<TransportId, TransportState>,
    pub(super) producers: BTreeMap<ProducerId, ProducerState>,
    pub(super) consumers: BTreeMap<ConsumerId, ConsumerState>,
    /// Producers that it cannot receive or has declined.
    pub(super) declined: BTreeSet<ProducerId>,
    /// Additional copies of every consumer that it requested.
    pub(super) replicas: usize,
    /// Whether it has no seat yet: its transports do not count as those of the room.
    pub(super) is_prepared: bool,
    /// The peers whose video its client shows, in order of preference.
    pub(super) watched: Vec<PeerId>,
    /// Its `sends`, as last notified to the others.
    pub(super) announced: Sends,
    /// Whether its media has been connected before.
    pub(super) has_connected: bool,
}

#[derive(Debug)]
pub(crate) struct TransportState {
    /// `None`: either.
    pub(super) direction: Option<Direction>,
    pub(super) is_plain: bool,
    pub(super) since: Duration,
    pub(super) lost_since: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct ProducerState {
    pub(crate) kind: MediaKind,
    pub(crate) source: Source,
    pub(crate) is_paused: bool,
    /// Codecs as receivers get them.
    pub(crate) consumable_codecs: Value,
    /// Ticks for which it has been paused, up to [`RESTING_AFTER`].
    pub(super) paused_ticks: u8,
    /// The last volume that was not silence, in dBvo.
    pub(super) volume: Option<i8>,
    /// When packets stopped arriving, as far as the room knows; the start, until the first one arrives.
    pub(super) silent_since: Option<Duration>,
    /// The layers that its receivers want.
    pub(super) demand: Demand,
}

#[derive(Debug)]
pub(crate) struct ConsumerState {
    pub(super) transport: TransportId,
    pub(super) producer: ProducerId,
    pub(super) score: ConsumerScore,
    /// What the receiver does with it.
    pub(super) wanted: Wanted,
}

/// Number of media plane objects of a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MediaCounts {
    pub(crate) transports: usize,
    pub(crate) producers: usize,
    pub(crate) consumers: usize,
}

impl PeerTracks {
    pub(super) fn new(connection: ConnectionId, replicas: usize) -> Self {
        Self {
            connection,
            transports: BTreeMap::new(),
            producers: BTreeMap::new(),
            consumers: BTreeMap::new(),
            declined: BTreeSet::new(),
            replicas,
            is_prepared: false,
            watched: Vec::new(),
            announced: Sends::default(),
            has_connected: false,
        }
    }

    pub(super) fn counts(&self) -> MediaCounts {
        MediaCounts {
            transports: self.transports.len(),
            producers: self.producers.len(),
            consumers: self.consumers.len(),
        }
    }

    /// The newest transport of a direction: an older one may be left from a failed attempt.
    pub(super) fn transport(&self, direction: Direction) -> Option<&TransportId> {
        let of_direction = self.transports.iter().filter(|(_, state)| state.direction == Some(direction));
        of_direction.max_by_key(|(_, state)| state.since).map(|(id, _)| id)
    }

    /// The sources of its producers that are not paused.
    pub(super) fn sends(&self) -> Sends {
        let has = |needed| {
            let is_it = |producer: &ProducerState| !producer.is_paused && producer.needs() == needed;
            self.producers.values().any(is_it)
        };
        Sends { audio: has(PublishSource::Audio), video: has(PublishSource::Video), share: has(PublishSource::Share) }
    }

    /// Consumers that it has of every producer.
    pub(super) fn copies(&self) -> usize {
        1 + self.replicas
    }
}

impl ConsumerState {
    pub(super) fn new(transport: TransportId, producer: ProducerId, score: ConsumerScore) -> Self {
        Self { transport, producer, score, wanted: Wanted::default() }
    }
}

impl ProducerState {
    pub(super) fn new(kind: MediaKind, source: Source, created: CreatedProducer, now: Duration) -> Self {
        let CreatedProducer { consumable_codecs, layers, paused, .. } = created;
        Self {
            kind,
            source,
            is_paused: paused,
            consumable_codecs,
            paused_ticks: 0,
            volume: None,
            silent_since: Some(now),
            demand: Demand::new(layers),
        }
    }

    pub(super) fn is_audio(&self) -> bool {
        self.kind == MediaKind::Audio
    }

    pub(super) fn is_share(&self) -> bool {
        self.source == Source::Screensharing
    }

    /// The permission that it needs, which is also how the others see it.
    pub(crate) fn needs(&self) -> PublishSource {
        needed_for(self.kind, self.source)
    }

    /// Whether its packets arrive, according to the last score.
    pub(super) fn is_active(&self) -> bool {
        !self.is_paused && self.silent_since.is_none()
    }

    /// Whether it has been paused for so long that others come first. A short pause changes nothing.
    pub(super) fn is_resting(&self) -> bool {
        self.paused_ticks >= RESTING_AFTER
    }

    /// A tick has passed; returns whether the stream is resting from now on.
    pub(super) fn note_tick(&mut self) -> bool {
        let was_resting = self.is_resting();
        self.paused_ticks = if self.is_paused { RESTING_AFTER.min(self.paused_ticks + 1) } else { 0 };
        self.is_resting() && !was_resting
    }
}
