//! One participant of a room: what it said of itself and what it owns.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use convene_protocol::admission::{ParticipantGrant, PublishGrant};
use convene_protocol::message::{
    Channel, ConsumerRef, ConsumerScore, Device, Direction, MediaKind, PeerInfo, PublishSource, Sends,
    ServerNotification, Source,
};
use serde_json::Value;

use super::Effects;
use super::effect::Operation;
use super::ids::{ConnectionId, ConsumerId, DataConsumerId, DataProducerId, PeerId, ProducerId, TransportId};
use super::presence::Presence;
use super::rights::needed_for;
use crate::rate::{Rate, TokenBucket};

/// Messages of up to 1 KiB that a participant may send to everybody: by signaling and on all its data channels together.
pub(super) const CHAT_RATE: Rate = Rate { per_second: 30, burst: 150 };

/// Ticks, which are seconds, after which a paused stream rests.
const RESTED: u8 = 10;

/// One participant.
#[allow(clippy::struct_excessive_bools, reason = "each says something else")]
#[derive(Debug)]
pub(super) struct Peer {
    /// Its WebSocket; for a broadcaster the HTTP call by which it came in.
    pub(super) connection: ConnectionId,
    pub(super) is_broadcaster: bool,
    /// What it may do, and as whom; as its token says and moderators have changed it.
    pub(super) grant: ParticipantGrant,
    /// Who it provably is, as [`ParticipantGrant::person`] says it.
    pub(super) person: Option<String>,
    pub(super) hand_raised: bool,
    /// What it may still say, by signaling and on data channels together.
    pub(super) chat_rate: TokenBucket,
    /// Since when its data channels are paused, if they are.
    pub(super) throttled: Option<Duration>,
    /// When it last showed a reaction.
    pub(super) reacted: Option<Duration>,
    pub(super) arrival: Arrival,
    pub(super) since: Duration,
    /// When a broadcaster's script last called.
    pub(super) called: Duration,
    /// Since when its media has had a way, once it had one.
    pub(super) media_since: Option<Duration>,
    /// Further copies that it wants of every consumer.
    pub(super) replicas: usize,
    /// Gets chat messages by signaling.
    pub(super) follows_chat: bool,
    /// How the room speaks for it.
    pub(super) voice: Voice,
    /// When it was last told of its bandwidth.
    pub(super) bandwidth_told: Option<Duration>,
    /// A broadcaster's, from its entry; a participant's is in [`Joined`].
    pub(super) entry: Option<Joined>,
    /// Set by `join`.
    pub(super) joined: Option<Joined>,
    pub(super) presence: Presence,
    /// What the others were told that it sends.
    pub(super) sends_told: Sends,
    /// Whom the client looks at, the most wanted first.
    pub(super) watched: Vec<PeerId>,
    /// Consumers of its that are being made.
    pub(super) in_making: usize,
    /// Producers that it cannot or does not want to receive.
    pub(super) declined: BTreeSet<ProducerId>,
    /// Newer clients get statistics in an object, older ones bare.
    pub(super) wraps_stats: bool,
    pub(super) transports: BTreeMap<TransportId, TransportState>,
    pub(super) producers: BTreeMap<ProducerId, ProducerState>,
    pub(super) consumers: BTreeMap<ConsumerId, ConsumerState>,
    pub(super) data_producers: BTreeMap<DataProducerId, Channel>,
    /// By whose messages they bring; `None` for the bot's.
    pub(super) data_consumers: BTreeMap<DataConsumerId, Option<DataProducerId>>,
    /// Requests to the client that wait for their answer.
    pub(super) offers: BTreeMap<u64, Offer>,
    next_offer: u64,
}

/// How a participant has come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// For the first time, as far as is known.
    New,
    /// It was in on another connection: a lock does not keep it out.
    Back,
}

/// What a participant said when it joined.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) display_name: String,
    pub(super) device: Device,
    /// `None`: receives nothing.
    pub(super) rtp_capabilities: Option<Value>,
}

/// How the room says in the chat what a participant without data channels has to say.
#[derive(Debug, Default)]
pub(super) enum Voice {
    /// Not asked for yet.
    #[default]
    None,
    /// Being made or offered to the others; what is to be said waits.
    Tuning { producer: Option<DataProducerId>, waiting: Vec<String> },
    /// The others hear it.
    Heard(DataProducerId),
}

