//! The state of a room: its owners, and what of it is passed to the next room of the same meeting.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use convene_protocol::admin::RoomSettings;
use convene_protocol::handover::{RoomMemory, SnapshotModeration, SnapshotPerson};
use convene_protocol::message::{RoomState, ServerNotification};
use serde_json::Value;

use super::audience::Audience;
use super::broadcasters::Broadcasters;
use super::chat::Chat;
use super::data::DataChannels;
use super::early::EarlyEvents;
use super::interface::ids::PeerId;
use super::interface::limits::Limits;
use super::interface::settings::MeetingSettings;
use super::memory::{Arrived, Interrupted, Snapshot, person_of};
use super::moderation::Moderation;
use super::moving::Moving;
use super::people::capabilities::KnownCapabilities;
use super::people::lobby::Lobby;
use super::people::pending::Pending;
use super::people::prepared::Prepared;
use super::people::seats::Seats;
use super::tracks::Tracks;

/// One meeting's room on this pod.
#[derive(Debug)]
pub struct Room {
    pub(super) limits: Limits,
    pub(super) settings: MeetingSettings,
    /// mediasoup's `RtpCapabilities` of the room's router.
    pub(super) capabilities: Arc<Value>,
    /// Those of the participants.
    pub(super) known_capabilities: KnownCapabilities,
    /// Version of mediasoup.
    pub(super) version: String,
    pub(super) seats: Seats,
    pub(super) audience: Audience,
    pub(super) lobby: Lobby,
    pub(super) pending: Pending,
    pub(super) prepared: Prepared,
    pub(super) moderation: Moderation,
    pub(super) chat: Chat,
    pub(super) tracks: Tracks,
    pub(super) data: DataChannels,
    pub(super) broadcasters: Broadcasters,
    pub(super) early: EarlyEvents,
    /// When the last tick was.
    pub(super) last_tick: Duration,
    pub(super) empty_since: Option<Duration>,
    pub(super) ending: Ending,
    /// While the meeting moves to another pod.
    pub(super) moving: Option<Moving>,
    /// The move with which the room's state has come to this pod.
    pub(super) restored: Option<String>,
}

/// Identifies the state of a room that must survive its pod. Equal values stand for equal states of one room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Essence {
    decisions: u64,
    /// Absent if there are none, or it does not matter who returns.
    people: Option<u64>,
}

/// How a room ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    /// The meeting is over: nothing is passed on.
    Over,
    /// The meeting is on another pod, with all that the room knew: nothing is passed on.
    Elsewhere,
    /// No participants were left: the chat is not for later ones.
    Empty,
    /// The room was interrupted, and its participants will reconnect.
    #[default]
    Interrupted,
}

impl Room {
    /// An empty room. Every later `now` is the time since this moment, which is `opened_at` milliseconds after 1970. `snapshot` is
    /// from an earlier room of the same meeting.
    pub fn new(
        limits: Limits,
        settings: MeetingSettings,
        capabilities: impl Into<Arc<Value>>,
        version: String,
        opened_at: u64,
        snapshot: Option<Snapshot>,
    ) -> Self {
        let returning_until = settings.returning.filter(|_| snapshot.is_none());
        let awaits_backup = settings.has_backup && snapshot.is_none();
        let mut room = Self {
            seats: Seats::new(limits.clone()),
            audience: Audience::default(),
            lobby: Lobby::new(&limits),
            pending: Pending::new(limits.unjoined, returning_until, awaits_backup),
            prepared: Prepared::new(&limits),
            moderation: Moderation::default(),
            chat: Chat::new(limits.chat_messages, opened_at),
            tracks: Tracks::new(opened_at, limits.clone()),
            data: DataChannels::new(limits.clone()),
            broadcasters: Broadcasters::new(limits.broadcasters),
            early: EarlyEvents::default(),
            limits,
            settings,
            capabilities: capabilities.into(),
            known_capabilities: KnownCapabilities::default(),
            version,
            last_tick: Duration::ZERO,
            empty_since: Some(Duration::ZERO),
            ending: Ending::default(),
            moving: None,
            restored: None,
        };
        if let Some(snapshot) = snapshot {
            room.restore(snapshot, Duration::ZERO);
        }
        room
    }

    /// The state for the next room of the meeting; nothing if the meeting is over. `is_broken`: a panic has ended the room.
    pub fn snapshot(&self, is_broken: bool) -> Option<Snapshot> {
        let ending = if is_broken { Ending::Interrupted } else { self.ending };
        // A room that still waits for the earlier state must not replace it.
        if matches!(ending, Ending::Over | Ending::Elsewhere) || self.pending.awaits_backup() {
            return None;
        }
        let interrupted = (ending == Ending::Interrupted)
            .then(|| Interrupted { history: self.chat.history().clone(), participants: self.seats.traces() });
        Some(Snapshot { moderation: self.moderation.clone(), interrupted, arrived: None })
    }