impl Voice {
    pub(super) fn producer(&self) -> Option<&DataProducerId> {
        match self {
            Self::None => None,
            Self::Tuning { producer, .. } => producer.as_ref(),
            Self::Heard(producer) => Some(producer),
        }
    }
}

#[derive(Debug)]
pub(super) struct TransportState {
    /// `None`: either.
    pub(super) direction: Option<Direction>,
    pub(super) is_plain: bool,
    pub(super) since: Duration,
    pub(super) lost_since: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct ProducerState {
    pub(super) kind: MediaKind,
    pub(super) source: Source,
    pub(super) is_paused: bool,
    /// Ticks for which it has been paused, up to [`RESTED`].
    pub(super) rest: u8,
    /// Codecs as receivers get them.
    pub(super) consumable_codecs: Value,
    /// How loud it was when somebody last was, in dBvo.
    pub(super) volume: Option<i8>,
    /// Since when nothing has come, as far as that is known; from the start until something comes.
    pub(super) silent_since: Option<Duration>,
}

impl ProducerState {
    pub(super) fn is_audio(&self) -> bool {
        self.kind == MediaKind::Audio
    }

    /// Whether it has been paused for so long that others come first. A pause of a moment takes it from nobody.
    pub(super) fn is_resting(&self) -> bool {
        self.rest >= RESTED
    }

    /// A tick has passed; whether it rests from now on.
    pub(super) fn note_tick(&mut self) -> bool {
        let rested = self.is_resting();
        self.rest = if self.is_paused { RESTED.min(self.rest + 1) } else { 0 };
        self.is_resting() && !rested
    }

    pub(super) fn is_share(&self) -> bool {
        self.source == Source::Screensharing
    }

    /// What others take it for: the right that it needs.
    fn shows_as(&self) -> PublishSource {
        needed_for(self.kind, self.source)
    }
}

#[derive(Debug)]
pub(super) struct ConsumerState {
    pub(super) transport: TransportId,
    pub(super) producer: ProducerId,
    pub(super) score: ConsumerScore,
}

/// What was offered to the client.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Offered {
    Consumer(ConsumerId),
    DataConsumer(DataConsumerId),
}

/// An offer that waits for its answer.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) offered: Offered,
    pub(super) since: Duration,
}

impl Peer {
    pub(super) fn new(connection: ConnectionId, grant: ParticipantGrant, replicas: usize, now: Duration) -> Self {
        Self {
            connection,
            is_broadcaster: false,
            person: grant.person(),
            grant,
            chat_rate: TokenBucket::full(CHAT_RATE),
            throttled: None,
            hand_raised: false,
            reacted: None,
            arrival: Arrival::New,
            since: now,
            called: now,
            media_since: None,
            replicas,
            follows_chat: false,
            voice: Voice::None,
            bandwidth_told: None,
            entry: None,
            joined: None,
            presence: Presence::default(),
            sends_told: Sends::default(),
            watched: Vec::new(),
            in_making: 0,
            declined: BTreeSet::new(),
            wraps_stats: false,
            transports: BTreeMap::new(),
            producers: BTreeMap::new(),
            consumers: BTreeMap::new(),
            data_producers: BTreeMap::new(),
            data_consumers: BTreeMap::new(),
            offers: BTreeMap::new(),
            next_offer: 1,
        }
    }

    pub(super) fn broadcaster(connection: ConnectionId, grant: ParticipantGrant, entry: Joined, now: Duration) -> Self {
        Self { is_broadcaster: true, entry: Some(entry), ..Self::new(connection, grant, 0, now) }
    }

    /// Its data channels; the room speaks for it on one of its own.
    pub(super) fn own_data_producers(&self) -> Vec<DataProducerId> {
        let voice = self.voice.producer();
        self.data_producers.keys().filter(|producer| Some(*producer) != voice).cloned().collect()
    }

    /// Whether others are told of it.
    pub(super) fn is_seen(&self) -> bool {
        self.joined.is_some() && !self.grant.hidden
    }

    /// Whether it counts as a participant once it has joined.
    pub(super) fn takes_seat(&self) -> bool {
        !self.is_broadcaster && takes_seat(&self.grant)
    }

    /// Whether it may admit, mute, remove and end. Scripts may not.
    pub(super) fn moderates(&self) -> bool {
        self.grant.moderator && !self.is_broadcaster
    }