    /// Continues with the state of an earlier room, of which no client is here yet.
    pub(super) fn restore(&mut self, snapshot: Snapshot, now: Duration) {
        let Snapshot { moderation, interrupted, arrived } = snapshot;
        self.moderation = moderation.restarted(now);
        let left_at = now.saturating_add(arrived.as_ref().map_or(Duration::ZERO, |arrived| arrived.returning));
        if let Some(Interrupted { history, participants }) = interrupted {
            self.chat.restore(history);
            self.seats.restore(participants, left_at);
        }
        if let Some(Arrived { id, lobby, speakers, .. }) = arrived {
            self.lobby.expect(lobby, left_at);
            self.tracks.restore_speakers(speakers);
            self.restored = Some(id);
            self.empty_since = Some(left_at);
        }
    }

    /// The state that concerns people, for another pod.
    pub(super) fn memory(&self) -> RoomMemory {
        RoomMemory {
            people: self.seats.traces().into_iter().map(person_of).collect(),
            lobby: self.lobby.memory(),
            moderation: self.moderation.memory(),
            chat: self.chat.history().memory(),
            speakers: self.tracks.speakers().map(|id| id.0.clone()).collect(),
        }
    }

    /// The part of it that must survive a crash of the pod: decisions of moderators, and the people to whom the lock or the lobby does not
    /// apply when they return.
    pub(super) fn essential_memory(&self) -> RoomMemory {
        let people = if self.is_guarded() { self.seats.recognized() } else { Vec::new() };
        let person = |(id, person): (&PeerId, Option<&str>)| SnapshotPerson {
            peer_id: id.0.clone(),
            person: person.map(str::to_owned),
            address: None,
            hand_raised: false,
        };
        RoomMemory {
            people: people.into_iter().map(person).collect(),
            // Suspicion by address lasts for minutes only.
            moderation: SnapshotModeration { addresses: Vec::new(), ..self.moderation.memory() },
            ..RoomMemory::default()
        }
    }

    /// Identifies the decisions and people that a backup would contain now. The default means that there is nothing in it.
    pub fn essence(&self) -> Essence {
        let people = if self.is_guarded() { self.seats.recognized() } else { Vec::new() };
        let people = (!people.is_empty()).then(|| hash_of(&people));
        Essence { decisions: self.moderation.version(), people }
    }

    /// Whether the room knows newcomers from people who return.
    fn is_guarded(&self) -> bool {
        self.is_locked() || self.moderation.has_lobby()
    }

    /// Participants who have joined; broadcasters, recorders and hidden participants do not count.
    pub fn participants(&self) -> usize {
        self.seats.participants()
    }

    /// Whether a client with that id is in the room, joined or not, or in its lobby.
    pub fn has(&self, id: &PeerId) -> bool {
        self.seats.contains(id) || self.lobby.contains(id)
    }

    /// The version of what participants send.
    pub fn streams_version(&self) -> u64 {
        self.tracks.streams_version()
    }

    /// The people who are in the room or have just left, as the operator knows them, if the meeting itself is locked: they may rejoin
    /// after a move.
    pub fn people_of_a_locked_meeting(&self) -> Vec<String> {
        if self.settings.is_locked { self.seats.people() } else { Vec::new() }
    }

    /// The current settings of the meeting.
    pub fn settings(&self) -> RoomSettings {
        RoomSettings {
            title: self.settings.title.clone(),
            max_participants: u32::try_from(self.limits.peers).unwrap_or(u32::MAX),
            empty_timeout_seconds: self.limits.empty_timeout.as_secs(),
            locked: self.settings.is_locked,
        }
    }

    /// Applies new settings. Participants who are in the room stay, whatever the settings.
    pub(super) fn set_settings(&mut self, settings: RoomSettings) {
        let RoomSettings { title, max_participants, empty_timeout_seconds, locked } = settings;
        self.settings.title = title;
        self.settings.is_locked = locked;
        self.limits = self.limits.clone().for_people(max_participants as usize);
        self.limits.empty_timeout = Duration::from_secs(empty_timeout_seconds);
        self.seats.set_limits(self.limits.clone());
        self.tracks.set_limits(self.limits.clone());
        self.data.set_limits(self.limits.clone());
    }

    /// Locked by the meeting or by a moderator.
    pub(super) fn is_locked(&self) -> bool {
        self.settings.is_locked || self.moderation.is_locked()
    }

    /// The state of the room as participants see it.
    pub(super) fn state(&self) -> ServerNotification {
        let (locked, lobby) = (self.is_locked(), self.moderation.has_lobby());
        ServerNotification::RoomState(RoomState { title: self.settings.title.clone(), locked, lobby })
    }
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