    /// What others are told of this participant, once it has joined. `publish` is what it may send, all things considered.
    pub(super) fn info(&self, id: &PeerId, publish: PublishGrant) -> Option<PeerInfo> {
        self.joined.as_ref().filter(|_| self.is_seen()).map(|joined| PeerInfo {
            peer_id: id.0.clone(),
            id: id.0.clone(),
            display_name: joined.display_name.clone(),
            device: joined.device.clone(),
            remote_address: String::new(),
            moderator: self.grant.moderator,
            guest: self.grant.identity.is_none(),
            recorder: self.grant.recorder,
            hand_raised: self.hand_raised,
            publish,
            sends: self.sends(),
            connected: !self.presence.is_lost,
        })
    }

    /// What it sends now.
    pub(super) fn sends(&self) -> Sends {
        let has = |needed| {
            let is_it = |producer: &ProducerState| !producer.is_paused && producer.shows_as() == needed;
            self.producers.values().any(is_it)
        };
        Sends { audio: has(PublishSource::Audio), video: has(PublishSource::Video), share: has(PublishSource::Share) }
    }

    /// The newest transport of a direction: an older one may be what a failed attempt left.
    pub(super) fn transport(&self, direction: Direction) -> Option<&TransportId> {
        let of_direction = self.transports.iter().filter(|(_, state)| state.direction == Some(direction));
        of_direction.max_by_key(|(_, state)| state.since).map(|(id, _)| id)
    }

    /// Notes an offer and gives the id of its request.
    pub(super) fn offer(&mut self, offered: Offered, now: Duration) -> u64 {
        let id = self.next_offer;
        self.next_offer += 1;
        self.offers.insert(id, Offer { offered, since: now });
        id
    }

    /// Whether the room chooses what it is sent.
    pub(super) fn receives(&self) -> bool {
        let can = self.joined.as_ref().is_some_and(|joined| joined.rtp_capabilities.is_some());
        can && !self.is_broadcaster && self.grant.subscribe && self.transport(Direction::Consumer).is_some()
    }

    /// Consumers that it has of every producer.
    pub(super) fn copies(&self) -> usize {
        1 + self.replicas
    }

    /// Ends what it receives of some producers, and tells it.
    pub(super) fn drop_consumers(
        &mut self,
        is_meant: impl Fn(&ConsumerId, &ProducerId) -> bool,
        effects: &mut Effects,
    ) {
        let connection = self.connection;
        for (consumer, _) in self.consumers.extract_if(.., |id, consumer| is_meant(id, &consumer.producer)) {
            self.offers.retain(|_, offer| offer.offered != Offered::Consumer(consumer.clone()));
            let told = ConsumerRef { consumer_id: consumer.0.clone() };
            effects.tell(connection, ServerNotification::ConsumerClosed(told));
            effects.run(Operation::CloseConsumer(consumer));
        }
    }

    /// Forgets what was offered and is not wanted; gives the operation that drops it.
    pub(super) fn drop_offered(&mut self, offered: Offered) -> Operation {
        match offered {
            Offered::Consumer(consumer) => {
                self.declined.extend(self.consumers.remove(&consumer).map(|state| state.producer));
                Operation::CloseConsumer(consumer)
            }
            Offered::DataConsumer(consumer) => {
                self.data_consumers.remove(&consumer);
                Operation::CloseDataConsumer(consumer)
            }
        }
    }

    /// Whether it has joined, or had on an earlier connection.
    pub(super) fn belongs(&self) -> bool {
        self.joined.is_some() || self.arrival == Arrival::Back
    }

    /// Since when a broadcaster has neither sent nor received nor called, if so.
    pub(super) fn idle_since(&self) -> Option<Duration> {
        let is_busy = !self.consumers.is_empty() || !self.data_consumers.is_empty() || !self.data_producers.is_empty();
        if is_busy {
            return None;
        }
        let mut latest = self.called;
        for producer in self.producers.values() {
            latest = latest.max(producer.silent_since?);
        }
        Some(latest)
    }

    /// Since when media has found no way, if so.
    pub(super) fn lost_since(&self) -> Option<Duration> {
        self.transports.values().filter_map(|state| state.lost_since).min()
    }
}

/// Who is hidden or records counts as nobody.
pub(super) fn takes_seat(grant: &ParticipantGrant) -> bool {
    !grant.hidden && !grant.recorder
}
